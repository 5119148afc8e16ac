//! The door for machines that watch: `/metrics`, `/livez`, `/readyz`, over TCP and at the control
//! socket. What it tells has no addresses and names no attacker.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use super::control::{App, broken};
use super::{Shared, listen};
use crate::api::status;
use crate::exposition;
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

/// Between two tries to listen where somebody else does.
const AGAIN: Duration = Duration::from_secs(10);

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

/// Where the door stands. An address that somebody else has is no reason to be without a console:
/// it is told once and tried again.
#[derive(Debug)]
pub struct Place {
    wanted: SocketAddr,
    listener: Option<std::net::TcpListener>,
}

impl Place {
    pub fn bind(wanted: SocketAddr) -> Place {
        if !wanted.ip().is_loopback() {
            tracing::warn!(monitor = %wanted, "whoever reaches this address may read the metrics");
        }
        let listener = match listen(wanted) {
            Ok(listener) => Some(listener),
            Err(error) => {
                tracing::warn!(
                    "console: no metrics at {wanted}: {error}; tried again every {} s",
                    AGAIN.as_secs()
                );
                None
            }
        };
        Place { wanted, listener }
    }

    pub fn address(&self) -> Option<SocketAddr> {
        let listener = self.listener.as_ref()?;
        listener.local_addr().ok()
    }

    pub async fn serve(self, shared: Arc<Shared>, mut stop: watch::Receiver<bool>) {
        let listener = tokio::select! {
            listener = self.listener() => listener,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        let router = routes()
            .fallback(|| async { StatusCode::NOT_FOUND })
            .with_state(shared);
        serve::tcp(&listener, router, LIMITS, stop).await;
    }

    async fn listener(self) -> TcpListener {
        let mut bound = self.listener.map_or_else(|| listen(self.wanted), Ok);
        loop {
            match bound.and_then(TcpListener::from_std) {
                Ok(listener) => return listener,
                Err(error) => self::told_already(&error),
            }
            sleep(AGAIN).await;
            bound = listen(self.wanted);
        }
    }
}

/// [`Place::bind`] told it; each further try only tells those who look for it.
fn told_already(error: &io::Error) {
    tracing::debug!(%error, "the monitor's address is still taken");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_somebody_has_is_no_failure() {
        let somebody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let taken = somebody.local_addr().unwrap();
        assert_eq!(Place::bind(taken).address(), None);
        drop(somebody);
        assert_eq!(Place::bind(taken).address(), Some(taken));
    }
}
