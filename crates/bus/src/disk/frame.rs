//! How one record lies in a file: a header with a checksum, the key, the value. Pure.

use std::ops::Range;

use event::{RecordId, Timestamp};

use crate::record::{MAX_KEY, MAX_VALUE};

/// Bytes before the key: marker, length, checksum, length of the key (4 each), offset (8), id (16), time (8).
pub const HEADER: usize = 48;

/// The longest frame.
pub const MAX_FRAME: usize = HEADER + MAX_KEY + MAX_VALUE;

/// What frames of one partition begin with and seed their checksum with. It is random, so nothing
/// inside a value (which an attacker may choose) passes for a frame when the next one behind a
/// damaged place is searched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Salt(pub u64);

impl Salt {
    const fn marker(self) -> [u8; 4] {
        ((self.0 >> 32) as u32).to_le_bytes()
    }

    const fn seed(self) -> u32 {
        self.0 as u32
    }
}

/// A record in a buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Bytes of all of it.
    pub len: usize,
    pub offset: u64,
    pub id: RecordId,
    pub time: Timestamp,
    /// Where the key and the value lie, from the frame's first byte.
    pub key: Range<usize>,
    pub value: Range<usize>,
}

/// Why bytes are not a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// So many bytes are needed to tell.
    Short(usize),
    /// This was not written here, or came back changed.
    Damaged,
}

/// Bytes that a record takes.
pub const fn len(key: &[u8], value: &[u8]) -> usize {
    HEADER + key.len() + value.len()
}

/// Appends a frame. The caller has checked the limits of key and value.
pub fn encode(
    out: &mut Vec<u8>,
    salt: Salt,
    offset: u64,
    id: RecordId,
    time: Timestamp,
    (key, value): (&[u8], &[u8]),
) {
    let start = out.len();
    let len = u32::try_from(len(key, value)).unwrap_or(u32::MAX);
    out.extend_from_slice(&salt.marker());
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&u32::try_from(key.len()).unwrap_or(u32::MAX).to_le_bytes());
    out.extend_from_slice(&offset.to_le_bytes());
    out.extend_from_slice(&id.to_bytes());
    out.extend_from_slice(&time.nanos().to_le_bytes());
    out.extend_from_slice(key);
    out.extend_from_slice(value);
    let checksum = checksum(&out[start..], salt);
    out[start + 8..start + 12].copy_from_slice(&checksum.to_le_bytes());
}

/// Over everything but the marker (which is compared) and the checksum itself.
fn checksum(frame: &[u8], salt: Salt) -> u32 {
    let begin = crc32c::crc32c_append(salt.seed(), frame.get(4..8).unwrap_or_default());
    crc32c::crc32c_append(begin, frame.get(12..).unwrap_or_default())
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.try_into().ok()
}

/// Reads the frame that `bytes` begin with.
pub fn decode(bytes: &[u8], salt: Salt) -> Result<Frame, Broken> {
    let (Some(marker), Some(len), Some(sum), Some(key_len)) = (
        array::<4>(bytes, 0),
        array(bytes, 4).map(u32::from_le_bytes),
        array(bytes, 8).map(u32::from_le_bytes),
        array(bytes, 12).map(u32::from_le_bytes),
    ) else {
        return Err(Broken::Short(HEADER));
    };
    let (len, key_len) = (len as usize, key_len as usize);
    if marker != salt.marker()
        || !(HEADER..=MAX_FRAME).contains(&len)
        || key_len > MAX_KEY
        || HEADER + key_len > len
    {
        return Err(Broken::Damaged);
    }
    let Some(frame) = bytes.get(..len) else {
        return Err(Broken::Short(len));
    };
    let (Some(offset), Some(id), Some(time)) =
        (array(frame, 16), array(frame, 24), array(frame, 40))
    else {
        return Err(Broken::Damaged);
    };
    if checksum(frame, salt) != sum {
        return Err(Broken::Damaged);
    }
    Ok(Frame {
        len,
        offset: u64::from_le_bytes(offset),
        id: RecordId::from_bytes(id),
        time: Timestamp::from_nanos(i64::from_le_bytes(time)),
        key: HEADER..HEADER + key_len,
        value: HEADER + key_len..len,
    })
}

