//! `/api/v1/silences`: what is not told, until when, by whom and why; with a preview.

use std::time::Duration;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use event::Timestamp;
use event::incident::Incident;
use event::order::What;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use state::silences::{Kind, New};
use store::query::{Predicate, Query as Tree, Value as Word, matches};
use store::search::Request;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use super::app::{App, of_listing, of_state};
use super::events::{Event, query};
use super::extract::{Json, Path, Query, Who};
use super::page;
use super::routes::Routes;
use super::shapes::Moment;
use super::time::later;
use crate::api::problem::Problem;
use crate::auth::Role;

/// The longest silence: a year. What is silenced for good belongs into the rules.
const LONGEST: Duration = Duration::from_secs(366 * 86_400);

/// The longest query of a silence, bytes.
const MAX_QUERY: usize = 4096;

/// The longest reason, characters.
const MAX_REASON: usize = 1024;

/// Days that a preview looks back unless asked otherwise, and at most.
const DAYS: u32 = 7;
const MAX_DAYS: u32 = 90;

/// Events that a preview shows.
const SAMPLE: usize = 5;

/// Incidents that a preview holds the draft against.
const MAX_INCIDENTS: usize = 1000;

/// Silences that `threshold.config` is made of.
const MAX_EXPORTED: usize = 1000;

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
    #[param(format = "cursor")]
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
    /// Who ended it before its time.
    pub ended_by: Option<String>,
    /// What receivers call it, by the receiver's name.
    pub mirrors: std::collections::BTreeMap<String, String>,
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
    #[schema(min_length = 1, max_length = 8192, format = "search-some")]
    query: String,
    kind: SilenceKind,
    /// When it ends: RFC 3339, or so long from now (`2h`, `7d`); a year at most.
    #[schema(example = "7d", format = "moment-ahead")]
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
    #[schema(min_length = 1, max_length = 8192, format = "search-some")]
    query: String,
    /// What it would do.
    #[serde(default)]
    #[allow(dead_code, reason = "both kinds would hide the same events")]
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

impl Silence {
    /// The silence as the API shows it at `now`.
    pub(super) fn of(silence: state::silences::Silence, now: Timestamp) -> Silence {
        Silence {
            active: silence.is_active(now),
            expires: silence.ended.unwrap_or(silence.expires),
            id: silence.id,
            query: silence.query,
            kind: match silence.kind {
                Kind::Silence => SilenceKind::Silence,
                Kind::Suppress => SilenceKind::Suppress,
            },
            created: silence.created,
            owner: silence.owner,
            reason: silence.reason,
            ended_by: silence.ended_by,
            mirrors: silence.mirrors,
        }
    }
}

/// Whether a silence hides an incident: its query takes the incident as it is written, or what an
/// alert of each of its rules between its first attacker and victim would look like.
pub(super) fn hides(text: &str, incident: &Incident, told: &Value) -> bool {
    let Ok(query) = query(Some(text)) else {
        return false;
    };
    if matches(&query, told) {
        return true;
    }
    let first =
        |parties: &[event::incident::Party]| parties.first().map(|party| party.address.clone());
    let (source, target) = (first(&incident.attackers), first(&incident.victims));
    !incident.signatures.is_empty() && incident.signatures.iter().all(|signature| {
        let (gid, sid) = signature.id.split_once(':').unwrap_or(("1", ""));
        let number = |text: &str| text.parse::<u64>().ok();
        let like = serde_json::json!({
            "event_type": "alert",
            "src_ip": source,
            "dest_ip": target,
            "alert": {"gid": number(gid), "signature_id": number(sid), "signature": signature.text},
        });
        matches(&query, &like)
    })
}

/// Lists silences, the newest first.
#[utoipa::path(get, path = "/silences", tag = "silences", params(Asked),
    responses((status = 200, body = SilencePage)))]
async fn list(app: App, Query(asked): Query<Asked>) -> Result<Json<SilencePage>, Problem> {
    let now = app.now();
    let paging = page::of_state(asked.limit, asked.cursor)?;
    let active_at = (!asked.expired.unwrap_or(false)).then_some(now);
    let found = app.state()?.silences().list(active_at, &paging).await;
    let found = found.map_err(of_listing)?;
    let found = found.map(|silence| Silence::of(silence, now));
    Ok(Json(SilencePage {
        items: found.items,
        next: found.next,
    }))
}

/// Makes a silence.
#[utoipa::path(post, path = "/silences", tag = "silences", request_body = NewSilence,
    responses((status = 201, body = Silence)))]
