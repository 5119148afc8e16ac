//! What can be wrong with a capture file, in words for the person who gave it.

use thiserror::Error;

/// Where reading a capture stopped, and why.
#[derive(Debug, Error)]
#[error("{problem} (at byte {offset})")]
pub struct CaptureError {
    /// Bytes before the place, after decompression.
    pub offset: u64,
    /// What is wrong there.
    pub problem: Problem,
}

/// What is wrong.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Problem {
    /// The file has no bytes.
    #[error("the file is empty")]
    Empty,
    /// It is something else.
    #[error("not a capture file: this is {0}")]
    Other(&'static str),
    /// It is nothing known.
    #[error("not a capture file: neither pcap nor pcapng, nor one of them in gzip or zstd")]
    Unknown,
    /// It ends within a header or a packet.
    #[error("the file ends in the middle of {what}: {missing} more bytes were announced")]
    Truncated {
        /// What it ends in.
        what: &'static str,
        /// Bytes that are missing.
        missing: u64,
    },
    /// A packet longer than any capture holds.
    #[error("a packet of {0} bytes is announced, more than the {max} that a capture may hold", max = super::PACKET_MAX)]
    PacketTooLong(u64),
    /// A block that cannot be.
    #[error("a pcapng block {0}")]
    Block(&'static str),
    /// A packet of an interface that was not described.
    #[error("a packet names interface {0}, which the file does not describe")]
    NoInterface(u32),
    /// Little that was compressed becomes far too much.
    #[error("the {0} data grow more than {max} times over: a bomb; unpack it first if it is none", max = super::input::EXPANSION_MAX)]
    Bomb(&'static str),
    /// Reading failed.
    #[error("reading failed: {0}")]
    Read(#[source] std::io::Error),
    /// Decompression failed.
    #[error("the {format} data are damaged: {cause}")]
    Compression {
        /// Which compression.
        format: &'static str,
        /// What the decompressor says.
        cause: std::io::Error,
    },
}

impl CaptureError {
    pub(super) fn at(offset: u64, problem: Problem) -> Self {
        CaptureError { offset, problem }
    }

    /// Whether the file merely ends too early.
    #[must_use]
    pub fn is_truncation(&self) -> bool {
        matches!(self.problem, Problem::Truncated { .. })
    }
}

impl Problem {
    /// Says what a file is that is no capture, by how it begins.
    pub(super) fn not_a_capture(beginning: &[u8]) -> Self {
        /// Files that people mistake for captures or pick by accident.
        const KNOWN: &[(&[u8], &str)] = &[
            (b"\x89PNG", "a PNG image"),
            (b"\xff\xd8\xff", "a JPEG image"),
            (b"GIF8", "a GIF image"),
            (b"%PDF", "a PDF document"),
            (b"PK\x03\x04", "a ZIP archive; unpack it first"),
            (b"7z\xbc\xaf", "a 7z archive; unpack it first"),
            (b"\xfd7zXZ", "an xz file; unpack it first"),
            (b"BZh", "a bzip2 file; unpack it first"),
            (b"\x04\x22\x4d\x18", "an lz4 file; unpack it first"),
            (b"\x7fELF", "a program"),
            (b"MZ", "a Windows program"),
            (
                b"snoop\0",
                "a Solaris snoop capture; convert it with editcap",
            ),
            (b"ERF", "an ERF capture; convert it with editcap"),
            (
                b"RTSS",
                "a Network Monitor capture; convert it with editcap",
            ),
            (
                b"GMBU",
                "a Network Monitor capture; convert it with editcap",
            ),
            (b"<?xml", "an XML document"),
            (b"{", "a JSON document"),
            (b"alert ", "a file of rules; give it with -S"),
        ];
        if beginning.is_empty() {
            return Problem::Empty;
        }
        match KNOWN.iter().find(|(magic, _)| beginning.starts_with(magic)) {
            Some((_, name)) => Problem::Other(name),
            None => Problem::Unknown,
        }
    }
}
