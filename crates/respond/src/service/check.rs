//! Verifying what is in force, soon after it was carried out and again from time to time, and
//! putting back what was lost.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use event::Timestamp;
use event::action::{Action, ActionId, Failure, State, What};

use super::Responder;
use super::act::is_stranger;
use crate::firewall::{Finding, Firewall};
use crate::host::{Host, Interface, Peers, Survivors};
use crate::ledger::wanted;
use crate::verify::{self, Arrivals, Findings, GRACE_MS};

/// Actions that are verified in one tick; the others follow in the next.
const MAX_CHECKS: usize = 1000;

/// What was asked once for all that is verified together: each question may start a command.
#[derive(Debug, Default)]
struct Round {
    peers: Option<Peers>,
    /// Honeypots that were asked, and whether they answered: a silent one takes its time.
    answers: BTreeMap<SocketAddr, Option<bool>>,
    interfaces: BTreeMap<String, Interface>,
    pasts: BTreeMap<Option<String>, Option<(Failure, String)>>,
}

impl<F: Firewall, H: Host> Responder<F, H> {
    pub(super) fn check(&mut self, now: Timestamp) {
        let mut due: BTreeSet<ActionId> = BTreeSet::new();
        while let Some((at, id)) = self.checks.first().copied()
            && at <= now
            && due.len() < MAX_CHECKS
        {
            self.checks.remove(&(at, id));
            due.insert(id);
        }
        if self.next_sweep <= now {
            self.next_sweep = now + self.config.sweep;
            due.extend(self.ledger.in_force().map(|action| action.id));
        }
        self.check_these(&due, now, self.config.repair);
    }

    /// Verifies everything in force at once, whatever is due; nothing is repaired.
    pub fn verify_now(&mut self, now: Timestamp) -> Vec<Action> {
        let all = self.ledger.in_force().map(|action| action.id).collect();
        self.check_these(&all, now, false);
        self.save();
        self.hand_out()
    }

    fn check_these(&mut self, due: &BTreeSet<ActionId>, now: Timestamp, repair: bool) {
        let actions: Vec<Action> = due
            .iter()
            .filter_map(|id| self.ledger.get(*id))
            .filter(|action| action.is_in_force() && action.ends > now)
            .cloned()
            .collect();
        if actions.is_empty() {
            return;
        }
        // Where another action holds the same for longer, the firewall shows that one's end.
        let wanteds: Vec<_> = actions
            .iter()
            .map(|action| {
                let slot = crate::firewall::Slot::of(&action.what);
                self.ledger
                    .wanted_in(&slot, now)
                    .unwrap_or_else(|| wanted(action))
            })
            .collect();
        // Asked before the firewall is read: what arrived by now is counted there by then.
        let arrivals: Vec<_> = actions.iter().map(|action| self.arrivals(action)).collect();
        let readings = match self.actuator.inspect(&wanteds, now) {
            Ok(findings) => findings,
            Err(error) => {
                let fault = (error.failure(), error.to_string());
                let finding = Finding {
                    fault: Some(fault),
                    ..Finding::default()
                };
                vec![finding; actions.len()]
            }
        };
        let mut lost = false;
        let mut asked = Round {
            peers: self.peers_of(actions.len()),
            ..Round::default()
        };
        for ((action, reading), arrivals) in actions.iter().zip(readings).zip(arrivals) {
            let findings = self.find(action, reading, arrivals, &mut asked);
            let state = verify::judge(action, &findings, now);
            let failure = match &state {
                State::Ineffective { failure, .. } => Some(*failure),
                _ => None,
            };
            self.judge(action, state, now);
            let round = self.rounds.get(&action.id).copied().unwrap_or(0) + 1;
            self.schedule(action.id, round, now);
            match failure {
                Some(Failure::ConnectionSurvives | Failure::TrackingSurvives) => {
                    self.endings.insert(action.id);
                }
                Some(failure) if was_lost(failure) => lost = true,
                _ => {}
            }
        }
        if lost && repair {
            self.repair(now);
        }
    }

    /// A state that says the same as before is not told again, but for its evidence.
    fn judge(&mut self, action: &Action, state: State, now: Timestamp) {
        let is_news = match (&action.state, &state) {
            (State::Effective { .. }, State::Effective { .. })
            | (State::Unknown { .. }, State::Unknown { .. }) => false,
            (State::Ineffective { failure: a, .. }, State::Ineffective { failure: b, .. }) => {
                a != b
            }
            // What was proved by packets is not unproved by their absence.
            (State::Effective { .. }, State::Unknown { .. }) => false,
            _ => true,
        };
        if is_news {
            self.state(action.id, state, now);
        } else if let State::Effective { .. } = state {
            let mut action = action.clone();
            action.state = state;
            // Newer counts; neither journal nor topic needs each of them.
            self.ledger.put(action);
        }
    }

