//! Elasticsearch's query DSL as a query.

use event::Timestamp;
use serde_json::{Map, Value as Json};

use crate::fields::{self, Kind, Place};
use crate::query::{Bound, Predicate, Query, Value, date, glob, words};

/// Queries within queries.
const MAX_DEPTH: usize = 32;

/// Conditions of one query, as Elasticsearch's `indices.query.bool.max_clause_count`.
const MAX_CLAUSES: usize = 1_024;

/// What reads a query.
pub struct Reader {
    now: Timestamp,
    clauses: usize,
}

/// Why a query cannot be understood, for people.
pub type Reason = String;

impl Reader {
    pub fn new(now: Timestamp) -> Reader {
        Reader { now, clauses: 0 }
    }

    /// Reads `{"term": …}` and its like.
    pub fn query(&mut self, dsl: &Json, depth: usize) -> Result<Query, Reason> {
        if depth > MAX_DEPTH {
            return Err(format!("more than {MAX_DEPTH} queries within queries"));
        }
        self.clauses += 1;
        if self.clauses > MAX_CLAUSES {
            return Err(format!("more than {MAX_CLAUSES} conditions"));
        }
        let Json::Object(members) = dsl else {
            return Err("a query is an object".into());
        };
        let mut members = members.iter();
        let (Some((name, body)), None) = (members.next(), members.next()) else {
            return if members.len() == 0 && dsl.as_object().is_some_and(Map::is_empty) {
                Ok(Query::All)
            } else {
                Err("a query has one name".into())
            };
        };
        match name.as_str() {
            "match_all" => Ok(Query::All),
            "match_none" => Ok(Query::none()),
            "bool" => self.bool(body, depth),
            "constant_score" => {
                let filter = body
                    .get("filter")
                    .ok_or("constant_score: filter is missing")?;
                self.query(filter, depth + 1)
            }
            "dis_max" => Ok(Query::or(self.list(body.get("queries"), depth)?)),
            "term" => of_field(body, &["value"], |path, value, more| {
                if more.get("case_insensitive") == Some(&Json::Bool(true)) {
                    return Err("term: case_insensitive is not known here".into());
                }
                Ok(is(path, exact(value)?))
            }),
            "terms" => self.terms(body),
            "match" => of_field(body, &["query"], |path, value, more| {
                let is_and = more
                    .get("operator")
                    .and_then(Json::as_str)
                    .is_some_and(|operator| operator.eq_ignore_ascii_case("and"));
                matched(path, value, is_and)
            }),
            "match_phrase" => of_field(body, &["query"], |path, value, _| {
                Ok(is(path, exact(value)?))
            }),
            "match_phrase_prefix" | "match_bool_prefix" => {
                Err(format!("{name} is not known here; prefix and wildcard are"))
            }
            "multi_match" => self.multi_match(body),
            "range" => self.range(body),
            "exists" => {
                let path = body.get("field").and_then(Json::as_str);
                let path = path.ok_or("exists: field is missing")?;
                Ok(Query::field(path, Predicate::Exists))
            }
            "wildcard" => of_field(body, &["value", "wildcard"], |path, value, _| {
                let pattern = value.as_str().ok_or("wildcard: a text must stand here")?;
                Ok(if pattern == "*" {
                    Query::field(path, Predicate::Exists)
                } else {
                    is(path, Value::Pattern(pattern.to_owned()))
                })
            }),
            "prefix" => of_field(body, &["value"], |path, value, _| {
                let prefix = value.as_str().ok_or("prefix: a text must stand here")?;
                let pattern = format!("{}*", glob::literal(prefix));
                Ok(is(path, Value::Pattern(pattern)))
            }),
            "query_string" => self.query_string(body, false),
            "simple_query_string" => self.query_string(body, true),
            "ids" => {
                let values = body.get("values").and_then(Json::as_array);
                let values = values.ok_or("ids: values are missing")?;
                self.clauses += values.len();
                let one = |value: &Json| Ok(is(fields::ID, exact(value)?));
                Ok(Query::or(
                    values.iter().map(one).collect::<Result<_, Reason>>()?,
                ))
            }
            other => Err(format!("no such query as {other} is known here")),
        }
    }

    fn list(&mut self, of: Option<&Json>, depth: usize) -> Result<Vec<Query>, Reason> {
        match of {
            None | Some(Json::Null) => Ok(Vec::new()),
            Some(Json::Array(items)) => items
                .iter()
                .map(|item| self.query(item, depth + 1))
                .collect(),
            Some(one) => Ok(vec![self.query(one, depth + 1)?]),
        }
    }

