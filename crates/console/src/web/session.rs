//! `/api/v1/auth`: how one logs in and out.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use super::app::App;
use super::extract::{Json, Query, Who};
use super::routes::Routes;
use super::shapes;
use crate::auth::{Auth, Caller, Refusal, Role, Via};
use crate::tls::Peer;

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
    #[schema(min_length = 12, max_length = 256, format = Password)]
    new: String,
}

/// Where a request comes from.
pub struct From(pub Caller);

impl<S: Send + Sync> FromRequestParts<S> for From {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let peer = parts.extensions.get::<Peer>();
        let address = peer.map(|peer| peer.address.ip().to_canonical());
        Ok(From(Caller::of(address, &parts.headers)))
    }
}

impl App {
    /// Who may come in.
    ///
    /// # Errors
    /// Nobody can log in here, and why.
    pub fn auth(&self) -> Result<Auth, Refusal> {
        self.auth.get().map_err(Refusal::Failed)
    }
}

fn told(session: crate::auth::Session) -> Response {
    let user = &session.user;
    let body = Json(Session {
        access_token: session.access_token,
        expires_in: session.expires_in,
        user: Me {
            name: user.name.clone(),
            role: user.role,
            must_change_password: user.must_change,
            via: "session".to_owned(),
        },
    });
    match session.cookie {
        Some(cookie) => ([(header::SET_COOKIE, cookie)], body).into_response(),
        None => body.into_response(),
    }
}

/// How one can log in.
#[utoipa::path(get, path = "/auth/methods", tag = "auth",
    responses((status = 200, body = Methods)))]
async fn methods(app: App) -> Json<Methods> {
    let auth = app.auth.get().ok();
    let elsewhere = auth.as_ref().and_then(Auth::oidc_name);
    Json(Methods {
        password: auth.is_some(),
        oidc: elsewhere.map(|name| OidcMethod {
            name: name.to_owned(),
            start: format!("{}/auth/oidc/start", super::openapi::BASE),
        }),
    })
}

/// Logs in.
#[utoipa::path(post, path = "/auth/login", tag = "auth", request_body = Login,
    responses((status = 200, body = Session, headers(("set-cookie" = String, description = "ratel_refresh: HttpOnly, Secure, SameSite=Strict"))),
        (status = 401, response = shapes::Refusal), (status = 403, response = shapes::Refusal)))]
async fn login(
    app: App,
    From(caller): From,
    headers: HeaderMap,
    Json(asked): Json<Login>,
) -> Result<Response, Refusal> {
    crate::auth::origin::check(&headers)?;
    let auth = app.auth()?;
    let session = auth
        .login(&asked.username, &asked.password, &caller, app.now())
        .await?;
    Ok(told(session))
}

/// Renews a session by its cookie, once.
#[utoipa::path(post, path = "/auth/refresh", tag = "auth",
    responses((status = 200, body = Session), (status = 401, response = shapes::Refusal), (status = 403, response = shapes::Refusal)))]
async fn refresh(app: App, From(caller): From, headers: HeaderMap) -> Result<Response, Refusal> {
    let session = app.auth()?.refresh(&headers, &caller, app.now()).await?;
    Ok(told(session))
}

/// Ends the session of the cookie.
#[utoipa::path(post, path = "/auth/logout", tag = "auth",
    responses((status = 204, description = "Logged out"), (status = 403, response = shapes::Refusal)))]
async fn logout(app: App, headers: HeaderMap) -> Result<Response, Refusal> {
    let cookie = app.auth()?.logout(&headers, app.now()).await?;
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response())
}

/// Who asks.
#[utoipa::path(get, path = "/auth/me", tag = "auth",
    responses((status = 200, body = Me)))]
async fn me(Who(who): Who) -> Json<Me> {
    let via = match who.via {
        Via::Session => "session",
        Via::Token => "token",
        Via::Socket => "socket",
        Via::Certificate => "certificate",
    };
    Json(Me {
        name: who.name,
        role: who.role,
        must_change_password: who.must_change,
        via: via.to_owned(),
    })
}

/// Changes one's password; ends one's other sessions.
#[utoipa::path(post, path = "/auth/password", tag = "auth", request_body = PasswordChange,
    responses((status = 200, body = Session)))]
async fn password(
    app: App,
    Who(who): Who,
    From(caller): From,
    Json(asked): Json<PasswordChange>,
) -> Result<Response, Refusal> {
    let auth = app.auth()?;
    let session = auth
        .change_password(&who, &asked.old, &asked.new, &caller, app.now())
        .await?;
    Ok(told(session))
}

/// Sends the browser to the other that vouches for people.
#[utoipa::path(get, path = "/auth/oidc/start", tag = "auth",
    responses((status = 303, description = "To the other"), (status = 404, response = shapes::Refusal)))]
async fn oidc_start(app: App) -> Result<Response, Refusal> {
    let start = app.auth()?.oidc_start(app.now()).await?;
    let headers = [
        (header::LOCATION, start.location),
        (header::SET_COOKIE, start.cookie),
    ];
    Ok((StatusCode::SEE_OTHER, headers).into_response())
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
    responses((status = 303, description = "To the dashboard"), (status = 401, response = shapes::Refusal),
        (status = 403, response = shapes::Refusal), (status = 404, response = shapes::Refusal)))]
async fn oidc_callback(
    app: App,
    From(caller): From,
    headers: HeaderMap,
    Query(asked): Query<Callback>,
) -> Result<Response, Refusal> {
    let auth = app.auth()?;
    if let Some(error) = asked.error {
        let error: String = error
            .chars()
            .filter(|c| !c.is_control())
            .take(128)
            .collect();
        tracing::warn!(target: "auth", "the provider of logins refused: {error}");
    }
    let (code, state) = (
        asked.code.unwrap_or_default(),
        asked.state.unwrap_or_default(),
    );
    let session = auth
        .oidc_callback(&headers, &code, &state, &caller, app.now())
        .await?;
    // The dashboard renews the session by its cookie, and so gets an access token.
    let mut response = (StatusCode::SEE_OTHER, [(header::LOCATION, "/")]).into_response();
    if let Some(cookie) = session.cookie.and_then(|text| text.parse().ok()) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}
