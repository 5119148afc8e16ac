//! Threat intelligence: addresses that others have seen at work, as sets with age and source.
//!
//! A feed is fetched ([`fetch`]) when it is due, read ([`read`]) line by line or object by object, and
//! kept ([`keep`]) until it is fetched again: a fetch that fails leaves the old set in place and is
//! told. Records whose addresses are listed are tagged, for playbooks to judge; only where a feed says
//! `action: block` its addresses are blocked ahead of any attack ([`follow`]), by the same hand and with
//! the same protected set as every other action.

pub mod config;
mod csv;
pub mod fetch;
pub mod follow;
pub mod keep;
mod list;
mod metrics;
mod pattern;
pub mod read;
pub mod set;
mod stix;
mod store;
mod taxii;

pub use config::Feed;
pub use keep::{Feeds, Standing};
