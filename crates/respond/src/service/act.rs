//! Carrying out: the firewall first, then the connections.

use std::time::Instant;

use event::Timestamp;
use event::action::{ActionId, State, What};

use super::Responder;
use crate::actuate::NotDone;
use crate::firewall::{Change, Firewall, MAX_BATCH, Slot};
use crate::host::{Host, Peers};
use crate::ledger::wanted;

/// From so many actions on it is cheaper to list all connections than to ask for each.
const MANY: usize = 16;

/// Whether a block hits nobody with whom there are connections.
pub(super) fn is_stranger(peers: Option<&Peers>, what: &What) -> bool {
    match (peers, what) {
        (Some(peers), What::Block { target }) => !peers.touch(target),
        _ => false,
    }
}

impl<F: Firewall, H: Host> Responder<F, H> {
    /// Carries out planned actions, as few transactions as they need.
    pub(super) fn execute(&mut self, ids: &[ActionId], now: Timestamp) {
        for batch in ids.chunks(MAX_BATCH) {
            self.execute_batch(batch, now);
        }
    }

    fn execute_batch(&mut self, ids: &[ActionId], now: Timestamp) {
        let minute = now.secs().div_euclid(60);
        if self.minute.0 != minute {
            self.minute = (minute, 0);
        }
        let mut changes = Vec::new();
        let mut done = Vec::new();
        for id in ids {
            let Some(action) = self.ledger.get(*id) else {
                continue;
            };
            // What was chosen beforehand is bounded where it was chosen.
            let is_listed = action.why.feed.is_some();
            let is_chosen = is_listed || action.why.person.is_some();
            if self.minute.1 >= self.config.max_per_minute && !is_chosen {
                let cause = format!(
                    "more than {} actions in a minute",
                    self.config.max_per_minute
                );
                self.state(*id, State::Refused { cause }, now);
                self.ledger.forget_refusal(*id);
                continue;
            }
            self.minute.1 += u32::from(!is_listed);
            // Where another action holds the same for longer, the firewall stays as it is.
            let slot = Slot::of(&action.what);
            let is_first = self
                .ledger
                .wanted_in(&slot, now)
                .is_none_or(|first| first.id == *id);
            if is_first {
                changes.push(Change::Put(wanted(action)));
            }
            done.push((*id, is_first));
        }
        let began = Instant::now();
        let mut answers = self.actuator.apply(&changes, now).into_iter();
        self.metrics.firewall = began.elapsed();
        let done_at = self.moment(now);
        for (id, is_first) in done {
            let answer = is_first.then(|| answers.next()).flatten();
            let Some(mut action) = self.ledger.get(id).cloned() else {
                continue;
            };
            action.changed = done_at;
            match answer {
                Some(Err(NotDone::Forbidden(cause))) => action.state = State::Refused { cause },
                Some(Err(NotDone::Firewall(error))) => {
                    action.executed = Some(done_at);
                    action.state = State::Ineffective {
                        failure: error.failure(),
                        cause: error.to_string(),
                    };
                }
                Some(Ok(undo)) => {
                    action.executed = Some(done_at);
                    action.state = State::Executed;
                    action.undo = Some(undo);
                }
                None => {
                    action.executed = Some(done_at);
                    action.state = State::Executed;
                }
            }
            let in_force = action.is_in_force();
            self.set(action);
            if in_force {
                self.endings.insert(id);
                self.schedule(id, 0, now);
            }
        }
    }

    /// Ends the connections of what was carried out: the rules hold already, so this may take its
    /// time.
    pub(super) fn end_connections(&mut self, now: Timestamp) {
        let endings = std::mem::take(&mut self.endings);
        let peers = self.peers_of(endings.len());
        for id in endings {
            let Some(action) = self.ledger.get(id).filter(|action| action.is_in_force()) else {
                continue;
            };
            let what = action.what.clone();
            if is_stranger(peers.as_ref(), &what) {
                continue;
            }
            match self.actuator.host.end_connections(&what) {
                Ok(count) => *self.ended.entry(id).or_default() += count,
                Err(cause) => self.note(now, "connections", &format!("{id}: {cause}")),
            }
        }
    }

    /// Everybody with whom there are connections, where that many actions are to be asked about.
    pub(super) fn peers_of(&mut self, actions: usize) -> Option<Peers> {
        (actions >= MANY).then(|| self.actuator.host.peers())?
    }

    /// Gives an action a new state.
    pub(super) fn state(&mut self, id: ActionId, state: State, now: Timestamp) {
        if let Some(mut action) = self.ledger.get(id).cloned() {
            action.state = state;
            action.changed = self.moment(now);
            if action.is_over() {
                self.forget(id);
            }
            self.set(action);
        }
    }

    pub(super) fn forget(&mut self, id: ActionId) {
        self.rounds.remove(&id);
        self.ended.remove(&id);
        self.courses.remove(&id);
        self.endings.remove(&id);
        self.checks.retain(|(_, other)| *other != id);
    }

    /// Puts the verification of round `round` on the list.
    pub(super) fn schedule(&mut self, id: ActionId, round: usize, now: Timestamp) {
        self.rounds.insert(id, round);
        if let Some(after) = self.config.checks.get(round) {
            self.checks.insert((now + *after, id));
        }
    }
}
