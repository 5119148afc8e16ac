//! The audit log: every step appended, each line bound to the one before by its hash, so that a line
//! that was changed, left out, moved or cut off is found and named.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use event::Timestamp;
use event::action::{Action, ActionId};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

mod lines;

pub use lines::entries;
use lines::{Line, Lines};

/// Longest line that is written or read; a cause may quote a command's answer.
const MAX_LINE: usize = 64 * 1024;
/// Bytes of a line that are held while a log is read: what stands there may be no log at all.
const MAX_READ: u64 = 4 * MAX_LINE as u64;
/// Lines that wait for a disk that is full. What comes beyond is counted and told in the next line.
const MAX_OWED: usize = 10_000;
/// Bytes of a hash as text.
const HASH: usize = 64;
/// What stands before the hash at the end of a line.
const HASH_FIELD: &str = ",\"hash\":\"";

/// One step, as it is logged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Its place, from 1.
    pub seq: u64,
    /// When.
    pub time: Timestamp,
    /// What happened: the new state of an action, or a word of the log itself.
    pub step: String,
    /// Which action.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<ActionId>,
    /// The action as it was then, or words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<serde_json::Value>,
    /// The hash of the line before; of the first line 64 zeros.
    pub prev: String,
}

/// What is wrong with a log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "flaw", rename_all = "snake_case")]
pub enum Flaw {
    /// A line does not have the hash that it states.
    Changed {
        /// Line, from 1.
        line: usize,
    },
    /// Lines are missing before a line.
    Missing {
        /// Line, from 1.
        line: usize,
        /// The place that should follow.
        expected: u64,
        /// The place that stands there.
        found: u64,
    },
    /// A line stands after one that it came before.
    Reordered {
        /// Line, from 1.
        line: usize,
        /// The place that should follow.
        expected: u64,
        /// The place that stands there.
        found: u64,
    },
    /// A line does not follow on the one before, though its place does.
    Detached {
        /// Line, from 1.
        line: usize,
    },
    /// The log ends before the last line that was ever confirmed.
    Cut {
        /// The last place that stands.
        last: u64,
        /// The last place that was confirmed.
        confirmed: u64,
    },
    /// The last line is not whole: a crash, or the log is being written at this moment.
    Torn {
        /// Line, from 1.
        line: usize,
    },
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Flaw::Changed { line } => write!(f, "line {line} was changed: its hash is another"),
            Flaw::Missing {
                line,
                expected,
                found,
            } => write!(
                f,
                "before line {line} lines are missing: entry {expected} should follow, {found} stands there"
            ),
            Flaw::Reordered {
                line,
                expected,
                found,
            } => write!(
                f,
                "line {line} stands in the wrong place: entry {expected} should follow, {found} stands there"
            ),
            Flaw::Detached { line } => write!(
                f,
                "line {line} does not follow on the line before: one of both was put in later"
            ),
            Flaw::Cut { last, confirmed } => write!(
                f,
                "the end is cut off: the last entry is {last}, {confirmed} was confirmed"
            ),
            Flaw::Torn { line } => write!(f, "line {line}, the last, is not whole"),
        }
    }
}

/// The result of a verification.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whole lines.
    pub lines: usize,
    /// The last entry that was confirmed beside the log; without it a cut end goes unseen.
    pub confirmed: Option<u64>,
    /// What is wrong, in the order of the lines.
    pub flaws: Vec<Flaw>,
}

impl Report {
    /// What to tell first: the flaw nearest to the beginning. A line that is missing where it should
    /// stand, but stands further down, was moved.
    #[must_use]
    pub fn first(&self) -> Option<&Flaw> {
        let first = self.flaws.first()?;
        let Flaw::Missing { expected, .. } = first else {
            return Some(first);
        };
        let moved = self
            .flaws
            .iter()
            .find(|flaw| matches!(flaw, Flaw::Reordered { found, .. } if found == expected));
        Some(moved.unwrap_or(first))
    }
}

