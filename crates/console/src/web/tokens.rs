//! `/api/v1/tokens`: API keys of programs.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use event::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use super::app::{App, of_listing};
use super::extract::{Json, Path, Query, Who};
use super::page;
use super::routes::Routes;
use super::shapes::{self, Moment};
use super::time::later;
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
    #[param(format = "cursor")]
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
    /// From where it was used last.
    pub last_address: Option<String>,
    /// When it was taken back.
    #[schema(value_type = Option<Moment>)]
    pub revoked: Option<Timestamp>,
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
    /// Whose it is; another than oneself takes the role admin.
    #[serde(default)]
    #[schema(max_length = 64)]
    owner: Option<String>,
    /// When it ends: RFC 3339, or so long from now (`90d`). Nothing: a year.
    #[serde(default)]
    #[schema(format = "moment-ahead")]
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

impl Token {
    fn of(token: state::tokens::Token) -> Token {
        Token {
            id: token.id,
            name: token.name,
            owner: token.owner,
            role: token.role,
            created: token.created,
            expires: token.expires,
            last_used: token.last_used,
            last_address: token.last_address,
            revoked: token.revoked,
        }
    }
}

/// Lists tokens.
#[utoipa::path(get, path = "/tokens", tag = "tokens", params(Paging),
    responses((status = 200, body = TokenPage)))]
async fn list(
    app: App,
    Who(who): Who,
    Query(asked): Query<Paging>,
) -> Result<Json<TokenPage>, Problem> {
    let all = asked.all.unwrap_or(false);
    if all && who.role < Role::Admin {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "the tokens of everybody take the role admin",
        ));
    }
    let owner = (!all).then_some(who.name.as_str());
    let paging = page::of_state(asked.limit, asked.cursor)?;
    let found = app.state()?.tokens().list(owner, &paging).await;
    let found = found.map_err(of_listing)?;
    let found = found.map(Token::of);
    Ok(Json(TokenPage {
        items: found.items,
        next: found.next,
    }))
}

/// Makes a token of one's own.
#[utoipa::path(post, path = "/tokens", tag = "tokens", request_body = NewToken,
    responses((status = 201, body = NewTokenMade), (status = 404, response = shapes::Refusal)))]
async fn create(app: App, Who(who): Who, Json(asked): Json<NewToken>) -> Result<Response, Problem> {
    let now = app.now();
    let expires = match asked.expires.as_deref().filter(|text| !text.is_empty()) {
        None => None,
        Some(text) => Some(later("expires", text, now)?),
    };
    let owner = asked.owner.as_deref().filter(|owner| !owner.is_empty());
    let owner = owner.unwrap_or(&who.name);
    let auth = app.auth()?;
    let (token, secret) = auth
        .new_token(&who, owner, &asked.name, asked.role, expires, now)
        .await?;
    let made = NewTokenMade {
        token: Token::of(token),
        secret,
    };
    Ok((StatusCode::CREATED, Json(made)).into_response())
}

/// Ends a token of one's own; an admin ends any.
#[utoipa::path(delete, path = "/tokens/{id}", tag = "tokens",
    params(("id" = String, Path, description = "The token's name")),
    responses((status = 204, description = "Gone")))]
async fn remove(app: App, Who(who): Who, Path(id): Path<String>) -> Result<Response, Problem> {
    app.auth()?.revoke_token(&who, &id, app.now()).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
