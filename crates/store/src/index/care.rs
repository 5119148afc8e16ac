//! Looks after slices in the background: seals what is full, and makes room.

use event::Timestamp;
use metrics::{counter, gauge};

use super::{Embedded, Facts, Slice};
use crate::Error;
use crate::retention::{Disk, Level, Step, Why, next};

/// Steps of one round: room is measured anew after each, and a round ends in sensible time.
const MAX_STEPS: usize = 64;

impl Embedded {
    /// How scarce room is.
    #[must_use]
    pub fn level(&self) -> Level {
        Level::from_number(self.level.load(std::sync::atomic::Ordering::Relaxed))
    }

    /// Room of the disk that the folder is on.
    pub fn disk(&self) -> Result<Disk, Error> {
        let at = rustix::fs::statvfs(&self.config.dir)
            .map_err(|error| Error::io("look at", &self.config.dir)(error.into()))?;
        Ok(Disk {
            size: at.f_blocks.saturating_mul(at.f_frsize),
            free: at.f_bavail.saturating_mul(at.f_frsize),
        })
    }

    /// Measures room and says so where it changed.
    pub fn measure(&self) -> Result<Level, Error> {
        let disk = self.disk()?;
        let before = self.level();
        let level = Level::of(before, &self.config.watermarks, disk);
        self.level
            .store(level.number(), std::sync::atomic::Ordering::Relaxed);
        gauge!("ratel_store_level").set(f64::from(level.number()));
        gauge!("ratel_store_free_bytes").set(disk.free as f64);
        if level != before {
            let free = disk.free >> 20;
            match level.text() {
                Some(text) => tracing::warn!("store: {text} ({free} MiB are free)"),
                None => tracing::info!("store: there is room again ({free} MiB are free)"),
            }
        }
        Ok(level)
    }

    /// One round: makes room, then seals. Returns whether anything was done.
    pub fn care(&self, now: Timestamp) -> Result<bool, Error> {
        let mut has_done = false;
        for _ in 0..MAX_STEPS {
            let level = self.measure()?;
            let slices: Vec<(u64, Facts, u64)> = self
                .slices()
                .iter()
                .map(|slice| {
                    let mut facts = slice.facts();
                    // What cannot be thinned is passed over; for room it can only go whole.
                    facts.is_thinned |= slice.is_stuck();
                    (slice.number, facts, slice.disk_bytes())
                })
                .collect();
            let Some(step) = next(&slices, &self.config.retention, level, now) else {
                break;
            };
            self.step(step)?;
            has_done = true;
            // Whatever fills the disk may go again: what was kept for weeks is not given up in one moment.
            if matches!(step, Step::Thin(_) | Step::Drop(_, Why::Disk)) {
                break;
            }
        }
        has_done |= self.seal_done()?;
        self.check_one();
        self.show();
        Ok(has_done)
    }

    /// Seals what is written no more. Returns whether there was any.
    pub fn seal_done(&self) -> Result<bool, Error> {
        let mut has_done = false;
        let slices = self.slices();
        let done = slices.split_last().map_or(&[][..], |(_, done)| done);
        for slice in done {
            // Sealing writes before it frees: not where room is scarce.
            if slice.with_facts(|facts| facts.is_sealed)
                || slice.is_stuck()
                || self.level() > Level::Thin
            {
                continue;
            }
            has_done |= self.seal_or_leave(slice, false)?;
        }
        Ok(has_done)
    }

    /// Holds one sealed slice against its checksums, of those that were not yet.
    fn check_one(&self) {
        let slices = self.slices();
        let sealed = slices
            .iter()
            .filter(|slice| slice.with_facts(|facts| facts.is_sealed));
        for slice in sealed {
            match slice.check() {
                Ok(None) => continue,
                Ok(Some(damaged)) if damaged.is_empty() => {}
                Ok(Some(damaged)) => {
                    slice.stick();
                    tracing::error!("slice {}: damaged files: {damaged:?}", slice.number);
                }
                Err(error) => {
                    slice.stick();
                    tracing::error!("slice {}: {error}", slice.number);
                }
            }
            break;
        }
    }

    /// What is damaged, in words.
    #[must_use]
    pub fn damage(&self) -> Option<String> {
        let slices = self.slices();
        let damaged = slices.iter().filter(|slice| slice.is_stuck());
        let damaged: Vec<String> = damaged.map(|slice| slice.number.to_string()).collect();
        (!damaged.is_empty()).then(|| {
            let numbers = damaged.join(", ");
            format!("damaged slices: {numbers}; events may be missing or told wrong")
        })
    }

    /// Seals a slice, or leaves it as it is where it is damaged: tried again and again, it would stop the care of all
    /// others. Returns whether it was sealed.
    fn seal_or_leave(&self, slice: &Slice, thin: bool) -> Result<bool, Error> {
        match self.seal(slice, thin) {
            Ok(()) => Ok(true),
            Err(error) if error.is_damage() => {
                slice.stick();
                tracing::error!("slice {} stays as it is: {error}", slice.number);
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    fn step(&self, step: Step) -> Result<(), Error> {
        let find = |number| {
            let slices = self.slices();
            slices.into_iter().find(|slice| slice.number == number)
        };
        match step {
            Step::Thin(number) => {
                let Some(slice) = find(number) else {
                    return Ok(());
                };
                let before = slice.with_facts(|facts| facts.events);
                if !self.seal_or_leave(&slice, true)? {
                    return Ok(());
                }
                let after = find(number).map_or(0, |slice| slice.with_facts(|facts| facts.events));
                let gone = before.saturating_sub(after);
                counter!("ratel_store_thinned_events_total").increment(gone);
                tracing::warn!(
                    "store: {gone} events of little worth were dropped for want of room"
                );
            }
            Step::Drop(number, why) => {
                let Some(slice) = find(number) else {
                    return Ok(());
                };
                let events = slice.with_facts(|facts| facts.events);
                self.drop_slice(&slice)?;
                counter!("ratel_store_dropped_events_total", "why" => why.name()).increment(events);
                tracing::info!("store: {events} events were dropped by {}", why.name());
            }
        }
        Ok(())
    }

    fn show(&self) {
        let slices = self.slices();
        gauge!("ratel_store_slices").set(slices.len() as f64);
        let damaged = slices.iter().filter(|slice| slice.is_stuck()).count();
        gauge!("ratel_store_damaged_slices").set(damaged as f64);
        let bytes: u64 = slices.iter().map(|slice| slice.disk_bytes()).sum();
        gauge!("ratel_store_bytes").set(bytes as f64);
        let events: u64 = slices
            .iter()
            .map(|slice| slice.with_facts(|facts| facts.events))
            .sum();
        gauge!("ratel_store_events").set(events as f64);
    }
}
