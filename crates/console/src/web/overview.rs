//! `GET /api/v1/overview`: what the first page shows, in one answer.

use std::collections::BTreeMap;

use event::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use super::app::App;
use super::events::values::ValueCount;
use super::extract::{Json, Query};
use super::hosts::SignatureCount;
use super::routes::Routes;
use super::shapes::{self, Moment};
use crate::api::problem::Problem;
use crate::api::status::Role as RoleHealth;
use crate::auth::Role;
use crate::service::lock;

/// The routes.
pub fn routes() -> Routes {
    Routes::default().at(Role::Viewer, routes!(show))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Asked {
    /// From this time on; an hour unless said otherwise.
    #[param(default = "1h", format = "moment")]
    since: Option<String>,
}

/// What the first page shows.
#[derive(Debug, Serialize, ToSchema)]
struct Overview {
    #[schema(value_type = Moment)]
    since: Timestamp,
    #[schema(value_type = Moment)]
    now: Timestamp,
    /// Packets and bytes in a second, every ten seconds; a day is kept.
    traffic: Vec<Traffic>,
    /// The width of a bucket of `alerts`.
    interval_secs: u64,
    /// Alerts over time.
    alerts: Vec<AlertBucket>,
    /// Alerts of that time.
    alerts_total: u64,
    /// Events of that time.
    events_total: u64,
    top: Top,
    incidents: IncidentCounts,
    roles: Vec<RoleView>,
    drops: Drops,
    /// Actions known, by state.
    actions: BTreeMap<String, u64>,
    /// What could not be told, and why; empty where all is told.
    missing: Vec<String>,
}

/// Packets and bytes in a second.
#[derive(Debug, Serialize, ToSchema)]
struct Traffic {
    #[schema(value_type = Moment)]
    time: Timestamp,
    packets: f64,
    bytes: f64,
    /// Packets that found no room.
    dropped: f64,
}

/// Alerts of one stretch of time.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AlertBucket {
    #[schema(value_type = Moment)]
    pub time: Timestamp,
    pub total: u64,
    /// By EVE's severity: `1` is the worst.
    pub by_severity: BTreeMap<String, u64>,
}

/// What occurs most among alerts; `protocols` among all events.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct Top {
    pub sources: Vec<AddressCount>,
    pub destinations: Vec<AddressCount>,
    pub signatures: Vec<SignatureCount>,
    /// Countries of sources, as ISO 3166 codes; empty without a database of addresses.
    pub countries: Vec<ValueCount>,
    pub protocols: Vec<ValueCount>,
}

/// How often an address occurs.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AddressCount {
    pub value: String,
    pub count: u64,
    pub country: Option<String>,
}

/// Incidents that are open or acknowledged, by severity.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct IncidentCounts {
    pub open_by_severity: BTreeMap<String, u64>,
    pub acknowledged_by_severity: BTreeMap<String, u64>,
}

/// A role.
#[derive(Debug, Serialize, ToSchema)]
struct RoleView {
    #[serde(flatten)]
    #[schema(value_type = shapes::RoleHealth)]
    role: RoleHealth,
}

/// Packets that came, and where some were lost, since the start.
#[derive(Debug, Serialize, ToSchema)]
struct Drops {
    packets: u64,
    dropped: u64,
    by_stage: BTreeMap<String, u64>,
}

/// What the first page shows.
#[utoipa::path(get, path = "/overview", tag = "overview", params(Asked),
    responses((status = 200, body = Overview)))]
async fn show(app: App, Query(asked): Query<Asked>) -> Result<Json<Overview>, Problem> {
    let now = app.now();
    let since = super::events::since_or(asked.since.as_deref(), "1h", now)?;
    if since >= now {
        return Err(Problem::unprocessable("since must come before now"));
    }
    let status = app.status().await?;
    let mut missing = Vec::new();
    let counted = app.alerts_since(since, now, &mut missing).await;
    let incidents = app.incident_counts(&mut missing).await;
    Ok(Json(Overview {
        since,
        now,
        traffic: traffic(&app, since),
        interval_secs: counted.interval_secs.max(1),
        alerts: counted.alerts.clone(),
        alerts_total: counted.alerts_total,
        events_total: counted.events_total,
        top: counted.top.clone(),
        incidents,
        roles: status
            .roles
            .into_iter()
            .map(|role| RoleView { role })
            .collect(),
        drops: drops(&status.counters),
        actions: status.actions,
        missing,
    }))
}

fn traffic(app: &App, since: Timestamp) -> Vec<Traffic> {
    let samples = lock(&app.samples);
    let rates = |name| samples.points(name, since).into_iter();
    let packets = rates("inspected");
    let (bytes, drops) = (rates("inspected_bytes"), rates("ring_drops"));
    packets
        .zip(bytes.zip(drops))
        .map(|(packets, (bytes, drops))| Traffic {
            time: packets.time,
            packets: packets.rate,
            bytes: bytes.rate,
            dropped: drops.rate,
        })
        .collect()
}

/// Counters of the sensor at which packets, or records of them, are lost.
const STAGES: [&str; 5] = [
    "ring_drops",
    "invalid",
    "failed",
    "left_behind",
    "events_lost",
];

fn drops(counters: &BTreeMap<String, u64>) -> Drops {
    let count = |name: &str| counters.get(name).copied().unwrap_or_default();
    let by_stage: BTreeMap<_, _> = STAGES
        .iter()
        .filter(|name| counters.contains_key(**name))
        .map(|name| ((*name).to_owned(), count(name)))
        .collect();
    Drops {
        packets: count("ring_packets"),
        dropped: by_stage.values().sum(),
        by_stage,
    }
}
