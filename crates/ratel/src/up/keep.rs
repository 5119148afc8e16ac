//! What roles of this process share that must be opened first: the store of events and the state. Either
//! may be late or fail for a while; who needs it says so until it is there.

use super::supervise::Voice;
use alert::notify::Notifier;
use anyhow::{Context, Result};
use console::web::Slot;
use state::State;
use std::sync::Arc;
use std::time::Duration;
use store::Store;
use store::service::Health;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Between two tries to open what can't be opened.
const AGAIN: Duration = Duration::from_secs(2);

/// How often it is looked how the store fares.
const LOOK: Duration = Duration::from_millis(500);

/// The store and the state, once they are open.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Events.
    pub store: Slot<Store>,
    /// Incidents, and what people decide.
    pub state: Slot<State>,
    /// Who tells people.
    pub notifier: Slot<Arc<Notifier>>,
}

impl Default for Kept {
    fn default() -> Self {
        Kept {
            store: Slot::empty("the store is not open yet"),
            state: Slot::empty("the state is not open yet"),
            notifier: Slot::empty("nobody is told in this process"),
        }
    }
}

/// Opens the state, again and again until it is open.
pub async fn open_state(config: state::Config, kept: Kept, stop: CancellationToken) {
    let mut told = String::new();
    while !stop.is_cancelled() {
        match State::open(&config).await {
            Ok(state) => {
                kept.state.set(Ok(state));
                return;
            }
            Err(error) => {
                let why = error.to_string();
                // Once for each reason: what fails for a day is told once.
                if told != why {
                    tracing::error!("{why}; tried again every {AGAIN:?}");
                }
                kept.state.set(Err(why.clone()));
                told = why;
            }
        }
        tokio::select! {
            () = tokio::time::sleep(AGAIN) => {}
            () = stop.cancelled() => {}
        }
    }
}

/// Opens a store that another process writes.
pub async fn open_store(config: store::Config, kept: Kept, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let config = config.clone();
        let opened = tokio::task::spawn_blocking(move || Store::open_read_only(&config)).await;
        match opened {
            Ok(Ok(store)) => {
                kept.store.set(Ok(store));
                return;
            }
            Ok(Err(error)) => kept.store.set(Err(error.to_string())),
            Err(error) => kept.store.set(Err(error.to_string())),
        }
        tokio::select! {
            () = tokio::time::sleep(AGAIN) => {}
            () = stop.cancelled() => {}
        }
    }
}

/// Keeps events until told to stop.
pub async fn events(
    config: store::Config,
    bus: bus::Bus,
    kept: Kept,
    stop: CancellationToken,
    voice: Voice,
) -> Result<()> {
    // Opened once: readers of this process hold it, and there is one writer to a folder.
    let store = match kept.store.get() {
        Ok(store) => store,
        Err(_) => {
            let config = config.clone();
            let opening = tokio::task::spawn_blocking(move || Store::open(&config));
            opening.await.context("the store panicked")??
        }
    };
    kept.store.set(Ok(store.clone()));
    let health = Health::default();
    let (tell, told) = watch::channel(false);
    let running = store::service::run(store, bus, config, health.clone(), told);
    let mut running = std::pin::pin!(running);
    loop {
        match health.trouble() {
            Some(why) => voice.limps(&why),
            None => voice.runs(),
        }
        tokio::select! {
            ended = running.as_mut() => return Ok(ended?),
            () = tokio::time::sleep(LOOK) => {}
            () = stop.cancelled() => {
                let _ = tell.send(true);
                return Ok(running.await?);
            }
        }
    }
}