async fn create(
    app: App,
    Who(who): Who,
    Json(asked): Json<NewSilence>,
) -> Result<Response, Problem> {
    let now = app.now();
    readable(&asked.query)?;
    if asked.reason.chars().count() > MAX_REASON {
        return Err(Problem::unprocessable(format!(
            "reason: {MAX_REASON} characters at most"
        )));
    }
    let expires = later("expires", &asked.expires, now)?;
    if expires.since(now) > LONGEST {
        return Err(Problem::unprocessable("expires: a year from now at most"));
    }
    let new = New {
        kind: match asked.kind {
            SilenceKind::Silence => Kind::Silence,
            SilenceKind::Suppress => Kind::Suppress,
        },
        query: &asked.query,
        reason: &asked.reason,
        owner: &who.name,
        expires,
        origin: None,
    };
    let made = app.state()?.silences().add(&new, now).await;
    let silence = Silence::of(made.map_err(of_state)?, now);
    tracing::info!(
        who = who.name,
        id = silence.id,
        query = silence.query,
        "silence"
    );
    app.hint(What::SilencesChanged, &who.name).await;
    Ok((StatusCode::CREATED, Json(silence)).into_response())
}

/// The query of a silence; one that takes everything is no silence.
fn readable(text: &str) -> Result<Tree, Problem> {
    let unprocessable = |problem: Problem| Problem::unprocessable(problem.detail);
    if text.len() > MAX_QUERY {
        return Err(Problem::unprocessable(format!(
            "query: {MAX_QUERY} bytes at most"
        )));
    }
    match query(Some(text)).map_err(unprocessable)? {
        Tree::All => Err(Problem::unprocessable(
            "query: everything can't be silenced; say which events",
        )),
        tree => Ok(tree),
    }
}

/// Tells what a silence would have hidden.
#[utoipa::path(post, path = "/silences/preview", tag = "silences", request_body = Draft,
    responses((status = 200, body = Preview)))]
async fn preview(app: App, Json(asked): Json<Draft>) -> Result<Json<Preview>, Problem> {
    let days = asked.days.unwrap_or(DAYS);
    if !(1..=MAX_DAYS).contains(&days) {
        return Err(Problem::unprocessable(format!("days: 1 to {MAX_DAYS}")));
    }
    let tree = readable(&asked.query)?;
    let since = app.now() - Duration::from_secs(u64::from(days) * 86_400);
    let alerts = || Tree::field("event_type", Predicate::Is(Word::Word("alert".to_owned())));
    let of = Request {
        since: Some(since),
        limit: 0,
        ..Request::of(alerts())
    };
    let hidden = Request {
        since: Some(since),
        limit: SAMPLE,
        ..Request::of(Tree::and(vec![alerts(), tree]))
    };
    let ((of, _), (hidden, _)) = tokio::try_join!(app.find(of), app.find(hidden))?;
    Ok(Json(Preview {
        would_hide: hidden.total,
        of: of.total,
        days,
        sample: hidden.hits.into_iter().map(Event::of).collect(),
        incidents: hidden_incidents(&app, &asked.query, since).await?,
    }))
}

async fn hidden_incidents(
    app: &App,
    query: &str,
    since: Timestamp,
) -> Result<Vec<String>, Problem> {
    let filter = state::incidents::Filter {
        since: Some(since),
        ..state::incidents::Filter::default()
    };
    let paging = state::Paging::first(MAX_INCIDENTS);
    let found = app.state()?.incidents().list(&filter, &paging).await;
    let found = found.map_err(of_state)?;
    let hidden = found.items.into_iter().filter(|record| {
        let told = serde_json::to_value(&record.incident).unwrap_or_default();
        hides(query, &record.incident, &told)
    });
    Ok(hidden.map(|record| record.incident.id).collect())
}

/// Suricata's `threshold.config` of the silences in force that it can express; the others are told in comments.
#[utoipa::path(get, path = "/silences/threshold.config", tag = "silences",
    responses((status = 200, body = String, content_type = "text/plain")))]
async fn thresholds(app: App) -> Result<Response, Problem> {
    let active = app.state()?.silences().active(app.now()).await;
    let active = active.map_err(of_state)?;
    let text = super::thresholds::write(active.iter().take(MAX_EXPORTED));
    let kind = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    Ok((kind, text).into_response())
}

/// Ends a silence now. It stays in the list.
#[utoipa::path(delete, path = "/silences/{id}", tag = "silences",
    params(("id" = String, Path, description = "The silence's name")),
    responses((status = 204, description = "It is over")))]
async fn expire(app: App, Who(who): Who, Path(id): Path<String>) -> Result<Response, Problem> {
    let ended = app.state()?.silences().end(&id, &who.name, app.now()).await;
    ended.map_err(of_state)?;
    tracing::info!(who = who.name, id, "silence ended");
    app.hint(What::SilencesChanged, &who.name).await;
    Ok(StatusCode::NO_CONTENT.into_response())
}
