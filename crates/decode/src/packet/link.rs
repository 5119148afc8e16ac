//! The first header of a frame, by the link type of the capture.

use super::level::{Level, Refused, Step, be16};
use super::{Counter, DecodeEvent, LinkType};

/// Bytes of the PPP protocols (RFC 1661 section 2, IANA "Point-to-Point Protocol Field Assignments").
mod ppp {
    pub(super) const IPV4: u16 = 0x0021;
    pub(super) const VJ_UNCOMPRESSED: u16 = 0x002f;
    pub(super) const IPV6: u16 = 0x0057;

    /// Protocols that are known and carry nothing that is looked into.
    pub(super) fn is_known(protocol: u16) -> bool {
        matches!(
            protocol,
            0x0023
                | 0x0025
                | 0x0027
                | 0x0029
                | 0x002b
                | 0x002d
                | 0x0031
                | 0x0033
                | 0x0035
                | 0x0201
                | 0x0231
                | 0x0281
                | 0x0283
                | 0x8021
                | 0x8023
                | 0x8025
                | 0x8027
                | 0x8029
                | 0x802b
                | 0x8033
                | 0x8035
                | 0x8057
                | 0x8281
                | 0xc021
                | 0xc023
                | 0xc025
                | 0xc223
        )
    }
}

/// How deep link types may name another (PPI).
const NESTED_LINKS_MAX: u8 = 4;

impl LinkType {
    /// Whether the decoder reads frames of this type.
    #[must_use]
    pub fn is_known(self) -> bool {
        matches!(
            self.0,
            0 | 1 | 8 | 9 | 10 | 12 | 14 | 50 | 51 | 100..=102 | 104..=108 | 113 | 123 | 127 | 192
                | 228 | 229 | 239 | 276 | 281 | 282 | 284 | 285
        )
    }
}

