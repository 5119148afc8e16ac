//! `/api/v1/auth`: how one logs in and out.

use axum::extract::Request;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use super::app::App;
use super::extract::{Json, Query, Who};
use super::routes::Routes;
use super::shapes;
use crate::api::problem::Problem;
use crate::auth::Role;

/// The routes.
pub fn routes() -> Routes {
    Routes::default()
        .open(routes!(methods))
        .open(routes!(login))
        .open(routes!(refresh))
        .open(routes!(logout))
        .at(Role::Ingest, routes!(me))
        .at(Role::Viewer, routes!(password))
        .open(routes!(oidc_start))
        .open(routes!(oidc_callback))
}

/// How one can log in.
#[derive(Debug, Serialize, ToSchema)]
struct Methods {
    /// With name and password.
    password: bool,
    /// With another's account; null where none is set.
    oidc: Option<OidcMethod>,
}

/// Another that vouches for people.
#[derive(Debug, Serialize, ToSchema)]
struct OidcMethod {
    /// What a button says.
    name: String,
    /// Where the browser goes.
    start: String,
}

/// Name and password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Login {
    #[schema(min_length = 1, max_length = 64)]
    username: String,
    #[schema(min_length = 1, max_length = 256)]
    password: String,
}

/// Who is logged in.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct Me {
    name: String,
    #[schema(value_type = shapes::Role)]
    role: Role,
    /// Nothing else can be done before the password is changed.
    must_change_password: bool,
    /// `session`, `token` or `socket`.
    via: String,
}

/// A session. The cookie `ratel_refresh` that comes with it renews it.
#[derive(Debug, Serialize, ToSchema)]
struct Session {
    /// Goes into `Authorization: Bearer …`.
    access_token: String,
    /// How long it holds, in seconds.
    expires_in: u64,
    user: Me,
}

/// The old password and a new one.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PasswordChange {
    #[schema(min_length = 1, max_length = 256)]
    old: String,
    #[schema(min_length = 12, max_length = 256)]
    new: String,
}

/// How one can log in.
#[utoipa::path(get, path = "/auth/methods", tag = "auth",
    responses((status = 200, body = Methods)))]
async fn methods(app: App) -> Result<Json<Methods>, Problem> {
    let _ = app;
    Err(Problem::unavailable("nobody can log in here"))
}

/// Logs in.
#[utoipa::path(post, path = "/auth/login", tag = "auth", request_body = Login,
    responses((status = 200, body = Session, headers(("set-cookie" = String, description = "ratel_refresh: HttpOnly, Secure, SameSite=Strict"))),
        (status = 401, response = shapes::Refusal)))]
async fn login(app: App, Json(asked): Json<Login>) -> Result<Response, Problem> {
    let _ = (app, asked.username, asked.password);
    Err(Problem::unavailable("nobody can log in here"))
}

/// Renews a session by its cookie, once.
#[utoipa::path(post, path = "/auth/refresh", tag = "auth",
    responses((status = 200, body = Session), (status = 401, response = shapes::Refusal)))]
async fn refresh(app: App, request: Request) -> Result<Response, Problem> {
    let _ = (app, request);
    Err(Problem::unavailable("nobody can log in here"))
}

/// Ends the session of the cookie.
#[utoipa::path(post, path = "/auth/logout", tag = "auth",
    responses((status = 204, description = "Logged out")))]
async fn logout(app: App, request: Request) -> Result<Response, Problem> {
    let _ = (app, request);
    Err(Problem::unavailable("nobody can log in here"))
}

/// Who asks.
#[utoipa::path(get, path = "/auth/me", tag = "auth",
    responses((status = 200, body = Me)))]
async fn me(app: App, Who(who): Who) -> Result<Json<Me>, Problem> {
    let _ = (app, who);
    Err(Problem::unavailable("nobody can log in here"))
}

/// Changes one's password; ends one's other sessions.
#[utoipa::path(post, path = "/auth/password", tag = "auth", request_body = PasswordChange,
    responses((status = 200, body = Session)))]
async fn password(
    app: App,
    Who(who): Who,
    Json(asked): Json<PasswordChange>,
) -> Result<Response, Problem> {
    let _ = (app, who, asked.old, asked.new);
    Err(Problem::unavailable("nobody can log in here"))
}

/// Sends the browser to the other that vouches for people.
#[utoipa::path(get, path = "/auth/oidc/start", tag = "auth",
    responses((status = 303, description = "To the other")))]
async fn oidc_start(app: App) -> Result<Response, Problem> {
    let _ = app;
    Err(Problem::missing("no OpenID provider is set"))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Callback {
    /// What the other hands back.
    code: Option<String>,
    /// What we sent along.
    state: Option<String>,
    /// Why it refused.
    error: Option<String>,
}

/// Where the other sends the browser back to: sets the cookie and goes to the dashboard.
#[utoipa::path(get, path = "/auth/oidc/callback", tag = "auth", params(Callback),
    responses((status = 303, description = "To the dashboard")))]
async fn oidc_callback(app: App, Query(asked): Query<Callback>) -> Result<Response, Problem> {
    let _ = (app, asked.code, asked.state, asked.error);
    Err(Problem::missing("no OpenID provider is set"))
}
