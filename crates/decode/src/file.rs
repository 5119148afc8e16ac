//! Files that conversations carry: names, sizes, hashes and the bytes that are still to be looked at.

mod hash;
pub mod magic;
mod set;

#[cfg(test)]
mod tests;

use event::Direction;
use hash::Hashing;
pub use set::{FileSet, MAX_FILES, MAX_NAME};

/// How far a file has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileState {
    /// Bytes are still to come.
    Open,
    /// All bytes came.
    Closed,
    /// It ended before its end: a gap, a limit, the end of the flow.
    Truncated,
}

impl FileState {
    /// EVE's word: `UNKNOWN`, `CLOSED`, `TRUNCATED`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            FileState::Open => "UNKNOWN",
            FileState::Closed => "CLOSED",
            FileState::Truncated => "TRUNCATED",
        }
    }
}

/// What to compute of each file; decided by configuration and rules before the file opens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FileWants {
    /// MD5, hexadecimal in records.
    pub md5: bool,
    /// SHA-1.
    pub sha1: bool,
    /// SHA-256.
    pub sha256: bool,
    /// Description by content.
    pub magic: bool,
    /// Keep all bytes until they are taken for storing.
    pub store: bool,
}

/// How many bytes of a file are held at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileLimits {
    /// Most bytes of one file held for inspection and storing; older ones give way.
    pub window: usize,
}

impl Default for FileLimits {
    /// 1 MiB: ten times the body that HTTP and MIME inspect by default, and far more than one call
    /// to a parser brings, so that only an engine that never trims loses bytes.
    fn default() -> Self {
        FileLimits { window: 1 << 20 }
    }
}

/// What parsers are told about files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FileConfig {
    /// What to compute of each file.
    pub wants: FileWants,
    /// How much to hold of each file.
    pub limits: FileLimits,
}

/// A file.
#[derive(Debug)]
pub struct File {
    /// Its number within the flow, from 1 on, counted by the engine's `file_id`.
    pub id: u64,
    /// The name it was given on the wire.
    pub name: Vec<u8>,
    /// Direction it travels in.
    pub direction: Direction,
    /// How far it has come.
    pub state: FileState,
    /// Bytes seen, including those not kept.
    pub size: u64,
    /// First and last byte of the part, where only a part was sent (HTTP range): `(start, end)`.
    pub range: Option<(u64, u64)>,
    /// Whether bytes are missing in it.
    pub has_gaps: bool,
    /// Bytes held for inspection; `data[0]` is byte `offset` of the file.
    pub data: Vec<u8>,
    /// Where `data` begins.
    pub offset: u64,
    /// MD5 once closed.
    pub md5: Option<[u8; 16]>,
    /// SHA-1 once closed.
    pub sha1: Option<[u8; 20]>,
    /// SHA-256 once closed.
    pub sha256: Option<[u8; 32]>,
    /// Description of its content, as `file(1)` would give.
    pub magic: Option<String>,
    /// Whether a rule asked to store it.
    pub is_stored: bool,
    /// Signatures (sid) that matched on it.
    pub sids: Vec<u32>,
    /// Whether its `fileinfo` record was written.
    pub is_logged: bool,
    /// Whether bytes fell out of the window before they were taken for storing.
    pub has_lost_bytes: bool,
    wants: FileWants,
    limits: FileLimits,
    hashing: Hashing,
    /// First bytes, held until the content can be described.
    head: Vec<u8>,
    /// First byte that was not taken for storing yet.
    stored_to: u64,
    /// First byte that the engine still wants to inspect.
    inspected_to: u64,
}

/// Bytes of a file, ready for the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunk<'a> {
    /// Where they stand in the file.
    pub offset: u64,
    /// The bytes.
    pub data: &'a [u8],
}

impl File {
    /// A file without bytes yet. Most parsers use [`FileSet::open`].
    #[must_use]
    pub fn new(name: &[u8], direction: Direction, config: &FileConfig) -> Self {
        File {
            id: 0,
            name: name.get(..MAX_NAME).unwrap_or(name).to_vec(),
            direction,
            state: FileState::Open,
            size: 0,
            range: None,
            has_gaps: false,
            data: Vec::new(),
            offset: 0,
            md5: None,
            sha1: None,
            sha256: None,
            magic: None,
            is_stored: false,
            sids: Vec::new(),
            is_logged: false,
            has_lost_bytes: false,
            wants: config.wants,
            limits: config.limits,
            hashing: Hashing::new(config.wants),
            head: Vec::new(),
            stored_to: 0,
            inspected_to: 0,
        }
    }

    /// What is computed of it.
    #[must_use]
    pub fn wants(&self) -> FileWants {
        self.wants
    }

