//! All flows: found by the key of a packet, ended by time, by need of memory, by a new connection
//! between the same ends, or with the capture.

use super::{Config, Counters, Ends, Flow, Key, State};
use crate::tcp::{self, reuse};
use ahash::RandomState;
use decode::packet::{Packet, Transport};
use event::{Direction, IpProtocol, Timestamp};
use hashbrown::HashTable;

/// Memory a flow counts for, with its place in the table; what its parser and its stream hold is
/// counted where it is held.
const FLOW_BYTES: u64 = 512;

/// Slots looked at with every packet once silent flows are looked for.
const SWEEP_STEP: usize = 4;

/// Slots looked at to find a flow to give up for a new one.
const PRUNE_STEPS: usize = 64;

/// Place of a flow in the table; valid until the flow ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FlowIndex(u32);

/// The flow of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hit {
    /// Where the flow is.
    pub index: FlowIndex,
    /// Which way the packet travels in it.
    pub direction: Direction,
    /// Whether this packet opened it.
    pub is_new: bool,
    /// Whether the packet is the flow's first in its direction.
    pub is_first: bool,
    /// Whether the packet belongs to an established flow (Suricata's `FLOW_PKT_ESTABLISHED`).
    pub is_established: bool,
    /// The packet is an ICMP error about the flow.
    pub is_error: bool,
}

#[derive(Debug)]
struct Entry {
    key: Key,
    hash: u64,
    /// Up to this second the flow can't have timed out, so that looking for silent flows rarely
    /// needs to look at flows themselves.
    kept_secs: i64,
    /// On the heap, so that a flow stays where it is when the table grows and when it ends.
    flow: Box<Flow>,
}

/// Flows by their keys.
#[derive(Debug)]
pub struct Table {
    config: Config,
    hasher: RandomState,
    index: HashTable<u32>,
    slots: Vec<Option<Entry>>,
    free: Vec<u32>,
    #[expect(
        clippy::vec_box,
        reason = "a flow moves by its pointer, not by its size"
    )]
    ended: Vec<Box<Flow>>,
    hand: usize,
    is_emergency: bool,
    counters: Counters,
}

