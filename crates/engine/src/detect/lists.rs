//! Rules that no prefilter finds, by what they need, so that each packet looks at few of them.

use super::classify::is_of_transaction;
use super::signature::{Check, Kind, Look, RuleId, Signature};
use ahash::AHashMap;
use event::{AppProtocol, Direction};
use rules::rule::{Condition, Protocol, Rule};

/// What carries a packet, as far as rules are sorted by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Carrier {
    Tcp,
    Udp,
    Icmp,
    /// Another protocol over IP.
    Ip,
    /// No IP that was understood.
    None,
}

const CARRIERS: usize = 5;

/// Lists by carrier and by direction.
type ByCarrier = [[Vec<u32>; 2]; CARRIERS];

/// The lists. Each is in the order of rules.
#[derive(Debug, Default)]
pub(super) struct Lists {
    /// Once for each direction of a flow.
    pub(super) ip_only: Vec<u32>,
    /// Only for packets with something odd about them.
    events: [Vec<u32>; 2],
    packet: ByCarrier,
    /// Packets of flows that speak a protocol.
    app: AHashMap<AppProtocol, [Vec<u32>; 2]>,
    /// Transactions of a protocol.
    transaction: AHashMap<AppProtocol, [Vec<u32>; 2]>,
}

impl Lists {
    pub(super) fn add(&mut self, id: RuleId, signature: &Signature, rule: &Rule) {
        if signature.is_prefiltered {
            return;
        }
        if signature.kind == Kind::IpOnly {
            self.ip_only.push(id.0);
            return;
        }
        for direction in Direction::BOTH {
            let d = usize::from(direction);
            if !signature.directions[d] {
                continue;
            }
            if signature.is_of_transaction() {
                for protocol in spoken_by(signature, rule) {
                    self.transaction.entry(protocol).or_default()[d].push(id.0);
                }
            } else if needs_event(signature) {
                self.events[d].push(id.0);
            } else if let Protocol::App(app) = rule.protocol {
                for protocol in covered(app) {
                    self.app.entry(protocol).or_default()[d].push(id.0);
                }
            } else {
                for (at, carried) in carried(rule.protocol).into_iter().enumerate() {
                    if carried {
                        self.packet[at][d].push(id.0);
                    }
                }
            }
        }
    }

    pub(super) fn events(&self, direction: Direction) -> &[u32] {
        &self.events[usize::from(direction)]
    }

    pub(super) fn packet(&self, carrier: Carrier, direction: Direction) -> &[u32] {
        &self.packet[carrier as usize][usize::from(direction)]
    }

    pub(super) fn app(&self, protocol: AppProtocol, direction: Direction) -> &[u32] {
        self.app
            .get(&protocol)
            .map_or(&[], |lists| &lists[usize::from(direction)])
    }

    pub(super) fn transaction(&self, protocol: AppProtocol, direction: Direction) -> &[u32] {
        self.transaction
            .get(&protocol)
            .map_or(&[], |lists| &lists[usize::from(direction)])
    }
}

fn needs_event(signature: &Signature) -> bool {
    signature.checks.iter().any(|check| {
        matches!(
            check,
            Check::DecodeEvent(_)
                | Check::StreamEvent(_)
                | Check::Plain(Condition::AppLayerEvent { protocol: None, .. })
        )
    })
}

fn carried(protocol: Protocol) -> [bool; CARRIERS] {
    match protocol {
        Protocol::Tcp | Protocol::TcpPacket | Protocol::TcpStream => {
            [true, false, false, true, false]
        }
        Protocol::Udp => [false, true, false, true, false],
        Protocol::Icmp { .. } => [false, false, true, true, false],
        Protocol::Sctp => [false, false, false, true, false],
        Protocol::Ip { .. } => [true, true, true, true, false],
        Protocol::Ether | Protocol::PacketHeader => [true; CARRIERS],
        Protocol::Arp => [false, false, false, false, true],
        Protocol::App(_) => [true, true, false, false, false],
    }
}

/// The protocols that a flow may be said to speak for a rule that names `app`.
fn covered(app: AppProtocol) -> impl Iterator<Item = AppProtocol> {
    AppProtocol::ALL
        .iter()
        .copied()
        .filter(move |&spoken| app.covers(spoken))
}

/// Protocols whose transactions a rule without a prefilter must be held against.
fn spoken_by(signature: &Signature, rule: &Rule) -> Vec<AppProtocol> {
    if let Protocol::App(app) = rule.protocol {
        return covered(app).collect();
    }
    let mut all: Vec<AppProtocol> = Vec::new();
    for engine in &signature.engines {
        match &engine.look {
            Look::Buffer { buffer, .. } if is_of_transaction(*buffer) => {
                all.extend(buffer.protocols());
            }
            Look::Event { protocol, .. } => all.extend(covered(*protocol)),
            Look::UriLen(..) => all.extend([AppProtocol::Http1, AppProtocol::Http2]),
            Look::Buffer { .. } | Look::Payload => {}
            Look::Number { .. } | Look::Holds { .. } | Look::File(_) => {
                all.extend(AppProtocol::ALL);
            }
        }
    }
    all.sort_unstable();
    all.dedup();
    all
}
