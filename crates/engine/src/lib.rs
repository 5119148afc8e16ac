//! Packets and rules to records: flows, streams, application records, detection.
//!
//! Pure: time comes with the packet, records go to whoever calls. The folders stand in the order
//! a packet takes: `flow` finds whose packet it is, `tcp` puts its bytes in order, `app_layer`
//! hands them to a parser, `detect` holds rules against all of it.

pub mod app_layer;
pub mod detect;
pub mod flow;
pub mod tcp;
