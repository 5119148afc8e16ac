//! Tests of the decoder: packets from the builder, and bytes from anywhere.

use super::*;
use crate::build::{Conversation, Stack, Tcp as TcpHeader};
use event::Direction;
use proptest::prelude::*;

/// What a test looks at of a packet.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    depth: u8,
    vlans: Vec<u16>,
    protocol: Option<u8>,
    ports: Option<(u16, u16)>,
    payload: Vec<u8>,
    events: Vec<&'static str>,
}

fn decode_as(link: u32, data: &[u8]) -> (Vec<Seen>, Counters) {
    let mut decoder = Decoder::new(Config::default());
    let mut seen = Vec::new();
    let frame = Frame {
        time: Timestamp::new(1, 0),
        number: 1,
        data,
        wire_len: data.len() as u32,
        link: LinkType(link),
    };
    decoder.decode(&frame, |packet| {
        assert!(packet.checksum_ok() || packet.is_invalid || packet.is_fragment);
        seen.push(Seen {
            depth: packet.depth,
            vlans: packet.vlans.to_vec(),
            protocol: packet.protocol().map(|protocol| protocol.0),
            ports: packet.ports(),
            payload: packet.payload.to_vec(),
            events: packet.events.iter().map(DecodeEvent::name).collect(),
        });
    });
    (seen, decoder.counters().clone())
}

/// Checks protocol, ports and payload of the innermost packet, and how deep it lies.
fn check(link: u32, stack: &Stack, depth: u8, payload: &[u8]) {
    let (seen, counters) = decode_as(link, &stack.bytes());
    let last = seen.last().expect("every frame gives a packet");
    assert_eq!(
        (last.depth, last.ports, last.payload.as_slice()),
        (depth, Some((1000, 53)), payload),
        "{seen:?}"
    );
    assert!(
        seen.iter().all(|packet| packet.events.is_empty()),
        "{seen:?}"
    );
    assert_eq!(
        counters.get(Counter::Udp),
        1 + u64::from(seen.iter().any(|p| p.ports.is_some() && p.depth < depth))
    );
}

/// Checks the events of a frame of raw IP.
fn check_events(data: &[u8], expected: &[&str]) {
    let (seen, _) = decode_as(101, data);
    assert_eq!(
        seen.first().map(|packet| packet.events.as_slice()),
        Some(expected),
        "{data:x?}"
    );
}

fn inner(stack: Stack) -> Stack {
    stack
        .ipv4("10.0.0.1", "10.0.0.2")
        .udp(1000, 53)
        .payload(b"hello")
}

fn outer(stack: Stack) -> Stack {
    stack.ipv4("192.0.2.1", "192.0.2.2")
}

#[test]
fn reads_udp_behind_every_link_layer() {
    check(1, &inner(Stack::ethernet()), 0, b"hello");
    check(
        1,
        &Stack::ethernet()
            .ipv6("2001:db8::1", "2001:db8::2")
            .udp(1000, 53)
            .payload(b"six"),
        0,
        b"six",
    );
    check(101, &inner(Stack::raw()), 0, b"hello");
    check(228, &inner(Stack::raw()), 0, b"hello");
    check(113, &inner(Stack::raw().sll()), 0, b"hello");
    check(9, &inner(Stack::raw().ppp()), 0, b"hello");
    let raw = inner(Stack::raw()).bytes();
    for (link, header) in [
        (0u32, &[2u8, 0, 0, 0][..]),
        (0, &[0, 0, 0, 2]),
        (108, &[0, 0, 0, 2]),
        (104, &[0x0f, 0, 0x08, 0]),
        (9, &[0x21]),
        (9, &[0x00, 0x21]),
        (50, &[0xff, 0x03, 0x21]),
        (
            276,
            &[8, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0],
        ),
        (100, &[0xaa, 0xaa, 3, 0, 0, 0, 8, 0]),
        (107, &[0x18, 0x41, 0x03, 0xcc]),
        (192, &[0, 0, 8, 0, 101, 0, 0, 0]),
        (239, &[2, 0, 0, 0, 5, 0, 1, 0, 7, 0, 0, 0, 37, 0, 9, 0]),
    ] {
        let (seen, _) = decode_as(link, &[header, &raw].concat());
        assert_eq!(
            seen.last().map(|packet| packet.payload.as_slice()),
            Some(&b"hello"[..]),
            "link {link}"
        );
    }
}

