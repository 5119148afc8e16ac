//! Feeds as they are kept: which is due, what came of it, and who is listed now.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use event::Timestamp;
use serde::Serialize;

use super::config::{self, ConfigError, Deed, Feed};
use super::fetch::{self, FetchError, Fetched, Validators};
use super::read::{Reading, Refused};
use super::set::{Set, Sets, Sourced};
use super::store;

/// Before a feed that failed is asked again, at first; twice as long after each further failure, up
/// to its own `refresh_secs`.
const RETRY: Duration = Duration::from_secs(60);

/// The longest that a server may send us away for.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(86_400);

/// How often the thread that fetches looks whether it is to stop.
const LOOK: Duration = Duration::from_millis(200);

/// All feeds. Shared: one thread fetches, others ask who is listed.
#[derive(Debug)]
pub struct Feeds {
    folder: Option<PathBuf>,
    states: Mutex<Vec<State>>,
    sets: RwLock<Arc<Sets>>,
    version: AtomicU64,
}

/// One feed, as it stands.
#[derive(Debug)]
struct State {
    feed: Feed,
    set: Arc<Set>,
    validators: Validators,
    fetched: Option<Timestamp>,
    changed: Option<Timestamp>,
    next: Timestamp,
    in_a_row: u32,
    counts: Counts,
    error: Option<String>,
    refused: Vec<Refused>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    fetches: u64,
    failures: u64,
    refused: u64,
    passed_over: u64,
}

