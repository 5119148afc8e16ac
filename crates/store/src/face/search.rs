//! `_search`, `_msearch` and `_count`: bodies as questions to the store, and its answers in their form.

use event::{RecordId, Timestamp};
use serde_json::{Map, Value, json};

use super::dsl::Reader;
use super::source::{self, Filter};
use super::{INDEX, Options, Reply, shards};
use crate::fields;
use crate::query::glob::Piece;
use crate::query::{Predicate, Query, Value as Word, moment};
use crate::search::{Answer, Cursor, MAX_LIMIT, Order, Request};

/// Searches of one `_msearch`: Grafana sends one for each panel's query.
const MAX_SEARCHES: usize = 100;

/// How many are counted exactly where nobody says otherwise.
const USUAL_TOTAL: u64 = 10_000;

/// Questions for the store, and how they are answered.
#[derive(Debug)]
pub struct Search {
    questions: Vec<Result<Question, Reply>>,
    is_many: bool,
}

/// One question.
#[derive(Debug)]
struct Question {
    request: Request,
    skip: usize,
    filter: Filter,
    fields: Vec<Vec<Piece>>,
    is_sorted: bool,
    total: Total,
    is_total_plain: bool,
    aggregations: Value,
}

/// What is told of the number of matches.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Total {
    Exact,
    UpTo(u64),
    None,
}

impl Search {
    /// What the store is asked, in this order.
    pub fn requests(&self) -> impl Iterator<Item = &Request> {
        self.questions
            .iter()
            .filter_map(|question| question.as_ref().ok())
            .map(|question| &question.request)
    }

    /// The answer of these answers, one for each of [`Search::requests`]: an error is the store's reason and
    /// whether the question was wrong. `took_ms` is what it took all together.
    #[must_use]
    pub fn reply(&self, answers: Vec<Result<Answer, (bool, String)>>, took_ms: u64) -> Reply {
        let mut answers = answers.into_iter();
        let mut replies = self.questions.iter().map(|question| match question {
            Err(reply) => reply.clone(),
            Ok(question) => match answers.next() {
                Some(Ok(answer)) => Reply::ok(question.answer(answer, took_ms)),
                Some(Err((true, reason))) => {
                    Reply::error(400, "illegal_argument_exception", &reason)
                }
                Some(Err((false, reason))) => {
                    Reply::error(503, "search_phase_execution_exception", &reason)
                }
                None => Reply::unavailable("no answer"),
            },
        });
        if !self.is_many {
            return replies
                .next()
                .unwrap_or_else(|| Reply::unavailable("no answer"));
        }
        let responses: Vec<Value> = replies
            .map(|reply| {
                let super::Body::Json(mut body) = reply.body else {
                    return Value::Null;
                };
                body["status"] = reply.status.into();
                body
            })
            .collect();
        Reply::ok(json!({"took": took_ms, "responses": responses}))
    }
}

impl Question {
    fn answer(&self, answer: Answer, took_ms: u64) -> Value {
        let hits: Vec<Value> = answer
            .hits
            .iter()
            .skip(self.skip)
            .map(|hit| {
                let event = source::of(hit);
                let mut shown = json!({
                    "_index": INDEX,
                    "_id": hit.id.to_string(),
                    "_score": if self.is_sorted { Value::Null } else { json!(1.0) },
                });
                if !self.fields.is_empty() {
                    shown["fields"] = source::fields(&event, &self.fields).into();
                }
                if let Some(source) = self.filter.apply(event) {
                    shown["_source"] = source;
                }
                if self.is_sorted {
                    // As text: numbers of this size lose their end in JavaScript.
                    shown["sort"] =
                        json!([crate::query::date::rfc3339(hit.time), hit.id.to_string()]);
                }
                shown
            })
            .collect();
        let mut found = json!({"max_score": Value::Null, "hits": hits});
        let total = match self.total {
            Total::None => None,
            Total::Exact => Some((answer.total, answer.is_exact)),
            Total::UpTo(most) => Some((
                answer.total.min(most),
                answer.is_exact && answer.total <= most,
            )),
        };
        if let Some((value, is_exact)) = total {
            found["total"] = if self.is_total_plain {
                value.into()
            } else {
                json!({"value": value, "relation": if is_exact { "eq" } else { "gte" }})
            };
        }
        let mut out = json!({
            "took": took_ms,
            "timed_out": false,
            "_shards": shards(),
            "hits": found,
        });
        if self.aggregations.is_object() {
            out["aggregations"] = answer.aggregations;
        }
        out
    }
}

