//! What clients ask about a server before they use it, answered from what is always so.
//!
//! Templates, policies and indices that shippers bring are acknowledged and change nothing: the store has one fixed
//! list of fields and a retention of its own.

use serde_json::{Map, Value, json};

use super::{Body, INDEX, Options, Reply, shards};
use crate::fields::{FIELDS, Field, Kind};
use crate::query::glob;

/// The version whose face this is. Beats refuse servers that are older than they are.
const VERSION: &str = "8.19.0";

/// The name that a cluster needs.
const NAME: &str = "ratel";

/// An id that is always the same: nobody joins this cluster.
const UUID: &str = "cmF0ZWwtaXMtb25lLW5vZGU";

/// The longest name that is said back, bytes.
const MAX_NAME: usize = 255;

/// The answer; an error where nothing is known of it.
pub(super) fn about(method: &str, parts: &[&str], options: &Options, body: &[u8]) -> Reply {
    let is_put = matches!(method, "PUT" | "POST");
    let is_get = matches!(method, "GET" | "HEAD");
    if parts.iter().any(|part| part.len() > MAX_NAME) {
        return Reply::error(400, "illegal_argument_exception", "a name is too long");
    }
    match parts {
        [] if is_get => Reply::ok(root()),
        ["_cluster", "health", ..] if is_get => Reply::ok(health()),
        ["_cluster", "settings"] if is_get => Reply::ok(json!({"persistent": {}, "transient": {}})),
        ["_nodes"] | ["_nodes", ..] if is_get => Reply::ok(nodes()),
        ["_license"] if is_get => Reply::ok(json!({"license": license()})),
        ["_xpack"] if is_get => Reply::ok(xpack()),
        ["_cat", "indices"] | ["_cat", "indices", _] if is_get => cat(options),
        ["_cat", "health"] if is_get => Reply {
            status: 200,
            body: Body::Text("0 00:00:00 ratel green 1 1 1 1 0 0 0 0 - 100.0%\n".into()),
        },
        ["_mapping" | "_mappings"] | [_, "_mapping" | "_mappings"] if is_get => {
            Reply::ok(json!({INDEX: {"mappings": mapping()}}))
        }
        ["_mapping", "field", names] | [_, "_mapping", "field", names] if is_get => {
            Reply::ok(json!({INDEX: {"mappings": mapping_of(names)}}))
        }
        ["_field_caps"] | [_, "_field_caps"] if is_get || method == "POST" => {
            field_caps(options, body)
        }
        ["_settings"] | [_, "_settings"] if is_get => {
            Reply::ok(json!({INDEX: {"settings": {"index": {"number_of_shards": "1"}}}}))
        }
        ["_alias" | "_aliases"] | [_, "_alias" | "_aliases"] | [_, "_alias", _] | ["_alias", _]
            if is_get =>
        {
            Reply::ok(json!({INDEX: {"aliases": {}}}))
        }
        ["_resolve", "index", ..] if is_get => Reply::ok(json!({
            "indices": [{"name": INDEX, "attributes": ["open"]}], "aliases": [], "data_streams": [],
        })),
        ["_ilm", "policy", name] if is_get => {
            Reply::ok(named(name, json!({"version": 1, "policy": {"phases": {}}})))
        }
        ["_index_template", name] if is_get => Reply::ok(json!({"index_templates": [
            {"name": name, "index_template": {"index_patterns": [name], "composed_of": [], "data_stream": {}}},
        ]})),
        ["_component_template", name] if is_get => Reply::ok(json!({"component_templates": [
            {"name": name, "component_template": {"template": {}}},
        ]})),
        ["_template", name] if is_get => {
            Reply::ok(named(name, json!({"index_patterns": [name], "order": 0})))
        }
        ["_data_stream", name] if is_get => Reply::ok(json!({"data_streams": [
            {"name": name, "timestamp_field": {"name": "@timestamp"}, "indices": [], "generation": 1,
             "status": "GREEN", "template": name},
        ]})),
        ["_ilm", "policy", _]
        | ["_index_template", _]
        | ["_component_template", _]
        | ["_template", _]
        | ["_data_stream", _]
        | ["_alias" | "_aliases"]
        | [_, "_alias", _]
            if is_put =>
        {
            Reply::ok(json!({"acknowledged": true}))
        }
        ["_refresh" | "_flush"] | [_, "_refresh" | "_flush"] if is_put || is_get => {
            Reply::ok(json!({"_shards": shards()}))
        }
        [name] if !name.starts_with('_') && method == "PUT" => {
            Reply::ok(json!({"acknowledged": true, "shards_acknowledged": true, "index": name}))
        }
        [name] if !name.starts_with('_') && is_get => Reply::ok(named(
            name,
            json!({"aliases": {}, "mappings": mapping(), "settings": {"index": {"number_of_shards": "1"}}}),
        )),
        parts => {
            let reason = format!("{method} /{} is not known here", parts.join("/"));
            Reply::error(400, "illegal_argument_exception", &reason)
        }
    }
}

fn named(name: &str, value: Value) -> Value {
    let mut out = Map::new();
    out.insert(name.to_owned(), value);
    Value::Object(out)
}

fn root() -> Value {
    json!({
        "name": NAME,
        "cluster_name": NAME,
        "cluster_uuid": UUID,
        "version": {
            "number": VERSION,
            "build_flavor": "default",
            "build_type": "ratel",
            "build_hash": env!("CARGO_PKG_VERSION"),
            "build_date": "1970-01-01T00:00:00Z",
            "build_snapshot": false,
            "lucene_version": "9.12.0",
            "minimum_wire_compatibility_version": "7.17.0",
            "minimum_index_compatibility_version": "7.0.0",
        },
        // Clients of version 7 know a server by these words.
        "tagline": "You Know, for Search",
    })
}

