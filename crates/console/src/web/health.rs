//! `/api/v1/status`, `/health/series`, `/version`: how Ratel fares.

use std::collections::BTreeMap;

use event::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use super::app::App;
use super::extract::{Json, Query};
use super::routes::Routes;
use super::shapes::{self, Moment};
use crate::api::problem::Problem;
use crate::api::status::Status;
use crate::auth::Role;
use crate::service::lock;

/// The longest list of names, characters.
const MAX_METRIC_TEXT: usize = 2048;

/// Metrics in one answer.
const MAX_METRICS: usize = 32;

/// The routes.
pub fn routes() -> Routes {
    Routes::default()
        .at(Role::Viewer, routes!(status))
        .at(Role::Viewer, routes!(series))
        .open(routes!(version))
}

/// How Ratel fares: what the command `ratel status` shows.
#[derive(Debug, ToSchema)]
#[allow(dead_code, reason = "read by the description")]
struct StatusView {
    version: String,
    pid: u32,
    #[schema(value_type = Moment)]
    started: Timestamp,
    #[schema(value_type = Moment)]
    now: Timestamp,
    /// Whether everything runs.
    ready: bool,
    roles: Vec<shapes::RoleHealth>,
    /// Actions known, by state.
    actions: BTreeMap<String, u64>,
    /// Events that passed since the start, by kind.
    events: BTreeMap<String, u64>,
    /// What else is counted, since the start.
    counters: BTreeMap<String, u64>,
    /// Bouncers that asked since the start.
    bouncers: Vec<shapes::Bouncer>,
}

/// How each role fares.
#[utoipa::path(get, path = "/status", tag = "health",
    responses((status = 200, body = StatusView)))]
async fn status(app: App) -> Result<Json<Status>, Problem> {
    app.status().await.map(Json)
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Asked {
    /// Names of counters, as `status` has them, separated by commas; one that was not noted yet has no points. Nothing:
    /// only the names that there are.
    #[param(example = "packets,bytes", max_length = 2048)]
    metric: Option<String>,
    /// From this time on; an hour unless said otherwise. A day is kept.
    #[param(default = "1h", format = "moment")]
    since: Option<String>,
}

/// Counters over time.
#[derive(Debug, Serialize, ToSchema)]
struct Series {
    /// The distance of two points.
    interval_secs: u64,
    /// The names that can be asked for.
    metrics: Vec<String>,
    /// What was counted in each interval, by name, in order.
    series: BTreeMap<String, Vec<Point>>,
}

/// What was counted in an interval.
#[derive(Debug, Serialize, ToSchema)]
pub struct Point {
    /// Where the interval ends.
    #[schema(value_type = Moment)]
    pub time: Timestamp,
    /// How much in a second.
    pub rate: f64,
    /// The counter itself.
    pub value: u64,
}

/// Counters over time.
#[utoipa::path(get, path = "/health/series", tag = "health", params(Asked),
    responses((status = 200, body = Series), (status = 404, response = shapes::Refusal)))]
async fn series(app: App, Query(asked): Query<Asked>) -> Result<Json<Series>, Problem> {
    let now = app.now();
    let since = super::events::since_or(asked.since.as_deref(), "1h", now)?;
    if asked
        .metric
        .as_ref()
        .is_some_and(|text| text.chars().count() > MAX_METRIC_TEXT)
    {
        return Err(Problem::bad(format!(
            "metric: {MAX_METRIC_TEXT} characters at most"
        )));
    }
    let names: Vec<&str> = asked
        .metric
        .as_deref()
        .unwrap_or_default()
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .collect();
    if names.len() > MAX_METRICS {
        return Err(Problem::bad(format!("metric: {MAX_METRICS} at most")));
    }
    let kept = lock(&app.samples);
    let series = names
        .iter()
        .map(|name| ((*name).to_owned(), kept.points(name, since)))
        .collect();
    Ok(Json(Series {
        interval_secs: super::samples::EVERY.as_secs(),
        metrics: kept.names().into_iter().collect(),
        series,
    }))
}

/// Which Ratel this is.
#[derive(Debug, Serialize, ToSchema)]
struct Version {
    name: String,
    version: String,
    /// The version of this interface.
    api: String,
}

/// Which Ratel this is.
#[utoipa::path(get, path = "/version", tag = "health",
    responses((status = 200, body = Version)))]
async fn version() -> Json<Version> {
    Json(Version {
        name: "ratel".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        api: "v1".to_owned(),
    })
}
