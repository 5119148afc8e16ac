//! The door for people: the control API on its Unix socket.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, RawQuery, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use event::Timestamp;
use event::order::{Order, What};
use tokio::net::UnixListener;
use tokio::net::unix::UCred;
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout_at};

use super::{Shared, lock, monitor};
use crate::api::actions;
use crate::api::idempotency::{Known, is_key};
use crate::api::orders::{Answer, Pending, aim, answer, read};
use crate::api::problem::Problem;
use crate::api::query::pairs;
use crate::serve::{self, Limits, Unread};
use crate::{metrics, peer};

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

pub async fn serve(listener: UnixListener, shared: Arc<Shared>, stop: watch::Receiver<bool>) {
    let router = Router::new()
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
    let accept = || async {
        let (stream, _) = listener.accept().await?;
        let peer = stream.peer_cred()?;
        Ok((stream, Peer(peer)))
    };
    serve::accept(accept, router, LIMITS, stop).await;
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
    let key = key(request.headers())?;
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
    let name = what.name();
    let shared_too = shared.clone();
    let taken = spawn_blocking(move || take(&shared_too, what, key, peer)).await;
    let taken = taken.map_err(|_| {
        Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the order failed; see the log",
        )
    })?;
    metrics::order(
        name,
        match &taken {
            Ok(Taken::Published(_)) => "published",
            Ok(Taken::Repeated(_)) => "repeated",
            Ok(Taken::Done(_)) => "done",
            Err(problem) if problem.status >= 500 => "failed",
            Err(_) => "refused",
        },
    );
    match taken? {
        Taken::Done(answer) => Ok(answer),
        Taken::Published(pending) | Taken::Repeated(pending) => {
            Ok(answered(shared, &pending, deadline).await)
        }
    }
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

fn key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    match headers.get("idempotency-key") {
        None => Ok(None),
        Some(value) => match value.to_str() {
            Ok(text) if is_key(text) => Ok(Some(text.to_owned())),
            _ => Err(Problem::bad("Idempotency-Key: 1 to 128 visible characters")),
        },
    }
}

enum Taken {
    Published(Pending),
    Repeated(Pending),
    Done(Answer),
}

/// Puts the order out, once. Waits for the disk, so not in the runtime's threads.
fn take(
    shared: &Shared,
    what: What,
    key: Option<String>,
    peer: Option<Peer>,
) -> Result<Taken, Problem> {
    let now = shared.now();
    // As precise as it is written: what comes after it must not seem to come before.
    let time = Timestamp::from_nanos(now.nanos().div_euclid(1000) * 1000);
    let who = peer.map_or_else(
        || "unknown".to_owned(),
        |Peer(cred)| peer::person(cred.uid(), cred.pid()),
    );
    // Held until the order is out: of two with one key the second waits, then repeats.
    let mut keys = lock(&shared.order_keys);
    if let Some(key) = &key {
        match keys.look(key, &what) {
            Known::Same(pending) => return Ok(Taken::Repeated(pending)),
            Known::Other => {
                return Err(Problem::new(
                    StatusCode::UNPROCESSABLE_ENTITY,
                    "this Idempotency-Key stands for another order",
                ));
            }
            Known::No => {}
        }
    }
    let id = key.clone().unwrap_or_else(|| format!("o{}", now.nanos()));
    let pending = aim(
        &lock(&shared.view),
        Order {
            id,
            time,
            who,
            what,
        },
    )?;
    let order = &pending.order;
    tracing::info!(id = order.id, who = order.who, order = %order.what, "order");
    if let Some(done) = (shared.ports.carry_out)(order) {
        let note = done.map_err(|why| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, why))?;
        let answer = Answer {
            order: order.clone(),
            settled: true,
            note: Some(note),
            actions: Vec::new(),
        };
        return Ok(Taken::Done(answer));
    }
    (shared.ports.publish)(order)
        .map_err(|why| Problem::new(StatusCode::SERVICE_UNAVAILABLE, why))?;
    if let Some(key) = &key {
        keys.remember(key, pending.clone());
    }
    Ok(Taken::Published(pending))
}

/// Waits for the answer on the topic of actions, until the deadline.
async fn answered(shared: &Shared, pending: &Pending, deadline: Instant) -> Answer {
    let mut version = shared.version.subscribe();
    loop {
        version.borrow_and_update();
        let told = answer(&lock(&shared.view), pending);
        if told.settled || timeout_at(deadline, version.changed()).await.is_err() {
            return told;
        }
    }
}
