//! The store over a real server of Elasticsearch or OpenSearch, at the address in RATEL_TEST_ELASTICSEARCH
//! (`scripts/opensearch.sh` starts one): the same records, the same answers.

#[path = "made/events.rs"]
mod events;
#[path = "made/queries.rs"]
mod queries;

use event::{RecordId, Timestamp};
use serde_json::Value;
use store::elastic::{Config, Elastic, Schema};
use store::query::{Query, matches, time_of};
use store::search::{Order, Request};
use store::{Config as StoreConfig, Store};

/// Events of a test: several kinds a thousand times.
const EVENTS: usize = 4_000;

/// A server and a prefix that no other run has; cleaned up at the end.
struct Server {
    url: String,
    config: Config,
}

impl Server {
    fn new(name: &str, schema: Schema) -> Option<Server> {
        let Ok(url) = std::env::var("RATEL_TEST_ELASTICSEARCH") else {
            eprintln!("skipped: RATEL_TEST_ELASTICSEARCH names no server");
            return None;
        };
        let config = Config {
            urls: vec![url.clone()],
            index_prefix: format!("ratel-test-{name}-{}", std::process::id()),
            schema,
            ..Config::default()
        };
        Some(Server { url, config })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        for stream in [self.config.events(), self.config.stats()] {
            for kind in ["_data_stream", "_index_template"] {
                let _ = ureq::delete(format!("{}/{kind}/{stream}", self.url)).call();
            }
        }
    }
}

fn filled(server: &Server, events: &[(RecordId, String)]) -> Elastic {
    let elastic = Elastic::open(&server.config).unwrap();
    let written = elastic
        .write(events.iter().map(|(id, event)| (*id, event.as_str())))
        .unwrap();
    assert_eq!(written.created, events.len() as u64);
    assert_eq!(written.plain, 0, "a record was refused as it is");
    elastic.refresh().unwrap();
    elastic
}

#[test]
fn a_server_finds_what_the_language_means() {
    for schema in [Schema::Eve, Schema::Ecs] {
        let name = format!("{schema:?}").to_lowercase();
        let Some(server) = Server::new(&name, schema) else {
            return;
        };
        let events = events::events(7, EVENTS);
        let elastic = filled(&server, &events);
        let parsed: Vec<(RecordId, Timestamp, Value)> = events
            .iter()
            .map(|(id, event)| {
                let event: Value = serde_json::from_str(event).unwrap();
                (*id, time_of(&event).unwrap(), event)
            })
            .collect();
        for text in queries::QUERIES {
            let query = Query::parse(text).unwrap();
            let mut expected: Vec<(Timestamp, RecordId)> = parsed
                .iter()
                .filter(|(_, _, event)| matches(&query, event))
                .map(|(id, time, _)| (*time, *id))
                .collect();
            expected.sort_by(|a, b| b.cmp(a));
            let mut request = Request::of(query.clone());
            request.limit = 10_000;
            let answer = elastic.search(&request).unwrap();
            let found: Vec<(Timestamp, RecordId)> =
                answer.hits.iter().map(|hit| (hit.time, hit.id)).collect();
            let only = |these: &[(Timestamp, RecordId)], those: &[(Timestamp, RecordId)]| {
                these
                    .iter()
                    .find(|one| !those.contains(one))
                    .map(|(_, id)| {
                        events
                            .iter()
                            .find(|(other, _)| other == id)
                            .map(|(_, event)| event.clone())
                    })
            };
            assert!(
                found == expected,
                "{schema:?} {text}: found {} of {}; too many: {:?}; missing: {:?}",
                found.len(),
                expected.len(),
                only(&found, &expected),
                only(&expected, &found),
            );
            assert_eq!(answer.total, expected.len() as u64, "{text}");
            assert_eq!(elastic.count(&query, None, None).unwrap(), answer.total);
        }
    }
}

