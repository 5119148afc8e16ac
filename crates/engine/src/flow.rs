//! A flow: everything that is remembered of one conversation.

mod config;
mod counters;
mod key;
mod table;
mod transactions;

#[cfg(test)]
mod tests;

pub use config::{Config, Timeouts};
pub use counters::Counters;
pub use key::{Ends, Key};
pub use table::{FlowIndex, Hit, Table};
pub use transactions::{TxTold, TxsTold};

use crate::app_layer::AppLayer;
use crate::detect::Memory;
use crate::tcp::Session;
use decode::packet::{Ip, Packet, Transport};
use event::{Direction, IpProtocol, Timestamp};
use smallvec::SmallVec;
use std::net::IpAddr;

/// Ethernet addresses remembered of each end; more only appear where routes change.
const MAX_MACS: usize = 8;

/// One conversation between two ends.
#[derive(Debug)]
pub struct Flow {
    /// EVE's `flow_id`.
    pub id: u64,
    /// Address of the end that opened it.
    pub client: IpAddr,
    /// Address of the end that answers.
    pub server: IpAddr,
    /// Port of the opening end; for ICMP the type in the low and the code in the high byte.
    pub client_port: u16,
    /// Port of the answering end; for ICMP the type that answers, 0 where none does.
    pub server_port: u16,
    /// Its protocol.
    pub protocol: IpProtocol,
    /// VLANs it runs in, outermost first.
    pub vlans: SmallVec<[u16; 3]>,
    /// First packet.
    pub start: Timestamp,
    /// Latest packet.
    pub last: Timestamp,
    /// Number of the first packet (`pcap_cnt`).
    pub first_packet: u64,
    /// Packets by direction.
    pub packets: [u64; 2],
    /// Bytes by direction: whole frames as captured.
    pub bytes: [u64; 2],
    /// How far it has come.
    pub state: State,
    /// Least and greatest TTL seen by direction.
    pub ttl: [(u8, u8); 2],
    /// Whether any packet of it alerted (EVE `flow.alerted`).
    pub is_alerted: bool,
    /// What is done with all its packets from now on.
    pub verdict: Verdict,
    /// Why it ended, once it has: `timeout`, `forced`, `shutdown`, `tcp_reuse`.
    pub end_reason: Option<&'static str>,
    /// The flow that announced this one, or whose tunnel carries it.
    pub parent: Option<u64>,
    /// TCP's state; None for other protocols and before the first packet was accepted.
    pub tcp: Option<Box<Session>>,
    /// What its application says.
    pub app: AppLayer,
    /// What the rules remember of it.
    pub detection: Memory,
    /// Ethernet addresses seen: those of frames to server and to client.
    pub macs: [SmallVec<[[u8; 6]; 1]>; 2],
    /// Whether its ends were exchanged after it was opened.
    pub is_swapped: bool,
    /// Whether it ended early because memory was short.
    pub is_emergency: bool,
    /// Packets since it was bypassed, by direction.
    pub bypassed_packets: [u64; 2],
    /// Their bytes.
    pub bypassed_bytes: [u64; 2],
    /// Exception policies that were applied to it: what went wrong, and the policy.
    pub exception_policies: Vec<(&'static str, &'static str)>,
    /// Whether a drop was told, by direction.
    pub is_drop_told: [bool; 2],
    /// Whether all files of a direction are stored from now on.
    pub stores_files: [bool; 2],
    /// What was told of its transactions.
    pub txs: TxsTold,
    /// Its features, where they are asked for.
    pub features: Option<Box<features::Flow>>,
}

/// How far a flow has come (EVE `flow.state`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Only one end spoke.
    New,
    /// Both spoke; for TCP, the handshake is done.
    Established,
    /// Both ends are done.
    Closed,
    /// Left alone on request.
    Bypassed,
}

/// What is done with the packets of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Inspected.
    Inspect,
    /// Let through without inspection, by a pass rule or a policy.
    Pass,
    /// Dropped.
    Drop,
}

impl Flow {
    /// A flow that `packet` opens.
    fn new(ends: &Ends, packet: &Packet<'_>) -> Self {
        Flow {
            id: flow_id(ends, packet),
            client: ends.source,
            server: ends.destination,
            client_port: ends.source_port,
            server_port: ends.destination_port,
            protocol: ends.protocol,
            vlans: packet.vlans.clone(),
            start: packet.time,
            last: packet.time,
            first_packet: packet.number,
            packets: [0; 2],
            bytes: [0; 2],
            state: State::New,
            ttl: [(0, 0); 2],
            is_alerted: false,
            verdict: Verdict::Inspect,
            end_reason: None,
            parent: None,
            tcp: None,
            app: AppLayer::default(),
            detection: Memory::default(),
            macs: [SmallVec::new(), SmallVec::new()],
            is_swapped: false,
            is_emergency: false,
            bypassed_packets: [0; 2],
            bypassed_bytes: [0; 2],
            exception_policies: Vec::new(),
            is_drop_told: [false; 2],
            stores_files: [false; 2],
            txs: TxsTold::default(),
            features: None,
        }
    }

    /// Counts a packet of a bypassed flow.
    pub fn on_bypassed(&mut self, packet: &Packet<'_>, direction: Direction) {
        let way = usize::from(direction);
        self.bypassed_packets[way] += 1;
        self.bypassed_bytes[way] += u64::from(packet.wire_len);
    }

