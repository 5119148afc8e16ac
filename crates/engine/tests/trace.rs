//! What alerts tell about why: the bytes that matched, where they stand, and which option found them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use decode::app::PROTOCOLS;
use decode::build::{Captured, Conversation};
use engine::config::Config;
use engine::detect::{Detector, Options, Ruleset, Settings};
use engine::output::Collected;
use engine::pipeline::Engine;
use engine::records::config::{AlertConfig, CommonConfig};
use engine::records::{EveConfig, Recorder, Source};
use event::Direction;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::Arc;

/// All records of a run whose alerts tell why.
fn run(rules: &str, frames: &[Captured], traces: Option<u32>, label: Option<&str>) -> Vec<Value> {
    let context = rules::Context {
        protocols: PROTOCOLS.iter().map(|entry| entry.protocol).collect(),
        ..rules::Context::default()
    };
    let mut set = rules::RuleSet::default();
    set.add(rules::parse_file("test.rules", rules.as_bytes(), &context));
    let (ruleset, refused) =
        Ruleset::build(set.into_loaded().collect(), Options::default()).expect("the rules compile");
    assert_eq!(refused, [], "{rules}");
    let ruleset = Arc::new(ruleset);
    let source = Source {
        ruleset: Some(ruleset.clone()),
        label: label.map(str::to_owned),
        ..Source::default()
    };
    let eve = EveConfig {
        alert: Some(AlertConfig::default()),
        flow: true,
        netflow: true,
        files: true,
        transactions: ["http".to_owned(), "smtp".to_owned()].into(),
        common: CommonConfig::default(),
        ..EveConfig::default()
    };
    let settings = Settings {
        traces_per_sec: traces,
        ..Settings::default()
    };
    let detector = Detector::new(ruleset, settings);
    let mut engine = Engine::new(
        Config::default(),
        detector,
        Recorder::new(vec![eve], source),
    );
    let mut out = Collected::default();
    for (number, frame) in (1..).zip(frames) {
        engine.on_frame(&frame.frame(number), &mut out);
    }
    engine.finish(&mut out);
    out.records
        .iter()
        .map(|(_, _, line)| serde_json::from_str(line).expect("a record is a JSON object"))
        .collect()
}

fn alerts(rules: &str, frames: &[Captured]) -> Vec<Value> {
    let mut records = run(rules, frames, Some(u32::MAX), None);
    records.retain(|record| record["event_type"] == "alert");
    records
}

/// The windows of the only alert.
fn matches(rule: &str, frames: &[Captured]) -> Vec<Value> {
    let alerts = alerts(rule, frames);
    assert_eq!(alerts.len(), 1, "{rule}");
    let matches = &alerts[0]["ratel"]["matches"];
    matches.as_array().expect("the alert tells why").clone()
}

/// What an option found: keyword, text, bytes.
type Found = (String, String, Vec<u8>);

/// Buffers, and in each what is expected to be found.
type Expected<'a> = [(&'a str, &'a [(&'a str, &'a str, &'a [u8])])];

