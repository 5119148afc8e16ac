//! Puts IP datagrams back together, the way the receiver would.
//!
//! Where fragments overlap with different bytes, receivers disagree about which to believe, and an
//! attacker uses that to show us one datagram and the victim another. So the choice is made by the
//! policy of the destination's operating system (Novak, "Target-Based Fragmentation Reassembly",
//! 2005).

mod datagram;

#[cfg(test)]
mod tests;

use crate::packet::{Counter, Counters, DecodeEvent, Fragment, Ip, Packet};
use datagram::{Datagram, Outcome};

pub(crate) use datagram::Whole;
use event::Timestamp;
use event::address::AddressRange;
use hashbrown::HashMap;
use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::Duration;

/// Buffers of finished datagrams that are kept for the next; more would only hold memory.
const SPARE_MAX: usize = 16;

/// Expired datagrams that one fragment may clear away, so that none pays for all.
const EXPIRE_STEPS_MAX: usize = 8;

/// What a datagram costs besides its bytes: its entry in the table and in the queue.
const TRACKER_BYTES: usize = 256;

/// Which bytes to believe where fragments overlap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// The earlier, unless the later begins before it.
    #[default]
    Bsd,
    /// The later, unless the earlier begins after it.
    BsdRight,
    /// The earlier, unless the later begins before it or where it does.
    Linux,
    /// The earlier, always.
    First,
    /// The later, always.
    Last,
    /// The earlier, unless the later reaches past it on both sides.
    Windows,
    /// The earlier, unless the later begins before it and reaches at least as far.
    Solaris,
}

impl Policy {
    /// The policy of an operating system that `host-os-policy` names.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text.to_ascii_lowercase().as_str() {
            "bsd" | "hpux10" | "irix" => Policy::Bsd,
            "bsd-right" | "bsd_right" => Policy::BsdRight,
            "linux" | "old-linux" | "old_linux" => Policy::Linux,
            "first" | "hpux11" | "macos" | "old-solaris" | "old_solaris" => Policy::First,
            "last" => Policy::Last,
            "windows" | "vista" | "windows2k3" => Policy::Windows,
            "solaris" => Policy::Solaris,
            _ => return None,
        })
    }

    /// Whether a later fragment's bytes are believed over an earlier one's, both given by where they
    /// begin and end.
    fn prefers_later(self, earlier: (u32, u32), later: (u32, u32)) -> bool {
        match self {
            Policy::Bsd => later.0 < earlier.0,
            Policy::BsdRight => later.0 >= earlier.0,
            Policy::Linux => later.0 <= earlier.0,
            Policy::First => false,
            Policy::Last => true,
            Policy::Windows => later.0 < earlier.0 && later.1 > earlier.1,
            Policy::Solaris => later.0 < earlier.0 && later.1 >= earlier.1,
        }
    }
}

/// How much the defragmenter may hold and for how long; Suricata's defaults.
#[derive(Clone, Debug)]
pub struct Config {
    /// Whether fragments are put together at all.
    pub is_enabled: bool,
    /// How long a datagram waits for its next fragment.
    pub timeout: Duration,
    /// Datagrams under way.
    pub trackers_max: usize,
    /// Fragments held, over all datagrams.
    pub fragments_max: usize,
    /// Memory held.
    pub memory_max: usize,
    /// The policy for destinations that no entry of `hosts` names.
    pub policy: Policy,
    /// Policies by destination; the smallest range that holds it counts.
    pub hosts: Vec<(AddressRange, Policy)>,
    /// Timeouts by destination; the first range that holds it counts.
    pub host_timeouts: Vec<(AddressRange, Duration)>,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            is_enabled: true,
            timeout: Duration::from_secs(60),
            trackers_max: 65_535,
            fragments_max: 65_535,
            memory_max: 32 << 20,
            policy: Policy::Bsd,
            hosts: Vec::new(),
            host_timeouts: Vec::new(),
        }
    }
}

impl Config {
    fn policy_of(&self, destination: IpAddr) -> Policy {
        let holding = self
            .hosts
            .iter()
            .filter(|(range, _)| range.contains(destination));
        holding
            .min_by_key(|(range, _)| size(range))
            .map_or(self.policy, |(_, policy)| *policy)
    }

