//! What flow features need to know of one packet.

use crate::definition::Definition;
use decode::packet::{Icmp, Ip, Origin, Packet, Tcp, Transport};
use std::net::{IpAddr, Ipv4Addr};

/// One packet, as far as flow features look at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen<'p> {
    /// Microseconds since 1970.
    pub time: i64,
    /// Source address.
    pub source: IpAddr,
    /// Destination address.
    pub destination: IpAddr,
    /// Source port; 0 where the protocol has none.
    pub source_port: u16,
    /// Destination port; 0 where the protocol has none.
    pub destination_port: u16,
    /// Protocol number (IANA), 0 where the definition does not tell it.
    pub protocol: u8,
    /// TCP flags, as in the header.
    pub flags: u8,
    /// Bytes that the transport layer carries.
    pub payload: u32,
    /// Bytes of the transport layer's header.
    pub header: u32,
    /// TCP window field, unscaled.
    pub window: u16,
    /// TCP sequence and acknowledgement number.
    pub numbers: (u32, u32),
    /// ICMP code and type.
    pub icmp: Option<(u8, u8)>,
    /// What the transport layer carries, as far as it was captured.
    pub content: &'p [u8],
}

impl<'p> Seen<'p> {
    /// A packet that is none: for the names of columns.
    pub(crate) fn nothing() -> Self {
        Seen {
            time: 0,
            source: Ipv4Addr::UNSPECIFIED.into(),
            destination: Ipv4Addr::UNSPECIFIED.into(),
            source_port: 0,
            destination_port: 0,
            protocol: 0,
            flags: 0,
            payload: 0,
            header: 0,
            window: 0,
            numbers: (0, 0),
            icmp: None,
            content: &[],
        }
    }

    /// What counts of a packet; None where it belongs to no flow under this definition.
    #[must_use]
    pub fn of(packet: &Packet<'p>, definition: Definition) -> Option<Self> {
        let rules = definition.rules();
        if rules.ipv4_only && (packet.depth > 0 || packet.origin != Origin::Wire) {
            return None;
        }
        // Fragments come once more as the datagram that they make.
        if !rules.ipv4_only && (packet.is_fragment || packet.is_invalid) {
            return None;
        }
        let ip = packet.ip?;
        let (source, destination) = packet.addresses()?;
        let mut seen = Seen {
            time: packet.time.nanos().div_euclid(1_000),
            source,
            destination,
            content: packet.payload,
            ..Seen::nothing()
        };
        if rules.ipv4_only && !matches!(ip, Ip::V4(_)) {
            return None;
        }
        seen.protocol = protocol(packet.protocol()?.0, packet, definition);
        if let Some((source_port, destination_port)) = packet.ports() {
            (seen.source_port, seen.destination_port) = (source_port, destination_port);
        }
        if rules.ipv4_only && packet.is_fragment {
            seen.take_first_fragment(packet);
            return Some(seen);
        }
        let payload = u32::try_from(packet.payload.len()).unwrap_or(u32::MAX);
        match packet.transport {
            Transport::Tcp(tcp) => {
                seen.protocol = 6;
                seen.flags = tcp.flags;
                seen.payload = payload;
                seen.header = u32::try_from(tcp.header.len()).unwrap_or(u32::MAX);
                seen.window = tcp.window;
                seen.numbers = (tcp.sequence, tcp.acknowledgement);
            }
            Transport::Udp(_) => {
                seen.protocol = 17;
                seen.payload = payload;
                seen.header = 8;
            }
            Transport::Icmpv4(icmp) | Transport::Icmpv6(icmp) => {
                (seen.source_port, seen.destination_port) = (0, 0);
                seen.icmp = Some((icmp.code, icmp.kind));
                if rules.has_icmp_lengths {
                    seen.payload = payload;
                    seen.header = u32::try_from(icmp.header.len()).unwrap_or(u32::MAX);
                }
                if rules.takes_quoted {
                    seen.take_quoted(icmp, packet.payload);
                }
            }
            Transport::Sctp(sctp) if rules.knows_other_ports => {
                seen.payload = payload;
                seen.header = u32::try_from(sctp.header.len()).unwrap_or(u32::MAX);
            }
            _ => {
                if !rules.knows_other_ports {
                    (seen.source_port, seen.destination_port) = (0, 0);
                }
            }
        }
        Some(seen)
    }

    /// CICFlowMeter does not put fragments together: the first counts with the ports it has, the
    /// others as packets of no protocol.
    fn take_first_fragment(&mut self, packet: &Packet<'_>) {
        let Some(Ip::V4(ip)) = packet.ip else { return };
        let is_first = ip.flags_and_offset & 0x1fff == 0;
        let Some(data) = after(packet.frame, ip.header).filter(|_| is_first) else {
            return;
        };
        let port = |at: usize| {
            data.get(at..at + 2)
                .map(|two| u16::from_be_bytes([two[0], two[1]]))
        };
        let (Some(source), Some(destination)) = (port(0), port(2)) else {
            return;
        };
        let header = match (ip.protocol.0, data.get(12)) {
            (6, Some(offset)) => usize::from(offset >> 4) * 4,
            (17, _) => 8,
            _ => return,
        };
        (self.source_port, self.destination_port) = (source, destination);
        self.protocol = ip.protocol.0;
        self.header = u32::try_from(header).unwrap_or(u32::MAX);
        let end = usize::from(ip.total_len).saturating_sub(ip.header.len());
        let payload = data.len().min(end).saturating_sub(header);
        self.payload = u32::try_from(payload).unwrap_or(u32::MAX);
        if let (6, Some(flags)) = (ip.protocol.0, data.get(13)) {
            self.flags = *flags;
            self.window = port(14).unwrap_or(0);
        }
    }

    /// The original takes an ICMP error for a packet of the connection that it quotes.
    fn take_quoted(&mut self, icmp: Icmp<'_>, data: &[u8]) {
        if let Some(quoted) = icmp.quoted
            && matches!(quoted.protocol.0, 6 | 17)
        {
            self.protocol = quoted.protocol.0;
            (self.source_port, self.destination_port) = quoted.ports;
            let below = data
                .first()
                .map_or(0, |first| usize::from(first & 0x0f) * 4);
            let offset = data
                .get(below + 12)
                .map_or(20, |byte| usize::from(byte >> 4) * 4);
            let header = if quoted.protocol.0 == 17 { 8 } else { offset };
            self.header = u32::try_from(header).unwrap_or(u32::MAX);
            let payload = data.len().saturating_sub(below + header);
            self.payload = u32::try_from(payload).unwrap_or(u32::MAX);
        }
    }

    pub(crate) fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    pub(crate) fn is_syn_ack(&self) -> bool {
        self.has(Tcp::SYN) && self.has(Tcp::ACK)
    }
}

/// The protocol number that a definition tells.
fn protocol(number: u8, packet: &Packet<'_>, definition: Definition) -> u8 {
    match definition {
        Definition::Corrected => number,
        Definition::Cicflowmeter => 0,
        // Fragments and protocols that the fork has no name for have none.
        Definition::Engelen if packet.is_fragment => 0,
        Definition::Engelen => match number {
            1 | 2 | 6 | 17 | 132 => number,
            _ => 0,
        },
    }
}

/// What follows `header` in the frame that it is a part of.
fn after<'a>(frame: &'a [u8], header: &[u8]) -> Option<&'a [u8]> {
    let start = (header.as_ptr() as usize).checked_sub(frame.as_ptr() as usize)?;
    frame.get(start + header.len()..)
}