impl<'a> Level<'a, '_> {
    /// Reads the frame from its link layer on.
    pub(super) fn link_layer(&mut self, link: LinkType, data: &'a [u8]) {
        let _ = self.link(link, data, 0);
    }

    /// Numbers from <https://www.tcpdump.org/linktypes.html>.
    fn link(&mut self, link: LinkType, data: &'a [u8], nested: u8) -> Step {
        match link.0 {
            1 => self.ethernet(data),
            12 | 14 | 101 | 228 | 229 => self.raw(data),
            113 => self.cooked(data),
            276 => self.cooked_two(data),
            0 | 108 => self.null(data),
            9 | 50 => self.ppp(data),
            51 => self.pppoe_session(data),
            104 => self.chdlc(data),
            105 => self.wireless(data),
            127 => self.radiotap(data),
            192 if nested < NESTED_LINKS_MAX => self.ppi(data, nested),
            // SLIP in BSD's form: direction and a compressed header, 16 bytes together.
            8 => self.raw_after(data, 16),
            10 => self.llc_after(data, 13),
            100 | 102 | 106 => self.llc_after(data, 0),
            123 => self.llc_after(data, 4),
            107 => self.frame_relay(data),
            239 => self.nflog(data),
            281 => self.switch_tag(data, 12, 4),
            282 => self.ethernet(data.get(4..).unwrap_or(&[])),
            284 => self.switch_tag(data, 12, 4),
            285 => self.switch_tag(data, 12, 8),
            _ => {
                self.counters.unknown_link += 1;
                self.counters.last_unknown_link = Some(link);
                Err(Refused)
            }
        }
    }

    /// IP of either version with nothing before it.
    fn raw(&mut self, data: &'a [u8]) -> Step {
        self.counters.count(Counter::Raw);
        match data.first().map(|byte| byte >> 4) {
            None => self.refuse(DecodeEvent::IPV4_PKT_TOO_SMALL),
            Some(4) => self.ipv4(data),
            Some(6) => self.ipv6(data),
            Some(_) => {
                self.note(DecodeEvent::IPRAW_INVALID_IP_VERSION);
                Ok(())
            }
        }
    }

    fn raw_after(&mut self, data: &'a [u8], skip: usize) -> Step {
        self.raw(data.get(skip..).unwrap_or(&[]))
    }

    fn cooked(&mut self, data: &'a [u8]) -> Step {
        self.counters.count(Counter::Sll);
        let Some((head, rest)) = data.split_first_chunk::<16>() else {
            return self.refuse(DecodeEvent::SLL_PKT_TOO_SMALL);
        };
        self.layer()?;
        self.network(be16(head, 14).unwrap_or(0), rest);
        Ok(())
    }

    fn cooked_two(&mut self, data: &'a [u8]) -> Step {
        self.counters.count(Counter::Sll2);
        let Some((head, rest)) = data.split_first_chunk::<20>() else {
            return self.refuse(DecodeEvent::SLL2_PKT_TOO_SMALL);
        };
        self.layer()?;
        self.network(be16(head, 0).unwrap_or(0), rest);
        Ok(())
    }

    /// The address family in the byte order of the capturing host, or of the network for `LOOP`:
    /// every family is below 256, so whichever end is not zero tells it.
    fn null(&mut self, data: &'a [u8]) -> Step {
        self.counters.count(Counter::Null);
        let Some((&family, rest)) = data.split_first_chunk() else {
            return self.refuse(DecodeEvent::LTNULL_PKT_TOO_SMALL);
        };
        let family = u32::from_le_bytes(family).min(u32::from_be_bytes(family));
        match family {
            2 => self.ipv4(rest),
            10 | 23 | 24 | 26 | 28 | 30 => self.ipv6(rest),
            _ => {
                self.note(DecodeEvent::LTNULL_UNSUPPORTED_TYPE);
                Ok(())
            }
        }
    }

    /// Cisco HDLC: address, control, EtherType.
    fn chdlc(&mut self, data: &'a [u8]) -> Step {
        self.counters.count(Counter::Chdlc);
        let Some((&[_, _, k0, k1], rest)) = data.split_first_chunk() else {
            return self.refuse(DecodeEvent::CHDLC_PKT_TOO_SMALL);
        };
        self.layer()?;
        self.network(u16::from_be_bytes([k0, k1]), rest);
        Ok(())
    }

    /// PPP with the address and control bytes of RFC 1662, or, as some captures have it, without.
    pub(super) fn ppp(&mut self, data: &'a [u8]) -> Step {
        self.counters.count(Counter::Ppp);
        if data.len() < 4 {
            return self.refuse(DecodeEvent::PPP_PKT_TOO_SMALL);
        }
        self.layer()?;
        let data = match data {
            // Links may agree to leave out address and control (RFC 1661 section 6.6).
            [0xff, 0x03, rest @ ..] => rest,
            // Cisco's framing in a PPP capture: address, control and an EtherType follow.
            [0x0f | 0x8f, _, rest @ ..] => return self.cisco(rest),
            _ => data,
        };
        // The protocol takes one byte where that one is odd (RFC 1661 section 6.5).
        match data {
            [short, rest @ ..] if short & 1 == 1 => self.ppp_protocol(u16::from(*short), rest),
            [high, low, rest @ ..] => self.ppp_protocol(u16::from_be_bytes([*high, *low]), rest),
            _ => self.refuse(DecodeEvent::PPP_PKT_TOO_SMALL),
        }
    }

    fn cisco(&mut self, data: &'a [u8]) -> Step {
        let Some((&kind, rest)) = data.split_first_chunk() else {
            return self.refuse(DecodeEvent::PPP_PKT_TOO_SMALL);
        };
        self.network(u16::from_be_bytes(kind), rest);
        Ok(())
    }

    fn ppp_protocol(&mut self, protocol: u16, data: &'a [u8]) -> Step {
        match protocol {
            ppp::IPV4 if data.len() < 20 => self.refuse(DecodeEvent::PPP_IP4_PKT_TOO_SMALL),
            ppp::IPV6 if data.len() < 40 => self.refuse(DecodeEvent::PPP_IP6_PKT_TOO_SMALL),
            ppp::VJ_UNCOMPRESSED if data.len() < 20 => {
                self.refuse(DecodeEvent::PPP_VJU_PKT_TOO_SMALL)
            }
            ppp::IPV4 => self.ipv4(data),
            ppp::IPV6 => self.ipv6(data),
            ppp::VJ_UNCOMPRESSED => match data.first() {
                Some(version) if version >> 4 == 4 => self.ipv4(data),
                _ => Ok(()),
            },
            _ if ppp::is_known(protocol) => {
                self.note(DecodeEvent::PPP_UNSUP_PROTO);
                Ok(())
            }
            _ => {
                self.invalid(DecodeEvent::PPP_WRONG_TYPE);
                Ok(())
            }
        }
    }

    /// PPPoE session (RFC 2516): 6 bytes, then a PPP protocol.
    pub(super) fn pppoe_session(&mut self, data: &'a [u8]) -> Step {
        self.counters.count(Counter::Pppoe);
        let Some((&[_, _, _, _, l0, l1], rest)) = data.split_first_chunk() else {
            return self.refuse(DecodeEvent::PPPOE_PKT_TOO_SMALL);
        };
        self.layer()?;
        if [l0, l1] == [0, 0] {
            return Ok(());
        }
        match rest {
            [short, rest @ ..] if short & 1 == 1 => self.ppp_protocol(u16::from(*short), rest),
            [high, low, rest @ ..] => self.ppp_protocol(u16::from_be_bytes([*high, *low]), rest),
            _ => self.refuse(DecodeEvent::PPPOE_PKT_TOO_SMALL),
        }
    }

    /// PPPoE discovery (RFC 2516 section 5): only looked at for its form.
    pub(super) fn pppoe_discovery(&mut self, data: &'a [u8]) -> Step {
        self.counters.count(Counter::Pppoe);
        let Some((&[_, code, _, _, l0, l1], tags)) = data.split_first_chunk() else {
            return self.refuse(DecodeEvent::PPPOE_PKT_TOO_SMALL);
        };
        if !matches!(code, 0x07 | 0x09 | 0x19 | 0x65 | 0xa7) {
            self.invalid(DecodeEvent::PPPOE_WRONG_CODE);
            return Ok(());
        }
        if usize::from(u16::from_be_bytes([l0, l1])) > tags.len() {
            self.invalid(DecodeEvent::PPPOE_MALFORMED_TAGS);
        }
        Ok(())
    }

    /// Frame relay (RFC 2427): address, control 3, then a network layer identifier.
    fn frame_relay(&mut self, data: &'a [u8]) -> Step {
        match data {
            [_, _, 0x03, 0xcc, rest @ ..] => self.ipv4(rest),
            [_, _, 0x03, 0x8e, rest @ ..] => self.ipv6(rest),
            [_, _, 0x03, 0x00, 0x80, _, _, _, k0, k1, rest @ ..]
            | [_, _, 0x03, 0x80, _, _, _, k0, k1, rest @ ..] => {
                self.network(u16::from_be_bytes([*k0, *k1]), rest);
                Ok(())
            }
            // Cisco's framing puts an EtherType there.
            [_, _, k0, k1, rest @ ..] => {
                self.network(u16::from_be_bytes([*k0, *k1]), rest);
                Ok(())
            }
            _ => Err(Refused),
        }
    }

    /// Logical link control with SNAP (IEEE 802.2), after a header that is skipped.
    pub(super) fn llc_after(&mut self, data: &'a [u8], skip: usize) -> Step {
        match data.get(skip..) {
            Some([0xaa, 0xaa, 0x03, _, _, _, k0, k1, rest @ ..]) => {
                self.layer()?;
                self.network(u16::from_be_bytes([*k0, *k1]), rest);
                Ok(())
            }
            Some([0xfe, 0xfe, 0x03, 0xcc, rest @ ..]) => self.ipv4(rest),
            // Classical IP over ATM without encapsulation (RFC 2684 section 6).
            Some(rest @ [0x45, ..]) => self.ipv4(rest),
            _ => Err(Refused),
        }
    }

    /// Ethernet with a switch's tag between the addresses and the type.
    fn switch_tag(&mut self, data: &'a [u8], at: usize, len: usize) -> Step {
        let Some(rest) = data.get(at + len..) else {
            return self.refuse(DecodeEvent::ETHERNET_PKT_TOO_SMALL);
        };
        self.counters.count(Counter::Ethernet);
        self.layer()?;
        match rest.split_first_chunk() {
            Some((&kind, rest)) => {
                self.network(u16::from_be_bytes(kind), rest);
                Ok(())
            }
            None => self.refuse(DecodeEvent::ETHERNET_PKT_TOO_SMALL),
        }
    }

    /// Per-packet information: a length and another link type, both little-endian.
    fn ppi(&mut self, data: &'a [u8], nested: u8) -> Step {
        let Some(&[_, _, l0, l1, d0, d1, d2, d3]) = data.first_chunk() else {
            return Err(Refused);
        };
        let rest = data
            .get(usize::from(u16::from_le_bytes([l0, l1]))..)
            .ok_or(Refused)?;
        self.link(
            LinkType(u32::from_le_bytes([d0, d1, d2, d3])),
            rest,
            nested + 1,
        )
    }

    /// Linux netfilter log: attributes in the host's order, of which number 9 is the packet.
    fn nflog(&mut self, data: &'a [u8]) -> Step {
        let mut rest = data.get(4..).ok_or(Refused)?;
        while let Some(&[l0, l1, k0, k1]) = rest.first_chunk() {
            let little = usize::from(u16::from_le_bytes([l0, l1]));
            let len = if little <= rest.len() {
                little
            } else {
                usize::from(u16::from_be_bytes([l0, l1]))
            };
            if k0 == 9 || (k0 == 0 && k1 == 9) {
                return self.raw(rest.get(4..len).ok_or(Refused)?);
            }
            // Attributes are padded to 4 bytes; one shorter than its own header would never end.
            rest = rest.get(len.max(4).next_multiple_of(4)..).ok_or(Refused)?;
        }
        Err(Refused)
    }
}
