//! What rules remember between packets: flowbits and flowints of a flow, xbits and hostbits of
//! hosts and pairs of hosts.
//!
//! Names are turned into numbers when rules are loaded. A flow holds few bits of thousands that a
//! rule set knows, so it keeps a short sorted list, not a bitmap.

use ahash::AHashMap;
use event::Timestamp;
use rules::rule::{BitChange, FlowintAsk, FlowintChange, FlowintOperand, FlowintOperator};
use rules::rule::{HostTrack, Hostbits, Xbits, XbitsTrack};
use smallvec::SmallVec;
use std::net::IpAddr;
use std::time::Duration;

/// Bits and counters of one flow: more than any rule set needs, and a bound on what hostile
/// traffic can make a flow remember.
const FLOW_MAX: usize = 512;
/// Bits of hosts and pairs: 65,536 of about 100 bytes each.
const HOSTS_MAX: usize = 65_536;
/// How long a hostbit lasts; its keyword has no option for it.
const HOSTBIT_TIME: Duration = Duration::from_secs(300);

/// The number of a name.
pub type BitId = u32;

/// Numbers for names, made while rules are loaded.
#[derive(Clone, Debug, Default)]
pub struct Names {
    ids: AHashMap<String, BitId>,
    names: Vec<String>,
}

impl Names {
    /// The number of `name`, a new one where it was not known.
    pub fn intern(&mut self, name: &str) -> BitId {
        if let Some(id) = self.ids.get(name) {
            return *id;
        }
        let id = BitId::try_from(self.names.len()).unwrap_or(BitId::MAX);
        self.ids.insert(name.to_owned(), id);
        self.names.push(name.to_owned());
        id
    }

    /// The number of a name that is known.
    #[must_use]
    pub fn id(&self, name: &str) -> Option<BitId> {
        self.ids.get(name).copied()
    }

    /// All names, in the order of their numbers.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// The name of a number.
    #[must_use]
    pub fn name(&self, id: BitId) -> &str {
        self.names.get(id as usize).map_or("", String::as_str)
    }
}

/// The flowbits of one flow, or the `track tx` xbits of one transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FlowBits(SmallVec<[BitId; 4]>);

impl FlowBits {
    /// Whether `id` is set.
    #[must_use]
    pub fn is_set(&self, id: BitId) -> bool {
        self.0.binary_search(&id).is_ok()
    }

    /// Changes `id`. Beyond the limit nothing more is set.
    pub fn change(&mut self, id: BitId, change: BitChange) {
        match (self.0.binary_search(&id), change) {
            (Err(place), BitChange::Set | BitChange::Toggle) if self.0.len() < FLOW_MAX => {
                self.0.insert(place, id);
            }
            (Ok(place), BitChange::Unset | BitChange::Toggle) => {
                self.0.remove(place);
            }
            (_, BitChange::Set | BitChange::Unset | BitChange::Toggle) => {}
        }
    }

    /// Gives every bit its number in another rule set; one that has none there is forgotten.
    pub(super) fn renumber(&mut self, number: impl Fn(BitId) -> Option<BitId>) {
        if !self.0.is_empty() {
            self.0 = self.0.iter().filter_map(|id| number(*id)).collect();
            self.0.sort_unstable();
        }
    }

    /// Those that are set, in order.
    pub fn iter(&self) -> impl Iterator<Item = BitId> + '_ {
        self.0.iter().copied()
    }
}

/// `flowint` as a condition, names turned into numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IntCheck {
    counter: BitId,
    ask: Ask,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ask {
    IsSet,
    IsNotSet,
    Compare(FlowintOperator, Operand),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operand {
    Number(u32),
    Counter(BitId),
}

/// `flowint` as an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IntChange {
    counter: BitId,
    change: FlowintChange,
    operand: Operand,
}

fn operand(operand: &FlowintOperand, names: &mut Names) -> Operand {
    match operand {
        FlowintOperand::Number(number) => Operand::Number(*number),
        FlowintOperand::Counter(name) => Operand::Counter(names.intern(name)),
    }
}

