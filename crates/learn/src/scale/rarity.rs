//! How rare amounts are among the flows of their own service.
//!
//! A flow of 200 packets is nothing to a file server and much to a resolver. So each amount is held against those of
//! flows of the same service, and becomes the logarithm of how few of them are as far out: 2 is one of 100, with a
//! minus below the middle. That is the tail probability of each column that copula-based detectors add up (Z. Li et al.,
//! "ECOD: Unsupervised Outlier Detection Using Empirical Cumulative Distribution Functions", 2022), here by service.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{LIMIT, Scaler, log};
use crate::table::{Kind, Table};

/// Columns that name what a flow is for, and over what; in small letters, as the known formats name them.
const NAMING: [&str; 6] = [
    "dst port",
    "service",
    "dport",
    "protocol",
    "proto",
    "protocol_type",
];
/// Flows that a service needs to be told apart: with fewer there is no one of 100.
const MIN_FLOWS: usize = 200;
/// Services that are told apart; the smallest are held against all flows.
const MAX_GROUPS: usize = 64;
/// Values of a column that are looked at.
const SAMPLE: usize = 20_000;
/// Points of each tail.
const POINTS: usize = 16;
/// Beyond all that was seen, rareness rises with the logarithm of the distance, and by this at most: one absurd
/// value must not drown the others.
const MAX_BEYOND: f32 = 3.0;

/// What is rare, by service.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Rarity {
    /// The columns that name the service, by place in the scaler.
    by: Vec<usize>,
    /// All flows, then the services that are told apart.
    groups: Vec<Group>,
    /// By column of names: how rare each is, then how rare the rest are.
    names: BTreeMap<usize, Vec<f32>>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Group {
    /// For each column that names the service, the place of its name.
    key: Vec<usize>,
    /// By column; empty for names.
    columns: Vec<Tails>,
}

/// One column's amounts within one service.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Tails {
    /// Values and how rare it is to be as high; both rise.
    up: Vec<(f32, f32)>,
    /// The same of the values with their signs turned.
    down: Vec<(f32, f32)>,
    /// Distance beyond all seen that counts as one.
    unit: f32,
}

impl Rarity {
    /// Learns from these rows, whose columns the scaler knows.
    pub(super) fn fit(scaler: &Scaler, table: &Table, rows: &[usize]) -> Self {
        let names = table.columns.iter().enumerate();
        let by: Vec<usize> = names
            .filter(|(_, column)| {
                let name = column.name.to_ascii_lowercase();
                column.kind == Kind::Category && NAMING.contains(&name.as_str())
            })
            .map(|(at, _)| at)
            .collect();
        let mut rarity = Rarity {
            by,
            ..Rarity::default()
        };
        // The scaler was fitted on this table: it has its columns, in their order.
        let Ok(fitted) = scaler.on(table) else {
            return rarity;
        };
        let name = |row: usize, column: usize| {
            let value = table.values(row).get(column).copied();
            fitted.name(column, value.unwrap_or(f32::NAN))
        };
        let mut services: BTreeMap<Vec<usize>, Vec<usize>> = BTreeMap::new();
        for row in rows {
            let key = rarity.by.iter().map(|column| name(*row, *column)).collect();
            services.entry(key).or_default().push(*row);
        }
        let mut large: Vec<(Vec<usize>, Vec<usize>)> = services
            .into_iter()
            .filter(|(key, rows)| !key.is_empty() && rows.len() >= MIN_FLOWS)
            .collect();
        large.sort_by(|a, b| (b.1.len(), &a.0).cmp(&(a.1.len(), &b.0)));
        large.truncate(MAX_GROUPS);
        rarity.groups.push(Group::fit(Vec::new(), table, rows));
        for (key, rows) in large {
            rarity.groups.push(Group::fit(key, table, &rows));
        }
        for (at, column) in table.columns.iter().enumerate() {
            if column.kind == Kind::Category {
                let mut counts = vec![0_usize; scaler.columns[at].rule.width()];
                for row in rows {
                    if let Some(count) = counts.get_mut(name(*row, at)) {
                        *count += 1;
                    }
                }
                rarity.names.insert(at, rareness(&counts));
            }
        }
        rarity
    }

    /// The columns that name a flow's service.
    pub(super) fn naming(&self) -> &[usize] {
        &self.by
    }

