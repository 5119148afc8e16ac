//! A record as a document: the record as it came, with what the index needs behind it, and back again.

use event::{RecordId, Timestamp};
use serde_json::{Map, Value, json};

use super::names::{self, Names};
use super::{Schema, ecs};
use crate::fields::{self, Kind, Place};
use crate::query::{KEYWORD_MAX, leaf, time_of};

/// Values of the rest that are indexed of one record: a flood of names must not fill the index.
const MAX_REST: usize = 1_000;

/// How deep a record is looked into; parsers of JSON stop at 128.
const MAX_DEPTH: usize = 128;

/// A document to be indexed.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// Its id.
    pub id: RecordId,
    /// Whether it is a record of statistics, which have a stream of their own.
    pub is_stats: bool,
    /// One line of JSON.
    pub source: Vec<u8>,
}

/// What goes over a record before it is indexed.
#[derive(Default)]
pub(super) struct Look {
    names: Names,
    rest: Vec<String>,
    host_name: Vec<String>,
    /// Whether a value is of another kind than the index has at its place: then the server would refuse all of it.
    is_misfit: bool,
}

/// The document of a record. A record without a time of its own gets that of its id.
#[must_use]
pub fn document(schema: Schema, id: RecordId, record: &str) -> Document {
    let record = record.trim();
    let Ok(Value::Object(event)) = serde_json::from_str::<Value>(record) else {
        return plain(id, record);
    };
    let is_stats = event.get("event_type").and_then(Value::as_str) == Some("stats");
    let event = Value::Object(event);
    let time = time_of(&event).unwrap_or_else(|| id.time());
    let Value::Object(members) = event else {
        return plain(id, record);
    };
    let mut look = Look {
        names: Names(schema),
        ..Look::default()
    };
    let mut misfits = Vec::new();
    for (key, value) in &members {
        look.is_misfit = false;
        look.member(key, value);
        if look.is_misfit {
            misfits.push(key.clone());
        }
    }
    let mut ours = json!({"id": id.to_string(), "at": time.nanos()});
    if !look.rest.is_empty() {
        ours["rest"] = std::mem::take(&mut look.rest).into();
    }
    if !look.host_name.is_empty() && schema == Schema::Eve {
        ours["host_name"] = std::mem::take(&mut look.host_name).into();
    }
    let source = match schema {
        Schema::Eve => eve(record, members, &misfits, time, ours, &look),
        Schema::Ecs => ecs::source(record, &members, time, &look, ours),
    };
    Document {
        id,
        is_stats,
        source,
    }
}

/// What is indexed of a record that is no JSON, or that the server refuses for a reason of its own: its time and
/// its id; the text is kept.
#[must_use]
pub fn plain(id: RecordId, record: &str) -> Document {
    let event: Value = serde_json::from_str(record).unwrap_or(Value::Null);
    let time = time_of(&event).unwrap_or_else(|| id.time());
    let source = json!({
        "@timestamp": shown(time),
        names::OURS: {"id": id.to_string(), "at": time.nanos(), "original": record},
    });
    Document {
        id,
        is_stats: false,
        source: source.to_string().into_bytes(),
    }
}

fn eve(
    record: &str,
    members: Map<String, Value>,
    misfits: &[String],
    time: Timestamp,
    mut ours: Value,
    look: &Look,
) -> Vec<u8> {
    let has_time = members.contains_key("@timestamp");
    let is_one_line = !record.contains(['\n', '\r']);
    // The server reads `@timestamp` itself: what it may not take, or what is not the event's time, makes way.
    let own = members.get("@timestamp").and_then(Value::as_str);
    let is_time_right = match own {
        Some(text) => crate::query::moment(text) == Some(time) && time.nanos() >= 0,
        None => !has_time,
    };
    let is_ours_free = !members.contains_key(names::OURS);
    if misfits.is_empty() && is_one_line && is_time_right && is_ours_free {
        let body = record.strip_suffix('}').unwrap_or(record).trim_end();
        ours["length"] = body.len().into();
        let comma = if members.is_empty() { "" } else { "," };
        let added = if has_time {
            String::new()
        } else {
            format!("\"@timestamp\":\"{}\",", shown(time))
        };
        return format!("{body}{comma}{added}\"{}\":{ours}}}", names::OURS).into_bytes();
    }
    let mut source = Map::new();
    let mut moved = Map::new();
    for (key, value) in members {
        let is_moved =
            misfits.contains(&key) || (key == "@timestamp" && !is_time_right) || key == names::OURS;
        if !is_moved {
            source.insert(key, value);
            continue;
        }
        if key != "@timestamp"
            && key != names::OURS
            && let Some(fit) = look.fitting(&key, &value, 0)
        {
            source.insert(key.clone(), fit);
        }
        moved.insert(key, value);
    }
    if !has_time || !is_time_right {
        ours["added"] = true.into();
        source.insert("@timestamp".into(), shown(time).into());
    }
    ours["moved"] = moved.into();
    source.insert(names::OURS.into(), ours);
    Value::Object(source).to_string().into_bytes()
}

