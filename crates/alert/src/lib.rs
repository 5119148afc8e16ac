//! Events become incidents, and people hear of them.
//!
//! in: `events`, `actions`, `orders` · out: `incidents`
//!
//! A record is a finding ([`finding`]) where it tells of an attack; the engine ([`engine`]) puts it
//! into an incident and says what changed ([`change`]) and how loud that is told.

pub mod assets;
pub mod attack;
pub mod change;
pub mod engine;
pub mod finding;
