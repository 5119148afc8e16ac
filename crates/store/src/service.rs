//! The role `store`: reads events into the store and looks after it, until it is told to stop.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use bus::{Bus, Seen};
use event::Topic;
use tokio::sync::watch;

use crate::elastic::Elastic;
use crate::index::Embedded;
use crate::ingest::{GROUP, Ingest, system_now};
use crate::{Config, Error, Store, metrics};

/// How often slices are looked after.
const CARE: Duration = Duration::from_secs(2);
/// How often a server is.
const KEEP: Duration = Duration::from_secs(60);
/// How long the reader of a server waits for records, and rests after a failure.
const WAIT: Duration = Duration::from_millis(300);
/// Records of one writing to a server that a repeat is known among.
const REMEMBERED: usize = 1 << 16;

/// How the store fares.
#[derive(Clone, Debug, Default)]
pub struct Health {
    ingest: Arc<Mutex<Option<String>>>,
    care: Arc<Mutex<Option<String>>>,
}

impl Health {
    /// What is wrong at this moment, for people; none where all is well.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        let read = |place: &Mutex<Option<String>>| {
            place
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner)
                .clone()
        };
        read(&self.ingest).or_else(|| read(&self.care))
    }
}

fn set(place: &Mutex<Option<String>>, trouble: Option<String>) {
    *place
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner) = trouble;
}

/// Reads topic `events` into the store until `told` says true or its sender is gone. What was taken is committed
/// before this returns.
///
/// # Errors
/// A thread that cannot be started. Whatever else fails is tried again and told by `health`.
pub async fn run(
    store: Store,
    bus: Bus,
    config: Config,
    health: Health,
    mut told: watch::Receiver<bool>,
) -> Result<(), Error> {
    metrics::describe();
    let stop = Arc::new(AtomicBool::new(false));
    let threads = match store {
        Store::Embedded(store) => embedded(store, bus, &stop, &health)?,
        Store::Elastic(store) => elastic(store, bus, config, &stop, &health)?,
    };
    // A sender that is gone asks for nothing any more.
    let _ = told.wait_for(|told| *told).await;
    stop.store(true, Ordering::Relaxed);
    let joined = tokio::task::spawn_blocking(move || {
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("store: a thread of the store panicked");
            }
        }
    });
    let _ = joined.await;
    Ok(())
}

/// How much the store's own threads stand back (`nice`): what waits for them lies safely on the bus, while packets
/// and people do not wait.
const BEHIND: i32 = 5;

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<thread::JoinHandle<()>, Error> {
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || {
            // On Linux this thread's alone, and that of those which it starts: they merge.
            if let Err(error) = rustix::process::nice(BEHIND) {
                tracing::debug!("store: threads have the priority of all others: {error}");
            }
            run();
        })
        .map_err(Error::io("start", std::path::Path::new(name)))
}

fn embedded(
    store: Arc<Embedded>,
    bus: Bus,
    stop: &Arc<AtomicBool>,
    health: &Health,
) -> Result<Vec<thread::JoinHandle<()>>, Error> {
    let _ = store.measure();
    let ingest = Ingest {
        store: store.clone(),
        bus,
        clock: system_now,
        stop: stop.clone(),
        trouble: health.ingest.clone(),
    };
    let (stop, trouble) = (stop.clone(), health.care.clone());
    Ok(vec![
        spawn("store-ingest", || ingest.run())?,
        spawn("store-care", move || care(&store, &stop, &trouble))?,
    ])
}

fn care(store: &Embedded, stop: &AtomicBool, trouble: &Mutex<Option<String>>) {
    let mut said = None;
    while !stop.load(Ordering::Relaxed) {
        let failed = store
            .care(system_now())
            .err()
            .map(|error| error.to_string());
        if failed != said
            && let Some(failed) = &failed
        {
            tracing::error!("{failed}");
        }
        said.clone_from(&failed);
        set(
            trouble,
            failed
                .or_else(|| store.level().text().map(str::to_owned))
                .or_else(|| store.damage()),
        );
        let end = Instant::now() + CARE;
        while !stop.load(Ordering::Relaxed) && Instant::now() < end && !store.is_woken() {
            thread::sleep(Duration::from_millis(50));
        }
    }
}

fn elastic(
    store: Arc<Elastic>,
    bus: Bus,
    config: Config,
    stop: &Arc<AtomicBool>,
    health: &Health,
) -> Result<Vec<thread::JoinHandle<()>>, Error> {
    let (keeper, keep_stop) = (store.clone(), stop.clone());
    let (stop, trouble) = (stop.clone(), health.ingest.clone());
    let keep_trouble = health.care.clone();
    Ok(vec![
        spawn("store-ingest", move || {
            while !stop.load(Ordering::Relaxed) {
                let failed = forward(&store, &bus, &stop, &trouble).err();
                if let Some(failed) = &failed {
                    tracing::error!("store: {failed}; it is tried again");
                }
                set(&trouble, failed);
                thread::sleep(WAIT);
            }
        })?,
        spawn("store-care", move || {
            let mut next = Instant::now();
            while !keep_stop.load(Ordering::Relaxed) {
                if Instant::now() >= next {
                    let retention = &config.retention;
                    let kept =
                        keeper.keep(system_now(), retention.max_age_days, retention.max_bytes);
                    set(&keep_trouble, kept.err().map(|error| error.to_string()));
                    next = Instant::now() + KEEP;
                }
                thread::sleep(WAIT);
            }
        })?,
    ])
}

/// Writes what comes to a server; what is no JSON is counted and passed over. Ids make repeats known to the server.
fn forward(
    store: &Elastic,
    bus: &Bus,
    stop: &AtomicBool,
    trouble: &Mutex<Option<String>>,
) -> Result<(), String> {
    let failed = |error: bus::Error| error.to_string();
    let mut subscription = bus.subscribe(GROUP, &[Topic::Events]).map_err(failed)?;
    let mut seen = Seen::new(REMEMBERED);
    while !stop.load(Ordering::Relaxed) {
        let Some(batch) = subscription.next(WAIT).map_err(failed)? else {
            continue;
        };
        let mut records = Vec::new();
        for delivery in batch.iter() {
            let text = std::str::from_utf8(delivery.value).ok();
            let text = text.filter(|text| {
                matches!(serde_json::from_str(text), Ok(serde_json::Value::Object(_)))
            });
            match text {
                Some(_) if !seen.first(delivery.id) => metrics::event("repeat"),
                Some(text) => records.push((delivery.id, text)),
                None => metrics::event("no_json"),
            }
        }
        let written = store.write(records).map_err(|error| error.to_string())?;
        for _ in 0..written.created {
            metrics::event("kept");
        }
        subscription.commit(&batch).map_err(failed)?;
        set(trouble, None);
    }
    Ok(())
}
