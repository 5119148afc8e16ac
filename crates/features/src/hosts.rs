//! What a host did lately: how many others it talked to, how many talked to it, and how regularly it comes back.
//!
//! Bounded: a set of addresses or ports is a map of 256 bits, from whose zeros its size is told (K.-Y. Whang,
//! B. T. Vander-Zanden and H. M. Taylor, "A linear-time probabilistic counting algorithm", 1990). A window is two
//! halves, of which the older is forgotten when the younger is full: it reaches back half its length at least. The
//! same flows in the same order give the same figures.

use crate::flow::Ends;
use hashbrown::HashMap;
use std::hash::Hash;
use std::net::IpAddr;

/// Hosts that are remembered, twice as many for a while: some 30 MB each time.
const HOSTS_MAX: usize = 32_768;
/// Pairs of a host and a service that are remembered, likewise: some 5 MB.
const PAIRS_MAX: usize = 65_536;
/// Lengths of the windows in microseconds: what is fast shows in a minute, what is slow in ten.
const WINDOWS: [i64; 2] = [60_000_000, 600_000_000];
/// Words of 64 bits of a set: told well up to a thousand members, and as 1,420 beyond.
const WORDS: usize = 4;

/// What was so when a flow began, itself included.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Lately {
    /// Of the last minute, and of the last ten.
    pub(crate) windows: [Window; 2],
    /// Flows of this host to this service.
    pub(crate) pair_flows: u32,
    /// Microseconds since the one before began.
    pub(crate) pair_gap: f64,
    /// Their mean.
    pub(crate) pair_gap_mean: f64,
    /// Their standard deviation.
    pub(crate) pair_gap_deviation: f64,
}

/// Figures of one window.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Window {
    /// Flows that the source began.
    pub flows: u32,
    /// Hosts that it talked to.
    pub destinations: u32,
    /// Ports that it talked to, of any host.
    pub ports: u32,
    /// Flows that the destination got.
    pub arrivals: u32,
    /// Hosts that talked to the destination.
    pub sources: u32,
}

/// What all hosts did lately.
#[derive(Debug, Default)]
pub struct Hosts {
    hosts: Recent<IpAddr, [Halves; 2]>,
    pairs: Recent<(IpAddr, IpAddr, u16, u8), Pair>,
}

impl Hosts {
    /// A flow begins at `time`; what was so by then.
    pub(crate) fn begin(&mut self, ends: &Ends, protocol: u8, time: i64) -> Lately {
        let mut lately = Lately::default();
        let source = self.hosts.of(ends.source, HOSTS_MAX);
        for ((halves, length), told) in source.iter_mut().zip(WINDOWS).zip(&mut lately.windows) {
            let half = halves.at(time, length);
            half.flows += 1;
            half.destinations.add(mix(address(ends.destination)));
            half.ports.add(mix(u64::from(ends.destination_port)));
            told.flows = halves.sum(|half| half.flows);
            told.destinations = halves.count(|half| &half.destinations);
            told.ports = halves.count(|half| &half.ports);
        }
        let destination = self.hosts.of(ends.destination, HOSTS_MAX);
        for ((halves, length), told) in destination.iter_mut().zip(WINDOWS).zip(&mut lately.windows)
        {
            let half = halves.at(time, length);
            half.arrivals += 1;
            half.sources.add(mix(address(ends.source)));
            told.arrivals = halves.sum(|half| half.arrivals);
            told.sources = halves.count(|half| &half.sources);
        }
        let key = (
            ends.source,
            ends.destination,
            ends.destination_port,
            protocol,
        );
        self.pairs.of(key, PAIRS_MAX).begin(time, &mut lately);
        lately
    }
}

/// What was asked for lately, in two generations: the older goes as a whole when the younger is full.
#[derive(Debug)]
struct Recent<K, V> {
    young: HashMap<K, V, ahash::RandomState>,
    old: HashMap<K, V, ahash::RandomState>,
}

impl<K, V> Default for Recent<K, V> {
    fn default() -> Self {
        Recent {
            young: HashMap::default(),
            old: HashMap::default(),
        }
    }
}

impl<K: Eq + Hash, V: Default> Recent<K, V> {
    fn of(&mut self, key: K, most: usize) -> &mut V {
        if !self.young.contains_key(&key) && self.young.len() >= most {
            self.old = std::mem::take(&mut self.young);
        }
        let old = &mut self.old;
        self.young
            .entry(key)
            .or_insert_with_key(|key| old.remove(key).unwrap_or_default())
    }
}

/// A window of one host.
#[derive(Clone, Copy, Debug, Default)]
struct Halves {
    /// When the younger half began.
    since: i64,
    young: Half,
    old: Half,
}

#[derive(Clone, Copy, Debug, Default)]
struct Half {
    flows: u32,
    arrivals: u32,
    destinations: Set,
    ports: Set,
    sources: Set,
}

impl Halves {
    /// The half that `time` belongs to, in a window of this length.
    fn at(&mut self, time: i64, length: i64) -> &mut Half {
        let half = length / 2;
        let age = time.saturating_sub(self.since);
        // Time that runs backwards (captures one after the other) begins anew, too.
        if age >= half || age < -half {
            let goes_on = (half..2 * half).contains(&age);
            let young = std::mem::take(&mut self.young);
            self.old = if goes_on { young } else { Half::default() };
            self.since = if goes_on { self.since + half } else { time };
        }
        &mut self.young
    }

