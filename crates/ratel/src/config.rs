//! From settings to what the engine and the outputs are told.

pub mod eve;
pub mod outputs;
