//! Simple models, which every other must beat.
//!
//! All get the same inputs as the CLSTM's last flow, all are deterministic by their seed, and all that they
//! learn is arrays of numbers. Those that know no labels learn from normal rows alone, where labels tell which.

mod extremes;
mod isolation;
mod logistic;
mod neighbours;
mod pca;
mod trees;

#[cfg(test)]
mod tests;

use crate::detector::{Detector, Tensors};
use crate::random::Random;
use crate::scale::{Missing, Scaler};
use crate::table::Table;
use isolation::IsolationForest;
use logistic::Logistic;
use neighbours::Neighbours;
use pca::Pca;
use trees::Trees;

/// Rows that a baseline learns from at most: beyond it, as many drawn with the seed.
pub const MAX_ROWS: usize = 100_000;

/// Which baseline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Random trees: what is cut off early is unusual (F. T. Liu, K. M. Ting and Z.-H. Zhou, 2008).
    IsolationForest,
    /// Distance to the nearest normal rows, against that to the nearest attacks where there are any.
    Neighbours,
    /// A weighted sum.
    Logistic,
    /// Trees that correct each other (J. H. Friedman, 2001), on histograms.
    Boosting,
    /// Trees that vote (L. Breiman, 2001).
    RandomForest,
    /// What the main directions of normal rows do not explain.
    Pca,
    /// How far the most unusual features are from their median, in quartiles.
    ZScore,
    /// How rare the rarest features are among flows of the same service.
    Rarity,
}

impl Which {
    /// All of them.
    pub const ALL: [Which; 8] = [
        Which::IsolationForest,
        Which::Neighbours,
        Which::Logistic,
        Which::Boosting,
        Which::RandomForest,
        Which::Pca,
        Which::ZScore,
        Which::Rarity,
    ];

    /// Its name in a model file and in `--model`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Which::IsolationForest => "isolation-forest",
            Which::Neighbours => "knn",
            Which::Logistic => "logistic",
            Which::Boosting => "boosting",
            Which::RandomForest => "forest",
            Which::Pca => "pca",
            Which::ZScore => "z-score",
            Which::Rarity => "rarity",
        }
    }

    /// Reads that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Which::ALL.into_iter().find(|which| which.name() == name)
    }

    /// Whether it learns from normal rows alone, whatever labels there are.
    #[must_use]
    pub fn is_unsupervised(self) -> bool {
        match self {
            Which::IsolationForest | Which::Pca | Which::ZScore | Which::Rarity => true,
            Which::Neighbours | Which::Logistic | Which::Boosting | Which::RandomForest => false,
        }
    }

    /// Whether it can't do without labels of both kinds.
    #[must_use]
    pub fn needs_labels(self) -> bool {
        match self {
            Which::Logistic | Which::Boosting | Which::RandomForest => true,
            Which::IsolationForest
            | Which::Neighbours
            | Which::Pca
            | Which::ZScore
            | Which::Rarity => false,
        }
    }
}

