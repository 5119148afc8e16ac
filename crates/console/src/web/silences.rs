//! `/api/v1/silences`: what is not told, until when, by whom and why; with a preview.

use axum::http::header;
use axum::response::{IntoResponse, Response};
use event::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use super::app::App;
use super::events::Event;
use super::extract::{Json, Path, Query, Who};
use super::routes::Routes;
use super::shapes::Moment;
use crate::api::problem::Problem;
use crate::auth::Role;

/// The routes.
pub fn routes() -> Routes {
    Routes::default()
        .at(Role::Viewer, routes!(list))
        .at(Role::Analyst, routes!(create))
        .at(Role::Viewer, routes!(preview))
        .at(Role::Viewer, routes!(thresholds))
        .at(Role::Analyst, routes!(expire))
}

/// Which silences.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Asked {
    /// Those that are over too.
    #[param(default = false)]
    expired: Option<bool>,
    /// Silences on the page.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// What the page before said in `next`.
    cursor: Option<String>,
}

/// What a silence does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SilenceKind {
    /// Hides notifications.
    Silence,
    /// Leaves the events out of incidents too.
    Suppress,
}

/// A silence.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Silence {
    pub id: String,
    /// Which events and incidents, in the language of searches.
    pub query: String,
    pub kind: SilenceKind,
    /// When it ends.
    #[schema(value_type = Moment)]
    pub expires: Timestamp,
    #[schema(value_type = Moment)]
    pub created: Timestamp,
    pub owner: String,
    pub reason: String,
    /// Whether it is in force now.
    pub active: bool,
    /// The id that Alertmanager gave it.
    pub alertmanager_id: Option<String>,
}

/// A page of silences, the newest first.
#[derive(Debug, Serialize, ToSchema)]
struct SilencePage {
    items: Vec<Silence>,
    /// What to pass as `cursor` for the next page; null on the last.
    next: Option<String>,
}

/// A silence to make. It always ends.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewSilence {
    /// Which events and incidents, in the language of searches.
    #[schema(min_length = 1, max_length = 4096)]
    query: String,
    kind: SilenceKind,
    /// When it ends: RFC 3339, or so long from now (`2h`, `7d`); a year at most.
    #[schema(example = "7d")]
    expires: String,
    /// Why.
    #[schema(min_length = 1, max_length = 1024)]
    reason: String,
}

/// A silence to be looked at before it is made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Draft {
    /// Which events and incidents, in the language of searches.
    #[schema(min_length = 1, max_length = 4096)]
    query: String,
    #[serde(default)]
    kind: Option<SilenceKind>,
    /// Days that are looked back.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 90, default = 7)]
    days: Option<u32>,
}

/// What a silence would have hidden.
#[derive(Debug, Serialize, ToSchema)]
struct Preview {
    /// Alerts that it would have hidden.
    would_hide: u64,
    /// All alerts of that time.
    of: u64,
    /// Days that were looked back.
    days: u32,
    /// Some of those that it would have hidden.
    sample: Vec<Event>,
    /// Ids of incidents, open or closed in that time, that it would have hidden.
    incidents: Vec<String>,
}

/// Lists silences.
#[utoipa::path(get, path = "/silences", tag = "silences", params(Asked),
    responses((status = 200, body = SilencePage)))]
async fn list(app: App, Query(asked): Query<Asked>) -> Result<Json<SilencePage>, Problem> {
    let _ = (app, asked);
    Err(Problem::unavailable("the state is not open"))
}

/// Makes a silence.
#[utoipa::path(post, path = "/silences", tag = "silences", request_body = NewSilence,
    responses((status = 201, body = Silence)))]
async fn create(
    app: App,
    Who(who): Who,
    Json(asked): Json<NewSilence>,
) -> Result<Response, Problem> {
    let _ = (app, who, asked);
    Err(Problem::unavailable("the state is not open"))
}

/// Tells what a silence would have hidden.
#[utoipa::path(post, path = "/silences/preview", tag = "silences", request_body = Draft,
    responses((status = 200, body = Preview)))]
async fn preview(app: App, Json(asked): Json<Draft>) -> Result<Json<Preview>, Problem> {
    let _ = (app, asked);
    Err(Problem::unavailable("the state is not open"))
}

/// Suricata's `threshold.config` of the silences that it can express.
#[utoipa::path(get, path = "/silences/threshold.config", tag = "silences",
    responses((status = 200, body = String, content_type = "text/plain")))]
async fn thresholds(app: App) -> Result<Response, Problem> {
    let _ = (app, header::CONTENT_TYPE, ().into_response());
    Err(Problem::unavailable("the state is not open"))
}

/// Ends a silence now. It stays in the list.
#[utoipa::path(delete, path = "/silences/{id}", tag = "silences",
    params(("id" = String, Path, description = "The silence's name")),
    responses((status = 204, description = "It is over")))]
async fn expire(app: App, Who(who): Who, Path(id): Path<String>) -> Result<Response, Problem> {
    let _ = (app, who, id);
    Err(Problem::unavailable("the state is not open"))
}
