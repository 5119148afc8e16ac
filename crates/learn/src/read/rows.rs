//! Lines to rows, their columns being understood.

use super::cells::{self, is_missing};
use super::layout::{Layout, Role};
use super::{Error, Options, Report, clock, services};
use crate::table::{Column, Kind, Row, Table};
use std::collections::HashMap;

/// Names that one column tells apart; the rest count as missing.
const MAX_NAMES: usize = 10_000;
/// The name of the column that UNSW-NB15's raw files lack.
const RATE: &str = "rate";

/// Rows as they come.
pub(super) struct Rows {
    layout: Layout,
    table: Table,
    report: Report,
    has_families: bool,
    /// The names that each category's column has, by place in the table.
    names: Vec<HashMap<String, u16>>,
    hosts: HashMap<String, u32>,
    values: Vec<f32>,
    lines: u64,
}

impl Rows {
    pub(super) fn new(name: &str, layout: Layout, options: &Options) -> Self {
        let column = |name: &str, kind, names: &[&str]| Column {
            name: name.to_owned(),
            kind,
            names: names.iter().map(|name| (*name).to_owned()).collect(),
        };
        let mut columns = Vec::new();
        let mut skipped = Vec::new();
        for field in &layout.fields {
            match field.role {
                Role::Number => columns.push(column(&field.name, Kind::Number, &[])),
                Role::Category => columns.push(column(&field.name, Kind::Category, &[])),
                Role::Port => columns.push(column(&field.name, Kind::Category, services::NAMES)),
                Role::Skip => skipped.push(field.name.clone()),
                Role::Host | Role::Time | Role::Label | Role::Detail => {}
            }
        }
        if layout.rate_of.is_some() {
            columns.push(column(RATE, Kind::Number, &[]));
        }
        let known = |column: &Column| column.names.iter().cloned().zip(0..).collect();
        let names = columns.iter().map(known).collect();
        let mut table = Table::new(columns);
        table.sources.push(name.to_owned());
        let mut report = Report::new(name, layout.format);
        report.skipped = skipped;
        Rows {
            layout,
            table,
            report,
            has_families: options.has_families,
            names,
            hosts: HashMap::new(),
            values: Vec::new(),
            lines: 0,
        }
    }

    /// Takes a line.
    pub(super) fn add(&mut self, line: u64, text: &str) -> Result<(), Error> {
        // Zeek's last line, and the line of names again, which CIC-IDS2018 has in between.
        if text.starts_with('#') || text.starts_with('%') {
            return Ok(());
        }
        self.lines += 1;
        let mut cells = Vec::with_capacity(self.layout.fields.len());
        self.layout.separator.cells(text, &mut cells);
        let (row, class) = match self.understand(&cells) {
            Ok(understood) => understood,
            Err(why) => {
                let is_empty = self.table.is_empty();
                return self.report.refuse(line, why, self.lines, is_empty);
            }
        };
        let limit = |cause| Error::Table {
            file: self.report.file.clone(),
            line,
            cause,
        };
        let class = match class {
            Some(name) => Some(self.table.class(&name).map_err(limit)?),
            None => None,
        };
        let row = Row {
            class,
            line: u32::try_from(line).unwrap_or(u32::MAX),
            ..row
        };
        let missing = self.values.iter().filter(|value| value.is_nan()).count();
        self.report.missing += missing as u64;
        self.report.unlabelled += u64::from(class.is_none());
        self.table.push(row, &self.values).map_err(limit)
    }

