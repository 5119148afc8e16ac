//! Records in, findings out.

use serde_json::json;

use super::*;
use crate::train::{Settings, Silent};

/// Columns of the records below.
const KNOWN: [(&str, bool); 5] = [
    ("Dst Port", false),
    ("Protocol", false),
    ("Flow Duration", false),
    ("Total Fwd Packet", false),
    ("Src IP", true),
];

/// The `n`-th flow of a host: short and small where it is usual, else long and large.
fn flow(host: u8, n: u32, is_usual: bool) -> Value {
    let (duration, packets) = match is_usual {
        true => (1_000 + n % 7 * 100, 4 + n % 3),
        false => (90_000_000 + n, 40_000),
    };
    let at = event::Timestamp::new(1_750_000_000 + i64::from(n), 0);
    json!({
        "timestamp": String::from_utf8_lossy(&at.to_eve()), "flow_id": n, "event_type": "flow",
        "src_ip": format!("192.0.2.{host}"), "src_port": 40_000, "dest_ip": "198.51.100.1", "dest_port": 443,
        "proto": "TCP",
        "ratel": {"features": {"Flow Duration": duration, "Total Fwd Packet": packets}},
    })
}

/// A model of flows of which one in ten is an attack.
fn model() -> Model {
    model_of(crate::train::Labels::Use)
}

fn model_of(labels: crate::train::Labels) -> Model {
    let columns = Columns::all(&KNOWN);
    let mut table = Table::new(columns.columns().to_vec());
    let attack = table.class("flood").unwrap();
    for n in 0..600 {
        let is_usual = n % 10 != 9;
        let flow = columns.flow(&flow((n % 5) as u8, n, is_usual)).unwrap();
        let row = Row {
            class: Some(if is_usual { NORMAL } else { attack }),
            host: Some(n % 5),
            at_us: flow.at_us,
            ..Row::default()
        };
        table.push(row, &flow.values).unwrap();
    }
    let rows: Vec<usize> = (0..table.len()).collect();
    let settings = Settings {
        window: 4,
        epochs: 4,
        hidden: 8,
        members: 1,
        folds: 0,
        batch: 32,
        labels,
        ..Settings::default()
    };
    Model::train(&table, &rows, &settings, &mut Silent).unwrap()
}

fn names() -> Vec<&'static str> {
    KNOWN.iter().map(|(name, _)| *name).collect()
}

#[test]
fn what_is_not_usual_is_found_and_told_with_its_reasons_and_no_more_often_than_the_budget_allows() {
    let config = Config {
        budget_per_day: 2.0,
        findings_per_incident: 2,
        hosts: 3,
        ..Config::default()
    };
    let mut scorer = Scorer::new(model(), &config, &names()).unwrap();
    let read = |scorer: &Scorer, record: &Value| scorer.columns().flow(record).unwrap();
    let usual: Vec<Flow> = (0..40).map(|n| read(&scorer, &flow(7, n, true))).collect();
    assert!(scorer.score(&usual).unwrap().findings.is_empty());
    let odd: Vec<Flow> = (0..12)
        .map(|n| read(&scorer, &flow(50 + n as u8 / 3, 100 + n, false)))
        .collect();
    let scored = scorer.score(&odd).unwrap();
    let count = |verdict| {
        scored
            .findings
            .iter()
            .filter(|found| found.verdict == verdict)
            .count()
    };
    // Four hosts, two of them told, each twice.
    assert_eq!(
        (
            count(Verdict::Tell),
            count(Verdict::Enough),
            count(Verdict::Beyond)
        ),
        (4, 2, 6)
    );
    let record = scored.findings[0].record.as_ref().unwrap();
    assert_eq!(record["alert"]["gid"], 7001);
    assert_eq!(record["src_ip"], "192.0.2.50");
    let told = &record["ratel"]["model"];
    assert!(!told["features"].as_array().unwrap().is_empty(), "{record}");
    assert!(!told["text"].as_str().unwrap().is_empty());
    assert!(scorer.hosts() <= 3, "hosts are forgotten");
}

