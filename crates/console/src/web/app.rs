//! What all handlers share: the store, the state, what the process lends, and how much of it one
//! request may take.

use std::net::IpAddr;
use std::ops::Deref;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use event::Timestamp;
use event::order::What;
use serde_json::Value;
use state::State;
use store::search::Hit;
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::spawn_blocking;
use tokio::time::Instant;

use super::captures::Captures;
use super::countries::Countries;
use super::hosts::{Host, HostDetail};
use super::incidents::IncidentView;
use super::kept::Kept;
use super::lent::{Lent, RuleBook};
use super::live::Hub;
use super::overview::IncidentCounts;
use super::receivers::{Receiver, ReceiverTest};
use super::rules::RuleText;
use super::samples::Samples;
use super::tallies::Counted;
use crate::api::orders;
use crate::api::problem::Problem;
use crate::api::status::Status;
use crate::auth::Auth;
use crate::service::{Shared, ordering};
use crate::tls::Authority;

/// How long an order waits for what comes of it.
const ORDER_WAIT: Duration = Duration::from_secs(5);

/// Searches that run at once: more would only take turns on the disk, and each takes a thread.
const SEARCHES: usize = 4;

/// Incidents that are held against an event: those that hold it are among the newest of its addresses.
const MAX_CANDIDATES: usize = 100;

/// What all handlers share.
#[derive(Clone, Debug)]
pub struct App(Arc<Inner>);

/// What clones of [`App`] share.
#[derive(Debug)]
pub struct Inner {
    pub(crate) shared: Arc<Shared>,
    pub(crate) lent: Lent,
    pub(crate) auth: super::slot::Slot<Auth>,
    /// Makes certificates, once the door stands.
    pub(crate) authority: super::slot::Slot<Arc<Authority>>,
    pub(crate) samples: Mutex<Samples>,
    pub(crate) hub: Arc<Hub>,
    pub(crate) countries: Countries,
    pub(crate) captures: Captures,
    pub(super) searches: Arc<Semaphore>,
    /// Of stretches of time, by their length in seconds.
    pub(super) tallies: Kept<u64, Counted>,
    /// All hosts that were seen, by the search and the length of the stretch of time.
    pub(super) hosts: Kept<(String, u64), Vec<Host>>,
    /// One host, by its address and the length of the stretch of time.
    pub(super) host: Kept<(IpAddr, u64), HostDetail>,
    pub(super) values: super::events::values::Values,
    pub(super) hits: super::rules::Hits,
    pub(super) spent: super::rules::Spent,
    pub(super) reloading: tokio::sync::Mutex<()>,
    pub(crate) overlays_changed: Notify,
    pub(crate) stop: watch::Receiver<bool>,
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

/// What the state could not do, as the API says it.
pub fn of_state(error: state::Error) -> Problem {
    let status = match &error {
        state::Error::Missing { .. } => StatusCode::NOT_FOUND,
        state::Error::Exists { .. } => StatusCode::CONFLICT,
        state::Error::Conflict { .. } => StatusCode::PRECONDITION_FAILED,
        state::Error::Refused(_) => StatusCode::UNPROCESSABLE_ENTITY,
        _ => {
            tracing::error!(%error, "the state fails");
            return Problem::unavailable("the state fails; see the log");
        }
    };
    Problem::new(status, error.to_string())
}

/// The same of a listing: what is refused of it is the request's fault.
pub fn of_listing(error: state::Error) -> Problem {
    match error {
        state::Error::Refused(why) => Problem::bad(why),
        other => of_state(other),
    }
}

impl App {
    pub(crate) fn new(
        shared: Arc<Shared>,
        lent: Lent,
        auth: super::slot::Slot<Auth>,
        countries: Countries,
        captures: Captures,
        stop: watch::Receiver<bool>,
    ) -> App {
        let hub = shared.hub.clone();
        App(Arc::new(Inner {
            shared,
            lent,
            auth,
            authority: super::slot::Slot::empty("the dashboard's door does not stand here"),
            samples: Mutex::default(),
            hub,
            countries,
            captures,
            searches: Arc::new(Semaphore::new(SEARCHES)),
            tallies: Kept::default(),
            hosts: Kept::default(),
            host: Kept::default(),
            values: super::events::values::Values::default(),
            hits: super::rules::Hits::default(),
            spent: super::rules::Spent::default(),
            reloading: tokio::sync::Mutex::default(),
            overlays_changed: Notify::new(),
            stop,
        }))
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.shared.now()
    }

