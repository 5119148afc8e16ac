//! Holds rules against packets, streams and transactions.

/// What rules remember of a flow.
#[derive(Debug, Default)]
pub struct FlowDetection {}
