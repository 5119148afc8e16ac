//! What waits for one receiver, what it was told, and what is sent next. Pure: time comes as an argument,
//! every change is a [`Record`], and the same records give the same queue.

mod record;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use event::Timestamp;
use event::incident::{Incident, Status};
use serde::{Deserialize, Serialize};

use super::change::{Change, Told};
use super::config::Rate;
use super::pace::{self, Bucket};

pub use record::Record;

/// Notifications that wait at most; beyond it the oldest becomes a dead letter. A receiver that is away
/// for a day in a storm of thirty incidents a minute fills it.
pub const MAX_WAITING: usize = 10_000;
/// Incidents of which is remembered what was told.
pub const MAX_TOLD: usize = 20_000;
/// How long is remembered what was told of an incident that is over: it may come again.
const REMEMBER: Duration = Duration::from_secs(7 * 86_400);
/// How long a request of a process that was killed may be on its way: longer than a busy receiver takes to read it.
const SETTLE: Duration = Duration::from_secs(2);
/// Incidents in one message at most.
pub const MAX_BATCH: usize = 100;
/// From how many held ones on a digest takes their place.
const LEAST_DIGEST: usize = 3;
/// Attempts with what a receiver does not take as it is: its answer will not change.
const MAX_REFUSED: u32 = 5;

/// What is different between receivers.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Whether it hears that an incident is over.
    pub resolved: bool,
    /// Whether it hears of more of the same where that is a message of its own.
    pub updates: bool,
    /// What it can take without a new message.
    pub in_place: InPlace,
    /// How long a first word waits for what follows at once.
    pub settle: Duration,
    /// Between two updates of one incident.
    pub update_every: Duration,
    /// After this long what waits is given up.
    pub give_up: Duration,
    /// Messages a minute; None: as many as there are.
    pub rate: Option<Rate>,
    /// How several incidents go out together.
    pub many: Many,
    /// A repeat changes nothing at the receiver: it knows a state, not messages.
    pub repeatable: bool,
    /// Told again and again: the incident is kept with what was told.
    pub keeps: bool,
    /// What makes its waiting times differ from those of others.
    pub seed: u64,
}

/// What a receiver can take without a new message to people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InPlace {
    /// Nothing: mail, SMS.
    Nothing,
    /// Where the incident stands: PagerDuty is told that it is over or that somebody deals with it.
    Status,
    /// Everything.
    Everything,
}

/// What is offered to a queue.
#[derive(Clone, Debug)]
pub struct Offer {
    /// The incident, cleaned and bounded.
    pub incident: Incident,
    /// Whether it is worth a message of its own.
    pub loud: bool,
    /// What more there is to say about the change.
    pub note: String,
    /// Not before: somebody wants quiet until then.
    pub not_before: Timestamp,
}

/// How several incidents go out together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Many {
    /// One by one, always.
    Never,
    /// In one message that says so, where the rate holds them back.
    Digest,
    /// In one request, whenever there are several.
    Batch,
}

/// A notification that waits: an incident in the state that is to be told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Its place in the line.
    pub seq: u64,
    /// The incident, cleaned and bounded.
    pub incident: Box<Incident>,
    /// When the first of what it tells was offered.
    pub queued: Timestamp,
    /// Not before.
    pub due: Timestamp,
    /// Whether it is worth a message of its own.
    #[serde(default)]
    pub loud: bool,
    /// What more there is to say about the change.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// How often the receiver refused it.
    #[serde(default)]
    pub refused: u32,
}

/// What is on its way, or was and may have arrived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flight {
    /// The same for every attempt with the same content.
    pub key: String,
    /// Places in the line.
    pub seqs: Vec<u64>,
    /// When it was first sent, by the clock.
    pub at: Timestamp,
    /// Whether an earlier attempt may have arrived.
    #[serde(default)]
    pub repeat: bool,
}

