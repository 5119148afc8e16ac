//! An incident's search finds each of its events, by the store's own reading of it.

use std::sync::Arc;
use std::time::Duration;

use alert::engine::{Engine, Policy};
use alert::finding::Finding;
use alert::finding::side::Homes;
use alert::sigma::{self, Placeholders};
use event::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};
use store::query::{Query, matches};

const RULES: &str = "title: Asked\nname: asked\nlogsource: {category: dns}\n\
    detection: {selection: {query|endswith: .evil.example}, condition: selection}\n---\n\
    title: Often by Source\ncorrelation: {type: event_count, rules: [asked], group-by: [src_ip], timespan: 1h, condition: {gte: 2}}\n---\n\
    title: Often by Name\ncorrelation: {type: event_count, rules: [asked], group-by: [query], timespan: 1h, condition: {gte: 2}}\n---\n\
    title: Often at All\ncorrelation: {type: event_count, rules: [asked], timespan: 1h, condition: {gte: 3}}\n";

fn address(n: u8) -> String {
    match n {
        0..4 => format!("10.0.0.{n}"),
        4..8 => format!("192.0.2.{n}"),
        _ => format!("2001:db8::{n:x}"),
    }
}

/// One event of a made-up history.
fn event(now: Timestamp, (from, to, sid, kind): (u8, u8, u64, u8)) -> Value {
    let (from, to) = (address(from), address(to));
    let head = json!({"timestamp": now.to_string(), "src_ip": from, "dest_ip": to});
    let more = match kind {
        0 => {
            json!({"event_type": "dns", "dns": {"queries": [{"rrname": format!("\"{sid}\\.evil.example")}]}})
        }
        1 => {
            json!({"event_type": "anomaly", "ratel": {"finding": {"id": "x\"y", "title": "t", "severity": "high"}}})
        }
        2 => json!({"event_type": "alert", "src_ip": null, "dest_ip": null,
            "alert": {"gid": 1, "signature_id": sid, "signature": "s", "severity": 2}}),
        3 => json!({"event_type": "alert", "dest_port": 443,
            "alert": {"gid": 1, "signature_id": sid, "signature": "s", "severity": 1,
                      "metadata": {"mitre_tactic_id": ["TA0011"]}}}),
        _ => {
            json!({"event_type": "alert", "alert": {"gid": 1, "signature_id": sid, "signature": "s",
            "severity": 1 + sid % 3}})
        }
    };
    let mut record = head.as_object().cloned().unwrap_or_default();
    record.extend(more.as_object().cloned().unwrap_or_default());
    Value::Object(record)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn the_search_of_an_incident_finds_all_of_its_events(
        history in prop::collection::vec(((0u8..12, 0u8..12, 0u64..4, 0u8..9), 0u64..400), 1..80),
    ) {
        let homes = Arc::new(Homes::default());
        let policy = Policy { spray_attackers: 3, ..Policy::default() };
        let mut engine = Engine::new(policy, homes.clone());
        let mut rules = sigma::read(&[("r".into(), RULES.into())], &Placeholders::new());
        let mut now = Timestamp::new(1_700_000_000, 123_456_000);
        // Incidents and the events that were put into them.
        let mut put: Vec<(String, usize)> = Vec::new();
        let mut events: Vec<Value> = Vec::new();
        for (what, wait) in history {
            let record = event(now, what);
            let id = format!("e{}", events.len());
            events.push(record.clone());
            let found = Finding::of(&record, &id, now, &homes);
            if let Some(found) = &found {
                put.push((engine.on_finding(found, None, now), events.len() - 1));
            }
            for hit in rules.on_event(&record, &id, now) {
                let ids = hit.together.as_ref().map_or(vec![id.clone()], |t| t.ids.clone());
                let found = Finding::of_hit(&hit, &record, &id, now, found.is_some());
                let incident = engine.on_finding(&found, None, now);
                for id in ids {
                    put.push((incident.clone(), id[1..].parse().unwrap()));
                }
            }
            now = now + Duration::from_secs(wait);
            engine.tick(now);
        }
        engine.tick(now + Duration::from_secs(5));
        for (incident, number) in put {
            let record = &events[number];
            // One of whom nobody had heard may have become part of another.
            let queries: Vec<String> = match engine.get(&incident) {
                Some(kept) => vec![kept.incident.query.clone()],
                None => engine.iter().map(|kept| kept.incident.query.clone()).collect(),
            };
            let finds = |query: &String| {
                let query = Query::parse(query).unwrap_or_else(|error| panic!("{query}: {error}"));
                matches(&query, record)
            };
            prop_assert!(queries.iter().any(finds), "{queries:?} {record}");
        }
    }
}
