//! Other rules while flows go on: what is remembered, what is looked at anew, what is not told twice.

use decode::build::{Captured, Conversation, Stack};
use decode::packet::LinkType;
use engine::config::{Config, RulesLoaded};
use engine::detect::{Detector, Migration, Options, Ruleset, Settings};
use engine::output::Collected;
use engine::pipeline::Engine;
use engine::pipeline::live::NewRules;
use engine::records::config::{AlertConfig, EveConfig};
use engine::records::{Recorder, Source};
use event::Timestamp;
use rules::{Context, RuleSet, parse_file};
use std::sync::Arc;

fn build(rules: &str) -> Arc<Ruleset> {
    let mut set = RuleSet::default();
    let context = Context {
        protocols: decode::app::PROTOCOLS.iter().map(|p| p.protocol).collect(),
        ..Context::default()
    };
    set.add(parse_file("t", rules.as_bytes(), &context));
    let (ruleset, refused) =
        Ruleset::build(set.into_loaded().collect(), Options::default()).expect("rules are right");
    assert_eq!(refused, []);
    Arc::new(ruleset)
}

struct Run {
    engine: Engine,
    told: Collected,
    second: i64,
}

impl Run {
    fn new(rules: &str) -> Self {
        let ruleset = build(rules);
        let eve = EveConfig {
            alert: Some(AlertConfig::default()),
            flow: true,
            ..EveConfig::default()
        };
        let source = Source {
            ruleset: Some(ruleset.clone()),
            ..Source::default()
        };
        Run {
            engine: Engine::new(
                Config::default(),
                Detector::new(ruleset, Settings::default()),
                Recorder::new(vec![eve], source),
            ),
            told: Collected::default(),
            second: 1_700_000_000,
        }
    }

    fn frame(&mut self, frame: &Captured) {
        self.engine
            .on_live_frame(&frame.frame(0), false, &mut self.told);
    }

    fn datagram(&mut self, payload: &[u8]) {
        let stack = Stack::raw()
            .ipv4("10.0.0.1", "10.0.0.2")
            .udp(1000, 2000)
            .payload(payload);
        self.second += 1;
        self.frame(&Captured {
            time: Timestamp::new(self.second, 0),
            data: stack.bytes(),
            link: LinkType::RAW,
        });
    }

    fn take(&mut self, rules: &str) {
        let ruleset = build(rules);
        let migration = Migration::new(self.engine.ruleset(), &ruleset);
        self.engine.take_rules(&NewRules {
            ruleset,
            loaded: RulesLoaded::default(),
            app: None,
            migration: Arc::new(migration),
        });
    }

    /// Signature ids of all alerts so far.
    fn alerts(&self) -> Vec<u64> {
        let alerts = self
            .told
            .records
            .iter()
            .filter(|(_, kind, _)| *kind == "alert");
        let sid = |line: &str| -> u64 {
            let value: serde_json::Value = serde_json::from_str(line).expect("records are JSON");
            value["alert"]["signature_id"].as_u64().expect("a sid")
        };
        alerts.map(|(_, _, line)| sid(line)).collect()
    }
}

const SETS: &str = r#"alert udp any any -> any any (content:"one"; flowbits:set,seen; sid:1;)"#;

#[test]
fn flowbits_keep_their_names_when_their_numbers_change() {
    let mut run = Run::new(SETS);
    run.datagram(b"one");
    run.take(
        r#"alert udp any any -> any any (content:"three"; flowbits:set,other; sid:7;)
alert udp any any -> any any (content:"two"; flowbits:isset,seen; sid:2;)
alert udp any any -> any any (content:"two"; flowbits:isset,other; sid:3;)"#,
    );
    run.datagram(b"two");
    assert_eq!(run.alerts(), [1, 2]);
}

#[test]
fn a_bit_that_the_new_rules_do_not_name_is_forgotten() {
    let mut run = Run::new(SETS);
    run.datagram(b"one");
    run.take(r#"alert udp any any -> any any (content:"x"; sid:9;)"#);
    run.take(r#"alert udp any any -> any any (content:"two"; flowbits:isset,seen; sid:2;)"#);
    run.datagram(b"two");
    assert_eq!(run.alerts(), [1]);
}

#[test]
fn a_transaction_that_is_open_is_looked_at_by_new_rules_and_told_once_by_those_that_stay() {
    let uri = |word: &str, sid: u32| {
        format!(r#"alert http any any -> any any (http.uri; content:"{word}"; sid:{sid};)"#) + "\n"
    };
    let mut run = Run::new(&uri("/evil", 1));
    let mut talk = Conversation::between("10.0.0.1:4000", "10.0.0.2:80");
    talk.handshake()
        .client(b"POST /evil/path HTTP/1.1\r\nHost: a\r\nContent-Length: 30\r\n\r\n0123456789");
    // What was acknowledged is looked at with the next packet the same way.
    talk.client(b"0123456789");
    let begun = talk.frames().len();
    talk.client(b"0123456789").finish();
    for frame in &talk.frames()[..begun] {
        run.frame(frame);
    }
    assert_eq!(run.alerts(), [1]);
    run.take(&(uri("/other", 5) + &uri("/evil", 1) + &uri("path", 2)));
    for frame in &talk.frames()[begun..] {
        run.frame(frame);
    }
    run.engine.finish(&mut run.told);
    assert_eq!(run.alerts(), [1, 2]);
}

#[test]
fn thresholds_go_on_counting_for_the_same_revision() {
    let rule = |extra: &str| {
        format!(
            r#"alert udp any any -> any any (content:"x"; threshold: type threshold, track by_src, count 3, seconds 600; sid:1; {extra})"#
        )
    };
    let mut run = Run::new(&rule("rev:1;"));
    run.datagram(b"x");
    run.datagram(b"x");
    run.take(&rule("rev:1;"));
    run.datagram(b"x");
    assert_eq!(run.alerts(), [1]);
}

#[test]
fn silent_flows_end_by_the_clock() {
    let mut run = Run::new("");
    run.datagram(b"x");
    let ends = |run: &Run| {
        run.told
            .records
            .iter()
            .filter(|(_, kind, _)| *kind == "flow")
            .count()
    };
    run.engine
        .on_tick(Timestamp::new(run.second + 20, 0), 1, &mut run.told);
    assert_eq!(ends(&run), 0);
    run.engine
        .on_tick(Timestamp::new(run.second + 40, 0), 1, &mut run.told);
    assert_eq!(ends(&run), 1);
}

#[test]
fn a_checksum_that_is_still_to_come_is_not_wrong() {
    let mut run =
        Run::new(r#"alert tcp any any -> any any (content:"evil"; flow:established; sid:1;)"#);
    let mut talk = Conversation::between("10.0.0.1:4000", "10.0.0.2:80");
    talk.handshake().client(b"evil").finish();
    for frame in talk.frames() {
        let mut frame = frame.clone();
        // TCP's checksum stands 16 bytes behind the headers of Ethernet and IP.
        frame.data[14 + 20 + 16] ^= 0x55;
        run.engine
            .on_live_frame(&frame.frame(0), true, &mut run.told);
    }
    assert_eq!(run.alerts(), [1]);
}
