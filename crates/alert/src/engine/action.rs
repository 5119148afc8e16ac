//! What was done about an incident, and answers that do not work: an attacker whom everybody
//! believes to be blocked is worse than one who is known not to be.

use event::action::{Action, State};
use event::incident::{Kind, Party, Severity, Signature};
use event::{Prefix, Timestamp};

use super::Engine;
use super::entry::Kept;
use super::key::{Anchor, Key};

impl Engine {
    /// Follows an action.
    pub fn on_action(&mut self, action: &Action, now: Timestamp) {
        self.note_action(action);
        // Ids of actions begin anew where the journal was deleted.
        let name = format!("{}:{}", action.id, action.planned.nanos());
        let key = Key::Action(name.clone());
        match &action.state {
            State::Ineffective { failure, cause } => {
                // As records write it.
                let failure = serde_json::to_value(failure).ok();
                let failure = failure.as_ref().and_then(|value| value.as_str());
                self.ineffective(action, key, failure.unwrap_or("ineffective"), cause, now);
            }
            State::Effective { .. } => self.settle(&key, "the action works by now", now),
            State::Expired | State::Undone { .. } | State::Refused { .. } => {
                self.settle(&key, "the action is over", now);
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

    fn ineffective(
        &mut self,
        action: &Action,
        key: Key,
        failure: &str,
        cause: &str,
        now: Timestamp,
    ) {
        let (id, is_new) = match self.index.get(&key).cloned() {
            Some(id) => (id, false),
            None => {
                let Key::Action(name) = &key else { return };
                let mut kept = Kept::open(Kind::Response, key.clone(), name, action.changed, now);
                kept.incident.title = format!("{} has no effect", action.what);
                kept.incident.attackers.push(Party {
                    address: action.what.target().to_string(),
                    events: 1,
                    asset: None,
                });
                kept.memory.base = Some(Severity::High);
                kept.memory.reach.add(anchor(action.what.target()));
                kept.acted(action.id);
                kept.rate();
                (self.insert(kept), true)
            }
        };
        let signature = Signature {
            id: format!("response:{failure}"),
            text: cause.chars().take(256).collect(),
            severity: Severity::High,
            events: 1,
            first: action.changed,
            last: action.changed,
        };
        let is_closed = self.entries.get(&id).is_some_and(|kept| !kept.is_open());
        if is_closed {
            self.reopen(&id);
        }
        let Some(kept) = self.entries.get_mut(&id) else {
            return;
        };
        let signatures = &mut kept.incident.signatures;
        let is_known = signatures.iter().any(|known| known.id == signature.id);
        if is_new || is_closed || !is_known {
            kept.incident.events = kept.incident.events.saturating_add(1);
            if !is_known {
                signatures.push(signature);
            }
        }
        kept.incident.last = kept.incident.last.max(action.changed);
        kept.memory.touched = now;
        kept.memory.is_audible = true;
        self.dirty.insert(id.clone());
        self.unsaved.insert(id);
    }

    fn settle(&mut self, key: &Key, why: &str, now: Timestamp) {
        if let Some(id) = self.index.get(key).cloned() {
            self.close(&id, why, false, now);
        }
    }
}

fn anchor(target: Prefix) -> Anchor {
    if target.is_host() {
        Anchor::Address(target.address())
    } else {
        Anchor::Network(target)
    }
}