/// One search.
pub(super) fn search(
    body: &[u8],
    index: Option<&str>,
    options: &Options,
    now: Timestamp,
) -> Result<Search, Reply> {
    for unknown in ["scroll"] {
        if options.get(unknown).is_some() {
            let reason = format!("{unknown} is not known here; search_after is");
            return Err(refused(&reason));
        }
    }
    let body = object(body)?;
    Ok(Search {
        questions: vec![Ok(question(&body, index, options, now)?)],
        is_many: false,
    })
}

/// Lines of headers and bodies, each pair a search of its own.
pub(super) fn many(
    body: &[u8],
    index: Option<&str>,
    options: &Options,
    now: Timestamp,
) -> Result<Search, Reply> {
    let mut lines: Vec<&[u8]> = body.split(|byte| *byte == b'\n').collect();
    if lines.last().is_some_and(|line| line.is_empty()) {
        lines.pop();
    }
    if lines.is_empty() || lines.len() % 2 == 1 {
        return Err(refused("a line for each header and one for each body"));
    }
    if lines.len() / 2 > MAX_SEARCHES {
        return Err(refused(&format!("more than {MAX_SEARCHES} searches")));
    }
    let questions = lines
        .chunks(2)
        .map(|pair| {
            let [header, body] = pair else {
                return Err(refused("a line for each header and one for each body"));
            };
            let header = object(header)?;
            let named = match header.get("index") {
                Some(Value::String(name)) => Some(name.clone()),
                Some(Value::Array(names)) => Some(
                    names
                        .iter()
                        .filter_map(Value::as_str)
                        .collect::<Vec<_>>()
                        .join(","),
                ),
                _ => index.map(str::to_owned),
            };
            question(&object(body)?, named.as_deref(), options, now)
        })
        .collect();
    Ok(Search {
        questions,
        is_many: true,
    })
}

/// A count.
pub(super) fn count(
    body: &[u8],
    index: Option<&str>,
    options: &Options,
    now: Timestamp,
) -> Result<Query, Reply> {
    query(&object(body)?, index, options, now)
}

fn refused(reason: &str) -> Reply {
    Reply::error(400, "illegal_argument_exception", reason)
}

fn object(body: &[u8]) -> Result<Map<String, Value>, Reply> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Map::new());
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Err(Reply::error(
            400,
            "parsing_exception",
            "the body is no object",
        )),
        Err(error) => Err(Reply::error(400, "parsing_exception", &error.to_string())),
    }
}

fn query(
    body: &Map<String, Value>,
    index: Option<&str>,
    options: &Options,
    now: Timestamp,
) -> Result<Query, Reply> {
    let parsing = |reason: String| Reply::error(400, "parsing_exception", &reason);
    let mut all = Vec::new();
    if let Some(dsl) = body.get("query") {
        all.push(Reader::new(now).query(dsl, 0).map_err(parsing)?);
    }
    if let Some(text) = options.get("q") {
        let query = Query::parse(text).map_err(|error| parsing(format!("q: {error}")))?;
        all.push(query.at(now));
    }
    all.extend(index.and_then(of_index));
    Ok(Query::and(all))
}

/// What the name of an index asks for: all of the store, or what was sent to an index of that name.
fn of_index(names: &str) -> Option<Query> {
    let mut any = Vec::new();
    for name in names.split(',').take(MAX_SEARCHES) {
        let is_all = matches!(name, "" | "_all" | "*" | INDEX)
            || (name.starts_with("ratel") && name.ends_with('*'))
            || name == "ratel";
        if is_all {
            return None;
        }
        let value = if name.contains('*') {
            Word::Pattern(name.to_owned())
        } else {
            Word::Phrase(name.to_owned())
        };
        any.push(Query::field("ratel.index", Predicate::Is(value)));
    }
    Some(Query::or(any))
}

