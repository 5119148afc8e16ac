//! What must be known to take hardening back, kept on disk before anything is changed.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use event::Timestamp;
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

/// How long one command waits for another that changes things at this moment.
const PATIENCE: Duration = Duration::from_secs(15);
/// A record is some hundred kilobytes where the protected list is long.
const MAX_BYTES: u64 = 64 << 20;

/// A version of the table that holds, or held.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// The script that puts it in, without a guard.
    pub script: String,
    /// Settings of the kernel: name and value.
    pub sysctls: Vec<(String, String)>,
    /// What a reading showed right after it was put in.
    pub lines: Vec<String>,
}

/// The record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The name of the table.
    pub table: String,
    /// When it was put in.
    pub since: Timestamp,
    /// Until when it has to be confirmed; None once it is.
    pub until: Option<Timestamp>,
    /// What holds.
    pub version: Version,
    /// What held before and comes back where this is not confirmed.
    pub previous: Option<Version>,
    /// Settings of the kernel as they were before the first change: name and value.
    pub before: Vec<(String, String)>,
}

impl Record {
    /// Whether it had to be confirmed by now, and was not.
    #[must_use]
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| until <= now)
    }
}

/// The folder, held against other commands.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Makes the folder and holds it.
    pub fn hold(path: &Path) -> io::Result<Self> {
        fs::create_dir_all(path)?;
        let lock = File::create(path.join("harden.lock"))?;
        let deadline = Instant::now() + PATIENCE;
        while let Err(error) = flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            if error != rustix::io::Errno::WOULDBLOCK {
                return Err(error.into());
            }
            if Instant::now() > deadline {
                return Err(io::Error::other(
                    "another command changes it at this moment",
                ));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(Folder {
            path: path.to_owned(),
            _lock: lock,
        })
    }

    fn file(path: &Path) -> PathBuf {
        path.join("harden.json")
    }

    /// The record, without holding the folder.
    pub fn look(path: &Path) -> io::Result<Option<Record>> {
        let file = Folder::file(path);
        match fs::metadata(&file) {
            Ok(found) if found.len() > MAX_BYTES => Err(io::Error::other("it is too long")),
            Ok(_) => {
                let text = fs::read_to_string(&file)?;
                serde_json::from_str(&text)
                    .map(Some)
                    .map_err(io::Error::other)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The record.
    pub fn read(&self) -> io::Result<Option<Record>> {
        Folder::look(&self.path)
    }

    /// Puts the record on the disk.
    pub fn write(&self, record: &Record) -> io::Result<()> {
        let text = serde_json::to_vec(record).map_err(io::Error::other)?;
        let new = self.path.join("harden.json.new");
        let mut file = File::create(&new)?;
        file.write_all(&text)?;
        file.sync_all()?;
        fs::rename(&new, Folder::file(&self.path))?;
        File::open(&self.path)?.sync_all()
    }

    /// Takes the record away.
    pub fn clear(&self) -> io::Result<()> {
        match fs::remove_file(Folder::file(&self.path)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => File::open(&self.path)?.sync_all(),
        }
    }

    /// The audit log of hardening.
    #[must_use]
    pub fn audit(&self) -> PathBuf {
        self.path.join("harden-audit.log")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_kept_and_cleared() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::hold(dir.path()).unwrap();
        assert_eq!(folder.read().unwrap(), None);
        let record = Record {
            table: "t".to_owned(),
            since: Timestamp::new(1, 0),
            until: Some(Timestamp::new(61, 0)),
            version: Version::default(),
            previous: None,
            before: vec![("a.b".to_owned(), "1".to_owned())],
        };
        folder.write(&record).unwrap();
        assert_eq!(Folder::look(dir.path()).unwrap(), Some(record.clone()));
        assert!(!record.is_overdue(Timestamp::new(60, 0)));
        assert!(record.is_overdue(Timestamp::new(61, 0)));
        folder.clear().unwrap();
        folder.clear().unwrap();
        assert_eq!(folder.read().unwrap(), None);
    }
}
