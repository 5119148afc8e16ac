//! `/api/v1/hosts`: who was seen, and who talked to whom.

use event::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use super::app::App;
use super::events::values::ValueCount;
use super::extract::{Json, Path, Query};
use super::routes::Routes;
use super::shapes::Moment;
use crate::api::problem::Problem;
use crate::auth::Role;

/// The routes.
pub fn routes() -> Routes {
    Routes::default()
        .at(Role::Viewer, routes!(list))
        .at(Role::Viewer, routes!(show))
}

/// Which hosts.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Asked {
    /// An address or network, or a query that picks the events that are looked at.
    #[param(max_length = 8192)]
    q: Option<String>,
    /// Seen from this time on; a day unless said otherwise.
    #[param(default = "1d")]
    since: Option<String>,
    /// Hosts on the page.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// What the page before said in `next`.
    cursor: Option<String>,
}

/// A host in a list.
#[derive(Debug, Serialize, ToSchema)]
struct Host {
    address: String,
    /// What the assets file says of it.
    asset: Option<Asset>,
    /// ISO 3166 code of the country, where a database of addresses is set.
    country: Option<String>,
    #[schema(value_type = Moment)]
    first: Timestamp,
    #[schema(value_type = Moment)]
    last: Timestamp,
    /// Events in which it is one end.
    events: u64,
    /// Alerts in which it is one end.
    alerts: u64,
    /// Bytes of flows that are over, in both directions.
    bytes: u64,
}

/// What the assets file says of an address.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Asset {
    pub name: String,
    pub role: Option<String>,
    /// `low`, `medium`, `high` or `critical`.
    pub criticality: Option<String>,
}

/// A page of hosts, those with the most alerts first, then those with the most events.
#[derive(Debug, Serialize, ToSchema)]
struct HostPage {
    items: Vec<Host>,
    /// What to pass as `cursor` for the next page; null on the last.
    next: Option<String>,
}

/// One host.
#[derive(Debug, Serialize, ToSchema)]
struct HostDetail {
    #[serde(flatten)]
    host: Host,
    /// Whom it talked to, the busiest first.
    peers: Vec<Peer>,
    /// What it offered: protocol and port of flows that others opened to it.
    services: Vec<Service>,
    /// Names under which it was asked for (DNS answers, TLS, HTTP).
    names: Vec<ValueCount>,
    /// Its alerts by what the rule says.
    alerts_by_signature: Vec<SignatureCount>,
}

/// Whom a host talked to.
#[derive(Debug, Serialize, ToSchema)]
struct Peer {
    address: String,
    country: Option<String>,
    events: u64,
    alerts: u64,
    bytes: u64,
    #[schema(value_type = Moment)]
    last: Timestamp,
}

/// What a host offered.
#[derive(Debug, Serialize, ToSchema)]
struct Service {
    /// `TCP`, `UDP`.
    proto: String,
    port: u16,
    /// The application protocol that was recognised.
    app_proto: Option<String>,
    events: u64,
}

/// How often a rule fired.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SignatureCount {
    pub signature_id: u64,
    pub signature: String,
    pub count: u64,
}

/// Lists hosts.
#[utoipa::path(get, path = "/hosts", tag = "hosts", params(Asked),
    responses((status = 200, body = HostPage)))]
async fn list(app: App, Query(asked): Query<Asked>) -> Result<Json<HostPage>, Problem> {
    let _ = (app, asked);
    Err(Problem::unavailable("the store is not open"))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Since {
    /// Seen from this time on; a week unless said otherwise.
    #[param(default = "7d")]
    since: Option<String>,
}

/// One host.
#[utoipa::path(get, path = "/hosts/{ip}", tag = "hosts",
    params(("ip" = String, Path, description = "Its address", example = "192.0.2.1"), Since),
    responses((status = 200, body = HostDetail)))]
async fn show(
    app: App,
    Path(ip): Path<String>,
    Query(since): Query<Since>,
) -> Result<Json<HostDetail>, Problem> {
    let _ = (app, ip, since);
    Err(Problem::unavailable("the store is not open"))
}
