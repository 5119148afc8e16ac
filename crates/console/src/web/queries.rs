//! `/api/v1/queries`: searches that people keep.

use axum::response::Response;
use event::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use super::app::App;
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
        .at(Role::Analyst, routes!(remove))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Paging {
    /// Queries on the page.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// What the page before said in `next`.
    cursor: Option<String>,
}

/// A search that somebody keeps.
#[derive(Debug, Serialize, ToSchema)]
struct SavedQuery {
    id: String,
    name: String,
    /// The query as typed.
    query: String,
    owner: String,
    /// Whether everybody sees it.
    shared: bool,
    #[schema(value_type = Moment)]
    created: Timestamp,
}

/// A page of saved queries: one's own, and those that are shared.
#[derive(Debug, Serialize, ToSchema)]
struct SavedQueryPage {
    items: Vec<SavedQuery>,
    /// What to pass as `cursor` for the next page; null on the last.
    next: Option<String>,
}

/// A search to keep.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewQuery {
    #[schema(min_length = 1, max_length = 128)]
    name: String,
    /// The query as typed.
    #[schema(max_length = 8192)]
    query: String,
    /// Whether everybody sees it.
    #[serde(default)]
    shared: bool,
}

/// Lists saved queries.
#[utoipa::path(get, path = "/queries", tag = "queries", params(Paging),
    responses((status = 200, body = SavedQueryPage)))]
async fn list(
    app: App,
    Who(who): Who,
    Query(paging): Query<Paging>,
) -> Result<Json<SavedQueryPage>, Problem> {
    let _ = (app, who, paging);
    Err(Problem::unavailable("the state is not open"))
}

/// Keeps a query.
#[utoipa::path(post, path = "/queries", tag = "queries", request_body = NewQuery,
    responses((status = 201, body = SavedQuery)))]
async fn create(app: App, Who(who): Who, Json(asked): Json<NewQuery>) -> Result<Response, Problem> {
    let _ = (app, who, asked);
    Err(Problem::unavailable("the state is not open"))
}

/// Removes a query of one's own; an admin removes any.
#[utoipa::path(delete, path = "/queries/{id}", tag = "queries",
    params(("id" = String, Path, description = "The query's name")),
    responses((status = 204, description = "It is gone")))]
async fn remove(app: App, Who(who): Who, Path(id): Path<String>) -> Result<Response, Problem> {
    let _ = (app, who, id);
    Err(Problem::unavailable("the state is not open"))
}
