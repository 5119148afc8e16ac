//! A plan as Elasticsearch's query DSL.

use std::net::Ipv6Addr;

use event::Timestamp;
use serde_json::{Map, Value, json};

use super::names::{self, Names};
use crate::fields::{Field, Kind, Place};
use crate::query::date::rfc3339;
use crate::query::{Plan, Test, TextBound, glob};

/// The query that finds what `plan` asks for. Nothing is scored: everything stands in filters.
#[must_use]
pub fn query(names: Names, plan: &Plan) -> Value {
    match plan {
        Plan::All => json!({"match_all": {}}),
        Plan::Never => json!({"match_none": {}}),
        Plan::And(parts) => json!({"bool": {"filter": all(names, parts)}}),
        Plan::Or(parts) => any(all(names, parts)),
        Plan::Not(plan) => json!({"bool": {"must_not": [query(names, plan)]}}),
        Plan::Test { path, place, test } => match place {
            Place::Time => time(names::AT, Kind::I64, test),
            Place::Id => text(names::ID, test),
            Place::Known(field) => known(names, field, test),
            Place::Twin(field) => text(&format!("{}.keyword", names.of(field.path)), test),
            Place::Rest => rest(names, path, test),
            Place::Silent => json!({"match_none": {}}),
        },
    }
}

/// Only what happened from `since` on and before `until`.
#[must_use]
pub fn within(query: Value, since: Option<Timestamp>, until: Option<Timestamp>) -> Value {
    if since.is_none() && until.is_none() {
        return query;
    }
    let mut range = Map::new();
    if let Some(since) = since {
        range.insert("gte".into(), since.nanos().into());
    }
    if let Some(until) = until {
        range.insert("lt".into(), until.nanos().into());
    }
    json!({"bool": {"filter": [query, {"range": {names::AT: range}}]}})
}

fn all(names: Names, parts: &[Plan]) -> Vec<Value> {
    parts.iter().map(|part| query(names, part)).collect()
}

fn any(parts: Vec<Value>) -> Value {
    json!({"bool": {"should": parts, "minimum_should_match": 1}})
}

fn exists(name: &str) -> Value {
    json!({"exists": {"field": name}})
}

fn known(names: Names, field: &Field, test: &Test) -> Value {
    let name = &*names.of(field.path);
    match (field.kind, test) {
        (_, Test::Exists) => exists(name),
        (Kind::Text, Test::Words(words)) => match words.as_slice() {
            [word] => json!({"term": {name: {"value": word}}}),
            words => json!({"match_phrase": {name: {"query": words.join(" ")}}}),
        },
        (Kind::Text, Test::WordPattern(pattern)) => json!({"wildcard": {name: {"value": pattern}}}),
        (_, Test::I64 { from, to }) => numbers(name, *from, *to),
        (_, Test::F64 { from, to }) => {
            let mut range = Map::new();
            if from.0 > f64::MIN {
                range.insert(if from.1 { "gte" } else { "gt" }.into(), from.0.into());
            }
            if to.0 < f64::MAX {
                range.insert(if to.1 { "lte" } else { "lt" }.into(), to.0.into());
            }
            json!({"range": {name: range}})
        }
        (_, Test::Bool(value)) => json!({"term": {name: {"value": value}}}),
        (_, Test::Ip { from, to }) => {
            let [from, to] = [*from, *to].map(|bits| Ipv6Addr::from_bits(bits).to_string());
            if from == to {
                json!({"term": {name: {"value": from}}})
            } else {
                json!({"range": {name: {"gte": from, "lte": to}}})
            }
        }
        (_, Test::Time { .. }) => time(name, Kind::Time, test),
        (_, test) => text(name, test),
    }
}

fn numbers(name: &str, from: i64, to: i64) -> Value {
    if from == to {
        return json!({"term": {name: {"value": from}}});
    }
    let mut range = Map::new();
    if from > i64::MIN {
        range.insert("gte".into(), from.into());
    }
    if to < i64::MAX {
        range.insert("lte".into(), to.into());
    }
    json!({"range": {name: range}})
}

/// A moment, in a field of nanoseconds or of dates. Every document has the event's own time.
fn time(name: &str, kind: Kind, test: &Test) -> Value {
    let Test::Time { from, to } = test else {
        return json!({"match_all": {}});
    };
    if kind == Kind::I64 {
        return numbers(name, from.nanos(), to.nanos());
    }
    let mut range = Map::new();
    // A field of dates in nanoseconds begins at 1970.
    if from.nanos() > 0 {
        range.insert("gte".into(), rfc3339(*from).into());
    }
    if to.nanos() < 0 {
        return json!({"match_none": {}});
    }
    if to.nanos() < i64::MAX {
        range.insert("lte".into(), rfc3339(*to).into());
    }
    if range.is_empty() {
        return exists(name);
    }
    json!({"range": {name: range}})
}

/// Text as a whole.
fn text(name: &str, test: &Test) -> Value {
    match test {
        Test::Exists => exists(name),
        Test::Exactly(exactly) => json!({"term": {name: {"value": exactly}}}),
        Test::Pattern {
            pattern,
            ignore_case,
        } => wildcard(name, pattern, *ignore_case),
        Test::Texts { from, to } => {
            let mut range = Map::new();
            match from {
                TextBound::None => {}
                TextBound::Including(from) => insert(&mut range, "gte", from),
                TextBound::Excluding(from) => insert(&mut range, "gt", from),
            }
            match to {
                TextBound::None => {}
                TextBound::Including(to) => insert(&mut range, "lte", to),
                TextBound::Excluding(to) => insert(&mut range, "lt", to),
            }
            if range.is_empty() {
                exists(name)
            } else {
                json!({"range": {name: range}})
            }
        }
        Test::Words(_)
        | Test::WordPattern(_)
        | Test::I64 { .. }
        | Test::F64 { .. }
        | Test::Bool(_)
        | Test::Ip { .. }
        | Test::Time { .. } => json!({"match_none": {}}),
    }
}

