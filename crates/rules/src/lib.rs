//! The rule language: text to checked rules, each with a verdict.
//!
//! Pure: it reads no files but those that its caller hands over, and never fails on one rule
//! because of another.

pub mod rule;

pub use rule::Rule;
