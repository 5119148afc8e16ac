//! pcapng (draft-ietf-opsawg-pcapng): sections of blocks, each with interfaces of its own.

use super::error::{CaptureError, Problem};
use super::input::Input;
use super::legacy::truncated;
use super::{BLOCK_MAX, Found, PACKET_MAX};
use crate::packet::LinkType;
use event::Timestamp;
use std::io::Read;

/// Block types; the first reads the same in both byte orders.
pub(super) const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;

/// What tells the byte order of a section.
const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;

/// Interfaces that one section may describe: far more than any machine has.
const INTERFACES_MAX: usize = 65_536;

#[derive(Clone, Copy)]
struct Interface {
    link: LinkType,
    snap_len: u32,
    /// Units of time per second.
    units: u64,
    /// Seconds to add to every time.
    offset_secs: i64,
}

/// The section at hand.
#[derive(Default)]
pub(super) struct Section {
    is_big_endian: bool,
    interfaces: Vec<Interface>,
    has_begun: bool,
}

impl Section {
    pub(super) fn next<R: Read>(
        &mut self,
        input: &mut Input<R>,
    ) -> Result<Option<Found>, CaptureError> {
        loop {
            let Some(head) = input.peek(8)? else {
                if input.available().is_empty() {
                    return Ok(None);
                }
                return Err(truncated(input, "a block header", 8));
            };
            let is_section = head.starts_with(&SECTION_HEADER.to_be_bytes());
            if is_section {
                self.begin(input)?;
                continue;
            }
            let kind = self.u32(head, 0);
            let len = self.u32(head, 4) as usize;
            if len < 12 || !len.is_multiple_of(4) {
                return Err(CaptureError::at(
                    input.offset(),
                    Problem::Block("has an impossible length"),
                ));
            }
            match kind {
                INTERFACE => {
                    let block = self.whole(input, len, "an interface description")?;
                    let interface = self.interface(block);
                    if self.interfaces.len() < INTERFACES_MAX {
                        self.interfaces.push(interface);
                    }
                    input.consume(len);
                }
                ENHANCED_PACKET | PACKET | SIMPLE_PACKET => {
                    let block = self.whole(input, len, "a packet")?;
                    let packet = self
                        .packet(kind, block)
                        .map_err(|problem| CaptureError::at(input.offset(), problem))?;
                    let start = input.consume(len);
                    return Ok(Some(Found {
                        start: start + packet.start,
                        ..packet
                    }));
                }
                // Name resolution, statistics, secrets, and whatever is invented later.
                _ => {
                    let at = input.offset();
                    let missing = input.skip(len as u64)?;
                    if missing > 0 {
                        return Err(CaptureError::at(
                            at,
                            Problem::Truncated {
                                what: "a block",
                                missing,
                            },
                        ));
                    }
                }
            }
        }
    }

    /// Reads a section header: a new byte order, and no interfaces yet.
    fn begin<R: Read>(&mut self, input: &mut Input<R>) -> Result<(), CaptureError> {
        let at = input.offset();
        let Some(head) = input.peek(12)? else {
            return Err(truncated(input, "a section header", 12));
        };
        let magic = head.get(8..12).unwrap_or(&[]);
        self.is_big_endian = if magic == BYTE_ORDER_MAGIC.to_be_bytes() {
            true
        } else if magic == BYTE_ORDER_MAGIC.to_le_bytes() {
            false
        } else if self.has_begun {
            return Err(CaptureError::at(
                at,
                Problem::Block("begins a section without a byte order"),
            ));
        } else {
            return Err(CaptureError::at(at, Problem::Unknown));
        };
        let len = self.u32(head, 4);
        if len < 28 || !len.is_multiple_of(4) {
            return Err(CaptureError::at(
                at,
                Problem::Block("has an impossible length"),
            ));
        }
        let missing = input.skip(u64::from(len))?;
        if missing > 0 {
            return Err(CaptureError::at(
                at,
                Problem::Truncated {
                    what: "a section header",
                    missing,
                },
            ));
        }
        self.interfaces.clear();
        self.has_begun = true;
        Ok(())
    }

