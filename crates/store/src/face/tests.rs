use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::search::{Answer, Order};

fn now() -> Timestamp {
    "2026-01-02T03:04:05Z".parse().unwrap()
}

fn ask(method: &str, target: &str, body: &str) -> Todo {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let ask = Ask {
        method,
        path,
        query,
        body: body.as_bytes(),
    };
    understand(&ask, now())
}

fn reply(method: &str, target: &str, body: &str) -> (u16, Value) {
    match ask(method, target, body) {
        Todo::Reply(Reply {
            status,
            body: Body::Json(body),
        }) => (status, body),
        other => panic!("{method} {target}: {other:?}"),
    }
}

fn searched(target: &str, body: &Value) -> Search {
    match ask("POST", target, &body.to_string()) {
        Todo::Search(search) => search,
        other => panic!("{body}: {other:?}"),
    }
}

fn check_query(dsl: Value, expected: &str) {
    let search = searched("/_search", &json!({"query": dsl}));
    let request = search.requests().next().unwrap();
    let expected = Query::parse(expected).unwrap();
    assert_eq!(request.query.plan(), expected.plan(), "{dsl}");
}

fn check_refused(body: &Value, reason: &str) {
    let (status, answer) = reply("POST", "/_search", &body.to_string());
    assert_eq!(status, 400, "{body}");
    let told = answer["error"]["reason"].as_str().unwrap();
    assert!(told.contains(reason), "{body}: {told}");
}

#[test]
fn the_query_dsl_is_the_same_language_in_other_words() {
    check_query(json!({}), "*");
    check_query(json!({"match_all": {}}), "*");
    check_query(json!({"match_none": {}}), "NOT *");
    check_query(json!({"term": {"event_type": "alert"}}), "event_type:alert");
    check_query(
        json!({"term": {"dest_port": {"value": 80}}}),
        "dest_port:80",
    );
    check_query(
        json!({"terms": {"proto": ["TCP", "UDP"]}}),
        "proto:(TCP OR UDP)",
    );
    check_query(
        json!({"match": {"alert.signature": "ET malware"}}),
        "alert.signature:(et OR malware)",
    );
    check_query(
        json!({"match": {"alert.signature": {"query": "ET malware", "operator": "and"}}}),
        "alert.signature:(et AND malware)",
    );
    check_query(
        json!({"match_phrase": {"alert.signature": {"query": "ET malware"}}}),
        "alert.signature:\"et malware\"",
    );
    check_query(json!({"match": {"host": "a-b"}}), "host:a-b");
    check_query(
        json!({"bool": {
            "must": {"exists": {"field": "vlan"}},
            "filter": [{"range": {"dest_port": {"gte": 1, "lt": 1024}}}],
            "should": [{"term": {"proto": "TCP"}}, {"term": {"proto": "UDP"}}],
            "minimum_should_match": "1",
            "must_not": [{"prefix": {"in_iface": "lo"}}],
        }}),
        "vlan:* AND dest_port:[1 TO 1024} AND proto:(TCP OR UDP) AND NOT in_iface:lo*",
    );
    check_query(
        json!({"bool": {"should": [{"term": {"proto": "TCP"}}]}}),
        "proto:TCP",
    );
    check_query(
        json!({"bool": {"filter": [{"term": {"proto": "TCP"}}], "should": [{"term": {"host": "x"}}]}}),
        "proto:TCP",
    );
    check_query(
        json!({"wildcard": {"http.hostname.keyword": {"value": "*.example"}}}),
        "http.hostname.keyword:*.example",
    );
    check_query(
        json!({"query_string": {"query": "proto:TCP AND evil", "analyze_wildcard": true}}),
        "proto:TCP AND evil",
    );
    check_query(
        json!({"query_string": {"query": "evil", "fields": ["message^2", "tls.sni"]}}),
        "message:evil OR tls.sni:evil",
    );
    check_query(
        json!({"simple_query_string": {"query": "evil | \"bad thing\""}}),
        "evil OR \"bad thing\"",
    );
    check_query(
        json!({"simple_query_string": {"query": "evil ("}}),
        "\"evil\" \"(\"",
    );
    check_query(
        json!({"multi_match": {"query": "bad thing", "fields": ["message"], "type": "phrase"}}),
        "message:\"bad thing\"",
    );
    check_query(json!({"ids": {"values": ["a", "b"]}}), "_id:a OR _id:b");
    check_query(
        json!({"constant_score": {"filter": {"term": {"flow.alerted": true}}}}),
        "flow.alerted:true",
    );
}

