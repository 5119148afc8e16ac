//! The vocabulary of Ratel: what is said in EVE records and in rules.
//!
//! No I/O and no clock live here. Every other crate speaks these words.

pub mod action;
pub mod address;
pub mod buffer;
pub mod direction;
pub mod json;
pub mod number;
pub mod order;
pub mod prefix;
pub mod protocol;
pub mod time;

pub use action::{Action, ActionId};
pub use buffer::Buffer;
pub use direction::Direction;
pub use number::Number;
pub use order::Order;
pub use prefix::Prefix;
pub use protocol::{AppProtocol, IpProtocol};
pub use time::Timestamp;