    /// Whether bytes may still come.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.state == FileState::Open
    }

    /// Takes the next bytes. Nothing happens once it is closed.
    pub fn append(&mut self, data: &[u8]) {
        if !self.is_open() || data.is_empty() {
            return;
        }
        self.hashing.update(data);
        self.size = self.size.saturating_add(data.len() as u64);
        if self.wants.magic && self.magic.is_none() {
            let room = magic::HEAD.saturating_sub(self.head.len()).min(data.len());
            self.head
                .extend_from_slice(data.get(..room).unwrap_or(data));
            if self.size >= magic::MIN_SIZE {
                self.describe();
            }
        }
        self.hold(data);
    }

    /// `len` bytes were never seen: they count, and are inspected as zeros; hashes go on without them.
    pub fn gap(&mut self, len: u64) {
        if !self.is_open() || len == 0 {
            return;
        }
        self.has_gaps = true;
        self.size = self.size.saturating_add(len);
        let window = self.limits.window;
        if len >= window as u64 {
            self.has_lost_bytes |= self.keeps_for_store();
            self.data.clear();
            self.data.resize(window, 0);
            self.offset = self.size - window as u64;
        } else {
            let held = usize::try_from(len).unwrap_or(window);
            self.make_room(held);
            self.data.resize(self.data.len() + held, 0);
        }
    }

    /// No more bytes will come. A file with gaps is truncated whatever `state` says.
    pub fn close(&mut self, state: FileState) {
        if !self.is_open() || state == FileState::Open {
            return;
        }
        self.state = if self.has_gaps {
            FileState::Truncated
        } else {
            state
        };
        let hashing = std::mem::take(&mut self.hashing);
        // What was cut short has no MD5 and no SHA-1 in records, but is still named by the SHA-256
        // of what was seen of it where it is stored.
        if self.state == FileState::Closed {
            self.md5 = hashing.md5();
            self.sha1 = hashing.sha1();
        }
        self.sha256 = hashing.sha256();
        if self.wants.magic && self.magic.is_none() {
            self.describe();
        }
    }

    /// The part that is sent, where it is only a part: first and last byte.
    pub fn set_range(&mut self, first: u64, last: u64) {
        self.range = Some((first, last));
    }

    /// A rule or the configuration wants it stored; bytes that are gone already stay gone.
    pub fn keep(&mut self) {
        if !self.wants.store {
            self.wants.store = true;
            self.stored_to = self.offset;
            self.has_lost_bytes |= self.offset > 0;
        }
        self.is_stored = true;
    }

    /// Nothing wants it stored any more.
    pub fn forget(&mut self) {
        self.wants.store = false;
        self.is_stored = false;
        self.prune();
    }

    /// The bytes that are to be inspected, and where they begin within the file.
    #[must_use]
    pub fn to_inspect(&self) -> (&[u8], u64) {
        let skip = self.inspected_to.saturating_sub(self.offset);
        let skip = usize::try_from(skip).map_or(self.data.len(), |skip| skip.min(self.data.len()));
        let data = self.data.get(skip..).unwrap_or_default();
        (data, self.offset + skip as u64)
    }

    /// Bytes before `offset` were inspected and may go, once they are stored where that is wanted.
    pub fn trim_to(&mut self, offset: u64) {
        self.inspected_to = self.inspected_to.max(offset.min(self.size));
        self.prune();
    }

    /// The next bytes for the disk, if it is to be stored and has any.
    #[must_use]
    pub fn chunk(&self) -> Option<Chunk<'_>> {
        let skip = usize::try_from(self.stored_to.checked_sub(self.offset)?).ok()?;
        let data = self.data.get(skip..).filter(|data| !data.is_empty())?;
        self.wants.store.then_some(Chunk {
            offset: self.stored_to,
            data,
        })
    }

    /// The bytes that [`File::chunk`] showed are on the disk.
    pub fn chunk_taken(&mut self) {
        self.stored_to = self.offset + self.data.len() as u64;
        self.prune();
    }

    /// Whether nothing is left to do with it: closed, recorded, and on the disk where it should be.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        !self.is_open() && self.is_logged && self.chunk().is_none()
    }

    fn describe(&mut self) {
        self.magic = Some(magic::describe(&self.head));
        self.head = Vec::new();
    }

    fn keeps_for_store(&self) -> bool {
        self.wants.store && self.stored_to < self.offset + self.data.len() as u64
    }

    /// Adds bytes to the window; the oldest give way.
    fn hold(&mut self, data: &[u8]) {
        let window = self.limits.window;
        if let Some(skip) = data.len().checked_sub(window).filter(|skip| *skip > 0) {
            self.has_lost_bytes |= self.wants.store;
            self.data.clear();
            self.data
                .extend_from_slice(data.get(skip..).unwrap_or_default());
            self.offset = self.size - window as u64;
        } else {
            self.make_room(data.len());
            self.data.extend_from_slice(data);
        }
    }

    /// Makes room for `len` bytes, at most the window.
    fn make_room(&mut self, len: usize) {
        let excess = (self.data.len() + len).saturating_sub(self.limits.window);
        if excess > 0 {
            self.has_lost_bytes |= self.wants.store && self.stored_to < self.offset + excess as u64;
            self.drop_front(excess);
            self.stored_to = self.stored_to.max(self.offset);
        }
    }

    fn prune(&mut self) {
        let mut to = self.inspected_to;
        if self.wants.store {
            to = to.min(self.stored_to);
        }
        let excess = to.saturating_sub(self.offset).min(self.data.len() as u64);
        self.drop_front(usize::try_from(excess).unwrap_or(0));
    }

    fn drop_front(&mut self, len: usize) {
        if len >= self.data.len() {
            self.offset += self.data.len() as u64;
            self.data.clear();
        } else if len > 0 {
            self.data.drain(..len);
            self.offset += len as u64;
        }
    }
}
