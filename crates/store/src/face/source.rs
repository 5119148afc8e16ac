//! What of an event is shown: `_source` filters and `fields`.

use serde_json::{Map, Value, json};

use crate::query::glob::{self, Piece};
use crate::search::Hit;

/// Patterns of one filter.
const MAX_PATTERNS: usize = 200;

/// How deep an event is looked into; parsers of JSON stop at 128.
const MAX_DEPTH: usize = 128;

/// Which parts of an event are asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter {
    is_off: bool,
    includes: Vec<Vec<Piece>>,
    excludes: Vec<Vec<Piece>>,
}

/// The event as JSON. Its time stands under `@timestamp` as well, where clients look for it.
pub fn of(hit: &Hit) -> Value {
    let mut event: Value =
        serde_json::from_str(&hit.event).unwrap_or_else(|_| json!({"message": hit.event}));
    if let Value::Object(members) = &mut event {
        members
            .entry("@timestamp")
            .or_insert_with(|| crate::query::date::rfc3339(hit.time).into());
    }
    event
}

impl Filter {
    /// Reads `_source` as a body or as options have it: true, false, a pattern, several, or both lists.
    pub fn read(source: Option<&Value>, includes: Option<&str>, excludes: Option<&str>) -> Filter {
        let mut filter = Filter::default();
        match source {
            Some(Value::Bool(shown)) => filter.is_off = !shown,
            Some(Value::Object(both)) => {
                filter.includes = patterns(both.get("includes").or_else(|| both.get("include")));
                filter.excludes = patterns(both.get("excludes").or_else(|| both.get("exclude")));
            }
            source => filter.includes = patterns(source),
        }
        let split = |text: &str| -> Vec<Vec<Piece>> {
            text.split(',')
                .take(MAX_PATTERNS)
                .map(glob::pieces)
                .collect()
        };
        if let Some(includes) = includes {
            filter.includes.extend(split(includes));
        }
        if let Some(excludes) = excludes {
            filter.excludes.extend(split(excludes));
        }
        filter
    }

    /// What is shown; None where nothing was asked for.
    pub fn apply(&self, event: Value) -> Option<Value> {
        if self.is_off {
            return None;
        }
        if self.includes.is_empty() && self.excludes.is_empty() {
            return Some(event);
        }
        Some(
            self.part(event, "", self.includes.is_empty(), 0)
                .unwrap_or_else(|| json!({})),
        )
    }

    fn part(&self, value: Value, path: &str, is_in: bool, depth: usize) -> Option<Value> {
        let is_of = |patterns: &[Vec<Piece>]| patterns.iter().any(|one| glob::matches(one, path));
        let is_in = is_in || (!path.is_empty() && is_of(&self.includes));
        if depth > MAX_DEPTH || (!path.is_empty() && is_of(&self.excludes)) {
            return None;
        }
        match value {
            Value::Object(members) => {
                let shown: Map<String, Value> = members
                    .into_iter()
                    .filter_map(|(key, value)| {
                        let path = if path.is_empty() {
                            key.clone()
                        } else {
                            format!("{path}.{key}")
                        };
                        Some((key, self.part(value, &path, is_in, depth + 1)?))
                    })
                    .collect();
                (is_in || !shown.is_empty()).then_some(Value::Object(shown))
            }
            Value::Array(items) => {
                let shown: Vec<Value> = items
                    .into_iter()
                    .filter_map(|item| self.part(item, path, is_in, depth + 1))
                    .collect();
                (is_in || !shown.is_empty()).then_some(Value::Array(shown))
            }
            value => is_in.then_some(value),
        }
    }
}

/// Patterns of fields: texts, or objects that name a field; None in them is passed over.
pub fn patterns(list: Option<&Value>) -> Vec<Vec<Piece>> {
    let one = |value: &Value| {
        let path = value.as_str().or_else(|| value.get("field")?.as_str())?;
        Some(glob::pieces(path))
    };
    match list {
        Some(Value::Array(items)) => items.iter().filter_map(one).take(MAX_PATTERNS).collect(),
        Some(value) => one(value).into_iter().collect(),
        None => Vec::new(),
    }
}

/// The values of each field that was asked for, by its path, always as lists.
pub fn fields(event: &Value, patterns: &[Vec<Piece>]) -> Map<String, Value> {
    let mut out = Map::new();
    collect(event, "", patterns, &mut out, 0);
    out
}

fn collect(
    value: &Value,
    path: &str,
    patterns: &[Vec<Piece>],
    out: &mut Map<String, Value>,
    depth: usize,
) {
    if depth > MAX_DEPTH {
        return;
    }
    match value {
        Value::Null => {}
        Value::Array(items) => {
            for item in items {
                collect(item, path, patterns, out, depth + 1);
            }
        }
        Value::Object(members) => {
            for (key, value) in members {
                let path = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                collect(value, &path, patterns, out, depth + 1);
            }
        }
        value => {
            if patterns.iter().any(|pattern| glob::matches(pattern, path)) {
                let values = out.entry(path).or_insert_with(|| json!([]));
                if let Value::Array(values) = values {
                    values.push(value.clone());
                }
            }
        }
    }
}
