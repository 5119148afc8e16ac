//! Steps downhill: Adam with its weight decay apart.

use serde::{Deserialize, Serialize};

use super::Net;

/// Share of the old mean of gradients that is kept.
const MEAN_KEPT: f32 = 0.9;
/// Share of the old mean of squared gradients that is kept.
const SQUARE_KEPT: f32 = 0.999;
/// Against a division by nothing.
const TINY: f32 = 1e-8;
/// A gradient longer than this is cut to it: one odd batch must not throw the weights far away.
const MAX_NORM: f32 = 2.0;

/// `AdamW` (I. Loshchilov and F. Hutter, "Decoupled Weight Decay Regularization", 2019, algorithm 2).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Adam {
    /// Steps taken.
    pub steps: i32,
    /// Means of the gradients, as the weights are arranged.
    pub mean: Vec<Vec<f32>>,
    /// Means of their squares.
    pub square: Vec<Vec<f32>>,
}

impl Adam {
    /// Before the first step.
    #[must_use]
    pub fn new(net: &Net) -> Self {
        let zeros: Vec<Vec<f32>> = net
            .weights
            .iter()
            .map(|part| vec![0.0; part.len()])
            .collect();
        Adam {
            steps: 0,
            mean: zeros.clone(),
            square: zeros,
        }
    }

    /// Moves the weights one step against their gradients. Biases do not decay.
    pub fn step(&mut self, net: &mut Net, gradients: &[Vec<f32>], rate: f32, decay: f32) {
        self.steps += 1;
        let squares = gradients.iter().flatten().map(|g| f64::from(g * g));
        #[allow(clippy::cast_possible_truncation)]
        let norm = squares.sum::<f64>().sqrt() as f32;
        let cut = if norm > MAX_NORM {
            MAX_NORM / norm
        } else {
            1.0
        };
        let mean_scale = 1.0 / (1.0 - MEAN_KEPT.powi(self.steps));
        let square_scale = 1.0 / (1.0 - SQUARE_KEPT.powi(self.steps));
        let parts = net.shape.parts();
        let arrays = net.weights.iter_mut().zip(gradients).zip(&parts);
        let moments = self.mean.iter_mut().zip(&mut self.square);
        for (((weights, gradients), part), (means, squares)) in arrays.zip(moments) {
            let shrink = if part.rows == 1 {
                1.0
            } else {
                1.0 - rate * decay
            };
            let each = weights.iter_mut().zip(gradients);
            for ((weight, gradient), (mean, square)) in each.zip(means.iter_mut().zip(squares)) {
                let gradient = gradient * cut;
                *mean = MEAN_KEPT * *mean + (1.0 - MEAN_KEPT) * gradient;
                *square = SQUARE_KEPT * *square + (1.0 - SQUARE_KEPT) * gradient * gradient;
                let size = (*square * square_scale).sqrt() + TINY;
                *weight = *weight * shrink - rate * *mean * mean_scale / size;
            }
        }
    }
}
