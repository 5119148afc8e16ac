//! What a packet is told for: matches in the order of rules, after limits, up to the first pass.

use super::program::Capture;
use super::ruleset::Ruleset;
use super::signature::{RuleId, StoreScope};
use super::thresholds::{Subject, Thresholds};
use super::trace::Traced;
use event::Direction;
use rules::rule::{Action, RejectTo};

/// Alerts of one packet that are told (Suricata's `packet-alert-max`).
pub const ALERTS_MAX: usize = 15;
/// Matches of one packet that wait to be sorted; a bound on what a hostile packet can make us hold.
const QUEUE_MAX: usize = 65_535;

/// What an alert is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlertKind {
    /// The packet alone.
    Packet,
    /// Bytes of the stream.
    Stream,
    /// A transaction.
    Transaction,
}

/// A match that is told.
#[derive(Clone, Debug, PartialEq)]
pub struct Alert {
    /// The rule.
    pub rule: RuleId,
    /// The transaction it is about.
    pub tx: Option<u64>,
    /// Whether that transaction is only likely the one (stream matches).
    pub is_tx_guessed: bool,
    /// Files of the transaction that the rule was done with before.
    pub first_file: u16,
    /// What it is about.
    pub kind: AlertKind,
    /// What was done: the rule's action, or that of a rate filter.
    pub action: Action,
    /// Whether the action was applied to the flow.
    pub acts_on_flow: bool,
    /// Bytes that made the rule match; None where nobody asked.
    pub trace: Option<Vec<Traced>>,
    /// What expressions captured for the alert.
    pub captures: Vec<Capture>,
    /// Texts that sets hold for the value found.
    pub contexts: Vec<(std::sync::Arc<str>, std::sync::Arc<str>)>,
}

impl Alert {
    /// A match of which nothing but the rule and what was done is known.
    #[must_use]
    pub fn bare(rule: RuleId, action: Action) -> Self {
        Alert {
            rule,
            tx: None,
            is_tx_guessed: false,
            first_file: 0,
            kind: AlertKind::Packet,
            action,
            acts_on_flow: false,
            trace: None,
            captures: Vec::new(),
            contexts: Vec::new(),
        }
    }
}

/// What is to be done with the packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PacketVerdict {
    /// Whether a pass rule matched.
    pub is_passed: bool,
    /// The first rule that drops or rejects it.
    pub dropped_by: Option<RuleId>,
    /// Whether that rule does so only because it matched too often (`rate_filter`).
    pub is_dropped_by_rate: bool,
    /// To whom a refusal goes.
    pub reject: Option<RejectTo>,
}

/// Files that a rule asked to store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreRequest {
    /// The rule.
    pub rule: RuleId,
    /// The transaction.
    pub tx: Option<u64>,
    /// Which way the files travel; None for both.
    pub direction: Option<Direction>,
    /// Which files.
    pub scope: StoreScope,
}

/// What came of one packet. Used again for the next.
#[derive(Debug, Default)]
pub struct Alerts {
    /// What is told, in the order of rules.
    pub alerts: Vec<Alert>,
    /// Matches beyond [`ALERTS_MAX`].
    pub discarded: u32,
    /// Matches kept back by limits.
    pub suppressed: u32,
    /// What is to be done with the packet.
    pub verdict: PacketVerdict,
    /// Files to store.
    pub stores: Vec<StoreRequest>,
    /// Transactions that are not to be told.
    pub hushed: Vec<u64>,
    /// Whether a tag asks that the packet be told.
    pub is_tagged: bool,
    /// Whether a rule asked to leave the flow alone.
    pub bypass: bool,
    /// Whether a rule asked to store the certificates that its packet's side showed.
    pub stores_certificates: bool,
    queue: Vec<Alert>,
}

impl Alerts {
    /// Room for the next packet.
    pub fn clear(&mut self) {
        self.alerts.clear();
        self.discarded = 0;
        self.suppressed = 0;
        self.verdict = PacketVerdict::default();
        self.stores.clear();
        self.hushed.clear();
        self.is_tagged = false;
        self.bypass = false;
        self.stores_certificates = false;
        self.queue.clear();
    }

    /// Adds a match, to be told or not by [`Alerts::finish`].
    pub(super) fn push(&mut self, alert: Alert) {
        if self.queue.len() < QUEUE_MAX {
            self.queue.push(alert);
        } else {
            self.discarded += 1;
        }
    }

    /// Whether anything matched so far.
    pub(super) fn has_matches(&self) -> bool {
        !self.queue.is_empty()
    }

    /// Sorts what matched, applies limits and actions, and keeps what is told. `tagged` is called
    /// with each rule whose match counts. Returns the rule whose action applies to the flow.
    pub(super) fn finish(
        &mut self,
        set: &Ruleset,
        thresholds: &mut Thresholds,
        subject: &Subject,
        max: usize,
        mut counts: impl FnMut(RuleId),
    ) -> Option<FlowAction> {
        let mut queue = std::mem::take(&mut self.queue);
        queue.sort_by_key(|alert| (alert.rule, alert.tx.is_none(), alert.tx));
        let mut flow_action = None;
        for mut alert in queue.drain(..) {
            let Some(rule) = set.rule(alert.rule) else {
                continue;
            };
            let mut is_by_rate = false;
            let (is_told, applies) = if rule.limits.is_empty() && rule.suppressions.is_empty() {
                (true, true)
            } else {
                let subject = Subject {
                    rule: (rule.gid, rule.sid, rule.rev),
                    ..*subject
                };
                let decision = thresholds.decide(&rule.suppressions, &rule.limits, &subject);
                if let Some(action) = decision.new_action {
                    is_by_rate = action != alert.action;
                    alert.action = action;
                }
                (decision.alert, decision.applies)
            };
            if applies {
                counts(alert.rule);
                self.apply(&alert, is_by_rate, &mut flow_action);
            }
            let is_pass = alert.action == Action::Pass;
            // What a rate lets pass is not told; a pass rule is, where it says so.
            let is_quiet = rule.is_silent || is_pass && is_by_rate;
            if !is_told || is_quiet || alert.action == Action::Config {
                // A pass that says nothing only ends the list.
                self.suppressed += u32::from(!is_pass);
            } else if self.alerts.len() < max {
                self.alerts.push(alert);
            } else {
                self.discarded += 1;
            }
            if is_pass && applies {
                break;
            }
        }
        self.queue = queue;
        flow_action
    }

    fn apply(&mut self, alert: &Alert, is_by_rate: bool, flow_action: &mut Option<FlowAction>) {
        match alert.action {
            Action::Pass => {
                // What was dropped by a rule before stays dropped.
                if self.verdict.dropped_by.is_none() {
                    self.verdict.is_passed = true;
                    if alert.acts_on_flow && flow_action.is_none() {
                        *flow_action = Some(FlowAction::Pass);
                    }
                }
            }
            Action::Drop | Action::Reject(_) => {
                if self.verdict.dropped_by.is_none() {
                    self.verdict.dropped_by = Some(alert.rule);
                    self.verdict.is_dropped_by_rate = is_by_rate;
                }
                if let (Action::Reject(to), None) = (alert.action, self.verdict.reject) {
                    self.verdict.reject = Some(to);
                }
                if alert.acts_on_flow && flow_action.is_none() {
                    *flow_action = Some(FlowAction::Drop);
                }
            }
            Action::Alert | Action::Config => {}
        }
    }
}

/// What is done with all packets of a flow from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FlowAction {
    Pass,
    Drop,
}

#[cfg(test)]
mod tests;
