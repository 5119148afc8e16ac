//! Rows to learn from and rows to be judged on, kept apart so that nothing leaks.
//!
//! Rows are never drawn at random: flows that follow each other are alike, and a model that has seen one of
//! them knows the other (D. Arp et al., "Dos and Don'ts of Machine Learning in Computer Security", 2022,
//! "temporal snooping"). Whole files, the last part of the time, or blocks of neighbours are held out, and
//! kinds of attack that must be unseen stay out of training altogether.

use crate::table::{NORMAL, Table};
use std::collections::HashSet;

/// Blocks that the rows of a file fall into, of which some are held out.
const BLOCKS: usize = 20;

/// What is held out.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Hold {
    /// Nothing but the kinds that are left out: what is learned from is judged on too, as the caller knows.
    Nothing,
    /// These files, by place in [`Table::sources`].
    Files(Vec<u16>),
    /// The last share of the rows in the order of time, or of lines where no time is told.
    Time(f64),
    /// A share of the blocks of neighbouring rows, spread over each file.
    Blocks(f64),
}

/// Rows by what they are for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Split {
    /// To learn from.
    pub train: Vec<usize>,
    /// To be judged on.
    pub test: Vec<usize>,
    /// Classes that no row to learn from has, though they are there to be judged on.
    pub unseen: Vec<u16>,
    /// Rows to be judged on whose features and class equal those of one to learn from.
    pub duplicates: usize,
}

/// Rows that can't be kept apart as asked.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// A kind to be left out that no row has.
    #[error("no flow is of kind {kind:?}; there are {}", known.join(", "))]
    Kind {
        /// The kind.
        kind: String,
        /// The kinds that there are.
        known: Vec<String>,
    },
    /// Normal traffic can't be left out.
    #[error("normal traffic can't be left out of training")]
    Normal,
    /// A share that leaves nothing on one side.
    #[error("a share of {0} can't be held out: it must lie between 0 and 1")]
    Share(String),
    /// One side is empty.
    #[error("no flows are left {0}")]
    Empty(&'static str),
    /// Held out by file with one file.
    #[error("flows can't be held out by file: there is only one file")]
    OneFile,
}

impl Split {
    /// Keeps rows apart. Rows of the classes in `leave_out` are only judged on, wherever they stand.
    ///
    /// # Errors
    /// Unknown kinds, or a side without rows.
    pub fn new(table: &Table, leave_out: &[String], hold: &Hold) -> Result<Self, Error> {
        let left_out = kinds(table, leave_out)?;
        let is_held = held(table, hold)?;
        let class = |row: &usize| table.rows.get(*row).and_then(|row| row.class);
        let is_left_out = |row: &usize| class(row).is_some_and(|class| left_out.contains(&class));
        let all = 0..table.len();
        let train: Vec<usize> = all
            .clone()
            .filter(|row| !is_left_out(row) && !is_held(*row))
            .collect();
        let is_test = |row: &usize| is_left_out(row) || is_held(*row) || *hold == Hold::Nothing;
        let test: Vec<usize> = all.filter(is_test).collect();
        if train.is_empty() {
            return Err(Error::Empty("to learn from"));
        }
        if test.is_empty() {
            return Err(Error::Empty("to be judged on"));
        }
        let seen: HashSet<u16> = train.iter().filter_map(class).collect();
        let mut unseen: Vec<u16> = test
            .iter()
            .filter_map(class)
            .filter(|class| *class != NORMAL && !seen.contains(class))
            .collect();
        unseen.sort_unstable();
        unseen.dedup();
        let duplicates = match hold {
            Hold::Nothing => 0,
            Hold::Files(_) | Hold::Time(_) | Hold::Blocks(_) => duplicates(table, &train, &test),
        };
        Ok(Split {
            train,
            test,
            unseen,
            duplicates,
        })
    }
}

