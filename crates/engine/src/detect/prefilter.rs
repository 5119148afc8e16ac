//! Finds the rules that may match: one set of literals for each buffer and direction.

use super::cache::Cache;
use super::classify::is_of_transaction;
use super::fast_pattern::{self, Choice};
use super::program::Resources;
use super::signature::RuleId;
use super::transforms::Transforms;
use ahash::AHashMap;
use event::{AppProtocol, Buffer, Direction};
use matcher::{Literal, LiteralSet, Scratch};
use rules::rule::{Protocol, Rule, Transform};

/// Literals and the rules that each of them may belong to.
#[derive(Debug)]
pub(super) struct PatternSet {
    literals: LiteralSet,
    /// Where the rules of each literal begin in `rules`, and the end.
    starts: Box<[u32]>,
    rules: Box<[u32]>,
    shortest: usize,
}

impl PatternSet {
    /// Adds the rules whose literal is in `data` to `out`, maybe several times.
    pub(super) fn scan(&self, data: &[u8], scratch: &mut Scratch, out: &mut Vec<u32>) {
        if data.len() < self.shortest {
            return;
        }
        let outcome = self.literals.scan(data, scratch, |id, _| {
            let at = id as usize;
            if let (Some(&from), Some(&to)) = (self.starts.get(at), self.starts.get(at + 1))
                && let Some(rules) = self.rules.get(from as usize..to as usize)
            {
                // Nearly always one: a call to copy it would cost more than the copy.
                match rules {
                    [rule] => out.push(*rule),
                    rules => out.extend_from_slice(rules),
                }
            }
            true
        });
        if outcome.is_err() {
            // Out of memory for working space: better slow than blind.
            out.extend_from_slice(&self.rules);
        }
    }

    pub(super) fn size(&self) -> usize {
        self.literals.size() + 4 * (self.starts.len() + self.rules.len())
    }
}

/// A buffer of transactions and its literals.
#[derive(Debug)]
pub(super) struct BufferSet {
    pub(super) buffer: Buffer,
    pub(super) transforms: Transforms,
    pub(super) set: PatternSet,
}

/// Which packets' payload a set is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum PayloadOf {
    Tcp,
    Udp,
    Other,
}

impl PayloadOf {
    const ALL: [PayloadOf; 3] = [PayloadOf::Tcp, PayloadOf::Udp, PayloadOf::Other];
}

/// All sets.
#[derive(Debug, Default)]
pub(super) struct Prefilter {
    /// By protocol and direction.
    pub(super) packet: [[Option<PatternSet>; 2]; 3],
    /// By direction.
    pub(super) stream: [Option<PatternSet>; 2],
    pub(super) buffers: Vec<BufferSet>,
    /// Places in `buffers` by protocol of the flow and direction.
    by_protocol: AHashMap<AppProtocol, [Vec<u16>; 2]>,
}

impl Prefilter {
    /// Sets to scan for transactions of `protocol` in `direction`, as places in `buffers`.
    pub(super) fn of(&self, protocol: AppProtocol, direction: Direction) -> &[u16] {
        self.by_protocol
            .get(&protocol)
            .map_or(&[], |places| &places[usize::from(direction)])
    }

    /// The set for payload of packets.
    pub(super) fn payload(&self, of: PayloadOf, direction: Direction) -> Option<&PatternSet> {
        self.packet[of as usize][usize::from(direction)].as_ref()
    }

    pub(super) fn size(&self) -> usize {
        let packets = self.packet.iter().flatten().flatten();
        let buffers = self.buffers.iter().map(|b| &b.set);
        packets
            .chain(self.stream.iter().flatten())
            .chain(buffers)
            .map(PatternSet::size)
            .sum()
    }
}

#[derive(Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Place {
    Packet(PayloadOf, bool),
    Stream(bool),
    Buffer(Buffer, u32, bool),
}

type Patterns = AHashMap<(Vec<u8>, bool), Vec<u32>>;

/// Collects patterns of rules.
#[derive(Default)]
pub(super) struct Builder {
    places: AHashMap<Place, Patterns>,
    transforms: Vec<Vec<Transform>>,
}

/// What of a rule matters here.
pub(super) struct Wanted {
    pub(super) directions: [bool; 2],
    pub(super) packet: bool,
    pub(super) stream: bool,
    pub(super) is_bidirectional: bool,
}

