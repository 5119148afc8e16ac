//! Plan, act, verify, undo: what Ratel does to an attack, and the proof that it was done.
//!
//! in: `events`, `incidents`, `orders` · out: `actions`
//!
//! A record is held against the playbooks ([`playbook`]), which gives plans ([`plan`]): values that
//! can be printed, refused, tested. What is carried out goes through one hand ([`actuate`]), which
//! computes the protected set ([`protected`]) anew before each change of the firewall ([`firewall`]).
//! Who is known beforehand to attack comes from feeds ([`feeds`]).
//! Then it is verified ([`verify`]) until it ends or is undone ([`undo`]). Every state is in the
//! journal ([`journal`]), from which a crash recovers, and in the audit log ([`audit`]).

pub mod actuate;
pub mod audit;
pub mod config;
pub mod feeds;
pub mod firewall;
pub mod harden;
pub mod host;
pub mod journal;
pub mod ledger;
pub mod metrics;
pub mod plan;
pub mod playbook;
pub mod protected;
pub mod service;
pub mod undo;
pub mod verify;

pub use config::Config;
pub use service::{OrderError, Responder};
