//! ICMP (RFC 792) and ICMPv6 (RFC 4443), with the packets that their errors quote.

use super::level::{Level, Step, be16, be32};
use super::{Counter, DecodeEvent, Icmp, Ip, Quoted, Transport};
use event::IpProtocol;
use std::net::IpAddr;

/// Bytes of the fixed part of both headers.
const HEADER_LEN: usize = 8;

/// What a type of message asks of its code and holds after it.
enum Shape {
    /// Quotes a packet; codes up to the number are known.
    Error { code_max: u8 },
    /// Identifier and sequence number; code 0.
    Echo,
    /// Code 0 and nothing of interest.
    Plain,
    /// Listener discovery: code 0, hop limit 1.
    Listener,
    /// Any code.
    Any,
    /// Codes that are known.
    Codes(fn(u8) -> bool),
    /// A type that nobody defined.
    Unknown(DecodeEvent),
}

impl<'a> Level<'a, '_> {
    pub(super) fn icmpv4(&mut self, data: &'a [u8]) -> Step {
        self.counters.count(Counter::Icmpv4);
        let Some((head, payload)) = data.split_first_chunk::<HEADER_LEN>() else {
            return self.refuse(DecodeEvent::ICMPV4_PKT_TOO_SMALL);
        };
        let (kind, code) = (head[0], head[1]);
        let shape = match kind {
            0 | 8 | 13..=18 => Shape::Echo,
            3 => Shape::Error { code_max: 15 },
            4 | 12 => Shape::Error { code_max: 0 },
            5 => Shape::Error { code_max: 3 },
            11 => Shape::Error { code_max: 1 },
            9 | 10 => Shape::Any,
            _ => Shape::Unknown(DecodeEvent::ICMPV4_UNKNOWN_TYPE),
        };
        let header_len = match kind {
            13 | 14 => HEADER_LEN + 12,
            17 | 18 => HEADER_LEN + 4,
            9 => HEADER_LEN + usize::from(head[4]) * usize::from(head[5]) * 4,
            _ => HEADER_LEN,
        };
        let mut icmp = Icmp {
            header: data
                .get(..header_len)
                .unwrap_or(data.get(..HEADER_LEN).unwrap_or(data)),
            kind,
            code,
            echo: None,
            mtu: None,
            quoted: None,
        };
        match shape {
            Shape::Echo => {
                icmp.echo = Some((be16(head, 4).unwrap_or(0), be16(head, 6).unwrap_or(0)));
                if code != 0 {
                    self.note(DecodeEvent::ICMPV4_UNKNOWN_CODE);
                }
            }
            Shape::Error { code_max } if code > code_max => {
                self.note(DecodeEvent::ICMPV4_UNKNOWN_CODE)
            }
            Shape::Error { .. } if payload.is_empty() => {}
            Shape::Error { .. } => icmp.quoted = self.quoted_ipv4(payload),
            Shape::Unknown(event) => self.note(event),
            Shape::Plain | Shape::Listener | Shape::Any | Shape::Codes(_) => {}
        }
        self.packet.transport = Transport::Icmpv4(icmp);
        self.packet.payload = payload;
        self.packet.wants_flow = true;
        Ok(())
    }

    fn quoted_ipv4(&mut self, data: &[u8]) -> Option<Quoted> {
        let Some(head) = data.first_chunk::<20>() else {
            self.invalid(DecodeEvent::ICMPV4_IPV4_TRUNC_PKT);
            return None;
        };
        if head[0] >> 4 != 4 {
            self.invalid(DecodeEvent::ICMPV4_IPV4_UNKNOWN_VER);
            return None;
        }
        let header_len = (usize::from(head[0] & 15) * 4).max(20);
        let protocol = IpProtocol(head[9]);
        Some(Quoted {
            source: IpAddr::from([head[12], head[13], head[14], head[15]]),
            destination: IpAddr::from([head[16], head[17], head[18], head[19]]),
            protocol,
            ports: quoted_ports(protocol, data.get(header_len..).unwrap_or(&[])),
        })
    }

    pub(super) fn icmpv6(&mut self, data: &'a [u8]) -> Step {
        self.counters.count(Counter::Icmpv6);
        let Some((head, payload)) = data.split_first_chunk::<HEADER_LEN>() else {
            return self.refuse(DecodeEvent::ICMPV6_PKT_TOO_SMALL);
        };
        let (kind, code) = (head[0], head[1]);
        let mut icmp = Icmp {
            header: data.get(..HEADER_LEN).unwrap_or(data),
            kind,
            code,
            echo: None,
            mtu: None,
            quoted: None,
        };
        match icmpv6_shape(kind) {
            Shape::Error { code_max } if code > code_max => {
                self.note(DecodeEvent::ICMPV6_UNKNOWN_CODE)
            }
            Shape::Error { .. } => {
                if kind == 2 {
                    icmp.mtu = be32(head, 4);
                }
                icmp.quoted = self.quoted_ipv6(payload);
            }
            Shape::Echo if code != 0 => self.note(DecodeEvent::ICMPV6_UNKNOWN_CODE),
            Shape::Echo => {
                icmp.echo = Some((be16(head, 4).unwrap_or(0), be16(head, 6).unwrap_or(0)))
            }
            Shape::Plain if code != 0 => self.note(DecodeEvent::ICMPV6_UNKNOWN_CODE),
            Shape::Listener => {
                if code != 0 {
                    self.note(DecodeEvent::ICMPV6_UNKNOWN_CODE);
                }
                if !matches!(self.packet.ip, Some(Ip::V6(ip)) if ip.hop_limit == 1) {
                    self.note(DecodeEvent::ICMPV6_MLD_MESSAGE_WITH_INVALID_HL);
                }
            }
            Shape::Codes(is_known) if !is_known(code) => {
                self.note(DecodeEvent::ICMPV6_UNKNOWN_CODE)
            }
            Shape::Unknown(event) => self.note(event),
            Shape::Plain | Shape::Any | Shape::Codes(_) => {}
        }
        self.packet.transport = Transport::Icmpv6(icmp);
        self.packet.payload = payload;
        self.packet.wants_flow = true;
        Ok(())
    }

    fn quoted_ipv6(&mut self, data: &[u8]) -> Option<Quoted> {
        let Some((head, rest)) = data.split_first_chunk::<40>() else {
            self.invalid(DecodeEvent::ICMPV6_IPV6_TRUNC_PKT);
            return None;
        };
        if head[0] >> 4 != 6 {
            self.invalid(DecodeEvent::ICMPV6_IPV6_UNKNOWN_VERSION);
            return None;
        }
        let protocol = IpProtocol(head[6]);
        let address = |at: usize| {
            head.get(at..)?
                .first_chunk::<16>()
                .copied()
                .map(IpAddr::from)
        };
        Some(Quoted {
            source: address(8)?,
            destination: address(24)?,
            protocol,
            ports: quoted_ports(protocol, rest),
        })
    }
}

