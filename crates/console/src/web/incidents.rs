//! `/api/v1/incidents`: triage.

use axum::response::Response;
use event::Timestamp;
use event::incident::{Incident, Severity, Status};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use super::app::App;
use super::events::EventPage;
use super::extract::{IfMatch, Json, Path, Query, Who};
use super::routes::Routes;
use super::shapes::{self, Moment};
use super::silences::Silence;
use crate::api::problem::Problem;
use crate::auth::Role;

/// The routes.
pub fn routes() -> Routes {
    Routes::default()
        .at(Role::Viewer, routes!(list))
        .at(Role::Viewer, routes!(show))
        .at(Role::Analyst, routes!(triage))
        .at(Role::Analyst, routes!(note))
        .at(Role::Viewer, routes!(events))
        .at(Role::Viewer, routes!(timeline))
}

/// Which incidents.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Asked {
    /// Statuses, separated by commas: `open`, `acknowledged`, `closed`. Nothing: all.
    #[param(example = "open,acknowledged")]
    status: Option<String>,
    /// Severities, separated by commas.
    #[param(example = "critical,high")]
    severity: Option<String>,
    /// The owner's name; `none` for incidents that nobody owns, `me` for one's own.
    owner: Option<String>,
    /// Words in title, addresses or signatures.
    #[param(max_length = 256)]
    q: Option<String>,
    /// Changed from this time on: RFC 3339, or so long before now.
    since: Option<String>,
    /// Incidents on the page.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// What the page before said in `next`.
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
    pub version: i64,
}

/// A page of incidents, those that changed last first.
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

/// Something that happened.
#[derive(Debug, Serialize, ToSchema)]
struct Happening {
    #[schema(value_type = Moment)]
    time: Timestamp,
    kind: HappeningKind,
    /// The ATT&CK tactic that it was a step of.
    tactic: Option<String>,
    /// In words.
    text: String,
    /// Severity of the rule that fired, where one did.
    #[schema(value_type = Option<shapes::Severity>)]
    severity: Option<Severity>,
    /// The id of the event, action or note.
    #[serde(rename = "ref")]
    reference: Option<String>,
}

/// What kind of thing happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum HappeningKind {
    Event,
    Action,
    Note,
    Status,
    Notification,
}

/// Lists incidents.
#[utoipa::path(get, path = "/incidents", tag = "incidents", params(Asked),
    responses((status = 200, body = IncidentPage)))]
async fn list(
    app: App,
    Who(who): Who,
    Query(asked): Query<Asked>,
) -> Result<Json<IncidentPage>, Problem> {
    let _ = (app, who, asked);
    Err(Problem::unavailable("the state is not open"))
}

/// One incident.
#[utoipa::path(get, path = "/incidents/{id}", tag = "incidents",
    params(("id" = String, Path, description = "The incident's name")),
    responses((status = 200, body = IncidentDetail, headers(("etag" = String, description = "For If-Match")))))]
async fn show(app: App, Path(id): Path<String>) -> Result<Response, Problem> {
    let _ = (app, id);
    Err(Problem::unavailable("the state is not open"))
}

/// Owns, acknowledges, closes, opens again.
#[utoipa::path(patch, path = "/incidents/{id}", tag = "incidents", request_body = Triage,
    params(("id" = String, Path, description = "The incident's name"),
        ("if-match" = Option<String>, Header, description = "The ETag that the change is meant for; without it: whatever it is now")),
    responses((status = 200, body = IncidentDetail, headers(("etag" = String, description = "For If-Match"))),
        (status = 412, response = shapes::Refusal)))]
async fn triage(
    app: App,
    Who(who): Who,
    IfMatch(version): IfMatch,
    Path(id): Path<String>,
    Json(asked): Json<Triage>,
) -> Result<Response, Problem> {
    let _ = (app, who, version, id, asked);
    Err(Problem::unavailable("the state is not open"))
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
    let _ = (app, who, id, asked);
    Err(Problem::unavailable("the state is not open"))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Paging {
    /// Events on the page.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// What the page before said in `next`.
    cursor: Option<String>,
}

/// The events of an incident, the newest first.
#[utoipa::path(get, path = "/incidents/{id}/events", tag = "incidents",
    params(("id" = String, Path, description = "The incident's name"), Paging),
    responses((status = 200, body = EventPage)))]
async fn events(
    app: App,
    Path(id): Path<String>,
    Query(paging): Query<Paging>,
) -> Result<Json<EventPage>, Problem> {
    let _ = (app, id, paging);
    Err(Problem::unavailable("the state is not open"))
}

/// What happened, in order: the attack's steps, answers, notes, changes of status.
#[utoipa::path(get, path = "/incidents/{id}/timeline", tag = "incidents",
    params(("id" = String, Path, description = "The incident's name")),
    responses((status = 200, body = Vec<Happening>)))]
async fn timeline(app: App, Path(id): Path<String>) -> Result<Json<Vec<Happening>>, Problem> {
    let _ = (app, id);
    Err(Problem::unavailable("the state is not open"))
}
