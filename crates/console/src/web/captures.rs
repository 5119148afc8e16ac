//! `/api/v1/captures` and `/api/v1/rules/test`: captures that people drop on a page, read by the engine.

use axum::extract::Request;
use axum::response::Response;
use event::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use super::app::App;
use super::extract::{Json, Path, Query, Who};
use super::routes::Routes;
use super::shapes::{Eve, Moment};
use crate::api::problem::Problem;
use crate::auth::Role;

/// The routes.
pub fn routes() -> Routes {
    Routes::default()
        .at(Role::Viewer, routes!(list))
        .at(Role::Analyst, routes!(create))
        .at(Role::Viewer, routes!(show))
        .at(Role::Analyst, routes!(test))
}

/// How far a capture is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CaptureState {
    /// Others come first.
    Waiting,
    /// The engine reads it.
    Reading,
    /// It is read; its events are in the store within moments.
    Done,
    /// It can't be read to its end; `error` says why. What was read before stays.
    Failed,
}

/// A capture that was handed in.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Capture {
    /// Its name: its events have it in `ratel.capture`.
    pub id: String,
    /// The file's name as the browser told it; only shown.
    pub name: Option<String>,
    pub state: CaptureState,
    /// Who handed it in.
    pub owner: String,
    #[schema(value_type = Moment)]
    pub created: Timestamp,
    #[schema(value_type = Option<Moment>)]
    pub finished: Option<Timestamp>,
    pub bytes: u64,
    pub packets: u64,
    pub events: u64,
    pub alerts: u64,
    pub error: Option<String>,
    /// A search that finds its events.
    pub query: String,
}

/// A page of captures, the newest first.
#[derive(Debug, Serialize, ToSchema)]
struct CapturePage {
    items: Vec<Capture>,
    /// What to pass as `cursor` for the next page; null on the last.
    next: Option<String>,
}

/// A form with a file.
#[derive(Debug, ToSchema)]
#[allow(dead_code, reason = "read by the description")]
struct CaptureForm {
    /// The capture: pcap or pcapng.
    #[schema(value_type = String, format = Binary, content_media_type = "application/octet-stream")]
    capture: Vec<u8>,
}

/// A form with a file and rules.
#[derive(Debug, ToSchema)]
#[allow(dead_code, reason = "read by the description")]
struct TestForm {
    /// The capture: pcap or pcapng.
    #[schema(value_type = String, format = Binary, content_media_type = "application/octet-stream")]
    capture: Vec<u8>,
    /// Rules, one on a line.
    #[schema(max_length = 1_048_576)]
    rules: String,
}

/// What rules made of a capture.
#[derive(Debug, Serialize, ToSchema)]
pub struct RuleTest {
    pub packets: u64,
    /// Rules that were loaded.
    pub loaded: u64,
    /// Rules that were refused, with line and reason.
    pub refused: Vec<RefusedRule>,
    /// All alerts, of which `alerts` has the first.
    pub total: u64,
    /// Alerts with what they matched.
    #[schema(value_type = Vec<Eve>)]
    pub alerts: Vec<Box<serde_json::value::RawValue>>,
    pub took_ms: u64,
    /// Why the capture was not read to its end.
    pub error: Option<String>,
}

/// A rule that can't be read.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RefusedRule {
    pub line: u32,
    pub column: u32,
    pub sid: Option<u32>,
    pub reason: String,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Paging {
    /// Captures on the page.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// What the page before said in `next`.
    cursor: Option<String>,
}

/// Captures that were handed in since the start.
#[utoipa::path(get, path = "/captures", tag = "captures", params(Paging),
    responses((status = 200, body = CapturePage)))]
async fn list(app: App, Query(paging): Query<Paging>) -> Result<Json<CapturePage>, Problem> {
    let _ = (app, paging);
    Err(Problem::unavailable("captures are not read here"))
}

/// Hands in a capture: as a form with the file in `capture`, or as the body itself
/// (`application/vnd.tcpdump.pcap` or `application/octet-stream`). 256 MiB at most.
#[utoipa::path(post, path = "/captures", tag = "captures",
    request_body(content(
        (CaptureForm = "multipart/form-data"),
        (Vec<u8> = "application/vnd.tcpdump.pcap"),
        (Vec<u8> = "application/octet-stream"))),
    responses((status = 202, body = Capture)))]
async fn create(app: App, Who(who): Who, request: Request) -> Result<Response, Problem> {
    let _ = (app, who, request);
    Err(Problem::unavailable("captures are not read here"))
}

/// How far a capture is.
#[utoipa::path(get, path = "/captures/{id}", tag = "captures",
    params(("id" = String, Path, description = "The capture's name")),
    responses((status = 200, body = Capture)))]
async fn show(app: App, Path(id): Path<String>) -> Result<Json<Capture>, Problem> {
    let _ = (app, id);
    Err(Problem::unavailable("captures are not read here"))
}

/// Holds rules against a capture; nothing is kept.
#[utoipa::path(post, path = "/rules/test", tag = "rules",
    request_body(content((TestForm = "multipart/form-data"))),
    responses((status = 200, body = RuleTest)))]
async fn test(app: App, Who(who): Who, request: Request) -> Result<Json<RuleTest>, Problem> {
    let _ = (app, who, request);
    Err(Problem::unavailable("captures are not read here"))
}
