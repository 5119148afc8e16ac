//! The server's answers as the store's.

use event::{RecordId, Timestamp};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::{aggregate, document};
use crate::fields::{self, Kind, Place};
use crate::search::{Answer, Cursor, Hit, Request};

#[derive(Deserialize)]
struct Found<'a> {
    #[serde(borrow)]
    hits: Hits<'a>,
    #[serde(default)]
    aggregations: Value,
}

#[derive(Deserialize)]
struct Hits<'a> {
    #[serde(default)]
    total: Option<Total>,
    #[serde(borrow, default)]
    hits: Vec<One<'a>>,
}

#[derive(Deserialize)]
struct Total {
    value: u64,
    relation: String,
}

#[derive(Deserialize)]
struct One<'a> {
    #[serde(rename = "_id")]
    id: String,
    #[serde(borrow, rename = "_source")]
    source: Option<&'a RawValue>,
    #[serde(default)]
    sort: Vec<Value>,
}

/// The answer to `request`, of which at most `limit` hits were asked for.
pub fn read(request: &Request, limit: usize, body: &[u8]) -> Result<Answer, String> {
    let text = std::str::from_utf8(body).map_err(|error| error.to_string())?;
    let found: Found<'_> = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let mut hits = Vec::with_capacity(found.hits.hits.len());
    for one in &found.hits.hits {
        let Some(source) = one.source else { continue };
        let id: RecordId = one
            .id
            .parse()
            .map_err(|_| format!("{:?} is no id of a record", one.id))?;
        let time = one.sort.first().and_then(Value::as_i64).unwrap_or_default();
        let event = document::record(source.get()).ok_or("a source is no object")?;
        hits.push(Hit {
            id,
            time: Timestamp::from_nanos(time),
            event,
        });
    }
    let next = hits
        .last()
        .filter(|_| hits.len() == limit)
        .map(|hit| Cursor {
            time: hit.time,
            id: hit.id,
        });
    let (total, is_exact) = match found.hits.total {
        Some(total) => (total.value, total.relation == "eq"),
        None => (hits.len() as u64, false),
    };
    Ok(Answer {
        total,
        is_exact,
        hits,
        next,
        aggregations: aggregate::answer(&request.aggregations, found.aggregations, 0),
    })
}

/// The values of one list of terms, without what they `begin` with.
pub fn values(found: &Value, begin: &str) -> Vec<(String, u64)> {
    let buckets = found.pointer("/aggregations/values/buckets");
    let Some(Value::Array(buckets)) = buckets else {
        return Vec::new();
    };
    buckets
        .iter()
        .filter_map(|bucket| {
            let count = bucket.get("doc_count")?.as_u64()?;
            let key = match (bucket.get("key_as_string"), bucket.get("key")?) {
                (Some(Value::String(key)), _) | (None, Value::String(key)) => key.clone(),
                (_, key) => key.to_string(),
            };
            let key = key.strip_prefix(begin).unwrap_or(&key).to_owned();
            Some((key, count))
        })
        .collect()
}

/// Whether the values at `path` are texts, which an expression can be held against.
pub fn is_text(path: &str) -> bool {
    match fields::place(path) {
        Place::Known(field) => matches!(field.kind, Kind::Keyword | Kind::Text),
        Place::Twin(_) | Place::Rest | Place::Id => true,
        Place::Time | Place::Silent => false,
    }
}
