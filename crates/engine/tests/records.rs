//! What is told of flows and packets, from captures made here.

use decode::build::{Conversation, Stack, Tcp};
use decode::packet::{Frame, LinkType, Tcp as Header};
use engine::config::Config;
use engine::detect::{Detector, Options, Ruleset, Settings};
use engine::output::Collected;
use engine::pipeline::Engine;
use engine::records::config::{AlertConfig, CommonConfig, EveConfig};
use engine::records::{Recorder, Source};
use event::{Direction, Timestamp};
use rules::{Context, RuleSet, parse_file};
use std::sync::Arc;
use std::time::Duration;

/// Records of these kinds that frames give, with everything in them.
fn told(kind: &str, rules: &str, frames: &[(Timestamp, LinkType, Vec<u8>)]) -> Vec<String> {
    let mut set = RuleSet::default();
    set.add(parse_file("t", rules.as_bytes(), &Context::default()));
    let (ruleset, refused) =
        Ruleset::build(set.into_loaded().collect(), Options::default()).expect("rules are right");
    assert_eq!(refused, []);
    let ruleset = Arc::new(ruleset);
    let eve = EveConfig {
        alert: Some(AlertConfig {
            payload_printable: true,
            packet: true,
            ..AlertConfig::default()
        }),
        flow: true,
        netflow: true,
        common: CommonConfig {
            ethernet: true,
            ..CommonConfig::default()
        },
        ..EveConfig::default()
    };
    let detector = Detector::new(ruleset.clone(), Settings::default());
    let source = Source {
        ruleset: Some(ruleset),
        ..Source::default()
    };
    let mut engine = Engine::new(
        Config::default(),
        detector,
        Recorder::new(vec![eve], source),
    );
    let mut collected = Collected::default();
    for (number, (time, link, bytes)) in (1..).zip(frames) {
        let frame = Frame {
            time: *time,
            number,
            data: bytes,
            wire_len: bytes.len() as u32,
            link: *link,
        };
        engine.on_frame(&frame, &mut collected);
    }
    engine.finish(&mut collected);
    let records = collected.records.into_iter();
    let of_kind = records.filter(|(_, k, _)| *k == kind);
    of_kind.map(|(_, _, line)| line).collect()
}

fn at(secs: i64, stack: &Stack) -> (Timestamp, LinkType, Vec<u8>) {
    let link = LinkType::RAW;
    (Timestamp::new(1_700_000_000 + secs, 0), link, stack.bytes())
}

#[track_caller]
fn holds(record: &str, parts: &[&str]) {
    for part in parts {
        assert!(record.contains(part), "{part} is not in {record}");
    }
}

#[test]
fn a_flow_of_pings_tells_what_was_asked_and_what_was_answered() {
    let ping = Stack::raw()
        .ipv4("10.0.0.1", "10.0.0.2")
        .icmp(8, 0, [0, 1, 0, 1]);
    let pong = Stack::raw()
        .ipv4("10.0.0.2", "10.0.0.1")
        .icmp(0, 0, [0, 1, 0, 1]);
    let records = told("flow", "", &[at(0, &ping), at(0, &pong)]);
    let asked = r#""icmp_type":8,"icmp_code":0"#;
    let answered = r#""response_icmp_type":0,"response_icmp_code":0"#;
    assert_eq!(records.len(), 1);
    holds(&records[0], &[asked, answered]);
    let unanswered = &told("flow", "", &[at(0, &ping)])[0];
    holds(unanswered, &[asked]);
    assert!(!unanswered.contains("response_icmp"));
}

