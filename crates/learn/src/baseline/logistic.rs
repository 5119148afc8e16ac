//! Logistic regression, by stochastic gradients with momentum and a falling rate.

use super::{Error, Inputs, dot, tensor};
use crate::detector::Tensors;
use crate::random::Random;

/// Passes over the rows.
const EPOCHS: usize = 12;
/// Rows of a step.
const BATCH: usize = 128;
/// The first rate; it falls to nothing in a straight line.
const RATE: f32 = 0.1;
/// How much of a step goes into the next.
const MOMENTUM: f32 = 0.9;
/// Pulls weights to zero.
const DECAY: f32 = 1e-4;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Logistic {
    weights: Vec<f32>,
    bias: f32,
}

impl Logistic {
    pub(super) fn fit(inputs: &Inputs, random: &mut Random) -> Self {
        let width = inputs.width;
        let mut model = Logistic {
            weights: vec![0.0; width],
            bias: 0.0,
        };
        let mut speed = vec![0.0_f32; width + 1];
        let mut gradient = vec![0.0_f32; width + 1];
        let mut order: Vec<usize> = (0..inputs.len()).collect();
        let steps = (EPOCHS * order.len().div_ceil(BATCH)).max(1);
        let mut step = 0;
        for _ in 0..EPOCHS {
            random.shuffle(&mut order);
            for batch in order.chunks(BATCH) {
                model.gradient(inputs, batch, &mut gradient);
                let rate = RATE * (1.0 - step as f32 / steps as f32);
                for (speed, gradient) in speed.iter_mut().zip(&gradient) {
                    *speed = MOMENTUM * *speed - rate * gradient;
                }
                model.step(&speed);
                step += 1;
            }
        }
        model
    }

    /// The mean gradient of a batch, the bias last.
    fn gradient(&self, inputs: &Inputs, batch: &[usize], into: &mut [f32]) {
        into.fill(0.0);
        let share = 1.0 / batch.len().max(1) as f32;
        let Some((bias, weights)) = into.split_last_mut() else {
            return;
        };
        for row in batch {
            let values = inputs.row(*row);
            let is_attack = inputs.is_attack.get(*row).copied().unwrap_or_default();
            let error = sigmoid(self.score(values)) - f32::from(u8::from(is_attack));
            for (sum, value) in weights.iter_mut().zip(values) {
                *sum += share * error * value;
            }
            *bias += share * error;
        }
        for (sum, weight) in weights.iter_mut().zip(&self.weights) {
            *sum += DECAY * weight;
        }
    }

    fn step(&mut self, speed: &[f32]) {
        if let Some((bias, weights)) = speed.split_last() {
            for (weight, by) in self.weights.iter_mut().zip(weights) {
                *weight += by;
            }
            self.bias += bias;
        }
    }

    /// The logarithm of the odds.
    pub(super) fn score(&self, inputs: &[f32]) -> f32 {
        dot(&self.weights, inputs) + self.bias
    }

    pub(super) fn to_tensors(&self) -> Tensors {
        Tensors::from([
            ("weights".to_owned(), self.weights.clone()),
            ("bias".to_owned(), vec![self.bias]),
        ])
    }

    pub(super) fn from_tensors(width: usize, tensors: &Tensors) -> Result<Self, Error> {
        let weights = tensor(tensors, "weights")?.to_vec();
        let [bias] = *tensor(tensors, "bias")? else {
            return Err(Error::Tensor("bias"));
        };
        match weights.len() == width {
            true => Ok(Logistic { weights, bias }),
            false => Err(Error::Tensor("weights")),
        }
    }
}

pub(super) fn sigmoid(value: f32) -> f32 {
    1.0 / (1.0 + (-value).exp())
}
