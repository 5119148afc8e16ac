//! From the workers' records to the topic `events`, and to a file where one is wanted.
//!
//! Workers hand over batches and need no rights to do so; one thread publishes. Where the bus has no
//! room the thread waits, then the workers wait, then packets wait in the ring: what is lost is lost
//! there, and counted there. Only a bus that is stuck for long has its records given up, and counted
//! here.

use crate::sink::Sink;
use bus::{Publisher, Record};
use engine::output::Output;
use event::record::key;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Batches that may wait between workers and the bus.
const BATCHES: usize = 256;
/// Bytes of a batch that is not waited for any longer: the bus takes larger ones no faster.
const FULL: usize = 128 << 10;
/// Alerts of one block of packets that are handed over at once, for the sake of those who act on them;
/// the others of a storm go with the block, which takes some milliseconds.
const URGENT_MAX: u32 = 16;
/// The longest record that is published: the bus takes no longer ones with their key.
const MAX_LINE: usize = bus::MAX_VALUE - bus::MAX_KEY;
/// Between two tries where the bus has no room.
const RETRY: Duration = Duration::from_millis(20);
/// How long a batch waits for room before its records are given up. Those that follow then have one
/// try each, until one is taken again: a full disk must not keep the sensor from seeing attacks.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often the thread looks whether the file is to be opened anew.
const LOOK: Duration = Duration::from_millis(250);

/// Some records, one after the other.
#[derive(Debug, Default)]
struct Batch {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Batch {
    fn push(&mut self, line: &[u8]) {
        self.bytes.extend_from_slice(line);
        self.ends.push(self.bytes.len());
    }

    fn lines(&self) -> impl Iterator<Item = &[u8]> {
        let begins = std::iter::once(0).chain(self.ends.iter().copied());
        begins
            .zip(&self.ends)
            .filter_map(|(begin, end)| self.bytes.get(begin..*end))
    }
}

/// What one worker writes into: takes the records of the first EVE output.
#[derive(Debug)]
pub struct BusSink {
    batch: Batch,
    to: SyncSender<Batch>,
    urgent: u32,
    refused: u64,
}

impl BusSink {
    fn hand_over(&mut self) {
        if self.batch.ends.is_empty() {
            return;
        }
        let room = Batch {
            bytes: Vec::with_capacity(self.batch.bytes.len()),
            ends: Vec::with_capacity(self.batch.ends.len()),
        };
        let batch = std::mem::replace(&mut self.batch, room);
        // Waits where so many batches wait already. Nobody listens only after the end of all roles.
        if let Err(unsent) = self.to.send(batch) {
            self.refused += unsent.0.ends.len() as u64;
        }
    }
}

impl Output for BusSink {
    fn record(&mut self, log: usize, kind: &'static str, line: &[u8]) {
        if log != 0 {
            return;
        }
        self.batch.push(line);
        let is_urgent = kind == "alert" && self.urgent < URGENT_MAX;
        self.urgent += u32::from(is_urgent);
        if is_urgent || self.batch.bytes.len() >= FULL {
            self.hand_over();
        }
    }
}

impl Sink for BusSink {
    fn refused(&self) -> u64 {
        self.refused
    }

    fn flush(&mut self) {
        self.urgent = 0;
        self.hand_over();
    }
}

/// The thread that publishes, and what makes sinks for it.
pub struct Publishing {
    to: SyncSender<Batch>,
    thread: JoinHandle<()>,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    is_over: AtomicBool,
    reopen: AtomicBool,
    published: AtomicU64,
    lost: AtomicU64,
    trouble: Mutex<Option<String>>,
}

impl Publishing {
    /// Starts the thread. `file` takes every record as a line of its own.
    ///
    /// # Errors
    /// The file cannot be opened, or there are too many threads.
    pub fn start(publisher: Publisher, file: Option<PathBuf>) -> io::Result<Self> {
        let (to, from) = sync_channel(BATCHES);
        let shared = Arc::new(Shared::default());
        let opened = file.as_deref().map(append).transpose()?;
        let mut thread = Thread {
            publisher,
            file: file.zip(opened),
            shared: shared.clone(),
            is_stuck: false,
        };
        let thread = std::thread::Builder::new()
            .name("publish".to_owned())
            .spawn(move || thread.run(&from))?;
        Ok(Publishing { to, thread, shared })
    }

