//! Many literals at once: a safe face for vectorscan, and the one crate that calls C.
//!
//! A [`LiteralSet`] is compiled once and shared by threads; each thread owns a [`Scratch`]. All
//! of it is block mode: what is handed to [`LiteralSet::scan`] is looked at as a whole, and each
//! literal is told at most once for each scan.

mod envelope;
mod scratch;
mod set;

pub use scratch::Scratch;
pub use set::{Literal, LiteralSet, MAX_LITERAL_LEN, version};

/// Why literals could not be compiled, read back or looked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A literal holds no byte.
    #[error("literal {id} is empty")]
    EmptyLiteral {
        /// Its id.
        id: u32,
    },
    /// A literal is longer than [`MAX_LITERAL_LEN`].
    #[error("literal {id} has {len} bytes, more than {MAX_LITERAL_LEN}")]
    LongLiteral {
        /// Its id.
        id: u32,
        /// Its length.
        len: usize,
    },
    /// vectorscan refused the set.
    #[error("literals can't be compiled: {0}")]
    Compile(String),
    /// A stored set is not one of ours, was cut or changed, or was made by another version.
    #[error("stored literals can't be used: {0}")]
    Stored(&'static str),
    /// No memory for working space.
    #[error("no working space for literals (vectorscan {0})")]
    Scratch(i32),
    /// The scan failed.
    #[error("literals can't be looked for (vectorscan {0})")]
    Scan(i32),
}