#[test]
fn ranges_of_moments_take_numbers_and_arithmetic() {
    check_query(
        json!({"range": {"@timestamp": {"gte": 1_767_323_045_000_i64, "lte": 1_767_323_046_000_i64, "format": "epoch_millis"}}}),
        "@timestamp:[2026-01-02T03:04:05Z TO 2026-01-02T03:04:06Z]",
    );
    check_query(
        json!({"range": {"timestamp": {"gte": "now-1h", "lt": "now/d"}}}),
        "@timestamp:[2026-01-02T02:04:05Z TO 2026-01-02T00:00:00Z}",
    );
    check_query(
        json!({"range": {"@timestamp": {"from": "2026-01-01", "to": null, "include_lower": false}}}),
        "@timestamp:>2026-01-01",
    );
}

#[test]
fn what_is_not_known_is_refused_in_elasticsearchs_form() {
    check_refused(&json!({"query": {"regexp": {"a": "b"}}}), "regexp");
    check_refused(&json!({"query": {"term": {"a": ["b"]}}}), "must stand here");
    check_refused(&json!({"query": {"a": {}, "b": {}}}), "one name");
    check_refused(
        &json!({"query": {"query_string": {"query": "a AND"}}}),
        "character 6",
    );
    check_refused(&json!({"sort": ["dest_port"]}), "only by @timestamp");
    check_refused(&json!({"size": 10_001}), "at most");
    check_refused(&json!({"collapse": {"field": "x"}}), "collapse");
    check_refused(&json!({"script_fields": {"x": {}}}), "scripts");
    let deep = (0..40).fold(
        json!({"match_all": {}}),
        |inner, _| json!({"bool": {"must_not": inner}}),
    );
    check_refused(&json!({"query": deep}), "queries within queries");
    let (status, body) = reply("POST", "/_search", "{");
    assert_eq!(
        (status, &body["error"]["type"]),
        (400, &json!("parsing_exception"))
    );
    let (status, body) = reply("DELETE", "/ratel-events", "");
    assert_eq!(status, 400);
    assert_eq!(
        body["error"]["root_cause"][0]["type"],
        "illegal_argument_exception"
    );
}

fn hit(id: &str, event: &Value) -> Hit {
    Hit {
        id: id.parse().unwrap(),
        time: now(),
        event: event.to_string(),
    }
}

const ID: &str = "019b7ca9-8f2e-7000-8000-03ffffffffff";

#[test]
fn hits_are_told_as_they_are_asked_for() {
    let search = searched(
        "/_search?rest_total_hits_as_int=true",
        &json!({
            "size": 1, "from": 1, "sort": [{"@timestamp": {"order": "asc"}}], "track_total_hits": true,
            "_source": {"includes": ["alert.*", "proto"], "excludes": ["alert.rule"]},
            "fields": ["alert.metadata.*", {"field": "proto"}],
            "search_after": ["2026-01-02T03:04:05.000000001Z", ID],
        }),
    );
    let request = search.requests().next().unwrap();
    assert_eq!((request.limit, request.order), (2, Order::OldestFirst));
    assert_eq!(request.after.unwrap().time.nanos() % 10, 1);
    assert!(request.exact_total);
    let event = json!({"proto": "TCP", "host": "x", "alert": {"rule": "r", "metadata": {"tag": ["a", "b"]}}});
    let answer = Answer {
        total: 7,
        is_exact: true,
        hits: vec![hit(ID, &event), hit(ID, &event)],
        ..Answer::default()
    };
    let Body::Json(body) = search.reply(vec![Ok(answer)], 3).body else {
        panic!("JSON")
    };
    assert_eq!(
        body["hits"],
        json!({"total": 7, "max_score": null, "hits": [{
            "_index": INDEX, "_id": ID, "_score": null,
            "_source": {"proto": "TCP", "alert": {"metadata": {"tag": ["a", "b"]}}},
            "fields": {"proto": ["TCP"], "alert.metadata.tag": ["a", "b"]},
            "sort": ["2026-01-02T03:04:05.000000000Z", ID],
        }]})
    );
    assert_eq!(body["took"], json!(3));
}

