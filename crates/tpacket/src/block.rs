//! A block of the ring: the frames in it, each checked against its bounds.
//!
//! Layout of `tpacket_block_desc` and `tpacket3_hdr` in `include/uapi/linux/if_packet.h`; all numbers
//! are in the host's byte order.

use crate::ring::Ring;

/// `tpacket_block_desc`: version, offset of private data, status, number of packets, offset of the
/// first packet, bytes used.
mod block_at {
    pub(super) const PACKETS: usize = 12;
    pub(super) const FIRST: usize = 16;
    pub(super) const USED: usize = 20;
}

/// `tpacket3_hdr`.
mod header_at {
    pub(super) const NEXT: usize = 0;
    pub(super) const SECONDS: usize = 4;
    pub(super) const NANOS: usize = 8;
    pub(super) const CAPTURED: usize = 12;
    pub(super) const ON_WIRE: usize = 16;
    pub(super) const STATUS: usize = 20;
    pub(super) const DATA: usize = 24;
    pub(super) const VLAN_TCI: usize = 32;
    pub(super) const VLAN_TPID: usize = 36;
    /// Where `sockaddr_ll` begins, and in it the type of the packet.
    pub(super) const ADDRESS: usize = 48;
    pub(super) const PACKET_TYPE: usize = ADDRESS + 10;
    /// First byte behind header and address.
    pub(super) const END: usize = ADDRESS + 20;
}

/// Bytes of a VLAN tag (IEEE 802.1Q), which the ring leaves room for before each frame.
pub(crate) const TAG: usize = 4;
/// Bytes of the two addresses of an Ethernet header, behind which tags stand.
const ADDRESSES: usize = 12;
/// The tag's type where the driver does not tell it.
const TPID_DEFAULT: u16 = 0x8100;

/// A block that is lent; dropping it gives it back.
pub struct Block<'r> {
    ring: &'r mut Ring,
}

impl<'r> Block<'r> {
    pub(crate) fn new(ring: &'r mut Ring) -> Self {
        Block { ring }
    }

    /// Whether its frames begin with an Ethernet header.
    #[must_use]
    pub fn is_ethernet(&self) -> bool {
        self.ring.is_ethernet()
    }

    /// The frames, in the order of their arrival.
    pub fn frames(&mut self) -> Frames<'_> {
        let is_ethernet = self.ring.is_ethernet();
        Frames::new(self.ring.current_block(), is_ethernet)
    }
}

impl Drop for Block<'_> {
    fn drop(&mut self) {
        self.ring.give_back();
    }
}

/// One frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// When it arrived, seconds since 1970.
    pub seconds: u32,
    /// Nanoseconds of that second.
    pub nanos: u32,
    /// Its bytes, with the VLAN tag that the network card had taken out. From the link header on for
    /// Ethernet, from the IP header on elsewhere.
    pub data: &'a [u8],
    /// Bytes on the wire, with the tag.
    pub wire_len: u32,
    /// What is known about the checksum of its transport.
    pub checksum: Checksum,
    /// Whether a tag was put back.
    pub is_tag_restored: bool,
    /// Whose it is.
    pub packet_type: PacketType,
}

/// What is known about a checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksum {
    /// Nothing: it is to be computed.
    Unknown,
    /// Found right by the network card.
    Valid,
    /// It will be filled in by the network card of the sender, which is this machine.
    NotReady,
}

/// Whose a frame is (packet(7)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PacketType {
    /// To this host.
    Host,
    /// To all.
    Broadcast,
    /// To a group.
    Multicast,
    /// To another host.
    Other,
    /// Sent by this host.
    Outgoing,
    /// None of these.
    Unknown(u8),
}

/// The frames of a block.
pub struct Frames<'a> {
    /// From the header of the next frame to the end of what the block holds.
    rest: &'a mut [u8],
    /// Frames that are still to come, by the block's own count.
    left: u32,
    is_ethernet: bool,
    invalid: u32,
}

