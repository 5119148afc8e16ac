//! Keeps event records and finds them again.

pub mod query;
pub mod search;