#[test]
fn grafana_asks_many_at_once_and_each_has_its_own_answer() {
    let body = [
        json!({"search_type": "query_then_fetch", "ignore_unavailable": true, "index": "ratel-*"})
            .to_string(),
        json!({"size": 0, "query": {"bool": {"filter": [
            {"range": {"@timestamp": {"gte": 0, "lte": 5, "format": "epoch_millis"}}},
            {"query_string": {"analyze_wildcard": true, "query": "*"}},
        ]}}, "aggs": {"2": {"date_histogram": {
            "interval": "1m", "field": "@timestamp", "min_doc_count": 0, "format": "epoch_millis",
            "time_zone": "utc", "extended_bounds": {"min": "0", "max": "5"},
        }, "aggs": {}}}})
        .to_string(),
        json!({"index": "filebeat-8.1"}).to_string(),
        json!({"query": {"regexp": {}}}).to_string(),
        json!({"index": "filebeat-*"}).to_string(),
        json!({}).to_string(),
        String::new(),
    ]
    .join("\n");
    let Todo::Search(search) = ask("POST", "/_msearch?max_concurrent_shard_requests=5", &body)
    else {
        panic!("a search")
    };
    let requests: Vec<_> = search.requests().collect();
    assert_eq!(requests.len(), 2);
    assert_eq!(
        requests[0].aggregations,
        json!({"2": {"date_histogram": {"fixed_interval": "1m", "field": "@timestamp", "min_doc_count": 0,
            "extended_bounds": {"min": 0, "max": 5}}, "aggs": {}}})
    );
    assert_eq!(
        requests[1].query,
        Query::parse("ratel.index:filebeat-*").unwrap()
    );
    let answers = vec![Ok(Answer::default()), Err((false, "no room".to_owned()))];
    let Body::Json(body) = search.reply(answers, 0).body else {
        panic!("JSON")
    };
    let statuses: Vec<_> = body["responses"]
        .as_array()
        .unwrap()
        .iter()
        .map(|response| response["status"].as_u64().unwrap())
        .collect();
    assert_eq!(statuses, [200, 400, 503]);
}

fn written(target: &str, body: &str) -> Write {
    match ask("POST", target, body) {
        Todo::Write(write) => write,
        other => panic!("{other:?}"),
    }
}

#[test]
fn records_in_bulk_become_events_and_each_line_has_its_answer() {
    let body = concat!(
        r#"{"create":{"_index":"filebeat-8.1"}}"#,
        "\n",
        r#"{"@timestamp":"2026-01-02T00:00:00Z","message":"hi"}"#,
        "\n",
        r#"{"index":{}}"#,
        "\n",
        r#"{"timestamp":"2026-01-02T00:00:00.000000+0000","event_type":"alert"}"#,
        "\n",
        r#"{"delete":{"_id":"x"}}"#,
        "\n",
        r#"{"update":{"_id":"x"}}"#,
        "\n",
        r#"{"doc":{}}"#,
        "\n",
        r#"{"index":{"_index":"x"}}"#,
        "\n",
        "no json\n",
        r#"{"index":{"_index":"x"}}"#,
        "\n",
        r#"{"@timestamp":1767323045678,"log":"x"}"#,
        "\n",
    );
    let write = written("/fluent/_bulk?filter_path=items", body);
    let events: Vec<Value> = write
        .events()
        .map(|event| serde_json::from_str(&event.record).unwrap())
        .collect();
    assert_eq!(
        events,
        [
            json!({"@timestamp": "2026-01-02T00:00:00Z", "message": "hi", "event_type": "log",
                "ratel": {"index": "filebeat-8.1"}}),
            json!({"timestamp": "2026-01-02T00:00:00.000000+0000", "event_type": "alert"}),
            json!({"@timestamp": 1_767_323_045_678_i64, "timestamp": "2026-01-02T03:04:05.678000+0000",
                "log": "x", "event_type": "log", "ratel": {"index": "x"}}),
        ]
    );
    let published = [
        Ok(ID.parse().unwrap()),
        Err("full".to_owned()),
        Ok(ID.parse().unwrap()),
    ];
    let Body::Json(body) = write.reply(&published).body else {
        panic!("JSON")
    };
    assert_eq!(body["errors"], json!(true));
    let told: Vec<_> = body["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| {
            let (action, body) = item.as_object().unwrap().iter().next().unwrap();
            (action.as_str(), body["status"].as_u64().unwrap())
        })
        .collect();
    assert_eq!(
        told,
        [
            ("create", 201),
            ("index", 429),
            ("delete", 405),
            ("update", 405),
            ("index", 400),
            ("index", 201)
        ]
    );
}

