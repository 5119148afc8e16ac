//! What roles of this process share that must be opened first: the store of events and the state. Either
//! may be late or fail for a while; who needs it says so until it is there.

use alert::notify::Notifier;
use console::web::Slot;
use state::State;
use std::sync::Arc;
use std::time::Duration;
use store::Store;
use tokio_util::sync::CancellationToken;

/// Between two tries to open what can't be opened.
const AGAIN: Duration = Duration::from_secs(2);

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
pub fn events(
    config: &store::Config,
    bus: &bus::Bus,
    kept: &Kept,
    stop: &CancellationToken,
    voice: &super::supervise::Voice,
) -> anyhow::Result<()> {
    let opened = match kept.store.get() {
        Ok(store) => store,
        Err(_) => Store::open(config)?,
    };
    kept.store.set(Ok(opened.clone()));
    let mut writer = opened.writer(crate::control::now())?;
    let mut records = bus.subscribe("store", &[event::Topic::Events])?;
    let mut last = std::time::Instant::now();
    let mut pending: Option<bus::Batch> = None;
    voice.runs();
    while !stop.is_cancelled() {
        let batch = records.next(Duration::from_millis(100))?;
        if let Some(batch) = batch {
            for delivery in batch.iter() {
                writer.push(delivery.id, delivery.time, delivery.value)?;
            }
            pending = Some(batch);
        }
        if last.elapsed() > Duration::from_millis(500) {
            last = std::time::Instant::now();
            writer.commit(crate::control::now())?;
            if let Some(batch) = pending.take() {
                records.commit(&batch)?;
            }
        }
    }
    writer.commit(crate::control::now())?;
    Ok(())
}
