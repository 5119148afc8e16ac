//! `/api/v1/incidents`: triage.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use event::Timestamp;
use event::incident::{Incident, Status};
use event::order::What;
use serde::{Deserialize, Serialize};
use state::incidents::{Change, Filter, Record};
use store::search::Request;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use super::app::{App, of_listing, of_state};
use super::events::{self, EventPage};
use super::extract::{IfMatch, Json, Path, Query, Who, etag};
use super::page;
use super::routes::Routes;
use super::shapes::{self, Moment};
use super::silences::Silence;
use super::time::optional;
use crate::api::problem::Problem;
use crate::auth::Role;

mod timeline;

pub use timeline::Notified;

/// Silences that are held against one incident.
const MAX_SILENCES: usize = 1000;

/// The longest reason, characters.
const MAX_WHY: usize = 1024;

/// The routes.
pub fn routes() -> Routes {
    Routes::default()
        .at(Role::Viewer, routes!(list))
        .at(Role::Viewer, routes!(show))
        .at(Role::Analyst, routes!(triage))
        .at(Role::Analyst, routes!(note))
        .at(Role::Viewer, routes!(found))
        .at(Role::Viewer, routes!(timeline::show))
}

/// Which incidents.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Asked {
    /// Statuses, separated by commas: `open`, `acknowledged`, `closed`. Nothing: all.
    #[param(
        example = "open,acknowledged",
        pattern = r"^((open|acknowledged|closed)(,(open|acknowledged|closed))*)?$"
    )]
    status: Option<String>,
    /// The least severity.
    #[param(inline, example = "high")]
    severity: Option<shapes::Severity>,
    /// The owner's name; `none` for incidents that nobody owns, `me` for one's own.
    owner: Option<String>,
    /// Words in title, addresses or signatures.
    #[param(max_length = 256, pattern = r"^[^\x00]*$")]
    q: Option<String>,
    /// Whose last event is not before: RFC 3339, or so long before now.
    #[param(format = "moment")]
    since: Option<String>,
    /// Incidents on the page.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// What the page before said in `next`.
    #[param(format = "cursor")]
    cursor: Option<String>,
}

/// An incident, and what people say about it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct IncidentView {
    #[schema(value_type = shapes::Incident)]
    pub incident: Incident,
    /// Who deals with it.
    pub owner: Option<String>,
    /// Where it stands: what people said, else what the incident says.
    #[schema(value_type = shapes::IncidentStatus)]
    pub status: Status,
    /// Why it was closed.
    pub closed_why: Option<String>,
    /// Counts what people changed; the ETag.
    pub version: u64,
}

/// A page of incidents, the one with the newest event first.
#[derive(Debug, Serialize, ToSchema)]
struct IncidentPage {
    items: Vec<IncidentView>,
    /// What to pass as `cursor` for the next page; null on the last.
    next: Option<String>,
}

/// An incident with all that is known of it.
#[derive(Debug, Serialize, ToSchema)]
struct IncidentDetail {
    #[serde(flatten)]
    view: IncidentView,
    /// What people noted, in order.
    notes: Vec<Note>,
    /// Silences in force that hide it.
    silences: Vec<Silence>,
}

/// What somebody noted.
#[derive(Debug, Serialize, ToSchema)]
pub struct Note {
    pub id: String,
    pub author: String,
    #[schema(value_type = Moment)]
    pub time: Timestamp,
    pub text: String,
}

/// What changes; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Triage {
    /// Where it stands.
    #[serde(default)]
    #[schema(value_type = Option<shapes::IncidentStatus>)]
    status: Option<Status>,
    /// Who deals with it; an empty text: nobody.
    #[serde(default)]
    #[schema(max_length = 64)]
    owner: Option<String>,
    /// Why it is closed.
    #[serde(default)]
    #[schema(max_length = 1024)]
    why: Option<String>,
}

/// A note to write.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewNote {
    /// What is noted.
    #[schema(min_length = 1, max_length = 16384)]
    text: String,
}

impl IncidentView {
    /// The record as the API shows it.
    pub(super) fn of(record: Record) -> IncidentView {
        IncidentView {
            status: record.incident.status,
            owner: record.owner,
            closed_why: record.closed_why,
            version: record.version,
            incident: record.incident,
        }
    }
}

/// The words of a list that commas part.
fn words(text: Option<&str>) -> impl Iterator<Item = &str> {
    let words = text.unwrap_or_default().split(',').map(str::trim);
    words.filter(|word| !word.is_empty())
}

fn status(word: &str) -> Result<Status, Problem> {
    match word {
        "open" => Ok(Status::Open),
        "acknowledged" => Ok(Status::Acknowledged),
        "closed" => Ok(Status::Closed),
        _ => Err(Problem::bad(format!(
            "status: {word:?} is none of open, acknowledged and closed"
        ))),
    }
}

/// Lists incidents.
#[utoipa::path(get, path = "/incidents", tag = "incidents", params(Asked),
    responses((status = 200, body = IncidentPage)))]
async fn list(
    app: App,
    Who(who): Who,
    Query(asked): Query<Asked>,
) -> Result<Json<IncidentPage>, Problem> {
    let owner = match asked.owner.as_deref().filter(|owner| !owner.is_empty()) {
        None => None,
        Some("none") => Some(None),
        Some("me") => Some(Some(who.name)),
        Some(owner) => Some(Some(owner.to_owned())),
    };
    let filter = Filter {
        status: words(asked.status.as_deref())
            .map(status)
            .collect::<Result<_, _>>()?,
        severity: asked.severity.map(shapes::Severity::of_event),
        owner,
        text: Some(page::words(asked.q)?).filter(|text| !text.trim().is_empty()),
        since: optional("since", asked.since.as_deref(), app.now())?,
        ..Filter::default()
    };
    let paging = page::of_state(asked.limit, asked.cursor)?;
    let found = app.state()?.incidents().list(&filter, &paging).await;
    let found = found.map_err(of_listing)?.map(IncidentView::of);
    Ok(Json(IncidentPage {
        items: found.items,
        next: found.next,
    }))
}

