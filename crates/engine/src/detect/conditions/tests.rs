//! Which rules match which packets: whole detectors over packets made here.

use crate::detect::{Alerts, Detector, Options, PacketContext, Ruleset, Settings};
use crate::tcp;
use decode::build::{Stack, Tcp};
use decode::packet::{Frame, LinkType};
use event::Timestamp;
use std::sync::Arc;

/// The sids that are told of one packet.
fn sids(rules: &str, bytes: &[u8]) -> Vec<u32> {
    let file = rules::parse_file("test.rules", rules.as_bytes(), &rules::Context::default());
    let all = file
        .parsed
        .into_iter()
        .map(|parsed| parsed.rule().cloned().expect("a rule"));
    let (set, refused) = Ruleset::build(all.collect(), Options::default()).expect("builds");
    assert_eq!(refused, []);
    let set = Arc::new(set);
    let mut detector = Detector::new(set.clone(), Settings::default());
    let config = tcp::Config::default();
    let frame = Frame {
        time: Timestamp::from_nanos(0),
        number: 1,
        data: bytes,
        wire_len: bytes.len() as u32,
        link: LinkType(1),
    };
    let mut told = Vec::new();
    let mut decoder = decode::packet::Decoder::new(decode::packet::Config::default());
    decoder.decode(&frame, |packet: &decode::packet::Packet<'_>| {
        let mut alerts = Alerts::default();
        detector.inspect_packet(
            &PacketContext::without_flow(packet, &config),
            None,
            &mut alerts,
        );
        told.extend(
            alerts
                .alerts
                .iter()
                .filter_map(|a| set.rule(a.rule))
                .map(|rule| rule.sid),
        );
    });
    told
}

fn syn() -> Vec<u8> {
    Stack::ethernet()
        .ipv4("10.0.0.1", "10.0.0.2")
        .tcp(Tcp::syn(1024, 80, 1))
        .bytes()
}

fn check(rule: &str, bytes: &[u8], expected: bool) {
    let text = format!("{rule}\n");
    assert_eq!(!sids(&text, bytes).is_empty(), expected, "{rule}");
}

#[test]
fn ends_and_protocol_are_compared() {
    check(
        "alert tcp 10.0.0.1 any -> any 80 (ttl:>0; sid:1;)",
        &syn(),
        true,
    );
    check(
        "alert tcp 10.0.0.2 any -> any any (ttl:>0; sid:1;)",
        &syn(),
        false,
    );
    check(
        "alert tcp 10.0.0.2 any <> any any (ttl:>0; sid:1;)",
        &syn(),
        true,
    );
    check(
        "alert tcp !10.0.0.1 any -> any any (ttl:>0; sid:1;)",
        &syn(),
        false,
    );
    check(
        "alert tcp any any -> any !80 (ttl:>0; sid:1;)",
        &syn(),
        false,
    );
    check(
        "alert udp any any -> any any (ttl:>0; sid:1;)",
        &syn(),
        false,
    );
    check("alert ip any any -> any any (sid:1;)", &syn(), true);
}

#[test]
fn headers_are_compared() {
    check(
        "alert tcp any any -> any any (flags:S; sid:1;)",
        &syn(),
        true,
    );
    check(
        "alert tcp any any -> any any (flags:SA; sid:1;)",
        &syn(),
        false,
    );
    check(
        "alert tcp any any -> any any (flags:S,12; seq:1; sid:1;)",
        &syn(),
        true,
    );
    check(
        "alert tcp any any -> any any (dsize:0; sid:1;)",
        &syn(),
        true,
    );
    check(
        "alert tcp any any -> any any (dsize:>0; sid:1;)",
        &syn(),
        false,
    );
}

#[test]
fn payload_is_looked_into() {
    let data = Stack::ethernet()
        .ipv4("10.0.0.1", "10.0.0.2")
        .udp(1024, 53)
        .payload(b"hello pear tree")
        .bytes();
    check(
        "alert udp any any -> any any (content:\"pear\"; sid:1;)",
        &data,
        true,
    );
    check(
        "alert udp any any -> any any (content:\"PEAR\"; nocase; sid:1;)",
        &data,
        true,
    );
    check(
        "alert udp any any -> any any (content:\"fig\"; sid:1;)",
        &data,
        false,
    );
    check(
        "alert udp any any -> any any (content:!\"fig\"; sid:1;)",
        &data,
        true,
    );
    check(
        "alert ip any any -> any any (content:\"pear\"; sid:1;)",
        &data,
        true,
    );
    check(
        "alert tcp any any -> any any (content:\"pear\"; sid:1;)",
        &data,
        false,
    );
}

#[test]
fn a_rule_for_either_way_is_two_rules() {
    let either = "alert tcp any any <> 10.0.0.0/8 any (sid:1;)\n";
    assert_eq!(sids(either, &syn()), [1, 1]);
    let one_end = "alert tcp any any <> 10.0.0.1 any (ttl:>0; sid:1;)\n";
    assert_eq!(sids(one_end, &syn()), [1]);
    let same_ends = "alert tcp any any <> any any (ttl:>0; sid:1;)\n";
    assert_eq!(sids(same_ends, &syn()), [1]);
}

#[test]
fn checksums_are_computed_for_the_rules_that_ask() {
    let right = syn();
    let mut wrong = syn();
    if let Some(last) = wrong.last_mut() {
        *last ^= 0xff;
    }
    check(
        "alert tcp any any -> any any (tcpv4-csum:invalid; sid:1;)",
        &right,
        false,
    );
    check(
        "alert tcp any any -> any any (tcpv4-csum:valid; sid:1;)",
        &right,
        true,
    );
    check(
        "alert tcp any any -> any any (tcpv4-csum:invalid; sid:1;)",
        &wrong,
        true,
    );
    check(
        "alert ip any any -> any any (ipv4-csum:invalid; sid:1;)",
        &wrong,
        false,
    );
}

#[test]
fn what_no_transport_was_read_of_has_ports_0_and_no_payload() {
    let between = || Stack::ethernet().ipv4("10.0.0.1", "10.0.0.2");
    let cut = between()
        .protocol(event::IpProtocol::UDP)
        .payload(b"cut")
        .bytes();
    check("alert udp any any -> any 0 (sid:1;)", &cut, true);
    check("alert udp any any -> any 53 (sid:1;)", &cut, false);
    let fragment = between()
        .protocol(event::IpProtocol::UDP)
        .fragment(8, true)
        .payload(b"fragment")
        .bytes();
    check("alert udp any any -> any 0 (sid:1;)", &fragment, false);
    let routing = between()
        .protocol(event::IpProtocol(88))
        .payload(b"a route")
        .bytes();
    check(
        "alert ip any any -> any any (content:\"route\"; sid:1;)",
        &routing,
        false,
    );
}