impl<'a> Frames<'a> {
    fn new(block: &'a mut [u8], is_ethernet: bool) -> Self {
        let packets = word(block, block_at::PACKETS).unwrap_or(0);
        let first = word(block, block_at::FIRST).unwrap_or(0) as usize;
        let used = (word(block, block_at::USED).unwrap_or(0) as usize).min(block.len());
        let rest = block.get_mut(first..used);
        Frames {
            left: packets,
            is_ethernet,
            invalid: 0,
            rest: rest.unwrap_or_default(),
        }
    }

    /// Frames still to come, by the block's own count.
    #[must_use]
    pub fn left(&self) -> u32 {
        self.left
    }

    /// Frames that the block said to hold and that could not be read: none, unless the kernel is
    /// broken. Complete once the iteration ended.
    #[must_use]
    pub fn invalid(&self) -> u32 {
        self.invalid
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = Frame<'a>;

    fn next(&mut self) -> Option<Frame<'a>> {
        while self.left > 0 {
            let rest = std::mem::take(&mut self.rest);
            let next = word(rest, header_at::NEXT).unwrap_or(0) as usize;
            // The last one of a block names no next one.
            let is_last = next == 0;
            if (is_last && self.left > 1) || next > rest.len() || rest.len() < header_at::END {
                self.invalid += self.left;
                self.left = 0;
                return None;
            }
            let (this, rest) = rest.split_at_mut(if is_last { rest.len() } else { next });
            self.rest = rest;
            self.left -= 1;
            match read(this, self.is_ethernet) {
                Some(frame) => return Some(frame),
                None => self.invalid += 1,
            }
        }
        None
    }
}

/// Reads the frame in `slot`, which begins with its header.
fn read(slot: &mut [u8], is_ethernet: bool) -> Option<Frame<'_>> {
    let status = word(slot, header_at::STATUS)?;
    let mut at = usize::from(half(slot, header_at::DATA)?);
    let mut len = word(slot, header_at::CAPTURED)? as usize;
    let mut wire_len = word(slot, header_at::ON_WIRE)?;
    if at < header_at::END || at.checked_add(len)? > slot.len() {
        return None;
    }
    let (seconds, nanos) = (
        word(slot, header_at::SECONDS)?,
        word(slot, header_at::NANOS)?,
    );
    let packet_type = match *slot.get(header_at::PACKET_TYPE)? {
        0 => PacketType::Host,
        1 => PacketType::Broadcast,
        2 => PacketType::Multicast,
        3 => PacketType::Other,
        4 => PacketType::Outgoing,
        other => PacketType::Unknown(other),
    };
    let checksum = if status & libc::TP_STATUS_CSUMNOTREADY != 0 {
        Checksum::NotReady
    } else if status & libc::TP_STATUS_CSUM_VALID != 0 {
        Checksum::Valid
    } else {
        Checksum::Unknown
    };
    let has_tag = status & libc::TP_STATUS_VLAN_VALID != 0;
    let mut is_tag_restored = false;
    if has_tag && is_ethernet && len >= ADDRESSES && at >= header_at::END + TAG {
        let tci = word(slot, header_at::VLAN_TCI)? as u16;
        let tpid = if status & libc::TP_STATUS_VLAN_TPID_VALID != 0 {
            half(slot, header_at::VLAN_TPID)?
        } else {
            TPID_DEFAULT
        };
        slot.copy_within(at..at + ADDRESSES, at - TAG);
        let tag = slot.get_mut(at - TAG + ADDRESSES..at + ADDRESSES)?;
        let (kind, value) = tag.split_at_mut(2);
        kind.copy_from_slice(&tpid.to_be_bytes());
        value.copy_from_slice(&tci.to_be_bytes());
        at -= TAG;
        len += TAG;
        wire_len = wire_len.saturating_add(TAG as u32);
        is_tag_restored = true;
    }
    Some(Frame {
        seconds,
        nanos,
        wire_len: wire_len.max(u32::try_from(len).ok()?),
        data: slot.get(at..at + len)?,
        checksum,
        is_tag_restored,
        packet_type,
    })
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

#[cfg(test)]
mod tests;
