//! Keeps event records and finds them again.
//!
//! in: topic `events`, group `store`. out: nothing; people and other services ask [`Store`].
//!
//! Records are kept byte for byte in slices: folders that are filled one after the other, sealed
//! when they are full, and dropped or thinned as a whole by age, size and room on the disk. Or they
//! are kept by a server of Elasticsearch or OpenSearch, which answers the same questions alike.

pub mod config;
pub mod elastic;
pub mod face;
pub mod fields;
pub mod index;
pub mod ingest;
pub mod query;
pub mod retention;
pub mod search;
pub mod service;

mod error;
mod metrics;
mod store;

pub use self::config::Config;
pub use self::error::Error;
pub use self::store::{SeenField, Store};
