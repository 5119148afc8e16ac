//! Holds rules against packets, streams and transactions.

pub mod bits;
mod bytes;
mod content;
pub mod datasets;
pub mod iprep;
pub mod pcre;
pub mod program;
pub mod tags;
pub mod thresholds;
pub mod transforms;

/// What rules remember of a flow.
#[derive(Debug, Default)]
pub struct FlowDetection {}
