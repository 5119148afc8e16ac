//! All actions there are: who is hit now, who was, who came back. In memory; the journal keeps it.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::time::Duration;

use event::action::{Action, ActionId, Mode, State};
use event::{Prefix, Timestamp};

use crate::firewall::{Slot, Wanted};

/// Actions that are not over. At this number a plan is refused.
pub const MAX_OPEN: usize = 50_000;
/// Actions that are over and still listed; the oldest go first.
pub const MAX_OVER: usize = 10_000;
/// Targets whose past is known; who was quiet for longest is forgotten first.
const MAX_PAST: usize = 65_536;

/// What is known about a target that a playbook has hit before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Past {
    /// How many actions there were.
    pub times: u32,
    /// When the last one ends or ended.
    pub last_end: Timestamp,
    /// When a person undid or refused one.
    pub rejected: Option<Timestamp>,
}

/// The actions.
#[derive(Debug, Default)]
pub struct Ledger {
    actions: BTreeMap<ActionId, Action>,
    open: HashMap<Slot, BTreeSet<ActionId>>,
    open_count: usize,
    in_force_count: usize,
    ends: BTreeSet<(Timestamp, ActionId)>,
    over: VecDeque<ActionId>,
    past: HashMap<(String, Prefix), Past>,
    next: u64,
}

impl Ledger {
    /// The next free id.
    pub fn take_id(&mut self) -> ActionId {
        self.next += 1;
        ActionId(self.next)
    }

    /// Ids up to this one were given out before.
    pub fn skip_to(&mut self, last: u64) {
        self.next = self.next.max(last);
    }

    /// The last id that was given out.
    #[must_use]
    pub fn last_id(&self) -> u64 {
        self.next
    }

    /// Puts an action in, or its newer state in place of the older.
    pub fn put(&mut self, action: Action) {
        self.skip_to(action.id.0);
        let slot = Slot::of(&action.what);
        if let Some(before) = self.actions.get(&action.id) {
            self.ends.remove(&(before.ends, before.id));
            if before.is_over() {
                self.over.retain(|id| *id != action.id);
            } else {
                self.open_count -= 1;
            }
            self.in_force_count -= usize::from(before.is_in_force());
        }
        self.in_force_count += usize::from(action.is_in_force());
        if action.is_over() {
            if let Some(ids) = self.open.get_mut(&slot) {
                ids.remove(&action.id);
                if ids.is_empty() {
                    self.open.remove(&slot);
                }
            }
            self.over.push_back(action.id);
        } else {
            self.open.entry(slot).or_default().insert(action.id);
            self.open_count += 1;
            self.ends.insert((action.ends, action.id));
        }
        self.remember(&action);
        self.actions.insert(action.id, action);
        while self.over.len() > MAX_OVER {
            if let Some(oldest) = self.over.pop_front() {
                self.actions.remove(&oldest);
            }
        }
    }

    fn remember(&mut self, action: &Action) {
        let Some(playbook) = &action.why.playbook else {
            return;
        };
        let rejected = match &action.state {
            // A refusal is not repeated for each further event; what a person took back is not
            // done again at once.
            State::Undone { .. } | State::Refused { .. } => Some(action.changed),
            _ => None,
        };
        if !is_hit(action) && rejected.is_none() {
            return;
        }
        let key = (past_key(playbook, action.what.step()), action.what.target());
        if self.past.len() >= MAX_PAST && !self.past.contains_key(&key) {
            let oldest = self.past.iter().min_by_key(|(_, past)| past.last_end);
            if let Some(key) = oldest.map(|(key, _)| key.clone()) {
                self.past.remove(&key);
            }
        }
        let is_new = is_hit(action) && !self.actions.get(&action.id).is_some_and(is_hit);
        let past = self.past.entry(key).or_default();
        past.times = past.times.saturating_add(u32::from(is_new));
        past.last_end = if action.is_over() {
            action.ends.min(action.changed)
        } else {
            action.ends
        };
        past.rejected = past.rejected.max(rejected);
    }

