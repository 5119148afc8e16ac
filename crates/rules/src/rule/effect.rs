//! What a match changes, and how often it is told.

use super::header::Action;
use super::state::{FlowintOperand, Hostbits, Xbits};
use event::Direction;

/// What a match changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// `flowbits:set|unset|toggle`; names.
    Flowbits(BitChange, Vec<String>),
    /// `flowint:name,=|+|-,value`.
    Flowint {
        /// The counter.
        name: String,
        /// `=`, `+` or `-`.
        change: FlowintChange,
        /// By what.
        operand: FlowintOperand,
    },
    /// `xbits:set|unset|toggle`.
    Xbits(BitChange, Xbits),
    /// `hostbits:set|unset|toggle`.
    Hostbits(BitChange, Hostbits),
    /// `tag`.
    Tag {
        /// `session` true, `host` false.
        of_session: bool,
        /// How many.
        count: u32,
        /// Of what.
        metric: TagMetric,
        /// For `host`: the source's host where true, the destination's where false.
        of_source: bool,
    },
    /// `filestore` with direction (None: as the rule's) and scope.
    Filestore {
        /// Request or response files, or both where None.
        direction: Option<Direction>,
        /// `file`, `tx`, `flow` (`ssn`).
        scope: String,
    },
    /// `bypass`.
    Bypass,
    /// `config:…`, `tls.store`, `setconfig` and the like as written.
    Keyword {
        /// The keyword.
        name: String,
        /// Its argument.
        argument: String,
    },
}

/// Changes of a bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BitChange {
    /// `set`.
    Set,
    /// `unset`.
    Unset,
    /// `toggle`.
    Toggle,
}

/// Changes of a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlowintChange {
    /// `=`.
    Assign,
    /// `+`.
    Add,
    /// `-`.
    Subtract,
}

/// What `tag` counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TagMetric {
    /// `packets`.
    Packets,
    /// `bytes`.
    Bytes,
    /// `seconds`.
    Seconds,
}

/// `threshold`, `detection_filter`, and the lines of `threshold.config`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Threshold {
    /// What the count means.
    pub kind: ThresholdKind,
    /// Whose events are counted together.
    pub track: ThresholdTrack,
    /// How many.
    pub count: u32,
    /// Within so many seconds.
    pub seconds: u32,
    /// `multiplier` of `backoff`.
    pub multiplier: u32,
    /// `rate_filter`: the action while the rate is exceeded, and for how many seconds.
    pub new_action: Option<(Action, u32)>,
}

/// Kinds of threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThresholdKind {
    /// At most `count` alerts in each window.
    Limit,
    /// An alert at each `count`-th event.
    Threshold,
    /// Both: one alert per window, after `count` events.
    Both,
    /// An alert once `count` was reached, and for each after.
    DetectionFilter,
    /// Another action while the rate is exceeded.
    RateFilter,
    /// At counts 1, 1*multiplier, …
    Backoff,
}

/// Whose events a threshold counts together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ThresholdTrack {
    /// `by_src`.
    Source,
    /// `by_dst`.
    Destination,
    /// `by_rule`.
    Rule,
    /// `by_both`.
    Pair,
    /// `by_flow`.
    Flow,
}
