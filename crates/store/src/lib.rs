//! Keeps event records and finds them again.

pub mod elastic;
pub mod fields;
pub mod query;
pub mod search;
