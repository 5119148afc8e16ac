//! What people decide and what is known of incidents, in SQL.
//!
//! A library, not a service: `alert` keeps incidents here, `console` keeps users, sessions, tokens, triage, notes,
//! silences and saved queries. One schema on SQLite (one host) and on PostgreSQL (more than one); every noun has a file
//! and a handle (`state.users()`), every list is read in pages, every text has a limit. The time is an argument.

pub mod archive;
pub mod config;
mod dump;
mod error;
pub mod incidents;
pub mod kv;
pub mod limits;
pub mod machine;
mod names;
pub mod notes;
mod open;
pub mod overlays;
pub mod page;
pub mod queries;
mod role;
mod row;
pub mod sessions;
pub mod silences;
mod sql;
pub mod tokens;
pub mod users;

pub use config::Config;
pub use error::Error;
pub use names::{random_id, user_name};
pub use open::{Kind, State};
pub use page::{Page, Paging};
pub use role::Role;
