//! `/api/v1/captures` and `/api/v1/rules/test`: captures that people drop on a page, read by the engine.

use std::time::{Duration, Instant};

use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use event::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use super::app::App;
use super::extract::{Json, Path, Query, Who};
use super::lent::CaptureJob;
use super::page;
use super::routes::Routes;
use super::shapes::{Eve, Moment};
use crate::api::problem::Problem;
use crate::auth::Role;

mod shelf;
mod upload;

pub use shelf::Captures;

/// Alerts that a rule test tells; it counts all.
const MAX_ALERTS: usize = 1000;

/// How long a rule test may read.
const TESTING: Duration = Duration::from_secs(60);

/// How long a rule test waits for the one before it.
const TURN: Duration = Duration::from_secs(20);

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

/// What is done about packets whose checksum is wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Checksums {
    /// They are left out of their streams, as their receiver leaves them out.
    #[default]
    All,
    /// They are read as any other: captures of a host's own packets have checksums that its card had yet to compute.
    None,
}

/// How a capture is read.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Reading {
    /// Which checksums are held against packets: `all` unless said otherwise.
    #[param(inline)]
    checksums: Option<Checksums>,
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
    /// Packets that were left out because their checksum is wrong: `checksums=none` reads them.
    pub wrong_checksums: u64,
    /// What is done about wrong checksums.
    pub checksums: Checksums,
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
    #[schema(min_length = 1, max_length = 1_048_576)]
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
    /// Packets that were left out because their checksum is wrong: `checksums=none` reads them.
    pub wrong_checksums: u64,
    /// Why the capture was not read to its end.
    pub error: Option<String>,
}

/// A rule that can't be read.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RefusedRule {
    /// Its line, from 1.
    pub line: u32,
    /// The character of that line, from 1; 0 where the whole rule is meant.
    pub column: u32,
    /// Its number, where it has one that can be read.
    pub sid: Option<u32>,
    /// Why.
    pub reason: String,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Paging {
    /// Captures on the page.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// What the page before said in `next`.
    #[param(format = "cursor")]
    cursor: Option<String>,
}

/// Captures that were handed in since the start.
#[utoipa::path(get, path = "/captures", tag = "captures", params(Paging),
    responses((status = 200, body = CapturePage)))]
async fn list(app: App, Query(paging): Query<Paging>) -> Result<Json<CapturePage>, Problem> {
    let before = page::read(paging.cursor.as_deref())?;
    let (items, next) = app.captures.page(before, page::limit(paging.limit)?);
    Ok(Json(CapturePage {
        items,
        next: next.map(|next| page::write(&next)),
    }))
}

/// A name that nobody can guess, and that is a file's name as well.
fn new_id() -> Result<String, Problem> {
    let random = state::random_id().map_err(super::app::of_state)?;
    Ok(format!("c{}", random.get(..16).unwrap_or(&random)))
}

fn busy(what: &str) -> Problem {
    Problem::new(
        StatusCode::TOO_MANY_REQUESTS,
        format!("{what}: come again in a minute"),
    )
}

/// Hands in a capture: as a form with the file in `capture`, or as the body itself
/// (`application/vnd.tcpdump.pcap` or `application/octet-stream`). 256 MiB at most.
#[utoipa::path(post, path = "/captures", tag = "captures", params(Reading),
    request_body(content(
        (CaptureForm = "multipart/form-data"),
        (Vec<u8> = "application/vnd.tcpdump.pcap"),
        (Vec<u8> = "application/octet-stream"))),
    responses((status = 202, body = Capture)))]
