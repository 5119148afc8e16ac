//! Tests of the defragmenter, through the decoder.

use super::*;
use crate::build::{Conversation, Stack};
use crate::packet::{self, Decoder, Frame, Ip, LinkType, Origin};
use event::{Direction, IpProtocol};
use proptest::prelude::*;

/// What a fragment is in these tests: where it begins, its bytes, and whether more follow.
type Part = (u16, Vec<u8>, bool);

struct Bench {
    decoder: Decoder,
    number: u64,
    now: Timestamp,
}

/// What came out of a frame.
#[derive(Debug, Default, PartialEq, Eq)]
struct Out {
    whole: Option<Vec<u8>>,
    events: Vec<&'static str>,
}

/// What a reassembled datagram carries, behind the IP header and the one extension header of
/// [`Bench::ipv6`].
fn body<'a>(packet: &packet::Packet<'a>) -> &'a [u8] {
    let len = match packet.ip.expect("an IP packet") {
        Ip::V4(ip) => usize::from(ip.total_len) - ip.header.len(),
        Ip::V6(ip) => usize::from(ip.payload_len) - 8,
    };
    &packet.frame[packet.frame.len() - len..]
}

impl Bench {
    fn new(config: Config) -> Self {
        let config = packet::Config {
            defrag: config,
            ..packet::Config::default()
        };
        Bench {
            decoder: Decoder::new(config),
            number: 0,
            now: Timestamp::new(100, 0),
        }
    }

    fn frame(&mut self, link: LinkType, data: &[u8]) -> Out {
        self.number += 1;
        let frame = Frame {
            time: self.now,
            number: self.number,
            data,
            wire_len: data.len() as u32,
            link,
        };
        let mut out = Out::default();
        self.decoder.decode(&frame, |packet| {
            out.events
                .extend(packet.events.iter().map(DecodeEvent::name));
            if packet.is_reassembled {
                assert_eq!(packet.origin, Origin::Defrag);
                assert!(packet.ip_checksum_ok().unwrap_or(true));
                out.whole = Some(body(packet).to_vec());
            }
        });
        out
    }

    fn ipv4(&mut self, id: u16, (offset, data, more): &Part) -> Out {
        let stack = Stack::ethernet().ipv4("10.0.0.1", "10.0.0.2").id(id);
        let stack = stack
            .protocol(IpProtocol(253))
            .fragment(*offset, *more)
            .payload(data);
        self.frame(LinkType::ETHERNET, &stack.bytes())
    }

    fn ipv6(&mut self, id: u32, (offset, data, more): &Part) -> Out {
        let stack = Stack::ethernet()
            .ipv6("2001:db8::1", "2001:db8::2")
            .protocol(IpProtocol(253));
        let stack = stack
            .ipv6_extension(0, &[0, 5, 2])
            .ipv6_fragment(*offset, *more, id)
            .payload(data);
        self.frame(LinkType::ETHERNET, &stack.bytes())
    }
}

fn part(offset: u16, letter: u8, len: usize, more: bool) -> Part {
    (offset, vec![letter; len], more)
}

/// The bytes of each block of 8 as a letter, after the fragments in order.
fn letters(policy: Policy, parts: &[Part]) -> String {
    let mut bench = Bench::new(Config {
        policy,
        ..Config::default()
    });
    let whole = parts
        .iter()
        .find_map(|part| bench.ipv4(7, part).whole)
        .expect("the datagram is complete");
    whole.chunks(8).map(|block| block[0] as char).collect()
}

/// Two fragments that overlap, then the rest around them: which letter stands in each block of 8.
fn check_overlap(earlier: (u16, u16), later: (u16, u16), expected: [(Policy, &str); 7]) {
    let of =
        |(from, to): (u16, u16), letter| part(from * 8, letter, usize::from(to - from) * 8, true);
    let end = earlier.1.max(later.1);
    let mut parts = vec![of(earlier, b'E'), of(later, b'L')];
    if earlier.0.min(later.0) > 0 {
        parts.push(of((0, earlier.0.min(later.0)), b'.'));
    }
    parts.push(part(end * 8, b'.', 8, false));
    for (policy, text) in expected {
        assert_eq!(
            letters(policy, &parts),
            text,
            "{policy:?}: {earlier:?} then {later:?}"
        );
    }
}