    /// The row of a line and its class; its features come into `values`.
    fn understand(&mut self, cells: &[&str]) -> Result<(Row, Option<String>), String> {
        // NSL-KDD is there with and without its last column, the difficulty.
        let (given, wanted) = (cells.len(), self.layout.fields.len());
        if given != wanted {
            return Err(format!("{given} cells where {wanted} columns are"));
        }
        self.values.clear();
        let mut row = Row::default();
        let (mut label, mut detail) = ("", "");
        for (field, cell) in self.layout.fields.iter().zip(cells) {
            let place = self.values.len();
            match field.role {
                Role::Skip => {}
                Role::Label => label = cell,
                Role::Detail => detail = cell,
                Role::Number => {
                    let value = cells::number(cell)
                        .ok_or_else(|| format!("{}: {} is no number", field.name, shown(cell)))?;
                    self.values.push(value);
                }
                Role::Category => {
                    let cell = match field.name.as_str() {
                        PROTOCOL => protocol(cell),
                        _ => cell,
                    };
                    let value = self.names.get_mut(place).map(|names| category(names, cell));
                    self.values.push(value.unwrap_or(f32::NAN));
                }
                Role::Port => {
                    let names = self.names.get(place);
                    let service = cells::port(cell).map(services::of_port);
                    let known = service.and_then(|service| names?.get(service));
                    self.values
                        .push(known.map_or(f32::NAN, |known| f32::from(*known)));
                }
                Role::Host if is_missing(cell) => {}
                Role::Host => {
                    let next = u32::try_from(self.hosts.len()).unwrap_or(u32::MAX);
                    row.host = Some(*self.hosts.entry((*cell).to_owned()).or_insert(next));
                }
                Role::Time => {
                    row.at_us = clock::microseconds(cell, self.layout.is_month_first)
                        .ok_or_else(|| format!("{}: {} is no time", field.name, shown(cell)))?;
                }
            }
        }
        if let Some(places) = self.layout.rate_of {
            let amount = |place: usize| cells.get(place).and_then(|cell| cells::number(cell));
            let [duration, forward, backward] =
                places.map(|place| amount(place).unwrap_or(f32::NAN));
            let rate = (forward + backward - 1.0) / duration;
            self.values.push(if duration > 0.0 { rate } else { 0.0 });
        }
        Ok((row, self.class(label, detail)))
    }

    fn class(&self, label: &str, detail: &str) -> Option<String> {
        let class = self.layout.class(label, detail)?;
        match self.has_families.then(|| super::family(&class)).flatten() {
            Some(family) => Some(family.to_owned()),
            None => Some(class),
        }
    }

    pub(super) fn finish(mut self, sha256: String) -> Result<(Table, Report), Error> {
        if self
            .report
            .has_too_many_bad(self.lines, self.table.is_empty())
        {
            return Err(self.report.too_many_bad(self.lines));
        }
        if self.table.is_empty() {
            return Err(Error::Empty {
                file: self.report.file,
            });
        }
        self.report.sha256 = sha256;
        self.report.rows = self.table.len() as u64;
        for (column, names) in self.table.columns.iter_mut().zip(self.names) {
            column.names = in_order(names);
        }
        self.table.hosts = in_order(self.hosts);
        Ok((self.table, self.report))
    }
}

fn in_order<T: Ord>(places: HashMap<String, T>) -> Vec<String> {
    let mut names: Vec<(T, String)> = places.into_iter().map(|(name, at)| (at, name)).collect();
    names.sort_unstable();
    names.into_iter().map(|(_, name)| name).collect()
}

/// CICFlowMeter's column of protocols.
const PROTOCOL: &str = "Protocol";

/// A protocol's number by its name, as records have it (IANA, "Assigned Internet Protocol Numbers").
fn protocol(cell: &str) -> &str {
    match cell {
        "1" => "ICMP",
        "6" => "TCP",
        "17" => "UDP",
        "58" => "IPv6-ICMP",
        "132" => "SCTP",
        other => other,
    }
}

/// The place of a name, which is added where it is new and there is room.
fn category(names: &mut HashMap<String, u16>, cell: &str) -> f32 {
    if cell.is_empty() {
        return f32::NAN;
    }
    if let Some(place) = names.get(cell) {
        return f32::from(*place);
    }
    match u16::try_from(names.len()) {
        Ok(place) if usize::from(place) < MAX_NAMES => {
            names.insert(cell.to_owned(), place);
            f32::from(place)
        }
        Ok(_) | Err(_) => f32::NAN,
    }
}

/// A cell as an error shows it.
fn shown(cell: &str) -> String {
    const LONGEST: usize = 40;
    let short: String = cell.chars().take(LONGEST).collect();
    format!("{short:?}")
}
