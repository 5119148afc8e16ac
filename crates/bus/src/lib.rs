//! The bus: ordered topics, at least once, on which services meet.
//!
//! A record that was acknowledged survives the death of the process. Records of one key stay in
//! order. A group reads on where it committed; what comes twice has the same id. A full topic or a
//! full disk makes publishers wait and then tells them; nothing is dropped that a running reader
//! has yet to read, but by age, and a reader that missed records is told which.
//!
//! The topics themselves are a log on disk inside the process or Kafka, by one value of the
//! configuration; see `disk.rs` for the first.

mod bus;
mod clock;
mod config;
mod disk;
mod error;
#[cfg(feature = "kafka")]
mod kafka;
mod metrics;
mod record;
mod seen;
mod signal;

pub use self::bus::{Bus, GroupLag, Publisher, Refused, Start, Subscription};
pub use self::clock::Clock;
pub use self::config::{
    Config, Fsync, Kafka, Kind, Mechanism, Sasl, Tls, TopicConfig, Topics, WhenFull,
};
pub use self::error::Error;
pub use self::record::{Acknowledged, Batch, Delivery, Gap, GapReason, MAX_KEY, MAX_VALUE, Record};
pub use self::seen::Seen;
