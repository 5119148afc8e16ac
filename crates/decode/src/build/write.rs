//! Writes captures.

use super::Captured;
use crate::packet::{Frame, LinkType};
use event::Timestamp;
use std::io::{self, Write};

/// Writes a pcap file, with nanoseconds or microseconds.
pub struct PcapWriter<W: Write> {
    out: W,
    is_nanos: bool,
}

impl<W: Write> PcapWriter<W> {
    /// Writes the file header.
    ///
    /// # Errors
    /// What the output says.
    pub fn new(mut out: W, link: LinkType, is_nanos: bool) -> io::Result<Self> {
        let magic: u32 = if is_nanos { 0xa1b2_3c4d } else { 0xa1b2_c3d4 };
        out.write_all(&magic.to_le_bytes())?;
        out.write_all(&[2, 0, 4, 0])?;
        out.write_all(&[0; 8])?;
        out.write_all(&262_144u32.to_le_bytes())?;
        out.write_all(&link.0.to_le_bytes())?;
        Ok(PcapWriter { out, is_nanos })
    }

    /// Writes a packet.
    ///
    /// # Errors
    /// What the output says.
    pub fn write(&mut self, frame: &Frame<'_>) -> io::Result<()> {
        let (secs, nanos) = parts(frame.time);
        let fraction = if self.is_nanos { nanos } else { nanos / 1000 };
        self.out.write_all(&secs.to_le_bytes())?;
        self.out.write_all(&fraction.to_le_bytes())?;
        self.out.write_all(&len32(frame.data.len()).to_le_bytes())?;
        self.out.write_all(&frame.wire_len.to_le_bytes())?;
        self.out.write_all(frame.data)
    }

    /// Gives the output back, flushed.
    ///
    /// # Errors
    /// What the output says.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }
}

/// Writes a pcapng file of one section, an interface for each link type as it comes.
pub struct PcapngWriter<W: Write> {
    out: W,
    links: Vec<LinkType>,
}

impl<W: Write> PcapngWriter<W> {
    /// Writes the section header.
    ///
    /// # Errors
    /// What the output says.
    pub fn new(mut out: W) -> io::Result<Self> {
        let mut body = Vec::new();
        body.extend_from_slice(&0x1a2b_3c4du32.to_le_bytes());
        body.extend_from_slice(&[1, 0, 0, 0]);
        body.extend_from_slice(&u64::MAX.to_le_bytes());
        block(&mut out, 0x0a0d_0d0a, &body)?;
        Ok(PcapngWriter {
            out,
            links: Vec::new(),
        })
    }

    /// Writes a packet, and before it its interface where that is new. Times have nanoseconds.
    ///
    /// # Errors
    /// What the output says.
    pub fn write(&mut self, frame: &Frame<'_>) -> io::Result<()> {
        let interface = match self.links.iter().position(|link| *link == frame.link) {
            Some(place) => place,
            None => {
                let mut body = Vec::new();
                body.extend_from_slice(
                    &u16::try_from(frame.link.0)
                        .unwrap_or(u16::MAX)
                        .to_le_bytes(),
                );
                body.extend_from_slice(&[0, 0]);
                body.extend_from_slice(&262_144u32.to_le_bytes());
                // if_tsresol: 10 to the power of -9.
                body.extend_from_slice(&[9, 0, 1, 0, 9, 0, 0, 0, 0, 0, 0, 0]);
                block(&mut self.out, 1, &body)?;
                self.links.push(frame.link);
                self.links.len() - 1
            }
        };
        let nanos = u64::try_from(frame.time.nanos()).unwrap_or(0);
        let mut body = Vec::with_capacity(frame.data.len() + 24);
        body.extend_from_slice(&len32(interface).to_le_bytes());
        body.extend_from_slice(&((nanos >> 32) as u32).to_le_bytes());
        body.extend_from_slice(&(nanos as u32).to_le_bytes());
        body.extend_from_slice(&len32(frame.data.len()).to_le_bytes());
        body.extend_from_slice(&frame.wire_len.to_le_bytes());
        body.extend_from_slice(frame.data);
        block(&mut self.out, 6, &body)
    }

    /// Gives the output back, flushed.
    ///
    /// # Errors
    /// What the output says.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }
}

/// A pcap file of these frames, with microseconds, sorted by time.
#[must_use]
pub fn pcap(frames: &[Captured]) -> Vec<u8> {
    let link = frames
        .first()
        .map_or(LinkType::ETHERNET, |frame| frame.link);
    let write = || -> io::Result<Vec<u8>> {
        let mut writer = PcapWriter::new(Vec::new(), link, false)?;
        for frame in sorted(frames) {
            writer.write(&frame.frame(0))?;
        }
        writer.finish()
    };
    write().expect("writing to memory does not fail")
}

/// A pcapng file of these frames, sorted by time.
#[must_use]
pub fn pcapng(frames: &[Captured]) -> Vec<u8> {
    let write = || -> io::Result<Vec<u8>> {
        let mut writer = PcapngWriter::new(Vec::new())?;
        for frame in sorted(frames) {
            writer.write(&frame.frame(0))?;
        }
        writer.finish()
    };
    write().expect("writing to memory does not fail")
}

fn sorted(frames: &[Captured]) -> Vec<&Captured> {
    let mut frames: Vec<&Captured> = frames.iter().collect();
    frames.sort_by_key(|frame| frame.time);
    frames
}

fn parts(time: Timestamp) -> (u32, u32) {
    let nanos = time.nanos().rem_euclid(1_000_000_000);
    (
        u32::try_from(time.secs()).unwrap_or(0),
        u32::try_from(nanos).unwrap_or(0),
    )
}

fn len32(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

fn block(out: &mut impl Write, kind: u32, body: &[u8]) -> io::Result<()> {
    let padding = body.len().next_multiple_of(4) - body.len();
    let len = len32(body.len() + padding + 12).to_le_bytes();
    out.write_all(&kind.to_le_bytes())?;
    out.write_all(&len)?;
    out.write_all(body)?;
    out.write_all(&[0; 3][..padding])?;
    out.write_all(&len)
}
