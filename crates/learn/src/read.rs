//! Labelled flow files, as people have them, to tables.
//!
//! A file is read line by line into a [`Reader`]; its format is told by its first lines or by the caller.
//! What a line can't be understood for is counted and told; a file with too many such lines is refused.

mod cells;
mod clock;
mod families;
mod formats;
mod join;
mod layout;
mod mapping;
mod names;
mod rows;
pub mod services;

#[cfg(test)]
mod tests;

pub use families::family;
pub use formats::Format;
pub use join::join;
pub use mapping::Mapping;

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
}

/// A line that was not understood.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Bad {
    /// The line, from 1.
    pub line: u64,
    /// Why.
    pub why: String,
}

/// What became of a file.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Report {
    /// Its name.
    pub file: String,
    /// Its format.
    pub format: String,
    /// SHA-256 of its bytes.
    pub sha256: String,
    /// Flows.
    pub rows: u64,
    /// Flows that nobody labelled.
    pub unlabelled: u64,
    /// Values that are missing, infinite or no number: they count as usual.
    pub missing: u64,
    /// Lines that were left out as not understood.
    pub bad: u64,
    /// The first of them.
    pub first_bad: Vec<Bad>,
    /// Columns that are no features: identities, and what is neither number nor name.
    pub skipped: Vec<String>,
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
        let limit = MAX_LINE as u64 + 1;
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
    rows: Option<Rows>,
    options: Options,
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

    /// Takes a line with its end, or a piece of [`MAX_LINE`] of one that is longer.
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
        if let Some(rows) = &mut self.rows {
            return rows.add(self.line, text);
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

    /// Understands the columns by the lines that wait.
    fn begin(&mut self) -> Result<(), Error> {
        let head = std::mem::take(&mut self.head);
        let waiting = std::mem::take(&mut self.waiting);
        let (layout, begin) = head.layout(&self.name, &waiting, &self.options)?;
        let rows = self
            .rows
            .insert(Rows::new(&self.name, layout, &self.options));
        for (line, text) in waiting.into_iter().skip(begin) {
            rows.add(line, &text)?;
        }
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
            Some(rows) => rows.finish(sha256),
            None => Err(Error::Empty { file: self.name }),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to memory does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