    /// The flows that a flow with these names is held against: of a name for each column of names, by column.
    pub(super) fn service(&self, name: impl Fn(usize) -> usize) -> Service<'_> {
        let is_it = |group: &&Group| {
            let pairs = group.key.iter().zip(&self.by);
            !group.key.is_empty() && pairs.into_iter().all(|(key, column)| *key == name(*column))
        };
        let group = self.groups.iter().find(is_it).or(self.groups.first());
        Service {
            group,
            rarity: self,
        }
    }

    /// Whether all of it are numbers in order, for so many columns.
    pub(super) fn is_sane(&self, columns: usize) -> bool {
        let is_point = |point: &(f32, f32)| point.0.is_finite() && point.1.is_finite();
        let rises = |pair: &[(f32, f32)]| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1;
        let is_tail = |tail: &Vec<(f32, f32)>| {
            tail.iter().all(is_point) && tail.windows(2).all(rises) && tail.len() <= POINTS
        };
        let is_column = |tails: &Tails| {
            let is_unit = tails.unit.is_finite() && tails.unit >= 0.0;
            is_unit && is_tail(&tails.up) && is_tail(&tails.down)
        };
        self.by.iter().all(|column| *column < columns)
            && self.groups.len() <= MAX_GROUPS + 1
            && self
                .groups
                .iter()
                .all(|group| group.columns.len() == columns && group.columns.iter().all(is_column))
            && self.names.values().flatten().all(|rare| rare.is_finite())
    }
}

/// The flows that a flow is held against.
pub(super) struct Service<'a> {
    group: Option<&'a Group>,
    rarity: &'a Rarity,
}

impl Service<'_> {
    /// How rare an amount is, within [`LIMIT`]; 0 where it is missing.
    pub(super) fn number(&self, column: usize, value: f32) -> f32 {
        let tails = self.group.and_then(|group| group.columns.get(column));
        match tails {
            Some(tails) if !value.is_nan() => tails.signed(log(value)).clamp(-LIMIT, LIMIT),
            _ => 0.0,
        }
    }

    /// How rare a name is; at least 1, as it is an input that is there or not.
    pub(super) fn name(&self, column: usize, name: usize) -> f32 {
        let names = self.rarity.names.get(&column);
        let rare = names.and_then(|names| names.get(name)).copied();
        rare.unwrap_or(1.0).clamp(1.0, LIMIT)
    }
}

impl Group {
    fn fit(key: Vec<usize>, table: &Table, rows: &[usize]) -> Self {
        let step = rows.len().div_ceil(SAMPLE).max(1);
        let column = |(at, column): (usize, &crate::table::Column)| {
            if column.kind == Kind::Category {
                return Tails::default();
            }
            let values = rows.iter().step_by(step);
            let values = values.filter_map(|row| table.values(*row).get(at).copied());
            Tails::fit(values.filter(|value| value.is_finite()).map(log).collect())
        };
        Group {
            key,
            columns: table.columns.iter().enumerate().map(column).collect(),
        }
    }
}

impl Tails {
    fn fit(mut values: Vec<f32>) -> Self {
        values.sort_unstable_by(f32::total_cmp);
        let (Some(least), Some(most)) = (values.first().copied(), values.last().copied()) else {
            return Tails::default();
        };
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss
        )]
        let quantile = |part: f32| values[(part * (values.len() - 1) as f32) as usize];
        let unit = (quantile(0.99) - quantile(0.01))
            .max((most - least) / 4.0)
            .max(quantile(0.5).abs() / 20.0)
            .max(1e-3);
        let turned: Vec<f32> = values.iter().rev().map(|value| -value).collect();
        Tails {
            up: tail(&values),
            down: tail(&turned),
            unit,
        }
    }

    /// Of both tails the rarer; there are two, so that either is as rare as one of half as many.
    fn signed(&self, value: f32) -> f32 {
        let (up, down) = (self.of(&self.up, value), self.of(&self.down, -value));
        let rare = (up.max(down) - std::f32::consts::LOG10_2).max(0.0);
        if up >= down { rare } else { -rare }
    }

    fn of(&self, tail: &[(f32, f32)], value: f32) -> f32 {
        let next = tail.partition_point(|point| point.0 <= value);
        let last = next.checked_sub(1).and_then(|last| tail.get(last));
        match (last, tail.get(next)) {
            (Some(last), Some(next)) => {
                let part = (value - last.0) / (next.0 - last.0).max(f32::MIN_POSITIVE);
                last.1 + part * (next.1 - last.1)
            }
            (Some(last), None) => {
                let beyond = (value - last.0) / self.unit.max(f32::MIN_POSITIVE);
                last.1 + (1.0 + beyond).log10().min(MAX_BEYOND)
            }
            (None, _) => 0.0,
        }
    }
}

