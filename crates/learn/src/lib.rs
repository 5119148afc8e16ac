//! Flows to findings: what no signature knows.
//!
//! `table` holds flows with their labels, `scale` makes inputs of them that a model can learn from.

pub mod scale;
pub mod table;