/// IANA "ICMPv6 Parameters".
fn icmpv6_shape(kind: u8) -> Shape {
    match kind {
        1 => Shape::Error { code_max: 6 },
        2 => Shape::Error { code_max: 0 },
        3 => Shape::Error { code_max: 1 },
        4 => Shape::Error { code_max: 2 },
        100 | 101 | 200 | 201 => Shape::Unknown(DecodeEvent::ICMPV6_EXPERIMENTATION_TYPE),
        128 | 129 => Shape::Echo,
        130..=132 | 143 => Shape::Listener,
        133..=137 | 141 | 142 | 144..=147 | 154 | 156..=159 => Shape::Plain,
        138 => Shape::Codes(|code| matches!(code, 0 | 1 | 255)),
        139 | 140 => Shape::Codes(|code| code <= 2),
        148..=153 => Shape::Any,
        155 => Shape::Codes(|code| matches!(code, 0..=3 | 0x80..=0x83 | 0x8a)),
        5..=99 | 102..=126 | 160..=199 => Shape::Unknown(DecodeEvent::ICMPV6_UNASSIGNED_TYPE),
        0 | 127 | 202..=255 => Shape::Unknown(DecodeEvent::ICMPV6_UNKNOWN_TYPE),
    }
}

/// Ports at the beginning of the quoted transport header, zero where it has none.
fn quoted_ports(protocol: IpProtocol, data: &[u8]) -> (u16, u16) {
    match protocol {
        IpProtocol::TCP | IpProtocol::UDP | IpProtocol::SCTP => {
            match (be16(data, 0), be16(data, 2)) {
                (Some(source), Some(destination)) => (source, destination),
                _ => (0, 0),
            }
        }
        _ => (0, 0),
    }
}
