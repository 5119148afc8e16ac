//! `/api/v1/health/storage`: how far readers of topics are behind, and how much room is left.

use event::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::app::App;
use super::extract::Json;
use super::routes::Routes;
use super::shapes::Moment;
use crate::api::problem::Problem;
use crate::auth::Role;

/// The routes.
pub fn routes() -> Routes {
    Routes::default().at(Role::Viewer, routes!(show))
}

/// How far readers are behind, and how much room is left.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct Storage {
    /// Groups that read topics; none where the bus is Kafka, whose own tools tell it.
    pub readers: Vec<Reader>,
    /// Folders that grow, and the disks that they are on.
    pub rooms: Vec<Room>,
    /// What the embedded store keeps; null where it is another.
    pub events: Option<EventsKept>,
}

/// A group that reads a topic.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Reader {
    /// The group.
    pub group: String,
    /// The topic.
    pub topic: String,
    /// Records that it has yet to take.
    pub behind: u64,
}

/// A folder that grows.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Room {
    /// What is kept there: `events`, `topics`, `packets`, `data`.
    pub what: String,
    /// Where.
    pub folder: String,
    /// Its disk: rooms with the same name share one.
    pub disk: String,
    /// Bytes in it.
    pub used: u64,
    /// Bytes of its disk that are free.
    pub free: u64,
    /// Bytes of its disk.
    pub size: u64,
}

/// What the store keeps.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct EventsKept {
    /// Events.
    pub events: u64,
    /// Bytes of them as they came.
    pub bytes_in: u64,
    /// Bytes on disk.
    pub bytes: u64,
    /// The time of the first.
    #[schema(value_type = Option<Moment>)]
    pub oldest: Option<Timestamp>,
    /// What room is too scarce for; null where there is enough.
    pub scarce: Option<String>,
}

/// How far readers of topics are behind, and how much room is left.
#[utoipa::path(get, path = "/health/storage", tag = "health",
    responses((status = 200, body = Storage)))]
async fn show(app: App) -> Result<Json<Storage>, Problem> {
    let storage = app.lent.storage.clone();
    app.wait(move || storage()).await.map(Json)
}
