//! Rules held against conversations of the packet builder: packets in, alerts out.

use decode::app::PROTOCOLS;
use decode::build::{Captured, Conversation};
use engine::config::Config;
use engine::detect::datasets::Datasets;
use engine::detect::{ActionClass, ActionOrder, Detector, Options, Ruleset, Settings};
use engine::output::Collected;
use engine::pipeline::Engine;
use engine::records::config::{AlertConfig, DropConfig};
use engine::records::{EveConfig, Recorder, Source};

use std::sync::Arc;

/// A run's alerts as `(sid, number of the packet)`, 0 for the end of a flow, and all records.
struct Told {
    alerts: Vec<(u32, u32)>,
    records: Vec<String>,
}

fn run_with(rules: &str, frames: &[Captured], options: Options, config: Config) -> Told {
    let context = rules::Context {
        protocols: PROTOCOLS.iter().map(|entry| entry.protocol).collect(),
        ..rules::Context::default()
    };
    let mut set = rules::RuleSet::default();
    set.add(rules::parse_file("test.rules", rules.as_bytes(), &context));
    let (ruleset, refused) =
        Ruleset::build(set.into_loaded().collect(), options).expect("the rules compile");
    assert_eq!(refused, [], "{rules}");
    let ruleset = Arc::new(ruleset);
    let source = Source {
        ruleset: Some(ruleset.clone()),
        ..Source::default()
    };
    let eve = EveConfig {
        alert: Some(AlertConfig::default()),
        drop: Some(DropConfig {
            alerts: true,
            all_packets: false,
            verdict: false,
        }),
        flow: true,
        ..EveConfig::default()
    };
    let recorder = Recorder::new(vec![eve], source);
    let detector = Detector::new(ruleset, Settings::default());
    let mut engine = Engine::new(config, detector, recorder);
    let mut out = Collected::default();
    for (number, frame) in frames.iter().enumerate() {
        engine.on_frame(&frame.frame(number as u64 + 1), &mut out);
    }
    engine.finish(&mut out);
    let records: Vec<String> = out.records.into_iter().map(|(_, _, line)| line).collect();
    let alerts = records
        .iter()
        .filter(|line| line.contains(r#""event_type":"alert""#))
        .map(|line| {
            (
                number(line, r#""signature_id":"#).expect("an alert names its rule"),
                number(line, r#""pcap_cnt":"#).unwrap_or(0),
            )
        })
        .collect();
    Told { alerts, records }
}

fn run(rules: &str, frames: &[Captured]) -> Told {
    run_with(rules, frames, Options::default(), Config::default())
}

fn number(line: &str, key: &str) -> Option<u32> {
    let (_, rest) = line.split_once(key)?;
    let end = rest.find(|c: char| !c.is_ascii_digit())?;
    rest.get(..end)?.parse().ok()
}

/// Holds `rules` against an HTTP conversation.
fn check(rules: &str, expected: &[(u32, u32)]) {
    assert_eq!(run(rules, &http()).alerts, expected, "{rules}");
}

/// 1 to 3 the handshake, 4 the request and its acknowledgement, 6 the response and its own.
fn http() -> Vec<Captured> {
    http_from("10.0.0.1:40000")
}

fn http_from(client: &str) -> Vec<Captured> {
    let mut talk = Conversation::between(client, "10.0.0.2:80");
    talk.handshake()
        .client(b"GET /one?two HTTP/1.1\r\nHost: example.com\r\nUser-Agent: Mozilla\r\n\r\n")
        .server(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody")
        .finish();
    talk.into_frames()
}

#[test]
fn what_a_rule_sets_is_seen_by_rules_that_ask_whatever_their_place() {
    let rules = "
        alert http any any -> any any (http.uri; content:\"/one\"; flowbits:isset,seen; sid:1;)
        alert http any any -> any any (http.uri; content:\"/one\"; flowbits:set,seen; sid:2;)
    ";
    let sids: Vec<u32> = run(rules, &http()).alerts.iter().map(|a| a.0).collect();
    assert_eq!(sids, [2, 1]);
}

#[test]
fn a_long_body_is_looked_at_through_a_window() {
    let body = |gap: usize| {
        let mut body = vec![b'.'; 80_000];
        body[60_000..60_006].copy_from_slice(b"needle");
        body[60_006 + gap..60_011 + gap].copy_from_slice(b"eyes!");
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
        let mut talk = Conversation::between("10.0.0.1:40000", "10.0.0.2:80").segments_of(1001);
        talk.handshake()
            .client(b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n")
            .server(&[head.as_bytes(), &body].concat())
            .finish();
        talk.into_frames()
    };
    let rules = "
        alert http any any -> any any (file.data; content:\"needle\"; sid:1;)
        alert http any any -> any any (http.response_body; content:\"needle\"; sid:2;)
        alert http any any -> any any (file.data; content:\"needle\"; content:\"eyes!\"; distance:0; sid:3;)
        alert http any any -> any any (http.response_body; content:\"needle\"; content:\"eyes!\"; distance:0; sid:4;)
        alert http any any -> any any (file.data; content:\"needle\"; offset:60000; depth:6; sid:5;)
    ";
    let sids = |gap| {
        let mut sids: Vec<u32> = run(rules, &body(gap)).alerts.iter().map(|a| a.0).collect();
        sids.sort_unstable();
        sids
    };
    assert_eq!(sids(1000), [1, 2, 3, 4, 5]);
    // What lies further apart than the window is never seen together.
    assert_eq!(sids(15_000), [1, 2, 5]);
}

#[test]
fn a_pass_rule_tells_only_where_it_asks_to() {
    let pass = "pass tcp any any -> any 80 (sid:1;)";
    check(pass, &[]);
    check(&pass.replace("sid", "alert; sid"), &[(1, 1)]);
}

#[test]
fn the_configured_order_of_actions_decides_what_a_pass_hides() {
    let rules = "
        pass tcp any any -> any any (sid:1;)
        alert tcp any any -> any any (sid:2;)
    ";
    check(rules, &[]);
    let options = Options {
        action_order: ActionOrder([
            ActionClass::Alert,
            ActionClass::Pass,
            ActionClass::Drop,
            ActionClass::Reject,
        ]),
        ..Options::default()
    };
    let told = run_with(rules, &http(), options, Config::default());
    assert_eq!(told.alerts, [(2, 1)]);
}

#[test]
fn rules_on_addresses_are_held_once_for_each_direction() {
    check("alert ip any any -> any any (sid:1;)", &[(1, 1), (1, 2)]);
    check("alert tcp 10.0.0.2 any -> any any (sid:1;)", &[(1, 2)]);
    check(
        "alert ip any any -> any any (hostbits:isnotset,seen,src; sid:1;)",
        &[(1, 1), (1, 2)],
    );
}

#[test]
fn a_mere_handshake_is_not_an_established_flow() {
    check(
        "alert tcp any any -> any any (flow:not_established; sid:1;)",
        &[(1, 1), (1, 2), (1, 3)],
    );
}

#[test]
fn flow_start_is_the_first_packet_of_each_direction() {
    check(
        "alert tcp:flow_start any any -> any any (dsize:0; sid:1;)",
        &[(1, 1), (1, 2)],
    );
}

#[test]
fn nothing_is_missed_in_packets_without_payload() {
    let rules = "alert tcp-pkt any any -> any any (content:!\"zzz\"; sid:1;)";
    check(rules, &[(1, 4), (1, 6)]);
}

#[test]
fn both_directions_of_a_transaction_match_together() {
    let rule = |code: &str| {
        format!(
            "alert http1 any any => any 80 (http.uri; content:\"/one\"; http.stat_code; content:\"{code}\"; sid:1;)"
        )
    };
    assert_eq!(run(&rule("200"), &http()).alerts.len(), 1);
    assert_eq!(run(&rule("404"), &http()).alerts.len(), 0);
}

#[test]
fn a_transaction_goes_on_where_the_packet_before_left_it() {
    let mut talk = Conversation::between("10.0.0.1:40000", "10.0.0.2:80").segments_of(20);
    talk.handshake()
        .client(b"GET /one HTTP/1.1\r\nHost: example.com\r\nUser-Agent: Mozilla\r\n\r\n")
        .server(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        .finish();
    let rule = "alert http any any -> any any (http.method; content:\"GET\"; http.user_agent; content:\"Mozilla\"; sid:1;)";
    assert_eq!(run(rule, &talk.into_frames()).alerts.len(), 1);
}

#[test]
fn a_part_of_another_protocol_never_matches() {
    let mut talk = Conversation::between("10.0.0.1:40000", "10.0.0.2:22");
    talk.handshake()
        .client(b"SSH-2.0-client\r\n")
        .server(b"SSH-2.0-server\r\n")
        .finish();
    let rule =
        "alert tcp any any -> any any (flow:to_server; content:\"SSH\"; pcre:\"/SSH/U\"; sid:1;)";
    assert_eq!(run(rule, &talk.into_frames()).alerts, []);
}

#[test]
fn each_file_of_a_message_is_looked_at() {
    let part = |name: &str| {
        format!(
            "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"{name}\"\r\nContent-Type: text/plain\r\n\r\nhello {name}\r\n"
        )
    };
    let body = format!("{}{}--b--\r\n", part("first.txt"), part("second.txt"));
    let request = format!(
        "POST /up HTTP/1.1\r\nHost: h\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut talk = Conversation::between("10.0.0.1:40000", "10.0.0.2:80").segments_of(150);
    talk.handshake()
        .client(request.as_bytes())
        .server(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        .finish();
    let frames = talk.into_frames();
    // In line the files come one after the other, not together with one acknowledgement.
    let count = |rule: &str| {
        let mut config = Config::default();
        config.tcp.inline = true;
        run_with(rule, &frames, Options::default(), config)
            .alerts
            .len()
    };
    assert_eq!(
        count("alert http any any -> any any (file.name; content:\"second\"; sid:1;)"),
        1
    );
    assert_eq!(
        count(
            "alert http any any -> any any (http.uri; content:\"/up\"; filename:\".txt\"; sid:1;)"
        ),
        2
    );
}

#[test]
fn addresses_are_looked_up_in_sets() {
    let rule = |buffer: &str| {
        format!(
            "alert tcp any any -> any any ({buffer}; dataset:isset,hosts,type ipv4,load hosts.csv; dsize:>0; sid:1;)"
        )
    };
    let alerts = |buffer: &str| {
        let mut options = Options::default();
        let read = |_: &str, _| Ok(Some(b"10.0.0.1\n".to_vec()));
        options.resources.datasets = Datasets::new(Box::new(read));
        run_with(&rule(buffer), &http(), options, Config::default()).alerts
    };
    assert_eq!(alerts("ip.src"), [(1, 4)]);
    assert_eq!(alerts("ip.dst"), [(1, 6)]);
}

#[test]
fn labels_of_traffic_stand_beside_the_other_bits() {
    let rules = "alert http any any -> any any (http.user_agent; content:\"Mozilla\"; flowbits:set,traffic/id/browser; sid:1;)";
    let told = run(rules, &http());
    assert!(
        told.records
            .iter()
            .any(|line| line.contains(r#""traffic":{"id":["browser"]}"#)),
        "{:?}",
        told.records
    );
}

#[test]
fn a_silent_drop_is_still_the_cause_of_the_drop() {
    let config = Config {
        is_inline: true,
        ..Config::default()
    };
    let rules = "drop tcp any any -> any any (noalert; sid:7;)";
    let told = run_with(rules, &http(), Options::default(), config);
    assert_eq!(told.alerts, []);
    let is_cause = |line: &String| {
        line.contains(r#""event_type":"drop""#) && line.contains(r#""signature_id":7"#)
    };
    assert!(told.records.iter().any(is_cause), "{:?}", told.records);
}

#[test]
fn it_is_counted_how_often_each_rule_is_looked_at() {
    let rules = "
        alert http any any -> any any (http.uri; content:\"/one\"; sid:1;)
        alert http any any -> any any (http.uri; content:\"/one\"; content:\"three\"; sid:2;)
        alert tcp any any -> any any (content:\"body\"; threshold:type limit, track by_src, count 1, seconds 60; sid:3;)
        alert http any any -> any any (http.uri; content:\"nothing like it\"; sid:4;)
    ";
    let mut set = rules::RuleSet::default();
    let context = rules::Context {
        protocols: PROTOCOLS.iter().map(|entry| entry.protocol).collect(),
        ..rules::Context::default()
    };
    set.add(rules::parse_file("test.rules", rules.as_bytes(), &context));
    let (ruleset, _) =
        Ruleset::build(set.into_loaded().collect(), Options::default()).expect("the rules compile");
    let settings = Settings {
        tallies: true,
        ..Settings::default()
    };
    let detector = Detector::new(Arc::new(ruleset), settings);
    let recorder = Recorder::new(Vec::new(), Source::default());
    let mut engine = Engine::new(Config::default(), detector, recorder);
    let mut out = Collected::default();
    for client in ["10.0.0.1:40000", "10.0.0.1:40001"] {
        for frame in http_from(client) {
            engine.on_frame(&frame.frame(1), &mut out);
        }
    }
    engine.finish(&mut out);
    let mut sum = std::collections::HashMap::new();
    engine.tallies().add_to(&mut sum);
    let of = |sid: u32| {
        let stats = sum[&(1, sid)];
        (stats.checks > 0, stats.matches, stats.alerts)
    };
    assert_eq!(of(1), (true, 2, 2));
    assert_eq!(of(2), (true, 0, 0));
    assert_eq!(of(3), (true, 2, 1));
    assert_eq!(of(4), (false, 0, 0));
}
