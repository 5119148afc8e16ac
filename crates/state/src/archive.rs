//! Backups: folders and files of a Ratel that runs, in one file that can be held against itself.
//!
//! The file is a tar packed with zstd. Its last entry, `manifest.json`, names every other with length and SHA-256, so
//! that nothing can be missing, cut off or changed unseen. Parts are read in the order in which they are given: what is
//! derived from something else before that something, so that a restored Ratel does at worst again what it had done.

mod folder;
mod pack;
mod unpack;

use std::path::{Path, PathBuf};

use event::Timestamp;
use serde::{Deserialize, Serialize};

pub use pack::pack;
pub use unpack::{check, unpack};

/// The form of backups that is written; one of a higher number was made by a newer Ratel.
pub const FORMAT: u32 = 1;
/// The entry that names the others.
const MANIFEST: &str = "manifest.json";
/// Bytes of a manifest: a million files.
const MAX_MANIFEST: u64 = 256 << 20;
/// Files in a backup.
const MAX_FILES: usize = 1_000_000;
/// Bytes of a file's name in a backup.
const MAX_NAME: usize = 1_000;

/// Why there is no backup, or why it can't be restored.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file can't be read or written.
    #[error("cannot {what} {}: {source}", path.display())]
    File {
        /// What was to be done.
        what: &'static str,
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The backup is not what was written.
    #[error("{}: the backup is damaged: {why}", path.display())]
    Damaged {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The backup was made by a newer Ratel.
    #[error("{}: made by a newer Ratel ({version}): restore it with that one", path.display())]
    Newer {
        /// Which.
        path: PathBuf,
        /// By which.
        version: String,
    },
    /// There is too much of something.
    #[error("{0}")]
    TooMuch(String),
}

impl Error {
    fn file(what: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Error {
        let path = path.to_owned();
        move |source| Error::File { what, path, source }
    }

    fn damaged(path: &Path, why: impl std::fmt::Display) -> Error {
        Error::Damaged {
            path: path.to_owned(),
            why: why.to_string(),
        }
    }
}

/// What goes into a backup.
#[derive(Clone, Debug)]
pub enum Part {
    /// Everything below a folder, as `NAME/…`; a folder that is not there is empty.
    Folder {
        /// What it is called in the backup.
        name: String,
        /// Where it is.
        folder: PathBuf,
        /// Files and folders that are left out.
        without: Vec<PathBuf>,
    },
    /// One file.
    File {
        /// What it is called in the backup.
        name: String,
        /// Where it is.
        path: PathBuf,
    },
}

/// What a backup says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The form of the backup.
    pub format: u32,
    /// Which Ratel made it.
    pub version: String,
    /// When.
    pub created: Timestamp,
    /// Everything in it, in its order.
    pub files: Vec<Entry>,
}

/// A file in a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its name: parts with slashes between them.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// SHA-256 of it, 64 hexadecimal digits.
    pub sha256: String,
    /// Who may read and write it.
    pub mode: u32,
}

impl Manifest {
    /// Bytes of all files.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }
}

/// Whether a name can be one in a backup: plain parts, none of which leads up or out.
fn is_plain(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= MAX_NAME
        && !name.contains(['\0', '\\'])
        && name.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests;
