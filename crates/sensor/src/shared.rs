//! What workers share: the rules to run, whether to go on, and what each of them shows.

use crate::arrivals::Book;
use crate::metrics::{Shown, Snapshot, Worker};
use crate::pcaps;
use crate::tallies::{Past, Present};
use engine::pipeline::live::NewRules;
use engine::records::stats::Counters;
use event::Timestamp;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// What one worker shows to others.
#[derive(Debug, Default)]
pub(crate) struct Window {
    pub(crate) interface: String,
    pub(crate) number: usize,
    pub(crate) counts: Shown,
    pub(crate) is_capturing: AtomicBool,
    pub(crate) has_ended: AtomicBool,
    pub(crate) generation: AtomicU64,
    /// What each rule was looked at.
    pub(crate) tallies: Present,
    /// The engine's counters, as of some seconds ago.
    counters: Mutex<Counters>,
}

impl Window {
    pub(crate) fn of(interface: &str, number: usize) -> Self {
        Window {
            interface: interface.to_owned(),
            number,
            ..Window::default()
        }
    }

    pub(crate) fn show_counters(&self, counters: Counters) {
        *lock(&self.counters) = counters;
    }

    pub(crate) fn counters(&self) -> MutexGuard<'_, Counters> {
        lock(&self.counters)
    }
}

/// Between the service and its workers.
pub(crate) struct Shared {
    pub(crate) clock: fn() -> Timestamp,
    pub(crate) windows: Vec<Arc<Window>>,
    is_stopping: AtomicBool,
    /// The generation that `rules` holds; a worker whose own is lower takes them.
    generation: AtomicU64,
    rules: Mutex<Option<Arc<NewRules>>>,
    pub(crate) reloads: AtomicU64,
    pub(crate) failed_reloads: AtomicU64,
    /// Whose packets are counted.
    pub(crate) book: Book,
    /// What each rule was looked at, as far as no engine that runs knows it.
    pub(crate) rule_stats: Past,
    /// What became of packets of flows that alerted, where they are kept.
    pub(crate) packets: OnceLock<Arc<pcaps::Tally>>,
}

impl Shared {
    pub(crate) fn new(clock: fn() -> Timestamp, windows: Vec<Arc<Window>>) -> Self {
        Shared {
            clock,
            windows,
            is_stopping: AtomicBool::new(false),
            generation: AtomicU64::new(1),
            rules: Mutex::new(None),
            reloads: AtomicU64::new(0),
            failed_reloads: AtomicU64::new(0),
            book: Book::default(),
            rule_stats: Past::default(),
            packets: OnceLock::new(),
        }
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::Relaxed)
    }

    pub(crate) fn stop(&self) {
        self.is_stopping.store(true, Ordering::Relaxed);
    }

    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Relaxed)
    }

    /// Hands out new rules; their generation.
    pub(crate) fn publish(&self, rules: Arc<NewRules>) -> u64 {
        let mut slot = lock(&self.rules);
        *slot = Some(rules);
        // Under the lock, so that whoever sees the number finds these rules.
        self.generation.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// The rules to run, with their generation; None where there were none but the first.
    pub(crate) fn rules(&self) -> Option<(u64, Arc<NewRules>)> {
        let slot = lock(&self.rules);
        let rules = slot.clone()?;
        Some((self.generation(), rules))
    }

    /// Whether every worker that still runs has taken `generation`.
    pub(crate) fn all_run(&self, generation: u64) -> bool {
        self.windows.iter().all(|window| {
            window.has_ended.load(Ordering::Relaxed)
                || window.generation.load(Ordering::Relaxed) >= generation
        })
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        let worker = |window: &Arc<Window>| Worker {
            interface: window.interface.clone(),
            number: window.number,
            is_capturing: window.is_capturing.load(Ordering::Relaxed),
            generation: window.generation.load(Ordering::Relaxed),
            counts: window.counts.read(),
        };
        Snapshot {
            workers: self.windows.iter().map(worker).collect(),
            generation: self.generation(),
            reloads: self.reloads.load(Ordering::Relaxed),
            failed_reloads: self.failed_reloads.load(Ordering::Relaxed),
            packets: self
                .packets
                .get()
                .map_or_else(Default::default, |tally| tally.read()),
        }
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