/// What a piece of a file holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Parsed {
    /// Each frame with where it begins.
    pub frames: Vec<(usize, Frame)>,
    /// Places that hold no frame.
    pub damaged: Vec<Range<usize>>,
    /// Bytes that are done with; reading goes on behind them.
    pub used: usize,
    /// Where nothing could be used for want of bytes: how many would do.
    pub need: usize,
}

/// Reads frames one behind the other, at most `limit`; over a damaged place it goes on with the next whole frame.
///
/// `at_end`: the file has no more behind `bytes`.
pub fn parse(bytes: &[u8], salt: Salt, at_end: bool, limit: usize) -> Parsed {
    let mut parsed = Parsed::default();
    let finder = memchr::memmem::Finder::new(&salt.marker()).into_owned();
    while parsed.used < bytes.len() && parsed.frames.len() < limit {
        let at = parsed.used;
        let rest = bytes.get(at..).unwrap_or_default();
        match decode(rest, salt) {
            Ok(frame) => {
                parsed.used += frame.len;
                parsed.frames.push((at, frame));
            }
            Err(Broken::Short(need)) if !at_end => {
                parsed.need = need;
                break;
            }
            Err(Broken::Short(_) | Broken::Damaged) => {
                let next = finder.find(rest.get(1..).unwrap_or_default());
                let skip = match next {
                    Some(place) => place + 1,
                    None if at_end => rest.len(),
                    // A marker may begin with the last three bytes.
                    None => rest.len().saturating_sub(3).max(1),
                };
                parsed.used += skip;
                match parsed.damaged.last_mut() {
                    Some(last) if last.end == at => last.end = at + skip,
                    _ => parsed.damaged.push(at..at + skip),
                }
            }
        }
    }
    parsed
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SALT: Salt = Salt(0x1234_5678_9abc_def0);

    fn frames(values: &[Vec<u8>]) -> Vec<u8> {
        let mut out = Vec::new();
        for (offset, value) in values.iter().enumerate() {
            let id = RecordId::from_bytes([offset as u8; 16]);
            let time = Timestamp::from_nanos(offset as i64);
            encode(&mut out, SALT, offset as u64, id, time, (b"key", value));
        }
        out
    }

    #[test]
    fn an_empty_record_is_a_header() {
        let mut out = Vec::new();
        let id = RecordId::from_bytes([9; 16]);
        encode(&mut out, SALT, 5, id, Timestamp::from_nanos(6), (b"", b""));
        assert_eq!(out.len(), HEADER);
        let frame = decode(&out, SALT).unwrap();
        assert_eq!((frame.offset, frame.id, frame.len), (5, id, HEADER));
        assert_eq!(decode(&out, Salt(1)), Err(Broken::Damaged));
    }

    proptest! {
        #[test]
        fn any_bytes_parse_without_a_panic_and_to_their_end(bytes in prop::collection::vec(any::<u8>(), 0..500)) {
            let parsed = parse(&bytes, SALT, true, usize::MAX);
            prop_assert_eq!(parsed.used, bytes.len());
        }

        #[test]
        fn one_changed_byte_costs_one_record(
            values in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 1..10),
            place in any::<prop::sample::Index>(),
            change in 1u8..,
        ) {
            let mut bytes = frames(&values);
            let place = place.index(bytes.len());
            bytes[place] ^= change;
            let parsed = parse(&bytes, SALT, true, usize::MAX);
            prop_assert_eq!(parsed.frames.len(), values.len() - 1);
            prop_assert_eq!(parsed.damaged.len(), 1);
            prop_assert!(parsed.damaged[0].contains(&place));
            for (at, frame) in &parsed.frames {
                let value = &bytes[at + frame.value.start..at + frame.value.end];
                prop_assert_eq!(value, &values[frame.offset as usize][..]);
            }
        }

        #[test]
        fn a_cut_tail_leaves_every_whole_record(
            values in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 1..10),
            cut in any::<prop::sample::Index>(),
        ) {
            let bytes = frames(&values);
            let cut = cut.index(bytes.len());
            let whole = parse(&bytes, SALT, true, usize::MAX);
            let expected = whole.frames.iter().filter(|(at, frame)| at + frame.len <= cut).count();
            let parsed = parse(&bytes[..cut], SALT, false, usize::MAX);
            prop_assert_eq!(parsed.frames.len(), expected);
            prop_assert!(parsed.damaged.is_empty());
            if parsed.used < cut {
                prop_assert!(parsed.need > cut - parsed.used);
            }
        }
    }
}