/// Rows that a baseline can't learn from, or arrays that are none of its own.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// None, or none that is normal.
    #[error("there are no flows to learn what is normal from")]
    Empty,
    /// Labels of one kind only.
    #[error("{0} learns from labels: it needs flows that are attacks and flows that are normal")]
    OneClass(&'static str),
    /// An array that is missing or of a wrong size.
    #[error("the array {0:?} is missing or damaged")]
    Tensor(&'static str),
}

#[derive(Clone, Debug, PartialEq)]
enum Learned {
    IsolationForest(IsolationForest),
    Neighbours(Neighbours),
    Logistic(Logistic),
    Boosting(Trees),
    RandomForest(Trees),
    Pca(Pca),
    ZScore,
    Rarity,
}

/// A baseline that has learned.
#[derive(Clone, Debug, PartialEq)]
pub struct Baseline {
    which: Which,
    scaler: Scaler,
    learned: Learned,
}

/// Rows as inputs.
struct Inputs {
    width: usize,
    values: Vec<f32>,
    /// By row; empty where nobody said.
    is_attack: Vec<bool>,
}

impl Inputs {
    fn len(&self) -> usize {
        self.values.len() / self.width.max(1)
    }

    fn row(&self, row: usize) -> &[f32] {
        let begin = row.saturating_mul(self.width);
        self.values
            .get(begin..begin.saturating_add(self.width))
            .unwrap_or_default()
    }

    fn rows(&self) -> impl Iterator<Item = &[f32]> {
        self.values.chunks_exact(self.width.max(1))
    }
}

impl Baseline {
    /// Learns from these rows and no others.
    ///
    /// # Errors
    /// No rows, or labels of one kind where both are needed.
    pub fn fit(which: Which, table: &Table, rows: &[usize], seed: u64) -> Result<Self, Error> {
        let mut random = Random::new(seed);
        let is = |wanted: bool| move |row: &usize| table.is_attack(*row) == Some(wanted);
        let has_labels = rows.iter().any(is(true)) && rows.iter().any(is(false));
        if which.needs_labels() && !has_labels {
            return Err(Error::OneClass(which.name()));
        }
        let rows: Vec<usize> = match has_labels && !which.is_unsupervised() {
            true => rows
                .iter()
                .copied()
                .filter(|row| table.is_attack(*row).is_some())
                .collect(),
            // Where nobody says what is normal, all that is not known to be an attack is.
            false => rows
                .iter()
                .copied()
                .filter(|row| table.is_attack(*row) != Some(true))
                .collect(),
        };
        let rows = random.some(&rows, MAX_ROWS);
        if rows.is_empty() {
            return Err(Error::Empty);
        }
        let scaler = match which {
            Which::Rarity => Scaler::by_service(table, &rows),
            _ => Scaler::fit(table, &rows),
        };
        // The scaler was fitted on this table: it has its columns.
        let mut inputs = inputs(&scaler, table, &rows).map_err(|_| Error::Empty)?;
        if has_labels && !which.is_unsupervised() {
            inputs.is_attack = rows
                .iter()
                .map(|row| table.is_attack(*row) == Some(true))
                .collect();
        }
        let learned = match which {
            Which::IsolationForest => {
                Learned::IsolationForest(IsolationForest::fit(&inputs, &mut random))
            }
            Which::Neighbours => Learned::Neighbours(Neighbours::fit(&inputs, &mut random)),
            Which::Logistic => Learned::Logistic(Logistic::fit(&inputs, &mut random)),
            Which::Boosting => Learned::Boosting(Trees::boosting(&inputs, &mut random)),
            Which::RandomForest => Learned::RandomForest(Trees::forest(&inputs, &mut random)),
            Which::Pca => Learned::Pca(Pca::fit(&inputs, &mut random)),
            Which::ZScore => Learned::ZScore,
            Which::Rarity => Learned::Rarity,
        };
        Ok(Baseline {
            which,
            scaler,
            learned,
        })
    }

    /// Which it is.
    #[must_use]
    pub fn which(&self) -> Which {
        self.which
    }

    /// One from a model file.
    ///
    /// # Errors
    /// Arrays that are missing or do not fit the scaler.
    pub fn from_tensors(which: Which, scaler: Scaler, tensors: &Tensors) -> Result<Self, Error> {
        let width = scaler.width();
        let learned = match which {
            Which::IsolationForest => {
                Learned::IsolationForest(IsolationForest::from_tensors(width, tensors)?)
            }
            Which::Neighbours => Learned::Neighbours(Neighbours::from_tensors(width, tensors)?),
            Which::Logistic => Learned::Logistic(Logistic::from_tensors(width, tensors)?),
            Which::Boosting => Learned::Boosting(Trees::from_tensors(width, tensors)?),
            Which::RandomForest => Learned::RandomForest(Trees::from_tensors(width, tensors)?),
            Which::Pca => Learned::Pca(Pca::from_tensors(width, tensors)?),
            Which::ZScore => Learned::ZScore,
            Which::Rarity => Learned::Rarity,
        };
        Ok(Baseline {
            which,
            scaler,
            learned,
        })
    }

    /// How suspicious a row's inputs are.
    fn one(&self, inputs: &[f32]) -> f32 {
        match &self.learned {
            Learned::IsolationForest(forest) => forest.score(inputs),
            Learned::Neighbours(neighbours) => neighbours.score(inputs),
            Learned::Logistic(logistic) => logistic.score(inputs),
            Learned::Boosting(trees) | Learned::RandomForest(trees) => trees.sum(inputs),
            Learned::Pca(pca) => pca.score(inputs),
            Learned::ZScore => extremes::score::<{ extremes::DISTANCES }>(inputs),
            Learned::Rarity => extremes::score::<{ extremes::RARE }>(inputs),
        }
    }
}

impl Detector for Baseline {
    fn name(&self) -> &'static str {
        self.which.name()
    }

    fn raw(&self, table: &Table, rows: &[usize]) -> Result<Vec<f32>, Missing> {
        let inputs = inputs(&self.scaler, table, rows)?;
        Ok(inputs.rows().map(|row| self.one(row)).collect())
    }

    fn scaler(&self) -> &Scaler {
        &self.scaler
    }

    fn is_unsupervised(&self) -> bool {
        match &self.learned {
            Learned::Neighbours(neighbours) => !neighbours.knows_attacks(),
            Learned::IsolationForest(_) | Learned::Pca(_) | Learned::ZScore | Learned::Rarity => {
                true
            }
            Learned::Logistic(_) | Learned::Boosting(_) | Learned::RandomForest(_) => false,
        }
    }

    fn facts(&self) -> serde_json::Value {
        // A scaler is numbers and names: nothing that JSON can't say.
        serde_json::to_value(&self.scaler).unwrap_or_default()
    }

    fn to_tensors(&self) -> Tensors {
        match &self.learned {
            Learned::IsolationForest(forest) => forest.to_tensors(),
            Learned::Neighbours(neighbours) => neighbours.to_tensors(),
            Learned::Logistic(logistic) => logistic.to_tensors(),
            Learned::Boosting(trees) | Learned::RandomForest(trees) => trees.to_tensors(),
            Learned::Pca(pca) => pca.to_tensors(),
            Learned::ZScore | Learned::Rarity => Tensors::new(),
        }
    }
}

/// Rows as models see them.
fn inputs(scaler: &Scaler, table: &Table, rows: &[usize]) -> Result<Inputs, Missing> {
    let fitted = scaler.on(table)?;
    let width = scaler.width();
    let mut values = Vec::with_capacity(rows.len() * width);
    for row in rows {
        fitted.bent(table.values(*row), &mut values);
    }
    Ok(Inputs {
        width,
        values,
        is_attack: Vec::new(),
    })
}

/// An array of a model file.
fn tensor<'a>(tensors: &'a Tensors, name: &'static str) -> Result<&'a [f32], Error> {
    match tensors.get(name) {
        Some(values) if values.iter().all(|value| value.is_finite()) => Ok(values),
        Some(_) | None => Err(Error::Tensor(name)),
    }
}

/// The sum of products, in eight lanes whose order is fixed: the same bits on every run.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0_f32; 8];
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    for (a, b) in a.iter().zip(b) {
        for lane in 0..8 {
            lanes[lane] += a[lane] * b[lane];
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    lanes.iter().sum::<f32>() + rest
}
