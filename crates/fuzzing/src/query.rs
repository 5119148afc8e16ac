//! Queries: any text is a query or an error with its place, what is shown reads as the same, and `NOT` turns it
//! round.

use std::sync::LazyLock;

use serde_json::{Value, json};
use store::query::{MAX_LENGTH, Plan, Query, matches, matches_plan};

/// A record that has all kinds of fields.
static RECORD: LazyLock<Value> = LazyLock::new(|| {
    json!({
        "timestamp": "2026-01-02T03:04:05.678901+0000",
        "event_type": "alert",
        "src_ip": "10.1.2.3",
        "dest_ip": "2001:db8::1",
        "dest_port": 443,
        "vlan": [7, 9],
        "alert": {"signature": "ET MALWARE a-b.c", "severity": 1, "metadata": {"tag": ["x", "y"]}},
        "flow": {"alerted": true},
        "ratel": {"score": 0.5},
        "dns": {"answers": [{"rrname": "a"}, {"rrname": "b", "deep": [[{"c": null}]]}]},
        "a": {"b": {"c": "d"}, "e.f": 7},
    })
});

/// The language, the plan and its meaning on a record.
pub fn query(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let query = match Query::parse(&text) {
        Ok(query) => query,
        Err(error) => {
            assert!(error.at <= text.chars().count(), "{error} in {text:?}");
            assert!(!error.reason.is_empty());
            return;
        }
    };
    let shown = query.to_string();
    // What `@ip:` stands for may be longer than what may be typed.
    if shown.len() <= MAX_LENGTH {
        match Query::parse(&shown) {
            Ok(again) => assert_eq!(again, query, "{text:?} was shown as {shown:?}"),
            Err(error) => assert!(
                error.reason.contains("more than"),
                "{text:?} was shown as {shown:?}: {error}"
            ),
        }
    }
    let plan = query.plan();
    let found = matches_plan(&plan, &RECORD);
    assert_eq!(found, matches(&query, &RECORD));
    let not = Plan::Not(Box::new(plan));
    assert_ne!(found, matches_plan(&not, &RECORD), "{text:?}");
}
