//! IPv4 headers and their options (RFC 791).

use super::level::{Entry, Fragment, Level, Next, Step};
use super::{Counter, DecodeEvent, Ip, Ipv4, Ipv4Options, Origin};
use event::IpProtocol;

/// Options that hosts still send, by the number on the wire.
mod option {
    pub(super) const EOL: u8 = 0;
    pub(super) const NOP: u8 = 1;
    pub(super) const RR: u8 = 7;
    pub(super) const QS: u8 = 25;
    pub(super) const TS: u8 = 68;
    pub(super) const SEC: u8 = 130;
    pub(super) const LSRR: u8 = 131;
    pub(super) const ESEC: u8 = 133;
    pub(super) const CIPSO: u8 = 134;
    pub(super) const SID: u8 = 136;
    pub(super) const SSRR: u8 = 137;
    pub(super) const RTRALT: u8 = 148;
}

impl<'a> Level<'a, '_> {
    pub(super) fn ipv4(&mut self, data: &'a [u8]) -> Step {
        self.counters.count(Counter::Ipv4);
        self.layer()?;
        let Some(head) = data.first_chunk::<20>() else {
            return self.refuse(DecodeEvent::IPV4_PKT_TOO_SMALL);
        };
        if head[0] >> 4 != 4 {
            return self.refuse(DecodeEvent::IPV4_WRONG_IP_VERSION);
        }
        let header_len = usize::from(head[0] & 15) * 4;
        if header_len < head.len() {
            return self.refuse(DecodeEvent::IPV4_HLEN_TOO_SMALL);
        }
        let total_len = u16::from_be_bytes([head[2], head[3]]);
        if usize::from(total_len) < header_len {
            return self.refuse(DecodeEvent::IPV4_IPLEN_SMALLER_THAN_HLEN);
        }
        let whole = data.get(..usize::from(total_len));
        let Some((header, payload)) = whole.and_then(|whole| whole.split_at_checked(header_len))
        else {
            return self.refuse(DecodeEvent::IPV4_TRUNC_PKT);
        };
        let options = self.ipv4_options(header.get(20..).unwrap_or(&[]));
        let ip = Ipv4 {
            header,
            source: [head[12], head[13], head[14], head[15]].into(),
            destination: [head[16], head[17], head[18], head[19]].into(),
            protocol: IpProtocol(head[9]),
            ttl: head[8],
            tos: head[1],
            id: u16::from_be_bytes([head[4], head[5]]),
            total_len,
            flags_and_offset: u16::from_be_bytes([head[6], head[7]]),
            options,
        };
        self.packet.ip = Some(Ip::V4(ip));

        if ip.flags_and_offset & 0x3fff != 0 {
            self.packet.is_fragment = true;
            self.next = Next::Fragment(Fragment {
                link_header: self.before(data),
                header,
                next_header: None,
                data: payload,
                offset: (ip.flags_and_offset & 0x1fff) << 3,
                more: ip.flags_and_offset & 0x2000 != 0,
                id: u32::from(ip.id),
            });
            return Ok(());
        }
        // What is wrong further in is told by its events; the IP packet itself was read.
        let _ = self.ipv4_payload(ip.protocol, payload);
        Ok(())
    }

    fn ipv4_payload(&mut self, protocol: IpProtocol, data: &'a [u8]) -> Step {
        match protocol {
            IpProtocol::TCP => self.tcp(data),
            IpProtocol::UDP => self.udp(data),
            IpProtocol::ICMP => self.icmpv4(data),
            IpProtocol::GRE => self.gre(data),
            IpProtocol::SCTP => self.sctp(data),
            IpProtocol::ESP => self.esp(data),
            IpProtocol::IPV6 => {
                self.packet.wants_flow = true;
                self.next = Next::Tunnel {
                    entry: Entry::Ipv6,
                    data,
                    origin: Origin::Ipv4,
                };
                Ok(())
            }
            IpProtocol::IPIP => {
                self.packet.wants_flow = true;
                self.next = Next::Tunnel {
                    entry: Entry::Ipv4,
                    data,
                    origin: Origin::Ipv4,
                };
                Ok(())
            }
            IpProtocol::ICMPV6 => self.refuse(DecodeEvent::IPV4_ICMPV6),
            _ => Ok(()),
        }
    }

    fn ipv4_options(&mut self, mut data: &[u8]) -> Ipv4Options {
        let mut seen = Ipv4Options::default();
        if !data.len().is_multiple_of(8) {
            self.note(DecodeEvent::IPV4_OPT_PAD_REQUIRED);
        }
        while let [kind, rest @ ..] = data {
            match *kind {
                option::EOL => {
                    seen.0 |= Ipv4Options::EOL;
                    break;
                }
                option::NOP => {
                    seen.0 |= Ipv4Options::NOP;
                    data = rest;
                    continue;
                }
                _ => {}
            }
            let Some(len) = rest.first().map(|len| usize::from(*len)) else {
                self.note(DecodeEvent::IPV4_OPT_EOL_REQUIRED);
                break;
            };
            let Some((whole, after)) = data.split_at_checked(len).filter(|_| len >= 2) else {
                self.invalid(DecodeEvent::IPV4_OPT_INVALID_LEN);
                break;
            };
            let body = whole.get(2..).unwrap_or(&[]);
            match option_bit(*kind) {
                None => self.note(DecodeEvent::IPV4_OPT_INVALID),
                Some(bit) if seen.0 & bit != 0 => self.note(DecodeEvent::IPV4_OPT_DUPLICATE),
                Some(bit) => match check_option(*kind, body) {
                    Some(wrong) => self.invalid(wrong),
                    None => seen.0 |= bit,
                },
            }
            data = after;
        }
        seen
    }
}

