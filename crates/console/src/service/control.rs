//! The door for people: the control API on its Unix socket.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, RawQuery, Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use tokio::net::UnixListener;
use tokio::net::unix::UCred;
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::Instant;

use super::{Shared, lock, monitor, ordering};
use crate::api::actions;
use crate::api::orders::{Answer, read};
use crate::api::problem::Problem;
use crate::api::query::pairs;
use crate::auth::Principal;
use crate::peer;
use crate::serve::{self, Limits, Unread};
use crate::web::{extract, openapi};

/// People and their scripts: a few at once.
const LIMITS: Limits = Limits {
    api: "control",
    connections: 64,
    body: 64 << 10,
    head: Duration::from_secs(10),
    connection: Duration::from_secs(600),
};

/// How long an order waits for its answer unless asked otherwise.
const WAIT: Duration = Duration::from_secs(5);

/// How long an order may wait at most.
const MAX_WAIT: Duration = Duration::from_secs(30);

pub(super) type App = State<Arc<Shared>>;

pub async fn serve(
    listener: UnixListener,
    shared: Arc<Shared>,
    api: Option<Router>,
    stop: watch::Receiver<bool>,
) {
    let mut router = Router::new()
        .route("/v1/actions", get(list))
        .route("/v1/actions/{id}", get(show))
        .route("/v1/orders", post(order))
        .route("/v1/status", get(state))
        .merge(monitor::routes())
        .fallback(|| async {
            Problem::new(StatusCode::NOT_FOUND, "no such place; see docs/control.md")
        })
        .method_not_allowed_fallback(|| async {
            Problem::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "this place knows other methods",
            )
        })
        .with_state(shared);
    if let Some(api) = api {
        // Who may open the socket may do everything, in their own name.
        router = router.nest(openapi::BASE, api.layer(from_fn(at_socket)));
    }
    let accept = || async {
        let (stream, _) = listener.accept().await?;
        let peer = stream.peer_cred()?;
        Ok((stream, Peer(peer)))
    };
    serve::accept(accept, router, LIMITS, stop).await;
}

/// Whoever stands at the other end, as the API knows people.
async fn at_socket(mut request: Request, next: Next) -> Response {
    if let Some(Peer(cred)) = request.extensions().get::<Peer>().copied() {
        let who = Principal::at_socket(peer::person(cred.uid(), cred.pid()));
        request.extensions_mut().insert(who);
    }
    next.run(request).await
}

/// Who stands at the other end.
#[derive(Clone, Copy)]
struct Peer(UCred);

async fn list(State(shared): App, RawQuery(query): RawQuery) -> Response {
    let listing = actions::list(&lock(&shared.view), query.as_deref());
    listing.map(Json).into_response()
}

async fn show(State(shared): App, Path(id): Path<String>) -> Response {
    actions::show(&lock(&shared.view), &id)
}

async fn state(State(shared): App) -> Response {
    match spawn_blocking(move || shared.status()).await {
        Ok(status) => Json(status).into_response(),
        Err(error) => broken(&error),
    }
}

/// A closure of the process panicked: the console goes on, and says so.
pub(super) fn broken(error: &tokio::task::JoinError) -> Response {
    tracing::error!(%error, "an answer failed");
    Problem::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "the answer failed; see the log",
    )
    .into_response()
}

async fn order(State(shared): App, request: Request) -> Response {
    match give(&shared, request).await {
        Ok(answer) if answer.settled => Json(answer).into_response(),
        Ok(answer) => (StatusCode::ACCEPTED, Json(answer)).into_response(),
        Err(problem) => problem.into_response(),
    }
}

async fn give(shared: &Arc<Shared>, request: Request) -> Result<Answer, Problem> {
    let deadline = Instant::now() + wait(request.uri().query())?;
    let key = extract::key(request.headers())?;
    let peer = request.extensions().get::<Peer>().copied();
    let body = serve::body(request, LIMITS.body)
        .await
        .map_err(|unread| match unread {
            Unread::TooLarge => Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                format!("an order takes at most {} bytes", LIMITS.body),
            ),
            Unread::Missing => {
                Problem::new(StatusCode::REQUEST_TIMEOUT, "the order did not arrive")
            }
        })?;
    let what = read(&body)?;
    let who = peer.map_or_else(
        || "unknown".to_owned(),
        |Peer(cred)| peer::person(cred.uid(), cred.pid()),
    );
    ordering::give(shared, what, key, who, deadline).await
}

/// `wait` of the query: seconds, 0 for none.
fn wait(query: Option<&str>) -> Result<Duration, Problem> {
    let asked = pairs(query).into_iter().find(|(name, _)| name == "wait");
    match asked {
        None => Ok(WAIT),
        Some((_, text)) => text
            .parse()
            .map(Duration::from_secs)
            .ok()
            .filter(|wait| *wait <= MAX_WAIT)
            .ok_or_else(|| Problem::bad(format!("wait: 0 to {} seconds", MAX_WAIT.as_secs()))),
    }
}
