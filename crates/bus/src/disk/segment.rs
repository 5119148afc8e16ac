//! One file of a log: a header, then frames. Written at its end by one writer, read at any place by many.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use event::Timestamp;

use super::frame::{self, Parsed, Salt};
use crate::signal::lock;

/// Bytes before the first frame: the header twice, so that one damaged place does not cost the salt.
pub const HEAD: u64 = 64;

/// Bytes that are read at once: some 500 records of the usual size, and no more than a processor's cache holds.
pub const CHUNK: usize = 256 << 10;

/// One place is remembered for so many bytes: a reader that starts within reads at most so much for nothing.
const INDEX_EVERY: u64 = 64 << 10;

const MAGIC: &[u8; 8] = b"RATELBUS";
const VERSION: u32 = 1;

/// One file.
#[derive(Debug)]
pub struct Segment {
    /// The offset of its first record.
    pub base: u64,
    pub path: PathBuf,
    pub salt: Salt,
    /// When it was begun: not before any record of the segment before it.
    pub created: Timestamp,
    file: File,
    /// Bytes that readers may read: whole frames.
    len: AtomicU64,
    /// The offset behind its last record.
    next: AtomicU64,
    /// The time of its last record.
    newest: AtomicI64,
    /// Nothing more will be written.
    sealed: AtomicBool,
    /// Offsets and where their frames begin, ascending.
    index: Mutex<Vec<(u64, u64)>>,
}

/// What was read at once.
#[derive(Debug)]
pub struct Chunk {
    pub bytes: Vec<u8>,
    pub parsed: Parsed,
}

/// What was found in a file that had been written before.
#[derive(Debug, Default)]
pub struct Scan {
    /// Bytes behind the last whole frame that were cut off.
    pub torn: u64,
    /// Places in the file before it that hold no frame.
    pub damaged: Vec<std::ops::Range<u64>>,
}

impl Segment {
    /// The name of the file whose first record has this offset.
    pub fn file_name(base: u64) -> String {
        format!("{base:020}.log")
    }