/// One feed, as it is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// Its name.
    pub feed: String,
    /// Where it is fetched, without name, password and query.
    pub source: String,
    /// What its addresses are for.
    pub action: Deed,
    /// Addresses and prefixes that are listed.
    pub entries: usize,
    /// Seconds since the last fetch that succeeded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age_secs: Option<u64>,
    /// When the content changed last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed: Option<Timestamp>,
    /// Whether the set is too old to be believed.
    pub is_stale: bool,
    /// When it is fetched next.
    pub next: Timestamp,
    /// Fetches since the start.
    pub fetches: u64,
    /// Of these, those that failed.
    pub failures: u64,
    /// Why the last fetch failed; the set before is still in place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Entries of the set that could not be read.
    pub refused: u64,
    /// The first of these, with line and reason.
    pub refusals: Vec<String>,
    /// Entries that are nothing to us: private addresses, domains, hashes, what is not valid now.
    pub passed_over: u64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Feeds {
    /// Checks the configuration and takes what `folder` still has of earlier fetches.
    ///
    /// # Errors
    /// What is wrong with the configuration, by feed and key.
    pub fn open(
        feeds: Vec<Feed>,
        folder: Option<&Path>,
        now: Timestamp,
    ) -> Result<Feeds, ConfigError> {
        config::check(&feeds)?;
        super::metrics::describe();
        let states = feeds.into_iter().map(|feed| State::new(feed, folder, now));
        let feeds = Feeds {
            folder: folder.map(Path::to_owned),
            states: Mutex::new(states.collect()),
            sets: RwLock::default(),
            version: AtomicU64::new(0),
        };
        feeds.publish();
        Ok(feeds)
    }

    /// Who is listed. Cheap: the sets are shared.
    #[must_use]
    pub fn sets(&self) -> Arc<Sets> {
        self.sets
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Grows whenever the sets, or what is known of their age, change.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// When the next feed is due; None without feeds.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        lock(&self.states).iter().map(|state| state.next).min()
    }

    /// Fetches every feed that is due, one after the other. Blocks. How many were fetched.
    pub fn fetch_due(&self, clock: impl Fn() -> Timestamp, stop: impl Fn() -> bool) -> usize {
        let count = lock(&self.states).len();
        let mut fetched = 0;
        for at in 0..count {
            let now = clock();
            let due = {
                let states = lock(&self.states);
                let due = states.get(at).filter(|state| state.next <= now);
                due.map(|state| (state.feed.clone(), state.validators.clone()))
            };
            let Some((feed, validators)) = due else {
                continue;
            };
            if stop() {
                break;
            }
            let result = fetch::fetch(&feed, &validators, now);
            self.take(at, result, clock());
            fetched += 1;
        }
        fetched
    }

    /// Fetches what is due until told to stop. For a thread of its own, which nobody need wait for: a
    /// fetch may take minutes, and is harmless to break off.
    pub fn run(&self, clock: impl Fn() -> Timestamp, stop: impl Fn() -> bool) {
        while !stop() {
            if self.next_due().is_some_and(|due| due <= clock()) {
                self.fetch_due(&clock, &stop);
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Takes what came of a fetch.
    fn take(&self, at: usize, result: Result<Fetched, FetchError>, now: Timestamp) {
        let mut states = lock(&self.states);
        let Some(state) = states.get_mut(at) else {
            return;
        };
        let succeeded = result.is_ok();
        state.take(result, now);
        if succeeded && let Some(folder) = &self.folder {
            state.save(folder);
        }
        drop(states);
        self.publish();
    }

    fn publish(&self) {
        let states = lock(&self.states);
        states.iter().for_each(State::show);
        let sets = states.iter().filter_map(State::sourced).collect();
        *self.sets.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(Sets(sets));
        self.version.fetch_add(1, Ordering::Release);
    }

    /// How each feed stands.
    #[must_use]
    pub fn standings(&self, now: Timestamp) -> Vec<Standing> {
        let states = lock(&self.states);
        states.iter().map(|state| state.standing(now)).collect()
    }
}

impl State {
    fn new(feed: Feed, folder: Option<&Path>, now: Timestamp) -> State {
        let mut state = State {
            feed,
            set: Arc::default(),
            validators: Validators::default(),
            fetched: None,
            changed: None,
            next: now,
            in_a_row: 0,
            counts: Counts::default(),
            error: None,
            refused: Vec::new(),
        };
        match folder.map(|folder| store::read(folder, &state.feed)) {
            Some(Ok(Some((head, set)))) => {
                state.set = Arc::new(set);
                state.validators = head.validators;
                // A clock that was put back must not keep a set for ever.
                state.fetched = Some(head.fetched.min(now));
                state.changed = Some(head.changed.min(now));
                state.next = (head.fetched.min(now) + state.feed.refresh()).max(now);
            }
            Some(Err(error)) => {
                let feed = &state.feed.name;
                tracing::warn!("feed {feed}: what was kept of it cannot be read: {error}");
            }
            Some(Ok(None)) | None => {}
        }
        state
    }

    fn take(&mut self, result: Result<Fetched, FetchError>, now: Timestamp) {
        let name = &self.feed.name;
        self.counts.fetches += 1;
        let fetched = match result {
            Ok(fetched) => fetched,
            Err(error) => {
                let words = error.to_string();
                // Once for each reason: a server that is away for a day is told once.
                if self.error.as_deref() != Some(&words) {
                    tracing::warn!("feed {name}: {words}; {}", self.remains(now));
                }
                self.counts.failures += 1;
                self.in_a_row = self.in_a_row.saturating_add(1);
                let doubled = 1_u32 << (self.in_a_row - 1).min(16);
                let mut wait = (RETRY * doubled).min(self.feed.refresh());
                if let FetchError::Status {
                    retry_after: Some(asked),
                    ..
                } = error
                {
                    wait = wait.max(asked.min(MAX_RETRY_AFTER));
                }
                self.next = now + wait;
                self.error = Some(words);
                return;
            }
        };
        if self.error.take().is_some() {
            tracing::info!("feed {name}: fetched again");
        }
        self.in_a_row = 0;
        self.fetched = Some(now);
        self.next = now + self.feed.refresh();
        if let Fetched::New(reading, validators) = fetched {
            self.validators = validators;
            self.read(reading, now);
        }
    }

    fn read(&mut self, reading: Reading, now: Timestamp) {
        let name = &self.feed.name;
        let set = Set::new(&reading.entries);
        if reading.refused != self.refused
            && let Some(first) = reading.refused.first()
        {
            let count = reading.refused_count;
            tracing::warn!("feed {name}: {count} entries refused; the first: {first}");
        }
        if self.changed.is_none() || *self.set != set {
            tracing::info!(
                "feed {name}: {} entries, {} before",
                set.len(),
                self.set.len()
            );
            self.set = Arc::new(set);
            self.changed = Some(now);
        }
        self.refused = reading.refused;
        self.counts.refused = reading.refused_count;
        self.counts.passed_over = reading.passed_over;
    }

    /// What is left after a failure, in words.
    fn remains(&self, now: Timestamp) -> String {
        match self.fetched {
            None => "there is no older set".to_owned(),
            Some(fetched) => format!(
                "the set of {} s ago stays ({} entries)",
                now.since(fetched).as_secs(),
                self.set.len()
            ),
        }
    }

    fn save(&self, folder: &Path) {
        let Some(times) = self.fetched.zip(self.changed) else {
            return;
        };
        if let Err(error) = store::write(folder, &self.feed, &self.set, times, &self.validators) {
            let name = &self.feed.name;
            tracing::warn!("feed {name}: it cannot be kept for the next start: {error}");
        }
    }

    fn show(&self) {
        super::metrics::show(&super::metrics::Shown {
            feed: &self.feed.name,
            entries: self.set.len(),
            refused: self.counts.refused,
            fetched: self.fetched,
            fetches: self.counts.fetches,
            failures: self.counts.failures,
        });
    }

    fn stale(&self) -> Option<Timestamp> {
        self.fetched.map(|fetched| fetched + self.feed.keep())
    }

    fn sourced(&self) -> Option<Sourced> {
        Some(Sourced {
            feed: self.feed.name.clone(),
            source: bare(&self.feed.url),
            action: self.feed.action,
            fetched: self.fetched?,
            stale: self.stale()?,
            set: self.set.clone(),
        })
    }

    fn standing(&self, now: Timestamp) -> Standing {
        Standing {
            feed: self.feed.name.clone(),
            source: bare(&self.feed.url),
            action: self.feed.action,
            entries: self.set.len(),
            age_secs: self.fetched.map(|fetched| now.since(fetched).as_secs()),
            changed: self.changed,
            is_stale: self.stale().is_none_or(|stale| stale <= now),
            next: self.next,
            fetches: self.counts.fetches,
            failures: self.counts.failures,
            error: self.error.clone(),
            refused: self.counts.refused,
            refusals: self.refused.iter().map(ToString::to_string).collect(),
            passed_over: self.counts.passed_over,
        }
    }
}

/// A URL without what may be secret in it: name, password and query.
fn bare(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let (authority, path) = match rest.find('/') {
        Some(at) => rest.split_at_checked(at).unwrap_or((rest, "")),
        None => (rest, ""),
    };
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    format!("{scheme}://{host}{path}")
}

#[cfg(test)]
mod tests;
