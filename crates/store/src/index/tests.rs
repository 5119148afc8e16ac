//! The embedded store as its callers see it.

use super::*;
use crate::query::{Bound, Predicate, Query, Value};
use crate::search::{Cursor, Order, Request};
use serde_json::json;

mod lent;
mod many;

/// A store in a folder of its own, with small slices.
struct Bench {
    dir: tempfile::TempDir,
    store: Arc<Embedded>,
    ids: event::RecordIds,
    writer: Option<Writer>,
}

const NOW: Timestamp = Timestamp::new(1_800_000_000, 0);

impl Bench {
    fn new(max_events: u64) -> Bench {
        let dir = tempfile::tempdir().unwrap();
        let mut bench = Bench {
            store: open(&dir, max_events),
            dir,
            ids: event::RecordIds::new(7),
            writer: None,
        };
        bench.writer = Some(bench.store.writer(NOW).unwrap());
        bench
    }

    fn push(&mut self, record: &str) -> RecordId {
        let id = self.ids.next(NOW);
        let taken = self
            .writer
            .as_mut()
            .unwrap()
            .push(id, NOW, record.as_bytes());
        assert!(matches!(taken.unwrap(), Taken::Kept { .. }), "{record}");
        id
    }

    fn commit(&mut self) {
        self.writer.as_mut().unwrap().commit(NOW).unwrap();
    }

    /// The numbers `n` of the events that match, in the order of the answer.
    fn find(&self, request: &Request) -> Vec<u64> {
        let answer = self.store.search(request).unwrap();
        answer.hits.iter().map(|hit| number(&hit.event)).collect()
    }

    fn matching(&self, query: Query) -> Vec<u64> {
        let mut request = Request::of(query);
        request.order = Order::OldestFirst;
        let found = self.find(&request);
        assert_eq!(
            self.store.search(&request).unwrap().total,
            found.len() as u64
        );
        found
    }
}

fn open(dir: &tempfile::TempDir, max_events: u64) -> Arc<Embedded> {
    Arc::new(Embedded::open(&config(dir, max_events)).unwrap())
}

fn config(dir: &tempfile::TempDir, max_events: u64) -> Config {
    let mut config = Config {
        dir: dir.path().to_owned(),
        ..Config::default()
    };
    config.slices.max_events = max_events;
    config.slices.max_open = 2;
    config.watermarks = crate::config::Watermarks {
        thin_percent: 0.0,
        degrade_percent: 0.0,
        alerts_only_percent: 0.0,
        stop_percent: 0.0,
    };
    config
}

fn number(event: &str) -> u64 {
    let value: serde_json::Value = serde_json::from_str(event).unwrap();
    value["n"].as_u64().unwrap()
}

fn time(secs: i64) -> String {
    Timestamp::new(1_700_000_000 + secs, 0).to_string()
}

fn is(path: &str, value: Value) -> Query {
    Query::Field {
        path: path.into(),
        is: Predicate::Is(value),
    }
}

fn word(path: &str, value: &str) -> Query {
    is(path, Value::Word(value.into()))
}

/// Events of many kinds, over several slices.
fn zoo() -> Bench {
    let mut bench = Bench::new(3);
    let records = [
        json!({"n": 0, "timestamp": time(0), "event_type": "alert", "src_ip": "10.0.0.1", "dest_ip": "192.0.2.7", "dest_port": 443,
            "alert": {"signature": "ET MALWARE Evil Beacon", "severity": 1, "signature_id": 2_000_001}}),
        json!({"n": 1, "timestamp": time(1), "event_type": "dns", "src_ip": "10.0.0.2", "dest_ip": "10.0.0.53", "dest_port": 53,
            "dns": {"queries": [{"rrname": "www.Example.com"}, {"rrname": "mail.example.org"}]}}),
        json!({"n": 2, "timestamp": time(2), "event_type": "flow", "src_ip": "2001:db8::1", "flow": {"bytes_toserver": 100, "alerted": false}}),
        json!({"n": 3, "timestamp": time(3), "event_type": "alert", "src_ip": "10.1.0.1", "dest_port": 8080,
            "alert": {"signature": "ET SCAN Beacon of Evil", "severity": 3, "signature_id": 2_000_002}}),
        json!({"n": 4, "timestamp": time(4), "event_type": "log", "message": "Failed password for root", "custom": {"level": 7, "name": "Sshd", "ok": true}}),
        json!({"n": 5, "timestamp": time(5), "event_type": "log", "custom": {"level": "high", "ratio": 0.5}, "src_ip": "not an address"}),
        json!({"n": 6, "@timestamp": "2023-11-14T22:13:26Z", "message": "no type", "ratel": {"score": 0.75}}),
    ];
    for record in records {
        bench.push(&record.to_string());
        bench.commit();
    }
    bench
}

