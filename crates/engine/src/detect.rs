//! Holds rules against packets, streams and transactions.

mod bytes;
mod content;
pub mod datasets;
pub mod pcre;
pub mod program;
pub mod transforms;

/// What rules remember of a flow.
#[derive(Debug, Default)]
pub struct FlowDetection {}
