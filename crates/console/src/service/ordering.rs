//! Giving an order: once, whoever asks by whichever door, and waiting for what comes of it.

use std::sync::Arc;

use axum::http::StatusCode;
use event::Timestamp;
use event::order::{Order, What};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout_at};

use super::{Shared, lock};
use crate::api::idempotency::Known;
use crate::api::orders::{Answer, Pending, aim, answer};
use crate::api::problem::Problem;
use crate::metrics;

/// Gives an order in somebody's name and waits until the deadline for what comes of it.
pub async fn give(
    shared: &Arc<Shared>,
    what: What,
    key: Option<String>,
    who: String,
    deadline: Instant,
) -> Result<Answer, Problem> {
    let name = what.name();
    let shared_too = shared.clone();
    let taken = spawn_blocking(move || take(&shared_too, what, key, who)).await;
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

enum Taken {
    Published(Pending),
    Repeated(Pending),
    Done(Answer),
}

/// Puts the order out, once. Waits for the disk, so not in the runtime's threads.
fn take(shared: &Shared, what: What, key: Option<String>, who: String) -> Result<Taken, Problem> {
    let now = shared.now();
    // As precise as it is written: what comes after it must not seem to come before.
    let time = Timestamp::from_nanos(now.nanos().div_euclid(1000) * 1000);
    // Held until the order is out: of two with one key the second waits, then repeats.
    let mut keys = lock(&shared.order_keys);
    // Everybody has their own keys: who guesses another's learns nothing and stands in nobody's way.
    let own_key = key.as_ref().map(|key| format!("{who}\n{key}"));
    if let Some(key) = &own_key {
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
    let id = key.unwrap_or_else(|| format!("o{}", now.nanos()));
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
    if let Some(key) = &own_key {
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
