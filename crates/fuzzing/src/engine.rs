//! The whole engine over a capture, with rules of every kind: each record is well-formed, counters
//! add up, and the same capture is told the same way twice.

use crate::record;
use decode::capture::Reader;
use engine::config::Config;
use engine::detect::{Detector, Options, Ruleset, Settings};
use engine::output::Output;
use engine::pipeline::Engine;
use engine::records::config::{AlertConfig, AnomalyConfig, DropConfig, EveConfig, StreamConfig};
use engine::records::{Recorder, Source};
use rules::{Context, RuleSet, parse_file};
use std::sync::{Arc, LazyLock};

/// Frames of one input that are read.
const FRAMES_MAX: usize = 500;

/// One rule for each way in which detection looks.
const RULES: &str = r#"
alert ip any any -> any any (msg:"all"; threshold:type limit,track by_src,count 2,seconds 9; sid:1;)
alert tcp any any -> any any (msg:"packet"; content:"GET"; flowbits:set,seen; sid:2;)
alert tcp any any -> any any (msg:"stream"; flow:established,to_server; content:"a"; content:"b"; distance:0; sid:3;)
alert tcp any any -> any any (msg:"after"; flowbits:isset,seen; flow:to_client; tag:session,5,packets; sid:4;)
alert http any any -> any any (msg:"uri"; http.uri; content:"/"; pcre:"/[a-z]+/"; sid:5;)
alert http any any -> any any (msg:"body"; file.data; content:"e"; sid:6;)
alert http any any -> any any (msg:"no host"; http.host; absent; sid:7;)
alert dns any any -> any any (msg:"name"; dns.query; content:"."; xbits:set,dns,track ip_pair; sid:8;)
alert tls any any -> any any (msg:"sni"; tls.sni; content:"e"; sid:9;)
alert ssh any any -> any any (msg:"ssh"; ssh.software; bsize:>0; sid:10;)
alert smtp any any -> any any (msg:"mail"; file.name; content:"."; sid:11;)
alert udp any any -> any any (msg:"bytes"; dsize:>4; byte_test:1,>,1,0; byte_jump:1,0; isdataat:1,relative; sid:12;)
alert icmp any any -> any any (msg:"ping"; itype:8; sid:13;)
drop tcp any any -> any 666 (msg:"drop"; sid:14;)
pass tcp any any -> any 667 (msg:"pass"; sid:15;)
alert pkthdr any any -> any any (msg:"odd"; decode-event:ipv4.trunc_pkt; sid:16;)
alert tcp any any -> any any (msg:"stream event"; stream-event:reassembly_seq_gap; sid:17;)
alert http any any -> any any (msg:"app event"; app-layer-event:http.request_field_missing_colon; sid:18;)
"#;

static RULESET: LazyLock<Arc<Ruleset>> = LazyLock::new(|| {
    let mut set = RuleSet::default();
    set.add(parse_file("f", RULES.as_bytes(), &Context::default()));
    assert_eq!(set.summary().refusals, [], "the rules are right");
    let (ruleset, refused) = Ruleset::build(set.into_loaded().collect(), Options::default())
        .expect("the rules can be built");
    assert_eq!(refused, []);
    Arc::new(ruleset)
});

/// Checks records and keeps them as text.
#[derive(Default)]
struct Told {
    lines: String,
    frames: usize,
}

impl Output for Told {
    fn record(&mut self, _: usize, kind: &'static str, line: &[u8]) {
        record::check(line);
        let line = String::from_utf8_lossy(line);
        assert!(
            line.contains(&format!("\"event_type\":\"{kind}\"")),
            "{kind}: {line}"
        );
        self.lines += &line;
        self.lines.push('\n');
    }

    fn packet(&mut self, _: &decode::packet::Frame<'_>, _: &engine::output::Fate) {
        self.frames += 1;
    }
}

/// A capture from its first byte on.
pub fn engine(data: &[u8]) {
    for is_inline in [false, true] {
        let told = run(data, is_inline);
        let again = run(data, is_inline);
        assert!(told == again, "the same capture is told in two ways");
    }
}

fn run(data: &[u8], is_inline: bool) -> String {
    let mut config = Config {
        is_inline,
        ..Config::default()
    };
    config.tcp.inline = is_inline;
    config.tcp.midstream = is_inline;
    let source = Source {
        ruleset: Some(RULESET.clone()),
        ..Source::default()
    };
    let recorder = Recorder::new(vec![everything()], source);
    let settings = Settings {
        traces_per_sec: Some(u32::MAX),
        ..Settings::default()
    };
    let detector = Detector::new(RULESET.clone(), settings);
    let mut engine = Engine::new(config, detector, recorder);
    let mut told = Told::default();
    let Ok(mut reader) = Reader::new(data) else {
        return String::new();
    };
    let mut frames = 0;
    while frames < FRAMES_MAX
        && let Ok(Some(frame)) = reader.next()
    {
        frames += 1;
        engine.on_frame(&frame, &mut told);
    }
    engine.finish(&mut told);
    assert_eq!(told.frames, frames, "a frame went in and did not come out");
    told.lines
}

/// Every record with all that it can hold.
fn everything() -> EveConfig {
    let transactions = [
        "http", "dns", "mdns", "tls", "ssh", "smtp", "ftp", "ftp_data",
    ];
    EveConfig {
        alert: Some(AlertConfig {
            payload: true,
            payload_printable: true,
            payload_length: true,
            packet: true,
            http_body: true,
            http_body_printable: true,
            raw_rule: true,
            references: true,
            verdict: true,
            ..AlertConfig::default()
        }),
        drop: Some(DropConfig {
            alerts: true,
            all_packets: true,
            verdict: true,
        }),
        anomaly: Some(AnomalyConfig {
            decode: true,
            stream: true,
            app_layer: true,
            packet_header: true,
        }),
        files: true,
        flow: true,
        netflow: true,
        arp: true,
        stream: Some(StreamConfig {
            all: true,
            events: true,
            state_updates: true,
        }),
        transactions: transactions.map(str::to_owned).into(),
        ..EveConfig::default()
    }
}
