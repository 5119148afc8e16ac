//! The store over a server of Elasticsearch or OpenSearch: the same records, questions and answers.
//!
//! A record is one document of a data stream with the record's id as its `_id`, created and never overwritten: a
//! repeat is refused by the server and passed over. Calls block, each with a limit in time and bytes.

mod aggregate;
mod answer;
mod client;
mod config;
mod document;
mod dsl;
mod ecs;
mod keep;
mod names;
mod template;
mod write;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use event::{RecordId, Timestamp};
use serde_json::{Value, json};

use self::client::Client;
pub use self::config::{Config, Schema};
use self::names::Names;
pub use self::write::Written;
use crate::query::Query;
use crate::search::{Answer, Hit, MAX_LIMIT, Order, Request};

/// Values that are told for completion.
const MAX_VALUES: usize = 10_000;

/// What can go wrong with a server.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A value of the configuration cannot be.
    #[error("{key}: {why}")]
    Config {
        /// The key, with dots.
        key: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A file of the configuration.
    #[error("{}: {why}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// No node answers; the last one's reason.
    #[error("no node answers: {0}")]
    Unreachable(String),
    /// The server said no.
    #[error("{path}: the server answered {status}: {reason}")]
    Status {
        /// HTTP's status.
        status: u16,
        /// What was asked for.
        path: String,
        /// In its words.
        reason: String,
    },
    /// The server answered what nobody understands.
    #[error("{path}: {why}")]
    Unreadable {
        /// What was asked for.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// What was asked for cannot be asked.
    #[error("{0}")]
    Asked(String),
}

impl Error {
    /// Whether the same may go well a little later.
    #[must_use]
    pub const fn is_passing(&self) -> bool {
        match self {
            Error::Unreachable(_) => true,
            Error::Status { status, .. } => matches!(status, 408 | 429 | 500..=599),
            Error::Config { .. }
            | Error::File { .. }
            | Error::Unreadable { .. }
            | Error::Asked(_) => false,
        }
    }
}

/// A server as a store.
#[derive(Debug)]
pub struct Elastic {
    config: Config,
    client: Client,
    names: Names,
    /// Whether templates and data streams are there.
    is_prepared: AtomicBool,
    /// Whether no record that comes now can have come before; else each is looked for before it is written.
    is_sure: AtomicBool,
}

impl Elastic {
    /// Makes ready to ask a server; asks nothing yet.
    ///
    /// # Errors
    /// A wrong configuration, or a file of it that cannot be read.
    pub fn open(config: &Config) -> Result<Elastic, Error> {
        config
            .check()
            .map_err(|(key, why)| Error::Config { key, why })?;
        Ok(Elastic {
            config: config.clone(),
            client: Client::new(config)?,
            names: Names(config.schema),
            is_prepared: AtomicBool::new(false),
            is_sure: AtomicBool::new(false),
        })
    }

    /// Where searches go: both streams, also where one is not there yet.
    fn search_path(&self, verb: &str) -> String {
        format!(
            "/{},{}/{verb}?ignore_unavailable=true&allow_no_indices=true",
            self.config.events(),
            self.config.stats()
        )
    }

    /// The answer to a question.
    ///
    /// # Errors
    /// A question that cannot be asked, or a server that fails.
    pub fn search(&self, request: &Request) -> Result<Answer, Error> {
        let plan = request.query.plan();
        let limit = request.limit.min(MAX_LIMIT);
        let mut body = json!({
            "query": dsl::within(dsl::query(self.names, &plan), request.since, request.until),
            "size": limit,
            "track_total_hits": request.exact_total,
        });
        if !request.exact_total {
            body["track_total_hits"] = json!(10_000);
        }
        if limit > 0 {
            let order = match request.order {
                Order::NewestFirst => "desc",
                Order::OldestFirst => "asc",
            };
            body["sort"] = json!([
                {names::AT: {"order": order, "unmapped_type": "long"}},
                {names::ID: {"order": order, "unmapped_type": "keyword"}},
            ]);
            if let Some(after) = &request.after {
                body["search_after"] = json!([after.time.nanos(), after.id.to_string()]);
            }
        } else {
            body["_source"] = json!(false);
        }
        if has_any(&request.aggregations) {
            body["aggs"] = aggregate::request(self.names, &request.aggregations)?;
        }
        let path = self.search_path("_search");
        let text = body.to_string();
        let found = self
            .client
            .ask("POST", &path, Some(("application/json", text.as_bytes())))?;
        if !(200..300).contains(&found.status) {
            return Err(found.error(&path));
        }
        answer::read(request, limit, &found.body).map_err(|why| Error::Unreadable { path, why })
    }

    /// One event by its id.
    ///
    /// # Errors
    /// A server that fails.
    pub fn get(&self, id: RecordId) -> Result<Option<Hit>, Error> {
        let query = Query::field(
            crate::fields::ID,
            crate::query::Predicate::Is(crate::query::Value::Phrase(id.to_string())),
        );
        let mut request = Request::of(query);
        request.limit = 1;
        request.exact_total = false;
        Ok(self.search(&request)?.hits.into_iter().next())
    }

    /// How many events match.
    ///
    /// # Errors
    /// A server that fails.
    pub fn count(
        &self,
        query: &Query,
        since: Option<Timestamp>,
        until: Option<Timestamp>,
    ) -> Result<u64, Error> {
        let query = dsl::within(dsl::query(self.names, &query.plan()), since, until);
        let path = self.search_path("_count");
        let answer = self
            .client
            .json("POST", &path, Some(&json!({"query": query})))?;
        answer
            .get("count")
            .and_then(Value::as_u64)
            .ok_or_else(|| Error::Unreadable {
                path,
                why: "no count".into(),
            })
    }

    /// Values of a field that begin with `prefix`, whatever its case, with how many matching events have them; the
    /// most frequent first, then by value.
    ///
    /// # Errors
    /// A field whose values are not counted, or a server that fails.
    pub fn values(
        &self,
        path: &str,
        prefix: &str,
        query: &Query,
        limit: usize,
    ) -> Result<Vec<(String, u64)>, Error> {
        let limit = limit.min(MAX_VALUES);
        let (field, begin) = match aggregate::column(self.names, path) {
            aggregate::Column::Field(name) => (name, String::new()),
            aggregate::Column::Rest => (names::REST.to_owned(), names::rest(path)),
            aggregate::Column::Silent => {
                return Err(Error::Asked(format!("{path} is not counted")));
            }
        };
        // Numbers and addresses take no expression: they are looked through here.
        let is_text = answer::is_text(path);
        let size = if is_text { limit } else { MAX_VALUES };
        let mut terms = json!({"field": field, "size": size.max(1)});
        if is_text {
            let either: String = prefix.chars().map(either_case).collect();
            terms["include"] = format!("{}{either}.*", aggregate::regex(&begin)).into();
        }
        terms["order"] = json!([{"_count": "desc"}, {"_key": "asc"}]);
        let body = json!({
            "size": 0,
            "query": dsl::query(self.names, &query.plan()),
            "aggs": {"values": {"terms": terms}},
        });
        let at = self.search_path("_search");
        let found = self.client.json("POST", &at, Some(&body))?;
        let mut values = answer::values(&found, &begin);
        values.retain(|(value, _)| is_text || value.starts_with(prefix));
        // Equals stand in the order of their text, whatever their type.
        values.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        values.truncate(limit);
        Ok(values)
    }

    /// Whether the server can be asked at all, and what it is.
    ///
    /// # Errors
    /// A server that fails.
    pub fn about(&self) -> Result<Value, Error> {
        self.client.json("GET", "/", None)
    }

    /// Makes all that was written found at once: for tests and after an import.
    ///
    /// # Errors
    /// A server that fails.
    pub fn refresh(&self) -> Result<(), Error> {
        let path = self.search_path("_refresh");
        self.client.json("POST", &path, None).map(|_| ())
    }

    /// Whether the streams are known to be there; asks once.
    fn prepared(&self) -> Result<(), Error> {
        if !self.is_prepared.load(Ordering::Acquire) {
            if self.config.manage {
                self.prepare()?;
            }
            self.is_prepared.store(true, Ordering::Release);
        }
        Ok(())
    }
}

fn has_any(aggregations: &Value) -> bool {
    match aggregations {
        Value::Null => false,
        Value::Object(named) => !named.is_empty(),
        _ => true,
    }
}

/// A character as an expression that passes over its case.
fn either_case(c: char) -> String {
    let (lower, upper) = (
        c.to_lowercase().next().unwrap_or(c),
        c.to_uppercase().next().unwrap_or(c),
    );
    if lower == upper {
        aggregate::regex(&c.to_string())
    } else {
        format!("[{lower}{upper}]")
    }
}
