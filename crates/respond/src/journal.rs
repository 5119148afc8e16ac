//! Actions on disk: one line for each state, appended. After a crash the last line of each counts.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use event::action::{Action, ActionId};
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use crate::ledger::{Ledger, MAX_OVER};

/// At this size the journal is written anew with what still counts: some 30,000 lines.
const COMPACT_AT: u64 = 16 << 20;
/// Longest line that is read; ours have some 600 bytes.
const MAX_LINE: usize = 64 * 1024;

/// How long another process may still have the journal: one that was killed is gone by then.
const LOCK_WAIT: Duration = Duration::from_secs(1);

/// Why the journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Another process has it.
    #[error("{0}: another Ratel is using it; only one may act on this host")]
    InUse(PathBuf),
    /// The file cannot be opened, read or written.
    #[error("{path}: {source}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// The open journal. While it is open no other process can open it.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    size: u64,
    compact_at: u64,
    /// Lines that could not be written yet.
    owed: Vec<u8>,
    _lock: File,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    /// Ids up to this one were given out.
    LastId(u64),
    /// An action's newest state.
    Action(Box<Action>),
}

/// Bytes that are owed at most; a disk that is full for longer loses the oldest lines, and the
/// kernel still takes back in time what they told.
const MAX_OWED: usize = 8 << 20;

impl Journal {
    /// Opens or makes the journal and reads it into a ledger; also how many lines were unreadable.
    pub fn open(path: &Path) -> Result<(Self, Ledger, usize), JournalError> {
        let failed = |source| JournalError::Io {
            path: path.to_owned(),
            source,
        };
        let lock_path = path.with_extension("lock");
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&lock_path)
            .map_err(failed)?;
        take_lock(&lock).map_err(|_| JournalError::InUse(path.to_owned()))?;
        let (ledger, unreadable) = read(path).map_err(failed)?;
        let mut journal = Journal {
            path: path.to_owned(),
            file: OpenOptions::new()
                .create(true)
                .append(true)
                .open(path)
                .map_err(failed)?,
            size: 0,
            compact_at: COMPACT_AT,
            owed: Vec::new(),
            _lock: lock,
        };
        // Also ends a line that a crash has torn.
        journal.compact(&ledger).map_err(failed)?;
        Ok((journal, ledger, unreadable))
    }

    /// Appends an action's newest state. It survives the end of this process at once, and the end of
    /// the machine after `sync`; the firewall does not survive the latter either.
    pub fn append(&mut self, action: &Action) -> Result<(), JournalError> {
        let line = line(&Line::Action(Box::new(action.clone())));
        if self.owed.len() + line.len() <= MAX_OWED {
            self.owed.extend_from_slice(&line);
        }
        self.pay()
    }

    /// Writes what is owed.
    fn pay(&mut self) -> Result<(), JournalError> {
        while !self.owed.is_empty() {
            match self.file.write(&self.owed) {
                Ok(0) => return Err(self.failed(io::ErrorKind::WriteZero.into())),
                Ok(written) => {
                    self.owed.drain(..written);
                    self.size += written as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.failed(error)),
            }
        }
        Ok(())
    }

    /// Waits until the disk has everything; compacts a journal that has grown.
    pub fn sync(&mut self, ledger: &Ledger) -> Result<(), JournalError> {
        self.pay()?;
        self.file.sync_data().map_err(|error| self.failed(error))?;
        if self.size > self.compact_at {
            self.compact(ledger).map_err(|error| self.failed(error))?;
        }
        Ok(())
    }

    fn failed(&self, source: io::Error) -> JournalError {
        JournalError::Io {
            path: self.path.clone(),
            source,
        }
    }

    /// Writes the ledger into a new file and puts it in the old one's place.
    fn compact(&mut self, ledger: &Ledger) -> io::Result<()> {
        let new_path = self.path.with_extension("new");
        let mut new = File::create(&new_path)?;
        let mut bytes = line(&Line::LastId(ledger.last_id()));
        for action in ledger.iter() {
            bytes.extend_from_slice(&line(&Line::Action(Box::new(action.clone()))));
        }
        new.write_all(&bytes)?;
        new.sync_all()?;
        fs::rename(&new_path, &self.path)?;
        if let Some(folder) = self.path.parent().filter(|p| !p.as_os_str().is_empty()) {
            File::open(folder)?.sync_all()?;
        }
        self.file = OpenOptions::new().append(true).open(&self.path)?;
        self.size = bytes.len() as u64;
        // A ledger that is large by itself is not written anew at each line.
        self.compact_at = COMPACT_AT.max(2 * self.size);
        Ok(())
    }
}

