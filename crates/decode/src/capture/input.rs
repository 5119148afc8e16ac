//! The bytes of a capture, decompressed where they need it, in a buffer that lends slices.

use super::error::{CaptureError, Problem};
use flate2::read::MultiGzDecoder;
use std::io::{BufReader, Chain, Cursor, ErrorKind, Read};

/// Bytes asked of the source at once: large enough that the calls do not count.
const READ_SIZE: usize = 1 << 18;

/// Bytes asked of a decompressor at once. Where data are damaged it gives nothing of what this call
/// asked for, so little is asked for: what came before the damage is reported.
const UNPACK_SIZE: usize = 1 << 12;

/// How many times its size compressed data may become. Measured: a flood of 1514-byte packets of zeros
/// from made-up addresses becomes 50 times as large in gzip and 72 times in zstd; zeros alone become
/// 229 times as large in the fastest gzip, 1030 times in the best, and 30,000 times in zstd.
pub(super) const EXPANSION_MAX: u64 = 200;

/// So much may come out whatever went in: it is read in seconds.
const EXPANSION_FREE: u64 = 1 << 30;

/// The beginning that was read to see what the file is, and the rest.
type Peeked<R> = Chain<Cursor<Vec<u8>>, R>;

type Packed<R> = BufReader<Counted<Peeked<R>>>;

enum Source<R: Read> {
    Plain(Peeked<R>),
    Gzip(Box<MultiGzDecoder<Packed<R>>>),
    Zstd(Box<zstd::Decoder<'static, Packed<R>>>),
}

/// Counts the bytes that a decompressor takes in.
struct Counted<R> {
    source: R,
    count: u64,
}

impl<R: Read> Counted<R> {
    fn buffered(source: R) -> BufReader<Self> {
        BufReader::with_capacity(READ_SIZE, Counted { source, count: 0 })
    }
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let len = self.source.read(buffer)?;
        self.count += len as u64;
        Ok(len)
    }
}

impl<R: Read> Source<R> {
    /// The compression, and the bytes that went into it; None where there is none.
    fn packed(&self) -> Option<(&'static str, u64)> {
        match self {
            Source::Plain(_) => None,
            Source::Gzip(source) => Some(("gzip", source.get_ref().get_ref().count)),
            Source::Zstd(source) => Some(("zstd", source.get_ref().get_ref().count)),
        }
    }
}

/// Whether so little may become so much.
fn is_bomb(packed: u64, unpacked: u64) -> bool {
    unpacked > EXPANSION_FREE && unpacked / packed.max(1) > EXPANSION_MAX
}

