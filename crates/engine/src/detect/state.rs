//! What rules remember of a flow and its transactions between packets.

use super::bits::{FlowBits, FlowInts};
use super::migration::Migration;
use super::tags::Tags;
use event::Direction;
use smallvec::SmallVec;
use std::collections::VecDeque;
use std::ops::{Deref, DerefMut};
use std::sync::LazyLock;

/// Rules remembered for one direction of one transaction; beyond it further ones are not resumed.
/// Rules that reach this are those without a pattern, of which sets have a few hundred at most.
const RULES_MAX: usize = 1024;
/// Transactions remembered of a flow; parsers hold fewer.
const TRANSACTIONS_MAX: usize = 4096;

/// What rules remember of a flow.
#[derive(Debug, Default)]
pub struct FlowDetection {
    /// Bits.
    pub flowbits: FlowBits,
    /// Counters.
    pub flowints: FlowInts,
    /// Texts that expressions captured (`flow:name`), latest last.
    pub variables: Vec<(std::sync::Arc<str>, Vec<u8>)>,
    /// Texts that expressions captured for the packet at hand (`pkt:name`).
    pub packet_variables: Vec<(std::sync::Arc<str>, Vec<u8>)>,
    /// Entropy of buffers that rules asked for, latest value of each.
    pub entropies: SmallVec<[(event::Buffer, f64); 0]>,
    /// Tags of the session.
    pub tags: Tags,
    /// Whether a rule asked to store all files of the flow, by direction.
    pub stores_files: [bool; 2],
    /// Whether a rule asked to leave the flow alone.
    pub is_bypassed: bool,
    /// Whether rules on addresses were held against it, by direction.
    pub(super) ip_only_done: [bool; 2],
    /// States of transactions, by ids that follow each other from `first` on.
    transactions: VecDeque<TxState>,
    first: u64,
    /// Id from which on transactions are still to be inspected, by direction.
    pub(super) next: [u64; 2],
}

/// The memory of a flow. One that no rule has looked at, as most of a scan, takes a pointer.
#[derive(Debug, Default)]
pub struct Memory(Option<Box<FlowDetection>>);

/// What is remembered of a flow that no rule has looked at.
static NOTHING: LazyLock<FlowDetection> = LazyLock::new(FlowDetection::default);

impl Memory {
    /// Takes it out, to be used beside the flow.
    pub(super) fn take(&mut self) -> Box<FlowDetection> {
        self.0.take().unwrap_or_default()
    }

    /// Puts it back.
    pub(super) fn put(&mut self, memory: Box<FlowDetection>) {
        self.0 = Some(memory);
    }

    /// What there is.
    pub fn as_mut(&mut self) -> Option<&mut FlowDetection> {
        self.0.as_deref_mut()
    }
}

impl Deref for Memory {
    type Target = FlowDetection;

    fn deref(&self) -> &FlowDetection {
        self.0.as_deref().unwrap_or(&NOTHING)
    }
}

impl DerefMut for Memory {
    fn deref_mut(&mut self) -> &mut FlowDetection {
        self.0.get_or_insert_default()
    }
}

/// What is remembered of a transaction.
#[derive(Debug, Default)]
pub(super) struct TxState {
    pub(super) directions: [DirectionState; 2],
    /// Rules that look at both directions together.
    pub(super) both: SmallVec<[RuleState; 0]>,
    pub(super) bits: FlowBits,
}

/// What is remembered of one direction of a transaction.
#[derive(Debug, Default)]
pub(super) struct DirectionState {
    /// No rule need look at it any more.
    pub(super) is_inspected: bool,
    /// Buffers whose literals were looked for once and for all, by place among those of the
    /// protocol.
    pub(super) scanned: SmallVec<[u64; 1]>,
    /// How far bodies were scanned: place of the set and end of the bytes.
    pub(super) bodies: SmallVec<[(u16, u64); 1]>,
    pub(super) rules: SmallVec<[RuleState; 0]>,
}

impl DirectionState {
    pub(super) fn is_scanned(&self, place: usize) -> bool {
        self.scanned
            .get(place / 64)
            .is_some_and(|bits| bits & (1 << (place % 64)) != 0)
    }

    pub(super) fn set_scanned(&mut self, place: usize) {
        let word = place / 64;
        if self.scanned.len() <= word {
            self.scanned.resize(word + 1, 0);
        }
        if let Some(bits) = self.scanned.get_mut(word) {
            *bits |= 1 << (place % 64);
        }
    }

