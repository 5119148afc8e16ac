//! Features to inputs near zero, by statistics of the training data alone.
//!
//! Amounts: heavy tails are taken by their logarithm, then the median is taken away and the distance of the
//! quartiles is one (P. J. Rousseeuw and C. Croux, "Alternatives to the Median Absolute Deviation", 1993, on
//! why not mean and deviation: an attack in the training data must not set the scale). Names of a
//! category become one input each.
//!
//! Or, for models that learn without labels, by how rare they are among flows of the same service: see [`rarity`].

pub mod rarity;

use serde::{Deserialize, Serialize};

use crate::table::{Kind, Table};
use rarity::Rarity;

/// Inputs are cut off here, in distances of the quartiles, so that one absurd value does not drown the others.
pub const LIMIT: f32 = 10.0;
/// Names of a category that get an input of their own; the rest share one.
const MAX_NAMES: usize = 64;
/// A name that is rarer in the training data shares the input of the rest: a model can't learn from it.
const MIN_COUNT: usize = 5;
/// Values that are looked at for a column's quartiles: enough for three digits.
const SAMPLE: usize = 200_000;
/// An amount whose largest value is this many times its upper quartile has a heavy tail.
const TAIL: f32 = 20.0;

/// How the values of one column become inputs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rule {
    /// One input.
    Number {
        /// Whether the logarithm is taken, with the sign kept.
        is_log: bool,
        /// Half of the training values lie below.
        median: f32,
        /// What counts as one.
        spread: f32,
    },
    /// One input for each name and one for the rest.
    Category {
        /// The names that have an input of their own.
        names: Vec<String>,
    },
}

/// A column and its rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scaled {
    /// The column's name.
    pub name: String,
    /// How its values become inputs.
    pub rule: Rule,
}

/// How features become inputs. It is kept with the model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Scaler {
    /// By column.
    pub columns: Vec<Scaled>,
    /// What is rare, by service: then this, and no distance, is what amounts become.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rarity: Option<Rarity>,
}

/// A table without a column that the model was trained on.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("columns are missing: {}", .0.join(", "))]
pub struct Missing(pub Vec<String>);

/// A scaler matched with the columns of one table.
#[derive(Clone, Debug)]
pub struct Fitted<'a> {
    scaler: &'a Scaler,
    /// For each of the scaler's columns: its place in the table, and of a category the input of each name.
    places: Vec<(usize, Vec<usize>)>,
}

impl Scaler {
    /// Learns from these rows of a table and from no others.
    #[must_use]
    pub fn fit(table: &Table, rows: &[usize]) -> Self {
        let step = (rows.len() / SAMPLE).max(1);
        let columns = table
            .columns
            .iter()
            .enumerate()
            .map(|(at, column)| {
                let values = rows
                    .iter()
                    .step_by(step)
                    .filter_map(|row| table.values(*row).get(at).copied())
                    .filter(|value| value.is_finite());
                let rule = match column.kind {
                    Kind::Number => number(values.collect()),
                    Kind::Category => category(values, &column.names),
                };
                Scaled {
                    name: column.name.clone(),
                    rule,
                }
            })
            .collect();
        Scaler {
            columns,
            rarity: None,
        }
    }

    /// The same, but amounts become how rare they are among the flows of their service.
    #[must_use]
    pub fn by_service(table: &Table, rows: &[usize]) -> Self {
        let mut scaler = Scaler::fit(table, rows);
        scaler.rarity = Some(Rarity::fit(&scaler, table, rows));
        scaler
    }

    /// Whether all of it are numbers that can be.
    #[must_use]
    pub fn is_sane(&self) -> bool {
        let columns = self.columns.len();
        self.rarity
            .as_ref()
            .is_none_or(|rarity| rarity.is_sane(columns))
    }

    /// How many inputs a flow becomes.
    #[must_use]
    pub fn width(&self) -> usize {
        self.columns.iter().map(|column| column.rule.width()).sum()
    }

    /// The column of each input, by place in [`Scaler::columns`].
    #[must_use]
    pub fn origins(&self) -> Vec<usize> {
        let each = |(at, column): (usize, &Scaled)| std::iter::repeat_n(at, column.rule.width());
        self.columns.iter().enumerate().flat_map(each).collect()
    }

    /// By input whether it is an amount, and no name.
    #[must_use]
    pub fn amounts(&self) -> Vec<bool> {
        let is_amount = |at: usize| matches!(self.columns[at].rule, Rule::Number { .. });
        self.origins().into_iter().map(is_amount).collect()
    }

