//! The control API: one file for each noun, every function from what was asked and what is known
//! to an answer. Nothing here waits; `service.rs` does.

pub mod actions;
pub mod idempotency;
pub mod orders;
pub mod problem;
pub mod query;
pub mod status;