    fn timeout_of(&self, destination: IpAddr) -> Duration {
        let named = self
            .host_timeouts
            .iter()
            .find(|(range, _)| range.contains(destination));
        named.map_or(self.timeout, |(_, timeout)| *timeout)
    }
}

fn size(range: &AddressRange) -> u128 {
    match (range.first, range.last) {
        (IpAddr::V4(first), IpAddr::V4(last)) => {
            u128::from(last.to_bits().wrapping_sub(first.to_bits()))
        }
        (IpAddr::V6(first), IpAddr::V6(last)) => last.to_bits().wrapping_sub(first.to_bits()),
        _ => u128::MAX,
    }
}

/// What makes fragments belong together (RFC 791 section 3.2, RFC 8200 section 4.5), and where they
/// were seen: the same numbers on another VLAN or in another tunnel are another datagram.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    source: IpAddr,
    destination: IpAddr,
    id: u32,
    protocol: u8,
    depth: u8,
    vlans: [u16; 3],
}

struct Tracker {
    datagram: Datagram,
    deadline: Timestamp,
    timeout: Duration,
    /// Tells this datagram from an earlier one of the same key, whose place in the queue remains.
    generation: u64,
}

/// The datagrams under way.
pub struct Defrag {
    config: Config,
    trackers: HashMap<Key, Tracker, ahash::RandomState>,
    /// Keys in the order in which they may expire.
    queue: VecDeque<(Key, u64)>,
    generation: u64,
    fragments: usize,
    memory: usize,
    spare: Vec<Vec<u8>>,
}

impl Defrag {
    /// Nothing under way.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Defrag {
            config,
            trackers: HashMap::with_hasher(ahash::RandomState::new()),
            queue: VecDeque::new(),
            generation: 0,
            fragments: 0,
            memory: 0,
            spare: Vec::new(),
        }
    }

    /// Datagrams under way.
    #[must_use]
    pub fn under_way(&self) -> usize {
        self.trackers.len()
    }

    /// Takes a fragment; gives the datagram that it completed. Events go to the fragment's packet.
    pub(crate) fn insert(
        &mut self,
        packet: &mut Packet<'_>,
        fragment: &Fragment<'_>,
        counters: &mut Counters,
    ) -> Option<Whole> {
        let names = Names::of(packet.ip.as_ref()?);
        counters.count(names.fragments);
        if !self.config.is_enabled {
            return None;
        }
        let end =
            u32::from(fragment.offset) + u32::try_from(fragment.data.len()).unwrap_or(u32::MAX);
        if names.least_header + end > datagram::LEN_MAX {
            packet.events.add(names.too_large);
            return None;
        }
        self.expire(packet.time, EXPIRE_STEPS_MAX, counters);
        let key = key(packet, fragment)?;
        if self.fragments >= self.config.fragments_max {
            counters.count(Counter::MaxFragsReached);
            packet.events.add(names.ignored);
            return None;
        }
        let cost = fragment.data.len() + fragment.header.len();
        if !self.trackers.contains_key(&key) && !self.open(key, packet.time, cost, counters) {
            packet.events.add(names.ignored);
            return None;
        }
        let tracker = self.trackers.get_mut(&key)?;
        let held_before = tracker.datagram.held();
        tracker.deadline = packet.time + tracker.timeout;
        let outcome = tracker.datagram.insert(fragment);
        self.fragments += 1;
        self.memory += tracker.datagram.held().saturating_sub(held_before);
        counters.defrag_memory = self.memory as u64;
        match outcome {
            Outcome::Waiting { overlaps } => {
                if overlaps {
                    packet.events.add(names.overlap);
                }
                if self.memory > self.config.memory_max {
                    packet.events.add(names.ignored);
                    self.close(&key);
                    counters.defrag_memory = self.memory as u64;
                }
                None
            }
            Outcome::Complete { overlaps } => {
                if overlaps {
                    packet.events.add(names.overlap);
                }
                let mut datagram = self.close(&key)?;
                counters.defrag_memory = self.memory as u64;
                match datagram.finish() {
                    Some(whole) => {
                        counters.count(names.reassembled);
                        Some(whole)
                    }
                    None => {
                        packet.events.add(names.too_large);
                        None
                    }
                }
            }
        }
    }

    /// Gives the bytes of a datagram back for the next.
    pub(crate) fn recycle(&mut self, mut bytes: Vec<u8>) {
        if self.spare.len() < SPARE_MAX {
            bytes.clear();
            self.spare.push(bytes);
        }
    }

    fn open(&mut self, key: Key, now: Timestamp, cost: usize, counters: &mut Counters) -> bool {
        let is_full = self.trackers.len() >= self.config.trackers_max;
        if is_full && self.expire(now, usize::MAX, counters) == 0 {
            counters.count(Counter::MaxTrackersReached);
            return false;
        }
        if self.memory + cost + TRACKER_BYTES > self.config.memory_max {
            return false;
        }
        self.generation += 1;
        let timeout = self.config.timeout_of(key.destination);
        let datagram = Datagram::new(
            self.config.policy_of(key.destination),
            self.spare.pop().unwrap_or_default(),
        );
        self.memory += TRACKER_BYTES;
        self.queue.push_back((key, self.generation));
        self.trackers.insert(
            key,
            Tracker {
                datagram,
                deadline: now,
                timeout,
                generation: self.generation,
            },
        );
        true
    }

    fn close(&mut self, key: &Key) -> Option<Datagram> {
        let tracker = self.trackers.remove(key)?;
        self.memory = self
            .memory
            .saturating_sub(tracker.datagram.held() + TRACKER_BYTES);
        self.fragments = self.fragments.saturating_sub(tracker.datagram.fragments());
        Some(tracker.datagram)
    }

    /// Drops datagrams whose time is over, at most looking at `steps` of the queue.
    fn expire(&mut self, now: Timestamp, steps: usize, counters: &mut Counters) -> usize {
        let mut dropped = 0;
        for _ in 0..steps.min(self.queue.len()) {
            let Some((key, generation)) = self.queue.pop_front() else {
                break;
            };
            match self.trackers.get(&key) {
                Some(tracker) if tracker.generation == generation && tracker.deadline > now => {
                    // Still waiting. The oldest was looked at, so that those behind it have time too.
                    self.queue.push_back((key, generation));
                    if steps < usize::MAX {
                        break;
                    }
                }
                Some(tracker) if tracker.generation == generation => {
                    if let Some(mut datagram) = self.close(&key) {
                        self.recycle(datagram.take_bytes());
                    }
                    counters.count(Counter::TrackerTimeout);
                    dropped += 1;
                }
                _ => {}
            }
        }
        dropped
    }
}

