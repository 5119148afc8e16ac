//! Holds rules against packets, streams and transactions.
//!
//! A [`Ruleset`] is built once and shared; each thread owns a [`Detector`]. For each packet the
//! detector finds the rules that may match (prefilter, and lists of rules without a pattern), then
//! holds each of them against the packet, its stream and its transactions, in the order of rules.

pub mod alerts;
pub mod analysis;
pub mod bits;
mod bytes;
mod cache;
mod classify;
mod conditions;
mod content;
pub mod context;
pub mod datasets;
pub mod details;
mod driver;
mod ends;
mod fast_pattern;
mod fields;
pub mod iprep;
mod limits;
mod lists;
mod look;
mod migration;
pub mod names;
mod order;
mod payload;
pub mod pcre;
mod prefilter;
pub mod program;
mod ruleset;
mod signature;
mod state;
pub mod tags;
mod tally;
pub mod thresholds;
pub mod trace;
mod transactions;
pub mod transforms;

pub use alerts::{Alert, AlertKind, Alerts, PacketVerdict, StoreRequest};
pub use context::{PacketContext, pseudo_packet};
pub use details::Details;
pub use driver::{Detector, Settings};
pub use fields::{BodyWindow, BodyWindows};
pub use migration::Migration;
pub use order::{ActionClass, ActionOrder};
pub use ruleset::{BuildError, Options, Refused, Ruleset};
pub use signature::{Kind, RuleId, Signature, StoreScope};
pub use state::{FlowDetection, Memory};
pub use tally::{RuleStats, Tallies};
pub use trace::{Span, Traced};