    fn sum(&self, of: impl Fn(&Half) -> u32) -> u32 {
        of(&self.young).saturating_add(of(&self.old))
    }

    fn count(&self, of: impl Fn(&Half) -> &Set) -> u32 {
        of(&self.young).joined(of(&self.old)).count()
    }
}

/// A set whose size alone is asked for.
#[derive(Clone, Copy, Debug, Default)]
struct Set([u64; WORDS]);

impl Set {
    fn add(&mut self, hash: u64) {
        let bit = hash % (WORDS as u64 * 64);
        if let Some(word) = self.0.get_mut((bit / 64) as usize) {
            *word |= 1 << (bit % 64);
        }
    }

    fn joined(&self, other: &Set) -> Set {
        let mut joined = *self;
        for (word, more) in joined.0.iter_mut().zip(other.0) {
            *word |= more;
        }
        joined
    }

    fn count(&self) -> u32 {
        let bits = f64::from(WORDS as u32 * 64);
        let ones: u32 = self.0.iter().map(|word| word.count_ones()).sum();
        let zeros = (bits - f64::from(ones)).max(1.0);
        // A logarithm of a number within 1 and 256: positive and below 1,421.
        (bits * (bits / zeros).ln()).round() as u32
    }
}

/// A host and a service that it talks to.
#[derive(Clone, Copy, Debug, Default)]
struct Pair {
    flows: u32,
    last: i64,
    gaps: crate::summary::Summary,
}

impl Pair {
    fn begin(&mut self, time: i64, lately: &mut Lately) {
        if self.flows > 0 {
            let gap = time.saturating_sub(self.last).max(0) as f64;
            self.gaps.add(gap);
            lately.pair_gap = gap;
        }
        self.flows = self.flows.saturating_add(1);
        self.last = time;
        lately.pair_flows = self.flows;
        lately.pair_gap_mean = self.gaps.mean();
        lately.pair_gap_deviation = self.gaps.deviation();
    }
}

fn address(address: IpAddr) -> u64 {
    match address {
        IpAddr::V4(address) => u64::from(u32::from(address)),
        IpAddr::V6(address) => {
            let bits = u128::from(address);
            (bits >> 64) as u64 ^ mix(bits as u64)
        }
    }
}

/// SplitMix64's last step (G. L. Steele, D. Lea and C. H. Flood, 2014): the same on every machine, unlike
/// the tables' own hash.
fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(source: u32, destination: u32, port: u16) -> Ends {
        Ends {
            source: IpAddr::V4(source.into()),
            destination: IpAddr::V4(destination.into()),
            source_port: 40_000,
            destination_port: port,
        }
    }

    #[test]
    fn what_a_host_reaches_out_to_is_counted_within_a_tenth() {
        let mut hosts = Hosts::default();
        let mut last = Lately::default();
        for n in 0..200_u32 {
            last = hosts.begin(&ends(1, 1000 + n, 22), 6, i64::from(n) * 100_000);
        }
        let minute = last.windows[0];
        assert_eq!((minute.flows, minute.ports), (200, 1));
        assert!((180..=220).contains(&minute.destinations), "{minute:?}");
    }

    #[test]
    fn who_talks_to_a_host_is_counted() {
        let mut hosts = Hosts::default();
        let mut last = Lately::default();
        for n in 0..30_u32 {
            last = hosts.begin(&ends(1000 + n, 7, 80), 6, i64::from(n));
        }
        assert_eq!(last.windows[1].arrivals, 30);
        assert!((28..=32).contains(&last.windows[1].sources));
        assert_eq!(last.windows[1].flows, 1);
    }

    #[test]
    fn a_window_forgets() {
        let mut hosts = Hosts::default();
        hosts.begin(&ends(1, 2, 80), 6, 0);
        let later = hosts.begin(&ends(1, 3, 80), 6, 61_000_000);
        assert_eq!((later.windows[0].flows, later.windows[1].flows), (1, 2));
        let much_later = hosts.begin(&ends(1, 3, 80), 6, 3_600_000_000);
        assert_eq!(much_later.windows[1].flows, 1);
    }

    #[test]
    fn who_comes_back_like_a_clock_has_no_spread() {
        let mut hosts = Hosts::default();
        let mut last = Lately::default();
        for n in 0..10 {
            last = hosts.begin(&ends(1, 2, 443), 6, n * 30_000_000);
        }
        assert_eq!((last.pair_flows, last.pair_gap_mean), (10, 30e6));
        assert_eq!(last.pair_gap_deviation, 0.0);
    }

    #[test]
    fn there_is_room_for_so_many_and_no_more() {
        let mut hosts = Hosts::default();
        for n in 0..200_000_u32 {
            hosts.begin(&ends(n, 200_000 + n, 80), 6, 0);
        }
        assert!(hosts.hosts.young.len() <= HOSTS_MAX && hosts.hosts.old.len() <= HOSTS_MAX);
        assert!(hosts.pairs.young.len() <= PAIRS_MAX && hosts.pairs.old.len() <= PAIRS_MAX);
    }
}