    fn bool(&mut self, body: &Json, depth: usize) -> Result<Query, Reason> {
        let mut all = self.list(body.get("must"), depth)?;
        all.extend(self.list(body.get("filter"), depth)?);
        let should = self.list(body.get("should"), depth)?;
        let least = match body.get("minimum_should_match") {
            None => u64::from(all.is_empty() && !should.is_empty()),
            Some(Json::Number(number)) => number.as_u64().ok_or("minimum_should_match: a count")?,
            Some(Json::String(text)) => {
                text.parse().map_err(|_| "minimum_should_match: a count")?
            }
            Some(_) => return Err("minimum_should_match: a count".into()),
        };
        match least {
            // Without a score, what may hold makes no difference.
            0 => {}
            1 => all.push(Query::or(should)),
            least if least == should.len() as u64 => all.extend(should),
            _ => return Err("minimum_should_match: none, one or all are known here".into()),
        }
        for not in self.list(body.get("must_not"), depth)? {
            all.push(Query::Not(Box::new(not)));
        }
        Ok(Query::and(all))
    }

    fn terms(&mut self, body: &Json) -> Result<Query, Reason> {
        let Json::Object(members) = body else {
            return Err("terms: an object".into());
        };
        let found = members
            .iter()
            .find(|(key, _)| *key != "boost" && *key != "_name");
        let Some((path, Json::Array(values))) = found else {
            return Err("terms: a list must stand here".into());
        };
        self.clauses += values.len();
        if self.clauses > MAX_CLAUSES {
            return Err(format!("more than {MAX_CLAUSES} conditions"));
        }
        let one = |value: &Json| Ok(is(path, exact(value)?));
        Ok(Query::or(
            values.iter().map(one).collect::<Result<_, Reason>>()?,
        ))
    }

    fn multi_match(&mut self, body: &Json) -> Result<Query, Reason> {
        let value = body.get("query").ok_or("multi_match: query is missing")?;
        let is_phrase = body.get("type").and_then(Json::as_str) == Some("phrase");
        let is_and = body
            .get("operator")
            .and_then(Json::as_str)
            .is_some_and(|operator| operator.eq_ignore_ascii_case("and"));
        let paths = paths_of(body);
        if paths.is_empty() {
            return Ok(Query::Anywhere(exact(value)?));
        }
        self.clauses += paths.len();
        let one = |path: &String| {
            if is_phrase {
                Ok(is(path, exact(value)?))
            } else {
                matched(path, value, is_and)
            }
        };
        Ok(Query::or(
            paths.iter().map(one).collect::<Result<_, Reason>>()?,
        ))
    }

    fn range(&mut self, body: &Json) -> Result<Query, Reason> {
        let Json::Object(members) = body else {
            return Err("range: an object".into());
        };
        let Some((path, Json::Object(ends))) = members.iter().next() else {
            return Err("range: ends must stand here".into());
        };
        let is_time = match fields::place(path) {
            Place::Time => true,
            Place::Known(field) => field.kind == Kind::Time,
            Place::Twin(_) | Place::Id | Place::Silent | Place::Rest => false,
        };
        let is_seconds = ends.get("format").and_then(Json::as_str) == Some("epoch_second");
        let includes = |key: &str| ends.get(key) != Some(&Json::Bool(false));
        let (mut from, mut to) = (Bound::None, Bound::None);
        for (key, value) in ends {
            if value.is_null() {
                continue;
            }
            let (is_from, is_in) = match key.as_str() {
                "gte" => (true, true),
                "gt" => (true, false),
                "lte" => (false, true),
                "lt" => (false, false),
                "from" => (true, includes("include_lower")),
                "to" => (false, includes("include_upper")),
                "format" | "include_lower" | "include_upper" | "boost" | "relation" | "_name" => {
                    continue;
                }
                "time_zone" => match value.as_str() {
                    Some("UTC" | "utc" | "Z" | "+00:00") => continue,
                    _ => return Err("range: only the time zone UTC is known here".into()),
                },
                other => return Err(format!("range: {other} is not known here")),
            };
            let mut typed = exact(value)?;
            if is_time {
                typed = self.moment(value, typed, is_seconds, is_from != is_in)?;
            }
            let bound = if is_in {
                Bound::Including(typed)
            } else {
                Bound::Excluding(typed)
            };
            if is_from {
                from = bound;
            } else {
                to = bound;
            }
        }
        Ok(Query::field(path, Predicate::Range { from, to }))
    }

    /// The end of a range of moments, its arithmetic done.
    fn moment(
        &self,
        value: &Json,
        typed: Value,
        is_seconds: bool,
        is_up: bool,
    ) -> Result<Value, Reason> {
        let word = |time: Timestamp| Value::Word(crate::query::date::rfc3339(time));
        if let Some(number) = value.as_f64() {
            let millis = if is_seconds { number * 1000.0 } else { number };
            let nanos = (millis * 1_000.0).round() as i64;
            return Ok(word(Timestamp::from_nanos(nanos.saturating_mul(1_000))));
        }
        let Some(text) = value.as_str() else {
            return Ok(typed);
        };
        if text.starts_with("now") || text.contains("||") {
            return match date::math(text, self.now, is_up) {
                Some(time) => Ok(word(time)),
                None => Err(format!("range: {text:?} is no date")),
            };
        }
        if is_seconds && let Ok(secs) = text.parse::<i64>() {
            return Ok(word(Timestamp::new(secs, 0)));
        }
        Ok(typed)
    }

