//! Keeps event records and finds them again.

pub mod fields;
pub mod query;
pub mod search;
