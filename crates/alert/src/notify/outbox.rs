//! A queue on disk: each change is a line of JSON that is on the disk before anything is done upon it.
//!
//! `outbox.log` holds the changes, and is written anew from the queue itself when it has grown; a line
//! that was torn by a crash is the last one and is cut off. `dead.jsonl` keeps what was given up, for people.

#[cfg(test)]
mod tests;

use std::fs::{self, File, OpenOptions};
use std::io::{
    self, BufRead as _, BufReader, BufWriter, Read as _, Seek as _, SeekFrom, Write as _,
};
use std::path::{Path, PathBuf};

use event::Timestamp;
use serde_json::json;

use super::queue::{Policy, Queue, Record};

/// The file of changes is written anew from here on.
const COMPACT_BYTES: u64 = 1 << 20;
/// And only when it is so much larger than what it was made of, so that a long queue is not written
/// again and again.
const COMPACT_FACTOR: u64 = 4;
/// A line at most: an incident as it is told has less than 64 KiB.
const MAX_LINE: u64 = 1 << 20;
/// The file of what was given up; the one before it is kept as well.
const MAX_DEAD_BYTES: u64 = 8 << 20;

/// A queue and its file.
#[derive(Debug)]
pub struct Outbox {
    queue: Queue,
    file: Option<Files>,
}

#[derive(Debug)]
struct Files {
    folder: PathBuf,
    log: File,
    bytes: u64,
    compacted: u64,
    /// Held as long as the outbox is open: two processes would tell everything twice.
    _lock: File,
}

