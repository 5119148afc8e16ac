//! Reads capture files: pcap and pcapng, plain or compressed, from anything that can be read.
//!
//! The reader lends each frame from its own buffer, so a packet costs no allocation and no copy.

mod error;
mod input;
mod legacy;
mod next_generation;

#[cfg(test)]
mod tests;

pub use error::{CaptureError, Problem};

use crate::packet::{Frame, LinkType};
use event::Timestamp;
use input::Input;
use std::io::Read;

/// The most bytes one packet may have: libpcap's MAXIMUM_SNAPLEN. A length field beyond it is noise
/// or an attack on memory.
pub const PACKET_MAX: usize = 262_144;

/// The most bytes of a pcapng block that carries a packet: its packet, and options as large again.
const BLOCK_MAX: usize = 2 * PACKET_MAX;

/// The format of a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// libpcap's classic format.
    Pcap,
    /// The newer format of many blocks (draft-ietf-opsawg-pcapng).
    Pcapng,
}

/// Reads one capture.
pub struct Reader<R: Read> {
    input: Input<R>,
    layout: Layout,
    /// Frames given out.
    number: u64,
    /// Set after an error: nothing more is to be had.
    is_done: bool,
}

enum Layout {
    Pcap(legacy::Header),
    Pcapng(next_generation::Section),
}

/// Where the next frame lies in the input's buffer, and what is known about it.
struct Found {
    start: usize,
    len: usize,
    time: Timestamp,
    wire_len: u32,
    link: LinkType,
}

impl<R: Read> Reader<R> {
    /// Looks at the beginning of the file.
    ///
    /// # Errors
    /// Says what it is instead, where it is no capture.
    pub fn new(source: R) -> Result<Self, CaptureError> {
        let mut input = Input::new(source)?;
        let layout = match input.peek(4)? {
            Some(magic) if magic == next_generation::SECTION_HEADER.to_be_bytes() => {
                Layout::Pcapng(next_generation::Section::default())
            }
            Some(magic) => match legacy::Variant::of(magic) {
                Some(variant) => Layout::Pcap(legacy::Header::read(&mut input, variant)?),
                None => {
                    return Err(CaptureError::at(
                        0,
                        Problem::not_a_capture(input.available()),
                    ));
                }
            },
            None => {
                return Err(CaptureError::at(
                    0,
                    Problem::not_a_capture(input.available()),
                ));
            }
        };
        Ok(Reader {
            input,
            layout,
            number: 0,
            is_done: false,
        })
    }

    /// The format.
    #[must_use]
    pub fn format(&self) -> Format {
        match self.layout {
            Layout::Pcap(_) => Format::Pcap,
            Layout::Pcapng(_) => Format::Pcapng,
        }
    }

    /// Bytes read so far, after decompression.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.input.offset()
    }

    /// The next frame; None at the end.
    ///
    /// # Errors
    /// Where the file is cut off or makes no sense; every frame before that place was given out, and
    /// after it there are no more.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Result<Option<Frame<'_>>, CaptureError> {
        if self.is_done {
            return Ok(None);
        }
        let found = match &mut self.layout {
            Layout::Pcap(header) => header.next(&mut self.input),
            Layout::Pcapng(section) => section.next(&mut self.input),
        };
        let found = match found {
            Ok(Some(found)) => found,
            Ok(None) => {
                self.is_done = true;
                return Ok(None);
            }
            Err(error) => {
                self.is_done = true;
                return Err(error);
            }
        };
        self.number += 1;
        Ok(Some(Frame {
            time: found.time,
            number: self.number,
            data: self.input.slice(found.start, found.len),
            wire_len: found.wire_len,
            link: found.link,
        }))
    }
}
