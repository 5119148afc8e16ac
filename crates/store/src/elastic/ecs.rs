//! The Elastic Common Schema, for those who asked for it: records lie where Elastic's own Suricata integration
//! puts them, the native record below `suricata.eve`, and what ECS has a name for beside it.
//!
//! What ECS holds unchanged is moved, not copied: one value has one place, and the mapping stays small. What log
//! shippers send in ECS already stays as it is.

use std::borrow::Cow;

use event::Timestamp;
use serde_json::{Map, Value, json};

use super::document::{Look, shown};
use super::{Schema, names};
use crate::fields::{Field, Kind};

/// The version of ECS whose names these are.
const VERSION: &str = "8.17.0";

/// Where native fields without a name in ECS lie.
const NATIVE: &str = "suricata.eve.";

/// Fields that ECS holds unchanged, by EVE's name. Searches go there.
const RENAMED: &[(&str, &str)] = &[
    ("src_ip", "source.ip"),
    ("src_port", "source.port"),
    ("dest_ip", "destination.ip"),
    ("dest_port", "destination.port"),
    ("community_id", "network.community_id"),
    ("app_proto", "network.protocol"),
    ("alert.signature", "rule.name"),
    ("alert.category", "rule.category"),
    ("flow.bytes_toserver", "source.bytes"),
    ("flow.bytes_toclient", "destination.bytes"),
    ("flow.pkts_toserver", "source.packets"),
    ("flow.pkts_toclient", "destination.packets"),
    ("flow.start", "event.start"),
    ("flow.end", "event.end"),
    ("http.http_method", "http.request.method"),
    ("http.status", "http.response.status_code"),
    ("http.http_user_agent", "user_agent.original"),
    ("http.url", "url.original"),
    ("http.hostname", "url.domain"),
    ("fileinfo.filename", "file.name"),
    ("fileinfo.size", "file.size"),
    ("fileinfo.md5", "file.hash.md5"),
    ("fileinfo.sha1", "file.hash.sha1"),
    ("fileinfo.sha256", "file.hash.sha256"),
    ("tls.sni", "tls.client.server_name"),
    ("host", "observer.name"),
];

/// Objects and fields at the top that are ECS's own already, and Ratel's.
const AT_TOP: &[&str] = &[
    "agent",
    "container",
    "destination",
    "event",
    "kubernetes",
    "log",
    "message",
    "process",
    "ratel",
    "ratel_store",
    "service",
    "source",
    "tags",
    "user",
];

/// What is made from a record for ECS and is nobody's second name.
const MADE: &[(&str, Kind)] = &[
    ("ecs.version", Kind::Keyword),
    ("event.severity", Kind::I64),
    ("event.type", Kind::Keyword),
    ("network.transport", Kind::Keyword),
    ("observer.product", Kind::Keyword),
    ("observer.type", Kind::Keyword),
    ("related.ip", Kind::Ip),
    ("rule.id", Kind::Keyword),
    ("threat.tactic.id", Kind::Keyword),
    ("threat.tactic.name", Kind::Keyword),
    ("threat.technique.id", Kind::Keyword),
    ("threat.technique.name", Kind::Keyword),
];

/// Protocols whose keywords are not typed here but lie with the rest, so that the mapping keeps below its limit.
const RARE: &[&str] = &[
    "krb5.",
    "smb.ntlmssp.",
    "snmp.",
    "nfs.",
    "rdp.",
    "ftp_data.",
];

/// What the mapping has beside the list.
pub fn fields(schema: Schema) -> impl Iterator<Item = (&'static str, Kind)> {
    let made: &[(&str, Kind)] = match schema {
        Schema::Eve => &[],
        Schema::Ecs => MADE,
    };
    made.iter().copied()
}

/// Where the field of the list, or what is below it, lies.
pub fn name(path: &str) -> Cow<'_, str> {
    if let Some((_, name)) = RENAMED.iter().find(|(eve, _)| *eve == path) {
        return (*name).into();
    }
    let top = path.split('.').next().unwrap_or(path);
    if AT_TOP.contains(&top) || path == "host.name" {
        return path.into();
    }
    format!("{NATIVE}{path}").into()
}

/// Whether the mapping has the field.
pub fn is_typed(field: &Field) -> bool {
    let is_rare = RARE.iter().any(|rare| field.path.starts_with(rare));
    !(is_rare && field.kind == Kind::Keyword)
}

/// The source of a record's document; `ours` is what Ratel adds.
pub fn source(
    record: &str,
    members: &Map<String, Value>,
    time: Timestamp,
    look: &Look,
    mut ours: Value,
) -> Vec<u8> {
    let mut source = Map::new();
    let mut native = Map::new();
    for (key, value) in members {
        if matches!(key.as_str(), "timestamp" | "@timestamp") || key == names::OURS {
            continue;
        }
        if key == "host" && value.is_object() {
            if let Some(name) = value.get("name").filter(|name| name.is_string()) {
                put(&mut source, "host.name", name.clone());
            }
            continue;
        }
        let Some(fit) = look.fitting(key, value, 0) else {
            continue;
        };
        if AT_TOP.contains(&key.as_str()) {
            source.insert(key.clone(), fit);
        } else {
            native.insert(key.clone(), fit);
        }
    }
    made(&mut source, &native);
    for (eve, name) in RENAMED {
        if let Some(value) = take(&mut native, eve) {
            put(&mut source, name, value);
        }
    }
    if !native.is_empty() {
        put(&mut source, "suricata.eve", Value::Object(native));
    }
    source.insert("@timestamp".into(), shown(time).into());
    ours["original"] = record.into();
    source.insert(names::OURS.into(), ours);
    Value::Object(source).to_string().into_bytes()
}