#[test]
fn one_record_is_answered_for_itself() {
    let write = written("/logs/_doc", r#"{"message":"hi"}"#);
    let event = &write.events().next().unwrap().record;
    assert!(
        event.contains(r#""timestamp":"2026-01-02T03:04:05.000000+0000""#),
        "{event}"
    );
    let answer = write.reply(&[Ok(ID.parse().unwrap())]);
    assert_eq!(answer.status, 201);
    let answer = written("/logs/_doc", "[]").reply(&[]);
    assert_eq!(answer.status, 400);
    assert!(matches!(ask("POST", "/_bulk", ""), Todo::Reply(reply) if reply.status == 400));
    assert!(matches!(ask("POST", "/_bulk", "{}\n{}"), Todo::Reply(reply) if reply.status == 400));
}

#[test]
fn shippers_hear_what_they_ask_before_they_send() {
    let check = |method: &str, target: &str, pointer: &str, expected: Value| {
        let (status, body) = reply(method, target, "{}");
        assert_eq!(status, 200, "{target}");
        assert_eq!(body.pointer(pointer), Some(&expected), "{target}: {body}");
    };
    check("GET", "/", "/version/number", json!("8.19.0"));
    check("HEAD", "/", "/cluster_name", json!("ratel"));
    check(
        "GET",
        "/_license?human=false",
        "/license/type",
        json!("basic"),
    );
    check("GET", "/_xpack", "/features/ilm/enabled", json!(true));
    check("GET", "/_cluster/health", "/status", json!("green"));
    check("GET", "/_nodes/http", "/_nodes/total", json!(1));
    check(
        "PUT",
        "/_index_template/filebeat-8.1",
        "/acknowledged",
        json!(true),
    );
    check(
        "GET",
        "/_index_template/f%2Db",
        "/index_templates/0/name",
        json!("f-b"),
    );
    check("PUT", "/_ilm/policy/filebeat", "/acknowledged", json!(true));
    check("GET", "/_cat/indices?format=json", "/0/index", json!(INDEX));
    check(
        "GET",
        "/ratel-events/_mapping",
        "/ratel-events/mappings/properties/alert/properties/signature/fields/keyword/type",
        json!("keyword"),
    );
    check(
        "GET",
        "/_mapping",
        "/ratel-events/mappings/properties/host/type",
        json!("keyword"),
    );
    check(
        "POST",
        "/*/_field_caps?fields=src_*,@timestamp",
        "/fields/src_ip/ip/aggregatable",
        json!(true),
    );
    let (status, _) = reply("PUT", "/_ingest/pipeline/x", "{}");
    assert_eq!(status, 400);
    let Todo::Get(id) = ask("GET", &format!("/ratel-events/_doc/{ID}"), "") else {
        panic!("one event")
    };
    assert_eq!(get_reply(id, None).status, 404);
    assert_eq!(get_reply(id, Some(&hit(ID, &json!({"a": 1})))).status, 200);
    let Todo::Count(query) = ask("GET", "/ratel-*/_count?q=proto:TCP", "") else {
        panic!("a count")
    };
    assert_eq!(query, Query::parse("proto:TCP").unwrap());
}

proptest! {
    #[test]
    fn any_bytes_are_answered(
        method in prop_oneof![Just("GET"), Just("POST"), Just("PUT"), Just("DELETE")],
        path in "(/[a-z_%*,-]{0,12}){0,4}",
        query in "[a-z_=&%]{0,20}",
        body in prop::collection::vec(any::<u8>(), 0..64),
    ) {
        let ask = Ask { method, path: &path, query: &query, body: &body };
        let _ = understand(&ask, now());
    }
}