#[test]
fn a_start_goes_on_with_what_was_kept_of_the_same_model() {
    const NOW_US: i64 = 1_750_000_200_000_000;
    let config = |budget_per_day| Config {
        budget_per_day,
        findings_per_incident: 1,
        ..Config::default()
    };
    let of = |budget| Scorer::new(model(), &config(budget), &names()).unwrap();
    let mut before = of(1.0);
    let odd = |host| {
        let columns = before.columns().clone();
        vec![columns.flow(&flow(host, 100, false)).unwrap()]
    };
    let (one, other) = (odd(50), odd(51));
    let told = |scorer: &mut Scorer, flows: &[Flow]| {
        let scored = scorer.score(flows).unwrap();
        let verdicts = scored.findings.iter().map(|found| found.verdict);
        verdicts.collect::<Vec<_>>()
    };
    before.follow.threshold = 0.125;
    assert_eq!(told(&mut before, &one), [Verdict::Tell]);
    let kept = before.kept("a", NOW_US);

    let mut same = of(1.0);
    assert!(same.go_on(kept.clone(), "a", NOW_US));
    assert_eq!(same.threshold(), 0.125);
    assert_eq!(told(&mut same, &one), [Verdict::Enough]);
    assert_eq!(told(&mut same, &other), [Verdict::Beyond]);

    // Another model: its own threshold, and what was told of the day counts all the same.
    let mut another = of(1.0);
    let own = another.threshold();
    assert!(!another.go_on(kept.clone(), "b", NOW_US));
    assert_eq!(another.threshold(), own);
    another.follow.threshold = 0.125;
    assert_eq!(told(&mut another, &other), [Verdict::Beyond]);

    // Another budget, and no day was seen yet: that of the model for it.
    let mut generous = of(3.0);
    let own = generous.threshold();
    assert!(generous.go_on(kept, "a", NOW_US));
    assert_eq!(generous.threshold(), own);
    generous.follow.threshold = 0.125;
    assert_eq!(told(&mut generous, &other), [Verdict::Tell]);
}

#[test]
fn a_model_of_other_columns_is_refused_by_their_names() {
    let refused = Scorer::new(model(), &Config::default(), &["Dst Port", "Protocol"]);
    let told = refused.err().unwrap().to_string();
    assert!(told.contains("Flow Duration"), "{told}");
}

#[test]
fn records_of_captures_and_of_other_kinds_are_no_flows() {
    let columns = Columns::all(&KNOWN);
    assert!(columns.flow(&flow(1, 1, true)).is_some());
    let check = |change: fn(&mut Value)| {
        let mut record = flow(1, 1, true);
        change(&mut record);
        assert!(columns.flow(&record).is_none(), "{record}");
    };
    check(|record| record["event_type"] = json!("alert"));
    check(|record| record["ratel"]["capture"] = json!("upload"));
    check(|record| record["ratel"] = json!({}));
    check(|record| record["timestamp"] = json!("yesterday"));
    check(|record| record["src_ip"] = json!(7));
}

#[test]
fn the_role_scores_as_one_table_of_all_flows_does() {
    for labels in [crate::train::Labels::Use, crate::train::Labels::Ignore] {
        let (model, again) = (model_of(labels), model_of(labels));
        let config = Config::default();
        let mut scorer = Scorer::new(model, &config, &KNOWN.map(|(name, _)| name)).unwrap();
        let flows: Vec<Flow> = (0..200)
            .map(|n| {
                let record = flow((n * n % 7 % 3) as u8, n, n % 11 != 3);
                scorer.columns().flow(&record).unwrap()
            })
            .collect();
        let mut table = Table::new(scorer.columns.columns().to_vec());
        for flow in &flows {
            let row = Row {
                host: Some(number(flow.host)),
                at_us: flow.at_us,
                ..Row::default()
            };
            table.push(row, &flow.values).unwrap();
        }
        let all: Vec<usize> = (0..table.len()).collect();
        let expected = again.score(&table, &all).unwrap();
        let mut given = Vec::new();
        for batch in flows.chunks(7) {
            let (table, rows, new) = scorer.table(batch);
            let own = scorer.model.own(&table, &rows, &new).unwrap();
            given.extend(scorer.joined(batch, &own));
            scorer.score(batch).unwrap();
        }
        let off = given
            .iter()
            .zip(&expected)
            .map(|(given, expected)| (given.suspicion - expected.suspicion).abs());
        let most = off.fold(0.0_f32, f32::max);
        assert!(most < 1e-3, "{labels:?}: {most}");
    }
}
