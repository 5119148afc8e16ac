//! TCP: where each end stands, and its bytes in order.

/// Both ends of a TCP connection.
#[derive(Debug, Default)]
pub struct Session {}
