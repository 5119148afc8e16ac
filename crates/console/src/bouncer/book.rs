//! The decisions that hold and those that ended, and what is new since a moment.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::Duration;

use event::action::{Action, ActionId};
use event::{Prefix, Timestamp};

use super::decision::{Decision, Kind};

/// Decisions that ended and are still told, at most.
pub const MAX_ENDED: usize = 65_536;

/// How long a decision that ended is told to bouncers that were away; CrowdSec's default is a week.
pub const KEEP_ENDED: Duration = Duration::from_secs(7 * 86_400);

/// Every decision. Pure: told of actions, asked by bouncers; moments come with the call.
#[derive(Debug, Default)]
pub struct Book {
    entries: HashMap<ActionId, Entry>,
    /// Entries by their end, the first to be forgotten in front.
    ends: BTreeSet<(Timestamp, ActionId)>,
    /// The last moment handed out: moments only grow, so that nothing falls between two pulls.
    clock: Timestamp,
}

#[derive(Debug)]
struct Entry {
    decision: Decision,
    /// When it became what it is.
    learned: Timestamp,
    /// When it was taken back; it also ends by itself.
    ended: Option<Timestamp>,
    /// When its end was moved to before what bouncers know, which only learn that from a deletion.
    shortened: Option<Timestamp>,
}

impl Entry {
    fn end(&self) -> Timestamp {
        match self.ended {
            Some(ended) => ended.min(self.decision.until),
            None => self.decision.until,
        }
    }
}

/// Decisions with their ends, in the order of their ids.
pub type Told = Vec<(Decision, Timestamp)>;

/// What a bouncer is told.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Decisions that hold.
    pub new: Told,
    /// Decisions that don't any more.
    pub deleted: Told,
}

type Key = (Prefix, Kind, bool);

impl Book {
    /// Takes what became of an action at `now`.
    pub fn apply(&mut self, action: &Action, now: Timestamp) {
        let now = self.tick(now);
        let Some(decision) = Decision::of(action) else {
            return;
        };
        // What is only told is a decision as well: a simulated one, which bouncers leave out.
        let holds = !action.is_over() && (action.is_in_force() || decision.simulated);
        if let Some(entry) = self.entries.get_mut(&action.id) {
            let before = entry.end();
            match (holds, entry.ended) {
                (true, None) if entry.decision == decision => {}
                (true, _) => {
                    if decision.until < entry.decision.until {
                        entry.shortened = Some(now);
                    }
                    entry.decision = decision;
                    entry.learned = now;
                    entry.ended = None;
                }
                (false, None) => entry.ended = Some(now),
                (false, Some(_)) => {}
            }
            let after = entry.end();
            if before != after {
                self.ends.remove(&(before, action.id));
                self.ends.insert((after, action.id));
            }
        } else if holds {
            self.ends.insert((decision.until, action.id));
            let entry = Entry {
                decision,
                learned: now,
                ended: None,
                shortened: None,
            };
            self.entries.insert(action.id, entry);
        }
        self.forget(now);
    }

    /// A moment after every moment before.
    fn tick(&mut self, now: Timestamp) -> Timestamp {
        self.clock = now.max(self.clock + Duration::from_nanos(1));
        self.clock
    }

    fn forget(&mut self, now: Timestamp) {
        let too_old = now - KEEP_ENDED;
        while let Some((end, id)) = self.ends.first().copied() {
            let ended = end <= now;
            let too_many = self.ends.len() > MAX_ENDED + crate::view::MAX_ACTIONS;
            if !(end <= too_old || (ended && self.ends.len() > MAX_ENDED) || too_many) {
                break;
            }
            self.ends.pop_first();
            self.entries.remove(&id);
        }
    }

    /// The decisions that hold at `now`, of several with one key the one that lasts longest.
    fn holding(&self, now: Timestamp) -> HashMap<Key, &Entry> {
        let mut best: HashMap<Key, &Entry> = HashMap::new();
        for entry in self.entries.values() {
            if entry.end() <= now {
                continue;
            }
            let kept = best.entry(entry.decision.key()).or_insert(entry);
            // Of two that end together always the same.
            if (entry.end(), entry.decision.id) > (kept.end(), kept.decision.id) {
                *kept = entry;
            }
        }
        best
    }

    /// Every decision that holds at `now`, one for each target and kind.
    #[must_use]
    pub fn all(&self, now: Timestamp) -> Told {
        told(self.holding(now.max(self.clock)).into_values())
    }

    /// What changed after `since`, and the moment to ask from next time. Without `since`: all
    /// that holds, and all that ended and is still known.
    pub fn changes(&mut self, since: Option<Timestamp>, now: Timestamp) -> (Changes, Timestamp) {
        let now = self.tick(now);
        let mut gone: BTreeMap<Key, &Entry> = BTreeMap::new();
        for entry in self.entries.values() {
            let end = entry.end();
            let is_gone = end <= now && since.is_none_or(|since| end > since);
            let is_shorter = since.is_some_and(|since| entry.shortened > Some(since));
            if is_gone || is_shorter {
                let kept = gone.entry(entry.decision.key()).or_insert(entry);
                if (end, entry.decision.id) > (kept.end(), kept.decision.id) {
                    *kept = entry;
                }
            }
        }
        let holding = self.holding(now);
        let deleted: HashSet<Key> = match since {
            // A bouncer that begins has nothing that a decision that still holds would replace.
            None => gone
                .keys()
                .filter(|key| !holding.contains_key(*key))
                .copied()
                .collect(),
            Some(_) => gone.keys().copied().collect(),
        };
        let new = holding.iter().filter(|(key, entry)| {
            // Bouncers delete before they add: where one of two ended, the other is told again,
            // with its own end.
            since.is_none_or(|since| entry.learned > since) || deleted.contains(*key)
        });
        let changes = Changes {
            new: told(new.map(|(_, entry)| *entry)),
            deleted: told(
                gone.iter()
                    .filter(|(key, _)| deleted.contains(*key))
                    .map(|(_, entry)| *entry),
            ),
        };
        (changes, now)
    }
}

fn told<'a>(entries: impl Iterator<Item = &'a Entry>) -> Told {
    let mut told: Told = entries.map(|e| (e.decision.clone(), e.end())).collect();
    told.sort_by_key(|(decision, _)| decision.id);
    told
}

#[cfg(test)]
mod tests;
