//! Aggregations: the names of fields on the way there, and on the way back what the rest was called.

use serde_json::{Map, Value, json};

use super::Error;
use super::names::{self, Names};
use crate::fields::{self, Kind, Place};

/// Aggregations of one question, all levels together.
const MAX_AGGREGATIONS: usize = 64;

/// Aggregations within aggregations.
const MAX_DEPTH: usize = 16;

/// Terms that each shard counts at least, so that counts over several shards are exact in practice.
const SHARD_SIZE: u64 = 1_000;

/// The request in the names of the index.
///
/// # Errors
/// Beyond the limits, or a field of the rest in anything but `terms`, which alone can read it.
pub fn request(names: Names, aggregations: &Value) -> Result<Value, Error> {
    let mut left = MAX_AGGREGATIONS;
    level(names, aggregations, &mut left, 0)
}

fn level(names: Names, asked: &Value, left: &mut usize, depth: usize) -> Result<Value, Error> {
    let Value::Object(asked) = asked else {
        return Err(Error::Asked(
            "aggs: an object of aggregations by name".into(),
        ));
    };
    if depth > MAX_DEPTH {
        return Err(Error::Asked(format!("aggs: more than {MAX_DEPTH} levels")));
    }
    let mut out = Map::new();
    for (name, one) in asked {
        *left = left
            .checked_sub(1)
            .ok_or_else(|| Error::Asked(format!("aggs: more than {MAX_AGGREGATIONS}")))?;
        let Value::Object(parts) = one else {
            return Err(Error::Asked(format!("aggs: {name}: no object")));
        };
        let mut translated = Map::new();
        for (kind, body) in parts {
            let body = match kind.as_str() {
                "aggs" | "aggregations" => level(names, body, left, depth + 1)?,
                "meta" => body.clone(),
                kind => of_kind(names, kind, body)
                    .map_err(|why| Error::Asked(format!("aggs: {name}: {why}")))?,
            };
            translated.insert(kind.clone(), body);
        }
        out.insert(name.clone(), Value::Object(translated));
    }
    Ok(Value::Object(out))
}

fn of_kind(names: Names, kind: &str, body: &Value) -> Result<Value, String> {
    let mut body = body.clone();
    let Some(path) = body.get("field").and_then(Value::as_str) else {
        return Ok(body);
    };
    let path = path.to_owned();
    match column(names, &path) {
        Column::Field(name) => body["field"] = name.into(),
        Column::Silent => return Err(format!("{path} is not counted")),
        Column::Rest if kind == "terms" => {
            if body.get("include").is_some() || body.get("exclude").is_some() {
                return Err(format!("{path} takes neither include nor exclude"));
            }
            body["field"] = names::REST.into();
            body["include"] = format!("{}.*", regex(&names::rest(&path))).into();
        }
        Column::Rest => {
            return Err(format!(
                "{path} is not on the list of fields: only terms of it"
            ));
        }
    }
    if kind == "terms" && body.get("shard_size").is_none() {
        let size = body.get("size").and_then(Value::as_u64).unwrap_or(10);
        body["shard_size"] = json!(size.saturating_mul(10).clamp(SHARD_SIZE, 65_536));
    }
    Ok(body)
}

/// What holds the values of a path.
pub enum Column {
    /// A field of the index.
    Field(String),
    /// The rest.
    Rest,
    /// Nothing.
    Silent,
}

/// What holds the values of `path` as wholes.
pub fn column(names: Names, path: &str) -> Column {
    match fields::place(path) {
        Place::Time => Column::Field("@timestamp".into()),
        Place::Id => Column::Field(names::ID.into()),
        Place::Known(field) if !field.is_counted => Column::Silent,
        Place::Known(field) if !names.is_typed(field) => Column::Rest,
        Place::Known(field) if field.kind == Kind::Text => {
            Column::Field(format!("{}.keyword", names.of(field.path)))
        }
        Place::Known(field) => Column::Field(names.of(field.path).into_owned()),
        Place::Twin(field) => Column::Field(format!("{}.keyword", names.of(field.path))),
        Place::Silent => Column::Silent,
        Place::Rest => Column::Rest,
    }
}

/// A text as a regular expression of Lucene that holds for it alone.
pub fn regex(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii_punctuation() {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// The answer with values of the rest as they were asked for: `path=` taken off their keys.
pub fn answer(asked: &Value, mut answer: Value, depth: usize) -> Value {
    if depth > MAX_DEPTH {
        return answer;
    }
    let Value::Object(asked) = asked else {
        return answer;
    };
    for (name, one) in asked {
        let Some(found) = answer.get_mut(name) else {
            continue;
        };
        let rest = one
            .pointer("/terms/field")
            .and_then(Value::as_str)
            .filter(|path| fields::place(path) == Place::Rest)
            .map(names::rest);
        let inner = one.get("aggs").or_else(|| one.get("aggregations"));
        let buckets: Vec<&mut Value> = match found.get_mut("buckets") {
            Some(Value::Array(buckets)) => buckets.iter_mut().collect(),
            Some(Value::Object(buckets)) => buckets.values_mut().collect(),
            _ => {
                if let Some(inner) = inner {
                    *found = self::answer(inner, found.take(), depth + 1);
                }
                continue;
            }
        };
        for bucket in buckets {
            if let Some(rest) = &rest
                && let Some(key) = bucket.get("key").and_then(Value::as_str)
                && let Some(key) = key.strip_prefix(rest.as_str())
            {
                bucket["key"] = key.to_owned().into();
            }
            if let Some(inner) = inner {
                *bucket = self::answer(inner, bucket.take(), depth + 1);
            }
        }
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_get_their_names_in_the_index() {
        let check = |asked: Value, expected: Value| {
            assert_eq!(request(Names::default(), &asked).unwrap(), expected);
        };
        check(
            json!({"a": {"terms": {"field": "alert.signature", "size": 5}, "aggs": {"b": {"max": {"field": "timestamp"}}}}}),
            json!({"a": {"terms": {"field": "alert.signature.keyword", "size": 5, "shard_size": 1000},
                "aggs": {"b": {"max": {"field": "@timestamp"}}}}}),
        );
        check(
            json!({"a": {"terms": {"field": "ours.x"}}}),
            json!({"a": {"terms": {"field": "ratel_store.rest", "include": "ours\\.x\\=.*", "shard_size": 1000}}}),
        );
        for refused in [
            json!({"a": {"max": {"field": "ours.x"}}}),
            json!({"a": {"terms": {"field": "payload"}}}),
            json!({"a": 5}),
            json!([]),
        ] {
            assert!(request(Names::default(), &refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn values_of_the_rest_come_back_without_their_path() {
        let asked = json!({"t": {"terms": {"field": "proto"}, "aggs": {"a": {"terms": {"field": "ours.x"}}}}});
        let found =
            json!({"t": {"buckets": [{"key": "TCP", "a": {"buckets": [{"key": "ours.x=5"}]}}]}});
        assert_eq!(
            answer(&asked, found, 0),
            json!({"t": {"buckets": [{"key": "TCP", "a": {"buckets": [{"key": "5"}]}}]}})
        );
    }
}
