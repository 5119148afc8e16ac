//! DNS over UDP and TCP (RFC 1035), and multicast DNS (RFC 6762), which shares all but its records.
//!
//! Each message is a transaction of its own: an answer need not come, nor follow its question.
//! Messages carried by other protocols are read with [`DnsTransaction::read`].

mod config;
mod field;
mod kinds;
mod log;
mod message;
mod name;
mod parser;
mod probe;
mod transaction;

pub use config::{Formats, LogSettings, Settings, Version};
pub use kinds::{Rcode, RecordType, TypeSet};
pub use message::Message;
pub use transaction::{DnsTransaction, Kind, Refused, Variant};

use super::Entry;
use event::AppProtocol;

/// Names of events, in both variants.
const EVENTS: &[&str] = &[
    "malformed_data",
    "not_request",
    "not_response",
    "z_flag_set",
    "invalid_opcode",
    "name_too_long",
    "infinite_loop",
    "too_many_labels",
    "invalid_additionals",
    "invalid_authorities",
];

/// DNS.
pub(super) const DNS: Entry = Entry {
    protocol: AppProtocol::Dns,
    tcp: true,
    udp: true,
    probe: Some(probe::dns),
    create: |_| Box::new(parser::DnsParser::new(Variant::Dns)),
    events: EVENTS,
};

/// Multicast DNS.
pub(super) const MDNS: Entry = Entry {
    protocol: AppProtocol::Mdns,
    tcp: false,
    udp: true,
    probe: Some(probe::mdns),
    create: |_| Box::new(parser::DnsParser::new(Variant::Multicast)),
    events: EVENTS,
};

#[cfg(test)]
mod tests;