/// Flaws that are told; a log in which everything is wrong needs no longer list.
const MAX_FLAWS: usize = 1000;

/// The open log.
#[derive(Debug)]
pub struct Audit {
    path: PathBuf,
    file: File,
    seq: u64,
    last: String,
    owed: Vec<u8>,
    owed_lines: usize,
    lost: u64,
    dirty: bool,
}

fn head_path(path: &Path) -> PathBuf {
    path.with_extension("head")
}

impl Audit {
    /// Opens or makes the log. A last line that a crash has torn is cut off, and that is logged.
    pub fn open(path: &Path, now: Timestamp) -> io::Result<Self> {
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(path)?;
        let (end, torn, last_line) = tail(&mut file)?;
        if torn > 0 {
            file.set_len(end)?;
        }
        file.seek(SeekFrom::Start(end))?;
        let stated = last_line.as_deref().and_then(read_line);
        let (seq, last) = stated.map_or((0, "0".repeat(HASH)), |(entry, hash)| (entry.seq, hash));
        let mut audit = Audit {
            path: path.to_owned(),
            file,
            seq,
            last,
            owed: Vec::new(),
            owed_lines: 0,
            lost: 0,
            dirty: false,
        };
        if torn > 0 {
            let detail = serde_json::json!(format!("{torn} bytes of a torn line were cut off"));
            audit.append(now, "recovered", None, Some(detail));
        }
        Ok(audit)
    }

    /// Logs the state of an action.
    pub fn action(&mut self, now: Timestamp, action: &Action) {
        let detail = serde_json::to_value(action).ok();
        self.append(now, action.state.name(), Some(action.id), detail);
    }

    /// Logs a step in words.
    pub fn note(&mut self, now: Timestamp, step: &str, words: &str) {
        self.append(now, step, None, Some(serde_json::json!(words)));
    }

    fn append(
        &mut self,
        time: Timestamp,
        step: &str,
        action: Option<ActionId>,
        detail: Option<serde_json::Value>,
    ) {
        if self.owed_lines >= MAX_OWED {
            self.lost += 1;
            return;
        }
        if self.lost > 0 {
            let lost = std::mem::take(&mut self.lost);
            let words = format!("{lost} steps could not be written: the disk took nothing");
            self.append(time, "lost", None, Some(serde_json::json!(words)));
        }
        let entry = Entry {
            seq: self.seq + 1,
            time,
            step: step.to_owned(),
            action,
            detail,
            prev: self.last.clone(),
        };
        // Plain structures of texts and numbers: writing them into memory cannot fail.
        let mut text = serde_json::to_string(&entry).unwrap_or_default();
        let hash = hash_of(&text);
        text.pop();
        text.push_str(HASH_FIELD);
        text.push_str(&hash);
        text.push_str("\"}\n");
        self.seq = entry.seq;
        self.last = hash;
        self.owed.extend_from_slice(text.as_bytes());
        self.owed_lines += 1;
    }

    /// Hands the lines to the system: they survive the end of this process.
    pub fn flush(&mut self) -> io::Result<()> {
        while !self.owed.is_empty() {
            let written = self.file.write(&self.owed)?;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            self.owed.drain(..written);
            self.dirty = true;
        }
        self.owed_lines = 0;
        Ok(())
    }

    /// Waits until the disk has the lines, and confirms the last one beside the log.
    pub fn sync(&mut self) -> io::Result<()> {
        self.flush()?;
        if !self.dirty {
            return Ok(());
        }
        self.file.sync_data()?;
        let head = head_path(&self.path);
        let new = self.path.with_extension("head.new");
        fs::write(&new, format!("{} {}\n", self.seq, self.last))?;
        fs::rename(&new, &head)?;
        self.dirty = false;
        Ok(())
    }
}

