//! The vocabulary of Ratel: what is said in EVE records, in rules and on topics.
//!
//! No I/O and no clock live here. Every other crate speaks these words.

pub mod action;
pub mod address;
pub mod buffer;
pub mod direction;
pub mod incident;
pub mod json;
pub mod number;
pub mod order;
pub mod prefix;
pub mod protocol;
pub mod record;
pub mod time;
pub mod topic;

pub use action::{Action, ActionId};
pub use buffer::Buffer;
pub use direction::Direction;
pub use incident::Incident;
pub use number::Number;
pub use order::Order;
pub use prefix::Prefix;
pub use protocol::{AppProtocol, IpProtocol};
pub use time::Timestamp;
pub use topic::{RecordId, RecordIds, Topic};
