//! Whether one record is what a query asks for: what every store must agree with, and what live streams,
//! silences and rules of counts ask.

use serde_json::Value as Json;

use super::plan::TextBound;
use super::typed::{self, Leaf};
use super::{Plan, Query, Test, glob};
use crate::fields::{self, Kind, Place};

/// How deep a record is looked into; parsers of JSON stop at 128.
const MAX_DEPTH: usize = 128;

/// Whether `event` is what `query` asks for. Its id is not in it: a condition on [`fields::ID`] never holds.
#[must_use]
pub fn matches(query: &Query, event: &Json) -> bool {
    matches_plan(&query.plan(), event)
}

/// The same with a plan that is kept: for one query over many records.
#[must_use]
pub fn matches_plan(plan: &Plan, event: &Json) -> bool {
    match plan {
        Plan::All => true,
        Plan::Never => false,
        Plan::And(parts) => parts.iter().all(|part| matches_plan(part, event)),
        Plan::Or(parts) => parts.iter().any(|part| matches_plan(part, event)),
        Plan::Not(plan) => !matches_plan(plan, event),
        Plan::Test { path, place, test } => has(event, path, place, test),
    }
}

fn has(event: &Json, path: &str, place: &Place, test: &Test) -> bool {
    match place {
        Place::Time => typed::time_of(event).is_some_and(|time| passes(test, &Leaf::Time(time))),
        Place::Known(field) => any_value(event, field.path, 0, &mut |value| {
            typed::leaf(field.kind, value).is_some_and(|leaf| passes(test, &leaf))
        }),
        Place::Twin(field) => any_value(event, field.path, 0, &mut |value| {
            typed::leaf(Kind::Keyword, value).is_some_and(|leaf| passes(test, &leaf))
        }),
        Place::Rest if *test == Test::Exists => {
            any_value(event, path, 0, &mut |value| holds_anything(value, path, 0))
        }
        Place::Rest => any_value(event, path, 0, &mut |value| {
            typed::leaf(Kind::Keyword, value).is_some_and(|leaf| passes(test, &leaf))
        }),
        Place::Id | Place::Silent => false,
    }
}

/// Whether one of the values at `path` passes: arrays are their items, and a dot in a key is as good as a level.
fn any_value(
    value: &Json,
    path: &str,
    depth: usize,
    passes: &mut dyn FnMut(&Json) -> bool,
) -> bool {
    if depth > MAX_DEPTH {
        return false;
    }
    match value {
        Json::Array(items) => items
            .iter()
            .any(|item| any_value(item, path, depth + 1, passes)),
        value if path.is_empty() => passes(value),
        Json::Object(members) => {
            if let Some(value) = members.get(path)
                && any_value(value, "", depth + 1, passes)
            {
                return true;
            }
            path.match_indices('.').any(|(at, _)| {
                let (Some(key), Some(rest)) = (path.get(..at), path.get(at + 1..)) else {
                    return false;
                };
                members
                    .get(key)
                    .is_some_and(|value| any_value(value, rest, depth + 1, passes))
            })
        }
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => false,
    }
}

/// Whether a value, or anything indexed below it, is there.
fn holds_anything(value: &Json, path: &str, depth: usize) -> bool {
    if depth > MAX_DEPTH {
        return false;
    }
    match value {
        Json::Null => false,
        Json::Array(items) => items
            .iter()
            .any(|item| holds_anything(item, path, depth + 1)),
        Json::Object(members) => members.iter().any(|(key, value)| {
            let path = format!("{path}.{key}");
            match fields::place(&path) {
                Place::Silent => false,
                Place::Known(field) => any_value(value, "", depth + 1, &mut |value| {
                    typed::leaf(field.kind, value).is_some()
                }),
                Place::Twin(_) | Place::Time | Place::Id | Place::Rest => {
                    holds_anything(value, &path, depth + 1)
                }
            }
        }),
        Json::String(_) | Json::Bool(_) | Json::Number(_) => {
            typed::leaf(Kind::Keyword, value).is_some()
        }
    }
}

fn passes(test: &Test, leaf: &Leaf) -> bool {
    match (test, leaf) {
        (Test::Exists, _) => true,
        (Test::Words(words), Leaf::Text(text)) => {
            let text: Vec<String> = typed::words(text).collect();
            text.windows(words.len().max(1)).any(|here| here == words)
        }
        (Test::WordPattern(pattern), Leaf::Text(text)) => {
            let pieces = glob::pieces(pattern);
            typed::words(text).any(|word| glob::matches(&pieces, &word))
        }
        (Test::Exactly(exactly), Leaf::Text(text)) => text == exactly,
        (
            Test::Pattern {
                pattern,
                ignore_case,
            },
            Leaf::Text(text),
        ) => {
            let pieces = glob::pieces(pattern);
            if *ignore_case {
                let text: String = text.chars().map(typed::lower).collect();
                glob::matches(&pieces, &text)
            } else {
                glob::matches(&pieces, text)
            }
        }
        (Test::Texts { from, to }, Leaf::Text(text)) => {
            (match from {
                TextBound::None => true,
                TextBound::Including(from) => from <= text,
                TextBound::Excluding(from) => from < text,
            }) && match to {
                TextBound::None => true,
                TextBound::Including(to) => text <= to,
                TextBound::Excluding(to) => text < to,
            }
        }
        (Test::I64 { from, to }, Leaf::I64(number)) => (from..=to).contains(&number),
        (Test::F64 { from, to }, Leaf::F64(number)) => {
            (from.0 < *number || (from.1 && from.0 == *number))
                && (*number < to.0 || (to.1 && to.0 == *number))
        }
        (Test::Bool(value), Leaf::Bool(other)) => value == other,
        (Test::Ip { from, to }, Leaf::Ip(address)) => (from..=to).contains(&address),
        (Test::Time { from, to }, Leaf::Time(time)) => (from..=to).contains(&time),
        // A test is made for the kind of its field.
        _ => false,
    }
}