/// Where whole lines end, how many bytes follow, and the last whole line.
fn tail(file: &mut File) -> io::Result<(u64, u64, Option<Vec<u8>>)> {
    let size = file.seek(SeekFrom::End(0))?;
    let from = size.saturating_sub(2 * MAX_LINE as u64);
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let Some(end) = bytes.iter().rposition(|byte| *byte == b'\n') else {
        if from > 0 {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "its end is not an audit log",
            ));
        }
        return Ok((0, size, None));
    };
    let whole = bytes.get(..end).unwrap_or_default();
    let start = whole
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |at| at + 1);
    let line = whole.get(start..).unwrap_or_default().to_vec();
    let end = from + end as u64 + 1;
    Ok((end, size - end, Some(line)))
}

/// SHA-256 of a line without its hash; the line states the hash of the line before.
fn hash_of(text: &str) -> String {
    use fmt::Write as _;
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// The entry of a line and the hash that it states; None where it is no such line.
fn read_line(line: &[u8]) -> Option<(Entry, String)> {
    let text = std::str::from_utf8(line).ok()?;
    let (body, hash) = split(text)?;
    Some((serde_json::from_str(&body).ok()?, hash.to_owned()))
}

fn split(text: &str) -> Option<(String, &str)> {
    let at = text.len().checked_sub(HASH_FIELD.len() + HASH + 2)?;
    let (body, rest) = text.split_at_checked(at)?;
    let hash = rest.strip_prefix(HASH_FIELD)?.strip_suffix("\"}")?;
    Some((format!("{body}}}"), hash))
}

/// Verifies the log at `path` against itself and against the entry that was confirmed last.
pub fn verify(path: &Path) -> io::Result<Report> {
    // Read first: what is confirmed at this moment must stand in what is read after.
    let confirmed = fs::read_to_string(head_path(path)).ok().and_then(|text| {
        let (seq, hash) = text.trim().split_once(' ')?;
        Some((seq.parse::<u64>().ok()?, hash.to_owned()))
    });
    let mut report = Report {
        confirmed: confirmed.as_ref().map(|(seq, _)| *seq),
        ..Report::default()
    };
    let mut expected = 1_u64;
    let mut prev = "0".repeat(HASH);
    let mut confirmed_found = confirmed.is_none();
    let mut lines = Lines::open(path)?;
    for number in 1.. {
        if report.flaws.len() >= MAX_FLAWS {
            break;
        }
        let bytes = match lines.next()? {
            None => break,
            Some(Line::Torn(_)) => {
                report.flaws.push(Flaw::Torn { line: number });
                break;
            }
            Some(Line::TooLong) => &[],
            Some(Line::Whole(bytes)) => bytes,
        };
        report.lines += 1;
        let line = std::str::from_utf8(bytes).ok().and_then(|text| {
            let (body, stated) = split(text)?;
            let is_whole = hash_of(&body) == stated;
            let entry: Entry = serde_json::from_str(&body).ok()?;
            Some((entry, stated.to_owned(), is_whole))
        });
        let Some((entry, stated, true)) = line else {
            report.flaws.push(Flaw::Changed { line: number });
            // The next line may still follow on what this one was.
            prev.clear();
            expected += 1;
            continue;
        };
        if entry.seq > expected {
            report.flaws.push(Flaw::Missing {
                line: number,
                expected,
                found: entry.seq,
            });
        } else if entry.seq < expected {
            report.flaws.push(Flaw::Reordered {
                line: number,
                expected,
                found: entry.seq,
            });
        } else if !prev.is_empty() && entry.prev != prev {
            report.flaws.push(Flaw::Detached { line: number });
        }
        if let Some((seq, hash)) = &confirmed
            && *seq == entry.seq
        {
            confirmed_found = *hash == stated;
        }
        expected = entry.seq + 1;
        prev = stated;
    }
    if let Some((seq, _)) = confirmed
        && !confirmed_found
    {
        report.flaws.push(Flaw::Cut {
            last: expected - 1,
            confirmed: seq,
        });
    }
    Ok(report)
}

#[cfg(test)]
mod tests;