    /// Whether a body ending at `end` was scanned up to there already; remembers that it is now.
    pub(super) fn body_scanned(&mut self, set: u16, end: u64) -> bool {
        match self.bodies.iter_mut().find(|(place, _)| *place == set) {
            Some((_, seen)) if *seen == end => true,
            Some((_, seen)) => {
                *seen = end;
                false
            }
            None => {
                self.bodies.push((set, end));
                false
            }
        }
    }
}

/// How far a rule came with a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RuleState {
    pub(super) rule: u32,
    /// Engines that matched, a bit each.
    pub(super) matched: u32,
    pub(super) end: RuleEnd,
    /// Files that it is done with: a rule on files looks again at a new one.
    pub(super) files: u16,
}

/// Whether a rule is done with a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RuleEnd {
    Open,
    Matched,
    /// It can't match any more.
    Never,
}

/// Keeps what is decided of rules that are in the other set too; what they had found so far is left to
/// be found again.
fn renumber(rules: &mut SmallVec<[RuleState; 0]>, to: &Migration) {
    rules.retain(|state| match to.rule(state.rule) {
        Some(rule) if state.end != RuleEnd::Open => {
            state.rule = rule;
            true
        }
        _ => false,
    });
}

/// Remembers `state`, in place of what was known of the rule.
pub(super) fn remember<const N: usize>(rules: &mut SmallVec<[RuleState; N]>, state: RuleState)
where
    [RuleState; N]: smallvec::Array<Item = RuleState>,
{
    if let Some(known) = rules.iter_mut().find(|known| known.rule == state.rule) {
        *known = state;
    } else if rules.len() < RULES_MAX {
        rules.push(state);
    }
}

impl FlowDetection {
    /// Whether no rule will look at `direction` of transaction `id` any more.
    #[must_use]
    pub fn is_inspected(&self, id: u64, direction: Direction) -> bool {
        id < self.first
            || id < self.next[usize::from(direction)]
            || self
                .place(id)
                .and_then(|at| self.transactions.get(at))
                .is_some_and(|tx| tx.directions[usize::from(direction)].is_inspected)
    }

    /// Forgets transaction `id`, which its parser dropped.
    pub fn drop_tx(&mut self, id: u64) {
        if let Some(tx) = self.place(id).and_then(|at| self.transactions.get_mut(at)) {
            tx.directions.iter_mut().for_each(|direction| {
                *direction = DirectionState {
                    is_inspected: true,
                    ..DirectionState::default()
                };
            });
            tx.both.clear();
        }
        while self
            .transactions
            .front()
            .is_some_and(|tx| tx.directions.iter().all(|direction| direction.is_inspected))
        {
            self.transactions.pop_front();
            self.first += 1;
        }
    }

    /// Nothing before transaction `end` is inspected in `direction`: the flow is let through.
    pub(super) fn skip_to(&mut self, end: u64, direction: Direction) {
        let next = &mut self.next[usize::from(direction)];
        *next = end.max(*next);
    }

    /// The flow goes on under other rules.
    pub(crate) fn migrate(&mut self, to: &Migration) {
        self.flowbits.renumber(|bit| to.bit(bit));
        self.flowints.renumber(|bit| to.bit(bit));
        for tx in &mut self.transactions {
            tx.bits.renumber(|bit| to.bit(bit));
            renumber(&mut tx.both, to);
            for direction in tx.directions.iter_mut().filter(|d| !d.is_inspected) {
                direction.scanned.clear();
                direction.bodies.clear();
                renumber(&mut direction.rules, to);
            }
        }
    }

    /// A new application layer speaks: its transactions count from 0 again.
    pub fn reset_transactions(&mut self) {
        self.transactions.clear();
        self.first = 0;
        self.next = [0; 2];
    }

    /// The state of transaction `id`, made where there was none; None beyond the limit and for
    /// those that were dropped.
    pub(super) fn tx_mut(&mut self, id: u64) -> Option<&mut TxState> {
        if self.transactions.is_empty() && id > self.first {
            self.first = id;
        }
        let at = self.place(id)?;
        if at >= TRANSACTIONS_MAX {
            return None;
        }
        while self.transactions.len() <= at {
            self.transactions.push_back(TxState::default());
        }
        self.transactions.get_mut(at)
    }

    fn place(&self, id: u64) -> Option<usize> {
        usize::try_from(id.checked_sub(self.first)?).ok()
    }
}