#[test]
fn a_flow_of_esp_tells_its_index() {
    let packet = |spi| {
        Stack::raw()
            .ipv4("10.0.0.1", "10.0.0.2")
            .esp(spi, 1)
            .payload(&[0; 20])
    };
    let records = told("flow", "", &[at(0, &packet(123)), at(0, &packet(0x1_0001))]);
    assert_eq!(records.len(), 2);
    holds(&records[0], &[r#""spi":123"#]);
    holds(&records[1], &[r#""spi":65537"#]);
}

#[test]
fn a_flow_tells_the_ethernet_addresses_of_its_ends() {
    let (client, server) = ([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]);
    let stack = Stack::raw()
        .ethernet_between(client, server)
        .ipv4("10.0.0.1", "10.0.0.2")
        .udp(1, 2)
        .payload(b"x");
    let time = Timestamp::new(1_700_000_000, 0);
    let records = told("flow", "", &[(time, LinkType::ETHERNET, stack.bytes())]);
    holds(
        &records[0],
        &[r#""dest_macs":["02:00:00:00:00:02"],"src_macs":["02:00:00:00:00:01"]"#],
    );
}

#[test]
fn a_tunnel_within_ip_is_told_by_its_iana_name_and_what_it_carries_too() {
    let stack = Stack::raw()
        .ipv4("10.1.0.1", "10.1.0.2")
        .ipv4("10.2.0.1", "10.2.0.2")
        .udp(1, 2)
        .payload(b"evil");
    let frames = [at(0, &stack)];
    let rule = r#"alert udp any any -> any any (msg:"m"; content:"evil"; sid:1;)"#;
    let alerts = told("alert", rule, &frames);
    assert_eq!(alerts.len(), 1);
    let tunnel = r#""tunnel":{"src_ip":"10.1.0.1","dest_ip":"10.1.0.2","proto":"IP-in-IP""#;
    holds(&alerts[0], &[tunnel, r#""pkt_src":"ipv4 tunnel""#]);
    let flows = told("flow", "", &frames);
    assert_eq!(flows.len(), 2);
    holds(&flows[0], &[r#""proto":"IP-in-IP""#]);
}

#[test]
fn an_alert_tells_how_its_packet_begins() {
    let stack = Stack::raw()
        .ipv4("10.0.0.1", "10.0.0.2")
        .udp(1, 2)
        .payload(b"x");
    let rule = r#"alert udp any any -> any any (msg:"m"; sid:1;)"#;
    let check = |link: u32, expected: &str| {
        let time = Timestamp::new(1_700_000_000, 0);
        let alerts = told("alert", rule, &[(time, LinkType(link), stack.bytes())]);
        holds(&alerts[0], &[expected]);
    };
    check(
        228,
        r#""packet_info":{"linktype":228,"linktype_name":"IPv4"}"#,
    );
    check(101, r#""linktype_name":"RAW""#);
}

#[test]
fn a_payload_tells_what_is_missing_of_it() {
    let mut frames = Vec::new();
    let mut send = |way: Direction, flags: u8, seq: u32, ack: u32, data: &[u8]| {
        let (source, destination, ports) = match way {
            Direction::ToServer => ("10.0.0.1", "10.0.0.2", (4000, 80)),
            Direction::ToClient => ("10.0.0.2", "10.0.0.1", (80, 4000)),
        };
        let stack = Stack::raw()
            .ipv4(source, destination)
            .tcp(Tcp::new(ports.0, ports.1, flags).at(seq, ack))
            .payload(data);
        frames.push(at(0, &stack));
    };
    let (syn, ack) = (Header::SYN, Header::ACK);
    send(Direction::ToServer, syn, 99, 0, b"");
    send(Direction::ToClient, syn | ack, 499, 100, b"");
    send(Direction::ToServer, ack, 100, 500, b"");
    send(Direction::ToServer, ack, 104, 500, b"GOOD");
    send(Direction::ToClient, ack, 500, 108, b"");
    let rule = r#"alert tcp-stream any any -> any any (msg:"m"; content:"GOOD"; sid:1;)"#;
    let alerts = told("alert", rule, &frames);
    assert_eq!(alerts.len(), 1);
    holds(
        &alerts[0],
        &[r#""payload_printable":"[4 bytes missing]GOOD""#],
    );
}

#[test]
fn the_end_of_a_flow_that_a_rule_let_go_is_inspected_in_both_directions() {
    let mut talk = Conversation::between("10.0.0.1:4000", "10.0.0.2:80")
        .every(Duration::from_millis(1))
        .without_acknowledgements();
    talk.handshake();
    talk.client(b"first");
    talk.server(b"second");
    let frames: Vec<_> = talk
        .frames()
        .iter()
        .map(|captured| {
            let frame = captured.frame(1);
            (frame.time, frame.link, frame.data.to_vec())
        })
        .collect();
    let rules = "alert tcp-stream any any -> any any (msg:\"a\"; content:\"first\"; bypass; sid:1;)\n\
                 alert tcp-stream any any -> any any (msg:\"b\"; content:\"second\"; sid:2;)";
    let alerts = told("alert", rules, &frames);
    assert!(alerts.iter().any(|a| a.contains(r#""signature_id":1"#)));
    assert!(alerts.iter().any(|a| a.contains(r#""signature_id":2"#)));
}
