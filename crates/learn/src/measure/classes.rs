//! How well a model that names the kind of an attack names it.

use super::{Spread, ratio};
use serde::Serialize;

/// Rows by kind and by what the model calls them.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Classes {
    /// Names of the kinds.
    pub names: Vec<String>,
    /// For each kind that is so: rows by the kind that is said.
    pub confusion: Vec<Vec<u64>>,
    /// Rows that are named right.
    pub accuracy: f64,
    /// Mean F1 of the kinds that have rows.
    pub macro_f1: f64,
    /// Each kind that has rows.
    pub classes: Vec<ClassMeasure>,
}

/// How one kind is named.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ClassMeasure {
    /// Its name.
    pub name: String,
    /// Rows that are of it.
    pub rows: u64,
    /// Of those called so, the share that is.
    pub precision: f64,
    /// Of those that are, the share called so.
    pub recall: f64,
    /// Harmonic mean of both.
    pub f1: f64,
}

impl Classes {
    /// Counts rows given as what is so and what is said, by place in `names`.
    #[must_use]
    pub fn new(names: &[String], rows: impl IntoIterator<Item = (u16, u16)>) -> Self {
        let count = names.len();
        let mut confusion = vec![vec![0_u64; count]; count];
        let (mut all, mut right) = (0, 0);
        for (is, said) in rows {
            let line = confusion.get_mut(usize::from(is));
            if let Some(cell) = line.and_then(|line| line.get_mut(usize::from(said))) {
                *cell += 1;
                all += 1;
                right += u64::from(is == said);
            }
        }
        let classes: Vec<ClassMeasure> = names
            .iter()
            .enumerate()
            .map(|(at, name)| {
                let rows: u64 = confusion[at].iter().sum();
                let said: u64 = confusion.iter().map(|line| line[at]).sum();
                let hits = confusion[at][at];
                ClassMeasure {
                    name: name.clone(),
                    rows,
                    precision: ratio(hits, said),
                    recall: ratio(hits, rows),
                    f1: ratio(2 * hits, rows + said),
                }
            })
            .filter(|class| class.rows > 0)
            .collect();
        Classes {
            names: names.to_vec(),
            accuracy: ratio(right, all),
            macro_f1: Spread::of(classes.iter().map(|class| class.f1)).mean,
            confusion,
            classes,
        }
    }
}
