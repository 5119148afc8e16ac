//! What was done about an incident, and answers that do not work: an attacker whom everybody
//! believes to be blocked is worse than one who is known not to be.

use event::action::{Action, State};
use event::incident::{Kind, Party, Severity, Signature};
use event::{Prefix, Timestamp};

use super::Engine;
use super::entry::{Kept, MAX_PARTIES};
use super::key::{Anchor, Key};

/// Actions that fail in one way and are followed one by one; a list of blocked addresses has some
/// ten thousands, and they fail together.
const MAX_FAILING: usize = 1000;

impl Engine {
    /// Follows an action.
    pub fn on_action(&mut self, action: &Action, now: Timestamp) {
        self.note_action(action);
        match &action.state {
            State::Ineffective { failure, cause } => {
                // As records write it.
                let failure = serde_json::to_value(failure).ok();
                let failure = failure.as_ref().and_then(|value| value.as_str());
                self.ineffective(action, failure.unwrap_or("ineffective"), cause, now);
            }
            State::Effective { .. } => self.settle(action, "the actions work by now", now),
            State::Expired | State::Undone { .. } | State::Refused { .. } => {
                self.settle(action, "the actions are over", now);
            }
            State::Planned | State::AwaitingApproval | State::Executed | State::Unknown { .. } => {}
        }
    }

    /// Names the action in the incident for which it was planned, else in that of its target.
    fn note_action(&mut self, action: &Action) {
        let target = action.what.target();
        let of_target = || {
            let address = target.is_host().then(|| target.address())?;
            self.index.get(&Key::Attacker(address)).cloned()
        };
        let by_name = action.why.incident.clone();
        let known = by_name.filter(|id| self.entries.contains_key(id));
        let Some(id) = known.or_else(of_target) else {
            return;
        };
        if let Some(kept) = self.entries.get_mut(&id)
            && kept.is_open()
            && kept.acted(action.id)
        {
            kept.memory.is_triaged = true;
            self.dirty.insert(id.clone());
            self.unsaved.insert(id);
        }
    }

    /// What fails in the same way is one incident: a table that is gone is one failure, not one for
    /// each of thousands of blocks.
    fn ineffective(&mut self, action: &Action, failure: &str, cause: &str, now: Timestamp) {
        let name = name(action);
        let key = Key::Action(failure.to_owned());
        let known = self.index.get(&key).cloned();
        let known = known.filter(|id| self.is_recent(id, now));
        // It fails in another way now.
        if let Some(before) = self.failing.get(&name).cloned()
            && known.as_ref() != Some(&before)
        {
            self.settle(action, "the actions fail in another way now", now);
        }
        let id = known.unwrap_or_else(|| {
            let first = format!("{name}:{}", action.changed.nanos());
            let mut kept = Kept::open(Kind::Response, key, &first, action.changed, now);
            kept.memory.base = Some(Severity::High);
            kept.rate();
            self.insert(kept)
        });
        let is_closed = self.entries.get(&id).is_some_and(|kept| !kept.is_open());
        let Some(kept) = self.entries.get_mut(&id) else {
            return;
        };
        let memory = &mut kept.memory;
        let is_new = !memory.failing.contains(&name);
        if !is_new && !is_closed {
            return;
        }
        if memory.failing.len() < MAX_FAILING {
            memory.failing.insert(name.clone());
            self.failing.insert(name, id.clone());
        }
        memory.touched = now;
        memory.is_audible = true;
        memory.has_audible_news = true;
        memory.reach.add(anchor(action.what.target()));
        kept.acted(action.id);
        kept.failed(action, failure, cause);
        if is_closed {
            self.reopen(&id);
        }
        self.dirty.insert(id.clone());
        self.unsaved.insert(id);
    }

    /// Whether the incident goes on or may be opened again.
    fn is_recent(&self, id: &str, now: Timestamp) -> bool {
        self.entries.get(id).is_some_and(|kept| {
            let closed = kept.memory.closed.as_ref().filter(|_| !kept.is_open());
            closed.is_none_or(|closed| now.since(closed.at) <= self.policy.reopen)
        })
    }

    /// The action fails no more; with the last one the incident is over.
    fn settle(&mut self, action: &Action, why: &str, now: Timestamp) {
        let name = name(action);
        let Some(id) = self.failing.remove(&name) else {
            return;
        };
        let Some(kept) = self.entries.get_mut(&id) else {
            return;
        };
        kept.memory.failing.remove(&name);
        let is_over = kept.memory.failing.is_empty();
        self.unsaved.insert(id.clone());
        if is_over {
            self.close(&id, why, false, now);
        }
    }
}

impl Kept {
    /// Takes in an action that has no effect.
    fn failed(&mut self, action: &Action, failure: &str, cause: &str) {
        let incident = &mut self.incident;
        incident.events = incident.events.saturating_add(1);
        incident.last = incident.last.max(action.changed);
        let address = action.what.target().to_string();
        let is_known = incident.attackers.iter().any(|p| p.address == address);
        if !is_known && incident.attackers.len() < MAX_PARTIES {
            incident.attackers.push(Party {
                address,
                events: 1,
                asset: None,
            });
        }
        let id = format!("response:{failure}");
        let text: String = cause.chars().take(256).collect();
        match incident.signatures.iter_mut().find(|known| known.id == id) {
            Some(known) => {
                known.events = known.events.saturating_add(1);
                known.last = known.last.max(action.changed);
            }
            None => incident.signatures.push(Signature {
                id,
                text,
                severity: Severity::High,
                events: 1,
                first: action.changed,
                last: action.changed,
            }),
        }
        incident.title = match self.memory.failing.len() {
            0 | 1 => format!("{} has no effect", action.what),
            MAX_FAILING.. => format!("{MAX_FAILING} or more actions have no effect"),
            many => format!("{many} actions have no effect"),
        };
    }
}

/// Ids of actions begin anew where the journal was deleted.
fn name(action: &Action) -> String {
    format!("{}:{}", action.id, action.planned.nanos())
}

fn anchor(target: Prefix) -> Anchor {
    if target.is_host() {
        Anchor::Address(target.address())
    } else {
        Anchor::Network(target)
    }
}