/// Why an outbox can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it.
    #[error("the outbox {} is in use by another process", .0.display())]
    InUse(PathBuf),
    /// The disk.
    #[error("the outbox {}: {source}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Outbox {
    /// Opens the outbox in `folder`, which is made where it is missing; also tells how many lines of the
    /// file could not be read.
    ///
    /// # Errors
    /// The disk, or another process that has it open.
    pub fn open(folder: &Path, policy: Policy) -> Result<(Outbox, u64), OpenError> {
        let failed = |source| OpenError::Io {
            path: folder.to_owned(),
            source,
        };
        make_private(folder).map_err(failed)?;
        let lock = options().open(folder.join("lock")).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Err(OpenError::InUse(folder.to_owned())),
            Err(fs::TryLockError::Error(error)) => return Err(failed(error)),
        }
        let path = folder.join("outbox.log");
        let mut log = options().open(&path).map_err(failed)?;
        let mut queue = Queue::new(policy);
        let (good, broken) = replay(&log, &mut queue).map_err(failed)?;
        queue.landed();
        // What a crash tore off is not mixed with what comes now.
        log.set_len(good).map_err(failed)?;
        log.seek(SeekFrom::End(0)).map_err(failed)?;
        let files = Files {
            folder: folder.to_owned(),
            log,
            bytes: good,
            compacted: 0,
            _lock: lock,
        };
        let mut outbox = Outbox {
            queue,
            file: Some(files),
        };
        outbox.compact().map_err(failed)?;
        Ok((outbox, broken))
    }

    /// One that is in memory only.
    #[must_use]
    pub fn in_memory(policy: Policy) -> Outbox {
        Outbox {
            queue: Queue::new(policy),
            file: None,
        }
    }

    /// What is in an outbox that another process may have open; nothing is changed.
    ///
    /// # Errors
    /// The disk.
    pub fn look(folder: &Path, policy: Policy) -> io::Result<Queue> {
        let mut queue = Queue::new(policy);
        match File::open(folder.join("outbox.log")) {
            Ok(log) => {
                replay(&log, &mut queue)?;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        queue.landed();
        Ok(queue)
    }

    /// The queue, to be read.
    #[must_use]
    pub fn queue(&self) -> &Queue {
        &self.queue
    }

    /// The queue, to be asked what is next.
    pub fn queue_mut(&mut self) -> &mut Queue {
        &mut self.queue
    }

    /// Records what happens, on disk first. Where the disk fails, it happens all the same: people are
    /// told, and a crash may tell them again.
    ///
    /// # Errors
    /// The disk.
    pub fn record(&mut self, record: Record) -> io::Result<()> {
        let told = self.bury(&record);
        let written = match &mut self.file {
            Some(files) => files.append(&record),
            None => Ok(()),
        };
        self.queue.apply(record);
        let is_large = self.file.as_ref().is_some_and(|files| {
            files.bytes > COMPACT_BYTES
                && files.bytes > files.compacted.saturating_mul(COMPACT_FACTOR)
        });
        let compacted = if is_large || written.is_err() {
            self.compact()
        } else {
            Ok(())
        };
        // What could not be appended is in the file that was written anew.
        told.and(compacted)
    }

    /// Keeps what is given up where people find it.
    fn bury(&mut self, record: &Record) -> io::Result<()> {
        let (Record::Dead { seqs, at, reason }, Some(files)) = (record, &self.file) else {
            return Ok(());
        };
        let path = files.folder.join("dead.jsonl");
        let mut dead = options().open(&path)?;
        if dead.metadata()?.len() > MAX_DEAD_BYTES {
            fs::rename(&path, files.folder.join("dead.1.jsonl"))?;
            dead = options().open(&path)?;
        }
        dead.seek(SeekFrom::End(0))?;
        for entry in seqs.iter().filter_map(|seq| self.queue.entry(*seq)) {
            let line = json!({
                "given_up": at,
                "reason": reason,
                "queued": entry.queued,
                "incident": entry.incident,
            });
            writeln!(dead, "{line}")?;
        }
        dead.sync_data()
    }

    /// Writes the file anew from the queue.
    fn compact(&mut self) -> io::Result<()> {
        let Some(files) = &mut self.file else {
            return Ok(());
        };
        let fresh = files.folder.join("outbox.new");
        let mut out = BufWriter::new(options().truncate(true).open(&fresh)?);
        let mut bytes = 0;
        for record in self.queue.snapshot() {
            let line = line_of(&record)?;
            bytes += line.len() as u64;
            out.write_all(&line)?;
        }
        let log = out.into_inner().map_err(io::IntoInnerError::into_error)?;
        log.sync_all()?;
        fs::rename(&fresh, files.folder.join("outbox.log"))?;
        File::open(&files.folder)?.sync_all()?;
        files.log = log;
        files.bytes = bytes;
        files.compacted = bytes;
        Ok(())
    }
}

impl Files {
    fn append(&mut self, record: &Record) -> io::Result<()> {
        let line = line_of(record)?;
        self.log.write_all(&line)?;
        self.bytes += line.len() as u64;
        self.log.sync_data()
    }
}

fn line_of(record: &Record) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(record)?;
    line.push(b'\n');
    Ok(line)
}

/// Applies every line; how many bytes are whole lines, and how many of the lines are not ours.
fn replay(log: &File, queue: &mut Queue) -> io::Result<(u64, u64)> {
    let mut log = BufReader::new(log);
    let (mut good, mut broken) = (0, 0);
    let mut line = Vec::new();
    loop {
        line.clear();
        let len = (&mut log).take(MAX_LINE).read_until(b'\n', &mut line)?;
        if len == 0 {
            return Ok((good, broken));
        }
        if !line.ends_with(b"\n") {
            if len as u64 == MAX_LINE {
                // Longer than any of ours: skipped to its end.
                broken += 1;
                good += len as u64;
                continue;
            }
            return Ok((good, broken + 1));
        }
        good += len as u64;
        match serde_json::from_slice(&line) {
            Ok(record) => queue.apply(record),
            Err(_) => broken += 1,
        }
    }
}

fn options() -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = OpenOptions::new();
    // What is inside tells who attacks whom.
    options.read(true).write(true).create(true).mode(0o600);
    options
}

fn make_private(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
}

/// When the file of an outbox was changed last; for those who only look.
#[must_use]
pub fn changed(folder: &Path) -> Option<Timestamp> {
    let time = fs::metadata(folder.join("outbox.log"))
        .ok()?
        .modified()
        .ok()?;
    let since = time.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(Timestamp::new(
        since.as_secs().try_into().ok()?,
        since.subsec_nanos(),
    ))
}
