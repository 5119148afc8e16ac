//! Reads the files of sets: lines of values, with a reputation or not, or JSON with context.

use super::value::Kind;
use super::{Value, refusal};
use crate::detect::program::Refusal;
use rules::rule::Dataset;
use serde_json::Value as Json;
use std::sync::Arc;

/// Longest context of one value (Suricata's `DATAJSON_JSON_LENGTH`).
const CONTEXT_MAX: usize = 1024;

/// How a file of values is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// A value, or a value and its reputation, on each line.
    Csv,
    /// One JSON text with an array of objects.
    Json,
    /// A JSON object on each line.
    JsonLines,
}

/// The options of `dataset` beside names and files.
#[derive(Debug)]
pub(super) struct Options<'a> {
    pub(super) format: Format,
    pub(super) memcap: Option<u64>,
    pub(super) context_key: Option<&'a str>,
    pub(super) matches_subdomain: bool,
    value_key: Option<&'a str>,
    array_key: Option<&'a str>,
    removes_key: bool,
}

impl<'a> Options<'a> {
    pub(super) fn read(dataset: &'a Dataset) -> Result<Self, Refusal> {
        let mut options = Options {
            format: Format::Csv,
            memcap: None,
            context_key: None,
            matches_subdomain: false,
            value_key: None,
            array_key: None,
            removes_key: false,
        };
        let bad = |reason: String| refusal(&dataset.name, &reason);
        for (key, value) in &dataset.options {
            let value = value.trim();
            match key.as_str() {
                "memcap" => {
                    let size =
                        parse_size(value).ok_or_else(|| bad(format!("bad memcap {value}")))?;
                    options.memcap = (size > 0).then_some(size);
                }
                // Our tables grow by themselves.
                "hashsize" => {}
                "format" => {
                    options.format = match value {
                        "csv" => Format::Csv,
                        "json" => Format::Json,
                        "ndjson" | "jsonline" => Format::JsonLines,
                        _ => return Err(bad(format!("unknown format {value}"))),
                    };
                }
                "match" if value == "subdomain" => options.matches_subdomain = true,
                "value_key" => options.value_key = Some(value),
                "array_key" => options.array_key = Some(value),
                "context_key" => options.context_key = Some(value),
                "remove_key" => options.removes_key = true,
                _ => return Err(bad(format!("unknown option {key}"))),
            }
        }
        let has_json_keys = options.value_key.is_some()
            || options.array_key.is_some()
            || options.context_key.is_some()
            || options.removes_key;
        if options.format == Format::Csv && has_json_keys {
            return Err(bad("keys are for the JSON formats".into()));
        }
        if options.format != Format::Csv
            && (options.value_key.is_none() || options.context_key.is_none())
        {
            return Err(bad("the JSON formats need value_key and context_key".into()));
        }
        Ok(options)
    }
}

/// `100`, `10kb`, `100mb`, `1gb`.
fn parse_size(text: &str) -> Option<u64> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at_checked(digits)?;
    let shift = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(1 << shift)
}

/// Reads all values of a file and hands each to `add`, which refuses those without room.
pub(super) fn load(
    name: &str,
    file: &str,
    bytes: &[u8],
    kind: Kind,
    options: &Options<'_>,
    mut add: impl FnMut(Box<[u8]>, Value) -> Result<(), ()>,
) -> Result<(), Refusal> {
    let text = String::from_utf8_lossy(bytes);
    let mut add = |key, value| {
        add(key, value).map_err(|()| refusal(name, "dataset too large for set memcap"))
    };
    if options.format == Format::Csv {
        return load_lines(name, file, &text, kind, add);
    }
    let bad = |reason: &str| refusal(name, &format!("{file}: {reason}"));
    let objects = match options.format {
        Format::JsonLines => text
            .lines()
            .filter(|line| !line.trim().is_empty())
            .map(serde_json::from_str)
            .collect::<Result<Vec<Json>, _>>()
            .map_err(|error| bad(&error.to_string()))?,
        Format::Json | Format::Csv => {
            let whole: Json =
                serde_json::from_str(&text).map_err(|error| bad(&error.to_string()))?;
            let array = match options.array_key {
                Some(key) => follow(&whole, key).cloned(),
                None => Some(whole),
            };
            match array {
                Some(Json::Array(objects)) => objects,
                _ => return Err(bad("not an array")),
            }
        }
    };
    let key = options.value_key.unwrap_or_default();
    let mut is_found = false;
    for mut object in objects {
        // Some objects may be of another kind.
        let Some(value) = follow(&object, key) else {
            continue;
        };
        is_found = true;
        let Json::String(value) = value else {
            return Err(bad("failed to get value because it is not a string"));
        };
        let value = kind.parse_plain(value).map_err(bad)?;
        if let (true, Json::Object(fields)) = (options.removes_key, &mut object) {
            fields.remove(key);
        }
        let context = object.to_string();
        if context.len() > CONTEXT_MAX {
            return Err(bad("json string too long"));
        }
        add(
            value,
            Value {
                context: Some(Arc::from(context)),
                ..Value::default()
            },
        )?;
    }
    if is_found {
        Ok(())
    } else {
        Err(bad(&format!("no valid entries for key '{key}'")))
    }
}

fn load_lines(
    name: &str,
    file: &str,
    text: &str,
    kind: Kind,
    mut add: impl FnMut(Box<[u8]>, Value) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    let mut with_reputation = None;
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() {
            continue;
        }
        let bad = |reason: &str| refusal(name, &format!("{reason} {name}/{file}:{}", number + 1));
        let (value, reputation) = match line.split_once(',') {
            Some((value, reputation)) => {
                let reputation = reputation
                    .trim()
                    .parse()
                    .map_err(|_| bad("invalid datarep value"))?;
                (value.trim(), Some(reputation))
            }
            None => (line, None),
        };
        if *with_reputation.get_or_insert(reputation.is_some()) != reputation.is_some() {
            return Err(bad("Cannot mix dataset and datarep values for set"));
        }
        let key = kind.parse_value(value).map_err(bad)?;
        add(
            key,
            Value {
                reputation,
                ..Value::default()
            },
        )?;
    }
    Ok(())
}

/// The value at `path`, whose steps are parted by dots.
fn follow<'a>(json: &'a Json, path: &str) -> Option<&'a Json> {
    path.split('.')
        .try_fold(json, |at, step| at.as_object()?.get(step))
}
