//! Reads topic `events` into the embedded store, so that each record is in it exactly once whatever happens.
//!
//! The offsets to go on with stand in each commit of the index, so records and offsets are there
//! together or not at all; only then the group commits on the bus. After a crash the bus gives again what lies
//! behind the group's commit: at most what one commit holds, and each of those ids is known, because
//! the last ids of the store are remembered at its start. A repeat that comes from its publisher is known alike.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bus::{Batch, Bus, Clock, Seen};
use event::{RecordId, Timestamp, Topic};
use metrics::{counter, gauge, histogram};

use crate::index::{Embedded, Taken, Writer};
use crate::retention::{Level, Worth};
use crate::{Error, metrics as counts};

/// The group that reads for the store.
pub const GROUP: &str = "store";
/// Ids that are remembered: more than two commits hold, so that what the bus gives again is known.
const REMEMBERED: usize = 1 << 18;
/// Records of one commit.
const MAX_PENDING: usize = 50_000;
/// Bytes of one commit, as they lie in memory meanwhile.
const MAX_PENDING_BYTES: usize = 64 << 20;
/// How long the reader waits for records before it looks whether it should stop.
const WAIT: Duration = Duration::from_millis(200);
/// How long it rests after a failure.
const REST: Duration = Duration::from_secs(1);
/// Lines of the log about records that are kept out; all are counted.
const MAX_LINES: u32 = 100;

/// Reads until it is told to stop.
#[derive(Debug)]
pub struct Ingest {
    /// Where records go.
    pub store: Arc<Embedded>,
    /// Where they come from.
    pub bus: Bus,
    /// The time.
    pub clock: fn() -> Timestamp,
    /// Whether to stop.
    pub stop: Arc<AtomicBool>,
    /// What is wrong at this moment.
    pub trouble: Arc<Mutex<Option<String>>>,
}

/// Why a session ended.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error(transparent)]
    Store(#[from] Error),
    #[error(transparent)]
    Bus(#[from] bus::Error),
}

impl Ingest {
    /// Reads, and begins again where something fails.
    pub fn run(self) {
        let mut lines = 0;
        while !self.is_told() {
            let result = self.session(&mut lines);
            let trouble = result.err().map(|error| error.to_string());
            if let Some(trouble) = &trouble {
                counter!("ratel_store_failures_total").increment(1);
                let mut place = lock(&self.trouble);
                if place.as_ref() != Some(trouble) {
                    tracing::error!("{trouble}; it is tried again");
                }
                *place = Some(trouble.clone());
            }
            self.rest(REST);
        }
    }

    fn is_told(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn rest(&self, time: Duration) {
        let end = Instant::now() + time;
        while !self.is_told() && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// From opening the writer to the first failure, or until there is no room.
    fn session(&self, lines: &mut u32) -> Result<(), Ended> {
        if self.store.level() == Level::Stopped {
            return Ok(());
        }
        let mut writer = self.store.writer((self.clock)())?;
        let mut seen = Seen::new(REMEMBERED);
        for id in self.store.recent_ids(REMEMBERED)? {
            seen.first(id);
        }
        let mut subscription = self.bus.subscribe(GROUP, &[Topic::Events])?;
        let mut pending = Pending::default();
        let every = Duration::from_millis(self.store.config().commit_ms);
        while !self.is_told() {
            let wait = match pending.since {
                Some(since) => every.saturating_sub(since.elapsed()).min(WAIT),
                None => WAIT,
            };
            if let Some(batch) = subscription.next(wait)? {
                self.take(&mut writer, &mut seen, &batch, lines)?;
                pending.add(batch);
            }
            if pending.is_due(every) {
                self.commit(&mut writer, &subscription, &mut pending)?;
                if self.store.level() == Level::Stopped {
                    // What is on the bus waits there.
                    return Ok(());
                }
            }
        }
        self.commit(&mut writer, &subscription, &mut pending)?;
        Ok(())
    }

    fn take(
        &self,
        writer: &mut Writer,
        seen: &mut Seen,
        batch: &Batch,
        lines: &mut u32,
    ) -> Result<(), Ended> {
        for gap in batch.gaps() {
            let missing = gap.offsets.end.saturating_sub(gap.offsets.start);
            tracing::error!("store: the bus lost {missing} records before they were read");
        }
        for delivery in batch.iter() {
            let known = writer.offsets().get(&delivery.partition).copied();
            // What lies before the offsets of the store came before, unless the bus began anew.
            let is_behind = known.is_some_and(|next| delivery.offset < next);
            let is_repeat =
                !seen.first(delivery.id) || is_behind && self.store.holds(delivery.id)?;
            if is_repeat {
                counts::event("repeat");
            } else {
                let taken = writer.push(delivery.id, delivery.time, delivery.value)?;
                count(taken, delivery.id, lines);
            }
            if !is_behind {
                writer.read_to(delivery.partition, delivery.offset + 1);
            }
        }
        if let Some(last) = batch.iter().last() {
            let lag = (self.clock)().since(last.time);
            gauge!("ratel_store_ingest_lag_seconds").set(lag.as_secs_f64());
        }
        Ok(())
    }

    fn commit(
        &self,
        writer: &mut Writer,
        subscription: &bus::Subscription,
        pending: &mut Pending,
    ) -> Result<(), Ended> {
        let began = Instant::now();
        writer.commit((self.clock)())?;
        histogram!("ratel_store_commit_seconds").record(began.elapsed().as_secs_f64());
        counter!("ratel_store_commits_total").increment(1);
        for batch in &pending.batches {
            subscription.commit(batch)?;
        }
        *pending = Pending::default();
        *lock(&self.trouble) = None;
        Ok(())
    }
}

/// What was read and not committed.
#[derive(Default)]
struct Pending {
    batches: Vec<Batch>,
    records: usize,
    bytes: usize,
    since: Option<Instant>,
}

impl Pending {
    fn add(&mut self, batch: Batch) {
        self.records += batch.len();
        self.bytes += batch
            .iter()
            .map(|delivery| delivery.value.len())
            .sum::<usize>();
        self.batches.push(batch);
        self.since.get_or_insert_with(Instant::now);
    }

    fn is_due(&self, every: Duration) -> bool {
        self.records >= MAX_PENDING
            || self.bytes >= MAX_PENDING_BYTES
            || self.since.is_some_and(|since| since.elapsed() >= every)
    }
}

fn count(taken: Taken, id: RecordId, lines: &mut u32) {
    match taken {
        Taken::Kept { conflicts } => {
            counts::event("kept");
            if conflicts > 0 {
                counter!("ratel_store_conflicts_total").increment(u64::from(conflicts));
            }
        }
        Taken::Refused(refusal) => {
            counts::event(refusal.name());
            *lines += 1;
            if *lines <= MAX_LINES {
                let end = if *lines == MAX_LINES {
                    "; more are only counted"
                } else {
                    ""
                };
                tracing::warn!("store: record {id} is kept out: {}{end}", refusal.name());
            }
        }
        Taken::LeftOut(worth) => {
            counts::event("left_out");
            let worth = match worth {
                Worth::Little => "little",
                Worth::Some => "some",
                Worth::Most => "most",
            };
            counter!("ratel_store_left_out_total", "worth" => worth).increment(1);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// The system's time.
#[must_use]
pub fn system_now() -> Timestamp {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::from_nanos(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

/// A clock of the bus that tells the same time.
#[must_use]
pub fn clock() -> Clock {
    Clock::new(system_now)
}
