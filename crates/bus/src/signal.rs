//! Wakes one reader, whether it blocks a thread or awaits.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Instant;

/// Set by publishers, waited for by one reader. Setting it where it is set already costs one atomic read.
#[derive(Debug, Default)]
pub(crate) struct Signal {
    raised: AtomicBool,
    waker: Mutex<Option<Waker>>,
    condvar: Condvar,
}

impl Signal {
    /// There is something to read (or to look at).
    pub fn raise(&self) {
        if self.raised.swap(true, Ordering::SeqCst) {
            return;
        }
        // The lock orders this after a reader that found nothing and is about to sleep.
        let waker = lock(&self.waker).take();
        self.condvar.notify_all();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Takes the mark away; a reader does this before it looks.
    pub fn lower(&self) {
        self.raised.store(false, Ordering::SeqCst);
    }

    /// Sleeps until raised or `deadline`; whether it was raised.
    pub fn wait_until(&self, deadline: Instant) -> bool {
        let mut guard = lock(&self.waker);
        loop {
            if self.raised.load(Ordering::SeqCst) {
                return true;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            guard = self
                .condvar
                .wait_timeout(guard, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// Calls `waker` once when raised; whether it is raised already (then the waker is not kept).
    pub fn register(&self, waker: &Waker) -> bool {
        let mut kept = lock(&self.waker);
        if self.raised.load(Ordering::SeqCst) {
            return true;
        }
        *kept = Some(waker.clone());
        false
    }
}

/// Locks also where a thread died with the lock held: what it guards is whole between statements.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
