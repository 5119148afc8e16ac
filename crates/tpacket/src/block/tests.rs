//! Blocks as the kernel writes them, and blocks as it never would.

use super::*;
use proptest::prelude::*;

/// Room before a frame: header, address, alignment, the reserve for a tag, the link header.
const DATA: usize = 82;

/// A block that holds `frames`, each with its status, tag control and tag type.
fn block(frames: &[(&[u8], u32, u16, u16)]) -> Vec<u8> {
    let mut block = vec![0u8; 48];
    let put = |block: &mut Vec<u8>, at: usize, value: u32| {
        block[at..at + 4].copy_from_slice(&value.to_ne_bytes());
    };
    put(&mut block, block_at::PACKETS, frames.len() as u32);
    put(&mut block, block_at::FIRST, 48);
    for (n, (data, status, tci, tpid)) in frames.iter().enumerate() {
        let at = block.len();
        let len = (DATA + data.len()).next_multiple_of(16);
        block.resize(at + len, 0);
        let next = if n + 1 == frames.len() { 0 } else { len as u32 };
        put(&mut block, at + header_at::NEXT, next);
        put(&mut block, at + header_at::SECONDS, 7);
        put(&mut block, at + header_at::NANOS, 9);
        put(&mut block, at + header_at::CAPTURED, data.len() as u32);
        put(&mut block, at + header_at::ON_WIRE, data.len() as u32);
        put(&mut block, at + header_at::STATUS, *status);
        put(&mut block, at + header_at::DATA, DATA as u32);
        put(&mut block, at + header_at::VLAN_TCI, u32::from(*tci));
        put(&mut block, at + header_at::VLAN_TPID, u32::from(*tpid));
        block[at + header_at::PACKET_TYPE] = 4;
        block[at + DATA..at + DATA + data.len()].copy_from_slice(data);
    }
    let used = block.len() as u32;
    put(&mut block, block_at::USED, used);
    block
}

const FRAME: &[u8] = b"ddddddssssss\x08\x00payload";

#[test]
fn lends_frames_in_order_with_their_times() {
    let mut bytes = block(&[(FRAME, 1, 0, 0), (b"second", 1, 0, 0)]);
    let mut frames = Frames::new(&mut bytes, true);
    let first = frames.next().expect("the first frame");
    assert_eq!((first.data, first.wire_len), (FRAME, FRAME.len() as u32));
    assert_eq!((first.seconds, first.nanos), (7, 9));
    assert_eq!(first.packet_type, PacketType::Outgoing);
    assert_eq!(frames.next().expect("the second").data, b"second");
    assert_eq!((frames.next(), frames.invalid()), (None, 0));
}

#[test]
fn puts_the_tag_back_behind_the_addresses() {
    let status = libc::TP_STATUS_VLAN_VALID | libc::TP_STATUS_VLAN_TPID_VALID;
    let mut bytes = block(&[(FRAME, status, 0x2005, 0x88a8)]);
    let frame = Frames::new(&mut bytes, true).next().expect("a frame");
    assert_eq!(frame.data, b"ddddddssssss\x88\xa8\x20\x05\x08\x00payload");
    assert!(frame.is_tag_restored);
    assert_eq!(frame.wire_len as usize, FRAME.len() + 4);
    // Without a link header there is nothing to put it into.
    let mut bytes = block(&[(FRAME, status, 5, 0x8100)]);
    assert_eq!(
        Frames::new(&mut bytes, false).next().map(|f| f.data),
        Some(FRAME)
    );
}

#[test]
fn tells_what_is_known_of_checksums() {
    let check = |status, expected| {
        let mut bytes = block(&[(FRAME, status, 0, 0)]);
        let frame = Frames::new(&mut bytes, true).next();
        assert_eq!(frame.map(|f| f.checksum), Some(expected));
    };
    check(1, Checksum::Unknown);
    check(libc::TP_STATUS_CSUM_VALID, Checksum::Valid);
    check(libc::TP_STATUS_CSUMNOTREADY, Checksum::NotReady);
}

#[test]
fn counts_what_lies_outside_the_block() {
    let mut bytes = block(&[(FRAME, 1, 0, 0), (FRAME, 1, 0, 0)]);
    // The first frame claims more bytes than there are.
    bytes[48 + header_at::CAPTURED..][..4].copy_from_slice(&9999u32.to_ne_bytes());
    let mut frames = Frames::new(&mut bytes, true);
    assert_eq!(frames.next().map(|f| f.data), Some(FRAME));
    assert_eq!((frames.next(), frames.invalid()), (None, 1));
    // The chain ends before its count does.
    let mut bytes = block(&[(FRAME, 1, 0, 0)]);
    bytes[block_at::PACKETS..][..4].copy_from_slice(&3u32.to_ne_bytes());
    let mut frames = Frames::new(&mut bytes, true);
    assert_eq!((frames.next(), frames.invalid()), (None, 3));
}

proptest! {
    #[test]
    fn never_reads_beyond_a_block_and_never_loses_count(
        mut bytes in proptest::collection::vec(any::<u8>(), 0..600),
        packets in 0u32..40,
        first in 0u32..100,
        is_ethernet: bool,
    ) {
        for (at, value) in [(block_at::PACKETS, packets), (block_at::FIRST, first)] {
            if let Some(place) = bytes.get_mut(at..at + 4) {
                place.copy_from_slice(&value.to_ne_bytes());
            }
        }
        let said = word(&bytes, block_at::PACKETS).unwrap_or(0);
        let mut frames = Frames::new(&mut bytes, is_ethernet);
        let read = frames.by_ref().count() as u32;
        prop_assert_eq!(read + frames.invalid(), said);
    }
}
