//! Keeps compiled sets of literals in a folder, so that the next start need not compile them.
//!
//! A file is named by the hash of what it was made from. Nothing here fails: what cannot be read or
//! is damaged is compiled again, what cannot be written is not kept.

use matcher::{Error, Literal, LiteralSet};
use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};

/// Literals below which compiling is faster than reading a file.
const LITERALS_MIN: usize = 64;
/// Largest file that is read back; a set of 100,000 literals takes less.
const FILE_MAX: u64 = 256 << 20;

/// A folder of compiled sets, or none.
#[derive(Debug, Default)]
pub(super) struct Cache {
    folder: Option<PathBuf>,
}

impl Cache {
    pub(super) fn new(folder: Option<&Path>) -> Self {
        let folder = folder.filter(|path| fs::create_dir_all(path).is_ok());
        Cache {
            folder: folder.map(Path::to_path_buf),
        }
    }

    /// The set of `literals`, read back or compiled and kept.
    pub(super) fn get_or_compile(&self, literals: &[Literal<'_>]) -> Result<LiteralSet, Error> {
        if literals.len() < LITERALS_MIN {
            return LiteralSet::compile(literals);
        }
        let Some(folder) = &self.folder else {
            return LiteralSet::compile(literals);
        };
        let path = folder.join(format!("{}.literals", key(literals)));
        if let Some(set) = read(&path).filter(|set| set.len() == literals.len()) {
            return Ok(set);
        }
        let set = LiteralSet::compile(literals)?;
        if let Ok(stored) = set.serialize() {
            write(&path, &stored);
        }
        Ok(set)
    }

    /// Whether the rules with this key were built before without a refusal.
    pub(super) fn is_known(&self, key: &str) -> bool {
        self.folder
            .as_ref()
            .is_some_and(|folder| folder.join(format!("{key}.built")).exists())
    }

    /// Remembers that the rules with this key were built without a refusal.
    pub(super) fn remember(&self, key: &str) {
        if let Some(folder) = &self.folder {
            write(&folder.join(format!("{key}.built")), b"");
        }
    }
}

fn read(path: &Path) -> Option<LiteralSet> {
    let len = fs::metadata(path).ok()?.len();
    if len > FILE_MAX {
        return None;
    }
    LiteralSet::deserialize(&fs::read(path).ok()?).ok()
}

/// Writes beside and renames, so that a reader never sees half a file.
fn write(path: &Path, bytes: &[u8]) {
    let beside = path.with_extension(format!("{}.new", std::process::id()));
    if fs::write(&beside, bytes).is_ok() && fs::rename(&beside, path).is_err() {
        let _ = fs::remove_file(&beside);
    }
}

fn key(literals: &[Literal<'_>]) -> String {
    let mut hash = Sha256::new();
    hash.update(matcher::version().as_bytes());
    for literal in literals {
        hash.update((literal.bytes.len() as u64).to_le_bytes());
        hash.update([u8::from(literal.is_nocase)]);
        hash.update(literal.bytes);
    }
    hex(&hash.finalize())
}

/// The first 16 bytes in hexadecimal: enough to tell sets of rules apart.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
