//! How far traffic has moved away from what a model was trained on.
//!
//! The population stability index of each feature: the sum over its bins of (now − then) · ln(now / then). Below
//! 0.1 nothing has happened, above 0.25 the model should be trained anew (the usual reading, N. Siddiqi, "Credit
//! Risk Scorecards", 2006).

use serde::{Deserialize, Serialize};

use crate::scale::Missing;
use crate::table::{Kind, Table};

/// Above it a feature has moved.
pub const MOVED: f64 = 0.25;
/// Bins of an amount; as many names of a category have one of their own.
const BINS: usize = 10;
/// Values that the bins are made from.
const SAMPLE: usize = 100_000;
/// Share that an empty bin is taken to have: the logarithm of nothing is no number.
const EMPTY: f64 = 1e-4;

/// A feature's bins and the share of training flows in each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Feature {
    /// Its name.
    pub name: String,
    /// Upper edges of an amount's bins, rising; the last bin has none.
    pub edges: Vec<f32>,
    /// A category's names; the last bin is for all others.
    pub names: Vec<String>,
    /// Share of the training flows in each bin; the last is for values that are missing.
    pub shares: Vec<f32>,
}

/// What traffic was like in training.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Reference {
    /// By feature.
    pub features: Vec<Feature>,
}

impl Reference {
    /// From the training flows.
    #[must_use]
    pub fn fit(table: &Table, rows: &[usize]) -> Self {
        let step = rows.len().div_ceil(SAMPLE).max(1);
        let rows: Vec<usize> = rows.iter().copied().step_by(step).collect();
        let columns = table.columns.iter().enumerate();
        let features = columns.map(|(at, column)| {
            let mut feature = Feature {
                name: column.name.clone(),
                edges: Vec::new(),
                names: Vec::new(),
                shares: Vec::new(),
            };
            match column.kind {
                Kind::Number => feature.edges = edges(table, &rows, at),
                Kind::Category => feature.names = common(table, &rows, at),
            }
            #[allow(clippy::cast_possible_truncation)]
            let shares = feature
                .count(table, &rows, at)
                .into_iter()
                .map(|share| share as f32);
            feature.shares = shares.collect();
            feature
        });
        Reference {
            features: features.collect(),
        }
    }

    /// The index of each feature over these flows.
    ///
    /// # Errors
    /// Features that the table lacks.
    pub fn indices(&self, table: &Table, rows: &[usize]) -> Result<Vec<(String, f64)>, Missing> {
        let place = |feature: &Feature| {
            table
                .columns
                .iter()
                .position(|column| column.name == feature.name)
        };
        let missing = self
            .features
            .iter()
            .filter(|feature| place(feature).is_none());
        let missing: Vec<String> = missing.map(|feature| feature.name.clone()).collect();
        if !missing.is_empty() {
            return Err(Missing(missing));
        }
        let index = |feature: &Feature| {
            let now = feature.count(table, rows, place(feature).unwrap_or_default());
            let each = now.iter().zip(&feature.shares).map(|(now, then)| {
                let (now, then) = (now.max(EMPTY), f64::from(*then).max(EMPTY));
                (now - then) * (now / then).ln()
            });
            (feature.name.clone(), each.sum())
        };
        Ok(self.features.iter().map(index).collect())
    }
}

impl Feature {
    /// The share of flows in each bin.
    fn count(&self, table: &Table, rows: &[usize], at: usize) -> Vec<f64> {
        let bins = self.edges.len().max(self.names.len()) + 1;
        let mut counts = vec![0.0_f64; bins + 1];
        let names = table
            .columns
            .get(at)
            .map_or(&[][..], |column| &column.names);
        let known: Vec<usize> = names
            .iter()
            .map(|name| {
                self.names
                    .iter()
                    .position(|known| known == name)
                    .unwrap_or(bins - 1)
            })
            .collect();
        for row in rows {
            let value = table.values(*row).get(at).copied().unwrap_or(f32::NAN);
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let bin = if value.is_nan() {
                bins
            } else if names.is_empty() {
                self.edges.partition_point(|edge| *edge < value)
            } else {
                known.get(value as usize).copied().unwrap_or(bins - 1)
            };
            counts[bin.min(bins)] += 1.0;
        }
        let all = rows.len().max(1) as f64;
        counts.into_iter().map(|count| count / all).collect()
    }
}

fn edges(table: &Table, rows: &[usize], at: usize) -> Vec<f32> {
    let values = rows
        .iter()
        .filter_map(|row| table.values(*row).get(at).copied());
    let mut values: Vec<f32> = values.filter(|value| value.is_finite()).collect();
    values.sort_unstable_by(f32::total_cmp);
    let edge = |bin: usize| values.get(values.len() * bin / BINS).copied();
    let mut edges: Vec<f32> = (1..BINS).filter_map(edge).collect();
    edges.dedup();
    edges
}

fn common(table: &Table, rows: &[usize], at: usize) -> Vec<String> {
    let names = &table.columns[at].names;
    let mut counts: Vec<(usize, usize)> = (0..names.len()).map(|name| (0, name)).collect();
    for row in rows {
        let value = table.values(*row).get(at).copied().unwrap_or(f32::NAN);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        if let Some(count) = counts.get_mut(value as usize).filter(|_| value >= 0.0) {
            count.0 += 1;
        }
    }
    counts.sort_by_key(|(count, name)| (std::cmp::Reverse(*count), *name));
    let common = counts
        .into_iter()
        .take(BINS)
        .filter(|(count, _)| *count > 0);
    common.map(|(_, name)| names[name].clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{Column, Row};

    #[test]
    fn what_moved_is_told_by_feature() {
        let column = |name: &str, kind, names: &[&str]| Column {
            name: name.to_owned(),
            kind,
            names: names.iter().map(|name| (*name).to_owned()).collect(),
        };
        let mut table = Table::new(vec![
            column("still", Kind::Number, &[]),
            column("moved", Kind::Number, &[]),
            column("proto", Kind::Category, &["tcp", "udp"]),
        ]);
        for at in 0_u16..2000 {
            let (late, small) = (at >= 1000, f32::from(at % 100));
            let moved = if late { small + 50.0 } else { small };
            let proto = f32::from(u8::from(late && at % 2 == 0));
            table.push(Row::default(), &[small, moved, proto]).unwrap();
        }
        let (then, now): (Vec<usize>, Vec<usize>) = (0..2000).partition(|at| *at < 1000);
        let reference = Reference::fit(&table, &then);
        let same = reference.indices(&table, &then).unwrap();
        assert!(same.iter().all(|(_, index)| *index < 1e-6), "{same:?}");
        let indices = reference.indices(&table, &now).unwrap();
        let has_moved: Vec<bool> = indices.iter().map(|(_, index)| *index > MOVED).collect();
        assert_eq!(has_moved, [false, true, true], "{indices:?}");
        let missing = reference.indices(&Table::new(Vec::new()), &[]).unwrap_err();
        assert_eq!(missing.0, ["still", "moved", "proto"]);
    }
}