#[test]
fn reads_wireless_data_frames_and_skips_protected_ones() {
    let snap = [0xaa, 0xaa, 3, 0, 0, 0, 8, 0];
    let raw = inner(Stack::raw()).bytes();
    let frame = |control: [u8; 2], header_len: usize| {
        let mut frame = control.to_vec();
        frame.resize(header_len, 0);
        [&frame[..], &snap, &raw].concat()
    };
    let radiotap = [0, 0, 9, 0, 2, 0, 0, 0, 0];
    for (data, is_read) in [
        (frame([0x08, 0x01], 24), true),
        (frame([0x08, 0x03], 30), true),
        (frame([0x88, 0x01], 26), true),
        (frame([0x08, 0x41], 24), false),
        (frame([0x80, 0x00], 24), false),
        (frame([0x48, 0x01], 24), false),
    ] {
        for (link, bytes) in [(105, data.clone()), (127, [&radiotap[..], &data].concat())] {
            let (seen, _) = decode_as(link, &bytes);
            assert_eq!(seen.len(), 1);
            assert_eq!(seen[0].ports.is_some(), is_read, "{bytes:x?}");
        }
    }
}

#[test]
fn reads_tags_and_labels() {
    check(1, &inner(Stack::ethernet().vlan(7)), 0, b"hello");
    check(
        1,
        &inner(Stack::ethernet().mpls(1000, false).mpls(1001, true)),
        0,
        b"hello",
    );
    check(1, &inner(Stack::ethernet().pppoe()), 0, b"hello");
    let (seen, counters) = decode_as(
        1,
        &inner(Stack::ethernet().provider_vlan(3).vlan(2).vlan(1)).bytes(),
    );
    assert_eq!(seen[0].vlans, [3, 2, 1]);
    assert_eq!(counters.get(Counter::VlanQinqinq), 1);
    let (seen, _) = decode_as(
        1,
        &inner(Stack::ethernet().vlan(4).vlan(3).vlan(2).vlan(1)).bytes(),
    );
    assert_eq!(seen[0].events, ["vlan.too_many_layers"]);
}

#[test]
fn gives_a_packet_for_each_level_of_a_tunnel() {
    check(1, &inner(outer(Stack::ethernet()).gre()), 1, b"hello");
    check(1, &inner(outer(Stack::ethernet()).gre().ppp()), 1, b"hello");
    check(
        1,
        &inner(outer(Stack::ethernet()).gre().inner_ethernet()),
        1,
        b"hello",
    );
    check(
        1,
        &inner(outer(Stack::ethernet()).erspan(0).inner_ethernet()),
        1,
        b"hello",
    );
    check(
        1,
        &inner(outer(Stack::ethernet()).vxlan(5).inner_ethernet()),
        1,
        b"hello",
    );
    check(
        1,
        &inner(outer(Stack::ethernet()).geneve(5).inner_ethernet()),
        1,
        b"hello",
    );
    check(1, &inner(outer(Stack::ethernet())), 1, b"hello");
    check(
        1,
        &inner(Stack::ethernet().ipv6("2001:db8::1", "2001:db8::2")),
        1,
        b"hello",
    );
    let teredo = outer(Stack::ethernet())
        .udp(3544, 9)
        .ipv6("2001::1", "2001::2")
        .udp(1000, 53)
        .payload(b"in");
    check(1, &teredo, 1, b"in");
    check(
        1,
        &inner(outer(outer(Stack::ethernet()).gre())),
        2,
        b"hello",
    );
}

#[test]
fn tells_a_tunnelled_packet_where_it_was_found() {
    let bytes = inner(outer(Stack::ethernet()).gre()).bytes();
    let mut decoder = Decoder::new(Config::default());
    let mut origins = Vec::new();
    let frame = Frame {
        time: Timestamp::new(1, 0),
        number: 9,
        data: &bytes,
        wire_len: 0,
        link: LinkType::ETHERNET,
    };
    decoder.decode(&frame, |packet| {
        origins.push((
            packet.origin,
            packet.carries_packet,
            packet.wants_flow,
            packet.root.map(|root| root.source),
        ));
    });
    let root = "192.0.2.1".parse().ok();
    assert_eq!(
        origins,
        [
            (Origin::Wire, true, false, None),
            (Origin::Gre, false, true, root)
        ]
    );
}