#[test]
fn conditions_find_what_they_say() {
    let bench = zoo();
    let check = |query: Query, expected: &[u64]| {
        assert_eq!(bench.matching(query.clone()), expected, "{query:?}");
    };
    check(Query::All, &[0, 1, 2, 3, 4, 5, 6]);
    check(word("event_type", "alert"), &[0, 3]);
    check(word("event_type", "Alert"), &[]);
    check(
        is("event_type", Value::Pattern("*l*".into())),
        &[0, 2, 3, 4, 5],
    );
    check(word("alert.signature", "evil"), &[0, 3]);
    check(word("alert.signature", "Evil Beacon"), &[0]);
    check(
        is("alert.signature", Value::Phrase("beacon of".into())),
        &[3],
    );
    check(is("alert.signature", Value::Pattern("mal*".into())), &[0]);
    check(
        word("alert.signature.keyword", "ET MALWARE Evil Beacon"),
        &[0],
    );
    check(
        word("alert.signature.keyword", "et malware evil beacon"),
        &[],
    );
    check(word("dns.queries.rrname", "mail.example.org"), &[1]);
    check(word("dns.queries.rrname", "example"), &[1]);
    check(
        is("dns.queries.rrname", Value::Phrase("com mail".into())),
        &[],
    );
    check(
        is("dns.queries.rrname", Value::Pattern("*.EXAMPLE.com".into())),
        &[1],
    );
    check(Query::Anywhere(Value::Word("evil".into())), &[0, 3]);
    check(
        Query::Anywhere(Value::Phrase("failed password".into())),
        &[4],
    );
    check(Query::Anywhere(Value::Phrase("failed for".into())), &[]);
    check(
        is("message", Value::Phrase("password for root".into())),
        &[4],
    );
    check(
        is("src_ip", Value::Prefix("10.0.0.0/8".parse().unwrap())),
        &[0, 1, 3],
    );
    check(word("src_ip", "10.0.0.0/24"), &[0, 1]);
    check(word("src_ip", "2001:0db8:0::1"), &[2]);
    check(word("src_ip", "nonsense"), &[]);
    check(word("dest_port", "8080"), &[3]);
    check(word("dest_port", "https"), &[]);
    check(word("custom.level", "7"), &[4]);
    check(word("custom.level", "high"), &[5]);
    check(word("custom.name", "Sshd"), &[4]);
    check(word("custom.ok", "true"), &[4]);
    check(word("flow.alerted", "false"), &[2]);
    check(word("nothing.such", "x"), &[]);
}

#[test]
fn ranges_existence_and_connectives_hold() {
    let bench = zoo();
    let check = |query: Query, expected: &[u64]| {
        assert_eq!(bench.matching(query.clone()), expected, "{query:?}");
    };
    let range = |path: &str, from: Bound, to: Bound| Query::Field {
        path: path.into(),
        is: Predicate::Range { from, to },
    };
    let value = |text: &str| Value::Word(text.into());
    let exists = |path: &str| Query::Field {
        path: path.into(),
        is: Predicate::Exists,
    };
    check(
        range("alert.severity", Bound::None, Bound::Including(value("2"))),
        &[0],
    );
    check(
        range("alert.severity", Bound::Excluding(value("1")), Bound::None),
        &[3],
    );
    check(
        range(
            "alert.severity",
            Bound::Including(value("0.5")),
            Bound::Excluding(value("3")),
        ),
        &[0],
    );
    check(
        range("alert.severity", Bound::Including(value("4")), Bound::None),
        &[],
    );
    check(
        range("alert.severity", Bound::None, Bound::Including(value("0"))),
        &[],
    );
    check(
        range("ratel.score", Bound::Excluding(value("0.5")), Bound::None),
        &[6],
    );
    check(
        range(
            "ratel.score",
            Bound::Including(value("0.75")),
            Bound::Excluding(value("0.76")),
        ),
        &[6],
    );
    check(
        range(
            "event_type",
            Bound::Including(value("dns")),
            Bound::Excluding(value("log")),
        ),
        &[1, 2],
    );
    check(
        range(
            "src_ip",
            Bound::Including(value("10.0.0.2")),
            Bound::Including(value("10.1.0.1")),
        ),
        &[1, 3],
    );
    check(
        range("timestamp", Bound::Excluding(value(&time(4))), Bound::None),
        &[5, 6],
    );
    check(
        range("@timestamp", Bound::None, Bound::Including(value(&time(0)))),
        &[0],
    );
    check(exists("custom"), &[4, 5]);
    check(exists("alert"), &[0, 3]);
    check(exists("alert.signature"), &[0, 3]);
    check(exists("src_ip"), &[0, 1, 2, 3]);
    check(
        is("event_type", Value::Pattern("*".into())),
        &[0, 1, 2, 3, 4, 5],
    );
    check(Query::Not(Box::new(exists("event_type"))), &[6]);
    check(
        Query::And(vec![word("event_type", "alert"), word("dest_port", "443")]),
        &[0],
    );
    check(
        Query::Or(vec![word("event_type", "dns"), word("event_type", "flow")]),
        &[1, 2],
    );
    check(Query::And(vec![]), &[0, 1, 2, 3, 4, 5, 6]);
    check(Query::Or(vec![]), &[]);
}