    /// What a playbook's step has done to a target before; None where it was quiet for `forget`.
    #[must_use]
    pub fn past(
        &self,
        playbook: &str,
        step: &str,
        target: Prefix,
        forget: Duration,
        now: Timestamp,
    ) -> Option<Past> {
        let past = *self.past.get(&(past_key(playbook, step), target))?;
        (now.since(past.last_end) < forget).then_some(past)
    }

    /// The action of this id.
    #[must_use]
    pub fn get(&self, id: ActionId) -> Option<&Action> {
        self.actions.get(&id)
    }

    /// All actions, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Action> {
        self.actions.values()
    }

    /// Actions that are not over.
    #[must_use]
    pub fn open_count(&self) -> usize {
        self.open_count
    }

    /// Actions that the firewall holds.
    #[must_use]
    pub fn in_force_count(&self) -> usize {
        self.in_force_count
    }

    /// A refusal that passes, such as that of a limit, is no reason to leave the target alone.
    pub fn forget_refusal(&mut self, id: ActionId) {
        let Some(action) = self.actions.get(&id) else {
            return;
        };
        if let Some(playbook) = &action.why.playbook {
            let key = (past_key(playbook, action.what.step()), action.what.target());
            if let Some(past) = self.past.get_mut(&key) {
                past.rejected = None;
            }
        }
    }

    /// Actions of a slot that are not over.
    pub fn open_in(&self, slot: &Slot) -> impl Iterator<Item = &Action> {
        let ids = self.open.get(slot).into_iter().flatten();
        ids.filter_map(|id| self.actions.get(id))
    }

    /// What the firewall should hold in a slot: of several actions the one that ends last.
    #[must_use]
    pub fn wanted_in(&self, slot: &Slot, now: Timestamp) -> Option<Wanted> {
        self.open_in(slot)
            .filter(|action| action.is_in_force() && action.ends > now)
            .max_by_key(|action| (action.ends, action.id))
            .map(wanted)
    }

    /// Everything that the firewall should hold.
    #[must_use]
    pub fn wanted(&self, now: Timestamp) -> Vec<Wanted> {
        let mut all: Vec<Wanted> = self
            .open
            .keys()
            .filter_map(|slot| self.wanted_in(slot, now))
            .collect();
        all.sort_by_key(|wanted| wanted.id);
        all
    }

    /// Actions in force.
    pub fn in_force(&self) -> impl Iterator<Item = &Action> {
        self.ends
            .iter()
            .filter_map(|(_, id)| self.actions.get(id))
            .filter(|action| action.is_in_force())
    }

    /// Open actions whose end has come.
    #[must_use]
    pub fn ended(&self, now: Timestamp) -> Vec<ActionId> {
        self.ends
            .iter()
            .take_while(|(ends, _)| *ends <= now)
            .map(|(_, id)| *id)
            .collect()
    }

    /// When the next open action ends.
    #[must_use]
    pub fn next_end(&self) -> Option<Timestamp> {
        self.ends.first().map(|(ends, _)| *ends)
    }
}

/// Whether an action hit its target, or would have if it were allowed to.
fn is_hit(action: &Action) -> bool {
    action.executed.is_some() || matches!(action.state, State::Planned)
}

fn past_key(playbook: &str, step: &str) -> String {
    format!("{playbook}/{step}")
}

/// What the firewall holds for an action.
#[must_use]
pub fn wanted(action: &Action) -> Wanted {
    Wanted {
        id: action.id,
        what: action.what.clone(),
        ends: action.ends,
    }
}

/// Whether an open action of the same slot makes a new one needless: it holds at least as long, or
/// waits for the same approval.
#[must_use]
pub fn makes_needless(open: &Action, mode: Mode, ends: Timestamp) -> bool {
    // Times to live are in whole seconds; an event of the same burst brings nothing new.
    let longer = ends.since(open.ends) > Duration::from_secs(1 + open.ttl_secs / 10);
    open.mode >= mode && !longer
}