    fn query_string(&mut self, body: &Json, is_simple: bool) -> Result<Query, Reason> {
        let text = body.get("query").and_then(Json::as_str);
        let text = text.ok_or("query_string: query is missing")?;
        let query = if is_simple {
            let plain = text.replace(" | ", " OR ").replace(" + ", " AND ");
            // A simple query is never wrong: what cannot be read are words.
            Query::parse(&plain).unwrap_or_else(|_| {
                Query::and(
                    text.split_whitespace()
                        .map(|word| Query::Anywhere(Value::Phrase(word.to_owned())))
                        .collect(),
                )
            })
        } else {
            Query::parse(text).map_err(|error| format!("query_string: {text:?}: {error}"))?
        };
        let query = query.at(self.now);
        let paths = paths_of(body);
        Ok(if paths.is_empty() {
            query
        } else {
            bound(query, &paths)
        })
    }
}

/// The fields that words are looked for in; none where it is all of them.
fn paths_of(body: &Json) -> Vec<String> {
    let mut paths: Vec<String> = match body.get("fields") {
        Some(Json::Array(items)) => items
            .iter()
            .filter_map(Json::as_str)
            .map(unweighted)
            .collect(),
        Some(Json::String(one)) => vec![unweighted(one)],
        _ => Vec::new(),
    };
    if let Some(one) = body.get("default_field").and_then(Json::as_str) {
        paths.push(unweighted(one));
    }
    if paths.iter().any(|path| path.contains('*')) {
        paths.clear();
    }
    paths.truncate(100);
    paths
}

/// `field^3` without its weight.
fn unweighted(path: &str) -> String {
    path.split('^').next().unwrap_or(path).to_owned()
}

/// The query with its words bound to these fields.
fn bound(query: Query, paths: &[String]) -> Query {
    match query {
        Query::Anywhere(value) => {
            Query::or(paths.iter().map(|path| is(path, value.clone())).collect())
        }
        Query::And(parts) => Query::and(parts.into_iter().map(|part| bound(part, paths)).collect()),
        Query::Or(parts) => Query::or(parts.into_iter().map(|part| bound(part, paths)).collect()),
        Query::Not(query) => Query::Not(Box::new(bound(*query, paths))),
        query @ (Query::All | Query::Field { .. }) => query,
    }
}

fn is(path: &str, value: Value) -> Query {
    Query::field(path, Predicate::Is(value))
}

/// A value as it stands in JSON.
fn exact(value: &Json) -> Result<Value, Reason> {
    match value {
        Json::String(text) => Ok(Value::Phrase(text.clone())),
        Json::Number(number) => Ok(Value::Word(number.to_string())),
        Json::Bool(value) => Ok(Value::Word(value.to_string())),
        Json::Null | Json::Array(_) | Json::Object(_) => {
            Err("a text, a number or a truth value must stand here".into())
        }
    }
}

/// One of the words of a text, or all of them; other fields take the value as a whole.
fn matched(path: &str, value: &Json, is_and: bool) -> Result<Query, Reason> {
    let is_text = matches!(fields::place(path), Place::Known(field) if field.kind == Kind::Text);
    let Some(text) = value.as_str().filter(|_| is_text) else {
        return Ok(is(path, exact(value)?));
    };
    let words: Vec<Query> = words(text)
        .take(MAX_CLAUSES)
        .map(|word| is(path, Value::Phrase(word)))
        .collect();
    Ok(if is_and {
        Query::and(words)
    } else {
        Query::or(words)
    })
}

/// `{"field": value}` or `{"field": {"value": value, …}}`, where the value has one of these names.
fn of_field(
    body: &Json,
    names: &[&str],
    make: impl FnOnce(&str, &Json, &Map<String, Json>) -> Result<Query, Reason>,
) -> Result<Query, Reason> {
    let Json::Object(members) = body else {
        return Err("an object with the name of a field must stand here".into());
    };
    let found = members
        .iter()
        .find(|(key, _)| *key != "boost" && *key != "_name");
    let Some((path, value)) = found else {
        return Err("the name of a field is missing".into());
    };
    match value {
        Json::Object(more) => {
            let value = names.iter().find_map(|name| more.get(*name));
            let value =
                value.ok_or_else(|| format!("{path}: {} is missing", names.join(" or ")))?;
            make(path, value, more)
        }
        value => make(path, value, &Map::new()),
    }
}