#[test]
fn since_belongs_to_the_answer_and_until_does_not() {
    let bench = zoo();
    let mut request = Request::of(Query::All);
    request.since = Some(Timestamp::new(1_700_000_002, 0));
    request.until = Some(Timestamp::new(1_700_000_005, 0));
    assert_eq!(bench.find(&request), [4, 3, 2]);
}

#[test]
fn pages_of_any_size_give_each_event_once() {
    let mut bench = Bench::new(40);
    // Many events of one time, some late ones.
    for n in 0..150 {
        let at = if n % 10 == 0 { 500 - n / 10 } else { n / 7 };
        bench.push(&json!({"n": n, "timestamp": time(at)}).to_string());
        if n % 9 == 0 {
            bench.commit();
        }
    }
    bench.commit();
    for order in [Order::NewestFirst, Order::OldestFirst] {
        let mut whole = Request::of(Query::All);
        whole.order = order;
        whole.limit = 1000;
        let whole = bench.find(&whole);
        assert_eq!(whole.len(), 150);
        for limit in [1, 3, 7, 149, 150, 151] {
            let mut request = Request::of(Query::All);
            request.order = order;
            request.limit = limit;
            let mut paged = Vec::new();
            loop {
                let answer = bench.store.search(&request).unwrap();
                assert_eq!(answer.total, 150);
                paged.extend(answer.hits.iter().map(|hit| number(&hit.event)));
                let Some(next) = answer.next else { break };
                let last = answer.hits.last().unwrap();
                assert_eq!(
                    next,
                    Cursor {
                        time: last.time,
                        id: last.id
                    }
                );
                request.after = Some(next);
            }
            assert_eq!(paged, whole, "{order:?} {limit}");
        }
    }
}

#[test]
fn a_record_comes_back_byte_for_byte_by_its_id_also_after_a_new_start() {
    let mut bench = Bench::new(2);
    let odd = "{ \"n\" : 1,\"timestamp\":\"no time\", \"x\":\"\\u00e4 ä\",\"n2\":1.50 }";
    let id = bench.push(odd);
    for n in 2..8 {
        bench.push(&json!({"n": n}).to_string());
        bench.commit();
    }
    let get = |store: &Embedded| store.get(id).unwrap().unwrap().event;
    assert_eq!(get(&bench.store), odd);
    assert_eq!(bench.store.get(bench.ids.next(NOW)).unwrap(), None);
    bench.push("{\"n\":99}");
    let Bench {
        dir, store, writer, ..
    } = bench;
    // What was not committed is gone with the process; its place is written anew.
    drop((store, writer));
    let store = open(&dir, 2);
    assert_eq!(get(&store), odd);
    let mut writer = store.writer(NOW).unwrap();
    let next = RecordId::from_bytes([9; 16]);
    writer.push(next, NOW, b"{\"n\":100}").unwrap();
    writer.commit(NOW).unwrap();
    assert_eq!(store.count(&Query::All, None, None).unwrap(), 8);
    assert_eq!(store.get(next).unwrap().unwrap().event, "{\"n\":100}");
}