/// How an attempt failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// It did not arrive: no connection, too many requests, not let in.
    Away,
    /// Nobody knows whether it arrived: the answer got lost.
    Unknown,
    /// It arrived and is not wanted as it is.
    Refused,
}

/// Numbers since the outbox was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Messages that the receiver took.
    pub sent: u64,
    /// Attempts that failed.
    pub failed: u64,
    /// Notifications that were given up.
    pub dead: u64,
    /// Notifications that a newer state of their incident replaced before they were sent.
    pub merged: u64,
    /// Notifications that were told in a digest.
    pub digested: u64,
    /// The last success.
    pub last_success: Option<Timestamp>,
}

/// What to do now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Send this.
    Send(Flight),
    /// Nothing before so much time has passed.
    Wait(Duration),
    /// Nothing waits.
    Idle,
}

/// The queue of one receiver.
#[derive(Debug)]
pub struct Queue {
    policy: Policy,
    waiting: BTreeMap<u64, Entry>,
    /// Places of an incident in the line: one on its way at most, and one behind it.
    places: HashMap<String, BTreeSet<u64>>,
    flight: Option<Flight>,
    flying: bool,
    told: HashMap<String, Told>,
    counts: Counts,
    next_seq: u64,
    bucket: Option<Bucket>,
    failures: u32,
    until: Timestamp,
}

impl Queue {
    /// An empty one.
    #[must_use]
    pub fn new(policy: Policy) -> Queue {
        let bucket = policy.rate.map(Bucket::new);
        Queue {
            policy,
            waiting: BTreeMap::new(),
            places: HashMap::new(),
            flight: None,
            flying: false,
            told: HashMap::new(),
            counts: Counts::default(),
            next_seq: 1,
            bucket,
            failures: 0,
            until: Timestamp::default(),
        }
    }

    /// Whether the receiver heard of the incident or will.
    #[must_use]
    pub fn knows(&self, incident: &str) -> bool {
        self.told.contains_key(incident) || self.places.contains_key(incident)
    }

    /// What was told of an incident.
    #[must_use]
    pub fn told(&self, incident: &str) -> Option<&Told> {
        self.told.get(incident)
    }

    /// What waits of an incident, the newest of it.
    #[must_use]
    pub fn waits(&self, incident: &str) -> Option<&Entry> {
        let newest = self.places.get(incident)?.last()?;
        self.waiting.get(newest)
    }

    /// All incidents that are kept to be told again.
    pub fn kept(&self) -> impl Iterator<Item = (&String, &Told)> {
        self.told.iter().filter(|(_, told)| told.incident.is_some())
    }

    /// An entry.
    #[must_use]
    pub fn entry(&self, seq: u64) -> Option<&Entry> {
        self.waiting.get(&seq)
    }

    /// How many wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Since when the oldest that waits should have been told.
    #[must_use]
    pub fn oldest(&self) -> Option<Timestamp> {
        let due = self
            .waiting
            .values()
            .map(|entry| entry.queued.max(entry.due));
        due.min()
    }