    /// The state.
    ///
    /// # Errors
    /// It is not open.
    pub fn state(&self) -> Result<State, Problem> {
        self.lent.state.get().map_err(Problem::unavailable)
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

    /// The rules that are loaded.
    ///
    /// # Errors
    /// This process has no sensor.
    pub async fn rules(&self) -> Result<Arc<RuleBook>, Problem> {
        let rules = self.lent.rules.clone();
        self.wait(move || rules())
            .await?
            .ok_or_else(|| Problem::unavailable("no sensor runs in this process"))
    }

    /// The rule of this number, as it is loaded now.
    ///
    /// # Errors
    /// A closure of the process panicked.
    pub async fn rule(&self, sid: u64) -> Result<Option<RuleText>, Problem> {
        let rules = self.lent.rules.clone();
        let book = self.wait(move || rules()).await?;
        let sid = u32::try_from(sid).ok();
        Ok(book.and_then(|book| sid.and_then(|sid| book.find(sid).cloned())))
    }

    /// Packets of the flow of this record, where the sensor still has them.
    ///
    /// # Errors
    /// A closure of the process panicked.
    pub async fn packets(&self, record: Value) -> Result<Option<Vec<u8>>, Problem> {
        let packets = self.lent.packets.clone();
        self.wait(move || packets(&record)).await
    }

    /// The incident that holds this event: of those of its addresses, the one whose sample names it,
    /// else the newest that was open then and has its rule.
    ///
    /// # Errors
    /// The state can't be read.
    pub async fn incident_of(
        &self,
        hit: &Hit,
        record: &Value,
    ) -> Result<Option<IncidentView>, Problem> {
        let (Ok(state), Some(source)) = (self.lent.state.get(), record["src_ip"].as_str()) else {
            return Ok(None);
        };
        let filter = state::incidents::Filter {
            text: Some(source.to_owned()),
            since: Some(hit.time),
            ..state::incidents::Filter::default()
        };
        let paging = state::Paging::first(MAX_CANDIDATES);
        let found = state.incidents().list(&filter, &paging).await;
        let found = found.map_err(of_state)?;
        let id = hit.id.to_string();
        let alert = &record["alert"];
        let rule = format!("{}:{}", alert["gid"], alert["signature_id"]);
        let named = found
            .items
            .iter()
            .find(|found| found.incident.sample.contains(&id));
        let likely = || {
            found.items.iter().find(|found| {
                let incident = &found.incident;
                (incident.first..=incident.last).contains(&hit.time)
                    && incident.signatures.iter().any(|known| known.id == rule)
            })
        };
        Ok(named.or_else(likely).cloned().map(IncidentView::of))
    }

    /// Who is told.
    ///
    /// # Errors
    /// A closure of the process panicked.
    pub async fn receivers(&self) -> Result<Vec<Receiver>, Problem> {
        let receivers = self.lent.receivers.clone();
        self.wait(move || receivers()).await
    }

    /// Sends a test notification.
    ///
    /// # Errors
    /// There is no such receiver.
    pub async fn test_receiver(&self, name: String) -> Result<ReceiverTest, Problem> {
        let test = self.lent.test_receiver.clone();
        let asked = name.clone();
        self.wait(move || test(&asked))
            .await?
            .ok_or_else(|| Problem::missing(format!("there is no receiver {name:?}")))
    }

    /// Incidents that are open; what can't be told is said in `missing`.
    pub async fn incident_counts(&self, missing: &mut Vec<String>) -> IncidentCounts {
        let counted = async {
            let state = self.state()?;
            let count = async |status| {
                let filter = state::incidents::Filter {
                    status: vec![status],
                    ..state::incidents::Filter::default()
                };
                let counted = state.incidents().by_severity(&filter).await;
                let counted = counted.map_err(of_state)?.into_iter();
                Ok::<_, Problem>(counted.map(|(s, n)| (s.name().to_owned(), n)).collect())
            };
            Ok::<_, Problem>(IncidentCounts {
                open_by_severity: count(event::incident::Status::Open).await?,
                acknowledged_by_severity: count(event::incident::Status::Acknowledged).await?,
            })
        };
        counted.await.unwrap_or_else(|problem| {
            missing.push(problem.detail);
            IncidentCounts::default()
        })
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

    /// Tells `alert` to look at once at what people changed. A hint: it looks every few seconds anyway.
    pub async fn hint(&self, what: What, who: &str) {
        let now = self.now();
        let order = event::order::Order {
            id: format!("h{}", now.nanos()),
            time: now,
            who: who.to_owned(),
            what,
        };
        let publish = self.shared.ports.publish.clone();
        match self.wait(move || publish(&order)).await {
            Ok(Ok(())) => {}
            Ok(Err(why)) => tracing::debug!("a hint is not published: {why}"),
            Err(_) => {}
        }
    }
}