fn option_bit(kind: u8) -> Option<u16> {
    Some(match kind {
        option::RR => Ipv4Options::RR,
        option::QS => Ipv4Options::QS,
        option::TS => Ipv4Options::TS,
        option::SEC => Ipv4Options::SEC,
        option::LSRR => Ipv4Options::LSRR,
        option::ESEC => Ipv4Options::ESEC,
        option::CIPSO => Ipv4Options::CIPSO,
        option::SID => Ipv4Options::SATID,
        option::SSRR => Ipv4Options::SSRR,
        option::RTRALT => Ipv4Options::RTRALT,
        _ => return None,
    })
}

/// What is wrong with an option, given its bytes after type and length.
fn check_option(kind: u8, body: &[u8]) -> Option<DecodeEvent> {
    let len = body.len() + 2;
    let wrong_len = match kind {
        option::QS => len < 8,
        option::SEC => !matches!(len, 3 | 11),
        option::ESEC => len < 3,
        option::SID | option::RTRALT => len != 4,
        option::RR | option::LSRR | option::SSRR => len < 3,
        option::TS => len < 5,
        option::CIPSO => len < 10,
        _ => false,
    };
    if wrong_len {
        return Some(DecodeEvent::IPV4_OPT_INVALID_LEN);
    }
    // Pointers count from 1 at the option's type and may stand one past its end.
    let pointer = body.first().map_or(0, |pointer| usize::from(*pointer));
    let is_malformed = match kind {
        option::RR | option::LSRR | option::SSRR => {
            pointer < 4 || !pointer.is_multiple_of(4) || pointer > len + 1
        }
        option::TS => {
            let flag = body.get(1).map_or(0, |flag| flag & 15);
            let record = if matches!(flag, 1 | 3) { 8 } else { 4 };
            pointer < 5 || !(pointer - 5).is_multiple_of(record) || pointer > len + 1
        }
        option::CIPSO => !cipso_tags_fit(body.get(4..).unwrap_or(&[])),
        _ => false,
    };
    is_malformed.then_some(DecodeEvent::IPV4_OPT_MALFORMED)
}

/// Whether CIPSO tags (FIPS 188) have known types and lengths that fit.
fn cipso_tags_fit(mut tags: &[u8]) -> bool {
    while let [kind, rest @ ..] = tags {
        let Some(len) = rest.first().map(|len| usize::from(*len)) else {
            return false;
        };
        let alignment_is_zero = *kind == 7 || tags.get(2) == Some(&0);
        if !matches!(kind, 1 | 2 | 5 | 6 | 7) || len < 4 || !alignment_is_zero {
            return false;
        }
        match tags.get(len..) {
            Some(after) => tags = after,
            None => return false,
        }
    }
    true
}
