//! Labelled flow files, as people have them, to tables.
//!
//! A file is read line by line into a [`Reader`]; its format is told by its first lines or by the caller.
//! What a line can't be understood for is counted and told; a file with too many such lines is refused. `flow`
//! records of EVE (`eve`) are files too, also those that come out of a store: what is under an alert (`alerts`) does
//! not teach what is normal.

mod alerts;
mod cells;
mod clock;
mod eve;
mod families;
mod formats;
mod join;
mod layout;
mod mapping;
mod names;
mod report;
mod rows;
pub mod services;

#[cfg(test)]
mod tests;

pub use alerts::Alerted;
pub use families::family;
pub use formats::Format;
pub use join::join;
pub use mapping::Mapping;
pub use report::{Bad, LeftOut, Report};

use crate::hex::hex;
use crate::table::Table;
use rows::Rows;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

/// Longest line, bytes: twenty times that of the widest known format.
pub const MAX_LINE: usize = 1 << 16;
/// Columns of one file.
pub const MAX_COLUMNS: usize = 2_000;
/// Lines with a mistake that are shown by themselves; the others are counted.
const SHOWN: usize = 5;
/// Of a file's lines this share may be wrong; beyond it the format is probably another.
const BAD_SHARE: f64 = 0.1;
/// So many lines may be wrong in any case.
const BAD_LINES: u64 = 10;

/// How files are read.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The format, where it is not to be told by the first lines.
    pub format: Option<Format>,
    /// Which column means what, for files of no known format.
    pub mapping: Option<Mapping>,
    /// Attacks of NSL-KDD are named by their family: dos, probe, r2l, u2r.
    pub has_families: bool,
    /// Names of the features that `flow` records of EVE have, and whether they are texts.
    pub known: Vec<(&'static str, bool)>,
    /// What becomes of flows under an alert, where the file tells of alerts.
    pub alerted: Alerted,
    /// Records of EVE come newest first: rows stand in the order of time all the same, and count from the oldest.
    pub is_newest_first: bool,
}

/// A file that can't be read as flows.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It can't be opened or read.
    #[error("cannot read {file}: {cause}")]
    Read {
        /// The file.
        file: String,
        /// Why.
        cause: std::io::Error,
    },
    /// It is of no known format.
    #[error(
        "{file}: line {line}: {why}; name the format ({}) or describe the columns in a mapping file",
        Format::NAMES.join(", ")
    )]
    Format {
        /// The file.
        file: String,
        /// The line.
        line: u64,
        /// What is there instead.
        why: String,
    },
    /// Columns that the format or the mapping needs.
    #[error("{file}: line {line}: no column {}", missing.join(", "))]
    Columns {
        /// The file.
        file: String,
        /// The line of names.
        line: u64,
        /// The columns.
        missing: Vec<String>,
    },
    /// Too many lines are wrong.
    #[error("{file}: {bad} of {lines} lines can't be read, the first is line {line}: {why}")]
    Bad {
        /// The file.
        file: String,
        /// Wrong lines.
        bad: u64,
        /// All lines.
        lines: u64,
        /// The first wrong line.
        line: u64,
        /// What is wrong there.
        why: String,
    },
    /// Its flows have no features.
    #[error(
        "{file}: {flows} flow records and none with features; `ratel read --flow-features` and `sensor.flow_features: \
         true` write them"
    )]
    NoFeatures {
        /// The file.
        file: String,
        /// Its flows.
        flows: u64,
    },
    /// All its flows are under an alert.
    #[error(
        "{file}: all {flows} flows are of hosts under an alert: there is nothing to learn what is normal from"
    )]
    AllAlerted {
        /// The file.
        file: String,
        /// Its flows.
        flows: usize,
    },
    /// No flow is in it.
    #[error("{file}: no flows")]
    Empty {
        /// The file.
        file: String,
    },
    /// A limit.
    #[error("{file}: line {line}: {cause}")]
    Table {
        /// The file.
        file: String,
        /// The line.
        line: u64,
        /// Which limit.
        cause: crate::table::Error,
    },
    /// A mapping file.
    #[error("{file}: {why}")]
    Mapping {
        /// The mapping file.
        file: String,
        /// What is wrong.
        why: String,
    },
    /// Files that have no feature in common.
    #[error("{file} has no column in common with {first}")]
    Apart {
        /// A file.
        file: String,
        /// The first file.
        first: String,
    },
}

/// Reads files into one table, with the columns that all of them have.
///
/// # Errors
/// The first file that can't be read.
pub fn files<P: AsRef<Path>>(
    paths: &[P],
    options: &Options,
) -> Result<(Table, Vec<Report>), Error> {
    let mut parts = Vec::with_capacity(paths.len());
    let mut reports = Vec::with_capacity(paths.len());
    for path in paths {
        let path = path.as_ref();
        let name = path.display().to_string();
        let opened = File::open(path).map_err(|cause| Error::Read {
            file: name.clone(),
            cause,
        })?;
        let (table, report) = lines(&name, opened, options)?;
        parts.push(table);
        reports.push(report);
    }
    Ok((join(parts)?, reports))
}

