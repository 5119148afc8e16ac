//! Tunnels that carry packets: GRE, and over UDP Teredo, VXLAN and Geneve.

use super::level::{Entry, Level, Next, Refused, Step, be16};
use super::{Counter, DecodeEvent, Origin, Transport, Udp};

/// EtherTypes that GRE and Geneve carry.
mod inner {
    pub(super) const IPV4: u16 = 0x0800;
    pub(super) const ARP: u16 = 0x0806;
    pub(super) const ETHERNET: u16 = 0x6558;
    pub(super) const VLAN: u16 = 0x8100;
    pub(super) const IPV6: u16 = 0x86dd;
    pub(super) const PPP: u16 = 0x880b;
    pub(super) const ERSPAN: u16 = 0x88be;
}

impl<'a> Level<'a, '_> {
    /// GRE: version 0 (RFC 2784, RFC 2890, routing of RFC 1701) and version 1 (PPTP, RFC 2637).
    pub(super) fn gre(&mut self, data: &'a [u8]) -> Step {
        self.counters.count(Counter::Gre);
        let Some(&[flags, version, p0, p1]) = data.first_chunk() else {
            return self.refuse(DecodeEvent::GRE_PKT_TOO_SMALL);
        };
        self.layer()?;
        self.packet.transport = Transport::Gre;
        let protocol = u16::from_be_bytes([p0, p1]);
        let is_set = |bit: u8| flags & bit != 0;
        let (checksum, routing, key, sequence, strict) = (
            is_set(0x80),
            is_set(0x40),
            is_set(0x20),
            is_set(0x10),
            is_set(0x08),
        );
        let has_recursion = flags & 0x07 != 0;
        let header_len = match version & 7 {
            0 => {
                if has_recursion {
                    return self.refuse(DecodeEvent::GRE_VERSION0_RECUR);
                }
                if version & 0xf8 != 0 {
                    return self.refuse(DecodeEvent::GRE_VERSION0_FLAGS);
                }
                let fixed = 4 + 4
                    * (usize::from(key) + usize::from(sequence) + usize::from(checksum || routing));
                if fixed > data.len() {
                    return self.refuse(DecodeEvent::GRE_VERSION0_HDR_TOO_BIG);
                }
                match routing {
                    true => match after_source_routes(data, fixed) {
                        Some(at) => at,
                        None => return self.refuse(DecodeEvent::GRE_VERSION0_MALFORMED_SRE_HDR),
                    },
                    false => fixed,
                }
            }
            1 => {
                let wrong = [
                    (checksum, DecodeEvent::GRE_VERSION1_CHKSUM),
                    (routing, DecodeEvent::GRE_VERSION1_ROUTE),
                    (strict, DecodeEvent::GRE_VERSION1_SSR),
                    (has_recursion, DecodeEvent::GRE_VERSION1_RECUR),
                    (version & 0x78 != 0, DecodeEvent::GRE_VERSION1_FLAGS),
                    (
                        protocol != inner::PPP,
                        DecodeEvent::GRE_VERSION1_WRONG_PROTOCOL,
                    ),
                    (!key, DecodeEvent::GRE_VERSION1_NO_KEY),
                ];
                if let Some((_, event)) = wrong.iter().find(|(is_wrong, _)| *is_wrong) {
                    return self.refuse(*event);
                }
                let fixed = 8 + 4 * (usize::from(sequence) + usize::from(version & 0x80 != 0));
                if fixed > data.len() {
                    return self.refuse(DecodeEvent::GRE_VERSION1_HDR_TOO_BIG);
                }
                // The key's first half is the length of the payload: none in a bare acknowledgement.
                if be16(data, 4) == Some(0) {
                    return Ok(());
                }
                fixed
            }
            _ => return self.refuse(DecodeEvent::GRE_WRONG_VERSION),
        };
        let Some(payload) = data.get(header_len..) else {
            return Err(Refused);
        };
        self.packet.payload = payload;
        let entry = match protocol {
            inner::IPV4 => Entry::Ipv4,
            inner::IPV6 => Entry::Ipv6,
            inner::PPP => Entry::Ppp,
            inner::VLAN => Entry::Vlan,
            inner::ETHERNET => Entry::Ethernet,
            inner::ARP => Entry::Arp,
            inner::ERSPAN if sequence => Entry::ErspanII,
            inner::ERSPAN => Entry::ErspanI,
            _ => return Ok(()),
        };
        self.next = Next::Tunnel {
            entry,
            data: payload,
            origin: Origin::Gre,
        };
        Ok(())
    }

    /// Looks for a tunnel in a UDP datagram on the configured ports.
    pub(super) fn udp_tunnel(&mut self, udp: &Udp<'_>, payload: &'a [u8]) {
        let config = self.config;
        if config.teredo.matches(udp) && self.teredo(payload) {
            return;
        }
        if config.geneve.matches(udp) && self.geneve(payload) {
            return;
        }
        if config.vxlan.matches(udp) {
            self.vxlan(payload);
        }
    }

    /// Teredo (RFC 4380): IPv6 after at most some origin indications. Taken only where the length of
    /// the IPv6 packet fits exactly, since any datagram may begin like this.
    fn teredo(&mut self, mut data: &'a [u8]) -> bool {
        while let Some((&[0, 0, ..], rest)) = data.split_first_chunk::<8>() {
            data = rest;
        }
        let Some(head) = data.first_chunk::<40>() else {
            return false;
        };
        let len = usize::from(u16::from_be_bytes([head[4], head[5]]));
        let (next_header, hop_limit) = (head[6], head[7]);
        // No sender leaves a hop limit of 0, nor hop-by-hop options of less than their 8 bytes.
        let is_odd = hop_limit == 0 || (next_header == 0 && len < 8);
        if head[0] >> 4 != 6 || data.len() != 40 + len || is_odd {
            return false;
        }
        self.next = Next::Tunnel {
            entry: Entry::Ipv6,
            data,
            origin: Origin::Teredo,
        };
        true
    }

    /// VXLAN (RFC 7348): only frames that carry IP are looked into.
    fn vxlan(&mut self, data: &'a [u8]) {
        let Some((&[flags, _, _, _, _, _, _, reserved], frame)) = data.split_first_chunk() else {
            return;
        };
        let Some((ethernet, rest)) = frame.split_first_chunk::<14>() else {
            return;
        };
        if flags & 0x08 == 0 || reserved != 0 || self.layer().is_err() {
            return;
        }
        self.counters.count(Counter::Vxlan);
        let entry = match u16::from_be_bytes([ethernet[12], ethernet[13]]) {
            inner::IPV4 => Entry::Ipv4,
            inner::IPV6 => Entry::Ipv6,
            inner::VLAN => Entry::Vlan,
            inner::ARP => return,
            _ => return self.invalid(DecodeEvent::VXLAN_UNKNOWN_PAYLOAD_TYPE),
        };
        self.next = Next::Tunnel {
            entry,
            data: rest,
            origin: Origin::Vxlan,
        };
    }

    /// Geneve (RFC 8926).
    fn geneve(&mut self, data: &'a [u8]) -> bool {
        let Some((&[version_len, flags, k0, k1, _, _, _, reserved], rest)) =
            data.split_first_chunk()
        else {
            return false;
        };
        if self.layer().is_err() {
            return false;
        }
        let options_len = usize::from(version_len & 0x3f) * 4;
        let Some((options, payload)) = rest.split_at_checked(options_len) else {
            return false;
        };
        if version_len >> 6 != 0 || flags & 0x3f != 0 || reserved != 0 || !options_fill(options) {
            return false;
        }
        self.counters.count(Counter::Geneve);
        let entry = match u16::from_be_bytes([k0, k1]) {
            inner::IPV4 => Entry::Ipv4,
            inner::IPV6 => Entry::Ipv6,
            inner::ETHERNET => Entry::Ethernet,
            inner::ARP => Entry::Arp,
            _ => {
                self.invalid(DecodeEvent::GENEVE_UNKNOWN_PAYLOAD_TYPE);
                return true;
            }
        };
        self.next = Next::Tunnel {
            entry,
            data: payload,
            origin: Origin::Geneve,
        };
        true
    }
}

/// Where the payload begins after the source route entries of RFC 1701.
fn after_source_routes(data: &[u8], mut at: usize) -> Option<usize> {
    loop {
        let &[family0, family1, _, len] = data.get(at..)?.first_chunk()?;
        at += 4;
        if family0 == 0 && family1 == 0 && len == 0 {
            return Some(at);
        }
        at += usize::from(len);
        if at > data.len() {
            return None;
        }
    }
}

/// Whether Geneve options end exactly where the header says.
fn options_fill(mut options: &[u8]) -> bool {
    while let Some((&[_, _, _, len], rest)) = options.split_first_chunk() {
        match rest.get(usize::from(len & 0x1f) * 4..) {
            Some(after) => options = after,
            None => return false,
        }
    }
    options.is_empty()
}