    /// Begins a file. What may be left of one with this name (its creator died) is replaced.
    pub fn create(dir: &Path, base: u64, salt: Salt, now: Timestamp) -> io::Result<Segment> {
        let path = dir.join(Segment::file_name(base));
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o640)
            .open(&path)?;
        if let Err(error) = write_head(&file, salt, now) {
            // An empty file would be found by the next start; it does no harm there.
            let _ = std::fs::remove_file(&path);
            return Err(error);
        }
        Ok(Segment {
            base,
            path,
            salt,
            created: now,
            file,
            len: AtomicU64::new(HEAD),
            next: AtomicU64::new(base),
            newest: AtomicI64::new(now.nanos()),
            sealed: AtomicBool::new(false),
            index: Mutex::default(),
        })
    }

    /// Opens a file of an earlier process. Its records are not looked at: [`Segment::scan`] or
    /// [`Segment::seal`] comes next. A header that is damaged or missing is written again with
    /// the salt of the files beside it and the time `now`.
    pub fn open(path: &Path, base: u64, salt: Salt, now: Timestamp) -> io::Result<Segment> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        let len = file.metadata()?.len();
        let (salt, created) = match head_of(&file)? {
            Some(head) => head,
            None => {
                write_head(&file, salt, now)?;
                (salt, now)
            }
        };
        Ok(Segment {
            base,
            path: path.to_owned(),
            salt,
            created,
            file,
            len: AtomicU64::new(len.max(HEAD)),
            next: AtomicU64::new(base),
            newest: AtomicI64::new(created.nanos()),
            sealed: AtomicBool::new(false),
            index: Mutex::default(),
        })
    }

    /// The salt that a file's header tells, where one of its copies is whole.
    pub fn salt_of(path: &Path) -> io::Result<Option<Salt>> {
        Ok(head_of(&File::open(path)?)?.map(|(salt, _)| salt))
    }

    /// Reads all of it, cuts off what follows the last whole frame, and leaves it ready to be written.
    pub fn scan(&self) -> io::Result<Scan> {
        let mut scan = Scan::default();
        let mut end = HEAD;
        let mut place = HEAD;
        let size = self.file.metadata()?.len();
        while place < self.len() {
            let chunk = self.read(place)?;
            for (at, frame) in &chunk.parsed.frames {
                let at = place + *at as u64;
                self.note(frame.offset, at);
                end = at + frame.len as u64;
                self.next.store(frame.offset + 1, Ordering::Release);
                self.newest.store(frame.time.nanos(), Ordering::Release);
            }
            for range in &chunk.parsed.damaged {
                scan.damaged
                    .push(place + range.start as u64..place + range.end as u64);
            }
            if chunk.parsed.used == 0 {
                break;
            }
            place += chunk.parsed.used as u64;
        }
        scan.damaged.retain(|range| range.start < end);
        scan.torn = size.saturating_sub(end);
        self.len.store(end, Ordering::Release);
        if scan.torn > 0 {
            self.file.set_len(end)?;
        }
        Ok(scan)
    }

    /// Nothing more will be written; `next` is the base of the file behind it.
    pub fn seal(&self, next: u64, newest: Timestamp) {
        self.next.store(next, Ordering::Release);
        self.newest.store(newest.nanos(), Ordering::Release);
        self.sealed.store(true, Ordering::Release);
    }

    /// Whether nothing more will be written. Asked before [`Segment::len`], the answer covers it.
    pub fn is_sealed(&self) -> bool {
        self.sealed.load(Ordering::Acquire)
    }

    /// Bytes that may be read.
    pub fn len(&self) -> u64 {
        self.len.load(Ordering::Acquire)
    }

    /// The offset behind the last record.
    pub fn next(&self) -> u64 {
        self.next.load(Ordering::Acquire)
    }

    /// The time of the last record.
    pub fn newest(&self) -> Timestamp {
        Timestamp::from_nanos(self.newest.load(Ordering::Acquire))
    }

    /// Writes frames at the end and lets readers see them. On an error the file is as before to
    /// readers, and [`Segment::cut_tail`] must work before the next write.
    pub fn append(&self, frames: &[u8], next: u64, now: Timestamp) -> io::Result<()> {
        let len = self.len();
        self.file.write_all_at(frames, len)?;
        self.note(self.next(), len);
        self.newest.store(now.nanos(), Ordering::Release);
        self.next.store(next, Ordering::Release);
        self.len.store(len + frames.len() as u64, Ordering::Release);
        Ok(())
    }

    /// Removes what a failed write may have left.
    pub fn cut_tail(&self) -> io::Result<()> {
        self.file.set_len(self.len())
    }

    /// Forces what was written to the disk.
    pub fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn note(&self, offset: u64, at: u64) {
        let mut index = lock(&self.index);
        if index
            .last()
            .is_none_or(|(_, last)| at >= last + INDEX_EVERY)
        {
            index.push((offset, at));
        }
    }

    /// A place at or before the frame of `offset`.
    pub fn place_before(&self, offset: u64) -> u64 {
        let index = lock(&self.index);
        let behind = index.partition_point(|(known, _)| *known <= offset);
        behind
            .checked_sub(1)
            .and_then(|i| index.get(i))
            .map_or(HEAD, |(_, at)| *at)
    }

    /// Reads frames from `place` on: as many as a chunk holds, at least one where there is one.
    pub fn read(&self, place: u64) -> io::Result<Chunk> {
        let mut want = CHUNK;
        loop {
            let left = usize::try_from(self.len().saturating_sub(place)).unwrap_or(usize::MAX);
            let mut bytes = vec![0; want.min(left)];
            let read = read_up_to(&self.file, &mut bytes, place)?;
            bytes.truncate(read);
            let at_end = want >= left || read < want.min(left);
            let parsed = frame::parse(&bytes, self.salt, at_end, usize::MAX);
            if parsed.used == 0 && parsed.need > want {
                want = parsed.need;
                continue;
            }
            return Ok(Chunk { bytes, parsed });
        }
    }
}

fn read_up_to(file: &File, buffer: &mut [u8], place: u64) -> io::Result<usize> {
    let mut done = 0;
    while done < buffer.len() {
        match file.read_at(&mut buffer[done..], place + done as u64) {
            Ok(0) => break,
            Ok(read) => done += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

fn write_head(file: &File, salt: Salt, created: Timestamp) -> io::Result<()> {
    let head = head(salt, created);
    file.write_all_at(&[head, head].concat(), 0)
}

fn head_of(file: &File) -> io::Result<Option<(Salt, Timestamp)>> {
    let mut both = [0; HEAD as usize];
    let read = read_up_to(file, &mut both, 0)?;
    Ok(both[..read].chunks_exact(32).find_map(read_head))
}

/// 32 bytes: magic (8), version (4), salt (8), time of creation (8), checksum of these (4).
fn head(salt: Salt, created: Timestamp) -> [u8; 32] {
    let mut out = [0; 32];
    out[..8].copy_from_slice(MAGIC);
    out[8..12].copy_from_slice(&VERSION.to_le_bytes());
    out[12..20].copy_from_slice(&salt.0.to_le_bytes());
    out[20..28].copy_from_slice(&created.nanos().to_le_bytes());
    let checksum = crc32c::crc32c(&out[..28]);
    out[28..].copy_from_slice(&checksum.to_le_bytes());
    out
}

fn read_head(bytes: &[u8]) -> Option<(Salt, Timestamp)> {
    let bytes: &[u8; 32] = bytes.try_into().ok()?;
    let salt = Salt(u64::from_le_bytes(bytes[12..20].try_into().ok()?));
    let created = Timestamp::from_nanos(i64::from_le_bytes(bytes[20..28].try_into().ok()?));
    (head(salt, created) == *bytes).then_some((salt, created))
}
