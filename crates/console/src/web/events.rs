//! `/api/v1/events`: search, one event, histograms, completion.

use event::{RecordId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use store::search::{Answer, Cursor, Hit, Order, Request};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use super::app::App;
use super::extract::{Json, Path, Query};
use super::page;
use super::routes::Routes;
use super::shapes::{Eve, Moment};
use super::time::{moment, optional};
use crate::api::problem::Problem;
use crate::auth::Role;

pub mod context;
pub mod histogram;
pub mod packets;
pub mod values;

/// The routes.
pub fn routes() -> Routes {
    Routes::default()
        .at(Role::Viewer, routes!(list))
        .at(Role::Viewer, routes!(search))
        .at(Role::Viewer, routes!(histogram::show))
        .at(Role::Viewer, routes!(values::fields))
        .at(Role::Viewer, routes!(values::list))
        .at(Role::Viewer, routes!(show))
        .at(Role::Viewer, routes!(context::show))
        .at(Role::Viewer, routes!(packets::download))
}

/// Which events.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// A query as typed: `event_type:alert AND src_ip:10.0.0.0/8`. Nothing: every event.
    #[param(max_length = 8192, format = "search")]
    pub q: Option<String>,
    /// From this time on: RFC 3339, EVE's form, or so long before now (`15m`, `1h`, `7d`).
    #[param(example = "1h", format = "moment")]
    pub since: Option<String>,
    /// Before this time, in the same forms.
    #[param(format = "moment")]
    pub until: Option<String>,
}

impl Which {
    /// The question that a store is asked.
    ///
    /// # Errors
    /// A query or a time that can't be read.
    pub fn request(&self, now: Timestamp) -> Result<Request, Problem> {
        Ok(Request {
            since: optional("since", self.since.as_deref(), now)?,
            until: optional("until", self.until.as_deref(), now)?,
            ..Request::of(query(self.q.as_deref())?)
        })
    }
}

/// Reads a query as it was typed.
///
/// # Errors
/// It can't be read: where and why.
pub fn query(text: Option<&str>) -> Result<store::query::Query, Problem> {
    super::find::parse(text.unwrap_or_default())
}

/// A page of events.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Paging {
    /// Which come first, by the event's own time: `newest` (default) or `oldest`.
    #[param(inline)]
    order: Option<Sorted>,
    /// Events on the page.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// What the page before said in `next`.
    #[param(format = "cursor")]
    cursor: Option<String>,
}

/// Which come first.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sorted {
    /// The newest.
    Newest,
    /// The oldest.
    Oldest,
}

/// One event.
#[derive(Debug, Serialize, ToSchema)]
pub struct Event {
    /// Its name.
    pub id: String,
    /// Its own time.
    #[schema(value_type = Moment)]
    pub time: Timestamp,
    /// The record.
    #[schema(value_type = Eve)]
    pub event: Box<RawValue>,
}

impl Event {
    /// The hit as the API writes it.
    #[must_use]
    pub fn of(hit: Hit) -> Event {
        let text = hit.event.clone();
        Event {
            id: hit.id.to_string(),
            time: hit.time,
            event: RawValue::from_string(hit.event).unwrap_or_else(|_| broken(&text)),
        }
    }
}

/// A record that is no JSON, as a text in an object: the answer as a whole stays JSON.
fn broken(text: &str) -> Box<RawValue> {
    serde_json::value::to_raw_value(&json!({ "message": text })).unwrap_or_default()
}

/// A page of events.
#[derive(Debug, Serialize, ToSchema)]
pub struct EventPage {
    /// The events.
    pub items: Vec<Event>,
    /// What to pass as `cursor` for the next page; null on the last.
    pub next: Option<String>,
    /// How many events match.
    pub total: u64,
    /// Whether `total` is exact; else there are at least so many.
    pub total_is_exact: bool,
    /// How long the store took.
    pub took_ms: u64,
}

impl EventPage {
    /// The answer as the API writes it.
    #[must_use]
    pub fn of(answer: Answer, took_ms: u64) -> EventPage {
        EventPage {
            next: answer.next.map(|next| write(&next)),
            items: answer.hits.into_iter().map(Event::of).collect(),
            total: answer.total,
            total_is_exact: answer.is_exact,
            took_ms,
        }
    }
}

fn write(cursor: &Cursor) -> String {
    page::write(&(cursor.time.nanos(), cursor.id.to_string()))
}

