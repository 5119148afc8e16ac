//! What the fuzz targets run: each takes any bytes and panics where a promise is broken.
//!
//! The targets stand here and not in `fuzz/`, so that `tests/replay.rs` runs every seed and every
//! regression on each ordinary test run, without a fuzzer.

mod app;
mod capture;
mod defrag;
#[cfg(feature = "engine")]
mod engine;
mod file;
mod filter;
pub mod input;
mod packet;
#[cfg(feature = "engine")]
mod program;
#[cfg(feature = "store")]
mod query;
pub mod record;
mod rules;
#[cfg(feature = "engine")]
mod stream;
pub mod talk;

pub use app::{dns, ftp, http, smtp, ssh, tls};
pub use capture::capture;
pub use defrag::defrag;
#[cfg(feature = "engine")]
pub use engine::engine;
pub use file::file;
pub use filter::filter;
pub use packet::packet;
#[cfg(feature = "engine")]
pub use program::program;
#[cfg(feature = "store")]
pub use query::query;
pub use rules::rules;
#[cfg(feature = "engine")]
pub use stream::stream;

/// What a target does with bytes.
pub type Target = fn(&[u8]);

/// Every target by the name of its binary and of its folders in `fuzz/`.
pub const TARGETS: &[(&str, Target)] = &[
    ("capture", capture),
    ("packet", packet),
    ("defrag", defrag),
    ("http", http),
    ("dns", dns),
    ("tls", tls),
    ("ssh", ssh),
    ("smtp", smtp),
    ("ftp", ftp),
    ("file", file),
    ("rules", rules),
    ("filter", filter),
    #[cfg(feature = "store")]
    ("query", query),
    #[cfg(feature = "engine")]
    ("stream", stream),
    #[cfg(feature = "engine")]
    ("program", program),
    #[cfg(feature = "engine")]
    ("engine", engine),
];
