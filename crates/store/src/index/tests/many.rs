//! More events than one small segment has.

use super::*;

#[test]
fn distinct_values_are_counted_alike_whichever_way_they_are_gone_over() {
    let mut bench = Bench::new(100_000);
    for n in 0..17_000 {
        let record = json!({"n": n, "event_type": "flow", "src_ip": format!("10.0.{}.{}", n % 7, n % 251), "vlan": [n % 3, n % 500]});
        bench.push(&record.to_string());
    }
    bench.commit();
    // Within buckets, each document is handed over.
    let distinct = json!({"ip": {"cardinality": {"field": "src_ip"}}, "vlan": {"cardinality": {"field": "vlan"}}});
    let mut both = distinct.clone();
    both["all"] = json!({"terms": {"field": "event_type"}, "aggs": distinct});
    let ask = |bench: &Bench| {
        let request = Request {
            limit: 0,
            aggregations: both.clone(),
            ..Request::of(Query::All)
        };
        let answer = bench.store.search(&request).unwrap().aggregations;
        for name in ["ip", "vlan"] {
            assert_eq!(answer[name], answer["all"]["buckets"][0][name], "{name}");
        }
        // An estimate, near the truth.
        let ip = answer["ip"]["value"].as_f64().unwrap();
        assert!((ip - 1757.0).abs() < 50.0, "{ip}");
    };
    ask(&bench);
    bench.writer.as_mut().unwrap().end_slice(NOW).unwrap();
    while bench.store.care(NOW).unwrap() {}
    ask(&bench);
}
