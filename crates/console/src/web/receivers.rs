//! `/api/v1/receivers`: who is told, and how far each outbox is.

use event::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::app::App;
use super::extract::{Json, Path, Who};
use super::routes::Routes;
use super::shapes::Moment;
use crate::api::problem::Problem;
use crate::auth::Role;

/// The routes.
pub fn routes() -> Routes {
    Routes::default()
        .at(Role::Viewer, routes!(list))
        .at(Role::Responder, routes!(test))
}

/// A receiver and its outbox.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Receiver {
    /// Its name in the configuration.
    pub name: String,
    /// `alertmanager`, `slack`, `email`, …
    pub kind: String,
    /// Whether the last try went well, or nothing was tried yet.
    pub healthy: bool,
    /// Notifications that wait.
    pub pending: u64,
    /// Notifications that were delivered.
    pub delivered: u64,
    /// Tries that failed.
    pub failed: u64,
    /// Why the last try failed.
    pub last_error: Option<String>,
    /// When something was delivered last.
    #[schema(value_type = Option<Moment>)]
    pub last_delivery: Option<Timestamp>,
}

/// What came of a test.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ReceiverTest {
    /// Whether the receiver took it.
    pub delivered: bool,
    /// What it said, or why not.
    pub detail: String,
    /// How long it took.
    pub took_ms: u64,
}

/// Lists receivers.
#[utoipa::path(get, path = "/receivers", tag = "receivers",
    responses((status = 200, body = Vec<Receiver>)))]
async fn list(app: App) -> Result<Json<Vec<Receiver>>, Problem> {
    app.receivers().await.map(Json)
}

/// Sends a test notification and waits for what comes of it.
#[utoipa::path(post, path = "/receivers/{name}/test", tag = "receivers",
    params(("name" = String, Path, description = "The receiver's name")),
    responses((status = 200, body = ReceiverTest)))]
async fn test(
    app: App,
    Who(who): Who,
    Path(name): Path<String>,
) -> Result<Json<ReceiverTest>, Problem> {
    tracing::info!(who = who.name, receiver = name, "a receiver is tested");
    app.test_receiver(name).await.map(Json)
}
