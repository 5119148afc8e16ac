//! Asking the store: in a thread that may wait, so many at once, never longer than a client has patience for.

use std::time::{Duration, Instant};

use axum::http::StatusCode;
use event::RecordId;
use store::Store;
use store::query::Query;
use store::search::{Answer, Hit, Request};
use tokio::time::timeout;

use super::app::App;
use super::events::values::Field;
use crate::api::problem::Problem;

/// How long a search waits for its turn; beyond it the client is told to come again.
const TURN: Duration = Duration::from_secs(5);

/// How long an answer is waited for. The search itself goes on to its end and keeps its place until then.
const PATIENCE: Duration = Duration::from_secs(30);

/// The longest query, bytes.
const MAX_QUERY: usize = 8192;

/// Reads a query as it was typed; nothing is every event.
///
/// # Errors
/// It can't be read: where and why.
pub fn parse(text: &str) -> Result<Query, Problem> {
    if text.len() > MAX_QUERY {
        return Err(Problem::bad(format!("q: {MAX_QUERY} bytes at most")));
    }
    if text.trim().is_empty() {
        return Ok(Query::All);
    }
    Query::parse(text).map_err(|error| {
        let (at, reason) = (error.at, error.reason);
        Problem::bad(format!("q, at character {at}: {reason}"))
    })
}

fn of_store(error: store::Error) -> Problem {
    if error.is_asked_wrong() {
        return Problem::bad(error.to_string());
    }
    tracing::error!(%error, "the store fails");
    Problem::unavailable("the store fails; see the log")
}

impl App {
    /// Does something with the store, in turn.
    ///
    /// # Errors
    /// There is none; it has no time; what is asked makes no sense.
    async fn ask<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&Store) -> Result<T, store::Error> + Send + 'static,
    ) -> Result<T, Problem> {
        let store = self.lent.store.get().map_err(Problem::unavailable)?;
        let turn = timeout(TURN, self.searches.clone().acquire_owned()).await;
        let Ok(Ok(turn)) = turn else {
            return Err(Problem::new(
                StatusCode::TOO_MANY_REQUESTS,
                "too many searches run: come again in some seconds",
            ));
        };
        let work = self.wait(move || {
            // The place is given back when the search ends, however it ends and however long nobody waits for it.
            let _turn = turn;
            ask(&store)
        });
        match timeout(PATIENCE, work).await {
            Ok(done) => done?.map_err(of_store),
            Err(_) => Err(Problem::new(
                StatusCode::TOO_MANY_REQUESTS,
                "this search takes too long: ask for less time, or for fewer fields",
            )),
        }
    }

    /// Asks the store; with how long it took, in milliseconds.
    ///
    /// # Errors
    /// There is none, or it has no time for this.
    pub async fn find(&self, request: Request) -> Result<(Answer, u64), Problem> {
        let query = request.query.at(self.now());
        let request = Request { query, ..request };
        self.ask(move |store| {
            let begun = Instant::now();
            let answer = store.search(&request)?;
            let took = begun.elapsed().as_millis();
            Ok((answer, u64::try_from(took).unwrap_or(u64::MAX)))
        })
        .await
    }

    /// The event of this name, where it is kept.
    ///
    /// # Errors
    /// As [`App::find`].
    pub async fn event(&self, id: RecordId) -> Result<Option<Hit>, Problem> {
        self.ask(move |store| store.get(id)).await
    }

    /// How many events there are.
    ///
    /// # Errors
    /// As [`App::find`].
    pub async fn count(&self, query: Query) -> Result<u64, Problem> {
        let query = query.at(self.now());
        self.ask(move |store| store.count(&query, None, None)).await
    }

    /// The fields that can be asked for.
    ///
    /// # Errors
    /// As [`App::find`].
    pub async fn fields(&self) -> Result<Vec<Field>, Problem> {
        let fields = self.ask(Store::fields).await?;
        let told = fields.into_iter().map(|field| Field {
            path: field.path.to_string(),
            kind: format!("{:?}", field.kind).to_lowercase(),
        });
        Ok(told.collect())
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
        let query = query.at(self.now());
        self.ask(move |store| store.values(&field, &prefix, &query, limit))
            .await
    }
}
