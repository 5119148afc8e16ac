//! The fixed mapping, the templates of the data streams and the policy that ends them.

use serde_json::{Map, Value, json};

use super::names::{self, Names};
use super::{Config, ecs};
use crate::fields::{FIELDS, Field, Kind};
use crate::query::{KEYWORD_MAX, WORD_MAX};

/// Fields and objects that an index may have: a guard that nothing is added by accident.
pub const MAX_FIELDS: usize = 300;

/// Moments are written so, by EVE, by certificates and by shippers.
const TIMES: &str = "strict_date_optional_time_nanos||epoch_millis";

/// What the words of a text are: as [`crate::query::words`] has it.
const WORDS: &str = "ratel_words";

/// The template of one data stream.
#[must_use]
pub fn template(config: &Config, stream: &str, policy: Option<&str>) -> Value {
    let mut settings = json!({
        "index": {
            "number_of_shards": 1,
            "auto_expand_replicas": "0-1",
            "codec": "best_compression",
            "refresh_interval": "2s",
            "mapping": {"total_fields": {"limit": MAX_FIELDS}},
            "query": {"default_field": defaults(Names(config.schema))},
            "analysis": {
                "analyzer": {WORDS: {"type": "custom", "tokenizer": WORDS, "filter": ["lowercase", WORDS]}},
                "tokenizer": {WORDS: {"type": "pattern", "pattern": "[^\\p{IsAlphabetic}\\p{N}]+"}},
                "filter": {WORDS: {"type": "truncate", "length": WORD_MAX}},
            },
        },
    });
    if let (Some(policy), Some(index)) = (policy, settings.get_mut("index")) {
        index["lifecycle"] = json!({"name": policy});
    }
    json!({
        "index_patterns": [stream],
        "data_stream": {},
        // Above the templates that servers bring along for names like logs-*-*.
        "priority": 500,
        "_meta": {"description": "Events of Ratel", "managed_by": "ratel"},
        "template": {"settings": settings, "mappings": mapping(config)},
    })
}

/// The mapping: what is on the list by its type, all else in one keyword.
#[must_use]
pub fn mapping(config: &Config) -> Value {
    let names = Names(config.schema);
    let mut properties = Map::new();
    for field in FIELDS.iter().filter(|field| names.is_typed(field)) {
        put(&mut properties, &names.of(field.path), of_field(field));
    }
    for (path, kind) in ecs::fields(config.schema) {
        put(&mut properties, path, of_kind(kind));
    }
    put(
        &mut properties,
        "@timestamp",
        json!({"type": "date_nanos", "format": TIMES}),
    );
    put(&mut properties, names::AT, json!({"type": "long"}));
    put(&mut properties, names::ID, json!({"type": "keyword"}));
    put(
        &mut properties,
        names::REST,
        json!({"type": "keyword", "ignore_above": KEYWORD_MAX}),
    );
    json!({"dynamic": false, "date_detection": false, "properties": properties})
}

/// How the policy of Elasticsearch (ILM) ends a backing index and deletes an old one.
#[must_use]
pub fn policy(config: &Config, max_age_days: u32) -> Value {
    let mut phases = json!({"hot": {"actions": {"rollover": {
        "max_primary_shard_size": format!("{}b", config.rollover_bytes),
        "max_age": format!("{}h", config.rollover_hours),
    }}}});
    if max_age_days > 0 {
        phases["delete"] = json!({
            "min_age": format!("{max_age_days}d"),
            "actions": {"delete": {}},
        });
    }
    json!({"policy": {"phases": phases}})
}

/// Where words without a field are looked for by those who ask the server themselves.
fn defaults(names: Names) -> Vec<String> {
    FIELDS
        .iter()
        .filter(|field| field.is_anywhere && field.kind == Kind::Text)
        .map(|field| names.of(field.path).into_owned())
        .collect()
}

fn of_field(field: &Field) -> Value {
    let mut mapping = of_kind(field.kind);
    if field.kind == Kind::Text && field.is_counted {
        mapping["fields"] = json!({"keyword": {"type": "keyword", "ignore_above": KEYWORD_MAX}});
    }
    if field.kind == Kind::Keyword && !field.is_counted {
        mapping["doc_values"] = json!(false);
    }
    mapping
}

/// A value of another kind is never sent, but a server may think otherwise of one: it must not cost the document.
fn of_kind(kind: Kind) -> Value {
    match kind {
        Kind::Keyword => json!({"type": "keyword", "ignore_above": KEYWORD_MAX}),
        Kind::Text => json!({"type": "text", "analyzer": WORDS, "norms": false}),
        Kind::I64 => json!({"type": "long", "coerce": false, "ignore_malformed": true}),
        Kind::F64 => json!({"type": "double", "coerce": false, "ignore_malformed": true}),
        Kind::Bool => json!({"type": "boolean"}),
        Kind::Ip => json!({"type": "ip", "ignore_malformed": true}),
        Kind::Time => json!({"type": "date_nanos", "format": TIMES, "ignore_malformed": true}),
    }
}

/// Puts a field at its place below objects.
fn put(properties: &mut Map<String, Value>, path: &str, mapping: Value) {
    match path.split_once('.') {
        None => {
            properties.insert(path.to_owned(), mapping);
        }
        Some((object, rest)) => {
            let object = properties
                .entry(object)
                .or_insert_with(|| json!({"dynamic": false, "properties": {}}));
            if let Some(Value::Object(properties)) = object.get_mut("properties") {
                put(properties, rest, mapping);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::elastic::Schema;

    fn count(mapping: &Value) -> usize {
        let Value::Object(mapping) = mapping else {
            return 0;
        };
        mapping
            .iter()
            .map(|(key, value)| match (key.as_str(), value) {
                ("properties" | "fields", Value::Object(fields)) => {
                    fields.len() + fields.values().map(count).sum::<usize>()
                }
                _ => 0,
            })
            .sum()
    }

    #[test]
    fn a_mapping_stays_below_its_limit() {
        for schema in [Schema::Eve, Schema::Ecs] {
            let config = Config {
                schema,
                ..Config::default()
            };
            let fields = count(&mapping(&config));
            assert!((200..MAX_FIELDS).contains(&fields), "{schema:?}: {fields}");
        }
    }

    #[test]
    fn text_has_a_twin_and_objects_stay_closed() {
        let mapping = mapping(&Config::default());
        let at = |path: &str| mapping.pointer(path).cloned();
        assert_eq!(at("/dynamic"), Some(json!(false)));
        assert_eq!(
            at("/properties/alert/properties/signature/fields/keyword/type"),
            Some(json!("keyword"))
        );
        assert_eq!(at("/properties/host/type"), Some(json!("keyword")));
        assert_eq!(at("/properties/src_ip/type"), Some(json!("ip")));
    }
}