impl Builder {
    /// Adds the rule's fast pattern; false where it has none, so that it must always be looked at.
    pub(super) fn add(&mut self, id: RuleId, rule: &Rule, wanted: &Wanted) -> bool {
        let Some(Choice {
            buffer,
            bytes,
            is_nocase,
        }) = fast_pattern::choose(rule)
        else {
            return false;
        };
        let Some(found) = rule.buffers.get(buffer) else {
            return false;
        };
        let mut any = false;
        for direction in Direction::BOTH {
            let is_client = direction == Direction::ToClient;
            if !wanted.directions[usize::from(direction)] {
                continue;
            }
            let mut places = Vec::new();
            if is_of_transaction(found.buffer) {
                let written = if wanted.is_bidirectional {
                    found.direction
                } else {
                    None
                };
                if !found.buffer.ways().has(direction) || written.is_some_and(|d| d != direction) {
                    continue;
                }
                let transforms = self.transforms_place(&found.transforms);
                places.push(Place::Buffer(found.buffer, transforms, is_client));
            } else {
                let (tcp, udp, other) = carriers(rule.protocol);
                if tcp && wanted.packet {
                    places.push(Place::Packet(PayloadOf::Tcp, is_client));
                }
                if tcp && wanted.stream {
                    places.push(Place::Stream(is_client));
                }
                if udp {
                    places.push(Place::Packet(PayloadOf::Udp, is_client));
                }
                if other {
                    places.push(Place::Packet(PayloadOf::Other, is_client));
                }
            }
            for place in places {
                any = true;
                let patterns = self.places.entry(place).or_default();
                patterns
                    .entry((bytes.clone(), is_nocase))
                    .or_default()
                    .push(id.0);
            }
        }
        any
    }

    fn transforms_place(&mut self, transforms: &[Transform]) -> u32 {
        let at = self
            .transforms
            .iter()
            .position(|known| known == transforms)
            .unwrap_or_else(|| {
                self.transforms.push(transforms.to_vec());
                self.transforms.len() - 1
            });
        at as u32
    }

    /// Compiles all sets.
    pub(super) fn build(
        self,
        cache: &Cache,
        resources: &Resources,
    ) -> Result<Prefilter, matcher::Error> {
        let mut places: Vec<_> = self.places.into_iter().collect();
        places.sort_unstable_by(|(left, _), (right, _)| left.cmp(right));
        let mut prefilter = Prefilter::default();
        for (place, patterns) in places {
            let set = pattern_set(patterns, cache)?;
            match place {
                Place::Packet(of, is_client) => {
                    prefilter.packet[of as usize][usize::from(is_client)] = Some(set);
                }
                Place::Stream(is_client) => prefilter.stream[usize::from(is_client)] = Some(set),
                Place::Buffer(buffer, transforms, is_client) => {
                    let transforms = self.transforms.get(transforms as usize);
                    let transforms = transforms.map_or(&[][..], Vec::as_slice);
                    // The rules that have them were compiled with the same ones.
                    let transforms = Transforms::compile(transforms, resources).unwrap_or_default();
                    let place = prefilter.buffers.len() as u16;
                    prefilter.buffers.push(BufferSet {
                        buffer,
                        transforms,
                        set,
                    });
                    for &protocol in buffer.protocols() {
                        let places = prefilter.by_protocol.entry(protocol).or_default();
                        places[usize::from(is_client)].push(place);
                    }
                }
            }
        }
        debug_assert!(
            PayloadOf::ALL
                .iter()
                .enumerate()
                .all(|(at, of)| *of as usize == at)
        );
        Ok(prefilter)
    }
}

/// Whether a rule's payload travels in TCP, in UDP, in anything else.
fn carriers(protocol: Protocol) -> (bool, bool, bool) {
    match protocol {
        Protocol::Tcp | Protocol::TcpPacket | Protocol::TcpStream => (true, false, false),
        Protocol::Udp => (false, true, false),
        Protocol::Icmp { .. } | Protocol::Sctp | Protocol::Ether | Protocol::Arp => {
            (false, false, true)
        }
        Protocol::Ip { .. } | Protocol::PacketHeader => (true, true, true),
        Protocol::App(app) => match decode::app::entry(app) {
            Some(entry) => (entry.tcp, entry.udp, false),
            None => (true, true, false),
        },
    }
}

fn pattern_set(patterns: Patterns, cache: &Cache) -> Result<PatternSet, matcher::Error> {
    // Sorted, so that the same rules give the same key of the cache.
    let mut patterns: Vec<_> = patterns.into_iter().collect();
    patterns.sort_unstable();
    let literals: Vec<Literal<'_>> = patterns
        .iter()
        .enumerate()
        .map(|(at, ((bytes, is_nocase), _))| Literal {
            bytes,
            is_nocase: *is_nocase,
            id: at as u32,
        })
        .collect();
    let set = cache.get_or_compile(&literals)?;
    let mut starts = Vec::with_capacity(patterns.len() + 1);
    let mut rules = Vec::new();
    for (_, ids) in &patterns {
        starts.push(rules.len() as u32);
        rules.extend_from_slice(ids);
    }
    starts.push(rules.len() as u32);
    let shortest = patterns
        .iter()
        .map(|((bytes, _), _)| bytes.len())
        .min()
        .unwrap_or(0);
    Ok(PatternSet {
        literals: set,
        starts: starts.into(),
        rules: rules.into(),
        shortest,
    })
}
