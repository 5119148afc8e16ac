//! Other rules while packets flow: built aside, handed to every worker, the old ones given up last.

use crate::shared::{Shared, lock};
use engine::config::RulesLoaded;
use engine::detect::{Migration, Ruleset};
use engine::pipeline::live::NewRules;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How long a reload waits for all workers to run the new rules. A worker takes them between two
/// packets; one that is late waits for its sink.
const TAKE_MAX: Duration = Duration::from_secs(10);

/// Rules that are ready to run.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// The rules.
    pub ruleset: Arc<Ruleset>,
    /// What became of them when they were loaded.
    pub loaded: RulesLoaded,
    /// Settings of parsers, where these rules want other things computed (hashes of files, fingerprints)
    /// than those that the sensor was started with.
    pub app: Option<decode::app::Config>,
}

/// Why the rules before stay.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReloadError {
    /// The new ones could not be built.
    #[error("the new rules can't be used, the old ones stay: {0}")]
    Build(String),
    /// The sensor stops.
    #[error("the sensor stops: the rules stay")]
    Stopping,
    /// The thread that should build them could not be started, or panicked.
    #[error("the new rules were not built, the old ones stay: {0}")]
    Thread(String),
}

/// Puts rules in place, one reload after the other.
pub(crate) struct Reloader {
    shared: Arc<Shared>,
    /// The rules in place. Held through a reload, so that no two overlap and so that the last reference
    /// to old rules is given up here: that takes long, and workers have packets to look at.
    current: Mutex<Arc<Ruleset>>,
}

impl Reloader {
    pub(crate) fn new(shared: Arc<Shared>, current: Arc<Ruleset>) -> Self {
        Reloader {
            shared,
            current: Mutex::new(current),
        }
    }

    /// Puts `rules` in place; their generation. Returns once all workers run them.
    pub(crate) fn install(&self, rules: Rules) -> Result<u64, ReloadError> {
        let mut current = lock(&self.current);
        if self.shared.is_stopping() {
            return Err(ReloadError::Stopping);
        }
        let migration = Migration::new(&current, &rules.ruleset);
        let generation = self.shared.publish(Arc::new(NewRules {
            ruleset: rules.ruleset.clone(),
            loaded: rules.loaded,
            app: rules.app,
            migration: Arc::new(migration),
        }));
        let begun = Instant::now();
        while !self.shared.all_run(generation) && begun.elapsed() < TAKE_MAX {
            std::thread::sleep(Duration::from_millis(2));
        }
        if !self.shared.all_run(generation) {
            tracing::warn!(generation, "a worker has not taken the new rules yet");
        }
        self.shared
            .rule_stats
            .settle(&self.shared.windows, &rules.ruleset);
        let old = std::mem::replace(&mut *current, rules.ruleset);
        self.shared.reloads.fetch_add(1, Ordering::Relaxed);
        tracing::info!(generation, rules = current.len(), "new rules are in place");
        drop(current);
        drop(old);
        Ok(generation)
    }

    /// Builds rules and puts them in place; where they can't be built the rules before stay.
    pub(crate) fn reload<E: std::fmt::Display>(
        &self,
        build: impl FnOnce() -> Result<Rules, E>,
    ) -> Result<u64, ReloadError> {
        let result = build()
            .map_err(|error| ReloadError::Build(error.to_string()))
            .and_then(|rules| self.install(rules));
        if let Err(error) = &result {
            self.failed(error);
        }
        result
    }

    pub(crate) fn failed(&self, error: &ReloadError) {
        self.shared.failed_reloads.fetch_add(1, Ordering::Relaxed);
        tracing::error!("{error}");
    }
}
