//! EVE records in Suricata 8's schema: one file for each kind.

pub mod alert;
pub mod anomaly;
pub mod arp;
pub mod config;
pub mod drop;
pub mod fast;
pub mod flow;
pub mod header;
pub mod recorder;
pub mod seen;
pub mod stats;
pub mod transaction;

pub use config::EveConfig;
pub use header::Source;
pub use recorder::Recorder;
pub use seen::Seen;