fn health() -> Value {
    json!({
        "cluster_name": NAME, "status": "green", "timed_out": false, "number_of_nodes": 1,
        "number_of_data_nodes": 1, "active_primary_shards": 1, "active_shards": 1, "relocating_shards": 0,
        "initializing_shards": 0, "unassigned_shards": 0, "delayed_unassigned_shards": 0,
        "number_of_pending_tasks": 0, "number_of_in_flight_fetch": 0,
        "task_max_waiting_in_queue_millis": 0, "active_shards_percent_as_number": 100.0,
    })
}

/// One node without an address: clients that look for others keep the address that they have.
fn nodes() -> Value {
    json!({
        "_nodes": {"total": 1, "successful": 1, "failed": 0},
        "cluster_name": NAME,
        "nodes": {UUID: {"name": NAME, "version": VERSION, "roles": ["data", "ingest", "master"]}},
    })
}

fn license() -> Value {
    json!({
        "status": "active", "uid": "00000000-0000-7000-8000-000000000000", "type": "basic", "mode": "basic",
        "issue_date": "1970-01-01T00:00:00.000Z", "issue_date_in_millis": 0, "max_nodes": 1000,
        "issued_to": NAME, "issuer": NAME, "start_date_in_millis": -1,
    })
}

fn xpack() -> Value {
    let on = json!({"available": true, "enabled": true});
    let off = json!({"available": false, "enabled": false});
    json!({
        "build": {"hash": env!("CARGO_PKG_VERSION"), "date": "1970-01-01T00:00:00.000Z"},
        "license": license(),
        "features": {"data_streams": on, "ilm": on, "security": on, "ml": off, "monitoring": off, "watcher": off},
        "tagline": "You know, for X",
    })
}

fn cat(options: &Options) -> Reply {
    if options.get("format") == Some("json") {
        return Reply::ok(json!([{
            "health": "green", "status": "open", "index": INDEX, "uuid": UUID, "pri": "1", "rep": "0",
        }]));
    }
    Reply {
        status: 200,
        body: Body::Text(format!("green open {INDEX} {UUID} 1 0\n")),
    }
}

/// The name of a kind in mappings.
const fn type_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Keyword => "keyword",
        Kind::Text => "text",
        Kind::I64 => "long",
        Kind::F64 => "double",
        Kind::Bool => "boolean",
        Kind::Ip => "ip",
        Kind::Time => "date",
    }
}

fn mapping() -> Value {
    let mut properties = Map::new();
    properties.insert("@timestamp".into(), json!({"type": "date"}));
    for field in FIELDS {
        let mut mapping = json!({"type": type_of(field.kind)});
        if field.kind == Kind::Text && field.is_counted {
            mapping["fields"] = json!({"keyword": {"type": "keyword"}});
        }
        put(&mut properties, field.path, mapping);
    }
    json!({"dynamic": "false", "properties": properties})
}

fn put(properties: &mut Map<String, Value>, path: &str, mapping: Value) {
    let Some((object, rest)) = path.split_once('.') else {
        properties.insert(path.to_owned(), mapping);
        return;
    };
    let object = properties.entry(object).or_insert_with(|| json!({}));
    if object.get("properties").is_none() {
        object["properties"] = json!({});
    }
    if let Some(Value::Object(properties)) = object.get_mut("properties") {
        put(properties, rest, mapping);
    }
}

/// The fields, and their twins, whose paths fit one of these patterns.
fn fitting(patterns: &str) -> Vec<(String, &'static str, bool)> {
    let patterns: Vec<_> = patterns.split(',').take(200).map(glob::pieces).collect();
    let is_in = |path: &str| patterns.iter().any(|pattern| glob::matches(pattern, path));
    let twin = |field: &Field| {
        (field.kind == Kind::Text && field.is_counted)
            .then(|| (format!("{}.keyword", field.path), "keyword", true))
    };
    let mut all = vec![("@timestamp".to_owned(), "date", true)];
    for field in FIELDS {
        let is_counted = field.is_counted && field.kind != Kind::Text;
        all.push((field.path.to_owned(), type_of(field.kind), is_counted));
        all.extend(twin(field));
    }
    all.retain(|(path, _, _)| is_in(path));
    all
}

fn mapping_of(names: &str) -> Value {
    let mut out = Map::new();
    for (path, kind, _) in fitting(names) {
        let last = path.rsplit('.').next().unwrap_or(&path).to_owned();
        let body = json!({"full_name": path, "mapping": {last: {"type": kind}}});
        out.insert(path, body);
    }
    Value::Object(out)
}

fn field_caps(options: &Options, body: &[u8]) -> Reply {
    let body: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
    let of_body = match body.get("fields") {
        Some(Value::Array(names)) => Some(
            names
                .iter()
                .filter_map(Value::as_str)
                .collect::<Vec<_>>()
                .join(","),
        ),
        Some(Value::String(name)) => Some(name.clone()),
        _ => None,
    };
    let names = options.get("fields").map(str::to_owned).or(of_body);
    let mut fields = Map::new();
    for (path, kind, is_counted) in fitting(names.as_deref().unwrap_or("*")) {
        let caps = json!({
            "type": kind, "metadata_field": false, "searchable": true, "aggregatable": is_counted,
        });
        fields.insert(path, named(kind, caps));
    }
    Reply::ok(json!({"indices": [INDEX], "fields": fields}))
}