fn question(
    body: &Map<String, Value>,
    index: Option<&str>,
    options: &Options,
    now: Timestamp,
) -> Result<Question, Reply> {
    for key in [
        "post_filter",
        "collapse",
        "rescore",
        "suggest",
        "knn",
        "pit",
        "slice",
        "retriever",
    ] {
        if body.get(key).is_some_and(|value| !is_nothing(value)) {
            return Err(refused(&format!("{key} is not known here")));
        }
    }
    if body
        .get("script_fields")
        .is_some_and(|value| !is_nothing(value))
    {
        return Err(refused("scripts are not known here"));
    }
    let number = |key: &str, usual: usize| -> Result<usize, Reply> {
        let value = match (options.get(key), body.get(key)) {
            (Some(text), _) => text.parse().ok(),
            (None, Some(value)) => value.as_u64().and_then(|value| usize::try_from(value).ok()),
            (None, None) => Some(usual),
        };
        value.ok_or_else(|| refused(&format!("{key}: a count")))
    };
    let (skip, size) = (number("from", 0)?, number("size", 10)?);
    let limit = skip.saturating_add(size);
    if limit > MAX_LIMIT {
        return Err(refused(&format!(
            "from and size: at most {MAX_LIMIT} together; search_after goes on"
        )));
    }
    let (order, is_sorted) = order(body.get("sort"), options.get("sort"))?;
    let total = match (
        options.get("track_total_hits"),
        body.get("track_total_hits"),
    ) {
        (Some("true"), _) | (None, Some(Value::Bool(true))) => Total::Exact,
        (Some("false"), _) | (None, Some(Value::Bool(false))) => Total::None,
        (None, Some(Value::Number(most))) => Total::UpTo(most.as_u64().unwrap_or(USUAL_TOTAL)),
        (Some(most), _) => Total::UpTo(most.parse().unwrap_or(USUAL_TOTAL)),
        (None, _) => Total::UpTo(USUAL_TOTAL),
    };
    let mut aggregations = body
        .get("aggs")
        .or_else(|| body.get("aggregations"))
        .cloned()
        .unwrap_or(Value::Null);
    usual_aggregations(&mut aggregations, 0);
    let mut fields = source::patterns(body.get("fields"));
    fields.extend(source::patterns(body.get("docvalue_fields")));
    let is_source_plain = matches!(options.get("_source"), Some("true" | "false"));
    let filter = if is_source_plain {
        Filter::read(Some(&json!(options.is_on("_source"))), None, None)
    } else {
        Filter::read(
            body.get("_source"),
            options.get("_source_includes").or(options.get("_source")),
            options.get("_source_excludes"),
        )
    };
    Ok(Question {
        request: Request {
            query: query(body, index, options, now)?,
            since: None,
            until: None,
            order,
            // None of the hits that are passed over are shown, but each is looked for.
            limit: if size == 0 { 0 } else { limit },
            after: body.get("search_after").map(after).transpose()?.flatten(),
            aggregations: aggregations.clone(),
            exact_total: total == Total::Exact
                || matches!(total, Total::UpTo(most) if most > USUAL_TOTAL),
        },
        skip,
        filter,
        fields,
        is_sorted,
        total,
        is_total_plain: options.is_on("rest_total_hits_as_int"),
        aggregations,
    })
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(true) | Value::Number(_) | Value::String(_) => false,
    }
}

/// The order that is asked for, and whether any is: the newest first, unless the time rises.
fn order(sort: Option<&Value>, option: Option<&str>) -> Result<(Order, bool), Reply> {
    let mut found = None;
    let mut one = |name: &str, direction: Option<&str>| {
        let is_time = matches!(fields::place(name), fields::Place::Time);
        // By these nothing is told apart that time does not tell apart before.
        let is_tie = matches!(name, "_doc" | "_id" | "_shard_doc" | "_score");
        if !is_time && !is_tie {
            return Err(refused(&format!("sort: only by @timestamp, not by {name}")));
        }
        if is_time && found.is_none() {
            found = Some(match direction {
                Some("desc") => Order::NewestFirst,
                _ => Order::OldestFirst,
            });
        }
        Ok(())
    };
    if let Some(option) = option {
        for name in option.split(',') {
            let (name, direction) = name.split_once(':').unwrap_or((name, "asc"));
            one(name, Some(direction))?;
        }
    }
    let items = match sort {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(items)) => items.iter().collect(),
        Some(item) => vec![item],
    };
    for item in items {
        match item {
            Value::String(name) => one(name, None)?,
            Value::Object(members) => {
                for (name, how) in members {
                    let direction = how.as_str().or_else(|| how.get("order")?.as_str());
                    one(name, direction)?;
                }
            }
            _ => return Err(refused("sort: names of fields")),
        }
    }
    Ok((found.unwrap_or(Order::NewestFirst), found.is_some()))
}

