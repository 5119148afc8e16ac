//! Packets to flow features: what CICFlowMeter computes, and what a detector needs beyond it.
//!
//! Pure and bounded: time comes with the packet, a flow takes constant memory, and the table of
//! flows has a limit. `seen` takes from a packet what counts, `meter` finds its flow and ends
//! flows, `flow` keeps the running figures of one, `more` what CICFlowMeter does not tell, `columns` gives
//! them their names.
//!
//! Sources: A. H. Lashkari et al., CICFlowMeter v4 (the 84 columns); G. Engelen, V. Rimmer and
//! W. Joosen, "Troubleshooting an Intrusion Detection Dataset: the CICIDS2017 Case Study", 2021
//! (its faults, and 94 columns without them).

mod attach;
mod bulk;
pub mod columns;
mod content;
pub mod definition;

mod flow;
mod hosts;
mod meter;
mod more;
mod seen;
mod summary;
pub mod write;

pub use attach::Attach;
pub use definition::Definition;
pub use flow::{End, Flow};
pub use hosts::Hosts;
pub use meter::{Meter, Settings};
pub use seen::Seen;

#[cfg(test)]
mod tests;