impl IntCheck {
    /// Compiles the condition.
    pub fn compile(check: &rules::rule::FlowintCheck, names: &mut Names) -> Self {
        let ask = match &check.ask {
            FlowintAsk::IsSet => Ask::IsSet,
            FlowintAsk::IsNotSet => Ask::IsNotSet,
            FlowintAsk::Compare(operator, right) => Ask::Compare(*operator, operand(right, names)),
        };
        IntCheck {
            counter: names.intern(&check.name),
            ask,
        }
    }
}

impl IntChange {
    /// Compiles the effect.
    pub fn compile(
        name: &str,
        change: FlowintChange,
        right: &FlowintOperand,
        names: &mut Names,
    ) -> Self {
        IntChange {
            counter: names.intern(name),
            change,
            operand: operand(right, names),
        }
    }
}

/// The counters of one flow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FlowInts(SmallVec<[(BitId, u32); 2]>);

impl FlowInts {
    /// The value of a counter that is set.
    #[must_use]
    pub fn get(&self, counter: BitId) -> Option<u32> {
        self.0
            .iter()
            .find(|(id, _)| *id == counter)
            .map(|(_, value)| *value)
    }

    /// Whether the condition holds. A comparison with a counter that is not set does not.
    #[must_use]
    pub fn holds(&self, check: &IntCheck) -> bool {
        let left = self.get(check.counter);
        let (operator, right) = match check.ask {
            Ask::IsSet => return left.is_some(),
            Ask::IsNotSet => return left.is_none(),
            Ask::Compare(operator, right) => (operator, self.value(right)),
        };
        let (Some(left), Some(right)) = (left, right) else {
            return false;
        };
        match operator {
            FlowintOperator::Equal => left == right,
            FlowintOperator::NotEqual => left != right,
            FlowintOperator::Less => left < right,
            FlowintOperator::LessOrEqual => left <= right,
            FlowintOperator::Greater => left > right,
            FlowintOperator::GreaterOrEqual => left >= right,
        }
    }

    /// Applies a change; a counter that is not set counts from 0 and never goes below.
    pub fn apply(&mut self, change: &IntChange) {
        let Some(right) = self.value(change.operand) else {
            return;
        };
        let left = self.get(change.counter).unwrap_or(0);
        let value = match change.change {
            FlowintChange::Assign => right,
            FlowintChange::Add => left.saturating_add(right),
            FlowintChange::Subtract => left.saturating_sub(right),
        };
        if let Some(slot) = self.0.iter_mut().find(|(id, _)| *id == change.counter) {
            slot.1 = value;
        } else if self.0.len() < FLOW_MAX {
            self.0.push((change.counter, value));
        }
    }

    /// Gives every counter its number in another rule set; one that has none there is forgotten.
    pub(super) fn renumber(&mut self, number: impl Fn(BitId) -> Option<BitId>) {
        self.0.retain(|(id, _)| match number(*id) {
            Some(other) => {
                *id = other;
                true
            }
            None => false,
        });
    }

    /// Counters that are set, in the order they were.
    pub fn iter(&self) -> impl Iterator<Item = (BitId, u32)> + '_ {
        self.0.iter().copied()
    }

    fn value(&self, operand: Operand) -> Option<u32> {
        match operand {
            Operand::Number(number) => Some(number),
            Operand::Counter(counter) => self.get(counter),
        }
    }
}

/// The ends of the packet at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends {
    /// Source address.
    pub source: IpAddr,
    /// Destination address.
    pub destination: IpAddr,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Owner {
    Host(IpAddr),
    /// In order of address, so that both directions mean the same.
    Pair(IpAddr, IpAddr),
}

/// Bits of hosts and of pairs of hosts, with the moment each runs out.
#[derive(Debug, Default)]
pub struct HostBits {
    bits: AHashMap<(Owner, BitId), Timestamp>,
    /// When those that ran out were last removed.
    swept: Timestamp,
    /// Bits that were not set because the table was full.
    refused: u64,
}

