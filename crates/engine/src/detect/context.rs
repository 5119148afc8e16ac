//! What detection is told about a packet beside its bytes.

use crate::flow::Flow;
use crate::tcp::{self, StreamEvents};
use decode::packet::{
    Frame, Ip, Ipv4, Ipv4Options, Ipv6, LinkType, Packet, Tcp, TcpOptions, Transport, Udp,
};
use event::{Direction, IpProtocol, Timestamp};
use smallvec::SmallVec;
use std::net::IpAddr;

/// A packet and what flow, stream and application layer said about it.
#[derive(Clone, Copy, Debug)]
pub struct PacketContext<'a> {
    /// The packet.
    pub packet: &'a Packet<'a>,
    /// Its direction; to server where it has no flow.
    pub direction: Direction,
    /// Whether it belongs to an established flow (both ends spoke; TCP: handshake done).
    pub is_flow_established: bool,
    /// Whether the application's protocol counts for it: any packet of UDP, of TCP those of an
    /// established connection.
    pub is_app_known: bool,
    /// Whether its payload went into the stream ([`tcp::PacketOutcome::data_added`]).
    pub is_in_stream: bool,
    /// Whether payload is not to be looked at: it is encrypted.
    pub is_payload_opaque: bool,
    /// Whether it stands for the end of a flow and was never on the wire.
    pub is_pseudo: bool,
    /// Directions in which the protocol was recognised with this packet.
    pub recognised: [bool; 2],
    /// What was odd about it in its stream.
    pub stream_events: StreamEvents,
    /// Events of recognition of the application that this packet brought.
    pub app_events: &'a [&'static str],
    /// Settings of the stream engine.
    pub tcp: &'a tcp::Config,
}

impl<'a> PacketContext<'a> {
    /// Of a packet without a flow.
    #[must_use]
    pub fn without_flow(packet: &'a Packet<'a>, tcp: &'a tcp::Config) -> Self {
        PacketContext {
            packet,
            direction: Direction::ToServer,
            is_flow_established: false,
            is_app_known: false,
            is_in_stream: false,
            is_payload_opaque: false,
            is_pseudo: false,
            recognised: [false; 2],
            stream_events: StreamEvents::default(),
            app_events: &[],
            tcp,
        }
    }
}

/// A packet that never was: what is left of a flow is inspected with it when the flow ends.
#[must_use]
pub fn pseudo_packet(flow: &Flow, direction: Direction, now: Timestamp) -> Packet<'static> {
    let (source, destination, source_port, destination_port) = match direction {
        Direction::ToServer => (flow.client, flow.server, flow.client_port, flow.server_port),
        Direction::ToClient => (flow.server, flow.client, flow.server_port, flow.client_port),
    };
    let ip = match (source, destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => Some(Ip::V4(Ipv4 {
            header: &[],
            source,
            destination,
            protocol: flow.protocol,
            ttl: 64,
            tos: 0,
            id: 0,
            total_len: 40,
            flags_and_offset: 0,
            options: Ipv4Options::default(),
        })),
        (IpAddr::V6(source), IpAddr::V6(destination)) => Some(Ip::V6(Ipv6 {
            header: &[],
            source,
            destination,
            protocol: flow.protocol,
            next_header: flow.protocol.0,
            hop_limit: 64,
            class: 0,
            payload_len: 20,
            flow_label: 0,
            fragment: None,
            extensions: 0,
        })),
        _ => None,
    };
    let transport = match flow.protocol {
        IpProtocol::TCP => Transport::Tcp(Tcp {
            header: &[],
            source_port,
            destination_port,
            sequence: 0,
            acknowledgement: 0,
            flags: Tcp::ACK,
            reserved: 0,
            window: 0,
            urgent: 0,
            options: TcpOptions::default(),
        }),
        IpProtocol::UDP => Transport::Udp(Udp {
            header: &[],
            source_port,
            destination_port,
            len: 8,
        }),
        _ => Transport::None,
    };
    let frame = Frame {
        time: now,
        number: 0,
        data: &[],
        wire_len: 0,
        link: LinkType(1),
    };
    Packet {
        vlans: SmallVec::from_slice(&flow.vlans),
        ip,
        transport,
        ..Packet::new(&frame)
    }
}
