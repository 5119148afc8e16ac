//! pcap, libpcap's classic format (draft-ietf-opsawg-pcap), and its relatives.

use super::error::{CaptureError, Problem};
use super::input::Input;
use super::{Found, PACKET_MAX};
use crate::packet::LinkType;
use event::Timestamp;
use std::io::Read;

const FILE_HEADER: usize = 24;

/// How a file writes its numbers, told by its magic number.
#[derive(Clone, Copy)]
pub(super) struct Variant {
    is_big_endian: bool,
    is_nanos: bool,
    /// Bytes of a packet's header.
    record_header: usize,
}

impl Variant {
    pub(super) fn of(magic: &[u8]) -> Option<Self> {
        let magic: [u8; 4] = magic.try_into().ok()?;
        [false, true].into_iter().find_map(|is_big_endian| {
            let number = if is_big_endian {
                u32::from_be_bytes(magic)
            } else {
                u32::from_le_bytes(magic)
            };
            let (is_nanos, record_header) = match number {
                0xa1b2_c3d4 => (false, 16),
                0xa1b2_3c4d => (true, 16),
                // Alexey Kuznetsov's patched libpcap: 8 more bytes in each packet's header.
                0xa1b2_cd34 => (false, 24),
                _ => return None,
            };
            Some(Variant {
                is_big_endian,
                is_nanos,
                record_header,
            })
        })
    }

    fn number(self, data: &[u8], at: usize) -> u32 {
        match data.get(at..).and_then(|data| data.first_chunk()) {
            Some(bytes) if self.is_big_endian => u32::from_be_bytes(*bytes),
            Some(bytes) => u32::from_le_bytes(*bytes),
            None => 0,
        }
    }
}

pub(super) struct Header {
    variant: Variant,
    link: LinkType,
    /// Bytes that were kept of each packet at most.
    snap_len: u32,
}

impl Header {
    pub(super) fn read<R: Read>(
        input: &mut Input<R>,
        variant: Variant,
    ) -> Result<Self, CaptureError> {
        let Some(header) = input.peek(FILE_HEADER)? else {
            return Err(truncated(input, "the file header", FILE_HEADER));
        };
        // The upper bits of the link type tell about frame check sequences.
        let link = LinkType(variant.number(header, 20) & 0x03ff_ffff);
        let snap_len = variant.number(header, 16);
        input.consume(FILE_HEADER);
        Ok(Header {
            variant,
            link,
            snap_len,
        })
    }

    pub(super) fn next<R: Read>(
        &mut self,
        input: &mut Input<R>,
    ) -> Result<Option<Found>, CaptureError> {
        let variant = self.variant;
        let Some(header) = input.peek(variant.record_header)? else {
            if input.available().is_empty() {
                return Ok(None);
            }
            return Err(truncated(input, "a packet header", variant.record_header));
        };
        let secs = variant.number(header, 0);
        let fraction = variant.number(header, 4);
        let (mut captured, mut wire_len) = (variant.number(header, 8), variant.number(header, 12));
        // Versions before 2.3 and some that followed wrote the two lengths the other way around.
        if captured > wire_len
            && wire_len > 0
            && captured > self.snap_len
            && wire_len <= self.snap_len
        {
            std::mem::swap(&mut captured, &mut wire_len);
        }
        let len = captured as usize;
        if len > PACKET_MAX {
            return Err(CaptureError::at(
                input.offset(),
                Problem::PacketTooLong(len as u64),
            ));
        }
        if input.peek(variant.record_header + len)?.is_none() {
            return Err(truncated(input, "a packet", variant.record_header + len));
        }
        let start = input.consume(variant.record_header + len) + variant.record_header;
        let nanos = if variant.is_nanos {
            fraction
        } else {
            fraction.saturating_mul(1000)
        };
        let time = Timestamp::new(i64::from(secs), nanos);
        Ok(Some(Found {
            start,
            len,
            time,
            wire_len: wire_len.max(captured),
            link: self.link,
        }))
    }
}

/// The error of a file that ends before `len` more bytes.
pub(super) fn truncated<R: Read>(input: &Input<R>, what: &'static str, len: usize) -> CaptureError {
    let missing = (len as u64).saturating_sub(input.available().len() as u64);
    CaptureError::at(input.offset(), Problem::Truncated { what, missing })
}
