//! Answers of moments ago. Many who look at a page share a search; where one takes long, who looks again is told
//! what was so a moment ago, while it is asked anew behind the answer.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use event::Timestamp;
use tokio::sync::OnceCell;
use tokio::time::Instant;

use crate::api::problem::Problem;
use crate::service::lock;

/// How long an answer is as good as new.
const FRESH: Duration = Duration::from_secs(3);

/// How long an answer that took long serves while it is asked anew: longer than between two looks of an open page.
const STALE: Duration = Duration::from_secs(30);

/// What takes less than this is asked anew at once: nobody notices.
const QUICK: Duration = Duration::from_millis(20);

/// Answers that are kept: people choose among few stretches of time, and type few searches.
const MAX_KEPT: usize = 32;

/// Answers by what was asked. Clones are the same.
#[derive(Debug)]
pub struct Kept<K, V>(Arc<Mutex<All<K, V>>>);

#[derive(Debug)]
struct All<K, V> {
    answers: BTreeMap<K, Entry<V>>,
    /// What is asked at this moment: who asks the same waits for the same answer.
    asked: BTreeMap<K, Flight<V>>,
}

/// An answer on its way.
type Flight<V> = Arc<OnceCell<Arc<V>>>;

#[derive(Debug)]
struct Entry<V> {
    made: Timestamp,
    took: Duration,
    /// Somebody asks anew, since then.
    renewing: Option<Timestamp>,
    value: Arc<V>,
}

impl<K, V> Clone for Kept<K, V> {
    fn clone(&self) -> Self {
        Kept(self.0.clone())
    }
}

impl<K, V> Default for Kept<K, V> {
    fn default() -> Self {
        let (answers, asked) = (BTreeMap::new(), BTreeMap::new());
        Kept(Arc::new(Mutex::new(All { answers, asked })))
    }
}

/// What is known of an answer.
#[derive(Debug)]
enum Known<V> {
    /// It is good.
    Fresh(Arc<V>),
    /// It serves, and is to be asked anew.
    Stale(Arc<V>),
    No,
}

impl<K: Ord + Clone + Send + 'static, V: Send + Sync + 'static> Kept<K, V> {
    /// The answer to `key`; where there is none that serves, `make` makes it.
    ///
    /// # Errors
    /// As `make`.
    pub async fn get(
        &self,
        key: K,
        now: Timestamp,
        make: impl Future<Output = Result<V, Problem>> + Send + 'static,
    ) -> Result<Arc<V>, Problem> {
        match self.look(&key, now) {
            Known::Fresh(value) => Ok(value),
            Known::Stale(value) => {
                let kept = self.clone();
                tokio::spawn(async move {
                    let begun = Instant::now();
                    match make.await {
                        Ok(made) => kept.keep(key, now, begun.elapsed(), Arc::new(made)),
                        // The next who asks tries again.
                        Err(_) => kept.forget_renewal(&key),
                    }
                });
                Ok(value)
            }
            Known::No => {
                let flight = lock(&self.0).asked.entry(key.clone()).or_default().clone();
                let landing = Landing {
                    kept: self,
                    key: &key,
                    flight,
                };
                // Where the first fails or goes away, the next asks.
                let asking = landing.flight.get_or_try_init(|| async {
                    let begun = Instant::now();
                    let made = Arc::new(make.await?);
                    self.keep(key.clone(), now, begun.elapsed(), made.clone());
                    Ok(made)
                });
                asking.await.cloned()
            }
        }
    }

    fn look(&self, key: &K, now: Timestamp) -> Known<V> {
        let mut all = lock(&self.0);
        let Some(entry) = all.answers.get_mut(key) else {
            return Known::No;
        };
        // A clock that was put back makes nothing good for ever.
        if entry.made > now {
            return Known::No;
        }
        let age = now.since(entry.made);
        if age < FRESH {
            return Known::Fresh(entry.value.clone());
        }
        if age >= STALE || entry.took < QUICK {
            return Known::No;
        }
        let is_renewed = entry
            .renewing
            .is_some_and(|since| since <= now && now.since(since) < STALE);
        if is_renewed {
            return Known::Fresh(entry.value.clone());
        }
        entry.renewing = Some(now);
        Known::Stale(entry.value.clone())
    }

    fn keep(&self, key: K, made: Timestamp, took: Duration, value: Arc<V>) {
        let all = &mut lock(&self.0).answers;
        let entry = Entry {
            made,
            took,
            renewing: None,
            value,
        };
        all.insert(key, entry);
        while all.len() > MAX_KEPT {
            let oldest = all.iter().min_by_key(|(_, entry)| entry.made);
            let Some(key) = oldest.map(|(key, _)| key.clone()) else {
                return;
            };
            all.remove(&key);
        }
    }

