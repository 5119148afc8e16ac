//! The door for bouncers: what CrowdSec's local API answers, over TCP, to those that show a key.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{RawQuery, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::spawn_blocking;

use super::{Shared, lock};
use crate::api::query::pairs;
use crate::bouncer::answer::{check_usage, decisions, message, stream};
use crate::bouncer::filter::Filter;
use crate::bouncer::pulls::Who;
use crate::serve::{self, Limits};

/// Each web server of a site may keep some connections open.
const LIMITS: Limits = Limits {
    api: "bouncers",
    connections: 512,
    // What bouncers report of themselves: metrics by origin and address family.
    body: 1 << 20,
    // Bouncers pull every 10 s and leave the connection open in between; Go closes after 90 s.
    head: Duration::from_secs(90),
    connection: Duration::from_secs(3600),
};

type App = State<Arc<Shared>>;

pub async fn serve(listener: TcpListener, shared: Arc<Shared>, stop: watch::Receiver<bool>) {
    let router = Router::new()
        .route("/v1/decisions", get(list))
        .route("/v1/decisions/stream", get(pull))
        .route("/v1/usage-metrics", post(usage))
        .route("/v1/heartbeat", get(heartbeat))
        .route("/health", get(health))
        .fallback(|| async { StatusCode::NOT_FOUND })
        .with_state(shared);
    serve::tcp(&listener, router, LIMITS, stop).await;
}

fn forbidden() -> Response {
    message(StatusCode::FORBIDDEN, "access forbidden")
}

/// Which bouncer asks, noted; None where it shows no key that we know.
fn admit(shared: &Shared, request: &Request) -> Option<Who> {
    let header =
        |headers: &HeaderMap, name| headers.get(name).map(|value| value.as_bytes().to_owned());
    let shown = header(request.headers(), "x-api-key")?;
    let name = shared.keys.name(&shown)?.to_owned();
    let peer = request.extensions().get::<SocketAddr>()?;
    let who = (name, peer.ip().to_canonical());
    let agent = header(request.headers(), header::USER_AGENT.as_str()).unwrap_or_default();
    lock(&shared.pulls).on_request(&who, &String::from_utf8_lossy(&agent), shared.now());
    Some(who)
}

async fn health() -> Response {
    (
        [(header::CONTENT_TYPE, "application/json; charset=utf-8")],
        r#"{"status":"up"}"#,
    )
        .into_response()
}

async fn heartbeat(State(shared): App, request: Request) -> Response {
    match admit(&shared, &request) {
        None => forbidden(),
        Some(_) => StatusCode::OK.into_response(),
    }
}

async fn list(State(shared): App, RawQuery(query): RawQuery, request: Request) -> Response {
    if admit(&shared, &request).is_none() {
        return forbidden();
    }
    let filter = match Filter::read(&pairs(query.as_deref())) {
        Ok(filter) => filter,
        Err(why) => return message(StatusCode::BAD_REQUEST, &why),
    };
    let answer = move || {
        let now = shared.now();
        let told = lock(&shared.book).all(now);
        decisions(&told, &filter, now)
    };
    spawn_blocking(answer)
        .await
        .unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

async fn pull(State(shared): App, RawQuery(query): RawQuery, request: Request) -> Response {
    let Some(who) = admit(&shared, &request) else {
        return forbidden();
    };
    // A bouncer that only looks whether we are there must not lose what it is to be told.
    if request.method() == Method::HEAD {
        return StatusCode::OK.into_response();
    }
    let mut asked = pairs(query.as_deref());
    if !asked.iter().any(|(name, _)| name == "scopes") {
        asked.push(("scopes".to_owned(), "ip,range".to_owned()));
    }
    let filter = match Filter::read(&asked) {
        Ok(filter) => filter,
        Err(why) => return message(StatusCode::BAD_REQUEST, &why),
    };
    let begins = asked
        .iter()
        .any(|(name, value)| name == "startup" && value == "true");
    // It begins with an empty set: there is nothing to delete.
    let firewall = request
        .headers()
        .get(header::USER_AGENT)
        .is_some_and(|agent| agent.as_bytes().starts_with(b"crowdsec-firewall-bouncer"));
    let answer = move || {
        let now = shared.now();
        let since = if begins {
            None
        } else {
            lock(&shared.pulls).told(&who)
        };
        let (mut changes, moment) = lock(&shared.book).changes(since, now);
        lock(&shared.pulls).tell(&who, moment);
        if begins && firewall {
            changes.deleted.clear();
        }
        stream(&changes, &filter, moment)
    };
    spawn_blocking(answer)
        .await
        .unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

async fn usage(State(shared): App, request: Request) -> Response {
    if admit(&shared, &request).is_none() {
        return forbidden();
    }
    let body = match serve::body(request, LIMITS.body).await {
        Ok(body) => body,
        Err(serve::Unread::TooLarge) => return message(StatusCode::PAYLOAD_TOO_LARGE, "too large"),
        Err(serve::Unread::Missing) => return message(StatusCode::BAD_REQUEST, "no body"),
    };
    match check_usage(&body) {
        Ok(()) => StatusCode::CREATED.into_response(),
        Err(why) => message(StatusCode::BAD_REQUEST, &why),
    }
}