async fn create(
    app: App,
    Who(who): Who,
    Query(reading): Query<Reading>,
    request: Request,
) -> Result<Response, Problem> {
    if app.lent.read_capture.is_none() {
        return Err(Problem::unavailable(
            "captures are not read in this process",
        ));
    }
    let Ok(_place) = app.captures.uploads.try_acquire() else {
        return Err(busy("too many captures arrive"));
    };
    let id = new_id()?;
    let upload = upload::receive(request, &app.captures.folder, &id).await?;
    let capture = Capture {
        query: format!("ratel.capture:{id}"),
        id,
        name: upload.name.clone(),
        state: CaptureState::Waiting,
        owner: who.name,
        created: app.now(),
        finished: None,
        bytes: upload.bytes,
        packets: 0,
        events: 0,
        alerts: 0,
        wrong_checksums: 0,
        checksums: reading.checksums.unwrap_or_default(),
        error: None,
    };
    tracing::info!(
        who = capture.owner,
        id = capture.id,
        bytes = capture.bytes,
        "a capture was handed in"
    );
    app.captures
        .queue(capture.clone(), upload)
        .map_err(|_| busy("too many captures wait"))?;
    Ok((StatusCode::ACCEPTED, Json(capture)).into_response())
}

/// How far a capture is.
#[utoipa::path(get, path = "/captures/{id}", tag = "captures",
    params(("id" = String, Path, description = "The capture's name")),
    responses((status = 200, body = Capture)))]
async fn show(app: App, Path(id): Path<String>) -> Result<Json<Capture>, Problem> {
    let found = app.captures.get(&id);
    found
        .map(Json)
        .ok_or_else(|| Problem::missing(format!("there is no capture {id:?}")))
}

/// Holds rules against a capture; nothing is kept.
#[utoipa::path(post, path = "/rules/test", tag = "rules", params(Reading),
    request_body(content((TestForm = "multipart/form-data"))),
    responses((status = 200, body = RuleTest)))]
async fn test(
    app: App,
    Who(who): Who,
    Query(reading): Query<Reading>,
    request: Request,
) -> Result<Json<RuleTest>, Problem> {
    let is_checked = reading.checksums.unwrap_or_default() == Checksums::All;
    let Some(read) = app.lent.read_capture.clone() else {
        return Err(Problem::unavailable(
            "captures are not read in this process",
        ));
    };
    let Ok(_place) = app.captures.uploads.try_acquire() else {
        return Err(busy("too many captures arrive"));
    };
    let id = new_id()?;
    let upload = upload::receive(request, &app.captures.folder, &id).await?;
    let rules = upload.rules.clone();
    let rules = rules.ok_or_else(|| Problem::bad("the form has no field \"rules\""))?;
    tracing::info!(who = who.name, bytes = upload.bytes, "rules are tested");
    let turn = tokio::time::timeout(TURN, app.captures.tests.acquire()).await;
    let Ok(Ok(turn)) = turn else {
        return Err(busy("other rules are tested"));
    };
    // Given back by the thread that reads, also where nobody waits for it any more.
    turn.forget();
    let shelf = app.captures.clone();
    let tested = app.wait(move || {
        let begun = Instant::now();
        let (mut alerts, mut refused, mut loaded) = (Vec::new(), Vec::new(), 0);
        let mut take = |record: &[u8]| {
            if event::record::kind(record) == Some("alert")
                && alerts.len() < MAX_ALERTS
                && let Ok(text) = std::str::from_utf8(record)
                && let Ok(raw) = serde_json::value::RawValue::from_string(text.trim().to_owned())
            {
                alerts.push(raw);
            }
            true
        };
        let stop = move || begun.elapsed() > TESTING;
        let reading = std::panic::AssertUnwindSafe(|| {
            read(CaptureJob {
                file: upload.file.path(),
                name: "test",
                rules: Some(&rules),
                is_checked,
                stop: &stop,
                take: &mut take,
                refused: &mut refused,
                loaded: &mut loaded,
            })
        });
        let done = std::panic::catch_unwind(reading);
        shelf.tests.add_permits(1);
        let mut done = done.map_err(|_| {
            Problem::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the engine failed; see the log",
            )
        })?;
        if stop() && done.error.is_none() {
            done.error = Some("it took too long".to_owned());
        }
        let mut told = RuleTest::of(&done, loaded, refused);
        told.alerts = alerts;
        told.took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(told)
    });
    tested.await?.map(Json)
}