#[test]
fn believes_what_the_policy_of_the_receiver_believes() {
    use Policy::{Bsd, BsdRight, First, Last, Linux, Solaris, Windows};
    // The later begins within the earlier.
    check_overlap(
        (1, 3),
        (2, 4),
        [
            (Bsd, ".EEL."),
            (BsdRight, ".ELL."),
            (Linux, ".EEL."),
            (First, ".EEL."),
            (Last, ".ELL."),
            (Windows, ".EEL."),
            (Solaris, ".EEL."),
        ],
    );
    // The later begins before the earlier and ends within it.
    check_overlap(
        (2, 4),
        (1, 3),
        [
            (Bsd, ".LLE."),
            (BsdRight, ".LEE."),
            (Linux, ".LLE."),
            (First, ".LEE."),
            (Last, ".LLE."),
            (Windows, ".LEE."),
            (Solaris, ".LEE."),
        ],
    );
    // Both cover the same.
    check_overlap(
        (1, 3),
        (1, 3),
        [
            (Bsd, ".EE."),
            (BsdRight, ".LL."),
            (Linux, ".LL."),
            (First, ".EE."),
            (Last, ".LL."),
            (Windows, ".EE."),
            (Solaris, ".EE."),
        ],
    );
    // The later reaches past the earlier on both sides.
    check_overlap(
        (2, 3),
        (1, 4),
        [
            (Bsd, ".LLL."),
            (BsdRight, ".LEL."),
            (Linux, ".LLL."),
            (First, ".LEL."),
            (Last, ".LLL."),
            (Windows, ".LLL."),
            (Solaris, ".LLL."),
        ],
    );
    // The later begins before the earlier and ends with it.
    check_overlap(
        (2, 4),
        (1, 4),
        [
            (Bsd, ".LLL."),
            (BsdRight, ".LEE."),
            (Linux, ".LLL."),
            (First, ".LEE."),
            (Last, ".LLL."),
            (Windows, ".LEE."),
            (Solaris, ".LLL."),
        ],
    );
    // The later lies within the earlier.
    check_overlap(
        (1, 4),
        (2, 3),
        [
            (Bsd, ".EEE."),
            (BsdRight, ".ELE."),
            (Linux, ".EEE."),
            (First, ".EEE."),
            (Last, ".ELE."),
            (Windows, ".EEE."),
            (Solaris, ".EEE."),
        ],
    );
}

#[test]
fn tells_overlaps_and_sizes() {
    let mut bench = Bench::new(Config::default());
    assert_eq!(
        bench.ipv4(1, &part(0, b'a', 16, true)).events,
        Vec::<&str>::new()
    );
    assert_eq!(
        bench.ipv4(1, &part(8, b'b', 16, true)).events,
        ["ipv4.frag_overlap"]
    );
    assert_eq!(
        bench.ipv4(1, &part(65_528, b'c', 16, false)).events,
        ["ipv4.frag_pkt_too_large"]
    );
    assert_eq!(
        bench.ipv6(1, &part(0, b'a', 16, true)).events,
        Vec::<&str>::new()
    );
    assert_eq!(
        bench.ipv6(1, &part(8, b'b', 16, true)).events,
        ["ipv6.frag_overlap"]
    );
    assert_eq!(
        bench.ipv6(1, &part(16, b'b', 15, true)).events.first(),
        Some(&"ipv6.frag_invalid_length")
    );
}

#[test]
fn keeps_datagrams_apart() {
    let mut bench = Bench::new(Config::default());
    bench.ipv4(1, &part(0, b'a', 8, true));
    assert_eq!(
        bench.ipv4(2, &part(8, b'b', 8, false)).whole,
        None,
        "another identification"
    );
    let on_vlan = Stack::ethernet()
        .vlan(5)
        .ipv4("10.0.0.1", "10.0.0.2")
        .id(1)
        .protocol(IpProtocol(253));
    let on_vlan = on_vlan.fragment(8, false).payload(&[b'c'; 8]).bytes();
    assert_eq!(
        bench.frame(LinkType::ETHERNET, &on_vlan).whole,
        None,
        "another VLAN"
    );
    assert_eq!(
        bench.ipv4(1, &part(8, b'd', 8, false)).whole,
        Some([[b'a'; 8], [b'd'; 8]].concat())
    );
}

#[test]
fn forgets_what_waits_too_long() {
    let mut bench = Bench::new(Config {
        timeout: Duration::from_secs(10),
        ..Config::default()
    });
    bench.ipv4(1, &part(0, b'a', 8, true));
    bench.now = Timestamp::new(111, 0);
    assert_eq!(bench.ipv4(1, &part(8, b'b', 8, false)).whole, None);
    assert_eq!(bench.decoder.counters().get(Counter::TrackerTimeout), 1);
}

#[test]
fn holds_no_more_than_it_may() {
    let mut bench = Bench::new(Config {
        trackers_max: 2,
        ..Config::default()
    });
    bench.ipv4(1, &part(0, b'a', 8, true));
    bench.ipv4(2, &part(0, b'a', 8, true));
    assert_eq!(
        bench.ipv4(3, &part(0, b'a', 8, true)).events,
        ["ipv4.frag_ignored"]
    );
    let mut bench = Bench::new(Config {
        fragments_max: 2,
        ..Config::default()
    });
    bench.ipv4(1, &part(0, b'a', 8, true));
    bench.ipv4(1, &part(8, b'a', 8, true));
    assert_eq!(
        bench.ipv4(1, &part(16, b'a', 8, true)).events,
        ["ipv4.frag_ignored"]
    );
    let mut bench = Bench::new(Config {
        memory_max: 4096,
        ..Config::default()
    });
    for id in 0..200 {
        bench.ipv4(id, &part(0, b'a', 1000, true));
    }
    assert!(bench.decoder.counters().defrag_memory <= 4096);
}

