//! `/api/v1/tokens`: API keys of programs.

use axum::response::Response;
use event::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use super::app::App;
use super::extract::{Json, Path, Query, Who};
use super::routes::Routes;
use super::shapes::{self, Moment};
use crate::api::problem::Problem;
use crate::auth::Role;

/// The routes.
pub fn routes() -> Routes {
    Routes::default()
        .at(Role::Viewer, routes!(list))
        .at(Role::Viewer, routes!(create))
        .at(Role::Viewer, routes!(remove))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Paging {
    /// Those of everybody; takes the role admin.
    #[param(default = false)]
    all: Option<bool>,
    /// Tokens on the page.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// What the page before said in `next`.
    cursor: Option<String>,
}

/// A token, without what it is shown as.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Token {
    pub id: String,
    pub name: String,
    /// Whose it is.
    pub owner: String,
    #[schema(value_type = shapes::Role)]
    pub role: Role,
    #[schema(value_type = Moment)]
    pub created: Timestamp,
    #[schema(value_type = Option<Moment>)]
    pub expires: Option<Timestamp>,
    #[schema(value_type = Option<Moment>)]
    pub last_used: Option<Timestamp>,
}

/// A page of tokens.
#[derive(Debug, Serialize, ToSchema)]
struct TokenPage {
    items: Vec<Token>,
    /// What to pass as `cursor` for the next page; null on the last.
    next: Option<String>,
}

/// A token to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewToken {
    /// What it is for.
    #[schema(min_length = 1, max_length = 64)]
    name: String,
    /// What it may do: at most what its owner may.
    #[schema(value_type = shapes::Role)]
    role: Role,
    /// When it ends: RFC 3339, or so long from now (`90d`). Nothing: a year.
    #[serde(default)]
    expires: Option<String>,
}

/// A token that was made.
#[derive(Serialize, ToSchema)]
struct NewTokenMade {
    #[serde(flatten)]
    token: Token,
    /// What is shown as `X-Api-Key`, or as Bearer: told this once.
    secret: String,
}

/// Lists tokens.
#[utoipa::path(get, path = "/tokens", tag = "tokens", params(Paging),
    responses((status = 200, body = TokenPage)))]
async fn list(
    app: App,
    Who(who): Who,
    Query(paging): Query<Paging>,
) -> Result<Json<TokenPage>, Problem> {
    let _ = (app, who, paging);
    Err(Problem::unavailable("the state is not open"))
}

/// Makes a token of one's own.
#[utoipa::path(post, path = "/tokens", tag = "tokens", request_body = NewToken,
    responses((status = 201, body = NewTokenMade)))]
async fn create(app: App, Who(who): Who, Json(asked): Json<NewToken>) -> Result<Response, Problem> {
    let _ = (app, who, asked);
    Err(Problem::unavailable("the state is not open"))
}

/// Ends a token of one's own; an admin ends any.
#[utoipa::path(delete, path = "/tokens/{id}", tag = "tokens",
    params(("id" = String, Path, description = "The token's name")),
    responses((status = 204, description = "Gone")))]
async fn remove(app: App, Who(who): Who, Path(id): Path<String>) -> Result<Response, Problem> {
    let _ = (app, who, id);
    Err(Problem::unavailable("the state is not open"))
}