    /// The numbers.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// What is to be recorded when an incident is offered. Nothing where the receiver knows this state or
    /// need not know it.
    #[must_use]
    pub fn offer(&self, offer: Offer, now: Timestamp) -> Vec<Record> {
        let incident = offer.incident;
        let id = incident.id.as_str();
        let places = self.places.get(id);
        let newest = places
            .and_then(|places| self.waiting.get(places.last()?))
            .map(|entry| entry.incident.revision);
        let known = newest.max(self.told.get(id).map(|told| told.revision));
        if known.is_some_and(|known| known >= incident.revision) {
            return Vec::new();
        }
        let fixed = |seq: &u64| self.flight.as_ref().is_some_and(|f| f.seqs.contains(seq));
        let open = places.and_then(|all| all.iter().find(|seq| !fixed(seq)));
        let before = places
            .and_then(|all| self.waiting.get(all.iter().find(|seq| fixed(seq))?))
            .map(|entry| Told::of(&entry.incident, now));
        let before = before.as_ref().or_else(|| self.told.get(id));
        let change = Change::of(before, &incident);
        let soon = now + self.policy.settle;
        let due = match (change, before) {
            (Change::Updated, Some(before)) => soon.max(before.at + self.policy.update_every),
            _ => soon,
        };
        let due = due.max(offer.not_before);
        let is_wanted = self.is_wanted(change, before, &incident, offer.loud);
        if let Some(entry) = open.and_then(|seq| self.waiting.get(seq)) {
            let is_louder = offer.loud && is_wanted;
            return vec![Record::Put(Entry {
                incident: Box::new(incident),
                due: due.min(entry.due),
                loud: entry.loud || is_louder,
                note: match is_louder {
                    true => offer.note,
                    false => entry.note.clone(),
                },
                ..entry.clone()
            })];
        }
        if !is_wanted {
            return Vec::new();
        }
        let mut records = Vec::new();
        if self.waiting.len() >= MAX_WAITING
            && let Some(oldest) = self.waiting.keys().find(|seq| !fixed(seq))
        {
            records.push(Record::Dead {
                seqs: vec![*oldest],
                at: now,
                reason: format!("{MAX_WAITING} were waiting and newer ones came"),
            });
        }
        records.push(Record::Put(Entry {
            seq: self.next_seq,
            incident: Box::new(incident),
            queued: now,
            due,
            loud: offer.loud,
            note: offer.note,
            refused: 0,
        }));
        records
    }

    fn is_wanted(
        &self,
        change: Change,
        told: Option<&Told>,
        incident: &Incident,
        loud: bool,
    ) -> bool {
        let of_status = matches!(
            change,
            Change::Closed | Change::Reopened | Change::Acknowledged
        );
        let in_place = match self.policy.in_place {
            InPlace::Nothing => false,
            // There again is a page.
            InPlace::Status => of_status && change != Change::Reopened,
            // What is over and still counted is told when it comes again.
            InPlace::Everything => {
                of_status || told.is_some_and(|told| told.status != Status::Closed)
            }
        };
        match change {
            // Who never heard of it need not hear that it is over.
            Change::Opened => loud && incident.status != Status::Closed,
            Change::Risen | Change::Reopened => loud || in_place,
            Change::Acknowledged => in_place,
            Change::Closed => self.policy.resolved && (loud || in_place),
            Change::Updated => in_place || (loud && self.policy.updates),
        }
    }

    /// What is too old to be told: to be recorded before [`Queue::next`].
    #[must_use]
    pub fn expired(&self, now: Timestamp) -> Option<Record> {
        if self.flying {
            return None;
        }
        let is_old = |entry: &Entry| now.since(entry.queued.max(entry.due)) > self.policy.give_up;
        let seqs: Vec<u64> = self
            .waiting
            .values()
            .filter(|entry| is_old(entry) || entry.refused >= MAX_REFUSED)
            .map(|entry| entry.seq)
            .take(MAX_BATCH)
            .collect();
        let reason = format!(
            "not taken within {} s, or refused {MAX_REFUSED} times",
            self.policy.give_up.as_secs()
        );
        (!seqs.is_empty()).then_some(Record::Dead {
            seqs,
            at: now,
            reason,
        })
    }

