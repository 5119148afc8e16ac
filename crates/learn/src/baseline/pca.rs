//! Principal components: what the main directions of normal rows do not explain of a row.

use super::{Error, Inputs, dot, tensor};
use crate::detector::Tensors;
use crate::random::Random;

/// Rows that the directions are found from.
const SAMPLE: usize = 20_000;
/// The directions explain this share of the variance.
const EXPLAINED: f64 = 0.95;
/// Rounds of Jacobi's method: it converges within ten.
const SWEEPS: usize = 12;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Pca {
    mean: Vec<f32>,
    /// Direction after direction.
    directions: Vec<f32>,
}

impl Pca {
    pub(super) fn fit(inputs: &Inputs, random: &mut Random) -> Self {
        let all: Vec<usize> = (0..inputs.len()).collect();
        let rows = random.some(&all, SAMPLE);
        let width = inputs.width;
        let mut mean = vec![0.0_f64; width];
        for row in &rows {
            for (sum, value) in mean.iter_mut().zip(inputs.row(*row)) {
                *sum += f64::from(*value) / rows.len() as f64;
            }
        }
        let (values, vectors) = eigen(covariance(inputs, &rows, &mean), width);
        let mut order: Vec<usize> = (0..width).collect();
        order.sort_by(|a, b| values[*b].total_cmp(&values[*a]));
        let total: f64 = values.iter().map(|value| value.max(0.0)).sum();
        let mut explained = 0.0;
        let mut directions = Vec::new();
        for at in order {
            if explained >= EXPLAINED * total {
                break;
            }
            explained += values[at].max(0.0);
            directions.extend((0..width).map(|row| vectors[row * width + at] as f32));
        }
        Pca {
            mean: mean.iter().map(|value| *value as f32).collect(),
            directions,
        }
    }

    /// The logarithm of the squared distance from the directions.
    pub(super) fn score(&self, inputs: &[f32]) -> f32 {
        let centred: Vec<f32> = inputs.iter().zip(&self.mean).map(|(a, b)| a - b).collect();
        let mut rest = centred.clone();
        for direction in self.directions.chunks_exact(self.mean.len().max(1)) {
            let along = dot(direction, &centred);
            for (rest, part) in rest.iter_mut().zip(direction) {
                *rest -= along * part;
            }
        }
        dot(&rest, &rest).ln_1p()
    }

    pub(super) fn to_tensors(&self) -> Tensors {
        Tensors::from([
            ("mean".to_owned(), self.mean.clone()),
            ("directions".to_owned(), self.directions.clone()),
        ])
    }

    pub(super) fn from_tensors(width: usize, tensors: &Tensors) -> Result<Self, Error> {
        let mean = tensor(tensors, "mean")?.to_vec();
        let directions = tensor(tensors, "directions")?.to_vec();
        if mean.len() != width {
            return Err(Error::Tensor("mean"));
        }
        match directions.len().is_multiple_of(width.max(1)) {
            true => Ok(Pca { mean, directions }),
            false => Err(Error::Tensor("directions")),
        }
    }
}

fn covariance(inputs: &Inputs, rows: &[usize], mean: &[f64]) -> Vec<f64> {
    let width = inputs.width;
    let mut sums = vec![0.0_f64; width * width];
    let mut centred = vec![0.0_f64; width];
    for row in rows {
        for ((slot, value), mean) in centred.iter_mut().zip(inputs.row(*row)).zip(mean) {
            *slot = f64::from(*value) - mean;
        }
        for (line, a) in sums.chunks_exact_mut(width.max(1)).zip(&centred) {
            if *a == 0.0 {
                continue;
            }
            for (sum, b) in line.iter_mut().zip(&centred) {
                *sum += a * b;
            }
        }
    }
    let count = rows.len().max(1) as f64;
    sums.iter().map(|sum| sum / count).collect()
}

/// Eigenvalues, and the eigenvectors as columns, of a symmetric matrix, by C. G. J. Jacobi's rotations
/// (G. H. Golub and C. F. Van Loan, "Matrix Computations", section 8.5).
#[allow(clippy::many_single_char_names)]
fn eigen(matrix: Vec<f64>, n: usize) -> (Vec<f64>, Vec<f64>) {
    let mut a = matrix;
    let mut vectors = vec![0.0; n * n];
    for at in 0..n {
        vectors[at * n + at] = 1.0;
    }
    let scale: f64 = a.iter().map(|value| value * value).sum::<f64>().sqrt();
    for _ in 0..SWEEPS {
        let mut largest = 0.0_f64;
        for p in 0..n {
            for q in p + 1..n {
                let off = a[p * n + q];
                largest = largest.max(off.abs());
                if off.abs() <= 1e-14 * scale {
                    continue;
                }
                let theta = (a[q * n + q] - a[p * n + p]) / (2.0 * off);
                let t = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
                let c = 1.0 / (t * t + 1.0).sqrt();
                let s = t * c;
                for k in 0..n {
                    let (kp, kq) = (a[k * n + p], a[k * n + q]);
                    a[k * n + p] = c * kp - s * kq;
                    a[k * n + q] = s * kp + c * kq;
                }
                for k in 0..n {
                    let (pk, qk) = (a[p * n + k], a[q * n + k]);
                    a[p * n + k] = c * pk - s * qk;
                    a[q * n + k] = s * pk + c * qk;
                    let (vp, vq) = (vectors[k * n + p], vectors[k * n + q]);
                    vectors[k * n + p] = c * vp - s * vq;
                    vectors[k * n + q] = s * vp + c * vq;
                }
            }
        }
        if largest <= 1e-12 * scale {
            break;
        }
    }
    ((0..n).map(|at| a[at * n + at]).collect(), vectors)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eigenvectors_make_the_matrix_again() {
        let matrix = vec![4.0, 1.0, 0.5, 1.0, 3.0, -1.0, 0.5, -1.0, 2.0];
        let (values, vectors) = eigen(matrix.clone(), 3);
        for row in 0..3 {
            for column in 0..3 {
                let part =
                    |at: usize| vectors[row * 3 + at] * values[at] * vectors[column * 3 + at];
                let sum: f64 = (0..3).map(part).sum();
                assert!((sum - matrix[row * 3 + column]).abs() < 1e-9);
            }
        }
    }
}
