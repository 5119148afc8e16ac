//! What records say about a rule, in one piece of memory for each rule.
//!
//! A large set has 30,000 rules with a dozen short texts each; as separate strings they would take
//! more memory than everything else, so they stand in one text and are found by separators.

use rules::rule::{Rule, Target};
use std::sync::Arc;

/// Separates the parts of the text; no rule holds this character.
const SEPARATOR: char = '\u{1f}';

/// Texts of a rule.
#[derive(Debug)]
pub struct Details {
    /// `msg`, then references, then metadata, each key and value closed by a separator.
    text: Box<str>,
    msg_len: u32,
    references_end: u32,
    /// Description of its class, shared between rules.
    category: Arc<str>,
    /// The rule as written.
    raw: Arc<str>,
    /// File it was read from.
    file: Arc<str>,
    line: u32,
    target: Option<Target>,
}

impl Details {
    /// Takes what records need from `rule`; `category` as interned by the caller.
    pub(super) fn of(rule: &Rule, category: Arc<str>) -> Self {
        let mut text = rule.msg.clone();
        let msg_len = text.len() as u32;
        push_pairs(&mut text, &rule.references);
        let references_end = text.len() as u32;
        push_pairs(&mut text, &rule.metadata);
        Details {
            text: text.into(),
            msg_len,
            references_end,
            category,
            raw: rule.text.clone(),
            file: rule.origin.file.clone(),
            line: rule.origin.line,
            target: rule.target,
        }
    }

    /// What an alert says.
    #[must_use]
    pub fn msg(&self) -> &str {
        self.text.get(..self.msg_len as usize).unwrap_or_default()
    }

    /// Description of its class.
    #[must_use]
    pub fn category(&self) -> &str {
        &self.category
    }

    /// Beginning and end of each address.
    pub fn references(&self) -> impl Iterator<Item = (&str, &str)> {
        pairs(
            self.text
                .get(self.msg_len as usize..self.references_end as usize)
                .unwrap_or_default(),
        )
    }

    /// Pairs of key and value, in order.
    pub fn metadata(&self) -> impl Iterator<Item = (&str, &str)> {
        pairs(
            self.text
                .get(self.references_end as usize..)
                .unwrap_or_default(),
        )
    }

    /// The rule as written.
    #[must_use]
    pub fn raw(&self) -> &str {
        &self.raw
    }

    /// Its options, in order: a number of [`rules::rule::BufferMatch::options`] is a place here.
    pub fn options(&self) -> impl Iterator<Item = rules::lexer::RuleOption<'_>> {
        rules::lexer::options(&self.raw)
    }

    /// File and line it was read from.
    #[must_use]
    pub fn origin(&self) -> (&str, u32) {
        (&self.file, self.line)
    }

    /// Which end is the target.
    #[must_use]
    pub fn target(&self) -> Option<Target> {
        self.target
    }
}

fn push_pairs(text: &mut String, pairs: &[(String, String)]) {
    for (key, value) in pairs {
        for part in [key, value] {
            if part.contains(SEPARATOR) {
                text.extend(part.chars().filter(|&c| c != SEPARATOR));
            } else {
                text.push_str(part);
            }
            text.push(SEPARATOR);
        }
    }
}

fn pairs(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut parts = text.split_terminator(SEPARATOR);
    std::iter::from_fn(move || Some((parts.next()?, parts.next()?)))
}
