//! Frames of every link type: all that a packet shows lies inside the frame, and it shows the same
//! each time.

use crate::input::Input;
use decode::packet::{Config, Decoder, Frame, Ip, LinkType, Packet, Transport};
use event::Timestamp;

/// Link types by the first byte: those that are read, and one that is not.
const LINKS: [u32; 16] = [
    1, 101, 0, 113, 276, 9, 12, 14, 105, 127, 192, 228, 229, 108, 50, 147,
];

/// The packet decoder: a byte for the link type, then frames, each behind its length in two bytes;
/// a length of 0 takes all that is left.
pub fn packet(data: &[u8]) {
    let mut input = Input(data);
    let link = LinkType(LINKS[usize::from(input.byte()) % LINKS.len()]);
    let mut frames = Vec::new();
    while !input.is_empty() {
        let len = usize::from(input.word());
        frames.push(input.take(if len == 0 { usize::MAX } else { len }));
    }
    assert_eq!(decode(&frames, link), decode(&frames, link));
}

fn decode(frames: &[&[u8]], link: LinkType) -> Vec<String> {
    let mut decoder = Decoder::new(Config::default());
    let mut told = Vec::new();
    for (place, data) in frames.iter().enumerate() {
        let frame = Frame {
            time: Timestamp::new(1_700_000_000 + place as i64, 0),
            number: place as u64 + 1,
            data,
            wire_len: data.len() as u32,
            link,
        };
        let before = told.len();
        let mut is_inside_datagram = false;
        decoder.decode(&frame, |packet| {
            is_inside_datagram |= packet.is_reassembled;
            check(packet, &frame, is_inside_datagram);
            told.push(format!("{packet:?}"));
        });
        assert!(told.len() > before, "a frame gave no packet");
    }
    told
}

/// Whether `part` is a piece of `whole`'s memory.
fn lies_in(part: &[u8], whole: &[u8]) -> bool {
    part.is_empty() || {
        let (part, whole) = (part.as_ptr_range(), whole.as_ptr_range());
        whole.start <= part.start && part.end <= whole.end
    }
}

fn check(packet: &Packet<'_>, frame: &Frame<'_>, is_inside_datagram: bool) {
    assert!(
        is_inside_datagram || lies_in(packet.frame, frame.data),
        "frame outside"
    );
    assert!(lies_in(packet.payload, packet.frame), "payload outside");
    assert_eq!((packet.time, packet.number), (frame.time, frame.number));
    assert!(packet.vlans.len() <= 3);
    match packet.ip {
        Some(Ip::V4(ip)) => {
            assert!(lies_in(ip.header, packet.frame));
            assert!((20..=60).contains(&ip.header.len()));
        }
        Some(Ip::V6(ip)) => {
            assert!(lies_in(ip.header, packet.frame));
            assert_eq!(ip.header.len(), 40);
        }
        None => {}
    }
    let header = match packet.transport {
        Transport::Tcp(tcp) => {
            assert!((20..=60).contains(&tcp.header.len()));
            assert!(tcp.options.sack.len().is_multiple_of(8));
            tcp.header
        }
        Transport::Udp(udp) => udp.header,
        Transport::Icmpv4(icmp) | Transport::Icmpv6(icmp) => icmp.header,
        Transport::Sctp(sctp) => sctp.header,
        Transport::Esp { .. } | Transport::Gre | Transport::None => &[],
    };
    assert!(lies_in(header, packet.frame), "transport header outside");
    let _ = (packet.ip_checksum_ok(), packet.transport_checksum_ok());
}
