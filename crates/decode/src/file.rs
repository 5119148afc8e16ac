//! Files that conversations carry: names, sizes, hashes and the bytes that are still to be looked at.

use event::Direction;
use std::collections::VecDeque;

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
}

/// The files of one transaction in one direction, oldest first.
#[derive(Debug, Default)]
pub struct FileSet {
    /// Oldest first; at most the parser's limit.
    pub files: VecDeque<File>,
}