    /// A block that is kept whole while it is read.
    fn whole<'i, R: Read>(
        &self,
        input: &'i mut Input<R>,
        len: usize,
        what: &'static str,
    ) -> Result<&'i [u8], CaptureError> {
        if len > BLOCK_MAX {
            return Err(CaptureError::at(
                input.offset(),
                Problem::PacketTooLong(len as u64),
            ));
        }
        if input.peek(len)?.is_none() {
            return Err(truncated(input, what, len));
        }
        // Asked twice, for the borrow of an early return would last as long as the block.
        Ok(input.peek(len)?.unwrap_or(&[]))
    }

    fn u16(&self, data: &[u8], at: usize) -> u16 {
        match data.get(at..).and_then(|data| data.first_chunk()) {
            Some(bytes) if self.is_big_endian => u16::from_be_bytes(*bytes),
            Some(bytes) => u16::from_le_bytes(*bytes),
            None => 0,
        }
    }

    fn u32(&self, data: &[u8], at: usize) -> u32 {
        match data.get(at..).and_then(|data| data.first_chunk()) {
            Some(bytes) if self.is_big_endian => u32::from_be_bytes(*bytes),
            Some(bytes) => u32::from_le_bytes(*bytes),
            None => 0,
        }
    }

    fn interface(&self, block: &[u8]) -> Interface {
        let mut interface = Interface {
            link: LinkType(u32::from(self.u16(block, 8))),
            snap_len: self.u32(block, 12),
            units: 1_000_000,
            offset_secs: 0,
        };
        let mut options = block.get(16..block.len().saturating_sub(4)).unwrap_or(&[]);
        while options.len() >= 4 {
            let code = self.u16(options, 0);
            let len = usize::from(self.u16(options, 2));
            let value = options.get(4..4 + len);
            match (code, value) {
                (0, _) | (_, None) => break,
                // if_tsresol: a power of 10, or of 2 where the highest bit is set.
                (9, Some([resolution, ..])) => {
                    let exponent = u32::from(resolution & 0x7f);
                    let base: u64 = if resolution & 0x80 == 0 { 10 } else { 2 };
                    interface.units = base.checked_pow(exponent).unwrap_or(u64::MAX);
                }
                // if_tsoffset.
                (14, Some(value)) => {
                    if let Some(bytes) = value.first_chunk() {
                        interface.offset_secs = if self.is_big_endian {
                            i64::from_be_bytes(*bytes)
                        } else {
                            i64::from_le_bytes(*bytes)
                        };
                    }
                }
                _ => {}
            }
            options = options.get(4 + len.next_multiple_of(4)..).unwrap_or(&[]);
        }
        interface
    }

    /// Reads a block with a packet; `start` counts from the block's beginning.
    fn packet(&self, kind: u32, block: &[u8]) -> Result<Found, Problem> {
        let (interface, start) = match kind {
            ENHANCED_PACKET => (self.u32(block, 8), 28),
            PACKET => (u32::from(self.u16(block, 8)), 28),
            _ => (0, 12),
        };
        let known = self
            .interfaces
            .get(interface as usize)
            .ok_or(Problem::NoInterface(interface))?;
        let room = block
            .len()
            .checked_sub(start + 4)
            .ok_or(Problem::Block("is too short for a packet"))?;
        let (captured, wire_len, time) = match kind {
            SIMPLE_PACKET => {
                let wire_len = self.u32(block, 8);
                let snap_len = if known.snap_len == 0 {
                    u32::MAX
                } else {
                    known.snap_len
                };
                let room = u32::try_from(room).unwrap_or(u32::MAX);
                (
                    wire_len.min(snap_len).min(room),
                    wire_len,
                    Timestamp::from_nanos(0),
                )
            }
            _ => {
                let ticks = u64::from(self.u32(block, 12)) << 32 | u64::from(self.u32(block, 16));
                (self.u32(block, 20), self.u32(block, 24), known.time(ticks))
            }
        };
        let len = captured as usize;
        if len > PACKET_MAX {
            return Err(Problem::PacketTooLong(len as u64));
        }
        if len > room {
            return Err(Problem::Block("is shorter than the packet in it"));
        }
        Ok(Found {
            start,
            len,
            time,
            wire_len: wire_len.max(captured),
            link: known.link,
        })
    }
}

impl Interface {
    fn time(&self, ticks: u64) -> Timestamp {
        let units = self.units.max(1);
        let secs = i64::try_from(ticks / units)
            .unwrap_or(i64::MAX)
            .saturating_add(self.offset_secs);
        let nanos = u128::from(ticks % units) * 1_000_000_000 / u128::from(units);
        Timestamp::new(secs, u32::try_from(nanos).unwrap_or(0))
    }
}
