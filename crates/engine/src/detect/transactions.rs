//! Holds rules against the transactions of a flow, in the direction of the packet at hand.
//!
//! A rule that needs a field which has not come yet is remembered with the transaction, and goes
//! on with the next packet; one that matched or can't match any more is not looked at again.

use super::alerts::{AlertKind, Alerts};
use super::driver::{Round, Stores, Tools, apply, matched};
use super::fields::{Walk, walk};
use super::look::{Found, Seen, look};
use super::payload::{headers_hold, payload_holds};
use super::signature::{Look, RuleId, Signature};
use super::state::{FlowDetection, RuleEnd, RuleState, TxState, remember};
use crate::flow::Flow;
use decode::app::Transaction;
use event::Direction;

/// One packet's look at its flow's transactions.
pub(super) struct Run<'r, 'a> {
    pub(super) round: &'r Round<'a>,
    pub(super) flow: &'r Flow,
    pub(super) memory: &'r mut FlowDetection,
    pub(super) tools: &'r mut Tools,
    pub(super) stores: &'r mut Stores,
    pub(super) candidates: &'r mut Vec<u32>,
    pub(super) alerts: &'r mut Alerts,
}

impl Run<'_, '_> {
    /// All transactions; `mixed` are rules that the payload's prefilter found.
    pub(super) fn all(&mut self, mixed: &[u32]) {
        let Some(parser) = self.flow.app.parser.as_deref() else {
            return;
        };
        let direction = self.round.cx.direction;
        let at = usize::from(direction);
        let range = parser.tx_range();
        let mut is_first = true;
        for id in range.start.max(self.memory.next[at])..range.end {
            let is_done = match parser.tx(id) {
                None => true,
                Some(tx) => self.one(id, tx, mixed),
            };
            // Transactions before the first that is not done need not be looked at again.
            is_first &= is_done;
            if is_first {
                self.memory.next[at] = id + 1;
            }
        }
    }

    /// One transaction; whether its direction is done.
    fn one(&mut self, id: u64, tx: &dyn Transaction, mixed: &[u32]) -> bool {
        let direction = self.round.cx.direction;
        let at = usize::from(direction);
        let Some(state) = self.memory.tx_mut(id) else {
            return true;
        };
        if state.directions[at].is_inspected {
            return true;
        }
        // Taken out while rules run, so that they can change the flow's bits.
        let mut state = std::mem::take(state);
        if tx.inspects(direction) {
            self.collect(tx, &mut state, mixed);
            let candidates = std::mem::take(self.candidates);
            let round = self.round;
            for &rule in &candidates {
                round.tallied(RuleId(rule), || self.rule(id, tx, &mut state, rule));
            }
            *self.candidates = candidates;
        }
        let is_done = tx.is_complete(direction);
        if is_done {
            state.directions[at].is_inspected = true;
            state.directions[at].rules.clear();
            state.directions[at].bodies.clear();
        }
        if let Some(slot) = self.memory.tx_mut(id) {
            *slot = state;
        }
        is_done
    }

    /// Rules that may match: found by literals, without a pattern, found in the payload, and those
    /// that wait for more of this transaction.
    fn collect(&mut self, tx: &dyn Transaction, state: &mut TxState, mixed: &[u32]) {
        let (set, direction) = (self.round.set, self.round.cx.direction);
        let protocol = self.flow.app.protocol;
        let out = &mut *self.candidates;
        out.clear();
        let known = &mut state.directions[usize::from(direction)];
        for (place, &at) in set.prefilter.of(protocol, direction).iter().enumerate() {
            let Some(buffer) = set.prefilter.buffers.get(usize::from(at)) else {
                continue;
            };
            if known.is_scanned(place) {
                continue;
            }
            let min = self.round.settings.body_windows.of(protocol);
            let ended = walk(tx, buffer.buffer, direction, (0, min), |bytes| {
                let end = (bytes.offset + bytes.data.len() as u64) * 2 + u64::from(bytes.is_end);
                if bytes.is_body && known.body_scanned(at, end) {
                    return false;
                }
                let data = if buffer.transforms.is_empty() {
                    bytes.data
                } else {
                    buffer
                        .transforms
                        .apply(bytes.data, &mut self.tools.transforms)
                };
                buffer.set.scan(data, &mut self.tools.literals, out);
                false
            });
            if matches!(ended, Walk::Ended { .. }) {
                known.set_scanned(place);
            }
        }
        // A file that came since may match a rule that is done with those before it.
        let files = tx.files(direction).map_or(0, |files| files.files.len());
        out.extend(
            known
                .rules
                .iter()
                .filter(|s| s.end != RuleEnd::Open && usize::from(s.files) < files)
                .filter(|s| {
                    let rule = set.signatures.get(s.rule as usize);
                    rule.is_some_and(|rule| file_engines(rule) != 0)
                })
                .map(|s| s.rule),
        );
        out.extend_from_slice(set.lists.transaction(protocol, direction));
        out.extend_from_slice(mixed);
        out.extend(
            known
                .rules
                .iter()
                .filter(|s| s.end == RuleEnd::Open)
                .map(|s| s.rule),
        );
        out.extend(
            state
                .both
                .iter()
                .filter(|s| s.end == RuleEnd::Open)
                .map(|s| s.rule),
        );
        out.sort_unstable();
        out.dedup();
    }

