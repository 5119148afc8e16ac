//! Fragments in any order: what is put together is what was sent, and never more than fits.

use crate::input::Input;
use decode::build::Stack;
use decode::defrag::{self, Policy};
use decode::packet::{Config, Decoder, Frame, LinkType};
use event::{IpProtocol, Timestamp};
use std::time::Duration;

const POLICIES: [Policy; 7] = [
    Policy::Bsd,
    Policy::BsdRight,
    Policy::Linux,
    Policy::First,
    Policy::Last,
    Policy::Windows,
    Policy::Solaris,
];

/// The most fragments of one input.
const FRAGMENTS_MAX: u64 = 256;

/// The byte at a place of the datagram that an honest sender sends.
fn truth(place: usize) -> u8 {
    (place ^ place >> 8).wrapping_mul(167) as u8
}

/// The defragmenter: a byte of policy and honesty, then 6 bytes for each fragment: control (which
/// of four datagrams, more fragments, IPv6, seconds that pass), offset, length, and what a liar
/// sends.
pub fn defrag(data: &[u8]) {
    let mut input = Input(data);
    let kind = input.byte();
    let is_honest = kind & 0x80 == 0;
    let config = Config {
        defrag: defrag::Config {
            policy: POLICIES[usize::from(kind & 0x0f) % POLICIES.len()],
            trackers_max: 3,
            fragments_max: 40,
            memory_max: 100_000,
            timeout: Duration::from_secs(5),
            ..defrag::Config::default()
        },
        ..Config::default()
    };
    let mut decoder = Decoder::new(config);
    let mut now = Timestamp::new(1_700_000_000, 0);
    let mut number = 0;
    while !input.is_empty() && number < FRAGMENTS_MAX {
        number += 1;
        let control = input.byte();
        let offset = input.word() & 0xfff8;
        let len = usize::from(input.byte()) << (control >> 6);
        let body: Vec<u8> = if is_honest {
            (usize::from(offset)..usize::from(offset) + len)
                .map(truth)
                .collect()
        } else {
            vec![input.byte(); len]
        };
        now = now + Duration::from_secs(u64::from(control >> 4 & 3));
        let bytes = fragment(control, offset, &body);
        let frame = Frame {
            time: now,
            number,
            data: &bytes,
            wire_len: bytes.len() as u32,
            link: LinkType::ETHERNET,
        };
        decoder.decode(&frame, |packet| {
            if packet.is_reassembled {
                assert!(packet.frame.len() <= 14 + 40 + 65_535);
                assert!(
                    packet.ip_checksum_ok().unwrap_or(true),
                    "a checksum that is not right"
                );
                let is_right = packet
                    .payload
                    .iter()
                    .enumerate()
                    .all(|(at, byte)| *byte == truth(at));
                assert!(!is_honest || is_right, "not what was sent");
            }
        });
    }
}

fn fragment(control: u8, offset: u16, body: &[u8]) -> Vec<u8> {
    let more = control & 4 != 0;
    let id = u16::from(control & 3);
    // A protocol that nothing is read of (RFC 3692): the payload is the datagram's.
    if control & 8 == 0 {
        Stack::ethernet()
            .ipv4("192.0.2.1", "192.0.2.2")
            .id(id)
            .protocol(IpProtocol(253))
            .fragment(offset, more)
            .payload(body)
            .bytes()
    } else {
        Stack::ethernet()
            .ipv6("2001:db8::1", "2001:db8::2")
            .protocol(IpProtocol(253))
            .ipv6_fragment(offset, more, u32::from(id))
            .payload(body)
            .bytes()
    }
}
