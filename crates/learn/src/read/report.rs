//! What became of a file: its flows, and what was left out of it.

use super::formats::Format;
use super::{BAD_LINES, BAD_SHARE, Error, SHOWN};

/// A line that was not understood.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Bad {
    /// The line, from 1.
    pub line: u64,
    /// Why.
    pub why: String,
}

/// Flows of EVE's records that were understood and left out all the same, by why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct LeftOut {
    /// Their records tell no features.
    pub without_features: u64,
    /// They are of captures that somebody handed in: the past of another place.
    pub of_captures: u64,
    /// An alert is about them.
    pub alerted: u64,
    /// An alert is about another flow of their host, within that hour or the one before.
    pub of_alerted_hosts: u64,
}

impl LeftOut {
    /// Whether nothing was.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == LeftOut::default()
    }
}

/// What became of a file.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Report {
    /// Its name.
    pub file: String,
    /// Its format.
    pub format: String,
    /// SHA-256 of its bytes as they were read: of a compressed file those within.
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
    /// Flows of EVE's records that were left out.
    pub left_out: LeftOut,
}

impl Report {
    /// Of a file of which nothing was read yet.
    pub(super) fn new(file: &str, format: Format) -> Self {
        Report {
            file: file.to_owned(),
            format: format.name().to_owned(),
            sha256: String::new(),
            rows: 0,
            unlabelled: 0,
            missing: 0,
            bad: 0,
            first_bad: Vec::new(),
            skipped: Vec::new(),
            left_out: LeftOut::default(),
        }
    }

    /// Counts a line that is wrong; of `lines` so far, none of them good where `is_empty`.
    ///
    /// # Errors
    /// So many are that the file is of another format.
    pub(super) fn refuse(
        &mut self,
        line: u64,
        why: String,
        lines: u64,
        is_empty: bool,
    ) -> Result<(), Error> {
        self.bad += 1;
        if self.first_bad.len() < SHOWN {
            self.first_bad.push(Bad { line, why });
        }
        let is_hopeless = self.bad >= 1_000 && self.has_too_many_bad(lines, is_empty);
        match is_hopeless {
            true => Err(self.too_many_bad(lines)),
            false => Ok(()),
        }
    }

    /// Whether the file is rather of another format.
    #[allow(clippy::cast_precision_loss)]
    pub(super) fn has_too_many_bad(&self, lines: u64, is_empty: bool) -> bool {
        let share = self.bad as f64 / lines.max(1) as f64;
        (self.bad > BAD_LINES && share > BAD_SHARE) || (is_empty && self.bad > 0)
    }

    /// That it is.
    pub(super) fn too_many_bad(&self, lines: u64) -> Error {
        let first = self.first_bad.first();
        Error::Bad {
            file: self.file.clone(),
            bad: self.bad,
            lines,
            line: first.map_or(0, |bad| bad.line),
            why: first.map(|bad| bad.why.clone()).unwrap_or_default(),
        }
    }
}