    /// What to do now. What is to be sent is told to be on its way with [`Record::Try`].
    pub fn next(&mut self, now: Timestamp) -> Next {
        if self.flying {
            return Next::Idle;
        }
        if self.waiting.is_empty() {
            return Next::Idle;
        }
        if self.until > now {
            return Next::Wait(self.until.since(now));
        }
        // What may have arrived goes again as it was, or the receiver could not know it for the same.
        if let Some(flight) = &self.flight {
            return Next::Send(Flight {
                repeat: true,
                ..flight.clone()
            });
        }
        let mut due: Vec<&Entry> = self
            .waiting
            .values()
            .filter(|entry| entry.due <= now)
            .collect();
        if due.is_empty() {
            let first = self.waiting.values().map(|entry| entry.due).min();
            return Next::Wait(first.unwrap_or(now).since(now));
        }
        let tokens = self.bucket.as_mut().map_or(usize::MAX, |b| b.tokens(now));
        if tokens == 0 {
            let wait = self
                .bucket
                .as_ref()
                .map_or(Duration::ZERO, Bucket::until_one);
            return Next::Wait(wait.max(Duration::from_millis(1)));
        }
        // The worst first; among equals who came first.
        due.sort_by_key(|entry| (std::cmp::Reverse(entry.incident.severity), entry.seq));
        let together = match self.policy.many {
            Many::Never => 1,
            Many::Batch => MAX_BATCH,
            Many::Digest if due.len() > tokens && due.len() >= LEAST_DIGEST => MAX_BATCH,
            Many::Digest => 1,
        };
        due.truncate(together);
        let key = match due.as_slice() {
            [one] => key(&one.incident),
            all => digest_key(all),
        };
        Next::Send(Flight {
            key,
            seqs: due.iter().map(|entry| entry.seq).collect(),
            at: now,
            repeat: false,
        })
    }

    /// To be called once after a restart: what the process before sent in its last moment may be on its way still, and
    /// a receiver that is asked for it too early does not know it yet.
    pub fn settle(&mut self, now: Timestamp) {
        if self.flight.is_some() && !self.policy.repeatable {
            self.until = self.until.max(now + SETTLE);
        }
    }

    /// How a failed attempt is recorded.
    #[must_use]
    pub fn failed(&self, how: Failure, asked: Option<Duration>, now: Timestamp) -> Record {
        let wait = pace::wait(self.failures + 1, self.policy.seed, asked);
        Record::Failed {
            at: now,
            how,
            until: now + wait,
        }
    }

    /// What nobody asks for any more: to be forgotten.
    #[must_use]
    pub fn stale(&self, now: Timestamp) -> Vec<Record> {
        let is_over = |told: &Told| told.status == Status::Closed && now.since(told.at) > REMEMBER;
        let mut stale: Vec<(&String, Timestamp)> = self
            .told
            .iter()
            .filter(|(_, told)| is_over(told))
            .map(|(id, told)| (id, told.at))
            .collect();
        let beyond = (self.told.len() - stale.len()).saturating_sub(MAX_TOLD);
        if beyond > 0 {
            let mut rest: Vec<(&String, Timestamp)> = self
                .told
                .iter()
                .filter(|(_, told)| !is_over(told))
                .map(|(id, told)| (id, told.at))
                .collect();
            rest.sort_by_key(|(_, at)| *at);
            stale.extend(rest.into_iter().take(beyond));
        }
        let forget = |(id, _): (&String, Timestamp)| Record::Forget {
            incident: id.clone(),
        };
        // What is not sent again any more need not be kept whole.
        let is_done = |told: &Told| {
            told.incident.is_some()
                && told.status == Status::Closed
                && now.since(told.at) > 2 * super::alertmanager::OVER
        };
        let lighter = self.told.iter().filter(|(_, told)| is_done(told));
        let lighter = lighter.map(|(id, told)| Record::Told {
            incident: id.clone(),
            told: Box::new(Told {
                incident: None,
                ..told.clone()
            }),
        });
        lighter.chain(stale.into_iter().map(forget)).collect()
    }
}

/// The name of a notification, the same for every attempt.
#[must_use]
pub fn key(incident: &Incident) -> String {
    format!("{}-{}", incident.id, incident.revision)
}

/// The name of a digest: of all that is in it.
fn digest_key(entries: &[&Entry]) -> String {
    use sha2::{Digest as _, Sha256};
    let mut hash = Sha256::new();
    for entry in entries {
        hash.update(key(&entry.incident));
        hash.update([0]);
    }
    let bytes = hash.finalize();
    let hex: String = bytes.iter().take(8).map(|b| format!("{b:02x}")).collect();
    format!("d{hex}")
}
