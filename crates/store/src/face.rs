//! A face as Elasticsearch's: what shippers and Grafana ask, as work for the store and the bus, and the answers in
//! the form that they expect. Pure: whoever mounts it brings sockets, rights, the clock, the bus and the store.
//!
//! [`understand`] says what is to be done; each kind of [`Todo`] makes the [`Reply`] of what came of it.

mod about;
mod bulk;
mod dsl;
mod search;
mod source;

use event::{RecordId, Timestamp};
use serde_json::{Value, json};

pub use self::bulk::{Event, Write};
pub use self::search::Search;
use crate::query::Query;
use crate::search::Hit;

/// The index that everything of the store is told to be in.
pub const INDEX: &str = "ratel-events";

/// The header by which clients of Elasticsearch know a server that they may talk to; it goes on every answer.
pub const PRODUCT_HEADER: (&str, &str) = ("x-elastic-product", "Elasticsearch");

/// What was asked.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// `GET`, `POST` and so on.
    pub method: &'a str,
    /// Below the place where the face is mounted, with its first slash, as it came.
    pub path: &'a str,
    /// Behind the question mark, as it came; empty where there was none.
    pub query: &'a str,
    /// The body, unpacked.
    pub body: &'a [u8],
}

/// What is answered, with [`PRODUCT_HEADER`].
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// HTTP's status.
    pub status: u16,
    /// The body. A `HEAD` is answered without it.
    pub body: Body,
}

/// The body of an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// `application/json`.
    Json(Value),
    /// `text/plain`.
    Text(String),
}

impl Reply {
    /// All is well.
    #[must_use]
    pub fn ok(body: Value) -> Reply {
        Reply {
            status: 200,
            body: Body::Json(body),
        }
    }

    /// An error in Elasticsearch's form.
    #[must_use]
    pub fn error(status: u16, kind: &str, reason: &str) -> Reply {
        let cause = json!({"type": kind, "reason": reason});
        let mut error = cause.clone();
        error["root_cause"] = json!([cause]);
        Reply {
            status,
            body: Body::Json(json!({"error": error, "status": status})),
        }
    }

    /// What a failed store or bus is told as.
    #[must_use]
    pub fn unavailable(reason: &str) -> Reply {
        Reply::error(503, "unavailable", reason)
    }

    /// The body as bytes.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        match &self.body {
            Body::Json(value) => value.to_string().into_bytes(),
            Body::Text(text) => text.clone().into_bytes(),
        }
    }

    /// The body's type.
    #[must_use]
    pub const fn content_type(&self) -> &'static str {
        match self.body {
            Body::Json(_) => "application/json",
            Body::Text(_) => "text/plain; charset=utf-8",
        }
    }
}

/// What is to be done.
#[derive(Debug)]
pub enum Todo {
    /// Nothing: this is the answer.
    Reply(Reply),
    /// Publish these events on the topic `events`, then [`Write::reply`].
    Write(Write),
    /// Ask the store these questions, then [`Search::reply`].
    Search(Search),
    /// Count, then [`count_reply`].
    Count(Query),
    /// Look for one event, then [`get_reply`].
    Get(RecordId),
}

impl Todo {
    /// Whether it puts events in: rights differ.
    #[must_use]
    pub const fn is_write(&self) -> bool {
        matches!(self, Todo::Write(_))
    }
}

/// What an ask means at the time `now`.
#[must_use]
pub fn understand(ask: &Ask<'_>, now: Timestamp) -> Todo {
    let decoded: Vec<String> = ask
        .path
        .split('/')
        .filter(|part| !part.is_empty())
        .map(decode)
        .collect();
    let parts: Vec<&str> = decoded.iter().map(String::as_str).collect();
    let options = Options::of(ask.query);
    let is_post = matches!(ask.method, "POST" | "PUT");
    let is_read = matches!(ask.method, "GET" | "POST" | "HEAD");
    let result = match parts.as_slice() {
        ["_bulk"] if is_post => bulk::bulk(ask.body, None, now).map(Todo::Write),
        [index, "_bulk"] if is_post => bulk::bulk(ask.body, Some(index), now).map(Todo::Write),
        [index, "_doc" | "_create"] if ask.method == "POST" => {
            bulk::one(ask.body, index, now).map(Todo::Write)
        }
        [index, "_doc" | "_create", _] if is_post => {
            bulk::one(ask.body, index, now).map(Todo::Write)
        }
        [_, "_doc" | "_source", id] if matches!(ask.method, "GET" | "HEAD") => {
            Ok(match id.parse() {
                Ok(id) => Todo::Get(id),
                Err(_) => Todo::Reply(get_reply_of(id, None)),
            })
        }
        ["_search"] if is_read => search::search(ask.body, None, &options, now).map(Todo::Search),
        [index, "_search"] if is_read => {
            search::search(ask.body, Some(index), &options, now).map(Todo::Search)
        }
        ["_msearch"] if is_read => search::many(ask.body, None, &options, now).map(Todo::Search),
        [index, "_msearch"] if is_read => {
            search::many(ask.body, Some(index), &options, now).map(Todo::Search)
        }
        ["_count"] if is_read => search::count(ask.body, None, &options, now).map(Todo::Count),
        [index, "_count"] if is_read => {
            search::count(ask.body, Some(index), &options, now).map(Todo::Count)
        }
        parts => Ok(Todo::Reply(about::about(
            ask.method, parts, &options, ask.body,
        ))),
    };
    result.unwrap_or_else(Todo::Reply)
}

/// The answer to `_count`.
#[must_use]
pub fn count_reply(count: u64) -> Reply {
    Reply::ok(json!({"count": count, "_shards": shards()}))
}

/// The answer to one event by its id.
#[must_use]
pub fn get_reply(id: RecordId, hit: Option<&Hit>) -> Reply {
    get_reply_of(&id.to_string(), hit)
}

fn get_reply_of(id: &str, hit: Option<&Hit>) -> Reply {
    let mut body = json!({"_index": INDEX, "_id": id, "found": hit.is_some()});
    let Some(hit) = hit else {
        return Reply {
            status: 404,
            body: Body::Json(body),
        };
    };
    body["_version"] = 1.into();
    body["_source"] = source::of(hit);
    Reply::ok(body)
}

fn shards() -> Value {
    json!({"total": 1, "successful": 1, "skipped": 0, "failed": 0})
}

/// What stands behind the question mark.
struct Options(Vec<(String, String)>);

impl Options {
    fn of(query: &str) -> Options {
        Options(
            query
                .split('&')
                .filter(|pair| !pair.is_empty())
                .take(100)
                .map(|pair| {
                    let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
                    (decode(key), decode(&value.replace('+', " ")))
                })
                .collect(),
        )
    }

    fn get(&self, key: &str) -> Option<&str> {
        let found = self.0.iter().find(|(other, _)| other == key)?;
        Some(&found.1)
    }

    fn is_on(&self, key: &str) -> bool {
        matches!(self.get(key), Some("" | "true"))
    }
}

/// `%41` as `A`.
fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let escaped = (*byte == b'%')
            .then(|| bytes.get(at + 1..at + 3))
            .flatten()
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match escaped {
            Some(escaped) => {
                out.push(escaped);
                at += 3;
            }
            None => {
                out.push(*byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests;
