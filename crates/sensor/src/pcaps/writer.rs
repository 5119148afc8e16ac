//! The thread that writes packets to files, and deletes the oldest files for them.

use super::tap::Tap;
use super::{Batch, Counts, Head, Tally, count, folder};
use std::collections::{HashMap, VecDeque};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

/// Batches that wait, of about a quarter of a megabyte each.
const QUEUE: usize = 32;
/// Files held open, those written to last.
const OPEN_MAX: usize = 64;
/// Files in the folder: each takes a block of the disk, however little is in it.
const FILES_MAX: usize = 100_000;
/// What a file takes on disk at least.
const BLOCK: u64 = 4096;
/// Magic number of pcap files whose times have nanoseconds (draft-ietf-opsawg-pcap, section 4).
const MAGIC: u32 = 0xa1b2_3c4d;
/// Bytes of one packet at most, as the file announces it.
const SNAP_LEN: u32 = 262_144;

/// The running thread; it ends when it and every tap are gone.
pub(crate) struct Writer {
    to: SyncSender<Batch>,
    tally: Arc<Tally>,
    thread: JoinHandle<()>,
    ring_bytes: usize,
    flow_max: usize,
}

impl Writer {
    /// Starts it for `folder`, which is made where it is not there, and holds at most `keep_max` bytes.
    pub(crate) fn start(
        folder: &Path,
        (ring_bytes, flow_max, keep_max): (usize, usize, u64),
    ) -> io::Result<Self> {
        let tally = Arc::new(Tally::default());
        let (to, from) = sync_channel(QUEUE);
        let mut files = Files::open(folder, keep_max, tally.clone())?;
        let thread = std::thread::Builder::new()
            .name("sensor-packets".to_owned())
            .spawn(move || files.run(&from))?;
        Ok(Writer {
            to,
            tally,
            thread,
            ring_bytes,
            flow_max,
        })
    }

    /// What one worker puts its packets into.
    pub(crate) fn tap(&self) -> Tap {
        let (to, tally) = (self.to.clone(), self.tally.clone());
        Tap::new(self.ring_bytes, self.flow_max, to, tally)
    }

    pub(crate) fn tally(&self) -> Arc<Tally> {
        self.tally.clone()
    }

    /// Writes what was handed over; the taps must be gone.
    pub(crate) fn stop(self) -> Counts {
        drop(self.to);
        if self.thread.join().is_err() {
            tracing::error!("the thread that writes packets had panicked");
        }
        self.tally.read()
    }
}

/// The files of the folder.
pub(super) struct Files {
    folder: PathBuf,
    keep_max: u64,
    /// Oldest first, with what each takes on disk.
    known: VecDeque<(PathBuf, u64)>,
    bytes: u64,
    /// By flow and link type.
    open: HashMap<(u64, u32), Open>,
    /// Counts up with each use of a file.
    uses: u64,
    buffer: Vec<u8>,
    tally: Arc<Tally>,
    has_failed: bool,
}

struct Open {
    file: File,
    path: PathBuf,
    len: u64,
    used: u64,
}

impl Files {
    pub(super) fn open(folder: &Path, keep_max: u64, tally: Arc<Tally>) -> io::Result<Self> {
        folder::make_folder(folder)?;
        let known: VecDeque<(PathBuf, u64)> = folder::files(folder)?
            .into_iter()
            .map(|(path, len)| (path, on_disk(len)))
            .collect();
        Ok(Files {
            folder: folder.to_owned(),
            keep_max,
            bytes: known.iter().map(|(_, bytes)| bytes).sum(),
            known,
            open: HashMap::new(),
            uses: 0,
            buffer: Vec::new(),
            tally,
            has_failed: false,
        })
    }

    fn run(&mut self, from: &Receiver<Batch>) {
        while let Ok(batch) = from.recv() {
            self.take(&batch);
        }
    }

