//! Taking back: what has run out, what a person undoes, what became protected, what a crash left.

use std::collections::BTreeSet;
use std::time::Duration;

use event::action::{Action, ActionId, State};
use event::{Prefix, Timestamp};

use super::{OrderError, PROTECTED_FOR, Responder};
use crate::actuate::NotDone;
use crate::firewall::{Change, Firewall};
use crate::host::Host;
use crate::plan::forbidden;
use crate::undo;

/// How often administration sessions are looked at where nothing is in force: often enough to tell those
/// that stay half a minute.
const SESSIONS_EVERY: Duration = Duration::from_secs(5);

impl<F: Firewall, H: Host> Responder<F, H> {
    /// Takes an action back, or declines one that waits.
    pub fn undo(
        &mut self,
        id: ActionId,
        person: &str,
        now: Timestamp,
    ) -> Result<Vec<Action>, OrderError> {
        let action = self.ledger.get(id).ok_or(OrderError::Unknown(id))?;
        if action.is_over() {
            return Err(OrderError::State {
                id,
                state: action.state.name(),
            });
        }
        self.take_back(&[id].into(), &format!("by {person}"), now)?;
        self.save();
        Ok(self.hand_out())
    }

    /// Takes back everything that is not over.
    pub fn undo_all(&mut self, person: &str, now: Timestamp) -> Result<Vec<Action>, OrderError> {
        let open = self.ledger.iter().filter(|action| !action.is_over());
        let ids = open.map(|action| action.id).collect();
        self.take_back(&ids, &format!("by {person}, with all others"), now)?;
        self.save();
        Ok(self.hand_out())
    }

    /// Takes back everything against a target or a part of it.
    pub fn unblock(
        &mut self,
        target: Prefix,
        person: &str,
        now: Timestamp,
    ) -> Result<Vec<Action>, OrderError> {
        let hits = |action: &&Action| !action.is_over() && action.what.target().overlaps(&target);
        let ids = self.ledger.iter().filter(hits).map(|a| a.id).collect();
        self.take_back(&ids, &format!("by {person}"), now)?;
        self.save();
        Ok(self.hand_out())
    }

    /// The firewall first: what it still holds is not called undone.
    pub(super) fn take_back(
        &mut self,
        ids: &BTreeSet<ActionId>,
        cause: &str,
        now: Timestamp,
    ) -> Result<(), OrderError> {
        let changes = undo::without(&self.ledger, ids, now);
        let mut answers = self.actuator.apply(&changes, now);
        // An heir that has become protected meanwhile must not keep the place of what is undone.
        let emptied: Vec<Change> = changes
            .into_iter()
            .zip(&answers)
            .filter_map(|(change, answer)| match (change, answer) {
                (Change::Put(heir), Err(NotDone::Forbidden(_))) => Some(Change::Take(heir.what)),
                (Change::Put(_) | Change::Take(_), _) => None,
            })
            .collect();
        answers.extend(self.actuator.apply(&emptied, now));
        if let Some(error) = answers.into_iter().find_map(|answer| match answer {
            Err(NotDone::Firewall(error)) => Some(error),
            Err(NotDone::Forbidden(_)) | Ok(_) => None,
        }) {
            let words = format!("not undone: {error}; the kernel takes it back in its time");
            self.note(now, "undo", &words);
            return Err(OrderError::Firewall(words));
        }
        for id in ids {
            let cause = cause.to_owned();
            self.state(*id, State::Undone { cause }, now);
        }
        Ok(())
    }

    /// Ends what has run out. The kernel has let go of it by itself; what held it is taken away.
    pub(super) fn expire(&mut self, now: Timestamp) {
        let ended = self.ledger.ended(now);
        if ended.is_empty() {
            return;
        }
        for id in ended {
            self.state(id, State::Expired, now);
        }
        if let Err(error) = self.actuator.settle(now) {
            // Only empty sets are left; the next change or the next start takes them.
            self.note(now, "settle", &error.to_string());
            self.recovered = false;
        }
    }

    /// What became protected meanwhile is let go: a new address of this host, a new gateway.
    pub(super) fn follow_protected(&mut self, now: Timestamp) {
        // Where nothing is in force only sessions are followed; each look walks the kernel's table of
        // connections, which takes milliseconds even when it is empty.
        let is_idle = self.ledger.in_force().next().is_none();
        let fresh_for = if is_idle {
            SESSIONS_EVERY
        } else {
            PROTECTED_FOR
        };
        if self
            .followed_at
            .is_some_and(|at| now.since(at) < fresh_for && at <= now)
        {
            return;
        }
        self.followed_at = Some(now);
        match self.actuator.refresh(now) {
            Ok(_) => self.protected_at = Some(now),
            Err(cause) => {
                self.protected_at = Some(now);
                self.note(now, "protected", &cause);
                return;
            }
        }
        let protected = self.actuator.protected();
        let found: Vec<(ActionId, String)> = self
            .ledger
            .in_force()
            .filter_map(|action| Some((action.id, forbidden(&action.what, protected)?)))
            .collect();
        self.take_refused(found, now);
    }

    pub(super) fn take_refused(&mut self, found: Vec<(ActionId, String)>, now: Timestamp) {
        for (id, cause) in found {
            // What cannot be taken back now is found again in a second.
            let _ = self.take_back(&[id].into(), &cause, now);
        }
    }

    /// After a start: what has run out is taken back, what is wanted is put back, and what was under
    /// way when the last process ended is carried out.
    pub(super) fn recover(&mut self, now: Timestamp) {
        let ended = self.ledger.ended(now);
        for id in ended {
            self.state(id, State::Expired, now);
        }
        let wanted = self.ledger.wanted(now);
        match self.actuator.reconcile(&wanted, now) {
            Ok((done, refused)) => {
                self.recovered = true;
                self.protected_at = Some(now);
                let words = format!(
                    "{} put back, {} taken back, {} of others kept",
                    done.put, done.taken, done.kept
                );
                self.note(now, "recovered", &words);
                self.take_refused(refused, now);
                let in_force: Vec<Action> = self.ledger.in_force().cloned().collect();
                for mut action in in_force {
                    // Whether this was told before the last process ended is not known.
                    if let State::Ineffective { .. } = &action.state {
                        self.out.push(action.clone());
                    }
                    if action.state == State::Planned {
                        action.state = State::Executed;
                        action.executed = Some(now);
                        action.changed = now;
                        self.set(action.clone());
                    }
                    self.endings.insert(action.id);
                    self.schedule(action.id, 0, now);
                }
            }
            Err(error) => {
                let words = match &error {
                    NotDone::Forbidden(cause) => cause.clone(),
                    NotDone::Firewall(error) => error.to_string(),
                };
                if self.trouble.as_deref() != Some(&words) {
                    tracing::error!("the firewall cannot be read or changed: {words}");
                    self.note(now, "recover", &words);
                    self.trouble = Some(words);
                }
            }
        }
    }
}
