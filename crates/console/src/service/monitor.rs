//! The door for machines that watch: `/metrics`, `/livez`, `/readyz`, over TCP and at the control
//! socket. What it tells has no addresses and names no attacker.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::sync::watch;
use tokio::task::spawn_blocking;

use super::Shared;
use super::control::{App, broken};
use crate::api::status;
use crate::exposition;
use crate::place::Place;
use crate::serve::{self, Limits};

/// A few scrapers and a supervisor.
const LIMITS: Limits = Limits {
    api: "monitor",
    connections: 32,
    // Nothing here reads a body.
    body: 0,
    // Scrapers come every 15 to 60 s and leave the connection open in between.
    head: Duration::from_secs(90),
    connection: Duration::from_secs(3600),
};

/// The routes; the control socket has them too.
pub fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
}

async fn readyz(State(shared): App) -> Response {
    match spawn_blocking(move || shared.reasons()).await {
        Ok(reasons) => status::probe(&reasons),
        Err(error) => broken(&error),
    }
}

async fn metrics(State(shared): App) -> Response {
    let kind = [(header::CONTENT_TYPE, exposition::CONTENT_TYPE)];
    let told = move || exposition::write(&shared.status(), &(shared.ports.metrics)());
    match spawn_blocking(told).await {
        Ok(text) => (kind, text).into_response(),
        Err(error) => broken(&error),
    }
}

/// Answers there until told to stop.
pub async fn serve(place: Place, shared: Arc<Shared>, mut stop: watch::Receiver<bool>) {
    let listener = tokio::select! {
        listener = place.listener() => listener,
        _ = stop.wait_for(|stop| *stop) => return,
    };
    let router = routes()
        .fallback(|| async { StatusCode::NOT_FOUND })
        .with_state(shared);
    serve::tcp(&listener, router, LIMITS, stop).await;
}

/// The place of the door.
pub fn bind(wanted: SocketAddr) -> Place {
    if !wanted.ip().is_loopback() {
        tracing::warn!(monitor = %wanted, "whoever reaches this address may read the metrics");
    }
    Place::bind(wanted, "metrics")
}