/// One incident.
#[utoipa::path(get, path = "/incidents/{id}", tag = "incidents",
    params(("id" = String, Path, description = "The incident's name")),
    responses((status = 200, body = IncidentDetail, headers(("etag" = String, description = "For If-Match")))))]
async fn show(app: App, Path(id): Path<String>) -> Result<Response, Problem> {
    let record = one(&app, &id).await?;
    detail(&app, record).await
}

/// The incident of this name.
async fn one(app: &App, id: &str) -> Result<Record, Problem> {
    let found = app.state()?.incidents().get(id).await;
    found.map_err(of_state)
}

async fn detail(app: &App, record: Record) -> Result<Response, Problem> {
    let state = app.state()?;
    let notes = state.notes().of(&record.incident.id).await;
    let notes = notes.map_err(of_state)?.into_iter().map(Note::of).collect();
    let now = app.now();
    let active = state.silences().active(now).await.map_err(of_state)?;
    let told = serde_json::to_value(&record.incident).unwrap_or_default();
    let hides = |silence: &state::silences::Silence| {
        super::silences::hides(&silence.query, &record.incident, &told)
    };
    let silences = active
        .into_iter()
        .take(MAX_SILENCES)
        .filter(hides)
        .map(|silence| Silence::of(silence, now))
        .collect();
    let tag = etag(record.version);
    let detail = IncidentDetail {
        view: IncidentView::of(record),
        notes,
        silences,
    };
    Ok((tag, Json(detail)).into_response())
}

impl Note {
    fn of(note: state::notes::Note) -> Note {
        Note {
            id: note.id,
            author: note.author,
            time: note.time,
            text: note.text,
        }
    }
}

/// Owns, acknowledges, closes, opens again.
#[utoipa::path(patch, path = "/incidents/{id}", tag = "incidents", request_body = Triage,
    params(("id" = String, Path, description = "The incident's name"),
        shapes::IfMatch),
    responses((status = 200, body = IncidentDetail, headers(("etag" = String, description = "For If-Match"))),
        (status = 412, response = shapes::Refusal)))]
async fn triage(
    app: App,
    Who(who): Who,
    IfMatch(version): IfMatch,
    Path(id): Path<String>,
    Json(asked): Json<Triage>,
) -> Result<Response, Problem> {
    if asked
        .why
        .as_ref()
        .is_some_and(|why| why.chars().count() > MAX_WHY)
    {
        return Err(Problem::bad(format!("why: {MAX_WHY} characters at most")));
    }
    let state = app.state()?;
    let version = match version {
        Some(version) => version,
        None => one(&app, &id).await?.version,
    };
    let change = Change {
        status: asked.status,
        owner: asked
            .owner
            .map(|owner| Some(owner).filter(|owner| !owner.trim().is_empty())),
        why: asked.why,
    };
    let changed = state
        .incidents()
        .triage(&id, version, &change, &who.name, app.now())
        .await;
    let record = changed.map_err(of_state)?;
    tracing::info!(who = who.name, incident = id, ?change, "triage");
    app.hint(What::IncidentChanged { incident: id }, &who.name)
        .await;
    detail(&app, record).await
}

/// Notes something.
#[utoipa::path(post, path = "/incidents/{id}/notes", tag = "incidents", request_body = NewNote,
    params(("id" = String, Path, description = "The incident's name")),
    responses((status = 201, body = Note)))]
async fn note(
    app: App,
    Who(who): Who,
    Path(id): Path<String>,
    Json(asked): Json<NewNote>,
) -> Result<Response, Problem> {
    let state = app.state()?;
    let noted = state
        .notes()
        .add(&id, &who.name, &asked.text, app.now())
        .await;
    let note = Note::of(noted.map_err(of_state)?);
    Ok((StatusCode::CREATED, Json(note)).into_response())
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Paging {
    /// Events on the page.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// What the page before said in `next`.
    #[param(format = "cursor")]
    cursor: Option<String>,
}

/// The events of an incident, the newest first.
#[utoipa::path(get, path = "/incidents/{id}/events", tag = "incidents",
    params(("id" = String, Path, description = "The incident's name"), Paging),
    responses((status = 200, body = EventPage)))]
async fn found(
    app: App,
    Path(id): Path<String>,
    Query(paging): Query<Paging>,
) -> Result<Json<EventPage>, Problem> {
    let record = one(&app, &id).await?;
    let request = Request {
        limit: page::limit(paging.limit)?,
        after: events::read(paging.cursor.as_deref())?,
        exact_total: false,
        ..request(&record)?
    };
    let (answer, took) = app.find(request).await?;
    Ok(Json(EventPage::of(answer, took)))
}

/// The question that finds the events of an incident.
fn request(record: &Record) -> Result<Request, Problem> {
    let incident = &record.incident;
    // Times are kept to the microsecond: the last one belongs to it.
    let until = incident.last + std::time::Duration::from_micros(1);
    Ok(Request {
        since: Some(incident.first),
        until: Some(until),
        ..Request::of(events::query(Some(&incident.query))?)
    })
}
