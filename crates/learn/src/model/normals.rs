//! A few normal flows that a model keeps: what is usual, and what a finding is most like.

use serde::{Deserialize, Serialize};

use crate::random::Random;
use crate::scale::Scaler;
use crate::table::{Column, Kind, Row, Table};

/// The name of their array in a file.
pub const ARRAY: &str = "normals";
/// Flows that are kept: enough to be near to most, few enough to ask all of them.
pub const MAX: usize = 256;
/// The purpose of the chance that chooses them.
const PURPOSE: u64 = 3 << 16;

/// Normal flows of the training data.
#[derive(Clone, Debug, Default)]
pub struct Normals {
    /// The flows: features and lines, no hosts and no times.
    pub table: Table,
    /// Their features as inputs.
    pub scaler: Scaler,
}

/// What of them stands in a file's head.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Head {
    columns: Vec<(String, Kind, Vec<String>)>,
    lines: Vec<u32>,
    scaler: Scaler,
}

impl Normals {
    /// Some of these rows.
    #[must_use]
    pub fn choose(table: &Table, normal: &[usize], scaler: &Scaler, seed: u64) -> Self {
        let rows = Random::of(seed, PURPOSE).some(normal, MAX);
        let mut kept = Table::new(table.columns.clone());
        for row in rows {
            let line = Row {
                line: table.rows[row].line,
                ..Row::default()
            };
            // It has the width of the table that it is from, and there are few.
            let _ = kept.push(line, table.values(row));
        }
        Normals {
            table: kept,
            scaler: scaler.clone(),
        }
    }

    /// Their features, one flow after the other. What is missing is kept as a number that no feature has.
    #[must_use]
    pub fn to_array(&self) -> Vec<f32> {
        let rows = (0..self.table.len()).flat_map(|row| self.table.values(row));
        rows.map(|value| if value.is_finite() { *value } else { f32::MIN })
            .collect()
    }

    /// What stands in the head.
    #[must_use]
    pub fn head(&self) -> Head {
        let column = |column: &Column| (column.name.clone(), column.kind, column.names.clone());
        Head {
            columns: self.table.columns.iter().map(column).collect(),
            lines: self.table.rows.iter().map(|row| row.line).collect(),
            scaler: self.scaler.clone(),
        }
    }

    /// The reverse.
    ///
    /// # Errors
    /// Parts that do not fit together.
    pub fn from_parts(head: Head, array: &[f32]) -> Result<Self, String> {
        let wrong = || "its normal flows do not fit their features".to_owned();
        let columns: Vec<Column> = head
            .columns
            .into_iter()
            .map(|(name, kind, names)| Column { name, kind, names })
            .collect();
        let width = columns.len().max(1);
        let mut table = Table::new(columns);
        if head.lines.len() > MAX || head.lines.len() * width != array.len() {
            return Err(wrong());
        }
        for (line, values) in head.lines.iter().zip(array.chunks(width)) {
            let values: Vec<f32> = values
                .iter()
                .map(|value| if *value == f32::MIN { f32::NAN } else { *value })
                .collect();
            let row = Row {
                line: *line,
                ..Row::default()
            };
            table.push(row, &values).map_err(|_| wrong())?;
        }
        if !head.scaler.is_sane() {
            return Err(wrong());
        }
        head.scaler
            .on(&table)
            .map_err(|missing| missing.to_string())?;
        Ok(Normals {
            table,
            scaler: head.scaler,
        })
    }
}
