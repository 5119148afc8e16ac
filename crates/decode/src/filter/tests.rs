//! Filters over packets of the builder.

use super::Filter;
use crate::build::{Stack, Tcp};
use crate::packet::{Frame, LinkType};
use event::Timestamp;
use proptest::prelude::*;

fn frame(data: &[u8]) -> Frame<'_> {
    Frame {
        time: Timestamp::default(),
        number: 1,
        data,
        wire_len: data.len() as u32,
        link: LinkType::ETHERNET,
    }
}

fn check(text: &str, packet: &Stack, expected: bool) {
    let filter = Filter::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    assert_eq!(filter.matches(&frame(&packet.bytes())), expected, "{text}");
}

fn syn() -> Stack {
    Stack::ethernet()
        .ipv4("10.1.2.3", "192.0.2.7")
        .tcp(Tcp::syn(40000, 80, 1))
}

#[test]
fn tests_addresses_ports_and_protocols() {
    let packet = syn();
    for (text, expected) in [
        ("tcp", true),
        ("udp", false),
        ("ip and tcp", true),
        ("ip6", false),
        ("host 10.1.2.3", true),
        ("src host 192.0.2.7", false),
        ("dst 192.0.2.7", true),
        ("net 10.0.0.0/8", true),
        ("net 10.1", true),
        ("src net 192.0.2.0 mask 255.255.255.0", false),
        ("port 80", true),
        ("src port 80", false),
        ("tcp dst port http", true),
        ("udp port 80", false),
        ("portrange 79-81", true),
        ("port 53 or 80", true),
        ("not port 80", false),
        ("! (port 53 or port 22) && tcp", true),
        ("src or dst port 40000", true),
        ("ip proto 6", true),
        ("ether proto ip", true),
        ("proto tcp", true),
        ("vlan", false),
        ("less 1000 and greater 20", true),
    ] {
        check(text, &packet, expected);
    }
}

#[test]
fn compares_bytes() {
    for (text, expected) in [
        ("tcp[tcpflags] & tcp-syn != 0", true),
        ("tcp[13] & (tcp-ack|tcp-rst) != 0", false),
        ("tcp[2:2] = 80", true),
        ("ip[8] > 200", false),
        ("(tcp[2:2] + 1) == 81", true),
        ("len > 20", true),
        ("udp[0] = 1", false),
    ] {
        check(text, &syn(), expected);
    }
}

#[test]
fn looks_below_a_tag_after_vlan() {
    let tagged = Stack::ethernet()
        .vlan(7)
        .ipv4("10.1.2.3", "192.0.2.7")
        .tcp(Tcp::syn(40000, 80, 1));
    check("tcp", &tagged, false);
    check("vlan", &tagged, true);
    check("vlan 7 and tcp port 80", &tagged, true);
    check("vlan 8 and tcp port 80", &tagged, false);
}

#[test]
fn tells_where_an_expression_goes_wrong() {
    for (text, column) in [
        ("tcp port", 9),
        ("port 99999", 6),
        ("host", 5),
        ("foo bar", 1),
        ("tcp and (udp", 13),
        ("tcp[0", 6),
        ("tcp tcp", 5),
        ("net 10.0.0.0/99", 5),
        ("$", 1),
    ] {
        let error = Filter::parse(text).expect_err(text);
        assert_eq!(error.column, column, "{text}: {error}");
    }
}

#[test]
fn refuses_what_is_nested_too_deeply() {
    assert!(Filter::parse(&"(".repeat(10_000)).is_err());
    assert!(Filter::parse(&"not ".repeat(10_000)).is_err());
}

proptest! {
    #[test]
    fn never_panics(text in ".{0,60}", words in "(tcp|port|80|and|not|\\(|\\)|\\[|net|10\\.0|vlan| ){0,20}",
                    data in prop::collection::vec(any::<u8>(), 0..80)) {
        for text in [text, words] {
            if let Ok(filter) = Filter::parse(&text) {
                let _ = filter.matches(&frame(&data));
            }
        }
    }
}
