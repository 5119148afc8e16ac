//! Packets and rules to records: flows, streams, application records, detection.
//!
//! Pure: time comes with the packet, records go to whoever calls. The folders stand in the order
//! a packet takes: `pipeline` is the way itself, `flow` finds whose packet it is, `tcp` puts its
//! bytes in order, `app_layer` hands them to a parser, `detect` holds rules against all of it,
//! `records` tells what came of it.

pub mod app_layer;
pub mod config;
pub mod detect;
pub mod flow;
pub mod output;
pub mod pipeline;
pub mod records;
pub mod tcp;

/// The version of the EVE schema that records follow, as `suricata_version` tells it.
pub const EVE_VERSION: &str = "8.0.2";
