//! What can go wrong with the store, each with its object and its cause.

use std::io;
use std::path::{Path, PathBuf};

/// What an operation of the store reports.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A value of the configuration cannot be.
    #[error("store: {key}: {why}")]
    Config {
        /// The key, with dots.
        key: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// A file or folder failed.
    #[error("store: cannot {what} {}: {source}", path.display())]
    Io {
        /// The verb.
        what: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another process writes into the folder.
    #[error("store: {} is written by another process", dir.display())]
    Locked {
        /// The folder.
        dir: PathBuf,
    },
    /// The store was opened for reading.
    #[error("store: it was opened for reading only")]
    ReadOnly,
    /// The index of a slice failed.
    #[error("store: slice {slice}: cannot {what}: {source}")]
    Index {
        /// The verb.
        what: &'static str,
        /// Which slice.
        slice: u64,
        /// Why.
        source: tantivy::TantivyError,
    },
    /// A file holds other bytes than were written.
    #[error("store: {}: damaged: {why}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        why: String,
    },
    /// A slice was written by another version of this program.
    #[error(
        "store: {} has layout {layout}, which this version does not read: search it with the version that wrote it, \
         or move it away",
        dir.display()
    )]
    Layout {
        /// The folder of the slice.
        dir: PathBuf,
        /// Its layout.
        layout: u32,
    },
    /// The server failed.
    #[error("store: {0}")]
    Elastic(crate::elastic::Error),
    /// What was asked for cannot be asked.
    #[error("{0}")]
    Asked(String),
    /// No room on the disk.
    #[error("store: no room on the disk of {}", dir.display())]
    DiskFull {
        /// The folder.
        dir: PathBuf,
    },
}

impl Error {
    pub(crate) fn io<'a>(
        what: &'static str,
        path: &'a Path,
    ) -> impl FnOnce(io::Error) -> Error + 'a {
        move |source| {
            if source.kind() == io::ErrorKind::StorageFull {
                let dir = path.to_owned();
                return Error::DiskFull { dir };
            }
            Error::Io {
                what,
                path: path.to_owned(),
                source,
            }
        }
    }

    pub(crate) fn index(
        what: &'static str,
        slice: u64,
    ) -> impl FnOnce(tantivy::TantivyError) -> Error {
        move |source| Error::Index {
            what,
            slice,
            source,
        }
    }

    /// Whether what is read holds other bytes than were written, which no second try changes.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        use tantivy::TantivyError;
        match self {
            Error::Damaged { .. }
            | Error::Index {
                source: TantivyError::DataCorruption(_),
                ..
            } => true,
            Error::Io { source, .. } => matches!(
                source.kind(),
                io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData
            ),
            Error::Index { .. }
            | Error::Config { .. }
            | Error::Locked { .. }
            | Error::ReadOnly
            | Error::Layout { .. }
            | Error::Elastic(_)
            | Error::Asked(_)
            | Error::DiskFull { .. } => false,
        }
    }

    /// Whether the question was wrong, not the store.
    #[must_use]
    pub const fn is_asked_wrong(&self) -> bool {
        matches!(self, Error::Asked(_))
    }
}

impl From<crate::elastic::Error> for Error {
    fn from(error: crate::elastic::Error) -> Error {
        match error {
            crate::elastic::Error::Asked(why) => Error::Asked(why),
            error => Error::Elastic(error),
        }
    }
}
