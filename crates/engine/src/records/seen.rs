//! What a record tells about the packet that caused it, or about the flow where none did.

use crate::flow::Flow;
use decode::packet::{Packet, Transport};
use event::{Direction, IpProtocol, Timestamp};
use std::net::IpAddr;

/// EVE's `pkt_src` of what is told when a flow ends, without a packet of its own.
pub const FLOW_END: &str = "stream (flow timeout)";

/// The ends and the moment of what a record is about.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// Time of the record.
    pub time: Timestamp,
    /// `pcap_cnt`; 0 where there is none.
    pub number: u64,
    /// Source of the packet; None below IP.
    pub source: Option<IpAddr>,
    /// Destination of the packet.
    pub destination: Option<IpAddr>,
    /// Source port, where the protocol has ports.
    pub source_port: Option<u16>,
    /// Destination port.
    pub destination_port: Option<u16>,
    /// Protocol.
    pub protocol: Option<IpProtocol>,
    /// ICMP type and code.
    pub icmp: Option<(u8, u8)>,
    /// Of a flow: type and code of the answers, where there were any.
    pub icmp_answer: Option<(u8, u8)>,
    /// ESP's security parameters index.
    pub spi: Option<u32>,
    /// VLANs, outermost first.
    pub vlans: &'a [u16],
    /// Ethernet source, destination and type.
    pub ethernet: Option<decode::packet::Ethernet>,
    /// Whence the packet came, in EVE's words (`pkt_src`).
    pub origin: &'static str,
    /// Its direction within its flow.
    pub direction: Option<Direction>,
    /// The packet, where there is one.
    pub packet: Option<&'a Packet<'a>>,
}

impl<'a> Seen<'a> {
    /// Of a packet.
    #[must_use]
    pub fn of_packet(packet: &'a Packet<'a>, direction: Option<Direction>) -> Self {
        let (source, destination) = packet.addresses().unzip();
        let (source_port, destination_port) = packet.ports().unzip();
        let icmp = match packet.transport {
            Transport::Icmpv4(icmp) | Transport::Icmpv6(icmp) => Some((icmp.kind, icmp.code)),
            _ => None,
        };
        let spi = match packet.transport {
            Transport::Esp { spi, .. } => Some(spi),
            _ => None,
        };
        Seen {
            time: packet.time,
            number: packet.number,
            source,
            destination,
            source_port,
            destination_port,
            protocol: packet.protocol(),
            icmp,
            icmp_answer: None,
            spi,
            vlans: &packet.vlans,
            ethernet: packet.ethernet,
            origin: packet.origin.as_str(),
            direction,
            packet: Some(packet),
        }
    }

    /// Of a flow's end, in `direction`. The VLANs are handed over beside the flow, so that it may
    /// still be changed.
    #[must_use]
    pub fn of_flow(flow: &Flow, direction: Direction, time: Timestamp, vlans: &'a [u16]) -> Self {
        let has_ports = matches!(
            flow.protocol,
            IpProtocol::TCP | IpProtocol::UDP | IpProtocol::SCTP
        );
        let is_icmp = matches!(flow.protocol, IpProtocol::ICMP | IpProtocol::ICMPV6);
        let is_answered = is_icmp && flow.packets[usize::from(Direction::ToClient)] > 0;
        let type_and_code = |port: u16| (port as u8, (port >> 8) as u8);
        let client = (flow.client, flow.client_port);
        let server = (flow.server, flow.server_port);
        let (source, destination) = match direction {
            Direction::ToServer => (client, server),
            Direction::ToClient => (server, client),
        };
        Seen {
            time,
            number: 0,
            source: Some(source.0),
            destination: Some(destination.0),
            source_port: has_ports.then_some(source.1),
            destination_port: has_ports.then_some(destination.1),
            protocol: Some(flow.protocol),
            icmp: is_icmp.then(|| type_and_code(flow.client_port)),
            icmp_answer: is_answered.then(|| type_and_code(flow.server_port)),
            spi: (flow.protocol == IpProtocol::ESP)
                .then(|| u32::from(flow.client_port) << 16 | u32::from(flow.server_port)),
            vlans,
            ethernet: None,
            origin: FLOW_END,
            direction: Some(direction),
            packet: None,
        }
    }

    /// The same, written in `direction` of the flow whichever way the packet went.
    #[must_use]
    pub fn towards(self, direction: Direction) -> Self {
        if self.direction.is_none_or(|d| d == direction) {
            return self;
        }
        Seen {
            source: self.destination,
            destination: self.source,
            source_port: self.destination_port,
            destination_port: self.source_port,
            ethernet: self.ethernet.map(|e| decode::packet::Ethernet {
                source: e.destination,
                destination: e.source,
                kind: e.kind,
            }),
            direction: Some(direction),
            ..self
        }
    }
}
