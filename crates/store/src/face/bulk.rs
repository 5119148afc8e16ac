//! Records that shippers send: one by one or in bulk, as events for the bus.

use event::{RecordId, Timestamp};
use serde_json::{Map, Value, json};

use super::{Body, Reply};
use crate::query::{moment, time_of};

/// The most records of one request: shippers send some thousand.
const MAX_RECORDS: usize = 50_000;

/// The largest record, bytes: the bus takes no larger ones.
const MAX_RECORD: usize = 1 << 20;

/// The longest name of an index, bytes, as Elasticsearch has it.
const MAX_INDEX: usize = 255;

/// Records to be published.
#[derive(Debug)]
pub struct Write {
    /// What each line asked for, in their order.
    items: Vec<Item>,
    /// Whether it was a request for one record.
    is_one: bool,
}

/// An event for the topic `events`.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The record: JSON with `event_type` and a time.
    pub record: String,
}

#[derive(Debug)]
struct Item {
    action: &'static str,
    index: String,
    /// The event, or why there is none: a status and words.
    event: Result<Event, (u16, &'static str, String)>,
}

impl Write {
    /// The events, in the order in which they came.
    pub fn events(&self) -> impl Iterator<Item = &Event> {
        self.items
            .iter()
            .filter_map(|item| item.event.as_ref().ok())
    }