    fn rule(&mut self, tx_id: u64, tx: &dyn Transaction, state: &mut TxState, rule: u32) {
        let round = self.round;
        let direction = round.cx.direction;
        let Some(signature) = round.set.signatures.get(rule as usize) else {
            return;
        };
        let at = usize::from(direction);
        let known = if signature.is_bidirectional {
            state.both.iter().find(|s| s.rule == rule).copied()
        } else {
            state.directions[at]
                .rules
                .iter()
                .find(|s| s.rule == rule)
                .copied()
        };
        let files = file_count(signature, tx, direction);
        let mut next = match known {
            // As long as nothing was found, what is asked of the flow is asked anew.
            Some(known) if known.end == RuleEnd::Open => {
                self.tools.inspection.begin_rule();
                if known.matched == 0 && !self.first_look(signature, state) {
                    return;
                }
                known
            }
            Some(known) => {
                // Done, but for a file that was not there then.
                if files <= known.files {
                    return;
                }
                let kept = known.matched & !file_engines(signature);
                RuleState {
                    matched: kept,
                    end: RuleEnd::Open,
                    ..known
                }
            }
            None => {
                self.tools.inspection.begin_rule();
                if !self.first_look(signature, state) {
                    return;
                }
                RuleState {
                    rule,
                    matched: 0,
                    end: RuleEnd::Open,
                    files: 0,
                }
            }
        };
        if known.is_some() {
            self.tools.inspection.begin_rule();
        }
        next.end = self.engines(signature, tx, &mut next);
        let first_file = next.files;
        if next.end != RuleEnd::Open {
            next.files = files;
        }
        if next.end == RuleEnd::Matched {
            let about = (tx_id, first_file);
            self.matched(about, state, RuleId(rule), signature);
        }
        // A rule that its literal would bring again need not be remembered for having failed.
        if next.end == RuleEnd::Never && signature.is_prefiltered && known.is_none() {
            return;
        }
        if signature.is_bidirectional {
            remember(&mut state.both, next);
        } else {
            remember(&mut state.directions[at].rules, next);
        }
    }

    /// Conditions on the packet are held once, when a rule first looks at a transaction.
    fn first_look(&mut self, signature: &Signature, state: &TxState) -> bool {
        let mut view = self.round.view(Some(self.memory), &self.stores.hosts);
        view.tx_bits = Some(&state.bits);
        view.header_holds(&signature.header)
            && view.checks_hold(signature)
            && headers_hold(signature, self.round.cx.packet, &mut self.tools.inspection)
    }

    /// Holds the engines that have not matched yet.
    fn engines(
        &mut self,
        signature: &Signature,
        tx: &dyn Transaction,
        state: &mut RuleState,
    ) -> RuleEnd {
        let round = self.round;
        let found = &mut state.matched;
        let mut payload = |signature: &Signature, tools: &mut Tools| {
            payload_holds(round, signature, tools).is_some()
        };
        let mut seen = Seen {
            tx,
            protocol: self.flow.app.protocol,
            direction: round.cx.direction,
            first_file: usize::from(state.files),
            windows: round.settings.body_windows.of(self.flow.app.protocol),
            payload: &mut payload,
        };
        let mut end = RuleEnd::Matched;
        for (place, engine) in signature.engines.iter().enumerate() {
            let bit = 1_u32.checked_shl(place as u32).unwrap_or(0);
            if *found & bit != 0 {
                continue;
            }
            match look(signature, engine, &mut seen, self.tools) {
                Found::Match => *found |= bit,
                Found::Skip => {}
                Found::Never => return RuleEnd::Never,
                // The others may tell that it can't match at all, which saves looking again.
                Found::No => end = RuleEnd::Open,
            }
        }
        if *found == 0 && end == RuleEnd::Matched {
            // Every engine was for another protocol or direction.
            return RuleEnd::Never;
        }
        end
    }

    fn matched(
        &mut self,
        (tx_id, first_file): (u64, u16),
        state: &mut TxState,
        id: RuleId,
        signature: &Signature,
    ) {
        let kind = AlertKind::Transaction;
        let mut alert = matched(self.round, id, signature, kind, self.tools);
        alert.tx = Some(tx_id);
        alert.first_file = first_file;
        let bits = Some(&mut state.bits);
        let memory = Some(&mut *self.memory);
        apply(
            self.round,
            id,
            signature,
            &mut alert,
            memory,
            self.stores,
            bits,
            self.alerts,
        );
        self.alerts.push(alert);
    }
}

/// Engines that look at files, a bit each.
fn file_engines(signature: &Signature) -> u32 {
    let is_of_file = |look: &Look| match look {
        Look::File(_) => true,
        Look::Buffer { buffer, .. } => super::fields::is_of_file(*buffer),
        Look::Payload
        | Look::Number { .. }
        | Look::Event { .. }
        | Look::Holds { .. }
        | Look::UriLen(..) => false,
    };
    signature
        .engines
        .iter()
        .enumerate()
        .filter(|(_, engine)| is_of_file(&engine.look))
        .fold(0, |bits, (place, _)| {
            bits | 1_u32.checked_shl(place as u32).unwrap_or(0)
        })
}

/// Files there are for a rule that looks at files, 0 for others.
fn file_count(signature: &Signature, tx: &dyn Transaction, direction: Direction) -> u16 {
    if file_engines(signature) == 0 {
        return 0;
    }
    let count = tx.files(direction).map_or(0, |files| files.files.len());
    u16::try_from(count).unwrap_or(u16::MAX)
}
