//! What became of each rule of a file, and the totals.

use crate::rule::Rule;
use std::sync::Arc;

/// What became of one rule.
#[derive(Clone, Debug, PartialEq)]
pub enum Parsed {
    /// Read, and can match.
    Loaded(Box<Rule>),
    /// Read, but what it needs is not there yet: it never matches. Reasons in words.
    Degraded(Box<Rule>, Vec<String>),
    /// Wrong.
    Refused(Refusal),
    /// Right, but its `requires` asks for another engine: not read further, no mistake.
    Skipped(Refusal),
    /// Commented out.
    Disabled,
}

impl Parsed {
    /// The rule, where it was read.
    #[must_use]
    pub fn rule(&self) -> Option<&Rule> {
        match self {
            Parsed::Loaded(rule) | Parsed::Degraded(rule, _) => Some(rule),
            Parsed::Refused(_) | Parsed::Skipped(_) | Parsed::Disabled => None,
        }
    }
}

/// Why a rule was not read, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Name of the file.
    pub file: Arc<str>,
    /// Line of the text that is wrong, from 1.
    pub line: u32,
    /// Byte of that line, from 1.
    pub column: u32,
    /// What is wrong, why, and what to do.
    pub reason: String,
    /// The rule's signature id, where it could be told.
    pub sid: Option<u32>,
    /// The beginning of the rule as written.
    pub text: String,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{}:{}:{}: {}",
            self.file, self.line, self.column, self.reason
        )
    }
}

/// Totals over files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Rules that can match.
    pub loaded: u64,
    /// Rules read that need something not there yet.
    pub degraded: u64,
    /// Rules that are wrong, those without an entry in `refusals` included.
    pub refused: u64,
    /// Rules for other engines.
    pub skipped: u64,
    /// Rules commented out.
    pub disabled: u64,
    /// What was wrong, at most [`crate::MAX_REFUSALS`] for each file.
    pub refusals: Vec<Refusal>,
}

impl Summary {
    /// Rules that are switched on: all but those commented out.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.loaded + self.degraded + self.refused + self.skipped
    }

    /// Loaded of those that apply to this engine, in percent; 100 where there are none.
    ///
    /// A degraded rule is read and counts as loaded.
    #[must_use]
    pub fn loaded_percent(&self) -> f64 {
        let applicable = self.total() - self.skipped;
        if applicable == 0 {
            return 100.0;
        }
        (self.loaded + self.degraded) as f64 * 100.0 / applicable as f64
    }
}