impl HostBits {
    /// Whether the xbit is set for these ends. None for `track tx`: the transaction has it.
    #[must_use]
    pub fn xbit(&self, id: BitId, xbits: &Xbits, ends: Ends, now: Timestamp) -> Option<bool> {
        xbit_owner(xbits.track, ends).map(|owner| self.is_set(owner, id, now))
    }

    /// Changes an xbit; nothing for `track tx`.
    pub fn change_xbit(
        &mut self,
        id: BitId,
        xbits: &Xbits,
        change: BitChange,
        ends: Ends,
        now: Timestamp,
    ) {
        if let Some(owner) = xbit_owner(xbits.track, ends) {
            let time = Duration::from_secs(xbits.expire_secs.into());
            self.change(owner, id, change, now, time);
        }
    }

    /// Whether the hostbit is set; for `both`, at both ends.
    #[must_use]
    pub fn hostbit(&self, id: BitId, hostbits: &Hostbits, ends: Ends, now: Timestamp) -> bool {
        hosts(hostbits.track, ends)
            .into_iter()
            .flatten()
            .all(|host| self.is_set(Owner::Host(host), id, now))
    }

    /// Changes a hostbit.
    pub fn change_hostbit(
        &mut self,
        id: BitId,
        hostbits: &Hostbits,
        change: BitChange,
        ends: Ends,
        now: Timestamp,
    ) {
        for host in hosts(hostbits.track, ends).into_iter().flatten() {
            self.change(Owner::Host(host), id, change, now, HOSTBIT_TIME);
        }
    }

    /// Gives every bit its number in another rule set; one that has none there is forgotten.
    pub(super) fn renumber(&mut self, number: impl Fn(BitId) -> Option<BitId>) {
        self.bits = self
            .bits
            .drain()
            .filter_map(|((owner, id), end)| Some(((owner, number(id)?), end)))
            .collect();
    }

    /// Bits that could not be set because the table was full.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused
    }

    fn is_set(&self, owner: Owner, id: BitId, now: Timestamp) -> bool {
        self.bits.get(&(owner, id)).is_some_and(|end| *end >= now)
    }

    fn change(
        &mut self,
        owner: Owner,
        id: BitId,
        change: BitChange,
        now: Timestamp,
        time: Duration,
    ) {
        let is_set = match change {
            BitChange::Set => true,
            BitChange::Unset => false,
            BitChange::Toggle => !self.is_set(owner, id, now),
        };
        if !is_set {
            self.bits.remove(&(owner, id));
            return;
        }
        if self.bits.len() >= HOSTS_MAX && !self.bits.contains_key(&(owner, id)) {
            // Once a second at most, so that a full table does not cost a walk for each packet.
            if now.since(self.swept) >= Duration::from_secs(1) {
                self.swept = now;
                self.bits.retain(|_, end| *end >= now);
            }
            if self.bits.len() >= HOSTS_MAX {
                self.refused += 1;
                return;
            }
        }
        self.bits.insert((owner, id), now + time);
    }
}

fn xbit_owner(track: XbitsTrack, ends: Ends) -> Option<Owner> {
    match track {
        XbitsTrack::Source => Some(Owner::Host(ends.source)),
        XbitsTrack::Destination => Some(Owner::Host(ends.destination)),
        XbitsTrack::Pair => Some(Owner::Pair(
            ends.source.min(ends.destination),
            ends.source.max(ends.destination),
        )),
        XbitsTrack::Transaction => None,
    }
}