/// The place that a cursor of events names.
///
/// # Errors
/// It came from no listing of events.
pub fn read(cursor: Option<&str>) -> Result<Option<Cursor>, Problem> {
    let Some((nanos, id)) = page::read::<(i64, String)>(cursor)? else {
        return Ok(None);
    };
    let id = id
        .parse()
        .map_err(|_| Problem::bad("cursor: it came from no listing of events"))?;
    let time = Timestamp::from_nanos(nanos);
    Ok(Some(Cursor { time, id }))
}

/// Finds events.
#[utoipa::path(get, path = "/events", tag = "events", params(Which, Paging),
    responses((status = 200, body = EventPage)))]
async fn list(
    app: App,
    Query(which): Query<Which>,
    Query(paging): Query<Paging>,
) -> Result<Json<EventPage>, Problem> {
    let request = Request {
        order: order(paging.order),
        limit: page::limit(paging.limit)?,
        after: read(paging.cursor.as_deref())?,
        exact_total: false,
        ..which.request(app.now())?
    };
    let (answer, took) = app.find(request).await?;
    Ok(Json(EventPage::of(answer, took)))
}

fn order(asked: Option<Sorted>) -> Order {
    match asked {
        None | Some(Sorted::Newest) => Order::NewestFirst,
        Some(Sorted::Oldest) => Order::OldestFirst,
    }
}

/// A search with aggregations.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Search {
    /// A query as typed; nothing: every event.
    #[serde(default)]
    #[schema(max_length = 8192, format = "search")]
    q: Option<String>,
    /// From this time on.
    #[serde(default)]
    #[schema(example = "1h", format = "moment")]
    since: Option<String>,
    /// Before this time.
    #[serde(default)]
    #[schema(format = "moment")]
    until: Option<String>,
    /// Which come first.
    #[serde(default)]
    order: Option<Sorted>,
    /// Events in the answer; 0 where only numbers are asked for.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// What the page before said in `next`.
    #[serde(default)]
    #[schema(format = "cursor")]
    cursor: Option<String>,
    /// Aggregations as Elasticsearch has them, by name.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    aggs: Option<Value>,
}

/// What a search found.
#[derive(Debug, Serialize, ToSchema)]
struct EventsFound {
    #[serde(flatten)]
    page: EventPage,
    /// What Elasticsearch would answer to `aggs`; null where none were asked for.
    #[schema(value_type = Option<Object>)]
    aggregations: Value,
}

/// Finds events and aggregates them.
#[utoipa::path(post, path = "/events/search", tag = "events", request_body = Search,
    responses((status = 200, body = EventsFound)))]
async fn search(app: App, Json(asked): Json<Search>) -> Result<Json<EventsFound>, Problem> {
    let which = Which {
        q: asked.q,
        since: asked.since,
        until: asked.until,
    };
    let limit = match asked.limit {
        Some(0) => 0,
        limit => page::limit(limit)?,
    };
    let request = Request {
        order: order(asked.order),
        limit,
        after: read(asked.cursor.as_deref())?,
        aggregations: asked.aggs.unwrap_or_default(),
        ..which.request(app.now())?
    };
    // What the store refuses of a body that could be read: aggregations that there are not.
    let refused = |problem: Problem| match problem.status {
        400 => Problem::unprocessable(problem.detail),
        _ => problem,
    };
    let (mut answer, took) = app.find(request).await.map_err(refused)?;
    let aggregations = std::mem::take(&mut answer.aggregations);
    Ok(Json(EventsFound {
        page: EventPage::of(answer, took),
        aggregations,
    }))
}

/// One event.
#[utoipa::path(get, path = "/events/{id}", tag = "events",
    params(("id" = String, Path, description = "The event's name")),
    responses((status = 200, body = Event)))]
async fn show(app: App, Path(id): Path<String>) -> Result<Json<Event>, Problem> {
    one(&app, &id).await.map(Event::of).map(Json)
}

/// The event of this name.
///
/// # Errors
/// It names none, or none that is kept.
pub async fn one(app: &App, id: &str) -> Result<Hit, Problem> {
    let missing = || Problem::missing(format!("there is no event {id:?}"));
    let id: RecordId = id.parse().map_err(|_| missing())?;
    app.event(id).await?.ok_or_else(missing)
}

/// The time that a parameter names, or so long before now.
///
/// # Errors
/// It names none.
pub fn since_or(
    asked: Option<&str>,
    otherwise: &str,
    now: Timestamp,
) -> Result<Timestamp, Problem> {
    moment(
        "since",
        asked.filter(|text| !text.is_empty()).unwrap_or(otherwise),
        now,
    )
}