#[test]
fn what_is_no_record_is_refused_and_what_fits_no_field_is_kept() {
    let mut bench = Bench::new(100);
    let mut refuse = |record: &[u8], why| {
        let id = bench.ids.next(NOW);
        let taken = bench.writer.as_mut().unwrap().push(id, NOW, record);
        assert_eq!(taken.unwrap(), Taken::Refused(why));
    };
    refuse(b"", Refusal::NoJson);
    refuse(b"[1]", Refusal::NoJson);
    refuse(b"{\"a\":1} x", Refusal::NoJson);
    refuse(b"{\"a\":\"\xff\"}", Refusal::NoJson);
    refuse(
        format!("{{\"a\":\"{}\"}}", "x".repeat(1 << 20)).as_bytes(),
        Refusal::TooLarge,
    );
    refuse("{\"a\":".repeat(1000).as_bytes(), Refusal::NoJson);
    let record = json!({"n": 1, "src_ip": {"a": 1}, "dest_port": "https", "flow_id": 1e300, "alert": 5, "flow": {"start": "x"},
        "a\u{1}b": 1, "": {"": 2}, "a..b": 3, "x": "y".repeat(5000)});
    let id = bench.push(&record.to_string());
    bench.commit();
    assert_eq!(
        bench.store.get(id).unwrap().unwrap().event,
        record.to_string()
    );
    assert_eq!(bench.matching(Query::All), [1]);
}

#[test]
fn aggregations_join_slices() {
    let bench = zoo();
    let mut request = Request::of(Query::All);
    request.limit = 0;
    request.aggregations = json!({
        "kinds": {"terms": {"field": "event_type"}, "aggs": {"ports": {"max": {"field": "dest_port"}}}},
        "names": {"terms": {"field": "dns.queries.rrname"}},
        "custom": {"terms": {"field": "custom.name"}},
        "from": {"terms": {"field": "src_ip", "size": 2}},
        "over": {"date_histogram": {"field": "@timestamp", "fixed_interval": "1h"}},
        "sizes": {"stats": {"field": "flow.bytes_toserver"}},
        "distinct": {"cardinality": {"field": "src_ip"}},
    });
    let answer = bench.store.search(&request).unwrap();
    let aggregations = &answer.aggregations;
    let kinds = aggregations["kinds"]["buckets"].as_array().unwrap();
    let kind = |name: &str| kinds.iter().find(|bucket| bucket["key"] == name).unwrap();
    assert_eq!(kind("alert")["doc_count"], 2);
    assert_eq!(kind("alert")["ports"]["value"], 8080.0);
    assert_eq!(kinds.len(), 4);
    assert_eq!(
        aggregations["names"]["buckets"].as_array().unwrap().len(),
        2
    );
    assert_eq!(aggregations["custom"]["buckets"][0]["key"], "Sshd");
    assert_eq!(aggregations["from"]["buckets"][0]["doc_count"], 1);
    assert_eq!(aggregations["over"]["buckets"][0]["doc_count"], 7);
    assert_eq!(aggregations["sizes"]["sum"], 100.0);
    assert_eq!(aggregations["distinct"]["value"], 4.0);
    request.aggregations = json!({"a": {"no_such": {"field": "x"}}});
    assert!(bench.store.search(&request).unwrap_err().is_asked_wrong());
}

#[test]
fn fields_and_values_are_told_for_completion() {
    let bench = zoo();
    let fields = bench.store.fields().unwrap();
    let kind = |path: &str| {
        fields
            .iter()
            .find(|field| field.path == path)
            .map(|field| field.kind)
    };
    assert_eq!(kind("src_ip"), Some(crate::fields::Kind::Ip));
    assert_eq!(kind("custom.name"), Some(crate::fields::Kind::Keyword));
    let values = |path: &str, prefix: &str, query: Query| {
        let values = bench.store.values(path, prefix, &query, 10).unwrap();
        values
            .into_iter()
            .map(|(value, count)| format!("{value}={count}"))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        values("event_type", "", Query::All),
        ["alert=2", "log=2", "dns=1", "flow=1"]
    );
    assert_eq!(values("event_type", "a", Query::All), ["alert=2"]);
    assert_eq!(
        values("alert.signature", "et s", Query::All),
        ["ET SCAN Beacon of Evil=1"]
    );
    assert_eq!(
        values("src_ip", "10.0", word("event_type", "dns")),
        ["10.0.0.2=1"]
    );
    assert_eq!(values("dest_port", "4", Query::All), ["443=1"]);
}

#[test]
fn a_reader_beside_a_writer_sees_commits() {
    let mut bench = Bench::new(3);
    let reader = Embedded::open_read_only(&config(&bench.dir, 3)).unwrap();
    assert_eq!(reader.count(&Query::All, None, None).unwrap(), 0);
    for n in 0..8 {
        let id = bench.push(&json!({"n": n}).to_string());
        bench.commit();
        assert_eq!(reader.count(&Query::All, None, None).unwrap(), n + 1);
        assert!(reader.get(id).unwrap().is_some());
    }
    assert!(matches!(Arc::new(reader).writer(NOW), Err(Error::ReadOnly)));
    assert!(matches!(
        Embedded::open(&config(&bench.dir, 3)),
        Err(Error::Locked { .. })
    ));
}

