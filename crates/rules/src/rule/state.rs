//! What earlier matches left behind: counters of a flow, bits of hosts and pairs of hosts.

/// `flowint` as a condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowintCheck {
    /// The counter.
    pub name: String,
    /// What to ask.
    pub ask: FlowintAsk,
}

/// What `flowint` asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FlowintAsk {
    /// `isset`.
    IsSet,
    /// `isnotset` (`notset`).
    IsNotSet,
    /// Comparison with a number or another counter.
    Compare(FlowintOperator, FlowintOperand),
}

/// Comparisons of `flowint`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlowintOperator {
    /// `==`.
    Equal,
    /// `!=`.
    NotEqual,
    /// `<`.
    Less,
    /// `<=`.
    LessOrEqual,
    /// `>`.
    Greater,
    /// `>=`.
    GreaterOrEqual,
}

/// The right side of `flowint`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FlowintOperand {
    /// A number.
    Number(u32),
    /// Another counter.
    Counter(String),
}

/// `xbits` name and key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Xbits {
    /// The bit.
    pub name: String,
    /// Whose bit it is.
    pub track: XbitsTrack,
    /// Seconds it stays set.
    pub expire_secs: u32,
}

/// Whose bit an xbit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum XbitsTrack {
    /// `ip_src`.
    Source,
    /// `ip_dst`.
    Destination,
    /// `ip_pair`.
    Pair,
    /// `tx`.
    Transaction,
}

/// `hostbits`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Hostbits {
    /// The bit.
    pub name: String,
    /// Whose: source, destination, or both.
    pub track: HostTrack,
}

/// Whose bit a hostbit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HostTrack {
    /// `src`.
    Source,
    /// `dst`.
    Destination,
    /// `both`.
    Both,
}
