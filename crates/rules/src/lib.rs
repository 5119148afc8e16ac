//! The rule language: text to checked rules, each with a verdict.
//!
//! Pure: it reads no files but those that its caller hands over, and never fails on one rule
//! because of another. [`parse_file`] reads a file of rules, [`RuleSet`] joins several.

pub mod addresses;
mod builder;
mod checks;
pub mod context;
pub mod file;
pub mod header;
pub mod lexer;
pub mod lists;
mod options;
pub mod ports;
pub mod rule;
pub mod thresholds;
pub mod verdict;

pub use context::{Context, Variables};
pub use file::{MAX_REFUSALS, MAX_RULES, RuleFile, RuleSet, parse_file};
pub use rule::Rule;
pub use thresholds::Thresholds;
pub use verdict::{Parsed, Refusal, Summary};
