//! What is asked of a store and what it answers.

use event::{RecordId, Timestamp};
use serde_json::Value;

use crate::query::Query;

/// The most hits of one answer; more are asked for with [`Request::after`].
pub const MAX_LIMIT: usize = 10_000;

/// One question.
#[derive(Clone, Debug)]
pub struct Request {
    /// Which events.
    pub query: Query,
    /// From this time on, by the event's own time.
    pub since: Option<Timestamp>,
    /// Before this time.
    pub until: Option<Timestamp>,
    /// Which hits come first.
    pub order: Order,
    /// How many hits, at most [`MAX_LIMIT`]; 0 where only numbers are asked for.
    pub limit: usize,
    /// Goes on behind this hit.
    pub after: Option<Cursor>,
    /// Aggregations as Elasticsearch's `aggs` has them, by name; null for none.
    pub aggregations: Value,
    /// Whether [`Answer::total`] must be exact; else it may stop at 10,000.
    pub exact_total: bool,
}

impl Request {
    /// The newest hundred events of a query.
    #[must_use]
    pub fn of(query: Query) -> Request {
        Request {
            query,
            since: None,
            until: None,
            order: Order::NewestFirst,
            limit: 100,
            after: None,
            aggregations: Value::Null,
            exact_total: true,
        }
    }
}

/// Which hits come first, by the event's own time; events of one time by their id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The newest.
    NewestFirst,
    /// The oldest.
    OldestFirst,
}

/// A place between two hits: stays right while events come and go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The time of the last hit.
    pub time: Timestamp,
    /// Its id.
    pub id: RecordId,
}

/// One event.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// Its name, the bus's.
    pub id: RecordId,
    /// Its own time.
    pub time: Timestamp,
    /// The record as it came, JSON.
    pub event: String,
}

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// How many events match.
    pub total: u64,
    /// Whether `total` is exact; else there are at least so many.
    pub is_exact: bool,
    /// The hits asked for.
    pub hits: Vec<Hit>,
    /// Where the next hits begin; none where these were the last.
    pub next: Option<Cursor>,
    /// Elasticsearch's answer to [`Request::aggregations`].
    pub aggregations: Value,
}
