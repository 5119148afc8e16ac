//! What Tantivy tells otherwise than Elasticsearch, made alike: moments are milliseconds, ranges are named in floats.

use serde_json::Value;

use crate::fields::{self, Kind, Place};

/// Aggregations within aggregations; the request has none deeper.
const MAX_DEPTH: usize = 16;

/// Metrics whose answers hold values of their field.
const METRICS: [&str; 5] = ["min", "max", "avg", "stats", "extended_stats"];

/// The answer to the request `asked` as Elasticsearch would have told it.
pub fn alike(asked: &Value, answer: &mut Value, depth: usize) {
    let (Value::Object(asked), true) = (asked, depth <= MAX_DEPTH) else {
        return;
    };
    for (name, one) in asked {
        let Some(found) = answer.get_mut(name) else {
            continue;
        };
        let is_moment = METRICS
            .iter()
            .filter_map(|metric| one.get(metric)?.get("field")?.as_str())
            .any(is_time);
        if is_moment {
            for key in ["value", "min", "max", "avg"] {
                if let Some(nanos) = found.get(key).and_then(Value::as_f64) {
                    found[key] = (nanos / 1e6).floor().into();
                }
            }
        }
        let is_range = one.get("range").is_some();
        let inner = one.get("aggs").or_else(|| one.get("aggregations"));
        let buckets: Vec<&mut Value> = match found.get_mut("buckets") {
            Some(Value::Array(buckets)) => buckets.iter_mut().collect(),
            Some(Value::Object(buckets)) => buckets.values_mut().collect(),
            _ => continue,
        };
        for bucket in buckets {
            if is_range {
                named(bucket);
            }
            if let Some(inner) = inner {
                alike(inner, bucket, depth + 1);
            }
        }
    }
}

fn is_time(path: &str) -> bool {
    match fields::place(path) {
        Place::Time => true,
        Place::Known(field) => field.kind == Kind::Time,
        Place::Twin(_) | Place::Id | Place::Silent | Place::Rest => false,
    }
}

/// `*-1000` as `*-1000.0`; a name that the request gave stays.
fn named(bucket: &mut Value) {
    let end = |key: &str| bucket.get(key).and_then(Value::as_f64);
    let (from, to) = (end("from"), end("to"));
    let plain = |end: Option<f64>| end.map_or("*".to_owned(), |end| end.to_string());
    let float = |end: Option<f64>| end.map_or("*".to_owned(), |end| format!("{end:?}"));
    if bucket.get("key").and_then(Value::as_str) == Some(&format!("{}-{}", plain(from), plain(to)))
    {
        bucket["key"] = format!("{}-{}", float(from), float(to)).into();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn moments_are_milliseconds_and_ranges_are_named_in_floats() {
        let asked = json!({
            "a": {"max": {"field": "timestamp"}},
            "b": {"max": {"field": "dest_port"}},
            "c": {"range": {"field": "dest_port", "ranges": []}, "aggs": {"d": {"min": {"field": "flow.start"}}}},
        });
        let mut answer = json!({
            "a": {"value": 1_500_000_000.0},
            "b": {"value": 1_500_000_000.0},
            "c": {"buckets": [{"key": "*-10", "to": 10.0, "d": {"value": null}}, {"key": "mine", "from": 1.0}]},
        });
        alike(&asked, &mut answer, 0);
        assert_eq!(
            answer,
            json!({
                "a": {"value": 1_500.0},
                "b": {"value": 1_500_000_000.0},
                "c": {"buckets": [{"key": "*-10.0", "to": 10.0, "d": {"value": null}}, {"key": "mine", "from": 1.0}]},
            })
        );
    }
}