/// Each window as its buffer and, for each span, keyword, text and the bytes found.
fn check(rule: &str, frames: &[Captured], expected: &Expected<'_>) {
    let told: Vec<(String, Vec<Found>)> = matches(rule, frames)
        .iter()
        .map(|window| (text(&window["buffer"]), spans(window)))
        .collect();
    let expected: Vec<(String, Vec<Found>)> = expected
        .iter()
        .map(|(buffer, spans)| {
            let spans = spans
                .iter()
                .map(|(by, text, bytes)| ((*by).to_owned(), (*text).to_owned(), bytes.to_vec()));
            ((*buffer).to_owned(), spans.collect())
        })
        .collect();
    assert_eq!(told, expected, "{rule}");
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

fn number(value: &Value) -> usize {
    usize::try_from(value.as_u64().expect("a number")).expect("it is small")
}

fn data(window: &Value) -> Vec<u8> {
    STANDARD.decode(text(&window["data"])).expect("base64")
}

fn spans(window: &Value) -> Vec<Found> {
    let (data, offset) = (data(window), number(&window["offset"]));
    let spans = window["spans"].as_array().expect("a list");
    spans
        .iter()
        .map(|span| {
            let from = number(&span["at"]) - offset;
            let to = (from + number(&span["length"])).min(data.len());
            (
                text(&span["by"]),
                text(&span["text"]),
                data[from..to].to_vec(),
            )
        })
        .collect()
}

fn http(head: &str, body: &[u8]) -> Vec<Captured> {
    let mut talk = Conversation::between("10.0.0.1:40000", "10.0.0.2:80");
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
    talk.handshake()
        .client(format!("{head}\r\nHost: Example.com\r\nUser-Agent: Mozilla\r\n\r\n").as_bytes())
        .server(&[answer.as_bytes(), body].concat())
        .finish();
    talk.into_frames()
}

fn udp(data: &[u8]) -> Vec<Captured> {
    let mut talk = Conversation::between("10.0.0.1:40000", "10.0.0.2:9");
    talk.datagram(Direction::ToServer, data);
    talk.into_frames()
}

#[test]
fn each_option_is_told_with_the_bytes_it_found_as_the_rule_writes_it() {
    let frames = http("GET /one/two?id=17%20 HTTP/1.1", b"body");
    check(
        r#"alert http any any -> any any (msg:"a\;b"; http.uri; content:"/ONE|2f|"; nocase; content:"two"; distance:0; within:3; pcre:"/id=\d+/R"; http.host; content:"example"; sid:1;)"#,
        &frames,
        &[
            (
                "http.uri",
                &[
                    ("content", "/ONE|2f|", b"/one/"),
                    ("content", "two", b"two"),
                    ("pcre", r"/id=\d+/R", b"id=17"),
                ],
            ),
            ("http.host", &[("content", "example", b"example")]),
        ],
    );
    // A modifier behind the content moves it; the text stays that of the content.
    check(
        r#"alert http any any -> any any (content:"GET"; http_method; content:"two"; http_uri; sid:1;)"#,
        &frames,
        &[
            ("http.method", &[("content", "GET", b"GET")]),
            ("http.uri", &[("content", "two", b"two")]),
        ],
    );
}

#[test]
fn of_several_occurrences_the_one_that_counts_is_told() {
    let rule = r#"alert udp any any -> any any (content:"ab"; content:"c"; within:1; isdataat:2,relative; byte_test:1,=,0x64,0,relative; sid:1;)"#;
    let windows = matches(rule, &udp(b"ab--ab-abcde"));
    assert_eq!(windows.len(), 1);
    assert_eq!(windows[0]["buffer"], "payload");
    assert_eq!(windows[0]["direction"], "toserver");
    assert_eq!(windows[0]["length"], 12);
    let expected = json!([
        {"at": 7, "length": 2, "by": "content", "text": "ab"},
        {"at": 9, "length": 1, "by": "content", "text": "c"},
        {"at": 10, "length": 1, "by": "byte_test", "text": "1,=,0x64,0,relative"},
        {"at": 12, "length": 0, "by": "isdataat", "text": "2,relative"},
    ]);
    assert_eq!(windows[0]["spans"], expected);
}

#[test]
fn a_rule_that_looks_at_no_byte_tells_an_empty_list() {
    let alerts = alerts("alert udp any any -> any 9 (sid:1;)", &udp(b"x"));
    assert_eq!(alerts[0]["ratel"], json!({"matches": []}));
}

#[test]
fn a_buffer_is_shown_as_the_rule_saw_it() {
    check(
        r#"alert http any any -> any any (http.host.raw; to_lowercase; dotprefix; content:".example."; sid:1;)"#,
        &http("GET / HTTP/1.1", b"body"),
        &[("http.host.raw", &[("content", ".example.", b".example.")])],
    );
    check(
        r#"alert http any any -> any any (http.uri; content:"v="; base64_decode:relative; base64_data; content:"World"; sid:1;)"#,
        &http("GET /?v=SGVsbG8gV29ybGQ= HTTP/1.1", b"body"),
        &[
            ("http.uri", &[("content", "v=", b"v=")]),
            ("base64_data", &[("content", "World", b"World")]),
        ],
    );
    // What must not be there marks nothing, but what was there instead is worth seeing.
    check(
        r#"alert http any any -> any any (http.user_agent; content:!"curl"; sid:1;)"#,
        &http("GET / HTTP/1.1", b"body"),
        &[("http.user_agent", &[])],
    );
}

#[test]
fn what_lies_far_apart_is_told_in_windows() {
    let mut body = vec![b'.'; 40_000];
    body[1_000..1_006].copy_from_slice(b"needle");
    body[1_100..1_104].copy_from_slice(b"hook");
    body[30_000..30_005].copy_from_slice(b"eyes!");
    let rule = r#"alert http any any -> any any (file.data; content:"needle"; content:"hook"; content:"eyes!"; sid:1;)"#;
    let windows = matches(rule, &http("GET / HTTP/1.1", &body));
    assert_eq!(windows.len(), 2);
    for (window, count) in windows.iter().zip([2, 1]) {
        assert_eq!(data(window).len(), 256);
        assert_eq!(window["direction"], "toclient");
        for (_, text, bytes) in spans(window) {
            assert_eq!(text.as_bytes(), bytes);
        }
        assert_eq!(spans(window).len(), count);
    }
}

#[test]
fn one_alert_stays_small() {
    let body = b"abcdefgh".repeat(4_000);
    let contents: String = (0..200)
        .map(|at| format!("content:\"abcd\"; offset:{}; ", at * 100))
        .collect();
    let rule = format!("alert http any any -> any any (file.data; {contents} sid:1;)");
    let alert = &alerts(&rule, &http("GET / HTTP/1.1", &body))[0];
    let len = alert["ratel"].to_string().len();
    assert!((2_000..12_000).contains(&len), "{len}");
}

#[test]
fn asking_why_changes_no_set() {
    let rule = r#"alert http any any -> any any (http.uri; content:"/"; dataset:set,seen,type string; sid:1;)"#;
    check(
        rule,
        &http("GET /a HTTP/1.1", b""),
        &[(
            "http.uri",
            &[
                ("content", "/", b"/"),
                ("dataset", "set,seen,type string", b"/a"),
            ],
        )],
    );
}

#[test]
fn of_a_storm_only_so_many_alerts_tell_why() {
    let mut talk = Conversation::between("10.0.0.1:40000", "10.0.0.2:9");
    for _ in 0..50 {
        talk.datagram(Direction::ToServer, b"x");
    }
    let rule = r#"alert udp any any -> any any (content:"x"; sid:1;)"#;
    let records = run(rule, talk.frames(), Some(20), None);
    let told = records
        .iter()
        .filter(|record| record.get("ratel").is_some());
    assert_eq!(told.count(), 20);
}

#[test]
fn without_what_is_our_own_every_record_is_as_before() {
    let rules = r#"
        alert http any any -> any any (http.uri; content:"/o"; http.stat_code; content:"200"; sid:1;)
        alert http any any => any any (http.uri; content:"/o"; http.stat_code; content:"200"; sid:2;)
        alert tcp any any -> any any (content:"body"; entropy: value >= 0; threshold:type limit, track by_src, count 1, seconds 60; sid:3;)
    "#;
    let frames = http("GET /one HTTP/1.1", b"body");
    let plain = run(rules, &frames, None, None);
    let mut told = run(rules, &frames, Some(u32::MAX), Some("7f"));
    assert!(plain.iter().all(|record| record.get("ratel").is_none()));
    assert!(plain.len() > 4);
    for record in &mut told {
        let is_alert = record["event_type"] == "alert";
        let own = record
            .as_object_mut()
            .and_then(|record| record.remove("ratel"));
        let own = own.expect("each record tells what it is of");
        assert_eq!(own["capture"], "7f");
        assert_eq!(own.get("matches").is_some(), is_alert);
    }
    assert_eq!(told, plain);
}

/// A content with its modifiers, and whether it is the first.
fn option() -> impl Strategy<Value = (String, bool)> {
    let letters = proptest::collection::vec(
        prop_oneof![3 => Just('a'), 2 => Just('B'), 1 => Just('c')],
        1..4,
    );
    (
        letters,
        any::<bool>(),
        proptest::option::of((0u8..6, any::<bool>())),
    )
        .prop_map(|(letters, is_nocase, place)| {
            let letters: String = letters.into_iter().collect();
            let mut text = format!("content:\"{letters}\"; ");
            if is_nocase {
                text.push_str("nocase; ");
            }
            match place {
                Some((at, true)) => text.push_str(&format!("distance:{at}; within:12; ")),
                Some((at, false)) => text.push_str(&format!("offset:{at}; ")),
                None => {}
            }
            (text, is_nocase)
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]
    #[test]
    fn each_content_is_told_where_its_bytes_are(
        options in proptest::collection::vec(option(), 1..5),
        payload in proptest::collection::vec(
            prop_oneof![Just(b'a'), Just(b'A'), Just(b'b'), Just(b'B'), Just(b'c'), any::<u8>()],
            1..700,
        ),
    ) {
        let contents: String = options.iter().map(|(text, _)| text.as_str()).collect();
        let rule = format!("alert udp any any -> any any ({contents} sid:1;)");
        for alert in alerts(&rule, &udp(&payload)) {
            let windows = alert["ratel"]["matches"].as_array().expect("it tells why").clone();
            let mut count = 0;
            for window in &windows {
                let offset = number(&window["offset"]);
                let shown = data(window);
                prop_assert_eq!(&payload[offset..offset + shown.len()], &shown[..]);
                for (_, text, bytes) in spans(window) {
                    prop_assert!(bytes.eq_ignore_ascii_case(text.as_bytes()));
                    let is_nocase = options.iter().any(|(option, is_nocase)| {
                        *is_nocase && option.contains(&format!("\"{text}\""))
                    });
                    prop_assert!(is_nocase || bytes == text.as_bytes());
                    count += 1;
                }
            }
            prop_assert_eq!(count, options.len());
        }
    }
}