/// What ECS wants to know of a record.
fn made(source: &mut Map<String, Value>, native: &Map<String, Value>) {
    put(source, "ecs.version", VERSION.into());
    let Some(event_type) = native.get("event_type").and_then(Value::as_str) else {
        return;
    };
    if event_type == "log" {
        return;
    }
    put(source, "observer.type", "ids".into());
    put(source, "observer.product", "Ratel".into());
    let at = |path: &str| find(native, path);
    let is_alert = event_type == "alert";
    put(
        source,
        "event.kind",
        if is_alert { "alert" } else { "event" }.into(),
    );
    put(
        source,
        "event.category",
        match event_type {
            "alert" => json!(["network", "intrusion_detection"]),
            "http" => json!(["network", "web"]),
            _ => json!(["network"]),
        },
    );
    let action = at("alert.action").and_then(Value::as_str);
    put(
        source,
        "event.type",
        match (event_type, action) {
            ("flow" | "netflow", _) => json!(["connection", "end"]),
            ("alert", Some("blocked")) => json!(["denied"]),
            ("alert", _) => json!(["allowed"]),
            _ => json!(["protocol"]),
        },
    );
    put(source, "event.dataset", "suricata.eve".into());
    let copies = [
        ("event.severity", at("alert.severity").cloned()),
        (
            "rule.id",
            at("alert.signature_id").map(|id| id.to_string().into()),
        ),
        (
            "network.transport",
            at("proto")
                .and_then(Value::as_str)
                .map(|proto| proto.to_lowercase().into()),
        ),
        (
            "threat.tactic.id",
            at("alert.metadata.mitre_tactic_id").cloned(),
        ),
        (
            "threat.tactic.name",
            at("alert.metadata.mitre_tactic_name").cloned(),
        ),
        (
            "threat.technique.id",
            at("alert.metadata.mitre_technique_id").cloned(),
        ),
        (
            "threat.technique.name",
            at("alert.metadata.mitre_technique_name").cloned(),
        ),
    ];
    let related: Vec<Value> = ["src_ip", "dest_ip"]
        .into_iter()
        .filter_map(|path| at(path).cloned())
        .collect();
    for (name, value) in copies {
        if let Some(value) = value {
            put(source, name, value);
        }
    }
    if !related.is_empty() {
        put(source, "related.ip", related.into());
    }
}

fn find<'a>(members: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    let mut parts = path.split('.');
    let first = members.get(parts.next()?)?;
    parts.try_fold(first, |value, part| value.get(part))
}

fn take(members: &mut Map<String, Value>, path: &str) -> Option<Value> {
    match path.split_once('.') {
        None => members.remove(path),
        Some((object, rest)) => take(members.get_mut(object)?.as_object_mut()?, rest),
    }
}

/// Puts a value at its place, unless something stands there that is no object.
fn put(members: &mut Map<String, Value>, path: &str, value: Value) {
    match path.split_once('.') {
        None => {
            members.entry(path).or_insert(value);
        }
        Some((object, rest)) => {
            let object = members.entry(object).or_insert_with(|| json!({}));
            if let Value::Object(members) = object {
                put(members, rest, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::document::{document, record};
    use super::*;

    fn source_of(text: &str) -> Value {
        let id = "019b7ca9-8f2e-7000-8000-03ffffffffff".parse().unwrap();
        let document = document(Schema::Ecs, id, text);
        let source = String::from_utf8(document.source).unwrap();
        assert_eq!(record(&source).as_deref(), Some(text));
        serde_json::from_str(&source).unwrap()
    }

    #[test]
    fn an_alert_is_told_in_words_of_ecs() {
        let source = source_of(
            r#"{"timestamp":"2026-01-02T03:04:05.678901+0000","event_type":"alert","src_ip":"10.0.0.1","src_port":5,"proto":"TCP","host":"s1","alert":{"action":"blocked","signature":"ET X","signature_id":7,"severity":2,"metadata":{"mitre_tactic_id":["TA0011"]}}}"#,
        );
        let check = |path: &str, expected: Value| {
            assert_eq!(source.pointer(path), Some(&expected), "{path}");
        };
        check("/@timestamp", json!("2026-01-02T03:04:05.678901000Z"));
        check("/source/ip", json!("10.0.0.1"));
        check("/network/transport", json!("tcp"));
        check("/rule/name", json!("ET X"));
        check("/rule/id", json!("7"));
        check("/event/kind", json!("alert"));
        check("/event/type", json!(["denied"]));
        check("/event/severity", json!(2));
        check("/observer/name", json!("s1"));
        check("/threat/tactic/id", json!(["TA0011"]));
        check("/suricata/eve/proto", json!("TCP"));
        check("/suricata/eve/alert/signature_id", json!(7));
        assert_eq!(source.pointer("/suricata/eve/src_ip"), None);
    }

    #[test]
    fn what_shippers_send_stays_where_it_is() {
        let source = source_of(
            r#"{"@timestamp":"2026-01-02T03:04:05Z","message":"hi","host":{"name":"web1"},"log":{"level":"error"},"odd":1}"#,
        );
        assert_eq!(source["message"], json!("hi"));
        assert_eq!(source["host"], json!({"name": "web1"}));
        assert_eq!(source["log"]["level"], json!("error"));
        assert_eq!(source["ratel_store"]["rest"], json!(["odd=1"]));
    }
}