#[test]
fn does_not_take_a_datagram_for_a_tunnel_that_it_is_not() {
    for port in [3544, 4789, 6081] {
        let (seen, _) = decode_as(
            101,
            &outer(Stack::raw())
                .udp(1000, port)
                .payload(&[0x60; 80])
                .bytes(),
        );
        assert_eq!(seen.len(), 1, "port {port}");
    }
}

#[test]
fn stops_at_too_many_layers() {
    let mut stack = Stack::ethernet();
    for _ in 0..20 {
        stack = outer(stack);
    }
    let (seen, counters) = decode_as(1, &inner(stack).bytes());
    assert_eq!(seen.len(), 7, "the level that hits the limit is no packet");
    assert_eq!(counters.get(Counter::Ipv4), 8);
}

#[test]
fn reads_arp() {
    let bytes = Stack::ethernet()
        .arp(1, [10, 0, 0, 1].into(), [10, 0, 0, 2].into())
        .bytes();
    let mut decoder = Decoder::new(Config::default());
    let frame = Frame {
        time: Timestamp::new(1, 0),
        number: 1,
        data: &bytes,
        wire_len: 42,
        link: LinkType::ETHERNET,
    };
    let mut found = None;
    decoder.decode(&frame, |packet| found = packet.arp);
    let arp = found.expect("the message is well-formed");
    assert_eq!(
        (arp.operation, arp.source_ip, arp.destination_ip),
        (1, [10, 0, 0, 1].into(), [10, 0, 0, 2].into())
    );
    let mut wrong = bytes.clone();
    wrong[21] = 9;
    let (seen, _) = decode_as(1, &wrong);
    assert_eq!(seen[0].events, ["arp.unsupported_opcode"]);
}

#[test]
fn reads_tcp_options() {
    let options = [
        2, 4, 0x05, 0xb4, 1, 3, 3, 7, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2,
    ];
    let stack = Stack::raw()
        .ipv4("10.0.0.1", "10.0.0.2")
        .tcp(TcpHeader::syn(1, 2, 3).options(&options));
    let bytes = stack.bytes();
    let mut decoder = Decoder::new(Config::default());
    let frame = Frame {
        time: Timestamp::new(1, 0),
        number: 1,
        data: &bytes,
        wire_len: 0,
        link: LinkType::RAW,
    };
    let mut is_seen = false;
    decoder.decode(&frame, |packet| {
        let Transport::Tcp(tcp) = packet.transport else {
            panic!("not TCP: {packet:?}")
        };
        assert_eq!(tcp.options.mss, Some(1460));
        assert_eq!(tcp.options.window_scale, Some(7));
        assert_eq!(tcp.options.timestamps, Some((1, 2)));
        assert!(tcp.options.sack_permitted);
        assert_eq!(tcp.options.count, 4);
        is_seen = true;
    });
    assert!(is_seen);
}