/// A process that was killed while it started a command leaves a copy of itself that holds the lock
/// until the command begins.
fn take_lock(lock: &File) -> rustix::io::Result<()> {
    let began = Instant::now();
    loop {
        match flock(lock, FlockOperation::NonBlockingLockExclusive) {
            Err(_) if began.elapsed() < LOCK_WAIT => thread::sleep(Duration::from_millis(10)),
            other => return other,
        }
    }
}

fn line(line: &Line) -> Vec<u8> {
    // Plain structures of texts and numbers: writing them into memory cannot fail.
    let mut bytes = serde_json::to_vec(line).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

fn read(path: &Path) -> io::Result<(Ledger, usize)> {
    let mut ledger = Ledger::default();
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((ledger, 0)),
        Err(error) => return Err(error),
    };
    let mut last: BTreeMap<ActionId, Action> = BTreeMap::new();
    let mut unreadable = 0;
    for bytes in BufReader::new(file).split(b'\n') {
        let bytes = bytes?;
        if bytes.is_empty() {
            continue;
        }
        let bytes = bytes.get(..bytes.len().min(MAX_LINE)).unwrap_or_default();
        match serde_json::from_slice(bytes) {
            Ok(Line::LastId(id)) => ledger.skip_to(id),
            Ok(Line::Action(action)) => {
                last.insert(action.id, *action);
            }
            Err(_) => unreadable += 1,
        }
    }
    let over = last.values().filter(|action| action.is_over()).count();
    let mut surplus = over.saturating_sub(MAX_OVER);
    for action in last.into_values() {
        if action.is_over() && surplus > 0 {
            surplus -= 1;
            ledger.skip_to(action.id.0);
        } else {
            ledger.put(action);
        }
    }
    Ok((ledger, unreadable))
}

#[cfg(test)]
mod tests {
    use super::*;
    use event::Timestamp;
    use event::action::{Mode, State, What, Why};

    fn action(id: u64, state: State) -> Action {
        Action {
            id: ActionId(id),
            what: What::Block {
                target: format!("192.0.2.{id}").parse().unwrap(),
            },
            ttl_secs: 60,
            mode: Mode::Enforce,
            why: Why::default(),
            returned: 0,
            state,
            planned: Timestamp::new(100, 0),
            executed: None,
            ends: Timestamp::new(160, 0),
            changed: Timestamp::new(100, 0),
            undo: None,
        }
    }

    #[test]
    fn the_last_line_of_each_action_counts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("actions.jsonl");
        let (mut journal, mut ledger, _) = Journal::open(&path).unwrap();
        for action in [
            action(1, State::Planned),
            action(2, State::Planned),
            action(1, State::Executed),
        ] {
            journal.append(&action).unwrap();
            ledger.put(action);
        }
        journal.sync(&ledger).unwrap();
        drop(journal);
        let (_, again, unreadable) = Journal::open(&path).unwrap();
        assert_eq!(unreadable, 0);
        assert_eq!(
            again.iter().cloned().collect::<Vec<_>>(),
            [action(1, State::Executed), action(2, State::Planned)]
        );
        assert_eq!(again.last_id(), 2);
    }

    #[test]
    fn a_torn_line_loses_nothing_but_itself() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("actions.jsonl");
        let (mut journal, _, _) = Journal::open(&path).unwrap();
        journal.append(&action(1, State::Executed)).unwrap();
        drop(journal);
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"{\"action\":{\"id\":\"a2\",\"ste").unwrap();
        let (mut journal, ledger, unreadable) = Journal::open(&path).unwrap();
        assert_eq!((ledger.iter().count(), unreadable), (1, 1));
        journal.append(&action(3, State::Planned)).unwrap();
        drop(journal);
        let (_, ledger, unreadable) = Journal::open(&path).unwrap();
        assert_eq!((ledger.iter().count(), unreadable), (2, 0));
    }

    #[test]
    fn two_cannot_have_it_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("actions.jsonl");
        let _one = Journal::open(&path).unwrap();
        assert!(matches!(Journal::open(&path), Err(JournalError::InUse(_))));
    }
}
