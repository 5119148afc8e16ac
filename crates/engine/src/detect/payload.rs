//! What single packets and streams hold for rules: headers, addresses, payload.

use super::alerts::AlertKind;
use super::driver::{Round, Tools};
use super::lists::Carrier;
use super::program::Inspection;
use super::signature::Signature;
use decode::packet::{Ip, Packet, Transport};
use event::{Buffer, IpProtocol};
use std::net::IpAddr;

/// Whether the packet's headers and addresses are as the rule wants them.
pub(super) fn headers_hold(
    rule: &Signature,
    packet: &Packet<'_>,
    inspection: &mut Inspection,
) -> bool {
    rule.headers.iter().all(|(buffer, program)| {
        let mut octets = [0; 16];
        header(*buffer, packet, &mut octets).is_some_and(|bytes| {
            inspection.set_whole();
            program.matches(bytes, inspection)
        })
    })
}

/// The bytes of a header or address of the packet; `octets` is room for an address.
pub(super) fn header<'a>(
    buffer: Buffer,
    packet: &Packet<'a>,
    octets: &'a mut [u8; 16],
) -> Option<&'a [u8]> {
    Some(match (buffer, packet.ip, packet.transport) {
        (Buffer::Ipv4Header, Some(Ip::V4(ip)), _) => ip.header,
        (Buffer::Ipv6Header, Some(Ip::V6(ip)), _) => ip.header,
        (Buffer::TcpHeader, _, Transport::Tcp(tcp)) => tcp.header,
        (Buffer::UdpHeader, _, Transport::Udp(udp)) => udp.header,
        (Buffer::IcmpV4Header, _, Transport::Icmpv4(icmp)) => icmp.header,
        (Buffer::IcmpV6Header, _, Transport::Icmpv6(icmp)) => icmp.header,
        (Buffer::EtherHeader, _, _) if packet.ethernet.is_some() => {
            packet.frame.get(..14).unwrap_or_default()
        }
        (Buffer::IpSrc | Buffer::IpDst, Some(_), _) => {
            let (source, destination) = packet.addresses()?;
            let is_source = buffer == Buffer::IpSrc;
            octets_of(if is_source { source } else { destination }, octets)
        }
        _ => return None,
    })
}

/// The bytes of an address as they stand in packets.
fn octets_of(address: IpAddr, room: &mut [u8; 16]) -> &[u8] {
    match address {
        IpAddr::V4(address) => {
            let octets = address.octets();
            let (short, _) = room.split_at_mut(octets.len());
            short.copy_from_slice(&octets);
            short
        }
        IpAddr::V6(address) => {
            *room = address.octets();
            room
        }
    }
}

/// Whether what the rule looks for in the payload is there, and where.
pub(super) fn payload_holds(
    round: &Round<'_>,
    rule: &Signature,
    tools: &mut Tools,
) -> Option<AlertKind> {
    if rule.payload.is_empty() {
        return Some(AlertKind::Packet);
    }
    let inspection = &mut tools.inspection;
    find(round, rule, |payload| {
        inspection.set_whole();
        rule.payload
            .iter()
            .all(|program| program.matches(payload, inspection))
    })
}

/// Where `holds` is so: in a piece of the stream, in the packet's payload, or nowhere. Asked of what
/// the rule looks into, one after the other.
pub(super) fn find(
    round: &Round<'_>,
    rule: &Signature,
    mut holds: impl FnMut(&[u8]) -> bool,
) -> Option<AlertKind> {
    if carrier(round.cx.packet) == Carrier::Tcp && rule.wants_stream {
        if round.raw.pieces.iter().any(|piece| holds(piece.data)) {
            return Some(AlertKind::Stream);
        }
        if !rule.wants_packet && round.cx.is_in_stream {
            return None;
        }
    }
    let payload = round.cx.packet.payload;
    // Without a byte even what must not be there is not looked for.
    if round.cx.is_payload_opaque || round.cx.is_pseudo || payload.is_empty() {
        return None;
    }
    holds(payload).then_some(AlertKind::Packet)
}

pub(super) fn carrier(packet: &Packet<'_>) -> Carrier {
    match packet.protocol() {
        Some(IpProtocol::TCP) => Carrier::Tcp,
        Some(IpProtocol::UDP) => Carrier::Udp,
        Some(IpProtocol::ICMP | IpProtocol::ICMPV6) => Carrier::Icmp,
        Some(_) => Carrier::Ip,
        None => Carrier::None,
    }
}