    /// Finds the columns of a table.
    ///
    /// # Errors
    /// Columns that it lacks.
    pub fn on<'a>(&'a self, table: &Table) -> Result<Fitted<'a>, Missing> {
        let mut places = Vec::with_capacity(self.columns.len());
        let mut missing = Vec::new();
        for column in &self.columns {
            let is_it = |other: &crate::table::Column| other.name == column.name;
            let Some(at) = table.columns.iter().position(is_it) else {
                missing.push(column.name.clone());
                continue;
            };
            let inputs = match &column.rule {
                Rule::Number { .. } => Vec::new(),
                Rule::Category { names } => {
                    let input = |name: &String| {
                        let known = names.iter().position(|known| known == name);
                        known.unwrap_or(names.len())
                    };
                    table.columns[at].names.iter().map(input).collect()
                }
            };
            places.push((at, inputs));
        }
        match missing.is_empty() {
            true => Ok(Fitted {
                scaler: self,
                places,
            }),
            false => Err(Missing(missing)),
        }
    }
}

impl Rule {
    /// How many inputs a value becomes.
    #[must_use]
    pub fn width(&self) -> usize {
        match self {
            Rule::Number { .. } => 1,
            Rule::Category { names } => names.len() + 1,
        }
    }
}

impl Fitted<'_> {
    /// How many inputs a flow becomes.
    #[must_use]
    pub fn width(&self) -> usize {
        self.scaler.width()
    }

    /// The inputs of a flow, [`Scaler::width`] of them, each within [`LIMIT`]. A missing value is 0: as usual.
    pub fn inputs(&self, values: &[f32], into: &mut Vec<f32>) {
        let value = |column: usize| self.value(column, values);
        let rarity = self.scaler.rarity.as_ref();
        let service =
            rarity.map(|rarity| rarity.service(|column| self.name(column, value(column))));
        for (column, scaled) in self.scaler.columns.iter().enumerate() {
            match &scaled.rule {
                Rule::Number {
                    is_log,
                    median,
                    spread,
                } => into.push(match &service {
                    Some(service) => service.number(column, value(column)),
                    None => distance(value(column), *is_log, *median, *spread),
                }),
                Rule::Category { names } => {
                    let begin = into.len();
                    into.resize(begin + names.len() + 1, 0.0);
                    let name = self.name(column, value(column));
                    let input = service.as_ref().map(|service| service.name(column, name));
                    if let Some(slot) = into.get_mut(begin + name) {
                        *slot = input.unwrap_or(1.0);
                    }
                }
            }
        }
    }

    /// The names of a flow's service, by their places; empty where amounts are not held against services.
    #[must_use]
    pub fn service(&self, values: &[f32]) -> Vec<usize> {
        let rarity = self.scaler.rarity.iter();
        rarity
            .flat_map(|rarity| rarity.naming())
            .map(|column| self.name(*column, self.value(*column, values)))
            .collect()
    }

    /// The inputs as models see them: distances are bent by their inverse hyperbolic sine, so that 10 quartiles are
    /// odd and not ten times as odd as one. How rare an amount is is a logarithm already.
    pub fn bent(&self, values: &[f32], into: &mut Vec<f32>) {
        let begin = into.len();
        self.inputs(values, into);
        if self.scaler.rarity.is_none() {
            for input in &mut into[begin..] {
                *input = input.asinh();
            }
        }
    }

    /// A column's value among those of a row; no number where it is missing.
    fn value(&self, column: usize, values: &[f32]) -> f32 {
        let place = self.places.get(column);
        let value = place.and_then(|(at, _)| values.get(*at).copied());
        value.unwrap_or(f32::NAN)
    }

    /// The place of a name among the inputs of its column; the last where it is none of them.
    fn name(&self, column: usize, value: f32) -> usize {
        let scaled = self.scaler.columns.get(column);
        let rest = scaled.map_or(0, |scaled| scaled.rule.width().saturating_sub(1));
        let places = self
            .places
            .get(column)
            .map_or(&[][..], |(_, places)| places);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let name = (value.is_finite() && value >= 0.0).then_some(value as usize);
        name.and_then(|name| places.get(name).copied())
            .unwrap_or(rest)
    }
}

fn distance(value: f32, is_log: bool, median: f32, spread: f32) -> f32 {
    let value = if is_log { log(value) } else { value };
    let scaled = (value - median) / spread;
    match scaled.is_nan() {
        true => 0.0,
        false => scaled.clamp(-LIMIT, LIMIT),
    }
}

fn log(value: f32) -> f32 {
    value.abs().ln_1p().copysign(value)
}

