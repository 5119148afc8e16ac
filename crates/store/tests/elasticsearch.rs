//! The store over a real server of Elasticsearch or OpenSearch, at the address in RATEL_TEST_ELASTICSEARCH
//! (`scripts/opensearch.sh` starts one): the same records, the same answers.

#[path = "made/events.rs"]
mod events;

use event::{RecordId, Timestamp};
use serde_json::Value;
use store::elastic::{Config, Elastic, Schema};
use store::query::{Query, matches, time_of};
use store::search::{Order, Request};

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

/// What people ask for, of every kind of field and condition.
const QUERIES: &[&str] = &[
    "*",
    "event_type:alert AND src_ip:10.0.0.0/8 AND alert.severity:<=2",
    "event_type:(http OR tls) AND NOT dest_port:443",
    "src_ip:2001:db8::/64",
    "dest_ip:2001:db8::ff:3",
    "src_ip:[10.0.1.0 TO 10.1.2.255]",
    "alert.signature:emotet",
    "alert.signature:\"ssh scan\"",
    "alert.signature:\"scan ssh\"",
    "alert.signature.keyword:ET\\ *",
    "alert.metadata.tag:Emotet",
    "tls.sni:*.example",
    "tls.sni:EXAMPLE",
    "http.url:*/admin/*",
    "http.http_user_agent:(curl OR python)",
    "http.status:[300 TO 500} http.length:>50000",
    "dns.queries.rrname:evil.example dns.rcode:NXDOMAIN",
    "dns.answers.rdata:198.51.100.3",
    "flow.bytes_toclient:>=8000000 flow.alerted:true",
    "flow.start:<2026-01-02T00:30:00Z",
    "@timestamp:[2026-01-02T00:10:00Z TO 2026-01-02T00:20:00Z}",
    "tls.notafter:>2030",
    "vlan:101",
    "_exists_:vlan",
    "NOT _exists_:src_ip",
    "fileinfo.filename:pdf fileinfo.stored:false",
    "fileinfo.sha256:*7",
    "message:\"failed password\" host.name:web1",
    "log.level:error OR log.level:warning",
    "fields.team:red fields.number:3",
    "extra.text:\"Hello World\"",
    "extra.text:*ello*",
    "extra.deep.a.b:true",
    "extra.\\=sign:a=b",
    "dotted.key:*",
    "_exists_:extra",
    "_exists_:extra.long",
    "_exists_:alert",
    "_exists_:stats",
    "alert.severity:high",
    "alert.signature_id:5",
    "dest_port:80 event_type:odd",
    "host:sensor-b",
    "payload:*",
    "payload_printable:passwd",
    "in_iface:>eth0",
    "proto:tcp",
    "emotet",
    "198.51.100.0/24",
    "10.1.2.3",
    "2100498",
    "github*",
    "bücher",
    "@ip:192.0.2.7",
];

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
        for text in QUERIES {
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
