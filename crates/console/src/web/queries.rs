//! `/api/v1/queries`: searches that people keep.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use event::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use state::queries::New;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use super::app::{App, of_listing, of_state};
use super::extract::{Json, Path, Query, Who};
use super::page;
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
    #[param(format = "cursor")]
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
    /// How it is shown: columns, time; whatever the dashboard keeps with it.
    #[schema(value_type = Option<Object>)]
    view: Value,
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
    #[schema(min_length = 1, max_length = 64)]
    name: String,
    /// The query as typed.
    #[schema(max_length = 8192, format = "search")]
    query: String,
    /// How it is shown.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    view: Value,
    /// Whether everybody sees it.
    #[serde(default)]
    shared: bool,
}

impl SavedQuery {
    fn of(query: state::queries::SavedQuery) -> SavedQuery {
        SavedQuery {
            id: query.id,
            name: query.name,
            query: query.query,
            view: query.view,
            owner: query.owner,
            shared: query.shared,
            created: query.created,
        }
    }
}

/// Lists saved queries.
#[utoipa::path(get, path = "/queries", tag = "queries", params(Paging),
    responses((status = 200, body = SavedQueryPage)))]
async fn list(
    app: App,
    Who(who): Who,
    Query(paging): Query<Paging>,
) -> Result<Json<SavedQueryPage>, Problem> {
    let paging = page::of_state(paging.limit, paging.cursor)?;
    let found = app.state()?.queries().list(&who.name, &paging).await;
    let found = found.map_err(of_listing)?;
    let found = found.map(SavedQuery::of);
    Ok(Json(SavedQueryPage {
        items: found.items,
        next: found.next,
    }))
}

/// Keeps a query; one of the same name is replaced.
#[utoipa::path(post, path = "/queries", tag = "queries", request_body = NewQuery,
    responses((status = 201, body = SavedQuery)))]
async fn create(app: App, Who(who): Who, Json(asked): Json<NewQuery>) -> Result<Response, Problem> {
    if !(asked.view.is_object() || asked.view.is_null()) {
        return Err(Problem::unprocessable("view: an object is wanted"));
    }
    super::find::parse(&asked.query).map_err(|problem| Problem::unprocessable(problem.detail))?;
    let new = New {
        name: &asked.name,
        query: &asked.query,
        view: &asked.view,
        owner: &who.name,
        shared: asked.shared,
    };
    let kept = app.state()?.queries().put(&new, app.now()).await;
    let query = SavedQuery::of(kept.map_err(of_state)?);
    Ok((StatusCode::CREATED, Json(query)).into_response())
}

/// Removes a query of one's own; an admin removes any.
#[utoipa::path(delete, path = "/queries/{id}", tag = "queries",
    params(("id" = String, Path, description = "The query's name")),
    responses((status = 204, description = "It is gone")))]
async fn remove(app: App, Who(who): Who, Path(id): Path<String>) -> Result<Response, Problem> {
    let state = app.state()?;
    let query = state.queries().get(&id).await.map_err(of_state)?;
    let is_own = query.owner == who.name;
    let is_seen = is_own || query.shared || who.role >= Role::Admin;
    if !is_seen {
        // What somebody keeps for themselves is nobody's business.
        return Err(Problem::missing(format!("no query {id}")));
    }
    if !is_own && who.role < Role::Admin {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            format!("this query is {}'s", query.owner),
        ));
    }
    state.queries().remove(&id).await.map_err(of_state)?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