pub(super) struct Input<R: Read> {
    source: Source<R>,
    buffer: Vec<u8>,
    /// What of the buffer is filled and not yet consumed.
    start: usize,
    end: usize,
    /// Bytes consumed.
    offset: u64,
    is_at_end: bool,
    /// Why compressed data ended before their end.
    cut: Option<(&'static str, std::io::Error)>,
}

impl<R: Read> Input<R> {
    pub(super) fn new(mut source: R) -> Result<Self, CaptureError> {
        let mut beginning = Vec::with_capacity(4);
        source
            .by_ref()
            .take(4)
            .read_to_end(&mut beginning)
            .map_err(|cause| CaptureError::at(0, Problem::Read(cause)))?;
        let is_gzip = beginning.starts_with(&[0x1f, 0x8b]);
        let is_zstd = beginning.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]);
        let peeked = Cursor::new(beginning).chain(source);
        let source = if is_gzip {
            Source::Gzip(Box::new(MultiGzDecoder::new(Counted::buffered(peeked))))
        } else if is_zstd {
            let decoder =
                zstd::Decoder::with_buffer(Counted::buffered(peeked)).map_err(|cause| {
                    CaptureError::at(
                        0,
                        Problem::Compression {
                            format: "zstd",
                            cause,
                        },
                    )
                })?;
            Source::Zstd(Box::new(decoder))
        } else {
            Source::Plain(peeked)
        };
        Ok(Input {
            source,
            buffer: vec![0; READ_SIZE],
            start: 0,
            end: 0,
            offset: 0,
            is_at_end: false,
            cut: None,
        })
    }

    /// Bytes consumed so far.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// What is in the buffer.
    pub(super) fn available(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or(&[])
    }

    /// The next `len` bytes without consuming them; None where there are fewer.
    pub(super) fn peek(&mut self, len: usize) -> Result<Option<&[u8]>, CaptureError> {
        if self.end - self.start < len {
            self.fill(len)?;
            if self.start == self.end
                && let Some((format, cause)) = self.cut.take()
            {
                return Err(CaptureError::at(
                    self.offset,
                    Problem::Compression { format, cause },
                ));
            }
        }
        Ok(self.available().get(..len))
    }

    /// Consumes bytes that were peeked at; gives their place for `slice`.
    pub(super) fn consume(&mut self, len: usize) -> usize {
        let place = self.start;
        let len = len.min(self.end - self.start);
        self.start += len;
        self.offset += len as u64;
        place
    }

    /// Bytes that were consumed, good until the next peek.
    pub(super) fn slice(&self, place: usize, len: usize) -> &[u8] {
        self.buffer
            .get(place..)
            .and_then(|rest| rest.get(..len))
            .unwrap_or(&[])
    }

    /// Throws bytes away without keeping them; the number that was not there.
    pub(super) fn skip(&mut self, mut len: u64) -> Result<u64, CaptureError> {
        while len > 0 {
            if self.start == self.end {
                self.fill(1)?;
                if self.start == self.end {
                    break;
                }
            }
            let step = len.min((self.end - self.start) as u64);
            self.consume(step as usize);
            len -= step;
        }
        Ok(len)
    }

    /// Reads until `len` bytes are there or the source ends.
    fn fill(&mut self, len: usize) -> Result<(), CaptureError> {
        if self.is_at_end {
            return Ok(());
        }
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.buffer.len() < len {
            // Callers have checked the length against the limits of a packet.
            self.buffer.resize(len.next_multiple_of(READ_SIZE), 0);
        }
        while self.end < len {
            let free = self.buffer.get_mut(self.end..).unwrap_or(&mut []);
            let few = free.len().min(UNPACK_SIZE);
            let (format, result) = match &mut self.source {
                Source::Plain(source) => ("", source.read(free)),
                Source::Gzip(source) => {
                    ("gzip", source.read(free.get_mut(..few).unwrap_or(&mut [])))
                }
                Source::Zstd(source) => {
                    ("zstd", source.read(free.get_mut(..few).unwrap_or(&mut [])))
                }
            };
            match result {
                Ok(0) => {
                    self.is_at_end = true;
                    break;
                }
                Ok(read) => {
                    self.end += read;
                    let at = self.offset + self.end as u64;
                    if let Some((format, packed)) = self.source.packed()
                        && is_bomb(packed, at)
                    {
                        self.is_at_end = true;
                        return Err(CaptureError::at(at, Problem::Bomb(format)));
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // A compressed file that was cut off still gives what there is, then says so.
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                    self.cut = Some((format, error));
                    self.is_at_end = true;
                    break;
                }
                Err(cause) => {
                    self.is_at_end = true;
                    let at = self.offset + self.end as u64;
                    let problem = match format {
                        "" => Problem::Read(cause),
                        format => Problem::Compression { format, cause },
                    };
                    return Err(CaptureError::at(at, problem));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bomb_is_what_grows_far_and_large() {
        fn check(packed: u64, unpacked: u64, expected: bool) {
            assert_eq!(
                is_bomb(packed, unpacked),
                expected,
                "{packed} to {unpacked}"
            );
        }
        check(0, EXPANSION_FREE, false);
        check(0, EXPANSION_FREE + 1, true);
        check(1 << 20, 2 << 30, true);
        check(1 << 24, 2 << 30, false);
        check(u64::MAX, u64::MAX, false);
    }
}
