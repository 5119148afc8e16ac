//! Who asks, and what they may do.

pub mod principal;

pub use principal::{Principal, Role, Via};