#[test]
fn a_sealed_slice_answers_as_before_and_a_thinned_one_without_what_is_worth_little() {
    let bench = zoo();
    let ask = |bench: &Bench| {
        let all = bench.matching(Query::All);
        let pattern = bench.matching(is("dns.queries.rrname", Value::Pattern("*.com".into())));
        (all, pattern, bench.matching(word("message", "password")))
    };
    let before = ask(&bench);
    assert!(bench.store.care(NOW).unwrap());
    assert!(!bench.store.care(NOW).unwrap());
    assert!(
        bench
            .store
            .slices()
            .iter()
            .filter(|slice| slice.facts().is_sealed)
            .count()
            >= 2
    );
    assert_eq!(ask(&bench), before);
    for slice in bench.store.slices() {
        if slice.facts().is_sealed {
            bench.store.seal(&slice, true).unwrap();
        }
    }
    assert_eq!(bench.matching(Query::All), [0, 3, 4, 5, 6]);
    let Bench {
        dir, store, writer, ..
    } = bench;
    drop((store, writer));
    let store = open(&dir, 3);
    assert_eq!(store.count(&Query::All, None, None).unwrap(), 5);
    assert_eq!(store.recent_ids(100).unwrap().len(), 5);
}

#[test]
fn old_slices_go_by_age() {
    let bench = zoo();
    let later = Timestamp::new(NOW.secs() + 31 * 86_400, 0);
    assert!(bench.store.care(later).unwrap());
    assert_eq!(bench.matching(Query::All), [6]);
}

#[test]
fn who_follows_sees_each_matching_event_once_in_the_order_of_its_coming() {
    let mut bench = Bench::new(5);
    let reader = Embedded::open_read_only(&config(&bench.dir, 5)).unwrap();
    let mut at = reader.end().unwrap();
    let mut seen = Vec::new();
    for n in 0..23 {
        let kind = if n % 2 == 0 { "alert" } else { "flow" };
        bench.push(&json!({"n": n, "event_type": kind, "timestamp": time(100 - n)}).to_string());
        if n % 3 == 0 {
            bench.commit();
            if n % 4 == 0 {
                bench.store.care(NOW).unwrap();
            }
            loop {
                let (hits, next) = reader.since(at, &word("event_type", "alert"), 2).unwrap();
                at = next;
                if hits.is_empty() {
                    break;
                }
                seen.extend(hits.iter().map(|hit| number(&hit.event)));
            }
        }
    }
    assert_eq!(seen, (0..22).step_by(2).collect::<Vec<u64>>());
}

#[test]
fn a_slice_of_a_list_is_found_again_where_it_was_written_anew_meanwhile() {
    let bench = zoo();
    let before = bench.store.slices();
    while bench.store.care(NOW).unwrap() {}
    let (slice, _) = bench.store.opened_now(&before[0]).unwrap().unwrap();
    assert_eq!(
        (slice.number, slice.generation),
        (before[0].number, before[0].generation + 1)
    );
    bench.store.drop_slice(&slice).unwrap();
    assert!(bench.store.opened_now(&before[0]).unwrap().is_none());
}

#[test]
fn a_damaged_slice_stays_and_the_others_are_sealed() {
    let bench = zoo();
    let slices = bench.store.slices();
    let path = slices[0].dir.join(slice::RECORDS);
    slices[0].close();
    let mut bytes = fs::read(&path).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 0xff;
    fs::write(&path, bytes).unwrap();
    while bench.store.care(NOW).unwrap() {}
    let sealed: Vec<(bool, bool)> = bench
        .store
        .slices()
        .iter()
        .map(|slice| (slice.is_stuck(), slice.facts().is_sealed))
        .collect();
    assert_eq!(sealed, [(true, false), (false, true), (false, false)]);
}

#[test]
fn a_sealed_slice_whose_index_is_not_as_it_was_written_is_told() {
    let bench = zoo();
    bench.store.seal_done().unwrap();
    let slices = bench.store.slices();
    let columns = fs::read_dir(slices[0].dir.join(slice::INDEX))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|kind| kind == "fast"))
        .unwrap();
    let mut bytes = fs::read(&columns).unwrap();
    bytes[0] ^= 0xff;
    fs::write(&columns, bytes).unwrap();
    assert_eq!(bench.store.damage(), None);
    // One slice each time.
    for _ in &slices {
        bench.store.care(NOW).unwrap();
    }
    let told = bench.store.damage().unwrap();
    let number = slices[0].number;
    assert!(
        told.starts_with(&format!("damaged slices: {number};")),
        "{told}"
    );
}
