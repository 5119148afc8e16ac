//! IPv6 headers and their extension headers (RFC 8200).

use super::level::{Entry, Fragment, Level, Next, Step, be16, be32};
use super::{Counter, DecodeEvent, Ip, Ipv6, Origin};
use event::IpProtocol;

/// Extension headers and what else only IPv6 carries, by protocol number.
mod header {
    pub(super) const HOP_BY_HOP: u8 = 0;
    pub(super) const ROUTING: u8 = 43;
    pub(super) const FRAGMENT: u8 = 44;
    pub(super) const AUTHENTICATION: u8 = 51;
    pub(super) const NONE: u8 = 59;
    pub(super) const DESTINATION: u8 = 60;
    pub(super) const MOBILITY: u8 = 135;
    pub(super) const HIP: u8 = 139;
    pub(super) const SHIM6: u8 = 140;
}

/// What the walk over extension headers has seen.
#[derive(Default)]
struct Seen {
    extensions: u8,
    destination_options: u8,
    has_fragment: bool,
}

impl<'a> Level<'a, '_> {
    pub(super) fn ipv6(&mut self, data: &'a [u8]) -> Step {
        self.counters.count(Counter::Ipv6);
        self.layer()?;
        let Some((head, rest)) = data.split_first_chunk::<40>() else {
            return self.refuse(DecodeEvent::IPV6_PKT_TOO_SMALL);
        };
        if head[0] >> 4 != 6 {
            return self.refuse(DecodeEvent::IPV6_WRONG_IP_VERSION);
        }
        let payload_len = u16::from_be_bytes([head[4], head[5]]);
        let Some(payload) = rest.get(..usize::from(payload_len)) else {
            return self.refuse(DecodeEvent::IPV6_TRUNC_PKT);
        };
        let address = |at: usize| {
            head.get(at..)
                .and_then(|bytes| bytes.first_chunk::<16>())
                .copied()
        };
        let (Some(source), Some(destination)) = (address(8), address(24)) else {
            return self.refuse(DecodeEvent::IPV6_PKT_TOO_SMALL);
        };
        let first_word = u32::from_be_bytes([head[0], head[1], head[2], head[3]]);
        self.packet.ip = Some(Ip::V6(Ipv6 {
            header: head,
            source: source.into(),
            destination: destination.into(),
            protocol: IpProtocol(head[6]),
            next_header: head[6],
            hop_limit: head[7],
            class: (first_word >> 20) as u8,
            payload_len,
            flow_label: first_word & 0x000f_ffff,
            fragment: None,
            extensions: 0,
        }));
        self.ipv6_headers(head[6], data, payload);
        Ok(())
    }

    fn set_ipv6(&mut self, change: impl FnOnce(&mut Ipv6<'a>)) {
        if let Some(Ip::V6(ip)) = &mut self.packet.ip {
            change(ip);
        }
    }

    /// Walks the headers after the fixed one. `whole` begins with the fixed header and is where the
    /// unfragmentable part is cut from.
    fn ipv6_headers(&mut self, first: u8, whole: &'a [u8], payload: &'a [u8]) {
        let mut seen = Seen::default();
        let mut kind = first;
        let mut data = payload;
        // Where the number of the header at hand stands: in the fixed header, then in each before it.
        let mut number_at = 6usize;
        loop {
            if kind != header::AUTHENTICATION {
                self.set_ipv6(|ip| ip.protocol = IpProtocol(kind));
            }
            let is_extension = matches!(
                kind,
                header::HOP_BY_HOP
                    | header::ROUTING
                    | header::FRAGMENT
                    | header::AUTHENTICATION
                    | header::DESTINATION
                    | header::MOBILITY
                    | header::HIP
                    | header::SHIM6
            );
            if !is_extension {
                let _ = self.ipv6_payload(kind, data, data.len() == payload.len());
                return;
            }
            let Some(&[next, len_field]) = data.first_chunk() else {
                self.invalid(DecodeEvent::IPV6_TRUNC_EXTHDR);
                return;
            };
            let len = match kind {
                header::FRAGMENT => 8,
                header::AUTHENTICATION => 12 + usize::from(len_field).saturating_sub(1) * 4,
                _ => 8 + usize::from(len_field) * 8,
            };
            let Some((extension, after)) = data.split_at_checked(len) else {
                self.invalid(DecodeEvent::IPV6_TRUNC_EXTHDR);
                return;
            };
            match kind {
                header::HOP_BY_HOP | header::DESTINATION => {
                    self.ipv6_options(kind, extension, &mut seen)
                }
                header::ROUTING => {
                    if seen.extensions & Ipv6::ROUTING != 0 {
                        self.note(DecodeEvent::IPV6_EXTHDR_DUPL_RH);
                    } else if extension.get(2) == Some(&0) {
                        self.note(DecodeEvent::IPV6_RH_TYPE_0);
                    }
                    seen.extensions |= Ipv6::ROUTING;
                }
                header::AUTHENTICATION => {
                    if be16(extension, 2) != Some(0) {
                        self.note(DecodeEvent::IPV6_EXTHDR_AH_RES_NOT_NULL);
                    }
                    if seen.extensions & Ipv6::AUTHENTICATION != 0 {
                        self.note(DecodeEvent::IPV6_EXTHDR_DUPL_AH);
                    }
                    seen.extensions |= Ipv6::AUTHENTICATION;
                }
                header::FRAGMENT => {
                    let at = whole.len().min(40) + payload.len() - data.len();
                    let unfragmentable = whole.get(..at).unwrap_or(&[]);
                    let place = (number_at as u16, next);
                    if self.ipv6_fragment(
                        extension,
                        after,
                        (self.before(whole), unfragmentable),
                        place,
                        &mut seen,
                    ) {
                        return;
                    }
                }
                // Mobility, HIP and shim headers are stepped over.
                _ => {}
            }
            self.set_ipv6(|ip| ip.extensions = seen.extensions);
            number_at = 40 + payload.len() - data.len();
            kind = next;
            data = after;
        }
    }

    /// Reads a fragment header; true where the rest is to be read after reassembly.
    fn ipv6_fragment(
        &mut self,
        extension: &[u8],
        data: &'a [u8],
        (link_header, unfragmentable): (&'a [u8], &'a [u8]),
        next_header: (u16, u8),
        seen: &mut Seen,
    ) -> bool {
        if extension.get(1) != Some(&0) {
            self.note(DecodeEvent::IPV6_FH_NON_ZERO_RESERVED_FIELD);
        }
        if seen.has_fragment {
            self.note(DecodeEvent::IPV6_EXTHDR_DUPL_FH);
            return false;
        }
        seen.has_fragment = true;
        let field = be16(extension, 2).unwrap_or(0);
        let (offset, more) = (field & 0xfff8, field & 1 != 0);
        let id = be32(extension, 4).unwrap_or(0);
        self.set_ipv6(|ip| ip.fragment = Some((offset, more, id)));
        if offset == 0 && !more {
            self.note(DecodeEvent::IPV6_EXTHDR_USELESS_FH);
            return false;
        }
        if more && !data.len().is_multiple_of(8) {
            self.note(DecodeEvent::IPV6_FRAG_INVALID_LENGTH);
        }
        self.packet.is_fragment = true;
        self.next = Next::Fragment(Fragment {
            link_header,
            header: unfragmentable,
            next_header: Some(next_header),
            data,
            offset,
            more,
            id,
        });
        true
    }

    fn ipv6_payload(&mut self, kind: u8, data: &'a [u8], is_first: bool) -> Step {
        // After extension headers even two bytes must be left; a bare fixed header may end there.
        if !is_first && kind != header::NONE && data.len() < 2 {
            return self.refuse(DecodeEvent::IPV6_TRUNC_EXTHDR);
        }
        match IpProtocol(kind) {
            IpProtocol::TCP => self.tcp(data),
            IpProtocol::UDP => self.udp(data),
            IpProtocol::ICMPV6 => self.icmpv6(data),
            IpProtocol::SCTP => self.sctp(data),
            IpProtocol::ESP => self.esp(data),
            IpProtocol::GRE => self.gre(data),
            IpProtocol::IPIP => match data.first() {
                Some(version) if data.len() >= 20 && version >> 4 == 4 => {
                    self.packet.wants_flow = true;
                    self.next = Next::Tunnel {
                        entry: Entry::Ipv4,
                        data,
                        origin: Origin::Ipv6,
                    };
                    Ok(())
                }
                _ if data.len() < 20 => self.refuse(DecodeEvent::IPV6_IPV4_IN_IPV6_TOO_SMALL),
                _ => self.refuse(DecodeEvent::IPV6_IPV4_IN_IPV6_WRONG_VERSION),
            },
            IpProtocol::IPV6 => match data.first() {
                Some(version) if data.len() >= 40 && version >> 4 == 6 => {
                    self.packet.wants_flow = true;
                    self.next = Next::Tunnel {
                        entry: Entry::Ipv6,
                        data,
                        origin: Origin::Ipv6,
                    };
                    Ok(())
                }
                _ if data.len() < 40 => self.refuse(DecodeEvent::IPV6_IPV6_IN_IPV6_TOO_SMALL),
                _ => self.refuse(DecodeEvent::IPV6_IPV6_IN_IPV6_WRONG_VERSION),
            },
            IpProtocol(header::NONE) => {
                if !data.is_empty() {
                    self.note(DecodeEvent::IPV6_DATA_AFTER_NONE_HEADER);
                }
                Ok(())
            }
            IpProtocol::ICMP => {
                self.note(DecodeEvent::IPV6_ICMPV4);
                Ok(())
            }
            _ => {
                self.note(DecodeEvent::IPV6_UNKNOWN_NEXT_HEADER);
                Ok(())
            }
        }
    }

    /// Hop-by-hop and destination options (RFC 8200 sections 4.2, 4.3 and 4.6).
    fn ipv6_options(&mut self, kind: u8, extension: &[u8], seen: &mut Seen) {
        let is_hop = kind == header::HOP_BY_HOP;
        if is_hop {
            if seen.extensions & Ipv6::HOP != 0 {
                return self.note(DecodeEvent::IPV6_EXTHDR_DUPL_HH);
            }
            seen.extensions |= Ipv6::HOP;
        } else {
            // One before a routing header and one last are both right.
            if seen.destination_options >= 2 {
                return self.note(DecodeEvent::IPV6_EXTHDR_DUPL_DH);
            }
            seen.destination_options += 1;
            seen.extensions |= Ipv6::DESTINATION;
        }
        let (mut padding, mut others) = (0u32, 0u32);
        let mut data = extension.get(2..).unwrap_or(&[]);
        while let [option, rest @ ..] = data {
            if *option == 0 {
                padding += 1;
                data = rest;
                continue;
            }
            let body = rest
                .split_first()
                .and_then(|(len, body)| body.split_at_checked(usize::from(*len)));
            let Some((body, after)) = body else {
                self.invalid(DecodeEvent::IPV6_EXTHDR_INVALID_OPTLEN);
                break;
            };
            let least = match option {
                1 => {
                    padding += 1;
                    if body.is_empty() {
                        self.note(DecodeEvent::IPV6_ZERO_LEN_PADN);
                    }
                    0
                }
                // Router alert (RFC 2711), jumbo payload (RFC 2675), home address (RFC 6275).
                5 => 2,
                0xc2 => 4,
                0xc9 => 16,
                _ => {
                    self.note(if is_hop {
                        DecodeEvent::IPV6_HOPOPTS_UNKNOWN_OPT
                    } else {
                        DecodeEvent::IPV6_DSTOPTS_UNKNOWN_OPT
                    });
                    0
                }
            };
            if body.len() < least {
                self.invalid(DecodeEvent::IPV6_EXTHDR_INVALID_OPTLEN);
                break;
            }
            if !matches!(option, 1 | 0xc2) {
                others += 1;
            }
            data = after;
        }
        if padding > 0 && others == 0 {
            self.note(if is_hop {
                DecodeEvent::IPV6_HOPOPTS_ONLY_PADDING
            } else {
                DecodeEvent::IPV6_DSTOPTS_ONLY_PADDING
            });
        }
    }
}