fn kinds(table: &Table, names: &[String]) -> Result<Vec<u16>, Error> {
    let mut kinds = Vec::with_capacity(names.len());
    for name in names {
        let is_it = |class: &String| class.eq_ignore_ascii_case(name);
        let place = table.classes.iter().position(is_it);
        match place.and_then(|place| u16::try_from(place).ok()) {
            Some(NORMAL) => return Err(Error::Normal),
            Some(place) => kinds.push(place),
            None => {
                return Err(Error::Kind {
                    kind: name.clone(),
                    known: table.classes.iter().skip(1).cloned().collect(),
                });
            }
        }
    }
    Ok(kinds)
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss
)]
fn held<'a>(table: &'a Table, hold: &'a Hold) -> Result<Box<dyn Fn(usize) -> bool + 'a>, Error> {
    let share = |share: f64| match share > 0.0 && share < 1.0 {
        true => Ok(share),
        false => Err(Error::Share(share.to_string())),
    };
    Ok(match hold {
        Hold::Nothing => Box::new(|_| false),
        Hold::Files(_) if table.sources.len() < 2 => return Err(Error::OneFile),
        Hold::Files(files) => Box::new(|row| {
            let source = table.rows.get(row).map(|row| row.source);
            source.is_some_and(|source| files.contains(&source))
        }),
        Hold::Time(part) => {
            let order = in_time(table);
            let kept = (order.len() as f64 * (1.0 - share(*part)?)) as usize;
            let held: HashSet<usize> = order.into_iter().skip(kept).collect();
            Box::new(move |row| held.contains(&row))
        }
        Hold::Blocks(part) => {
            let part = share(*part)?;
            let held: HashSet<usize> = files(table)
                .iter()
                .flat_map(|rows| held_blocks(rows, part))
                .collect();
            Box::new(move |row| held.contains(&row))
        }
    })
}

/// All rows in the order of time; those of one moment in the order of file and line.
#[must_use]
pub fn in_time(table: &Table) -> Vec<usize> {
    let mut order: Vec<usize> = (0..table.len()).collect();
    order.sort_by_key(|row| {
        table
            .rows
            .get(*row)
            .map(|row| (row.at_us, row.source, row.line))
    });
    order
}

/// The rows of each file in the order of time.
fn files(table: &Table) -> Vec<Vec<usize>> {
    let mut files = vec![Vec::new(); table.sources.len().max(1)];
    for row in in_time(table) {
        let source = table.rows.get(row).map_or(0, |row| usize::from(row.source));
        if let Some(file) = files.get_mut(source) {
            file.push(row);
        }
    }
    files
}

/// Every so many blocks one is held out, so that all times of a file are on both sides.
#[allow(clippy::cast_precision_loss)]
fn held_blocks(rows: &[usize], share: f64) -> Vec<usize> {
    let size = rows.len().div_ceil(BLOCKS).max(1);
    let is_held = |block: usize| {
        let before = (block as f64 * share).floor();
        ((block + 1) as f64 * share).floor() > before
    };
    let blocks = rows.chunks(size).enumerate();
    blocks
        .filter(|(block, _)| is_held(*block))
        .flat_map(|(_, rows)| rows.iter().copied())
        .collect()
}

/// Counts rows to be judged on that are there to learn from too.
fn duplicates(table: &Table, train: &[usize], test: &[usize]) -> usize {
    let known: HashSet<u64> = train.iter().map(|row| digest(table, *row)).collect();
    let is_known = |row: &&usize| known.contains(&digest(table, **row));
    test.iter().filter(is_known).count()
}

