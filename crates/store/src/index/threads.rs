//! Work on parts of the store side by side, with a bound on the threads of all searches together.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The most threads that help, whatever the machine has: a search shares memory and disk with the sensor.
const MAX_HELPERS: usize = 7;

/// Helpers at work in this process.
static BUSY: AtomicUsize = AtomicUsize::new(0);

/// How many helpers there may be: the thread that asks works as well.
fn most_helpers() -> usize {
    static MOST: OnceLock<usize> = OnceLock::new();
    *MOST.get_or_init(|| {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        (cores - 1).min(MAX_HELPERS)
    })
}

/// How many pieces of work go on at once where nobody else searches.
#[must_use]
pub fn width() -> usize {
    most_helpers() + 1
}

/// Helpers that this call may start; given back when dropped.
struct Lease(usize);

impl Lease {
    fn take(wanted: usize) -> Lease {
        let mut got = 0;
        let _ = BUSY.fetch_update(Ordering::AcqRel, Ordering::Acquire, |busy| {
            got = wanted.min(most_helpers().saturating_sub(busy));
            Some(busy + got)
        });
        Lease(got)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        BUSY.fetch_sub(self.0, Ordering::AcqRel);
    }
}

/// The results of `work` on `0..count`, in this order. Where all helpers are busy, the calling thread does
/// everything.
pub fn side_by_side<T: Send + Sync>(count: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let lease = Lease::take(count.saturating_sub(1));
    if lease.0 == 0 {
        return (0..count).map(work).collect();
    }
    let results: Vec<OnceLock<T>> = (0..count).map(|_| OnceLock::new()).collect();
    let next = AtomicUsize::new(0);
    let run = || {
        while let Some(result) = {
            let number = next.fetch_add(1, Ordering::Relaxed);
            results.get(number).map(|place| (number, place))
        } {
            let (number, place) = result;
            let _ = place.set(work(number));
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..lease.0 {
            // Where no thread can be started, the others and this one do its work.
            let _ = std::thread::Builder::new().spawn_scoped(scope, run);
        }
        run();
    });
    results
        .into_iter()
        .filter_map(OnceLock::into_inner)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_work() {
        for count in [0, 1, 2, 1000] {
            let doubled: Vec<usize> = (0..count).map(|n| n * 2).collect();
            assert_eq!(side_by_side(count, |n| n * 2), doubled);
        }
    }

    #[test]
    fn helpers_are_given_back() {
        // Other tests search meanwhile, so only the bound can be held against it.
        for _ in 0..100 {
            side_by_side(10, |n| n);
        }
        assert!(BUSY.load(Ordering::Acquire) <= most_helpers());
    }
}
