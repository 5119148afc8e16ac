//! What all handlers share: the store, the state, what the process lends, and how much of it one
//! request may take.

use std::ops::Deref;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use event::order::What;
use event::{RecordId, Timestamp};
use serde_json::Value;
use store::query::Query;
use store::search::{Answer, Hit, Request};
use tokio::task::spawn_blocking;
use tokio::time::Instant;

use super::events::values::Field;
use super::incidents::IncidentView;
use super::overview::{AlertBucket, IncidentCounts, Top};
use super::receivers::{Receiver, ReceiverTest};
use super::rules::RuleText;
use super::samples::Samples;
use crate::api::orders;
use crate::api::problem::Problem;
use crate::api::status::Status;
use crate::service::{Shared, ordering};

/// How long an order waits for what comes of it.
const ORDER_WAIT: Duration = Duration::from_secs(5);

/// Who waits for an answer.
#[derive(Clone, Copy, Debug)]
pub enum Wanted {
    /// A person who typed a query.
    ByAPerson,
    /// A page that shows numbers.
    ByAPage,
}

/// What all handlers share.
#[derive(Clone, Debug)]
pub struct App(Arc<Inner>);

#[derive(Debug)]
pub struct Inner {
    pub(crate) shared: Arc<Shared>,
    pub(crate) samples: Mutex<Samples>,
}

impl Deref for App {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl FromRequestParts<App> for App {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(_: &mut Parts, app: &App) -> Result<Self, Self::Rejection> {
        Ok(app.clone())
    }
}

/// What alerts and events of a stretch of time say in numbers.
#[derive(Debug, Default)]
pub struct Counted {
    pub interval_secs: u64,
    pub alerts: Vec<AlertBucket>,
    pub alerts_total: u64,
    pub events_total: u64,
    pub top: Top,
}

impl App {
    /// The time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.shared.now()
    }

    /// Carries out what waits for the disk in a thread that may.
    ///
    /// # Errors
    /// It panicked.
    pub async fn wait<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Problem> {
        spawn_blocking(work).await.map_err(|error| {
            tracing::error!(%error, "an answer failed");
            Problem::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the answer failed; see the log",
            )
        })
    }

    /// How Ratel fares.
    ///
    /// # Errors
    /// A closure of the process panicked.
    pub async fn status(&self) -> Result<Status, Problem> {
        let app = self.clone();
        self.wait(move || app.shared.status()).await
    }
}

/// Reads a query as it was typed.
///
/// # Errors
/// It can't be read: where and why.
pub fn parse(text: &str) -> Result<Query, Problem> {
    let _ = text;
    Ok(Query::All)
}

fn no_store() -> Problem {
    Problem::unavailable("the store is not open")
}

impl App {
    /// Asks the store.
    ///
    /// # Errors
    /// There is none, or it has no time for this.
    pub async fn find(&self, request: Request, wanted: Wanted) -> Result<(Answer, u64), Problem> {
        let _ = (request, wanted);
        Err(no_store())
    }

    /// The event of this name, where it is kept.
    ///
    /// # Errors
    /// As [`App::find`].
    pub async fn event(&self, id: RecordId) -> Result<Option<Hit>, Problem> {
        let _ = id;
        Err(no_store())
    }

    /// The fields that can be asked for.
    ///
    /// # Errors
    /// As [`App::find`].
    pub async fn fields(&self) -> Result<Vec<Field>, Problem> {
        Err(no_store())
    }

    /// Values of a field, the most frequent first.
    ///
    /// # Errors
    /// As [`App::find`].
    pub async fn values(
        &self,
        field: String,
        prefix: String,
        query: Query,
        limit: usize,
    ) -> Result<Vec<(String, u64)>, Problem> {
        let _ = (field, prefix, query, limit);
        Err(no_store())
    }

    /// Packets of the flow of this record, where the sensor still has them.
    ///
    /// # Errors
    /// A closure of the process panicked.
    pub async fn packets(&self, record: Value) -> Result<Option<Vec<u8>>, Problem> {
        let _ = record;
        Ok(None)
    }

    /// The rule of this number, as it is loaded now.
    ///
    /// # Errors
    /// A closure of the process panicked.
    pub async fn rule(&self, sid: u64) -> Result<Option<RuleText>, Problem> {
        let _ = sid;
        Ok(None)
    }

    /// The incident that holds this event.
    ///
    /// # Errors
    /// The state can't be read.
    pub async fn incident_of(
        &self,
        hit: &Hit,
        record: &Value,
    ) -> Result<Option<IncidentView>, Problem> {
        let _ = (hit, record);
        Ok(None)
    }

    /// Who is told.
    ///
    /// # Errors
    /// A closure of the process panicked.
    pub async fn receivers(&self) -> Result<Vec<Receiver>, Problem> {
        Ok(Vec::new())
    }

    /// Sends a test notification.
    ///
    /// # Errors
    /// There is no such receiver.
    pub async fn test_receiver(&self, name: String) -> Result<ReceiverTest, Problem> {
        Err(Problem::missing(format!("there is no receiver {name:?}")))
    }

    /// Alerts and events of a stretch of time in numbers; what can't be told is said in `missing`.
    pub async fn alerts_since(
        &self,
        since: Timestamp,
        now: Timestamp,
        missing: &mut Vec<String>,
    ) -> Counted {
        let _ = (since, now);
        missing.push(no_store().detail);
        Counted::default()
    }

    /// Incidents that are open; what can't be told is said in `missing`.
    pub async fn incident_counts(&self, missing: &mut Vec<String>) -> IncidentCounts {
        missing.push("the state is not open".to_owned());
        IncidentCounts::default()
    }

    /// Gives an order and waits some seconds for what comes of it.
    ///
    /// # Errors
    /// It makes no sense, or can't be given.
    pub async fn order(
        &self,
        what: What,
        key: Option<String>,
        who: String,
    ) -> Result<orders::Answer, Problem> {
        let deadline = Instant::now() + ORDER_WAIT;
        ordering::give(&self.shared, what, key, who, deadline).await
    }
}