/// A moment for the server, whose nanoseconds begin at 1970.
pub fn shown(time: Timestamp) -> String {
    crate::query::date::rfc3339(time.max(Timestamp::default()))
}

/// The record of a document's source.
#[must_use]
pub fn record(source: &str) -> Option<String> {
    let Value::Object(mut members) = serde_json::from_str(source).ok()? else {
        return None;
    };
    let Some(Value::Object(mut ours)) = members.remove(names::OURS) else {
        return Some(source.to_owned());
    };
    if let Some(Value::String(original)) = ours.remove("original") {
        return Some(original);
    }
    if let Some(body) = ours
        .get("length")
        .and_then(Value::as_u64)
        .and_then(|length| source.get(..usize::try_from(length).ok()?))
    {
        // A server that writes sources anew (synthetic sources) has other lengths.
        let whole = format!("{body}}}");
        if serde_json::from_str::<serde::de::IgnoredAny>(&whole).is_ok() {
            return Some(whole);
        }
        members.remove("@timestamp");
    }
    if ours.get("added") == Some(&Value::Bool(true)) {
        members.remove("@timestamp");
    }
    if let Some(Value::Object(moved)) = ours.remove("moved") {
        members.extend(moved);
    }
    Some(Value::Object(members).to_string())
}

impl Look {
    fn member(&mut self, key: &str, value: &Value) {
        if matches!(key, "timestamp" | "@timestamp") {
            return;
        }
        if !is_name(key) {
            self.is_misfit = true;
        }
        self.value(key, value, 0);
    }

    fn value(&mut self, path: &str, value: &Value, depth: usize) {
        if depth > MAX_DEPTH {
            return;
        }
        match value {
            Value::Null => {}
            Value::Array(items) => items
                .iter()
                .for_each(|item| self.value(path, item, depth + 1)),
            Value::Object(members) => {
                let is_typed = matches!(fields::place(path), Place::Known(_) | Place::Twin(_));
                self.is_misfit |= is_typed;
                for (key, value) in members {
                    self.is_misfit |= !is_name(key);
                    self.value(&format!("{path}.{key}"), value, depth + 1);
                }
            }
            value => self.leaf(path, value),
        }
    }

    fn leaf(&mut self, path: &str, value: &Value) {
        match fields::place(path) {
            Place::Known(field) if field.path == path => {
                if path == "host.name" {
                    self.host_name.extend(value.as_str().map(str::to_owned));
                    self.is_misfit = true;
                }
                let is_fit = leaf(field.kind, value).is_some();
                // The server passes over texts that are too long by itself.
                let is_long = field.kind == Kind::Keyword && value.is_string();
                self.is_misfit |= !is_fit && !is_long;
                if is_fit && !self.names.is_typed(field) {
                    self.rest(path, value);
                }
            }
            Place::Known(_) | Place::Twin(_) => self.is_misfit = true,
            Place::Silent => self.is_misfit |= fields::is_object(path),
            Place::Time | Place::Id | Place::Rest => {
                self.is_misfit |= fields::is_object(path);
                self.rest(path, value);
            }
        }
    }

    fn rest(&mut self, path: &str, value: &Value) {
        if self.rest.len() >= MAX_REST {
            return;
        }
        if let Some(text) = crate::query::text(value) {
            let entry = format!("{}{text}", names::rest(path));
            if entry.len() <= KEYWORD_MAX || entry.encode_utf16().nth(KEYWORD_MAX).is_none() {
                self.rest.push(entry);
            }
        }
    }

