//! `matches`: regular expressions that are compiled once, not at each question.
//!
//! A pattern stands in the condition as it is, never in a document: so there are few of them, a person wrote
//! them, and one that can't be read is told when the condition is. The engine takes time linear in the text
//! (`regex`: no back references, no look-around).

use std::cell::RefCell;
use std::collections::HashMap;

use regex::{Regex, RegexBuilder};

/// Bytes that a compiled pattern may take.
const MAX_COMPILED: usize = 1 << 20;
/// Compiled patterns that a thread keeps; beyond it begins anew.
const MAX_KEPT: usize = 256;

thread_local! {
    static COMPILED: RefCell<HashMap<String, Regex>> = RefCell::default();
}

/// Whether a pattern can be read.
///
/// # Errors
/// In words: it is no regular expression, or too large a one.
pub fn check(pattern: &str) -> Result<(), String> {
    compile(pattern).map(drop)
}

/// Whether `text` has a match of `pattern`; none in a pattern that can't be read.
pub fn matches(text: &str, pattern: &str) -> bool {
    COMPILED.with_borrow_mut(|compiled| {
        if let Some(known) = compiled.get(pattern) {
            return known.is_match(text);
        }
        let Ok(made) = compile(pattern) else {
            return false;
        };
        if compiled.len() >= MAX_KEPT {
            compiled.clear();
        }
        compiled
            .entry(pattern.to_owned())
            .or_insert(made)
            .is_match(text)
    })
}

fn compile(pattern: &str) -> Result<Regex, String> {
    let built = RegexBuilder::new(pattern).size_limit(MAX_COMPILED).build();
    built.map_err(|error| format!("matches: {error}"))
}
