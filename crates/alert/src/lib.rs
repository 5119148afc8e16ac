//! Events become incidents, and people hear of them.
//!
//! in: `events`, `actions`, `orders` · out: `incidents`

pub mod change;
