//! Events become incidents, and people hear of them.
//!
//! in: `events`, `actions`, `orders` · out: `incidents`
//!
//! A record is a finding ([`finding`]) where it tells of an attack; the engine ([`engine`]) puts it
//! into an incident and says what changed ([`change`]) and how loud that is told. What people do not
//! want to hear of is told by silences ([`silence`]), what is known of our hosts by assets
//! ([`assets`]). The role ([`service`]) keeps all of it ([`book`]) so that it goes on after a restart.

pub mod assets;
pub mod attack;
pub mod book;
pub mod change;
pub mod config;
pub mod desk;
pub mod engine;
pub mod finding;
pub mod follow;
pub mod metrics;
pub mod notify;
pub mod service;
pub mod sigma;
pub mod silence;

pub use config::Config;
pub use service::{Alert, Ports};