    /// Writes a batch, all packets of one flow that follow each other at once.
    pub(super) fn take(&mut self, batch: &Batch) {
        let mut packets = batch.packets().peekable();
        while let Some((head, data)) = packets.next() {
            self.buffer.clear();
            record(&mut self.buffer, head, data);
            let mut written = 1;
            let same = |next: &(&Head, &[u8])| (next.0.flow, next.0.link) == (head.flow, head.link);
            while let Some((head, data)) = packets.next_if(same) {
                record(&mut self.buffer, head, data);
                written += 1;
            }
            match self.append(head) {
                Ok(()) => count(&self.tally.packets, written),
                Err(error) => {
                    count(&self.tally.failed_packets, written);
                    self.open.remove(&(head.flow, head.link.0));
                    // Told once: a full disk fails many times a second.
                    if !std::mem::replace(&mut self.has_failed, true) {
                        let folder = self.folder.display();
                        tracing::warn!("packets of alerts can't be kept in {folder}: {error}");
                    }
                }
            }
            self.make_room();
        }
    }

    /// Appends what is in the buffer to the file of a flow.
    fn append(&mut self, head: &Head) -> io::Result<()> {
        self.uses += 1;
        let key = (head.flow, head.link.0);
        if !self.open.contains_key(&key) {
            self.close_oldest();
            let path = folder::path(&self.folder, head.flow, head.time.secs());
            let file = folder::create(&path)?;
            let len = file.metadata()?.len();
            if len == 0 {
                let mut whole = header(head.link.0);
                whole.append(&mut self.buffer);
                self.buffer = whole;
                self.known.push_back((path.clone(), 0));
            }
            let used = self.uses;
            self.open.insert(
                key,
                Open {
                    file,
                    path,
                    len,
                    used,
                },
            );
        }
        let Some(open) = self.open.get_mut(&key) else {
            return Ok(());
        };
        open.used = self.uses;
        open.file.write_all(&self.buffer)?;
        let before = if open.len == 0 { 0 } else { on_disk(open.len) };
        open.len += self.buffer.len() as u64;
        let more = on_disk(open.len) - before;
        self.bytes += more;
        // Most likely one of the latest.
        let known = self.known.iter_mut().rev();
        if let Some((_, bytes)) = known
            .take(OPEN_MAX * 4)
            .find(|(path, _)| *path == open.path)
        {
            *bytes += more;
        }
        self.has_failed = false;
        Ok(())
    }

    fn close_oldest(&mut self) {
        if self.open.len() < OPEN_MAX {
            return;
        }
        let oldest = self.open.iter().min_by_key(|(_, open)| open.used);
        if let Some(key) = oldest.map(|(key, _)| *key) {
            self.open.remove(&key);
        }
    }

    /// Deletes the oldest files until the others are few and small enough.
    fn make_room(&mut self) {
        while self.bytes > self.keep_max || self.known.len() > FILES_MAX {
            let Some((path, bytes)) = self.known.pop_front() else {
                return;
            };
            self.bytes = self.bytes.saturating_sub(bytes);
            self.open.retain(|_, open| open.path != path);
            match fs::remove_file(&path) {
                Ok(()) => count(&self.tally.deleted_files, 1),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => tracing::warn!("{} can't be deleted: {error}", path.display()),
            }
        }
    }
}

fn on_disk(len: u64) -> u64 {
    len.next_multiple_of(BLOCK).max(BLOCK)
}

/// What a pcap file begins with.
fn header(link: u32) -> Vec<u8> {
    let mut out = Vec::with_capacity(24);
    out.extend_from_slice(&MAGIC.to_le_bytes());
    // Version 2.4; time zone and precision are always 0.
    out.extend_from_slice(&2_u16.to_le_bytes());
    out.extend_from_slice(&4_u16.to_le_bytes());
    out.extend_from_slice(&[0; 8]);
    out.extend_from_slice(&SNAP_LEN.to_le_bytes());
    out.extend_from_slice(&link.to_le_bytes());
    out
}

fn record(out: &mut Vec<u8>, head: &Head, data: &[u8]) {
    let nanos = head.time.nanos();
    let secs = nanos.div_euclid(1_000_000_000) as u32;
    let rest = nanos.rem_euclid(1_000_000_000) as u32;
    for word in [secs, rest, data.len() as u32, head.wire_len] {
        out.extend_from_slice(&word.to_le_bytes());
    }
    out.extend_from_slice(data);
}