    fn forget_renewal(&self, key: &K) {
        if let Some(entry) = lock(&self.0).answers.get_mut(key) {
            entry.renewing = None;
        }
    }
}

/// Who waits for an answer on its way; the last one takes it out of what is asked.
struct Landing<'a, K: Ord, V> {
    kept: &'a Kept<K, V>,
    key: &'a K,
    flight: Flight<V>,
}

impl<K: Ord, V> Drop for Landing<'_, K, V> {
    fn drop(&mut self) {
        let asked = &mut lock(&self.kept.0).asked;
        let is_last = |flight: &Flight<V>| {
            // The list and this one.
            Arc::ptr_eq(flight, &self.flight) && Arc::strong_count(flight) == 2
        };
        if asked.get(self.key).is_some_and(is_last) {
            asked.remove(self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    fn at(secs: i64) -> Timestamp {
        Timestamp::new(secs, 0)
    }

    #[test]
    fn an_answer_serves_for_moments_and_one_that_took_long_while_it_is_asked_anew() {
        let kept: Kept<&str, u32> = Kept::default();
        kept.keep("quick", at(100), Duration::from_millis(1), Arc::new(1));
        kept.keep("slow", at(100), Duration::from_secs(1), Arc::new(2));
        for key in ["quick", "slow"] {
            assert!(matches!(kept.look(&key, at(102)), Known::Fresh(_)));
            // Before it was made: the clock was put back.
            assert!(matches!(kept.look(&key, at(99)), Known::No));
        }
        assert!(matches!(kept.look(&"quick", at(103)), Known::No));
        assert!(matches!(kept.look(&"slow", at(103)), Known::Stale(_)));
        // One asks anew, the others are told what was so.
        assert!(matches!(kept.look(&"slow", at(104)), Known::Fresh(_)));
        kept.forget_renewal(&"slow");
        assert!(matches!(kept.look(&"slow", at(105)), Known::Stale(_)));
        assert!(matches!(kept.look(&"slow", at(130)), Known::No));
        assert!(matches!(kept.look(&"none", at(100)), Known::No));
    }

    #[test]
    fn few_answers_are_kept_and_the_oldest_go() {
        let kept: Kept<u32, u32> = Kept::default();
        for n in 0..100 {
            kept.keep(n, at(i64::from(n)), Duration::ZERO, Arc::new(n));
        }
        assert_eq!(lock(&kept.0).answers.len(), MAX_KEPT);
        assert!(matches!(kept.look(&99, at(99)), Known::Fresh(_)));
        assert!(matches!(kept.look(&1, at(99)), Known::No));
    }

    #[tokio::test]
    async fn what_could_not_be_asked_is_asked_again() {
        let kept: Kept<u32, u32> = Kept::default();
        let failed = async { Err(Problem::unavailable("no")) };
        assert!(kept.get(1, at(1), failed).await.is_err());
        assert_eq!(*kept.get(1, at(1), async { Ok(5) }).await.unwrap(), 5);
        let again = async { Err(Problem::unavailable("no")) };
        assert_eq!(*kept.get(1, at(2), again).await.unwrap(), 5);
    }

    #[tokio::test]
    async fn who_asks_the_same_meanwhile_waits_for_the_same_answer() {
        let kept: Kept<u32, u32> = Kept::default();
        let count = Arc::new(AtomicU32::new(0));
        let ask = || {
            let count = count.clone();
            kept.get(1, at(1), async move {
                tokio::task::yield_now().await;
                Ok(count.fetch_add(1, Ordering::Relaxed))
            })
        };
        let (a, b, c) = tokio::join!(ask(), ask(), ask());
        assert_eq!((*a.unwrap(), *b.unwrap(), *c.unwrap()), (0, 0, 0));
        assert!(lock(&kept.0).asked.is_empty());
        // The first goes away before its answer: the second asks.
        let mut gone = Box::pin(kept.get(2, at(1), std::future::pending()));
        let is_waiting = tokio::time::timeout(Duration::ZERO, &mut gone)
            .await
            .is_err();
        let next = kept.get(2, at(1), async { Ok(7) });
        drop(gone);
        assert_eq!((is_waiting, *next.await.unwrap()), (true, 7));
        assert!(lock(&kept.0).asked.is_empty());
    }
}
