//! What people and other programs ask Ratel, and what they get to hear.
//!
//! in: `actions` (every state of every action), `events` (counted by kind, not read).
//! out: `orders` (what people ask for).
//!
//! Three doors. The control API stands on a Unix socket: who may open the socket may give orders.
//! The monitor stands on TCP at loopback and answers metrics and probes, without addresses in them.
//! The bouncer API stands on TCP, is off unless configured, can only be read, and speaks what
//! CrowdSec's local API speaks, so that existing bouncers enforce our decisions.

pub mod api;
pub mod auth;
pub mod bouncer;
pub mod client;
pub mod config;
mod counts;
pub mod exposition;
mod metrics;
mod peer;
mod serve;
pub mod service;
mod socket;
pub mod tls;
pub mod view;
#[allow(dead_code, reason = "routes come before what they ask")]
pub mod web;

pub use config::Config;
pub use counts::EventCounts;
pub use service::{Console, Error, Ports};
