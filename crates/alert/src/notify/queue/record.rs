//! Everything that can happen to a queue.

use std::collections::BTreeMap;

use event::Timestamp;
use event::incident::Status;
use serde::{Deserialize, Serialize};

use super::{Counts, Entry, Failure, Flight, Queue};
use crate::notify::change::{Receipt, Told};

/// Severities that an incident was told with before; there are five.
const MAX_ENDED: usize = 5;

/// One change of a queue, as its file has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Record {
    /// A notification waits, or takes the place of an older one of the same incident.
    Put(Entry),
    /// It is about to be sent.
    Try(Flight),
    /// The attempt failed.
    Failed {
        /// When.
        at: Timestamp,
        /// How.
        how: Failure,
        /// Nothing is sent before.
        until: Timestamp,
    },
    /// The receiver took it.
    Done {
        /// When.
        at: Timestamp,
        /// What the receiver called it, by incident.
        #[serde(default)]
        receipts: BTreeMap<String, Receipt>,
    },
    /// Given up.
    Dead {
        /// Places in the line.
        seqs: Vec<u64>,
        /// When.
        at: Timestamp,
        /// Why.
        reason: String,
    },
    /// What was told of an incident.
    Told {
        /// Which.
        incident: String,
        /// What.
        told: Box<Told>,
    },
    /// Nothing is remembered of it any more.
    Forget {
        /// Which.
        incident: String,
    },
    /// The numbers so far.
    Counts(Counts),
}

impl Queue {
    /// Does what a record says.
    pub fn apply(&mut self, record: Record) {
        match record {
            Record::Put(entry) => self.put(entry),
            Record::Try(flight) => {
                if let Some(bucket) = &mut self.bucket
                    && !flight.repeat
                {
                    bucket.take();
                }
                self.flight = Some(flight);
                self.flying = true;
            }
            Record::Failed { how, until, .. } => self.fail(how, until),
            Record::Done { at, receipts } => self.done(at, receipts),
            Record::Dead { seqs, .. } => {
                self.counts.dead += seqs.len() as u64;
                for seq in &seqs {
                    self.remove(*seq);
                }
                let is_of = |flight: &Flight| flight.seqs.iter().any(|seq| seqs.contains(seq));
                if self.flight.as_ref().is_some_and(is_of) {
                    self.flight = None;
                }
            }
            Record::Told { incident, told } => {
                self.told.insert(incident, *told);
            }
            Record::Forget { incident } => {
                self.told.remove(&incident);
            }
            Record::Counts(counts) => self.counts = counts,
        }
    }

    /// After all records of a file: what was on its way when the process ended may have arrived.
    pub fn landed(&mut self) {
        self.flying = false;
        self.settle_flight();
        self.until = Timestamp::default();
    }

    fn put(&mut self, entry: Entry) {
        self.next_seq = self.next_seq.max(entry.seq.saturating_add(1));
        let places = self.places.entry(entry.incident.id.clone()).or_default();
        places.insert(entry.seq);
        if self.waiting.insert(entry.seq, entry).is_some() {
            self.counts.merged += 1;
        }
    }

    fn remove(&mut self, seq: u64) -> Option<Entry> {
        let entry = self.waiting.remove(&seq)?;
        if let Some(places) = self.places.get_mut(&entry.incident.id) {
            places.remove(&seq);
            if places.is_empty() {
                self.places.remove(&entry.incident.id);
            }
        }
        Some(entry)
    }

    fn fail(&mut self, how: Failure, until: Timestamp) {
        self.counts.failed += 1;
        self.flying = false;
        match how {
            Failure::Away => {
                self.failures = self.failures.saturating_add(1);
                self.until = until;
                let was_sure = self.flight.as_ref().is_none_or(|flight| !flight.repeat);
                if was_sure {
                    self.let_go();
                }
            }
            Failure::Unknown => {
                self.failures = self.failures.saturating_add(1);
                self.until = until;
                self.settle_flight();
            }
            Failure::Refused => {
                let flight = self.flight.take();
                for seq in flight.iter().flat_map(|flight| &flight.seqs) {
                    if let Some(entry) = self.waiting.get_mut(seq) {
                        entry.refused = entry.refused.saturating_add(1);
                        entry.due = entry.due.max(until);
                    }
                }
                self.merge(flight);
            }
        }
    }

    /// Keeps what may have arrived as it is, unless a repeat does no harm.
    fn settle_flight(&mut self) {
        if self.policy.repeatable {
            self.let_go();
        }
    }

    /// What did not arrive waits like any other: newer states take its place.
    fn let_go(&mut self) {
        let flight = self.flight.take();
        self.merge(flight);
    }

    fn merge(&mut self, flight: Option<Flight>) {
        for seq in flight.into_iter().flat_map(|flight| flight.seqs) {
            let Some(entry) = self.waiting.get(&seq) else {
                continue;
            };
            let places = self.places.get(&entry.incident.id);
            let Some(newer) = places
                .and_then(|all| all.last().copied())
                .filter(|n| *n > seq)
            else {
                continue;
            };
            let Some(older) = self.remove(seq) else {
                continue;
            };
            self.counts.merged += 1;
            if let Some(newer) = self.waiting.get_mut(&newer) {
                newer.queued = older.queued;
                newer.due = newer.due.min(older.due);
                newer.loud |= older.loud;
            }
        }
    }

    fn done(&mut self, at: Timestamp, mut receipts: BTreeMap<String, Receipt>) {
        self.flying = false;
        self.failures = 0;
        self.until = Timestamp::default();
        let flight = self.flight.take();
        let seqs = flight.map(|flight| flight.seqs).unwrap_or_default();
        self.counts.sent += 1;
        if seqs.len() > 1 {
            self.counts.digested += seqs.len() as u64;
        }
        self.counts.last_success = Some(at);
        for seq in seqs {
            let Some(entry) = self.remove(seq) else {
                continue;
            };
            let incident = entry.incident;
            let mut told = Told::of(&incident, at);
            if let Some(before) = self.told.remove(&incident.id) {
                told.receipt = before.receipt;
                told.ended = before.ended;
                if before.severity != incident.severity && before.status != Status::Closed {
                    told.ended.insert(before.severity, incident.changed);
                }
                while told.ended.len() > MAX_ENDED {
                    told.ended.pop_first();
                }
                told.ended.remove(&incident.severity);
            }
            if let Some(receipt) = receipts.remove(&incident.id) {
                told.receipt.extend(receipt);
            }
            let id = incident.id.clone();
            told.incident = self.policy.keeps.then_some(incident);
            self.told.insert(id, told);
        }
    }

    /// Records that make this queue of an empty one.
    pub fn snapshot(&self) -> impl Iterator<Item = Record> + '_ {
        let told = self.told.iter().map(|(incident, told)| Record::Told {
            incident: incident.clone(),
            told: Box::new(told.clone()),
        });
        let waiting = self.waiting.values().cloned().map(Record::Put);
        let flight = self.flight.iter().cloned().map(Record::Try);
        let counts = std::iter::once(Record::Counts(self.counts));
        told.chain(waiting).chain(flight).chain(counts)
    }
}
