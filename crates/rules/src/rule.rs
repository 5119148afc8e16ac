//! A rule after reading: every keyword checked and given its meaning, nothing compiled yet.
//!
//! Reading (`parse`) fills these, the engine compiles them. Suricata's user guide, "Rules", is the
//! source of the keywords' meaning (<https://docs.suricata.io/en/latest/rules/>).

mod buffer;
mod condition;
mod effect;
mod header;
mod number;
mod payload;
mod state;

use std::sync::Arc;

pub use buffer::{Base64Mode, BufferMatch, Transform};
pub use condition::{
    Condition, FileText, FlagsModifier, FlowOptions, ProtocolView, ReputationSide, StreamSide,
};
pub use effect::{
    BitChange, Effect, FlowintChange, TagMetric, Threshold, ThresholdKind, ThresholdTrack,
};
pub use header::{Action, Addresses, Arrow, Ports, Protocol, RejectTo, Target};
pub use number::{Compare, Operator, Value};
pub use payload::{
    ByteExtract, ByteJump, ByteMath, ByteTest, CaptureScope, Content, Dataset, DatasetCommand,
    Encoding, FastPattern, FloatCompare, MathOperator, PayloadMatch, Pcre,
};
pub use state::{
    FlowintAsk, FlowintCheck, FlowintOperand, FlowintOperator, HostTrack, Hostbits, Xbits,
    XbitsTrack,
};

/// One rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// What happens when it matches.
    pub action: Action,
    /// Which packets it looks at.
    pub protocol: Protocol,
    /// The point of a protocol's exchange the rule is tied to (`http1:request_line`), if any.
    pub hook: Option<String>,
    /// Source addresses.
    pub source: Addresses,
    /// Source ports.
    pub source_ports: Ports,
    /// How source and destination relate to the packet.
    pub arrow: Arrow,
    /// Destination addresses.
    pub destination: Addresses,
    /// Destination ports.
    pub destination_ports: Ports,
    /// Signature id.
    pub sid: u32,
    /// Generator id, 1 where not given.
    pub gid: u32,
    /// Revision.
    pub rev: u32,
    /// What an alert says.
    pub msg: String,
    /// Name of its class, as written.
    pub classtype: Option<String>,
    /// Description of its class, from `classification.config`.
    pub category: String,
    /// 1 (highest) to 255; from the class where not given.
    pub priority: u8,
    /// What stands before the id in the system's addresses, by `reference.config` (the system's name
    /// where the list does not know it), and the id: `("http://cve.example/", "2021-44228")`.
    pub references: Vec<(String, String)>,
    /// Key and value pairs of `metadata`, in order.
    pub metadata: Vec<(String, String)>,
    /// Which end is the target of the attack.
    pub target: Option<Target>,
    /// Whether a match is told.
    pub is_silent: bool,
    /// Conditions outside buffers, in the order written.
    pub conditions: Vec<Condition>,
    /// What must be found in buffers, one entry for each stretch of the rule that looks into one.
    pub buffers: Vec<BufferMatch>,
    /// What a match changes, in the order written.
    pub effects: Vec<Effect>,
    /// Limits on alerting.
    pub threshold: Option<Threshold>,
    /// `detection_filter`.
    pub detection_filter: Option<Threshold>,
    /// Whether `prefilter` was written after a condition: its index in `conditions`.
    pub prefilter: Option<usize>,
    /// Where it was read.
    pub origin: Origin,
    /// The rule as written, lines joined.
    pub text: Arc<str>,
}

/// Where a rule was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// Name of the file.
    pub file: Arc<str>,
    /// Line of its first character, from 1.
    pub line: u32,
}