fn key(packet: &Packet<'_>, fragment: &Fragment<'_>) -> Option<Key> {
    let (source, destination) = packet.addresses()?;
    // Only the first fragment of IPv6 is bound to tell the protocol rightly.
    let protocol = match packet.ip? {
        Ip::V4(ip) => ip.protocol.0,
        Ip::V6(_) => 0,
    };
    let mut vlans = [0; 3];
    for (place, vlan) in vlans.iter_mut().zip(&packet.vlans) {
        *place = *vlan;
    }
    Some(Key {
        source,
        destination,
        id: fragment.id,
        protocol,
        depth: packet.depth,
        vlans,
    })
}

/// Events and counters of an IP version.
struct Names {
    fragments: Counter,
    reassembled: Counter,
    overlap: DecodeEvent,
    too_large: DecodeEvent,
    ignored: DecodeEvent,
    /// Header bytes that count towards the limit of a datagram: IPv6 limits the payload alone.
    least_header: u32,
}

impl Names {
    fn of(ip: &Ip<'_>) -> Names {
        match ip {
            Ip::V4(_) => Names {
                fragments: Counter::FragmentsV4,
                reassembled: Counter::ReassembledV4,
                overlap: DecodeEvent::IPV4_FRAG_OVERLAP,
                too_large: DecodeEvent::IPV4_FRAG_PKT_TOO_LARGE,
                ignored: DecodeEvent::IPV4_FRAG_IGNORED,
                least_header: 20,
            },
            Ip::V6(_) => Names {
                fragments: Counter::FragmentsV6,
                reassembled: Counter::ReassembledV6,
                overlap: DecodeEvent::IPV6_FRAG_OVERLAP,
                too_large: DecodeEvent::IPV6_FRAG_PKT_TOO_LARGE,
                ignored: DecodeEvent::IPV6_FRAG_IGNORED,
                least_header: 0,
            },
        }
    }
}