fn number(mut values: Vec<f32>) -> Rule {
    values.sort_unstable_by(f32::total_cmp);
    let quantile = |sorted: &[f32], part: f32| -> f32 {
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss
        )]
        let at = (part * sorted.len().saturating_sub(1) as f32) as usize;
        sorted.get(at).copied().unwrap_or(0.0)
    };
    let most = values
        .iter()
        .fold(0.0_f32, |most, value| most.max(value.abs()));
    let upper = quantile(&values, 0.75)
        .abs()
        .max(quantile(&values, 0.25).abs());
    let is_log = most > 100.0 && most > TAIL * upper;
    if is_log {
        for value in &mut values {
            *value = log(*value);
        }
    }
    let median = quantile(&values, 0.5);
    let quartiles = quantile(&values, 0.75) - quantile(&values, 0.25);
    // Where most values are equal, the rest says what is usual; where all are, a difference of one counts as one.
    let tails = (quantile(&values, 0.99) - quantile(&values, 0.01)) / 4.0;
    let spread = [quartiles, tails, deviation(&values)]
        .into_iter()
        .find(|spread| spread.is_finite() && *spread > f32::EPSILON * median.abs().max(1e-6))
        .unwrap_or(1.0);
    Rule::Number {
        is_log,
        median,
        spread,
    }
}

#[allow(clippy::cast_precision_loss)]
fn deviation(values: &[f32]) -> f32 {
    let count = values.len().max(1) as f64;
    let mean = values.iter().map(|value| f64::from(*value)).sum::<f64>() / count;
    let square = |value: &f32| (f64::from(*value) - mean).powi(2);
    let deviation = (values.iter().map(square).sum::<f64>() / count).sqrt();
    #[allow(clippy::cast_possible_truncation)]
    let deviation = deviation as f32;
    deviation
}

fn category(values: impl Iterator<Item = f32>, names: &[String]) -> Rule {
    let mut counts = vec![0_usize; names.len()];
    for value in values.filter(|value| *value >= 0.0) {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        if let Some(count) = counts.get_mut(value as usize) {
            *count += 1;
        }
    }
    let mut known: Vec<usize> = (0..names.len())
        .filter(|name| counts[*name] >= MIN_COUNT)
        .collect();
    known.sort_by_key(|name| (std::cmp::Reverse(counts[*name]), *name));
    known.truncate(MAX_NAMES);
    let names = known.into_iter().map(|name| names[name].clone()).collect();
    Rule::Category { names }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{Column, Row};
    use proptest::prelude::*;

    fn table(rows: &[[f32; 2]]) -> Table {
        let names = ["tcp", "udp", "icmp"].map(str::to_owned).to_vec();
        let mut table = Table::new(vec![
            Column {
                name: "bytes".to_owned(),
                kind: Kind::Number,
                names: Vec::new(),
            },
            Column {
                name: "proto".to_owned(),
                kind: Kind::Category,
                names,
            },
        ]);
        for row in rows {
            table.push(Row::default(), row).unwrap();
        }
        table
    }

    #[test]
    fn a_rule_is_learned_from_the_given_rows_alone() {
        let rows: Vec<[f32; 2]> = (0_u8..20)
            .map(|n| [f32::from(n), f32::from(n % 2)])
            .chain([[1e9, 2.0]])
            .collect();
        let table = table(&rows);
        let scaler = Scaler::fit(&table, &(0..20).collect::<Vec<_>>());
        let Rule::Number { is_log, median, .. } = scaler.columns[0].rule else {
            panic!("an amount");
        };
        assert_eq!((is_log, median), (false, 9.0));
        assert_eq!((scaler.width(), scaler.origins()), (4, vec![0, 1, 1, 1]));
        let mut inputs = Vec::new();
        let fitted = scaler.on(&table).unwrap();
        fitted.inputs(table.values(20), &mut inputs);
        assert_eq!(inputs, [LIMIT, 0.0, 0.0, 1.0], "icmp is one of the rest");
    }

    #[test]
    fn a_table_that_lacks_columns_is_refused_by_their_names() {
        let scaler = Scaler::fit(&table(&[[1.0, 0.0]]), &[0]);
        let missing = scaler.on(&Table::new(Vec::new())).unwrap_err();
        assert_eq!(missing.to_string(), "columns are missing: bytes, proto");
    }

    proptest! {
        #[test]
        fn inputs_are_always_within_limits(
            train in prop::collection::vec((any::<f32>(), any::<f32>()), 0..40),
            value in (any::<f32>(), any::<f32>()),
        ) {
            let rows: Vec<[f32; 2]> = train.iter().map(|(a, b)| [*a, *b]).collect();
            let table = table(&rows);
            let scaler = Scaler::fit(&table, &(0..rows.len()).collect::<Vec<_>>());
            let mut inputs = Vec::new();
            scaler.on(&table).unwrap().inputs(&[value.0, value.1], &mut inputs);
            prop_assert_eq!(inputs.len(), scaler.width());
            prop_assert!(inputs.iter().all(|input| input.abs() <= LIMIT));
        }
    }
}