    /// What a worker writes into.
    #[must_use]
    pub fn sink(&self) -> BusSink {
        BusSink {
            batch: Batch::default(),
            to: self.to.clone(),
            urgent: 0,
            refused: 0,
        }
    }

    /// The file is opened anew: somebody moved it away.
    pub fn reopen(&self) {
        self.shared.reopen.store(true, Ordering::Relaxed);
    }

    /// Records published since the start, and records given up.
    #[must_use]
    pub fn counts(&self) -> (u64, u64) {
        let get = |count: &AtomicU64| count.load(Ordering::Relaxed);
        (get(&self.shared.published), get(&self.shared.lost))
    }

    /// Whether the thread ended although nobody asked: it never should.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.thread.is_finished()
    }

    /// What is wrong with the bus or the file now.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        lock(&self.shared.trouble).clone()
    }

    /// Publishes what was handed over by now, then ends the thread.
    pub fn stop(self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
        drop(self.to);
        if self.thread.join().is_err() {
            tracing::error!("the thread that publishes panicked");
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn append(path: &Path) -> io::Result<File> {
    let opened = File::options().create(true).append(true).open(path);
    opened.map_err(|error| {
        let words = format!("cannot write {}: {error}", path.display());
        io::Error::new(error.kind(), words)
    })
}

struct Thread {
    publisher: Publisher,
    file: Option<(PathBuf, File)>,
    shared: Arc<Shared>,
    /// Whether the last batch waited in vain.
    is_stuck: bool,
}

impl Thread {
    fn run(&mut self, from: &Receiver<Batch>) {
        loop {
            match from.recv_timeout(LOOK) {
                Ok(batch) => {
                    let trouble = self.publish(&batch).or(self.write(&batch));
                    self.say(trouble);
                }
                Err(RecvTimeoutError::Timeout) if !self.shared.is_over.load(Ordering::Relaxed) => {}
                Err(_) => return,
            }
            if self.shared.reopen.swap(false, Ordering::Relaxed) {
                self.open_anew();
            }
        }
    }

    /// Publishes a batch, again and again where there is no room; what was wrong in the end.
    fn publish(&mut self, batch: &Batch) -> Option<String> {
        let (fits, too_large): (Vec<&[u8]>, Vec<&[u8]>) =
            batch.lines().partition(|line| line.len() <= MAX_LINE);
        let named = |line| Record {
            // Named here, so that a record that is published again is known as the same.
            id: Some(self.publisher.new_id()),
            key: key(line),
            value: line,
        };
        let mut left: Vec<Record<'_>> = fits.into_iter().map(named).collect();
        let mut trouble = None;
        if !too_large.is_empty() {
            lose(&self.shared, too_large.len());
            trouble = Some(format!("records above {MAX_LINE} bytes are left out"));
        }
        let begun = Instant::now();
        while !left.is_empty() {
            let refused = match self.publisher.publish_batch(&left) {
                Ok(taken) => {
                    self.count(taken.len());
                    self.is_stuck = false;
                    return trouble;
                }
                Err(refused) => refused,
            };
            let mut taken = refused.acknowledged.iter();
            let before = left.len();
            left.retain(|_| !taken.next().is_some_and(Option::is_some));
            self.count(before - left.len());
            trouble = Some(format!("events cannot be published: {}", refused.error));
            self.say(trouble.clone());
            let is_over = self.shared.is_over.load(Ordering::Relaxed);
            if is_over || self.is_stuck || begun.elapsed() > PATIENCE {
                self.is_stuck = true;
                lose(&self.shared, left.len());
                break;
            }
            std::thread::sleep(RETRY);
        }
        trouble
    }

    /// Appends a batch to the file, where there is one; what was wrong.
    fn write(&mut self, batch: &Batch) -> Option<String> {
        let (path, file) = self.file.as_mut()?;
        let mut text = Vec::with_capacity(batch.bytes.len() + batch.ends.len());
        for line in batch.lines() {
            text.extend_from_slice(line);
            text.push(b'\n');
        }
        let error = file.write_all(&text).err()?;
        Some(format!("cannot write {}: {error}", path.display()))
    }

    fn open_anew(&mut self) {
        if let Some((path, file)) = &mut self.file {
            match append(path) {
                Ok(new) => *file = new,
                Err(error) => tracing::error!("{error}; records go on into the old file"),
            }
        }
    }

    fn count(&self, records: usize) {
        let records = records as u64;
        self.shared.published.fetch_add(records, Ordering::Relaxed);
    }

    /// Tells what is wrong once, and that it is well again.
    fn say(&self, what: Option<String>) {
        let mut trouble = lock(&self.shared.trouble);
        match (&*trouble, &what) {
            (None, Some(why)) => tracing::error!("{why}"),
            (Some(_), None) => tracing::info!("events are published again"),
            _ => {}
        }
        *trouble = what;
    }
}

fn lose(shared: &Shared, records: usize) {
    shared.lost.fetch_add(records as u64, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;
    use bus::{Bus, Config};
    use event::Topic;

    #[test]
    fn records_come_in_order_an_alert_at_once_and_all_into_the_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let config = Config {
            dir: folder.path().join("bus"),
            ..Config::default()
        };
        let bus = Bus::open(&config).expect("it opens");
        let mut reader = bus.subscribe("test", &[Topic::Events]).expect("a reader");
        let file = folder.path().join("eve.json");
        let publishing =
            Publishing::start(bus.publisher(Topic::Events), Some(file.clone())).expect("it starts");
        let mut sink = publishing.sink();
        let mut read = |patience| -> Vec<String> {
            let batch = reader
                .next(Duration::from_millis(patience))
                .expect("it reads");
            batch.map_or(Vec::new(), |batch| {
                batch
                    .iter()
                    .map(|d| String::from_utf8_lossy(d.value).into_owned())
                    .collect()
            })
        };
        sink.record(0, "dns", br#"{"flow_id":7,"n":1}"#);
        sink.record(1, "dns", br#"{"flow_id":7,"n":0}"#);
        assert_eq!(read(50), Vec::<String>::new());
        sink.record(0, "alert", br#"{"flow_id":7,"n":2}"#);
        let both = [r#"{"flow_id":7,"n":1}"#, r#"{"flow_id":7,"n":2}"#];
        assert_eq!(read(10_000), both);
        sink.record(0, "flow", br#"{"flow_id":7,"n":3}"#);
        sink.flush();
        assert_eq!(read(10_000), [r#"{"flow_id":7,"n":3}"#]);
        assert_eq!(sink.refused(), 0);
        drop(sink);
        assert_eq!(publishing.trouble(), None);
        publishing.stop();
        let text = std::fs::read_to_string(file).expect("the file");
        assert_eq!(text.lines().count(), 3);
    }

    #[test]
    fn a_file_that_cannot_be_written_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let config = Config {
            dir: folder.path().join("bus"),
            ..Config::default()
        };
        let bus = Bus::open(&config).expect("it opens");
        let path = folder.path().join("missing/eve.json");
        let refused = Publishing::start(bus.publisher(Topic::Events), Some(path.clone()));
        let words = refused.err().map(|error| error.to_string());
        assert!(words.is_some_and(|words| words.contains(&path.display().to_string())));
    }
}