    /// What of a value the index can take at its place.
    pub fn fitting(&self, path: &str, value: &Value, depth: usize) -> Option<Value> {
        if depth > MAX_DEPTH {
            return None;
        }
        match value {
            Value::Null => None,
            Value::Array(items) => Some(Value::Array(
                items
                    .iter()
                    .filter_map(|item| self.fitting(path, item, depth + 1))
                    .collect(),
            )),
            Value::Object(members) => {
                if matches!(fields::place(path), Place::Known(_) | Place::Twin(_)) {
                    return None;
                }
                let fit: Map<String, Value> = members
                    .iter()
                    .filter(|(key, _)| is_name(key))
                    .filter_map(|(key, value)| {
                        let fit = self.fitting(&format!("{path}.{key}"), value, depth + 1)?;
                        Some((key.clone(), fit))
                    })
                    .collect();
                (!fit.is_empty()).then_some(Value::Object(fit))
            }
            value => {
                let is_fit = match fields::place(path) {
                    Place::Known(field) => {
                        field.path == path
                            && path != "host.name"
                            && leaf(field.kind, value).is_some()
                    }
                    Place::Twin(_) => false,
                    Place::Silent | Place::Time | Place::Id | Place::Rest => {
                        !fields::is_object(path)
                    }
                };
                is_fit.then(|| value.clone())
            }
        }
    }
}

/// Whether the server takes a key: dots part names, and none may be empty.
fn is_name(key: &str) -> bool {
    !key.is_empty()
        && key
            .split('.')
            .all(|part| part.chars().any(|c| !c.is_whitespace()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn id() -> RecordId {
        "019b7ca9-8f2e-7000-8000-03ffffffffff".parse().unwrap()
    }

    fn source(record: &str) -> Value {
        let document = document(Schema::Eve, id(), record);
        assert!(!document.source.contains(&b'\n'));
        serde_json::from_slice(&document.source).unwrap()
    }

    fn check_back(text: &str) {
        let document = document(Schema::Eve, id(), text);
        let source = String::from_utf8(document.source).unwrap();
        assert_eq!(record(&source).as_deref(), Some(text), "{source}");
    }

    #[test]
    fn a_record_comes_back_byte_for_byte() {
        check_back(
            r#"{"timestamp":"2026-01-02T03:04:05.678901+0000","event_type":"flow","z":1,"a":2.50}"#,
        );
        check_back(
            r#"{"@timestamp":"2026-01-02T03:04:05Z","message":"hi \"there\",\"ratel_store\":{}"}"#,
        );
        check_back(r"{}");
        check_back("no json");
    }

    #[test]
    fn what_does_not_fit_moves_and_comes_back() {
        let text = r#"{"alert":{"severity":"high","signature":"x"},"host":{"name":"web1","id":5}}"#;
        let source = source(text);
        assert_eq!(source["alert"], json!({"signature": "x"}));
        assert_eq!(source.get("host"), None);
        assert_eq!(source["ratel_store"]["host_name"], json!(["web1"]));
        assert_eq!(source["ratel_store"]["rest"], json!(["host.id=5"]));
        let back: Value = serde_json::from_str(&record(&source.to_string()).unwrap()).unwrap();
        assert_eq!(back, serde_json::from_str::<Value>(text).unwrap());
    }

    #[test]
    fn the_rest_is_listed_and_the_silent_is_not() {
        let source = source(
            r#"{"timestamp":"1970-01-01T00:00:01.000000+0000","ours":{"a":[1,{"b":true}],"n":null},"payload":"AA","a.b":"c"}"#,
        );
        assert_eq!(
            source["ratel_store"]["rest"],
            json!(["a.b=c", "ours.a=1", "ours.a.b=true"])
        );
        assert_eq!(source["ratel_store"]["at"], json!(1_000_000_000));
        assert_eq!(
            source["@timestamp"],
            json!("1970-01-01T00:00:01.000000000Z")
        );
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".{0,6}".prop_map(Value::from),
            Just(json!("10.0.0.1")),
            Just(json!("2026-01-02T03:04:05Z")),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            let key = prop_oneof![
                Just("alert".to_owned()),
                Just("severity".to_owned()),
                Just("host".to_owned()),
                Just("name".to_owned()),
                Just("@timestamp".to_owned()),
                Just("src_ip".to_owned()),
                Just("ratel_store".to_owned()),
                Just(String::new()),
                Just("a.b".to_owned()),
            ];
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::vec((key, inner), 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_record_comes_back(event in any_json()) {
            let text = event.to_string();
            let document = document(Schema::Eve, id(), &text);
            let source = String::from_utf8(document.source).unwrap();
            let back = record(&source).unwrap();
            prop_assert_eq!(serde_json::from_str::<Value>(&back).unwrap(), event, "{}", source);
        }
    }
}
