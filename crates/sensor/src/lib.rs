//! The sensor: packets on the wire to EVE events, live.
//!
//! in: packets of interfaces, rules (topic `releases`, by way of whoever holds the handle)
//! out: EVE records, one line each, to a [`sink::Sink`] for each worker (topic `events`)
//!
//! For each interface there are workers, each a thread with a capture ring, an engine and a sink of its
//! own; nothing is shared between them but the rules and what they count. The kernel spreads packets so
//! that what two hosts say to each other stays with one worker. A worker waits where its sink waits:
//! only the ring drops, and it counts what it drops.

pub mod arrivals;
pub mod config;
pub mod doctor;
mod doors;
pub mod metrics;
pub mod pcaps;
mod port;
pub mod publish;
pub mod rights;
pub mod rules;
pub mod service;
mod shared;
pub mod sink;
mod stats;
mod tallies;
mod worker;

pub use config::Config;
pub use rules::{ReloadError, Rules};
pub use service::{Handle, Service, Setup, StartError, may_capture};
pub use sink::{FnSink, Place, Sink};