    /// Accounts a packet; whether the packet belongs to an established flow.
    fn account(&mut self, packet: &Packet<'_>, direction: Direction) -> bool {
        let way = usize::from(direction);
        if packet.time > self.last {
            self.last = packet.time;
        }
        self.packets[way] += 1;
        self.bytes[way] += packet.frame.len() as u64;
        let ttl = match packet.ip {
            Some(Ip::V4(ip)) => ip.ttl,
            Some(Ip::V6(ip)) => ip.hop_limit,
            None => 0,
        };
        let (least, most) = self.ttl[way];
        self.ttl[way] = if self.packets[way] == 1 {
            (ttl, ttl)
        } else {
            (least.min(ttl), most.max(ttl))
        };
        if let Some(ethernet) = packet.ethernet {
            self.note_macs(ethernet.source, ethernet.destination, direction);
        }
        match self.state {
            State::Established => true,
            State::New | State::Closed | State::Bypassed => {
                if self.protocol == IpProtocol::TCP {
                    let state = self.tcp.as_ref().map(|session| session.state());
                    return state.is_some_and(|state| state >= crate::tcp::State::Established);
                }
                let both_spoke = self.packets.iter().all(|count| *count > 0);
                if both_spoke && self.state == State::New {
                    self.state = State::Established;
                }
                both_spoke
            }
        }
    }

    fn note_macs(&mut self, source: [u8; 6], destination: [u8; 6], direction: Direction) {
        let [server_side, client_side] = &mut self.macs;
        let (to, from) = match direction {
            Direction::ToServer => (server_side, client_side),
            Direction::ToClient => (client_side, server_side),
        };
        for (list, mac) in [(to, destination), (from, source)] {
            if !list.contains(&mac) && list.len() < MAX_MACS {
                list.push(mac);
            }
        }
    }

    /// Takes over the state that TCP tracking came to; a bypassed flow stays bypassed.
    pub fn follow_tcp(&mut self) {
        let state = self
            .tcp
            .as_ref()
            .and_then(|session| session.state().flow_state());
        if let Some(state) = state.filter(|_| self.state != State::Bypassed) {
            self.state = state;
        }
    }

    /// Client and server were taken for each other: exchanges everything that has a direction.
    pub fn swap_ends(&mut self) {
        std::mem::swap(&mut self.client, &mut self.server);
        std::mem::swap(&mut self.client_port, &mut self.server_port);
        self.packets.swap(0, 1);
        self.bytes.swap(0, 1);
        self.ttl.swap(0, 1);
        self.macs.swap(0, 1);
        self.app.seen.swap(0, 1);
        self.is_swapped = !self.is_swapped;
        if let Some(session) = &mut self.tcp {
            session.swap();
        }
    }

    /// Exchanges the ends after [`crate::tcp::PacketOutcome::needs_swap`], where the session
    /// already stands the right way.
    pub fn swap_ends_but_session(&mut self) {
        let session = self.tcp.take();
        self.swap_ends();
        self.tcp = session;
    }

    /// Which way a packet with these ends travels.
    #[must_use]
    pub fn direction_of_ends(&self, packet: &Packet<'_>, ends: &Ends) -> Direction {
        if ends.is_error
            || matches!(
                packet.transport,
                Transport::Icmpv4(_) | Transport::Icmpv6(_)
            )
        {
            let source = packet.addresses().map_or(ends.source, |(source, _)| source);
            let quoted_source = if ends.is_error { ends.source } else { source };
            return if source == self.client || quoted_source == self.client {
                Direction::ToServer
            } else {
                Direction::ToClient
            };
        }
        let has_ports = matches!(
            packet.transport,
            Transport::Tcp(_) | Transport::Udp(_) | Transport::Sctp(_)
        );
        // Other protocols ask no one for an answer: both ends send to the other, as in Suricata.
        if !has_ports {
            return Direction::ToServer;
        }
        self.direction_of(ends.source, ends.source_port)
    }

    /// Direction of a packet from `source`:`port`, by its ends.
    #[must_use]
    pub fn direction_of(&self, source: IpAddr, port: u16) -> Direction {
        if source == self.client && (self.client != self.server || port == self.client_port) {
            Direction::ToServer
        } else {
            Direction::ToClient
        }
    }
}

/// EVE's `flow_id`: the same in every run over the same packets, below 2^51 so that JSON readers
/// with floating-point numbers keep it whole.
fn flow_id(ends: &Ends, packet: &Packet<'_>) -> u64 {
    /// FNV-1a (<http://www.isthe.com/chongo/tech/comp/fnv/>).
    const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x100_0000_01b3;
    const BITS: u64 = (1 << 51) - 1;
    let mut hash = BASIS;
    let mut mix = |bytes: &[u8]| {
        for byte in bytes {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(PRIME);
        }
    };
    for address in [ends.source, ends.destination] {
        match address {
            IpAddr::V4(a) => mix(&a.octets()),
            IpAddr::V6(a) => mix(&a.octets()),
        }
    }
    mix(&ends.source_port.to_be_bytes());
    mix(&ends.destination_port.to_be_bytes());
    mix(&[ends.protocol.0, packet.depth]);
    mix(&packet.time.nanos().to_be_bytes());
    mix(&packet.number.to_be_bytes());
    (hash ^ (hash >> 51)) & BITS
}
