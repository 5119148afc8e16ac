//! Sigma rules, version 2.1 of the specification: detections, filters and correlations over EVE records.
//!
//! ```text
//! text ─► document ─► detection, condition, correlation ─► set ─► matches of a record
//! ```
//!
//! Each document gets a verdict; one that is refused leaves the others. Text is compared without
//! regard to case unless `cased` says so; a field that a record does not have matches nothing.

mod condition;
mod correlation;
mod detection;
mod document;
mod field;
mod item;
mod logsource;
mod pattern;
mod set;
mod verdict;
mod window;

use std::collections::BTreeMap;

pub use set::{Hit, Rules};
pub use verdict::{State, Verdict};

/// Values for placeholders (`expand`), by name.
pub type Placeholders = BTreeMap<String, Vec<String>>;

/// Reads the documents of files (name and text) and links them: correlations find the rules that they
/// name, filters those that they narrow.
#[must_use]
pub fn read(files: &[(String, String)], placeholders: &Placeholders) -> Rules {
    let mut documents = Vec::new();
    let mut verdicts = Vec::new();
    for (file, text) in files {
        let (read, refused) = document::read(file, text, placeholders);
        documents.extend(read);
        verdicts.extend(refused);
    }
    Rules::link(documents, verdicts)
}

#[cfg(test)]
mod tests;