fn insert(range: &mut Map<String, Value>, end: &str, value: &str) {
    range.insert(end.to_owned(), value.into());
}

fn wildcard(name: &str, pattern: &str, ignore_case: bool) -> Value {
    if ignore_case {
        json!({"wildcard": {name: {"value": pattern, "case_insensitive": true}}})
    } else {
        json!({"wildcard": {name: {"value": pattern}}})
    }
}

/// A field that is not on the list, or an object.
fn rest(names: Names, path: &str, test: &Test) -> Value {
    let begin = names::rest(path);
    match test {
        Test::Exists => {
            let inside = format!("{}.", path.replace('=', "\\="));
            let mut parts = vec![
                json!({"prefix": {names::REST: {"value": begin}}}),
                json!({"prefix": {names::REST: {"value": inside}}}),
            ];
            parts.extend(names::below(path).map(|field| exists(&names.of(field.path))));
            any(parts)
        }
        Test::Exactly(exactly) => {
            json!({"term": {names::REST: {"value": format!("{begin}{exactly}")}}})
        }
        Test::Pattern {
            pattern,
            ignore_case,
        } => wildcard(
            names::REST,
            &format!("{}{pattern}", glob::literal(&begin)),
            *ignore_case,
        ),
        Test::Texts { from, to } => {
            let mut range = Map::new();
            match from {
                TextBound::None => insert(&mut range, "gte", &begin),
                TextBound::Including(from) => insert(&mut range, "gte", &format!("{begin}{from}")),
                TextBound::Excluding(from) => insert(&mut range, "gt", &format!("{begin}{from}")),
            }
            match to {
                // The character behind the equals sign: past every value of this path.
                TextBound::None => {
                    let end = format!("{}>", begin.strip_suffix('=').unwrap_or(&begin));
                    insert(&mut range, "lt", &end);
                }
                TextBound::Including(to) => insert(&mut range, "lte", &format!("{begin}{to}")),
                TextBound::Excluding(to) => insert(&mut range, "lt", &format!("{begin}{to}")),
            }
            json!({"range": {names::REST: range}})
        }
        Test::Words(_)
        | Test::WordPattern(_)
        | Test::I64 { .. }
        | Test::F64 { .. }
        | Test::Bool(_)
        | Test::Ip { .. }
        | Test::Time { .. } => json!({"match_none": {}}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::Query;

    fn check(text: &str, expected: &Value) {
        let plan = Query::parse(text).unwrap().plan();
        assert_eq!(&query(Names::default(), &plan), expected, "{text}");
    }

    #[test]
    fn conditions_become_filters() {
        check("*", &json!({"match_all": {}}));
        check("dest_port:pear", &json!({"match_none": {}}));
        check(
            "event_type:alert src_ip:10.0.0.0/8",
            &json!({"bool": {"filter": [
                {"term": {"event_type": {"value": "alert"}}},
                {"range": {"src_ip": {"gte": "::ffff:10.0.0.0", "lte": "::ffff:10.255.255.255"}}},
            ]}}),
        );
        check(
            "NOT alert.signature:\"ET Malware\"",
            &json!({"bool": {"must_not": [
                {"match_phrase": {"alert.signature": {"query": "et malware"}}},
            ]}}),
        );
        check(
            "tls.sni:*.Evil.*",
            &json!({"wildcard": {"tls.sni.keyword": {"value": "*.evil.*", "case_insensitive": true}}}),
        );
        check(
            "dest_port:(80 OR >1024)",
            &json!({"bool": {"minimum_should_match": 1, "should": [
                {"term": {"dest_port": {"value": 80}}},
                {"range": {"dest_port": {"gte": 1025}}},
            ]}}),
        );
        check(
            "@timestamp:>=1970-01-02",
            &json!({"range": {"ratel_store.at": {"gte": 86_400_000_000_000_i64}}}),
        );
        check(
            "host.name:web1",
            &json!({"term": {"ratel_store.host_name": {"value": "web1"}}}),
        );
        check(
            "flow.start:<1970-01-01T00:00:01Z",
            &json!({"range": {"flow.start": {"lte": "1970-01-01T00:00:00.999999999Z"}}}),
        );
    }

    #[test]
    fn the_rest_is_one_keyword_of_paths_and_values() {
        check(
            "ours.deep:x",
            &json!({"term": {"ratel_store.rest": {"value": "ours.deep=x"}}}),
        );
        check(
            "ours.deep:x*",
            &json!({"wildcard": {"ratel_store.rest": {"value": "ours.deep=x*"}}}),
        );
        check(
            "ours.deep:>=b",
            &json!({"range": {"ratel_store.rest": {"gte": "ours.deep=b", "lt": "ours.deep>"}}}),
        );
        check(
            "a=b:c",
            &json!({"term": {"ratel_store.rest": {"value": "a\\=b=c"}}}),
        );
        check(
            "_exists_:log.file",
            &json!({"bool": {"minimum_should_match": 1, "should": [
                {"prefix": {"ratel_store.rest": {"value": "log.file="}}},
                {"prefix": {"ratel_store.rest": {"value": "log.file."}}},
                {"exists": {"field": "log.file.path"}},
            ]}}),
        );
    }
}