/// FNV-1a over a row's values and class: equal rows have equal digests, and of a million that differ none
/// are likely to share one.
fn digest(table: &Table, row: usize) -> u64 {
    let class = table.rows.get(row).and_then(|row| row.class);
    let class = class.map_or(u32::MAX, u32::from);
    let values = table.values(row).iter().map(|value| value.to_bits());
    values
        .chain([class])
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, bits| {
            let mixed = (hash ^ u64::from(bits)).wrapping_mul(0x0000_0100_0000_01b3);
            mixed ^ (mixed >> 29)
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{Column, Kind, Row};

    /// Rows 0 to 99: class by the tens, two files, time backwards.
    fn table() -> Table {
        let mut table = Table::new(vec![Column {
            name: "x".to_owned(),
            kind: Kind::Number,
            names: Vec::new(),
        }]);
        table.sources = vec!["a".to_owned(), "b".to_owned()];
        let scan = table.class("scan").unwrap();
        let worm = table.class("worm").unwrap();
        for n in 0_u16..100 {
            let row = Row {
                class: Some(match n % 10 {
                    8 => scan,
                    9 => worm,
                    _ => NORMAL,
                }),
                at_us: i64::from(100 - n),
                source: n / 50,
                line: u32::from(n),
                ..Row::default()
            };
            table.push(row, &[f32::from(n / 2)]).unwrap();
        }
        table
    }

    #[test]
    fn a_kind_that_is_left_out_is_nowhere_in_training() {
        let table = table();
        for hold in [
            Hold::Nothing,
            Hold::Time(0.3),
            Hold::Blocks(0.25),
            Hold::Files(vec![1]),
        ] {
            let split = Split::new(&table, &["Worm".to_owned()], &hold).unwrap();
            let classes = |rows: &[usize]| -> HashSet<_> {
                rows.iter()
                    .map(|row| table.rows[*row].class.unwrap())
                    .collect()
            };
            assert_eq!(classes(&split.train), HashSet::from([0, 1]), "{hold:?}");
            assert_eq!(split.unseen, [2]);
            let worms = split.test.iter().filter(|row| *row % 10 == 9).count();
            assert_eq!(worms, 10, "{hold:?}");
            if hold != Hold::Nothing {
                assert_eq!(split.train.len() + split.test.len(), 100);
                assert!(split.train.iter().all(|row| !split.test.contains(row)));
            }
        }
    }

    #[test]
    fn what_comes_last_or_in_another_file_is_held_out() {
        let table = table();
        let split = Split::new(&table, &[], &Hold::Time(0.2)).unwrap();
        assert_eq!(
            split.test,
            (0..20).collect::<Vec<_>>(),
            "time runs backwards"
        );
        let split = Split::new(&table, &[], &Hold::Files(vec![0])).unwrap();
        assert_eq!(split.test, (0..50).collect::<Vec<_>>());
    }

    #[test]
    fn blocks_of_neighbours_stay_together() {
        let split = Split::new(&table(), &[], &Hold::Blocks(0.25)).unwrap();
        assert_eq!(split.test.len(), 24);
        let breaks = split
            .test
            .windows(2)
            .filter(|pair| pair[1] != pair[0] + 1)
            .count();
        assert!(breaks <= 10, "{breaks}");
    }

    #[test]
    fn rows_that_are_on_both_sides_are_counted() {
        let mut table = table();
        let same = table.rows[3];
        table
            .push(
                Row {
                    at_us: 1000,
                    ..same
                },
                &[999.0],
            )
            .unwrap();
        let split = Split::new(&table, &[], &Hold::Time(0.01)).unwrap();
        // The other one equals its neighbour.
        assert_eq!((split.test.len(), split.duplicates), (2, 1));
    }

    #[test]
    fn what_can_not_be_is_refused() {
        let table = table();
        let refusal = |kinds: &[&str], hold| {
            let kinds: Vec<String> = kinds.iter().map(|kind| (*kind).to_owned()).collect();
            Split::new(&table, &kinds, &hold).unwrap_err().to_string()
        };
        assert_eq!(
            refusal(&["wrom"], Hold::Nothing),
            "no flow is of kind \"wrom\"; there are scan, worm"
        );
        assert_eq!(
            refusal(&["normal"], Hold::Nothing),
            Error::Normal.to_string()
        );
        assert!(refusal(&[], Hold::Time(1.5)).contains("1.5"));
        assert!(refusal(&[], Hold::Files(vec![0, 1])).contains("to learn from"));
        assert!(refusal(&[], Hold::Files(vec![])).contains("to be judged on"));
    }
}