/// Reads one source to its end.
///
/// # Errors
/// A source that can't be read as flows.
pub fn lines(name: &str, source: impl Read, options: &Options) -> Result<(Table, Report), Error> {
    let mut source = BufReader::with_capacity(1 << 16, source);
    let mut reader = Reader::new(name, options);
    let mut line = Vec::new();
    loop {
        line.clear();
        let limit = reader.longest() as u64 + 1;
        let read = source.by_ref().take(limit).read_until(b'\n', &mut line);
        let count = read.map_err(|cause| Error::Read {
            file: name.to_owned(),
            cause,
        })?;
        if count == 0 {
            return reader.finish();
        }
        reader.line(&line)?;
    }
}

/// Takes the lines of a source one after another.
pub struct Reader {
    name: String,
    hash: Sha256,
    line: u64,
    /// The piece that comes next continues a line that is longer than any may be.
    is_within_line: bool,
    head: formats::Head,
    /// Lines that wait until the columns are understood.
    waiting: Vec<(u64, String)>,
    rows: Option<Lines>,
    options: Options,
}

/// Rows of lines that are understood.
enum Lines {
    /// Cells between separators.
    Cells(Box<Rows>),
    /// Records as JSON.
    Eve(Box<eve::Records>),
}

/// So many rows are looked at before a column that no format knows is a number or a name.
const LOOKED_AT: usize = 200;

impl Reader {
    /// A reader that has seen nothing.
    #[must_use]
    pub fn new(name: &str, options: &Options) -> Self {
        Reader {
            name: name.to_owned(),
            hash: Sha256::new(),
            line: 0,
            is_within_line: false,
            head: formats::Head::default(),
            waiting: Vec::new(),
            rows: None,
            options: options.clone(),
        }
    }

    /// The longest line that is read as a whole, bytes.
    fn longest(&self) -> usize {
        match &self.rows {
            Some(Lines::Eve(_)) => eve::MAX_RECORD,
            Some(Lines::Cells(_)) | None => MAX_LINE,
        }
    }

    /// Takes a line with its end, or a piece of [`MAX_LINE`] of one that is longer (of EVE's records 1 MiB).
    ///
    /// # Errors
    /// The source can't be read as flows.
    pub fn line(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.hash.update(bytes);
        let continues = std::mem::replace(&mut self.is_within_line, !bytes.ends_with(b"\n"));
        if continues {
            return Ok(());
        }
        self.line += 1;
        let text = String::from_utf8_lossy(bytes);
        let text = text
            .trim_start_matches('\u{feff}')
            .trim_end_matches(['\n', '\r']);
        if text.trim().is_empty() {
            return Ok(());
        }
        if self.rows.is_none() && self.is_eve(text) {
            if self.options.known.is_empty() {
                let why = "nobody said which features flow records have".to_owned();
                let (file, line) = (self.name.clone(), self.line);
                return Err(Error::Format { file, line, why });
            }
            let records = eve::Records::new(&self.name, &self.options);
            self.rows = Some(Lines::Eve(Box::new(records)));
        }
        match &mut self.rows {
            Some(Lines::Cells(rows)) => return rows.add(self.line, text),
            Some(Lines::Eve(records)) => return records.add(self.line, text),
            None => {}
        }
        if self.head.takes(text) {
            return Ok(());
        }
        self.waiting.push((self.line, text.to_owned()));
        match self.waiting.len() < LOOKED_AT {
            true => Ok(()),
            false => self.begin(),
        }
    }

    /// Whether the first line is a record of EVE's.
    fn is_eve(&self, line: &str) -> bool {
        match (self.options.format, &self.options.mapping) {
            (Some(format), _) => format == Format::Eve,
            (None, Some(_)) => false,
            (None, None) => {
                let is_first = self.waiting.is_empty() && self.head == formats::Head::default();
                is_first && line.trim_start().starts_with('{')
            }
        }
    }

    /// Understands the columns by the lines that wait.
    fn begin(&mut self) -> Result<(), Error> {
        let head = std::mem::take(&mut self.head);
        let waiting = std::mem::take(&mut self.waiting);
        let (layout, begin) = head.layout(&self.name, &waiting, &self.options)?;
        let mut rows = Rows::new(&self.name, layout, &self.options);
        for (line, text) in waiting.into_iter().skip(begin) {
            rows.add(line, &text)?;
        }
        self.rows = Some(Lines::Cells(Box::new(rows)));
        Ok(())
    }

    /// What was read.
    ///
    /// # Errors
    /// Too many lines were wrong, or there was no flow.
    pub fn finish(mut self) -> Result<(Table, Report), Error> {
        if self.rows.is_none() {
            if self.waiting.is_empty() {
                return Err(Error::Empty { file: self.name });
            }
            self.begin()?;
        }
        let sha256 = hex(&self.hash.finalize());
        match self.rows {
            Some(Lines::Cells(rows)) => rows.finish(sha256),
            Some(Lines::Eve(records)) => records.finish(sha256),
            None => Err(Error::Empty { file: self.name }),
        }
    }
}