impl Table {
    /// An empty table.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Table {
            config,
            hasher: RandomState::new(),
            index: HashTable::new(),
            slots: Vec::new(),
            free: Vec::new(),
            ended: Vec::new(),
            hand: 0,
            is_emergency: false,
            counters: Counters::default(),
        }
    }

    /// Finds the flow of a packet, or opens one, and accounts the packet to it. None where the
    /// packet has no flow or there is no memory for one (`flow.memcap` is then counted). Flows
    /// that end by this are handed out by [`Table::take_ended`]; take them before the packet is
    /// looked into, since they are older than it.
    pub fn on_packet(&mut self, packet: &Packet<'_>, tcp: &tcp::Config) -> Option<Hit> {
        let ends = Ends::of(packet)?;
        let key = Key::new(&ends, packet, &self.config);
        let hash = self.hasher.hash_one(key);
        self.sweep(packet.time);
        let mut is_new = false;
        let slot = match self.find(hash, &key) {
            Some(slot) => match self.reason_to_end(slot, &ends, packet, tcp) {
                None => slot,
                Some(reason) => {
                    self.end(slot, reason);
                    is_new = true;
                    self.open(hash, key, &ends, packet, tcp)?
                }
            },
            None => {
                is_new = true;
                self.open(hash, key, &ends, packet, tcp)?
            }
        };
        let flow = &mut self.slots.get_mut(slot as usize)?.as_mut()?.flow;
        let direction = flow.direction_of_ends(packet, &ends);
        let is_first = flow.packets[usize::from(direction)] == 0;
        let is_established = flow.account(packet, direction);
        Some(Hit {
            index: FlowIndex(slot),
            direction,
            is_new,
            is_first,
            is_established,
            is_error: ends.is_error,
        })
    }

    fn find(&self, hash: u64, key: &Key) -> Option<u32> {
        let slots = &self.slots;
        let is_it = |slot: &u32| {
            slots
                .get(*slot as usize)
                .and_then(Option::as_ref)
                .is_some_and(|e| e.key == *key)
        };
        self.index.find(hash, is_it).copied()
    }

    /// Why a flow ends although a packet with its key came.
    fn reason_to_end(
        &self,
        slot: u32,
        ends: &Ends,
        packet: &Packet<'_>,
        tcp: &tcp::Config,
    ) -> Option<&'static str> {
        let flow = &self.slots.get(slot as usize)?.as_ref()?.flow;
        if self.is_timed_out(flow, packet.time) {
            return Some("timeout");
        }
        let Transport::Tcp(header) = packet.transport else {
            return None;
        };
        let direction = flow.direction_of_ends(packet, ends);
        reuse(flow.tcp.as_deref(), &header, direction, tcp).then_some("tcp_reuse")
    }

    /// Until which second a flow that has not timed out is kept at least: without another packet
    /// its own timeout counts, with one the least there is counts from now on.
    fn kept_secs(&self, flow: &Flow, now: Timestamp) -> i64 {
        let timeouts = self.config.timeouts(flow.protocol);
        let silent = flow.last.secs() + i64::from(timeouts.of(flow.state, false));
        silent.min(now.secs() + i64::from(timeouts.least(flow.protocol)))
    }

    fn is_timed_out(&self, flow: &Flow, now: Timestamp) -> bool {
        let timeouts = self.config.timeouts(flow.protocol);
        let timeout = i64::from(timeouts.of(flow.state, self.is_emergency));
        now.secs().saturating_sub(flow.last.secs()) > timeout
    }

    fn open(
        &mut self,
        hash: u64,
        key: Key,
        ends: &Ends,
        packet: &Packet<'_>,
        tcp: &tcp::Config,
    ) -> Option<u32> {
        if ends.is_error || (self.is_emergency && !may_open_in_emergency(packet, tcp)) {
            return None;
        }
        if self.counters.memuse + FLOW_BYTES > self.config.memcap {
            self.enter_emergency();
            if !self.prune(packet.time) {
                self.counters.memcap += 1;
                self.counters.get_used_failed += 1;
                return None;
            }
        }
        self.counters.memuse += FLOW_BYTES;
        self.count_new(ends.protocol);
        let entry = Entry {
            key,
            hash,
            kept_secs: i64::MIN,
            flow: Box::new(Flow::new(ends, packet)),
        };
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => {
                let slot = u32::try_from(self.slots.len()).ok()?;
                self.slots.push(None);
                slot
            }
        };
        *self.slots.get_mut(slot as usize)? = Some(entry);
        let slots = &self.slots;
        let hash_of = |slot: &u32| {
            slots
                .get(*slot as usize)
                .and_then(Option::as_ref)
                .map_or(0, |entry| entry.hash)
        };
        self.index.insert_unique(hash, slot, hash_of);
        Some(slot)
    }

    fn count_new(&mut self, protocol: IpProtocol) {
        self.counters.total += 1;
        self.counters.active += 1;
        match protocol {
            IpProtocol::TCP => self.counters.tcp += 1,
            IpProtocol::UDP => self.counters.udp += 1,
            IpProtocol::ICMP => self.counters.icmpv4 += 1,
            IpProtocol::ICMPV6 => self.counters.icmpv6 += 1,
            _ => {}
        }
    }

    fn end(&mut self, slot: u32, reason: &'static str) {
        let Some(entry) = self.slots.get_mut(slot as usize).and_then(Option::take) else {
            return;
        };
        if let Ok(found) = self.index.find_entry(entry.hash, |other| *other == slot) {
            found.remove();
        }
        self.free.push(slot);
        let mut flow = entry.flow;
        flow.end_reason = Some(reason);
        self.counters.active = self.counters.active.saturating_sub(1);
        self.counters.memuse = self.counters.memuse.saturating_sub(FLOW_BYTES);
        match flow.state {
            State::New => self.counters.end_new += 1,
            State::Established => self.counters.end_established += 1,
            State::Closed => self.counters.end_closed += 1,
            State::Bypassed => self.counters.end_bypassed += 1,
        }
        match reason {
            "tcp_reuse" => {
                self.counters.tcp_reuse += 1;
                flow.state = State::Closed;
            }
            "timeout" => self.counters.worker_flows_evicted += 1,
            _ => {}
        }
        self.ended.push(flow);
        self.leave_emergency();
    }

    /// Looks at a few flows and ends those that were silent for too long.
    fn sweep(&mut self, now: Timestamp) {
        let live = self.index.len();
        if live <= self.config.sweep_above && !self.is_emergency {
            return;
        }
        self.look_at(SWEEP_STEP, now);
    }

    /// Looks at the next `1 / parts` of all flows and ends those that were silent for too long: for
    /// those who have a clock, so that flows end where no packet comes either.
    pub fn expire(&mut self, now: Timestamp, parts: usize) {
        if !self.index.is_empty() {
            self.look_at(self.slots.len().div_ceil(parts.max(1)), now);
        }
    }

    fn look_at(&mut self, slots: usize, now: Timestamp) {
        for _ in 0..slots.min(self.slots.len()) {
            let slot = self.step();
            let Some(Some(entry)) = self.slots.get(slot) else {
                continue;
            };
            self.counters.manager_flows_checked += 1;
            if !self.is_emergency && now.secs() <= entry.kept_secs {
                self.counters.manager_flows_notimeout += 1;
            } else if self.is_timed_out(&entry.flow, now) {
                self.counters.manager_flows_timeout += 1;
                self.end(slot as u32, "timeout");
            } else {
                self.counters.manager_flows_notimeout += 1;
                let kept_secs = self.kept_secs(&entry.flow, now);
                if let Some(Some(entry)) = self.slots.get_mut(slot) {
                    entry.kept_secs = kept_secs;
                }
            }
        }
    }

    fn step(&mut self) -> usize {
        let slot = self.hand;
        self.hand += 1;
        if self.hand >= self.slots.len() {
            self.hand = 0;
            self.counters.manager_full_hash_pass += 1;
        }
        slot
    }

    /// Gives up the flow that was silent longest among the next few; whether there was one.
    fn prune(&mut self, now: Timestamp) -> bool {
        let mut oldest: Option<(Timestamp, usize)> = None;
        for _ in 0..PRUNE_STEPS.min(self.slots.len()) {
            let slot = self.step();
            if let Some(Some(entry)) = self.slots.get(slot) {
                self.counters.get_used_eval += 1;
                let last = entry.flow.last;
                if oldest.is_none_or(|(time, _)| last < time) {
                    oldest = Some((last, slot));
                }
            }
        }
        let Some((_, slot)) = oldest else {
            return false;
        };
        let is_silent = match self.slots.get(slot) {
            Some(Some(entry)) => self.is_timed_out(&entry.flow, now),
            _ => false,
        };
        self.counters.get_used += 1;
        self.end(slot as u32, if is_silent { "timeout" } else { "forced" });
        true
    }

    fn enter_emergency(&mut self) {
        if !self.is_emergency {
            self.is_emergency = true;
            self.counters.emergency_entered += 1;
        }
    }

    fn leave_emergency(&mut self) {
        let percent = u64::from(self.config.emergency_recovery.min(100));
        let allowed = self.config.memcap / 100 * (100 - percent);
        if self.is_emergency && self.counters.memuse <= allowed {
            self.is_emergency = false;
            self.counters.emergency_over += 1;
        }
    }

    /// Whether flows are ended early for want of memory.
    #[must_use]
    pub fn is_emergency(&self) -> bool {
        self.is_emergency
    }

    /// A flow.
    #[must_use]
    pub fn get(&self, index: FlowIndex) -> Option<&Flow> {
        self.slots
            .get(index.0 as usize)?
            .as_ref()
            .map(|entry| &*entry.flow)
    }

    /// A flow, to change.
    pub fn get_mut(&mut self, index: FlowIndex) -> Option<&mut Flow> {
        self.slots
            .get_mut(index.0 as usize)?
            .as_mut()
            .map(|entry| &mut *entry.flow)
    }

    /// All flows that have not ended, in no order.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (FlowIndex, &mut Flow)> {
        self.slots
            .iter_mut()
            .enumerate()
            .filter_map(|(slot, entry)| Some((FlowIndex(slot as u32), &mut *entry.as_mut()?.flow)))
    }

    /// How many flows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// Whether flows have ended that nobody took yet.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        !self.ended.is_empty()
    }

    /// The flows that ended since the last call, in the order they ended.
    pub fn take_ended(&mut self) -> Vec<Box<Flow>> {
        std::mem::take(&mut self.ended)
    }

    /// Ends all flows in the order they began: the capture is over (`shutdown`).
    pub fn end_all(&mut self, reason: &'static str) {
        let mut slots: Vec<(u64, u32)> = self
            .slots
            .iter()
            .enumerate()
            .filter_map(|(slot, entry)| Some((entry.as_ref()?.flow.first_packet, slot as u32)))
            .collect();
        slots.sort_unstable();
        for (_, slot) in slots {
            self.end(slot, reason);
        }
    }

    /// What was counted.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The settings.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }
}

/// In an emergency only what begins properly gets a flow.
fn may_open_in_emergency(packet: &Packet<'_>, tcp: &tcp::Config) -> bool {
    use decode::packet::Tcp;
    match packet.transport {
        Transport::Tcp(header) => {
            let control = header.flags & (Tcp::SYN | Tcp::ACK | Tcp::RST | Tcp::FIN);
            control == Tcp::SYN || tcp.midstream
        }
        _ => true,
    }
}