    /// The answer once each event of [`Write::events`] has its id, or the bus has said why not: then the shipper
    /// sends it again.
    #[must_use]
    pub fn reply(&self, published: &[Result<RecordId, String>]) -> Reply {
        let mut published = published.iter();
        let mut has_errors = false;
        let mut items: Vec<Value> = Vec::with_capacity(self.items.len());
        for item in &self.items {
            let result = match &item.event {
                Err((status, kind, reason)) => Err((*status, *kind, reason.as_str())),
                Ok(_) => match published.next() {
                    Some(Ok(id)) => Ok(*id),
                    Some(Err(reason)) => {
                        Err((429, "rejected_execution_exception", reason.as_str()))
                    }
                    None => Err((503, "unavailable", "it was not published")),
                },
            };
            let body = match result {
                Ok(id) => json!({
                    "_index": item.index,
                    "_id": id.to_string(),
                    "_version": 1,
                    "result": "created",
                    "_shards": {"total": 1, "successful": 1, "failed": 0},
                    "_seq_no": 0,
                    "_primary_term": 1,
                    "status": 201,
                }),
                Err((status, kind, reason)) => {
                    has_errors = true;
                    json!({
                        "_index": item.index,
                        "_id": Value::Null,
                        "status": status,
                        "error": {"type": kind, "reason": reason},
                    })
                }
            };
            if self.is_one {
                return one_reply(body);
            }
            let mut named = Map::new();
            named.insert(item.action.to_owned(), body);
            items.push(Value::Object(named));
        }
        Reply::ok(json!({"took": 0, "errors": has_errors, "items": items}))
    }
}

fn one_reply(mut body: Value) -> Reply {
    let status = body.get("status").and_then(Value::as_u64).unwrap_or(500);
    let status = u16::try_from(status).unwrap_or(500);
    if let Some(error) = body.get("error") {
        let text = |key: &str| error.get(key).and_then(Value::as_str).unwrap_or_default();
        return Reply::error(status, text("type"), text("reason"));
    }
    if let Value::Object(members) = &mut body {
        members.remove("status");
    }
    Reply {
        status,
        body: Body::Json(body),
    }
}

/// Lines of actions and records.
pub(super) fn bulk(body: &[u8], index: Option<&str>, now: Timestamp) -> Result<Write, Reply> {
    let malformed = |line: usize, why: &str| {
        let reason = format!("line {}: {why}", line + 1);
        Reply::error(400, "illegal_argument_exception", &reason)
    };
    let mut lines = body
        .split(|byte| *byte == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .enumerate()
        .filter(|(_, line)| !line.is_empty());
    let mut items = Vec::new();
    while let Some((number, line)) = lines.next() {
        let action: Value = serde_json::from_slice(line)
            .map_err(|_| malformed(number, "an action must stand here, as JSON"))?;
        let found = ["index", "create", "update", "delete"]
            .into_iter()
            .find_map(|name| Some((name, action.get(name)?)));
        let Some((name, about)) = found else {
            return Err(malformed(
                number,
                "an action is one of index, create, update, delete",
            ));
        };
        let index = about
            .get("_index")
            .and_then(Value::as_str)
            .or(index)
            .unwrap_or(super::INDEX)
            .to_owned();
        if items.len() >= MAX_RECORDS {
            let reason = format!("more than {MAX_RECORDS} records");
            return Err(Reply::error(413, "content_too_long", &reason));
        }
        if name == "delete" {
            items.push(Item {
                action: name,
                index,
                event: Err(kept()),
            });
            continue;
        }
        let Some((_, record)) = lines.next() else {
            return Err(malformed(number, "a record must stand behind this line"));
        };
        let event = if name == "update" {
            Err(kept())
        } else {
            event(record, &index, now)
        };
        items.push(Item {
            action: name,
            index,
            event,
        });
    }
    if items.is_empty() {
        return Err(malformed(0, "nothing stands here"));
    }
    Ok(Write {
        items,
        is_one: false,
    })
}

/// One record.
pub(super) fn one(body: &[u8], index: &str, now: Timestamp) -> Result<Write, Reply> {
    Ok(Write {
        items: vec![Item {
            action: "index",
            index: index.to_owned(),
            event: event(body, index, now),
        }],
        is_one: true,
    })
}

fn kept() -> (u16, &'static str, String) {
    (
        405,
        "illegal_argument_exception",
        "events are kept as they came: no update and no delete".to_owned(),
    )
}

/// The event of a record. What is no EVE record is a log: it keeps what it holds, and gets a type, a time where it
/// has none, and the name of the index that it was sent to.
fn event(record: &[u8], index: &str, now: Timestamp) -> Result<Event, (u16, &'static str, String)> {
    let refuse = |why: &str| Err((400, "document_parsing_exception", why.to_owned()));
    if record.len() > MAX_RECORD {
        let reason = format!("more than {MAX_RECORD} bytes");
        return Err((413, "content_too_long", reason));
    }
    if index.is_empty() || index.len() > MAX_INDEX {
        return refuse("the name of the index is empty or too long");
    }
    let mut members = match serde_json::from_slice(record) {
        Ok(Value::Object(members)) => members,
        Ok(_) => return refuse("a record is an object"),
        Err(error) => return refuse(&error.to_string()),
    };
    let is_typed = members
        .get("event_type")
        .and_then(Value::as_str)
        .is_some_and(|kind| !kind.is_empty());
    let is_eve = is_typed
        && members
            .get("timestamp")
            .and_then(Value::as_str)
            .is_some_and(|text| moment(text).is_some());
    if !is_typed {
        members.insert("event_type".into(), "log".into());
    }
    if !is_eve {
        timed(&mut members, now);
        let ours = members.entry("ratel").or_insert_with(|| json!({}));
        if let Value::Object(ours) = ours {
            ours.insert("index".into(), index.into());
        }
    }
    Ok(Event {
        record: Value::Object(members).to_string(),
    })
}

/// Gives a log a time that is understood: its own in milliseconds or seconds, or else `now`.
fn timed(members: &mut Map<String, Value>, now: Timestamp) {
    let event = Value::Object(std::mem::take(members));
    let time = time_of(&event);
    let Value::Object(event) = event else { return };
    *members = event;
    if time.is_some() {
        return;
    }
    let number = ["@timestamp", "timestamp"]
        .into_iter()
        .find_map(|key| members.get(key)?.as_f64());
    let time = match number {
        // Beyond 10^11 they are milliseconds: as seconds that were after the year 5100.
        Some(number) if number >= 1e11 => of_millis(number),
        Some(number) if number > 0.0 => of_millis(number * 1000.0),
        _ => now,
    };
    members.insert("timestamp".into(), time.to_string().into());
}

fn of_millis(millis: f64) -> Timestamp {
    Timestamp::from_nanos(((millis * 1000.0).round() as i64).saturating_mul(1000))
}