    /// What the sensor saw of the target since the action was carried out.
    fn arrivals(&mut self, action: &Action) -> Option<Arrivals> {
        let since = action.executed.unwrap_or(action.planned) + Duration::from_millis(GRACE_MS);
        // Those of feeds are too many to be watched, and most never come.
        let ask = self.sensor.as_mut().filter(|_| action.why.feed.is_none())?;
        ask(&action.what.target(), since)
    }

    /// Whether another action in force is about the same packets.
    fn is_shared(&self, action: &Action) -> bool {
        let target = action.what.target();
        let mut others = self.ledger.in_force().filter(|other| other.id != action.id);
        others.any(|other| other.what.target().overlaps(&target))
    }

    fn find(
        &mut self,
        action: &Action,
        reading: Finding,
        arrivals: Option<Arrivals>,
        round: &mut Round,
    ) -> Findings {
        let interface = arrivals.as_ref().and_then(|a| a.interface.clone());
        // Where another action holds the same packets, the rule that comes first counts them.
        let arrivals = arrivals.filter(|a| a.packets == 0 || !self.is_shared(action));
        let passes_again = arrivals.as_ref().is_some_and(|arrivals| {
            let course = self.courses.entry(action.id).or_default();
            course.passes_again(reading.packets_stopped, arrivals.packets)
        });
        let past = if passes_again || verify::is_passed(&reading, arrivals.as_ref()) {
            let past = round.pasts.entry(interface.clone());
            let ask = || self.actuator.past(interface.as_deref());
            past.or_insert_with(ask).clone()
        } else {
            None
        };
        let host = &mut self.actuator.host;
        let (honeypot_answers, honeypot_reached) = match &action.what {
            What::Redirect { to, port, .. } => (
                port.map(|port| (*to, port).into()).and_then(|honeypot| {
                    let answer = round.answers.entry(honeypot);
                    *answer.or_insert_with(|| host.answers(honeypot))
                }),
                host.reaches(*to),
            ),
            _ => (None, true),
        };
        let survivors = if is_stranger(round.peers.as_ref(), &action.what) {
            Ok(Survivors::default())
        } else {
            host.survivors(&action.what)
        };
        let interface = interface.map(|name| {
            let known = round.interfaces.get(&name).copied();
            known.unwrap_or_else(|| {
                let state = host.interface(&name);
                round.interfaces.insert(name, state);
                state
            })
        });
        Findings {
            firewall: reading,
            survivors,
            connections_ended: self.ended.get(&action.id).copied().unwrap_or(0),
            interface,
            namespace: host.namespace(),
            arrivals,
            passes_again,
            past,
            honeypot_answers,
            honeypot_reached,
        }
    }

    /// Puts back what somebody took from our table: mostly a firewall that was loaded anew.
    fn repair(&mut self, now: Timestamp) {
        let wanted = self.ledger.wanted(now);
        match self.actuator.reconcile(&wanted, now) {
            Ok((done, refused)) => {
                self.metrics.repairs += 1;
                self.note(now, "repaired", &format!("{} put back", done.put));
                self.take_refused(refused, now);
                // At once: how long it was gone matters.
                for wanted in wanted {
                    self.schedule(wanted.id, 0, now);
                }
            }
            Err(error) => self.note(now, "repair", &format!("failed: {error:?}")),
        }
    }
}

/// Whether a failure is a loss, which is put back. What somebody has put in our way is told and left:
/// it may be a person's wish.
fn was_lost(failure: Failure) -> bool {
    match failure {
        Failure::TableMissing
        | Failure::ChainMissing
        | Failure::RuleMissing
        | Failure::SetMissing
        | Failure::ElementMissing
        | Failure::TimeoutShort
        | Failure::TimeoutLost
        | Failure::SetFull
        | Failure::FirewallRefused
        | Failure::TimedOut => true,
        Failure::TableDormant
        | Failure::ChainMoved
        | Failure::RuleChanged
        | Failure::AcceptedBefore
        | Failure::WrongFamily
        | Failure::ConnectionSurvives
        | Failure::TrackingSurvives
        | Failure::FlowtableOffload
        | Failure::InterfaceGone
        | Failure::InterfaceDown
        | Failure::OtherNamespace
        | Failure::BridgedPast
        | Failure::IngressPast
        | Failure::ToolMissing
        | Failure::NotPermitted
        | Failure::StillArriving
        | Failure::LimitExceeded
        | Failure::HoneypotSilent
        | Failure::TranslatedBefore
        | Failure::ForwardingOff => false,
    }
}
