//! The order of rules: what is evaluated first may set what later ones ask, and what stands first
//! among alerts decides what happens to the packet.

use rules::rule::{Action, BitChange, CaptureScope, Condition, Effect, PayloadMatch, Rule};
use std::cmp::Reverse;

/// The order of actions, from the one that goes first (`action-order` in a configuration).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActionOrder(pub [ActionClass; 4]);

/// Actions as far as they are ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActionClass {
    /// `pass`.
    Pass,
    /// `drop`.
    Drop,
    /// `reject` and its kin.
    Reject,
    /// `alert` and `config`.
    Alert,
}

impl Default for ActionOrder {
    fn default() -> Self {
        ActionOrder([
            ActionClass::Pass,
            ActionClass::Drop,
            ActionClass::Reject,
            ActionClass::Alert,
        ])
    }
}

impl ActionOrder {
    fn place(self, action: Action) -> usize {
        let class = match action {
            Action::Pass => ActionClass::Pass,
            Action::Drop => ActionClass::Drop,
            Action::Reject(_) => ActionClass::Reject,
            Action::Alert | Action::Config => ActionClass::Alert,
        };
        self.0
            .iter()
            .position(|&c| c == class)
            .unwrap_or(self.0.len())
    }
}

/// How a rule uses a kind of variable: those that change it go before those that ask.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Use {
    changes: bool,
    asks: bool,
}

impl Use {
    fn rank(self) -> u8 {
        match (self.changes, self.asks) {
            (true, false) => 3,
            (true, true) => 2,
            (false, true) => 1,
            (false, false) => 0,
        }
    }
}

/// Sorts `rules` into the order in which they are evaluated. Rules that compare equal stay as they
/// were read.
pub(super) fn sort(rules: &mut [Rule], actions: ActionOrder) {
    rules.sort_by_cached_key(|rule| {
        let uses = uses(rule).map(|of| Reverse(of.rank()));
        (actions.place(rule.action), uses, rule.priority)
    });
}

/// Flowbits, flowint, variables of flows, of packets, hostbits, xbits.
fn uses(rule: &Rule) -> [Use; 6] {
    let mut uses = [Use::default(); 6];
    for condition in &rule.conditions {
        match condition {
            Condition::Flowbits { .. } => uses[0].asks = true,
            Condition::Flowint(_) => uses[1].asks = true,
            Condition::Hostbits(..) => uses[4].asks = true,
            Condition::Xbits(..) => uses[5].asks = true,
            Condition::Keyword { name, .. } if name == "flowvar" => uses[2].asks = true,
            Condition::Keyword { name, .. } if name == "pktvar" => uses[3].asks = true,
            _ => {}
        }
    }
    for effect in &rule.effects {
        match effect {
            Effect::Flowbits(BitChange::Set | BitChange::Unset | BitChange::Toggle, _) => {
                uses[0].changes = true;
            }
            Effect::Flowint { .. } => uses[1].changes = true,
            Effect::Hostbits(..) => uses[4].changes = true,
            Effect::Xbits(..) => uses[5].changes = true,
            Effect::Tag { .. }
            | Effect::Filestore { .. }
            | Effect::Bypass
            | Effect::Keyword { .. } => {}
        }
    }
    for found in rule.buffers.iter().flat_map(|buffer| &buffer.matches) {
        if let PayloadMatch::Pcre(pcre) = found {
            for (scope, _) in &pcre.captures {
                match scope {
                    CaptureScope::Flow => uses[2].changes = true,
                    CaptureScope::Packet => uses[3].changes = true,
                    CaptureScope::Alert => {}
                }
            }
        }
    }
    uses
}