/// Values and the logarithm of how few are at least as high, from sorted values.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss
)]
fn tail(values: &[f32]) -> Vec<(f32, f32)> {
    let count = values.len() as f64;
    let most = count.log10();
    let mut points: Vec<(f32, f32)> = Vec::with_capacity(POINTS);
    for at in 0..POINTS {
        let rareness = most * at as f64 / (POINTS - 1) as f64;
        let place = (count * (1.0 - 10_f64.powf(-rareness))) as usize;
        let value = values[place.min(values.len() - 1)];
        if points.last().is_none_or(|last| value > last.0) {
            let below = values.partition_point(|other| *other < value);
            let as_high = (values.len() - below) as f64;
            points.push((value, (most - as_high.log10()) as f32));
        }
    }
    points
}

/// How rare each of some names is; one that was never seen is as rare as a tenth of one that was seen once.
#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]
fn rareness(counts: &[usize]) -> Vec<f32> {
    let all = counts.iter().sum::<usize>().max(1) as f64;
    let rare = |count: &usize| (all / (*count as f64).max(0.1)).log10() as f32;
    counts.iter().map(rare).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{Column, Row};
    use proptest::prelude::*;

    /// Bytes of two services: small ones of the first, large ones of the second.
    fn table(flows: &[(f32, f32)]) -> Table {
        let column = |name: &str, kind, names: &[&str]| Column {
            name: name.to_owned(),
            kind,
            names: names.iter().map(|name| (*name).to_owned()).collect(),
        };
        let mut table = Table::new(vec![
            column("Dst Port", Kind::Category, &["domain", "https", "telnet"]),
            column("bytes", Kind::Number, &[]),
        ]);
        for (service, bytes) in flows {
            table.push(Row::default(), &[*service, *bytes]).unwrap();
        }
        table
    }

    fn scaler() -> (Scaler, Table) {
        let small = (0..1000_u16).map(|n| (0.0, 100.0 + f32::from(n) / 10.0));
        let large = (0..1000_u16).map(|n| (1.0, 10_000.0 + 10.0 * f32::from(n)));
        let table = table(&small.chain(large).collect::<Vec<_>>());
        let rows: Vec<usize> = (0..table.len()).collect();
        (Scaler::by_service(&table, &rows), table)
    }

    #[test]
    fn what_is_usual_of_one_service_is_rare_of_another() {
        let (scaler, _) = scaler();
        let asked = table(&[(0.0, 150.0), (1.0, 15_000.0), (0.0, 15_000.0), (1.0, 150.0)]);
        let fitted = scaler.on(&asked).unwrap();
        let bytes: Vec<f32> = (0..4)
            .map(|row| {
                let mut inputs = Vec::new();
                fitted.inputs(asked.values(row), &mut inputs);
                inputs[inputs.len() - 1]
            })
            .collect();
        assert!(bytes[0].abs() < 0.1 && bytes[1].abs() < 0.1, "{bytes:?}");
        assert!(bytes[2] > 2.7 && bytes[3] < -2.7, "{bytes:?}");
    }

    #[test]
    fn a_name_that_was_never_seen_is_rarer_than_any_other() {
        let (scaler, _) = scaler();
        let asked = table(&[(0.0, 150.0), (2.0, 150.0)]);
        let fitted = scaler.on(&asked).unwrap();
        let mut inputs = Vec::new();
        fitted.inputs(asked.values(0), &mut inputs);
        fitted.inputs(asked.values(1), &mut inputs);
        assert_eq!(inputs[..3], [1.0, 0.0, 0.0]);
        assert_eq!(inputs[4..6], [0.0, 0.0]);
        assert!(inputs[6] > 4.0, "{inputs:?}");
    }

    #[test]
    fn it_comes_back_from_its_file_and_damage_is_seen() {
        let (scaler, table) = scaler();
        let text = serde_json::to_string(&scaler).unwrap();
        let again: Scaler = serde_json::from_str(&text).unwrap();
        assert_eq!(again, scaler);
        let rarity = again.rarity.unwrap();
        assert!(rarity.is_sane(table.columns.len()));
        assert!(!rarity.is_sane(1));
    }

    proptest! {
        #[test]
        fn higher_is_never_less_rare(
            values in prop::collection::vec(-1e6_f32..1e6, 0..300), a in -1e7_f32..1e7, b in -1e7_f32..1e7,
        ) {
            let tails = Tails::fit(values.into_iter().map(log).collect());
            let (low, high) = (tails.signed(log(a.min(b))), tails.signed(log(a.max(b))));
            prop_assert!(low <= high + 1e-3, "{low} {high}");
        }
    }
}
