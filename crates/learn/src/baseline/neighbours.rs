//! k nearest neighbours in a bounded sample of the rows.

use super::{Error, Inputs, dot, tensor};
use crate::detector::Tensors;
use crate::random::Random;

/// Neighbours whose distances count.
const NEIGHBOURS: usize = 5;
/// Rows that are kept of each side: a score costs as many distances.
const SAMPLE: usize = 1_500;
/// Distances below this are alike; it keeps the logarithm of a row that is there itself finite.
const NEAR: f32 = 1e-3;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Neighbours {
    normal: Side,
    attacks: Side,
}

/// Rows with their squared lengths, so that a distance is one sum of products.
#[derive(Clone, Debug, PartialEq)]
struct Side {
    width: usize,
    rows: Vec<f32>,
    squares: Vec<f32>,
}

impl Side {
    fn new(width: usize, rows: Vec<f32>) -> Self {
        let squares = rows
            .chunks_exact(width.max(1))
            .map(|row| dot(row, row))
            .collect();
        Side {
            width,
            rows,
            squares,
        }
    }

    /// The mean distance to the nearest.
    fn distance(&self, inputs: &[f32], square: f32) -> f32 {
        let mut nearest = [f32::INFINITY; NEIGHBOURS];
        let rows = self.rows.chunks_exact(self.width.max(1));
        for (row, own) in rows.zip(&self.squares) {
            let mut distance = square + own - 2.0 * dot(row, inputs);
            for slot in &mut nearest {
                if distance < *slot {
                    std::mem::swap(slot, &mut distance);
                }
            }
        }
        let known = nearest.iter().filter(|distance| distance.is_finite());
        let count = known.clone().count().max(1) as f32;
        known.map(|distance| distance.max(0.0).sqrt()).sum::<f32>() / count
    }
}

impl Neighbours {
    pub(super) fn fit(inputs: &Inputs, random: &mut Random) -> Self {
        let mut side = |is_attack: bool| {
            let is_it =
                |row: &usize| inputs.is_attack.get(*row).copied().unwrap_or_default() == is_attack;
            let rows: Vec<usize> = (0..inputs.len()).filter(is_it).collect();
            let some = random.some(&rows, SAMPLE);
            let values = some.iter().flat_map(|row| inputs.row(*row)).copied();
            Side::new(inputs.width, values.collect())
        };
        Neighbours {
            normal: side(false),
            attacks: side(true),
        }
    }

    pub(super) fn knows_attacks(&self) -> bool {
        !self.attacks.rows.is_empty()
    }

    /// How much farther normal rows are than attacks; without attacks, how far they are.
    pub(super) fn score(&self, inputs: &[f32]) -> f32 {
        let square = dot(inputs, inputs);
        let normal = (self.normal.distance(inputs, square) + NEAR).ln();
        match self.knows_attacks() {
            true => normal - (self.attacks.distance(inputs, square) + NEAR).ln(),
            false => normal,
        }
    }

    pub(super) fn to_tensors(&self) -> Tensors {
        Tensors::from([
            ("normal".to_owned(), self.normal.rows.clone()),
            ("attacks".to_owned(), self.attacks.rows.clone()),
        ])
    }

    pub(super) fn from_tensors(width: usize, tensors: &Tensors) -> Result<Self, Error> {
        let side = |name| {
            let rows = tensor(tensors, name)?;
            match rows.len().is_multiple_of(width.max(1)) {
                true => Ok(Side::new(width, rows.to_vec())),
                false => Err(Error::Tensor(name)),
            }
        };
        Ok(Neighbours {
            normal: side("normal")?,
            attacks: side("attacks")?,
        })
    }
}
