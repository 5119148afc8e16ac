//! Runs the engine over frames and rules and gives its records as text that people can review.

use decode::build::Captured;
use engine::config::Config;
use engine::detect::{Detector, Options, Ruleset, Settings};
use engine::output::Collected;
use engine::pipeline::Engine;
use engine::records::config::{AlertConfig, AnomalyConfig, CommonConfig, EveConfig};
use engine::records::{Recorder, Source};
use rules::lists::{Classes, References};
use rules::{Context, RuleSet, parse_file};
use std::fmt::Write;
use std::sync::Arc;

/// A record: its type and its fields in the order of their names.
pub type Record = (&'static str, serde_json::Map<String, serde_json::Value>);

/// All records that frames and rules make.
pub fn records(frames: &[Captured], rules: &str, config: Config) -> Vec<Record> {
    let set = Arc::new(ruleset(rules));
    let source = Source {
        ruleset: Some(set.clone()),
        ..Source::default()
    };
    let recorder = Recorder::new(vec![eve()], source);
    let settings = Settings {
        traces_per_sec: Some(u32::MAX),
        ..Settings::default()
    };
    let mut engine = Engine::new(config, Detector::new(set, settings), recorder);
    let mut collected = Collected::default();
    let mut frames: Vec<&Captured> = frames.iter().collect();
    frames.sort_by_key(|frame| frame.time);
    for (number, frame) in (1..).zip(frames) {
        engine.on_frame(&frame.frame(number), &mut collected);
    }
    engine.finish(&mut collected);
    let parse = |line: &str| serde_json::from_str(line).expect("a record is a JSON object");
    collected
        .records
        .iter()
        .map(|(_, kind, line)| (*kind, parse(line)))
        .collect()
}

fn ruleset(text: &str) -> Ruleset {
    let classes = include_bytes!("../../../ratel/src/classification.config");
    let references = include_bytes!("../../../ratel/src/reference.config");
    let context = Context {
        classes: Classes::parse(classes).0,
        references: References::parse(references).0,
        ..Context::default()
    };
    let mut set = RuleSet::default();
    set.add(parse_file("golden.rules", text.as_bytes(), &context));
    let summary = set.summary();
    assert_eq!(summary.refusals, [], "the rules are right");
    assert_eq!(summary.degraded, 0, "every rule can match");
    let (ruleset, refused) =
        Ruleset::build(set.into_loaded().collect(), Options::default()).expect("rules are built");
    assert_eq!(refused, []);
    ruleset
}

/// What people usually have recorded.
fn eve() -> EveConfig {
    let transactions = ["http", "dns", "tls", "ssh", "smtp", "ftp", "ftp_data"];
    EveConfig {
        alert: Some(AlertConfig {
            references: true,
            ..AlertConfig::default()
        }),
        anomaly: Some(AnomalyConfig {
            decode: true,
            stream: true,
            app_layer: true,
            packet_header: false,
        }),
        files: true,
        flow: true,
        transactions: transactions.map(str::to_owned).into(),
        common: CommonConfig {
            community_id_seed: Some(0),
            ..CommonConfig::default()
        },
        ..EveConfig::default()
    }
}

/// Records of a type, a field on each line.
pub fn show(records: &[Record], kind: &str) -> String {
    let mut out = String::new();
    for (_, fields) in records.iter().filter(|(of, _)| *of == kind) {
        for (key, value) in fields {
            let _ = writeln!(out, "{key}: {value}");
        }
        out.push('\n');
    }
    out
}

/// One field deep inside a record, by its path.
pub fn field(record: &Record, path: &str) -> String {
    let mut names = path.split('.');
    let first = names.next().and_then(|name| record.1.get(name));
    let found = names.fold(first, |value, name| value?.get(name));
    found.map_or_else(|| "-".to_owned(), ToString::to_string)
}
