//! A flow: everything that is remembered of one conversation.

use crate::app_layer::AppLayer;
use crate::detect::FlowDetection;
use crate::tcp::Session;
use event::{Direction, IpProtocol, Timestamp};
use smallvec::SmallVec;
use std::net::IpAddr;

/// One conversation between two ends.
#[derive(Debug)]
pub struct Flow {
    /// EVE's `flow_id`.
    pub id: u64,
    /// Address of the end that opened it.
    pub client: IpAddr,
    /// Address of the end that answers.
    pub server: IpAddr,
    /// Port of the opening end; the ICMP type for ICMP.
    pub client_port: u16,
    /// Port of the answering end; the ICMP code for ICMP.
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
    /// Bytes by direction, whole frames.
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
    pub detection: FlowDetection,
    /// Ethernet addresses seen: those of frames to server and to client.
    pub macs: [SmallVec<[[u8; 6]; 1]>; 2],
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