#[test]
fn names_what_is_wrong_with_a_packet() {
    let tcp = |options: &[u8]| {
        Stack::raw()
            .ipv4("10.0.0.1", "10.0.0.2")
            .tcp(TcpHeader::syn(1, 2, 3).options(options))
            .bytes()
    };
    let ip = |options: &[u8]| outer(Stack::raw()).ip_options(options).udp(1, 2).bytes();
    let six = |kind: u8, body: &[u8]| {
        Stack::raw()
            .ipv6("2001:db8::1", "2001:db8::2")
            .ipv6_extension(kind, body)
            .udp(1, 2)
            .bytes()
    };
    check_events(&[], &["ipv4.pkt_too_small"]);
    check_events(&[0x45; 19], &["ipv4.pkt_too_small"]);
    check_events(&[0x70; 40], &["ipraw.invalid_ip_version"]);
    check_events(&[0x44; 40], &["ipv4.hlen_too_small"]);
    check_events(&inner(Stack::raw()).bytes()[..30], &["ipv4.trunc_pkt"]);
    check_events(&[0x60; 39], &["ipv6.pkt_too_small"]);
    check_events(&[0x60; 60], &["ipv6.trunc_pkt"]);
    check_events(&ip(&[7, 3, 5, 0, 0, 0, 0, 0]), &["ipv4.opt_malformed"]);
    check_events(&ip(&[0xf1, 2, 0, 0, 0, 0, 0, 0]), &["ipv4.opt_invalid"]);
    check_events(
        &ip(&[0x82, 2, 0xf1, 0x35, 0, 0, 0, 0]),
        &["ipv4.opt_invalid_len", "ipv4.opt_invalid_len"],
    );
    check_events(&ip(&[0x94, 4, 0, 0]), &["ipv4.opt_pad_required"]);
    check_events(
        &ip(&[0x94, 4, 0, 0, 0x94, 4, 0, 0]),
        &["ipv4.opt_duplicate"],
    );
    check_events(&tcp(&[3, 3, 1, 3, 3, 1]), &["tcp.opt_duplicate"]);
    check_events(&tcp(&[3, 9, 1]), &["tcp.opt_invalid_len"]);
    check_events(
        &six(0, &[0, 1, 4, 0, 0, 0, 0]),
        &["ipv6.hopopts_only_padding"],
    );
    check_events(
        &six(60, &[0, 0x1e, 4, 0, 0, 0, 0]),
        &["ipv6.dstopts_unknown_opt"],
    );
    check_events(&six(43, &[0, 0, 0]), &["ipv6.rh_type_0"]);
    check_events(&six(0, &[9, 1, 4, 0, 0, 0, 0]), &["ipv6.trunc_exthdr"]);
    check_events(
        &Stack::raw()
            .ipv6("::1", "::2")
            .ipv6_fragment(0, false, 1)
            .udp(1, 2)
            .bytes(),
        &["ipv6.exthdr_useless_fh"],
    );
    check_events(
        &outer(Stack::raw())
            .protocol(IpProtocol::UDP)
            .payload(&[0; 4])
            .bytes(),
        &["udp.hlen_too_small"],
    );
    check_events(
        &outer(Stack::raw())
            .protocol(IpProtocol::TCP)
            .payload(&[0; 9])
            .bytes(),
        &["tcp.pkt_too_small"],
    );
    check_events(
        &outer(Stack::raw())
            .protocol(IpProtocol::ICMPV6)
            .payload(&[0; 9])
            .bytes(),
        &["ipv4.icmpv6"],
    );
    check_events(
        &outer(Stack::raw())
            .protocol(IpProtocol::GRE)
            .payload(&[0, 7, 8, 0])
            .bytes(),
        &["gre.wrong_version"],
    );
    check_events(
        &outer(Stack::raw()).icmp(99, 0, [0; 4]).bytes(),
        &["icmpv4.unknown_type"],
    );
    check_events(
        &outer(Stack::raw()).icmp(3, 77, [0; 4]).bytes(),
        &["icmpv4.unknown_code"],
    );
    check_events(
        &outer(Stack::raw())
            .icmp(3, 1, [0; 4])
            .payload(&[0x45; 8])
            .bytes(),
        &["icmpv4.ipv4_trunc_pkt"],
    );
    check_events(
        &Stack::raw().ipv6("::1", "::2").icmp(130, 0, [0; 4]).bytes(),
        &["icmpv6.mld_message_with_invalid_hl"],
    );
}

#[test]
fn reads_the_packet_that_an_error_quotes() {
    let quoted = inner(Stack::raw()).bytes();
    let bytes = outer(Stack::raw())
        .icmp(3, 3, [0; 4])
        .payload(&quoted[..28])
        .bytes();
    let mut decoder = Decoder::new(Config::default());
    let frame = Frame {
        time: Timestamp::new(1, 0),
        number: 1,
        data: &bytes,
        wire_len: 0,
        link: LinkType::RAW,
    };
    let mut found = None;
    decoder.decode(&frame, |packet| {
        if let Transport::Icmpv4(icmp) = packet.transport {
            found = icmp.quoted;
        }
    });
    assert_eq!(
        found.map(|quoted| (quoted.protocol, quoted.ports)),
        Some((IpProtocol::UDP, (1000, 53)))
    );
}

#[test]
fn finds_wrong_checksums() {
    let good = inner(Stack::raw()).bytes();
    for (place, expected) in [
        (8, (Some(false), Some(true))),
        (30, (Some(true), Some(false))),
        (0, (Some(true), Some(true))),
    ] {
        let mut bytes = good.clone();
        bytes[place] ^= if place == 0 { 0 } else { 0x10 };
        let mut decoder = Decoder::new(Config::default());
        let frame = Frame {
            time: Timestamp::new(1, 0),
            number: 1,
            data: &bytes,
            wire_len: 0,
            link: LinkType::RAW,
        };
        decoder.decode(&frame, |packet| {
            assert_eq!(
                (packet.ip_checksum_ok(), packet.transport_checksum_ok()),
                expected
            );
        });
    }
}

