//! Isolation forest: what random cuts set apart early is unusual.

use super::trees::{Node, Trees};
use super::{Error, Inputs};
use crate::detector::Tensors;
use crate::random::Random;

/// Trees and rows of each, as the authors found enough (F. T. Liu et al., "Isolation Forest", 2008).
const TREES: usize = 200;
const SAMPLE: usize = 256;
/// The height at which a tree of that many rows is as deep as the mean.
const MAX_DEPTH: usize = 8;
/// Inputs that are tried before all rows of a node count as alike.
const TRIES: usize = 32;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct IsolationForest(Trees);

impl IsolationForest {
    pub(super) fn fit(inputs: &Inputs, random: &mut Random) -> Self {
        let all: Vec<usize> = (0..inputs.len()).collect();
        let mut trees = Trees::default();
        for _ in 0..TREES {
            let rows = random.some(&all, SAMPLE);
            trees.begin();
            cut(inputs, &rows, 0, &mut trees, random);
        }
        IsolationForest(trees)
    }

    /// From 0 to 1; what is set apart after as many cuts as the mean has 0.5.
    pub(super) fn score(&self, inputs: &[f32]) -> f32 {
        let mean = self.0.sum(inputs) / self.0.len().max(1) as f32;
        (-mean / usual_depth(SAMPLE)).exp2()
    }

    pub(super) fn to_tensors(&self) -> Tensors {
        self.0.to_tensors()
    }

    pub(super) fn from_tensors(width: usize, tensors: &Tensors) -> Result<Self, Error> {
        Ok(IsolationForest(Trees::from_tensors(width, tensors)?))
    }
}

/// Adds the node of these rows and those below; its place.
fn cut(
    inputs: &Inputs,
    rows: &[usize],
    depth: usize,
    trees: &mut Trees,
    random: &mut Random,
) -> usize {
    let place = trees.add(Node::leaf(depth as f32 + usual_depth(rows.len())));
    if depth >= MAX_DEPTH || rows.len() < 2 {
        return place;
    }
    let value =
        |row: &usize, input: usize| inputs.row(*row).get(input).copied().unwrap_or_default();
    for _ in 0..TRIES {
        let input = random.below(inputs.width);
        let ends = |(low, high): (f32, f32), row: &usize| {
            let value = value(row, input);
            (low.min(value), high.max(value))
        };
        let (low, high) = rows.iter().fold((f32::INFINITY, f32::NEG_INFINITY), ends);
        if low >= high {
            continue;
        }
        let at = low + (high - low) * random.unit() as f32;
        // Rounding may reach the upper end: then nothing would be on that side.
        let at = if at >= high { low } else { at };
        let (left, right): (Vec<usize>, Vec<usize>) =
            rows.iter().partition(|row| value(row, input) <= at);
        let left = cut(inputs, &left, depth + 1, trees, random);
        let right = cut(inputs, &right, depth + 1, trees, random);
        trees.cut(place, input, at, left, right);
        break;
    }
    place
}

/// The mean depth at which a row of so many is alone: that of an unsuccessful search in a binary tree.
fn usual_depth(rows: usize) -> f32 {
    match rows {
        0 | 1 => 0.0,
        2 => 1.0,
        rows => {
            let before = rows as f32 - 1.0;
            2.0 * (before.ln() + 0.577_215_7) - 2.0 * before / rows as f32
        }
    }
}
