//! IEEE 802.11 data frames, with or without a radiotap header.

use super::level::{Level, Refused, Step};

impl<'a> Level<'a, '_> {
    /// Radiotap (<https://www.radiotap.org>): little-endian length at 2, then an 802.11 frame.
    pub(super) fn radiotap(&mut self, data: &'a [u8]) -> Step {
        let Some(&[_, _, l0, l1, p0, p1, p2, p3]) = data.first_chunk() else {
            return Err(Refused);
        };
        let frame = data
            .get(usize::from(u16::from_le_bytes([l0, l1]))..)
            .ok_or(Refused)?;
        let pads_header = radiotap_flags(data, u32::from_le_bytes([p0, p1, p2, p3])) & 0x20 != 0;
        self.data_frame(frame, pads_header)
    }

    /// An 802.11 frame.
    pub(super) fn wireless(&mut self, data: &'a [u8]) -> Step {
        self.data_frame(data, false)
    }

    /// Finds the LLC header of an unencrypted data frame. Management, control and protected frames
    /// carry nothing that can be read.
    fn data_frame(&mut self, data: &'a [u8], pads_header: bool) -> Step {
        let Some(&[control, flags]) = data.first_chunk() else {
            return Err(Refused);
        };
        let (kind, subtype) = (control >> 2 & 3, control >> 4);
        let is_protected = flags & 0x40 != 0;
        let has_no_data = subtype & 4 != 0;
        if kind != 2 || is_protected || has_no_data {
            return Ok(());
        }
        let mut len = 24;
        if flags & 0x03 == 0x03 {
            len += 6;
        }
        if subtype & 8 != 0 {
            len += 2;
            // High-throughput control follows where the order bit says so.
            if flags & 0x80 != 0 {
                len += 4;
            }
        }
        if pads_header {
            len = usize::next_multiple_of(len, 4);
        }
        self.llc_after(data, len)
    }
}

/// The flags field of radiotap, which follows the time stamp of 8 bytes aligned to 8.
fn radiotap_flags(data: &[u8], present: u32) -> u8 {
    if present & 2 == 0 {
        return 0;
    }
    // Further words of presence bits follow while the highest bit is set.
    let words = data.get(4..).unwrap_or(&[]).as_chunks::<4>().0;
    let more = words.iter().take_while(|word| word[3] & 0x80 != 0).count();
    let mut at = 4 + 4 * (more + 1);
    if present & 1 != 0 {
        at = at.next_multiple_of(8) + 8;
    }
    data.get(at).copied().unwrap_or(0)
}
