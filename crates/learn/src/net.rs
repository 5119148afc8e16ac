//! The net: a causal convolution over the window, an LSTM, and two heads.
//!
//! `[batch, places, inputs]` → convolution over three places → LSTM (S. Hochreiter and J. Schmidhuber, 1997, with
//! the forget gate of F. Gers et al., 2000) → its last state beside the convolution of the last flow. From these
//! the one head tells the class, the other goes through a narrow code and builds the last flow again: what it
//! builds badly is unusual. Places without a flow have no effect, however many there are.
//!
//! Weights are plain numbers, and Burn makes a graph of them for each step: so a checkpoint, a model file and two
//! equal runs need nothing but these numbers.

mod adam;
mod graph;

use serde::{Deserialize, Serialize};

pub use adam::Adam;
pub use graph::{Graph, Outputs, numbers};

use crate::detector::Tensors;
use crate::random::Random;

/// Places that the convolution sees: the flow and the two before it.
pub const KERNEL: usize = 3;
/// Widest layer that is allowed: beyond it a model gains nothing from flows and a file of it is no small thing.
pub const MAX_HIDDEN: usize = 1024;
/// Inputs of a place that are allowed.
pub const MAX_INPUTS: usize = 20_000;

/// The sizes of a net.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    /// Inputs of a place, [`crate::window::EXTRA`] among them.
    pub inputs: usize,
    /// Width of the convolution and of the heads.
    pub hidden: usize,
    /// Width of the LSTM.
    pub state: usize,
    /// Classes that are told apart; 0 where there is no such head.
    pub classes: usize,
    /// Width of the code that the last flow is built from; 0 where there is no such head.
    pub code: usize,
    /// Inputs that are built again: those of a flow.
    pub flow: usize,
}

/// One array of weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its name in a file.
    pub name: &'static str,
    /// Rows: what comes in.
    pub rows: usize,
    /// Columns: what goes out.
    pub columns: usize,
}

impl Shape {
    /// The arrays of weights, always in this order.
    #[must_use]
    pub fn parts(&self) -> Vec<Part> {
        let part = |name, rows, columns| Part {
            name,
            rows,
            columns,
        };
        let (width, state, gates) = (self.hidden, self.state, 4 * self.state);
        let mut parts = vec![
            part("convolution.weight", KERNEL * self.inputs, width),
            part("convolution.bias", 1, width),
            part("lstm.input", width, gates),
            part("lstm.state", state, gates),
            part("lstm.bias", 1, gates),
        ];
        if self.classes > 0 {
            parts.extend([
                part("class.hidden.weight", state + width, width),
                part("class.hidden.bias", 1, width),
                part("class.weight", width, self.classes),
                part("class.bias", 1, self.classes),
            ]);
        }
        if self.code > 0 {
            parts.extend([
                part("code.weight", state + width, self.code),
                part("code.bias", 1, self.code),
                part("build.hidden.weight", self.code, width),
                part("build.hidden.bias", 1, width),
                part("build.weight", width, self.flow),
                part("build.bias", 1, self.flow),
            ]);
        }
        parts
    }

    /// Whether the sizes are such as a net of ours has.
    #[must_use]
    pub fn is_sane(&self) -> bool {
        (1..=MAX_INPUTS).contains(&self.inputs)
            && (1..=MAX_HIDDEN).contains(&self.hidden)
            && (1..=MAX_HIDDEN).contains(&self.state)
            && self.classes <= crate::table::MAX_CLASSES + 1
            && self.code <= MAX_HIDDEN
            && self.flow <= self.inputs
    }
}

/// A net's sizes and weights.
#[derive(Clone, Debug, PartialEq)]
pub struct Net {
    /// Its sizes.
    pub shape: Shape,
    /// An array for each of [`Shape::parts`], row after row.
    pub weights: Vec<Vec<f32>>,
}

impl Net {
    /// Weights by chance, of the size that keeps the variance (X. Glorot and Y. Bengio, 2010); no bias, but the
    /// forget gates open.
    #[must_use]
    pub fn new(shape: Shape, random: &mut Random) -> Self {
        let parts = shape.parts();
        let weights = parts.iter().map(|part| {
            let count = part.rows * part.columns;
            match (part.rows, part.name) {
                (_, "lstm.bias") => (0..count)
                    .map(|at| f32::from(u8::from(at / shape.state == 1)))
                    .collect(),
                (1, _) => vec![0.0; count],
                _ => {
                    #[allow(clippy::cast_precision_loss)]
                    let size = (2.0 / (part.rows + part.columns) as f64).sqrt();
                    #[allow(clippy::cast_possible_truncation)]
                    let weights = (0..count).map(|_| (random.normal() * size) as f32);
                    weights.collect()
                }
            }
        });
        let weights = weights.collect();
        Net { shape, weights }
    }

    /// The arrays by name, each name behind `prefix`.
    #[must_use]
    pub fn to_tensors(&self, prefix: &str) -> Tensors {
        let parts = self.shape.parts();
        let named = parts.iter().zip(&self.weights);
        named
            .map(|(part, weights)| (format!("{prefix}.{}", part.name), weights.clone()))
            .collect()
    }

    /// The reverse of [`Net::to_tensors`]; the name of the first array that is missing or of another size
    /// otherwise.
    ///
    /// # Errors
    /// That name.
    pub fn from_tensors(shape: Shape, prefix: &str, tensors: &Tensors) -> Result<Self, String> {
        let each = |part: &Part| {
            let name = format!("{prefix}.{}", part.name);
            let found = tensors.get(&name).filter(|weights| {
                let count = part.rows.checked_mul(part.columns);
                count == Some(weights.len())
            });
            found.cloned().ok_or(name)
        };
        let weights = shape.parts().iter().map(each).collect::<Result<_, _>>()?;
        Ok(Net { shape, weights })
    }
}