fn hosts(track: HostTrack, ends: Ends) -> [Option<IpAddr>; 2] {
    match track {
        HostTrack::Source => [Some(ends.source), None],
        HostTrack::Destination => [Some(ends.destination), None],
        HostTrack::Both => [Some(ends.source), Some(ends.destination)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    const A: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));
    const B: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2));
    const THERE: Ends = Ends {
        source: A,
        destination: B,
    };
    const BACK: Ends = Ends {
        source: B,
        destination: A,
    };

    fn at(secs: i64) -> Timestamp {
        Timestamp::new(secs, 0)
    }

    fn xbits(track: XbitsTrack) -> Xbits {
        Xbits {
            name: "x".into(),
            track,
            expire_secs: 10,
        }
    }

    #[test]
    fn a_pair_is_the_same_in_both_directions() {
        let (mut bits, pair) = (HostBits::default(), xbits(XbitsTrack::Pair));
        bits.change_xbit(0, &pair, BitChange::Set, THERE, at(100));
        assert_eq!(bits.xbit(0, &pair, BACK, at(101)), Some(true));
        assert_eq!(bits.xbit(1, &pair, BACK, at(101)), Some(false));
        assert_eq!(
            bits.xbit(0, &xbits(XbitsTrack::Source), THERE, at(101)),
            Some(false)
        );
        assert_eq!(
            bits.xbit(0, &xbits(XbitsTrack::Transaction), THERE, at(101)),
            None
        );
    }

    #[test]
    fn a_bit_runs_out_by_the_time_of_packets() {
        let (mut bits, source) = (HostBits::default(), xbits(XbitsTrack::Source));
        bits.change_xbit(0, &source, BitChange::Set, THERE, at(100));
        assert_eq!(bits.xbit(0, &source, THERE, at(110)), Some(true));
        assert_eq!(bits.xbit(0, &source, THERE, at(111)), Some(false));
        bits.change_xbit(0, &source, BitChange::Toggle, THERE, at(111));
        assert_eq!(bits.xbit(0, &source, THERE, at(112)), Some(true));
        bits.change_xbit(0, &source, BitChange::Unset, THERE, at(112));
        assert_eq!(bits.xbit(0, &source, THERE, at(112)), Some(false));
    }

    #[test]
    fn a_full_table_refuses_and_counts() {
        let (mut bits, source) = (HostBits::default(), xbits(XbitsTrack::Source));
        for id in 0..HOSTS_MAX as BitId + 5 {
            bits.change_xbit(id, &source, BitChange::Set, THERE, at(100));
        }
        assert_eq!(bits.refused(), 5);
        bits.change_xbit(1 << 20, &source, BitChange::Set, THERE, at(200));
        assert_eq!(bits.xbit(1 << 20, &source, THERE, at(200)), Some(true));
    }

    #[test]
    fn counters_compare_only_when_set() {
        let mut names = Names::default();
        let mut ints = FlowInts::default();
        let set = |names: &mut Names, change, number| {
            IntChange::compile("n", change, &FlowintOperand::Number(number), names)
        };
        let check = |operator, number| rules::rule::FlowintCheck {
            name: "n".into(),
            ask: FlowintAsk::Compare(operator, FlowintOperand::Number(number)),
        };
        let equal = IntCheck::compile(&check(FlowintOperator::Equal, 0), &mut names);
        assert!(!ints.holds(&equal));
        let subtract = set(&mut names, FlowintChange::Subtract, 3);
        ints.apply(&subtract);
        assert!(ints.holds(&equal));
        let add = set(&mut names, FlowintChange::Add, 2);
        ints.apply(&add);
        ints.apply(&add);
        assert!(ints.holds(&IntCheck::compile(
            &check(FlowintOperator::Greater, 3),
            &mut names
        )));
        let missing = IntChange::compile(
            "n",
            FlowintChange::Add,
            &FlowintOperand::Counter("m".into()),
            &mut names,
        );
        ints.apply(&missing);
        assert_eq!(ints.get(names.intern("n")), Some(4));
    }

    proptest! {
        #[test]
        fn flowbits_are_a_set(changes in proptest::collection::vec((0u32..20, 0..3), 0..100)) {
            let (mut bits, mut model) = (FlowBits::default(), BTreeSet::new());
            for (id, change) in changes {
                let change = [BitChange::Set, BitChange::Unset, BitChange::Toggle][change as usize];
                bits.change(id, change);
                let is_set = match change {
                    BitChange::Set => true,
                    BitChange::Unset => false,
                    BitChange::Toggle => !model.contains(&id),
                };
                if is_set { model.insert(id); } else { model.remove(&id); }
            }
            prop_assert!(bits.iter().eq(model.iter().copied()));
        }
    }
}