/// The place behind which to go on: what was told under `sort`.
fn after(values: &Value) -> Result<Option<Cursor>, Reply> {
    let wrong = || refused("search_after: what stands under sort of the last hit");
    let values = match values {
        Value::Null => return Ok(None),
        Value::Array(values) => values,
        _ => return Err(wrong()),
    };
    let time = match values.first() {
        Some(Value::String(text)) => moment(text).ok_or_else(wrong)?,
        Some(Value::Number(millis)) => {
            let millis = millis.as_i64().ok_or_else(wrong)?;
            Timestamp::from_nanos(millis.saturating_mul(1_000_000))
        }
        _ => return Err(wrong()),
    };
    let id = values
        .get(1)
        .and_then(Value::as_str)
        .and_then(|text| text.parse().ok())
        // Without an id, all of that moment is passed over by none and seen again at worst.
        .unwrap_or(RecordId::from_bytes([0; 16]));
    Ok(Some(Cursor { time, id }))
}

/// Aggregations in the form that all stores know: units of always the same length are fixed, times are UTC.
fn usual_aggregations(aggregations: &mut Value, depth: usize) {
    let Value::Object(named) = aggregations else {
        return;
    };
    if depth > 16 {
        return;
    }
    for one in named.values_mut() {
        for key in ["aggs", "aggregations"] {
            if let Some(inner) = one.get_mut(key) {
                usual_aggregations(inner, depth + 1);
            }
        }
        if let Some(Value::Object(terms)) = one.get_mut("terms") {
            usual_terms(terms);
        }
        let Some(Value::Object(histogram)) = one.get_mut("date_histogram") else {
            continue;
        };
        let interval = histogram
            .remove("interval")
            .or_else(|| histogram.remove("calendar_interval"));
        if let Some(interval) = interval {
            let fixed = match interval.as_str() {
                Some("second" | "1s") => "1s",
                Some("minute" | "1m") => "1m",
                Some("hour" | "1h") => "1h",
                Some("day" | "1d") => "1d",
                Some("week" | "1w") => "7d",
                Some(other) => other,
                None => "1h",
            };
            let fixed = fixed.to_owned();
            histogram.insert("fixed_interval".into(), fixed.into());
        }
        let is_utc = histogram
            .get("time_zone")
            .and_then(Value::as_str)
            .is_none_or(|zone| matches!(zone, "utc" | "UTC" | "Z"));
        if is_utc {
            histogram.remove("time_zone");
        }
        if histogram.get("format").and_then(Value::as_str) == Some("epoch_millis") {
            histogram.remove("format");
        }
        for bounds in ["extended_bounds", "hard_bounds"] {
            if let Some(Value::Object(ends)) = histogram.get_mut(bounds) {
                for end in ends.values_mut() {
                    if let Some(millis) = end.as_str().and_then(|text| text.parse::<i64>().ok()) {
                        *end = millis.into();
                    }
                }
            }
        }
    }
}

/// Counts that are written as texts, and the old name of the key.
fn usual_terms(terms: &mut Map<String, Value>) {
    for key in ["size", "shard_size", "min_doc_count"] {
        if let Some(number) = terms
            .get(key)
            .and_then(Value::as_str)
            .and_then(|text| text.parse::<u64>().ok())
        {
            terms.insert(key.to_owned(), number.into());
        }
    }
    if let Some(Value::Object(order)) = terms.get_mut("order")
        && let Some(direction) = order.remove("_term")
    {
        order.insert("_key".into(), direction);
    }
}
