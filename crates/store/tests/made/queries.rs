//! What people ask for: every kind of field and condition, and the aggregations of dashboards.

/// Queries.
pub const QUERIES: &[&str] = &[
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

/// Aggregations, each with the query whose events are counted.
pub const AGGREGATIONS: &[(&str, &str)] = &[
    (
        "*",
        r#"{"types": {"terms": {"field": "event_type", "size": 20}}}"#,
    ),
    (
        "*",
        r#"{"hosts": {"terms": {"field": "host", "order": {"_key": "asc"}}}}"#,
    ),
    (
        "event_type:alert",
        r#"{"signatures": {"terms": {"field": "alert.signature", "size": 20}}}"#,
    ),
    (
        "event_type:alert",
        r#"{"signatures": {"terms": {"field": "alert.signature.keyword", "size": 20},
        "aggs": {"severity": {"max": {"field": "alert.severity"}}}}}"#,
    ),
    (
        "*",
        r#"{"over_time": {"date_histogram": {"field": "@timestamp", "fixed_interval": "10m"}}}"#,
    ),
    (
        "event_type:alert",
        r#"{"over_time": {"date_histogram": {"field": "timestamp", "fixed_interval": "1h", "min_doc_count": 0},
        "aggs": {"severities": {"terms": {"field": "alert.severity", "order": {"_key": "asc"}}}}}}"#,
    ),
    (
        "event_type:flow",
        r#"{"bytes": {"stats": {"field": "flow.bytes_toclient"}}}"#,
    ),
    (
        "event_type:flow",
        r#"{"sum": {"sum": {"field": "flow.bytes_toserver"}}, "average": {"avg": {"field": "flow.age"}},
        "least": {"min": {"field": "flow.pkts_toserver"}}, "count": {"value_count": {"field": "flow.age"}}}"#,
    ),
    (
        "*",
        r#"{"ports": {"terms": {"field": "dest_port", "size": 20, "order": {"_key": "desc"}}}}"#,
    ),
    (
        "event_type:http",
        r#"{"statuses": {"terms": {"field": "http.status"},
        "aggs": {"methods": {"terms": {"field": "http.http_method", "order": {"_key": "asc"}}}}}}"#,
    ),
    (
        "event_type:http",
        r#"{"lengths": {"histogram": {"field": "http.length", "interval": 10000}}}"#,
    ),
    (
        "event_type:http",
        r#"{"lengths": {"range": {"field": "http.length", "ranges": [{"to": 1000}, {"from": 1000, "to": 50000}, {"from": 50000}]}}}"#,
    ),
    (
        "event_type:dns",
        r#"{"names": {"terms": {"field": "dns.queries.rrname", "size": 20}}}"#,
    ),
    (
        "event_type:dns",
        r#"{"data": {"terms": {"field": "dns.answers.rdata", "size": 50, "order": {"_key": "asc"}}}}"#,
    ),
    (
        "src_ip:10.0.0.0/8",
        r#"{"sources": {"terms": {"field": "src_ip", "size": 1000, "order": {"_key": "asc"}}}}"#,
    ),
    (
        "*",
        r#"{"hosts": {"terms": {"field": "host.name", "order": {"_key": "asc"}}}}"#,
    ),
    (
        "*",
        r#"{"teams": {"terms": {"field": "fields.team", "order": {"_key": "asc"}}}}"#,
    ),
    (
        "*",
        r#"{"vlans": {"terms": {"field": "vlan", "size": 20, "order": {"_key": "asc"}}}}"#,
    ),
    (
        "event_type:flow",
        r#"{"alerted": {"terms": {"field": "flow.alerted", "order": {"_key": "asc"}}}}"#,
    ),
    (
        "*",
        r#"{"different": {"cardinality": {"field": "fileinfo.sha256"}}}"#,
    ),
    (
        "*",
        r#"{"first": {"min": {"field": "@timestamp"}}, "last": {"max": {"field": "@timestamp"}}}"#,
    ),
    (
        "alert.severity:1",
        r#"{"protocols": {"terms": {"field": "proto", "min_doc_count": 1, "order": {"_key": "asc"}},
        "aggs": {"actions": {"terms": {"field": "alert.action", "order": {"_key": "asc"}}}}}}"#,
    ),
    (
        "event_type:none",
        r#"{"nothing": {"terms": {"field": "proto"}}, "of": {"avg": {"field": "flow.age"}}}"#,
    ),
];