/// The embedded store with these events.
fn embedded(dir: &tempfile::TempDir, events: &[(RecordId, String)]) -> Store {
    let mut config = StoreConfig {
        dir: dir.path().to_owned(),
        ..StoreConfig::default()
    };
    // Several slices, as several indices.
    config.slices.max_events = 1_500;
    let store = Store::open(&config).unwrap();
    let now = Timestamp::new(events::BEGIN_SECS, 0);
    let mut writer = store.writer(now).unwrap();
    for (id, event) in events {
        writer.push(*id, now, event.as_bytes()).unwrap();
    }
    writer.commit(now).unwrap();
    store
}

#[test]
fn the_embedded_store_finds_what_the_language_means() {
    let events = events::events(7, EVENTS);
    let dir = tempfile::tempdir().unwrap();
    let store = embedded(&dir, &events);
    let parsed: Vec<(RecordId, Value)> = events
        .iter()
        .map(|(id, event)| (*id, serde_json::from_str(event).unwrap()))
        .collect();
    let mut wrong = Vec::new();
    for text in queries::QUERIES {
        let query = Query::parse(text).unwrap();
        let mut request = Request::of(query.clone());
        request.limit = 10_000;
        let answer = store.search(&request).unwrap();
        let mut found: Vec<RecordId> = answer.hits.iter().map(|hit| hit.id).collect();
        found.sort();
        let mut expected: Vec<RecordId> = parsed
            .iter()
            .filter(|(_, event)| matches(&query, event))
            .map(|(id, _)| *id)
            .collect();
        expected.sort();
        if found != expected {
            wrong.push(format!(
                "{text}: found {}, not {}",
                found.len(),
                expected.len()
            ));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// An answer to aggregations without what may differ: names of keys, bounds of errors, the order of equals.
fn plain(answer: &Value) -> Value {
    match answer {
        Value::Object(members) => Value::Object(
            members
                .iter()
                .filter(|(key, _)| {
                    !key.ends_with("_as_string") && *key != "doc_count_error_upper_bound"
                })
                .map(|(key, value)| (key.clone(), plain(value)))
                .collect(),
        ),
        Value::Array(items) => {
            let mut items: Vec<Value> = items.iter().map(plain).collect();
            if items.iter().all(|item| item.get("doc_count").is_some()) {
                items.sort_by_key(|item| (item["key"].to_string(), item["doc_count"].to_string()));
            }
            Value::Array(items)
        }
        // 5, 5.0 and sums in another order.
        Value::Number(number) => {
            let number = number.as_f64().unwrap_or_default();
            format!("{number:.9e}").into()
        }
        Value::Null | Value::Bool(_) | Value::String(_) => answer.clone(),
    }
}

#[test]
fn the_embedded_store_and_a_server_answer_alike() {
    let Some(server) = Server::new("alike", Schema::Eve) else {
        return;
    };
    let events = events::events(17, EVENTS);
    let dir = tempfile::tempdir().unwrap();
    let (embedded, elastic) = (embedded(&dir, &events), filled(&server, &events));
    let mut wrong = Vec::new();
    let mut found = 0;
    for text in queries::QUERIES {
        let mut request = Request::of(Query::parse(text).unwrap());
        request.limit = 1_000;
        let ours = embedded.search(&request).unwrap();
        let theirs = elastic.search(&request).unwrap();
        let list = |answer: &store::search::Answer| -> Vec<(RecordId, Timestamp, Value)> {
            answer
                .hits
                .iter()
                .map(|hit| (hit.id, hit.time, serde_json::from_str(&hit.event).unwrap()))
                .collect()
        };
        found += u32::from(ours.total > 0);
        if list(&ours) != list(&theirs) || ours.total != theirs.total || ours.next != theirs.next {
            wrong.push(format!(
                "{text}: {} here, {} there",
                ours.total, theirs.total
            ));
        }
    }
    for (text, aggregations) in queries::AGGREGATIONS {
        let mut request = Request::of(Query::parse(text).unwrap());
        request.limit = 0;
        request.aggregations = serde_json::from_str(aggregations).unwrap();
        let ours = embedded
            .search(&request)
            .map(|answer| plain(&answer.aggregations));
        let theirs = elastic
            .search(&request)
            .map(|answer| plain(&answer.aggregations));
        match (ours, theirs) {
            (Ok(ours), Ok(theirs)) if ours == theirs => found += 1,
            (ours, theirs) => wrong.push(format!(
                "{text} {aggregations}:\n  here {ours:?}\n  there {theirs:?}"
            )),
        }
    }
    for (path, prefix) in [
        ("event_type", ""),
        ("alert.signature", "et "),
        ("fields.team", ""),
        ("src_ip", "10.1.2"),
        ("dest_port", "8"),
        ("host", "SENSOR"),
        ("http.hostname", "A"),
    ] {
        let ours = embedded.values(path, prefix, &Query::All, 1_000).unwrap();
        let theirs = elastic.values(path, prefix, &Query::All, 1_000).unwrap();
        if ours != theirs {
            wrong.push(format!(
                "values of {path} {prefix:?}:\n  here {ours:?}\n  there {theirs:?}"
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    eprintln!(
        "{} queries and {} aggregations answered alike, {found} of them with events",
        queries::QUERIES.len(),
        queries::AGGREGATIONS.len()
    );
}

#[test]
fn a_record_comes_back_as_it_came_and_pages_join() {
    let Some(server) = Server::new("pages", Schema::Eve) else {
        return;
    };
    let events = events::events(11, 700);
    let elastic = filled(&server, &events);
    let mut request = Request::of(Query::All);
    request.limit = 64;
    request.order = Order::OldestFirst;
    let mut found = Vec::new();
    loop {
        let answer = elastic.search(&request).unwrap();
        assert_eq!(answer.total, 700);
        found.extend(answer.hits);
        let Some(next) = answer.next else { break };
        request.after = Some(next);
    }
    assert_eq!(found.len(), 700);
    assert!(found.is_sorted_by_key(|hit| (hit.time, hit.id)));
    for hit in &found {
        let (_, event) = events.iter().find(|(id, _)| *id == hit.id).unwrap();
        let [found, expected] =
            [&hit.event, event].map(|text| serde_json::from_str::<Value>(text).unwrap());
        assert_eq!(found, expected);
        // Only what does not fit the index is written anew.
        if expected["event_type"] == "flow" {
            assert_eq!(&hit.event, event);
        }
    }
    let (id, _) = events.first().unwrap();
    assert_eq!(elastic.get(*id).unwrap().map(|hit| hit.id), Some(*id));
    let none = "019b7ca9-8f2e-7000-8000-03ffffffffff".parse().unwrap();
    assert_eq!(elastic.get(none).unwrap(), None);
}

#[test]
fn a_repeat_is_no_second_record_even_behind_a_rollover() {
    let Some(server) = Server::new("repeats", Schema::Eve) else {
        return;
    };
    let events = events::events(13, 300);
    let all = |elastic: &Elastic| {
        let records = events.iter().map(|(id, event)| (*id, event.as_str()));
        elastic.write(records).unwrap()
    };
    let first = filled(&server, &events[..200]);
    // The same process again, then another one behind a rollover.
    let again = all(&first);
    assert_eq!((again.created, again.repeated), (100, 200));
    for stream in [server.config.events(), server.config.stats()] {
        ureq::post(format!("{}/{stream}/_rollover", server.url))
            .send_empty()
            .unwrap();
    }
    let again = all(&Elastic::open(&server.config).unwrap());
    assert_eq!((again.created, again.repeated), (0, 300));
    first.refresh().unwrap();
    assert_eq!(first.count(&Query::All, None, None).unwrap(), 300);
    // What no mapping takes is kept as bare text, and found by its id.
    let id = "019b7ca9-8f2e-7000-8000-03ffffffffff".parse().unwrap();
    let twice = r#"{"a":1,"a":2}"#;
    let written = first.write([(id, twice)]).unwrap();
    assert_eq!((written.created, written.plain), (1, 1));
    first.refresh().unwrap();
    assert_eq!(first.get(id).unwrap().unwrap().event, twice);
    let now = Timestamp::new(4_000_000_000, 0);
    assert_eq!(first.keep(now, 1, 0).unwrap(), 2, "two indices have ended");
}
