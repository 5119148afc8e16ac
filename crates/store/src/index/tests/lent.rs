//! Records of sealed slices, whose numbers stand in the index.

use super::*;

/// Records whose values are written as a column would give them back, and in every other way.
fn records() -> Vec<String> {
    let times = [
        "2026-01-02T03:04:05.678901+0000",
        "2026-01-02T03:04:05.678901Z",
        "2026-01-02T03:04:05.678901+0200",
        "2026-01-02T03:04:05.6789012+0000",
        "soon",
    ];
    let numbers = [
        "5",
        "5.0",
        "5e0",
        "\"5\"",
        "-5",
        "-0",
        "null",
        "[1,2]",
        "[1,\"x\",2.0,3]",
        "{\"a\":5}",
        "9223372036854775807",
        "9223372036854775808",
    ];
    let addresses = [
        "10.0.0.1",
        "::ffff:10.0.0.1",
        "fe80::1",
        "FE80::1",
        "fe80:0:0:0:0:0:0:1",
        "pear",
        "",
    ];
    let mut all = Vec::new();
    for round in 0..60_usize {
        let pick = |list: &[&'static str], shift: usize| list[(round * 7 + shift) % list.len()];
        let (time, start) = (pick(&times, 0), pick(&times, 3));
        let (flow, vlan, port) = (pick(&numbers, 0), pick(&numbers, 5), pick(&numbers, 9));
        let (from, to) = (pick(&addresses, 0), pick(&addresses, 4));
        all.push(format!(
            "{{\"timestamp\":\"{time}\",\"flow_id\":{flow},\"event_type\":\"alert\",\"vlan\":{vlan}, \"src_ip\":\"{from}\",\
             \"src_port\" : {port},\"dest_ip\":\"{to}\",\"flow\":{{\"start\":\"{start}\",\"bytes_toserver\":{round}}},\
             \"dns\":{{\"grouped\":{{\"A\":[\"{from}\",\"1.2.3.4\",\"{to}\"]}}}},\"n\":{round}}}"
        ));
        all.push(format!(
            "{{\"flow_id\":{round},\"flow_id\":{flow},\"files\":[{{\"size\":{round}}},{{\"size\":{port}}},{{\"size\":7}}],\
             \"event_type\":\"dns\",\"@timestamp\":\"{time}\",\"timestamp\":\"{start}\",\"n\":{round}}}"
        ));
    }
    all
}

fn check(store: &Embedded, kept: &[(RecordId, String)]) {
    for (id, text) in kept {
        assert_eq!(&store.get(*id).unwrap().unwrap().event, text);
    }
    let request = Request {
        limit: 1000,
        ..Request::of(Query::All)
    };
    let mut found: Vec<(RecordId, String)> = store
        .search(&request)
        .unwrap()
        .hits
        .into_iter()
        .map(|hit| (hit.id, hit.event))
        .collect();
    found.sort();
    assert_eq!(found, kept);
    let (followed, _) = store.since(Position::default(), &Query::All, 1000).unwrap();
    let followed: Vec<(RecordId, String)> = followed
        .into_iter()
        .map(|hit| (hit.id, hit.event))
        .collect();
    assert_eq!(followed, kept);
}

#[test]
fn records_of_a_sealed_slice_come_back_byte_for_byte_and_of_a_thinned_one() {
    let mut bench = Bench::new(50);
    let mut kept = Vec::new();
    for (number, record) in records().into_iter().enumerate() {
        kept.push((bench.push(&record), record));
        // Commits of unlike sizes, so that merges turn the order of documents.
        if number % 7 == 0 || number % 5 == 0 {
            bench.commit();
        }
    }
    bench.writer.as_mut().unwrap().end_slice(NOW).unwrap();
    check(&bench.store, &kept);
    while bench.store.care(NOW).unwrap() {}
    let slices = bench.store.slices();
    let sealed = slices.iter().filter(|slice| slice.facts().is_sealed);
    assert!(sealed.count() >= 2);
    check(&bench.store, &kept);
    for slice in slices {
        if slice.facts().is_sealed {
            bench.store.seal(&slice, true).unwrap();
        }
    }
    kept.retain(|(_, text)| text.contains("alert"));
    check(&bench.store, &kept);
}

#[test]
fn a_slice_of_another_layout_is_refused_with_its_name() {
    let mut bench = Bench::new(2);
    bench.push("{\"n\":1}");
    bench.push("{\"n\":2}");
    bench.commit();
    while bench.store.care(NOW).unwrap() {}
    let Bench {
        dir, store, writer, ..
    } = bench;
    let path = store.slices()[0].dir.join(slice::FACTS);
    drop((store, writer));
    let mut facts: Facts = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    facts.layout = 1;
    std::fs::write(&path, serde_json::to_vec(&facts).unwrap()).unwrap();
    let error = Embedded::open(&config(&dir, 2)).unwrap_err().to_string();
    assert!(error.contains("has layout 1"), "{error}");
}

#[test]
fn many_values_below_a_long_key_are_sealed_and_come_back() {
    let mut bench = Bench::new(2);
    let key = "k".repeat(100_000);
    let values = (0..5000).map(|number| format!("\"{number}\":{number}"));
    let values = values.collect::<Vec<_>>().join(",");
    let objects = vec!["{\"flow_id\":1}"; 5000].join(",");
    let mut kept = Vec::new();
    for record in [
        format!("{{\"flow_id\":7,\"{key}\":{{{values}}},\"n\":1}}"),
        format!("{{\"{key}\":[{objects}],\"flow_id\":8,\"n\":2}}"),
    ] {
        kept.push((bench.push(&record), record));
    }
    bench.writer.as_mut().unwrap().end_slice(NOW).unwrap();
    while bench.store.care(NOW).unwrap() {}
    assert!(bench.store.slices()[0].facts().is_sealed);
    check(&bench.store, &kept);
}
