//! What people and other programs ask Ratel, and what they get to hear.
//!
//! in: `actions` (every state of every action), `events` (counted by kind, told to who follows them),
//! `incidents` (told to who follows them). out: `orders` (what people ask for), `events` (of captures that
//! people hand in).
//!
//! Four doors. The dashboard and its API (`/api/v1`) stand on TCP with TLS. The control API stands on a Unix socket: who may open the socket may give orders.
//! The monitor stands on TCP at loopback and answers metrics and probes, without addresses in them.
//! The bouncer API stands on TCP, is off unless configured, can only be read, and speaks what
//! CrowdSec's local API speaks, so that existing bouncers enforce our decisions.

pub mod api;
pub mod auth;
pub mod bouncer;
pub mod client;
pub mod config;
mod counts;
mod crowd;
pub mod exposition;
mod metrics;
mod peer;
mod place;
mod proxies;
mod serve;
pub mod service;
mod socket;
pub mod tls;
pub mod view;
pub mod web;

pub use config::Config;
pub use counts::EventCounts;
pub use service::{Console, Error, Ports};
