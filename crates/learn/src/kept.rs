//! What the role keeps over a restart: how the threshold followed the traffic, and what is left of the day's budget.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::budget::Spent;
use crate::hex::hex;
use crate::threshold::Follow;

/// The file, below the role's folder.
const NAME: &str = "threshold.json";
/// Its bytes at most: two weeks of incidents are far less.
const MAX_BYTES: u64 = 16 << 20;
/// Bytes of a model file that are hashed at most, as many as are read.
const MAX_MODEL: u64 = 1 << 30;

/// What is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// SHA-256 of the model file whose scores these are: scores of another model mean something else.
    pub model: String,
    /// How the threshold followed the traffic, and for which budget.
    pub follow: Follow,
    /// Until when flows were seen, microseconds since 1970: long ago in those of earlier versions.
    #[serde(default)]
    pub seen_us: i64,
    /// What was told of the last day.
    #[serde(default)]
    pub spent: Spent,
}

/// The folder in which it is kept.
#[derive(Clone, Debug)]
pub struct Folder(pub PathBuf);

impl Folder {
    /// What was kept; none where nothing is there, or what is there can't be read, which is told.
    pub fn read(&self) -> Option<Kept> {
        let path = self.0.join(NAME);
        let file = File::open(&path).ok()?;
        let mut text = Vec::new();
        let read = file.take(MAX_BYTES).read_to_end(&mut text);
        let parsed = read.and_then(|_| serde_json::from_slice(&text).map_err(Into::into));
        parsed
            .inspect_err(|error| {
                tracing::warn!(
                    "{} cannot be read, threshold and budget begin anew: {error}",
                    path.display()
                );
            })
            .ok()
    }

    /// Whole or not at all, and on the disk when this returns: what is told next counts after any crash.
    ///
    /// # Errors
    /// The disk's.
    pub fn write(&self, kept: &Kept) -> io::Result<()> {
        fs::create_dir_all(&self.0)?;
        let part = self.0.join("threshold.part");
        let text = serde_json::to_vec(kept)?;
        let mut file = File::create(&part)?;
        file.write_all(&text)?;
        file.sync_all()?;
        fs::rename(&part, self.0.join(NAME))?;
        // Else the old name's content may be back after a crash of the machine.
        File::open(&self.0)?.sync_all()
    }
}

/// SHA-256 of a model's bytes.
#[must_use]
pub fn name_of(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// SHA-256 of a model file.
///
/// # Errors
/// It can't be read.
pub fn name_of_file(path: &Path) -> io::Result<String> {
    let mut hash = Sha256::new();
    io::copy(&mut File::open(path)?.take(MAX_MODEL), &mut hash)?;
    Ok(hex(&hash.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_and_what_is_no_such_file_is_not() {
        let dir = std::env::temp_dir().join(format!("ratel-kept-{}", std::process::id()));
        let folder = Folder(dir.clone());
        assert_eq!(folder.read(), None);
        let kept = Kept {
            model: name_of(b"a model"),
            follow: Follow::new(5.0, 2.5),
            seen_us: 7,
            spent: Spent::default(),
        };
        folder.write(&kept).unwrap();
        assert_eq!(folder.read(), Some(kept.clone()));
        assert!(!dir.join("threshold.part").exists());
        // That of an earlier version does not tell until when flows were seen.
        let mut before = serde_json::to_value(&kept).unwrap();
        before.as_object_mut().unwrap().remove("seen_us");
        fs::write(dir.join(NAME), before.to_string()).unwrap();
        assert_eq!(folder.read().map(|kept| kept.seen_us), Some(0));
        fs::write(dir.join("model"), b"a model").unwrap();
        assert_eq!(name_of_file(&dir.join("model")).unwrap(), kept.model);
        // That of an earlier version told of no model.
        let before = serde_json::to_vec(&kept.follow).unwrap();
        fs::write(dir.join(NAME), before).unwrap();
        assert_eq!(folder.read(), None);
        fs::write(dir.join(NAME), b"{").unwrap();
        assert_eq!(folder.read(), None);
        fs::remove_dir_all(&dir).unwrap();
    }
}
