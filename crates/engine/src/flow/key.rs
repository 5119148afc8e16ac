//! Whose packet it is: the same key for both directions of a flow.

use super::Config;
use decode::packet::{Icmp, Packet, Quoted, Transport};
use event::IpProtocol;
use std::net::IpAddr;

/// What makes packets belong together. The ends stand in order, whoever sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    low: (u128, u16),
    high: (u128, u16),
    is_v6: bool,
    protocol: u8,
    depth: u8,
    vlans: [u16; 3],
}

/// The ends that a packet names, source first, and how they came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends {
    /// Source address.
    pub source: IpAddr,
    /// Destination address.
    pub destination: IpAddr,
    /// Source port; for ICMP type and code.
    pub source_port: u16,
    /// Destination port; for ICMP what an answer would carry in type and code.
    pub destination_port: u16,
    /// Protocol of the flow.
    pub protocol: IpProtocol,
    /// It is an error about a packet of the flow: it opens none.
    pub is_error: bool,
}

impl Ends {
    /// The ends of a packet's flow; None where it can have none.
    #[must_use]
    pub fn of(packet: &Packet<'_>) -> Option<Self> {
        let (source, destination) = packet.addresses()?;
        let protocol = packet.protocol()?;
        if !packet.wants_flow {
            return None;
        }
        let (source_port, destination_port) = match packet.transport {
            Transport::Tcp(tcp) => (tcp.source_port, tcp.destination_port),
            Transport::Udp(udp) => (udp.source_port, udp.destination_port),
            Transport::Sctp(sctp) => (sctp.source_port, sctp.destination_port),
            Transport::Icmpv4(icmp) => return Self::of_icmpv4(source, destination, &icmp),
            Transport::Icmpv6(icmp) => (
                type_and_code(icmp.kind, icmp.code),
                answer_to_v6(icmp.kind).unwrap_or(0).into(),
            ),
            // Both directions of a security association have their own index.
            Transport::Esp { spi, .. } => ((spi >> 16) as u16, spi as u16),
            // A tunnel has a flow of its own, by its addresses.
            Transport::Gre | Transport::None => (0, 0),
        };
        Some(Ends {
            source,
            destination,
            source_port,
            destination_port,
            protocol,
            is_error: false,
        })
    }

    fn of_icmpv4(source: IpAddr, destination: IpAddr, icmp: &Icmp<'_>) -> Option<Self> {
        let is_error = is_error_v4(icmp.kind);
        if let (true, Some(quoted)) = (is_error, icmp.quoted) {
            return Some(Self::of_quoted(quoted));
        }
        Some(Ends {
            source,
            destination,
            source_port: type_and_code(icmp.kind, icmp.code),
            destination_port: answer_to_v4(icmp.kind).unwrap_or(0).into(),
            protocol: IpProtocol::ICMP,
            is_error,
        })
    }

    /// The sender of an error answers the quoted packet, so it stands on the other side.
    fn of_quoted(quoted: Quoted) -> Self {
        let (source_port, destination_port) = quoted.ports;
        Ends {
            source: quoted.destination,
            destination: quoted.source,
            source_port: destination_port,
            destination_port: source_port,
            protocol: quoted.protocol,
            is_error: true,
        }
    }
}

impl Key {
    /// The key of a packet with these ends.
    #[must_use]
    pub fn new(ends: &Ends, packet: &Packet<'_>, config: &Config) -> Self {
        let source = (bits(ends.source), ends.source_port);
        let destination = (bits(ends.destination), ends.destination_port);
        let mut vlans = [0; 3];
        if config.uses_vlans {
            for (place, id) in vlans.iter_mut().zip(&packet.vlans) {
                *place = *id;
            }
        }
        let (low, high) = if ends.protocol == IpProtocol::ESP {
            // The index belongs to the direction: a flow of its own each way.
            (source, destination)
        } else {
            (source.min(destination), source.max(destination))
        };
        Key {
            low,
            high,
            is_v6: ends.source.is_ipv6(),
            protocol: ends.protocol.0,
            depth: if config.uses_depth { packet.depth } else { 0 },
            vlans,
        }
    }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(a) => a.to_bits().into(),
        IpAddr::V6(a) => a.to_bits(),
    }
}

fn type_and_code(kind: u8, code: u8) -> u16 {
    u16::from_le_bytes([kind, code])
}

/// Types that report an error about another packet (RFC 792).
fn is_error_v4(kind: u8) -> bool {
    matches!(kind, 3 | 4 | 5 | 11 | 12)
}

/// The type that answers, or is answered by, an ICMP type (RFC 792, RFC 950).
fn answer_to_v4(kind: u8) -> Option<u8> {
    Some(match kind {
        8 => 0,
        0 => 8,
        10 => 9,
        9 => 10,
        13 => 14,
        14 => 13,
        15 => 16,
        16 => 15,
        17 => 18,
        18 => 17,
        _ => return None,
    })
}

/// The same for ICMPv6 (RFC 4443, RFC 4861, RFC 4620, RFC 3810).
fn answer_to_v6(kind: u8) -> Option<u8> {
    Some(match kind {
        128 => 129,
        129 => 128,
        133 => 134,
        134 => 133,
        135 => 136,
        136 => 135,
        139 => 140,
        140 => 139,
        141 => 142,
        142 => 141,
        144 => 145,
        145 => 144,
        146 => 147,
        147 => 146,
        _ => return None,
    })
}