#[test]
fn counts_by_the_names_of_stats() {
    let (_, counters) = decode_as(1, &inner(Stack::ethernet().vlan(1)).bytes());
    let named: Vec<(String, u64)> = counters
        .iter()
        .map(|(name, value)| (name.to_string(), value))
        .collect();
    for name in [
        "decoder.pkts",
        "decoder.ethernet",
        "decoder.vlan",
        "decoder.ipv4",
        "decoder.udp",
    ] {
        assert!(named.contains(&(name.to_owned(), 1)), "{name}");
    }
    assert!(named.contains(&("decoder.event.ipv4.trunc_pkt".to_owned(), 0)));
    assert!(named.contains(&("decoder.too_many_layers".to_owned(), 0)));
    let mut names: Vec<&String> = named.iter().map(|(name, _)| name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), named.len(), "no name stands twice");
}

#[test]
fn refuses_link_types_that_it_does_not_know() {
    assert!(!LinkType(147).is_known());
    let (seen, counters) = decode_as(147, b"anything");
    assert_eq!(seen.len(), 1);
    assert_eq!(
        (counters.unknown_link, counters.last_unknown_link),
        (1, Some(LinkType(147)))
    );
}

proptest! {
    #[test]
    fn takes_any_bytes_of_any_link_type(link in 0u32..300, data in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut decoder = Decoder::new(Config::default());
        let frame = Frame { time: Timestamp::new(1, 0), number: 1, data: &data, wire_len: 0, link: LinkType(link) };
        let mut packets = 0;
        decoder.decode(&frame, |packet| {
            packets += 1;
            let _ = packet.checksum_ok();
            assert!(packet.payload.len() <= data.len());
        });
        prop_assert!(packets >= 1);
    }

    #[test]
    fn takes_any_damage_to_a_real_packet(
        which in 0usize..8,
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let stack = match which {
            0 => inner(outer(Stack::ethernet()).gre().ppp()),
            1 => inner(outer(Stack::ethernet().vlan(1)).vxlan(1).inner_ethernet()),
            2 => inner(outer(Stack::ethernet()).geneve(1).inner_ethernet()),
            3 => Stack::ethernet().ipv6("::1", "::2").ipv6_extension(0, &[0, 5, 2]).ipv6_fragment(8, true, 1).payload(&[0; 16]),
            4 => inner(outer(Stack::ethernet()).erspan(3).inner_ethernet()),
            5 => inner(Stack::ethernet().mpls(16, true)),
            6 => Stack::ethernet().ipv6("::1", "::2").icmp(1, 0, [0; 4]).payload(&[0x60; 60]),
            _ => Stack::ethernet().ipv4("1.1.1.1", "2.2.2.2").tcp(TcpHeader::syn(1, 2, 3).options(&[2, 4, 5, 6, 3, 3, 3])),
        };
        let mut bytes = stack.bytes();
        for (place, value) in damage {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        bytes.truncate(cut.index(bytes.len() + 1));
        let mut decoder = Decoder::new(Config::default());
        let frame = Frame { time: Timestamp::new(1, 0), number: 1, data: &bytes, wire_len: 0, link: LinkType::ETHERNET };
        decoder.decode(&frame, |packet| {
            let _ = packet.checksum_ok();
        });
    }
}

#[test]
fn reads_a_conversation_to_its_end() {
    let mut talk = Conversation::between("10.0.0.1:4000", "10.0.0.2:80").segments_of(100);
    talk.handshake()
        .client(&[b'a'; 250])
        .server(&[b'b'; 120])
        .reset(Direction::ToClient);
    let mut decoder = Decoder::new(Config::default());
    let (mut to_server, mut to_client) = (0, 0);
    for (number, captured) in (1..).zip(talk.frames()) {
        decoder.decode(&captured.frame(number), |packet| {
            assert!(packet.checksum_ok());
            match packet.ports() {
                Some((4000, 80)) => to_server += packet.payload.len(),
                _ => to_client += packet.payload.len(),
            }
        });
    }
    assert_eq!((to_server, to_client), (250, 120));
}