#[test]
fn a_policy_goes_by_the_smallest_range() {
    let range = |text| AddressRange::parse(text).expect("a range");
    let hosts = vec![
        (range("10.0.0.0/8"), Policy::Linux),
        (range("10.0.0.2"), Policy::Last),
    ];
    let config = Config {
        hosts,
        ..Config::default()
    };
    for (address, policy) in [
        ("10.0.0.2", Policy::Last),
        ("10.9.9.9", Policy::Linux),
        ("1.1.1.1", Policy::Bsd),
    ] {
        assert_eq!(
            config.policy_of(address.parse().expect("an address")),
            policy
        );
    }
}

#[test]
fn shows_the_whole_frame_of_a_reassembled_datagram() {
    let mut talk = Conversation::between("10.0.0.1:1000", "10.0.0.2:53").on_vlan(3);
    talk.fragmented_datagram(Direction::ToServer, 9, &[b'x'; 100], 48);
    let mut decoder = Decoder::new(packet::Config::default());
    let mut frames = Vec::new();
    for (number, captured) in (1..).zip(talk.frames()) {
        decoder.decode(&captured.frame(number), |packet| {
            if packet.is_reassembled {
                assert!(packet.checksum_ok());
                assert_eq!(
                    (packet.link, packet.number, packet.depth),
                    (LinkType::ETHERNET, 3, 0)
                );
                assert_eq!(packet.vlans.as_slice(), [3]);
                assert_eq!(packet.ports(), Some((1000, 53)));
                frames.push((packet.frame.len(), packet.payload.to_vec()));
            }
        });
    }
    assert_eq!(frames, [(14 + 4 + 20 + 8 + 100, vec![b'x'; 100])]);
}

#[test]
fn puts_datagrams_together_inside_tunnels() {
    let mut bench = Bench::new(Config::default());
    let fragment = |offset, more| {
        let stack = Stack::raw()
            .ipv4("192.0.2.1", "192.0.2.2")
            .gre()
            .ipv4("10.0.0.1", "10.0.0.2");
        stack
            .id(4)
            .protocol(IpProtocol(253))
            .fragment(offset, more)
            .payload(&[b'z'; 16])
            .bytes()
    };
    assert_eq!(bench.frame(LinkType::RAW, &fragment(0, true)).whole, None);
    assert_eq!(
        bench.frame(LinkType::RAW, &fragment(16, false)).whole,
        Some(vec![b'z'; 32])
    );
}

proptest! {
    #[test]
    fn gives_the_same_bytes_for_any_cuts_and_any_order(
        data in proptest::collection::vec(any::<u8>(), 17..900),
        cuts in proptest::collection::btree_set(1u16..110, 0..12),
        order in any::<u64>(),
        is_v6 in any::<bool>(),
    ) {
        let mut edges: Vec<usize> = cuts.iter().map(|cut| usize::from(*cut) * 8).filter(|cut| *cut < data.len()).collect();
        if edges.is_empty() {
            edges.push(8);
        }
        edges.insert(0, 0);
        edges.push(data.len());
        let mut parts: Vec<Part> = edges
            .windows(2)
            .map(|edge| (edge[0] as u16, data[edge[0]..edge[1]].to_vec(), edge[1] < data.len()))
            .collect();
        // A shuffle from the seed.
        let mut seed = order;
        for place in (1..parts.len()).rev() {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            parts.swap(place, (seed >> 33) as usize % (place + 1));
        }
        let mut bench = Bench::new(Config::default());
        let mut whole = None;
        for (place, part) in parts.iter().enumerate() {
            let out = if is_v6 { bench.ipv6(5, part) } else { bench.ipv4(5, part) };
            prop_assert!(out.whole.is_none() || place + 1 == parts.len());
            whole = out.whole;
        }
        prop_assert_eq!(whole, Some(data));
        prop_assert_eq!(bench.decoder.counters().defrag_memory, 0);
    }

    #[test]
    fn takes_any_fragments_under_any_policy(
        parts in proptest::collection::vec((0u16..40, 0usize..60, any::<bool>()), 1..40),
        policy in prop::sample::select(vec![Policy::Bsd, Policy::BsdRight, Policy::Linux, Policy::First, Policy::Last, Policy::Windows, Policy::Solaris]),
    ) {
        let mut bench = Bench::new(Config { policy, ..Config::default() });
        for (place, (offset, len, more)) in parts.iter().enumerate() {
            let out = bench.ipv4(1, &part(offset * 8, place as u8, *len, *more));
            prop_assert!(out.whole.is_none_or(|whole| whole.len() <= 40 * 8 + 60));
        }
    }
}
