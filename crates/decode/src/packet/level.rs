//! One level of encapsulation while it is being read: the packet so far, what it carries, and the
//! steps from one header to the next.

use super::{Config, Counter, Counters, DecodeEvent, Ethernet, LinkType, Origin, Packet};

/// Headers that one frame may stack before decoding stops, over all levels; Suricata's default
/// `decoder.max-layers`. Each costs a call, so a frame of tags alone would be a way to burn time.
pub(super) const LAYERS_MAX: u8 = 16;

/// VLAN tags that are remembered; more end the decoding.
const VLANS_MAX: usize = 3;

/// A header that could not be read: what it belonged to is not a packet.
pub(super) struct Refused;

/// Whether a header was read.
pub(super) type Step = Result<(), Refused>;

/// What a level carries that becomes a packet of its own.
#[derive(Clone, Copy)]
pub(super) enum Next<'a> {
    /// Nothing.
    None,
    /// A packet inside a tunnel.
    Tunnel {
        entry: Entry,
        data: &'a [u8],
        origin: Origin,
    },
    /// A fragment of a datagram.
    Fragment(Fragment<'a>),
}

/// The header that a tunnelled packet begins with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Entry {
    Ipv4,
    Ipv6,
    Ethernet,
    Vlan,
    Ppp,
    Arp,
    ErspanI,
    ErspanII,
}

/// An IP fragment, ready for the defragmenter.
#[derive(Clone, Copy)]
pub(crate) struct Fragment<'a> {
    /// The link layer's headers, which a record of the whole datagram shows in front of it.
    pub(crate) link_header: &'a [u8],
    /// Everything before the fragmentable part, without a fragment header.
    pub(crate) header: &'a [u8],
    /// Where in `header` the number of the next protocol stands (IPv6), with its value.
    pub(crate) next_header: Option<(u16, u8)>,
    /// The fragmentable bytes.
    pub(crate) data: &'a [u8],
    /// Their place in the datagram.
    pub(crate) offset: u16,
    /// Whether more follow.
    pub(crate) more: bool,
    /// Identification.
    pub(crate) id: u32,
}

/// A level in the making.
pub(super) struct Level<'a, 'd> {
    pub(super) packet: Packet<'a>,
    pub(super) next: Next<'a>,
    pub(super) layers: u8,
    pub(super) config: &'d Config,
    pub(super) counters: &'d mut Counters,
}

/// Big-endian 16 bits at a place.
pub(super) fn be16(data: &[u8], at: usize) -> Option<u16> {
    data.get(at..)?
        .first_chunk()
        .map(|bytes| u16::from_be_bytes(*bytes))
}

/// Big-endian 32 bits at a place.
pub(super) fn be32(data: &[u8], at: usize) -> Option<u32> {
    data.get(at..)?
        .first_chunk()
        .map(|bytes| u32::from_be_bytes(*bytes))
}

/// EtherTypes (IEEE 802 numbers) that the decoder follows.
mod ethertype {
    pub(super) const IPV4: u16 = 0x0800;
    pub(super) const ARP: u16 = 0x0806;
    pub(super) const VLAN: u16 = 0x8100;
    pub(super) const IPV6: u16 = 0x86dd;
    pub(super) const MPLS_UNICAST: u16 = 0x8847;
    pub(super) const MPLS_MULTICAST: u16 = 0x8848;
    pub(super) const PPPOE_DISCOVERY: u16 = 0x8863;
    pub(super) const PPPOE_SESSION: u16 = 0x8864;
    pub(super) const PROVIDER_BRIDGE: u16 = 0x88a8;
    pub(super) const BACKBONE_BRIDGE: u16 = 0x88e7;
    pub(super) const FABRIC_PATH: u16 = 0x8903;
    pub(super) const VNTAG: u16 = 0x8926;
    pub(super) const NSH: u16 = 0x894f;
    pub(super) const QINQ: u16 = 0x9100;
}

impl<'a> Level<'a, '_> {
    /// Notes an event and goes on.
    pub(super) fn note(&mut self, event: DecodeEvent) {
        self.packet.events.add(event);
    }

    /// Notes an event that makes the packet invalid.
    pub(super) fn invalid(&mut self, event: DecodeEvent) {
        self.packet.events.add(event);
        self.packet.is_invalid = true;
    }

    /// Notes an event that ends the decoding.
    pub(super) fn refuse(&mut self, event: DecodeEvent) -> Step {
        self.invalid(event);
        Err(Refused)
    }

    /// What of this level's frame stands before `data`, its rest.
    pub(super) fn before(&self, data: &[u8]) -> &'a [u8] {
        let len = self.packet.frame.len().saturating_sub(data.len());
        self.packet.frame.get(..len).unwrap_or(&[])
    }

    /// Counts a header against the limit.
    pub(super) fn layer(&mut self) -> Step {
        self.layers = self.layers.saturating_add(1);
        if self.layers >= self.config.layers_max {
            return self.refuse(DecodeEvent::TOO_MANY_LAYERS);
        }
        Ok(())
    }

    /// Reads an Ethernet header and what follows.
    pub(super) fn ethernet(&mut self, data: &'a [u8]) -> Step {
        self.counters.count(Counter::Ethernet);
        let Some((header, rest)) = data.split_first_chunk::<14>() else {
            return self.refuse(DecodeEvent::ETHERNET_PKT_TOO_SMALL);
        };
        self.layer()?;
        let [d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5, k0, k1] = *header;
        let kind = u16::from_be_bytes([k0, k1]);
        self.packet.ethernet = Some(Ethernet {
            source: [s0, s1, s2, s3, s4, s5],
            destination: [d0, d1, d2, d3, d4, d5],
            kind,
        });
        let _ = self.network(kind, rest);
        Ok(())
    }

    /// Reads what an EtherType announces. The answer is whether the type is known: what goes wrong
    /// deeper inside is told by events, and does not make the outer header wrong.
    pub(super) fn network(&mut self, kind: u16, data: &'a [u8]) -> bool {
        let _ = match kind {
            ethertype::IPV4 => self.ipv4(data),
            ethertype::IPV6 => self.ipv6(data),
            ethertype::ARP => self.arp(data),
            ethertype::VLAN | ethertype::PROVIDER_BRIDGE | ethertype::QINQ => self.vlan(data),
            ethertype::MPLS_UNICAST | ethertype::MPLS_MULTICAST => self.mpls(data),
            ethertype::PPPOE_SESSION => self.pppoe_session(data),
            ethertype::PPPOE_DISCOVERY => self.pppoe_discovery(data),
            ethertype::BACKBONE_BRIDGE => self.backbone_bridge(data),
            ethertype::FABRIC_PATH => match data.split_first_chunk::<2>() {
                Some((_, rest)) => self.ethernet(rest),
                None => self.refuse(DecodeEvent::DCE_PKT_TOO_SMALL),
            },
            ethertype::VNTAG => self.vntag(data),
            ethertype::NSH => self.nsh(data),
            _ => {
                self.counters.count(Counter::UnknownEthertype);
                self.note(DecodeEvent::ETHERNET_UNKNOWN_ETHERTYPE);
                return false;
            }
        };
        true
    }

    /// IEEE 802.1Q.
    pub(super) fn vlan(&mut self, data: &'a [u8]) -> Step {
        match self.packet.vlans.len() {
            0 => self.counters.count(Counter::Vlan),
            1 => self.counters.count(Counter::VlanQinq),
            2 => self.counters.count(Counter::VlanQinqinq),
            _ => {}
        }
        let Some((&[t0, t1, k0, k1], rest)) = data.split_first_chunk() else {
            return self.refuse(DecodeEvent::VLAN_HEADER_TOO_SMALL);
        };
        self.layer()?;
        if self.packet.vlans.len() >= VLANS_MAX {
            self.note(DecodeEvent::VLAN_TOO_MANY_LAYERS);
            return Err(Refused);
        }
        self.packet
            .vlans
            .push(u16::from_be_bytes([t0, t1]) & 0x0fff);
        if self.network(u16::from_be_bytes([k0, k1]), rest) {
            Ok(())
        } else {
            self.refuse(DecodeEvent::VLAN_UNKNOWN_TYPE)
        }
    }

    /// IEEE 802.1ah: service tag, then the customer's addresses and type.
    fn backbone_bridge(&mut self, data: &'a [u8]) -> Step {
        self.counters.count(Counter::Ieee8021ah);
        let Some((header, rest)) = data.split_first_chunk::<18>() else {
            return self.refuse(DecodeEvent::IEEE8021AH_HEADER_TOO_SMALL);
        };
        self.layer()?;
        self.network(be16(header, 16).unwrap_or(0), rest);
        Ok(())
    }

    /// Cisco VN-Tag (IEEE 802.1Qbh draft).
    fn vntag(&mut self, data: &'a [u8]) -> Step {
        self.counters.count(Counter::Vntag);
        let Some((&[_, _, _, _, k0, k1], rest)) = data.split_first_chunk() else {
            return self.refuse(DecodeEvent::VNTAG_HEADER_TOO_SMALL);
        };
        self.layer()?;
        if self.network(u16::from_be_bytes([k0, k1]), rest) {
            Ok(())
        } else {
            self.refuse(DecodeEvent::VNTAG_UNKNOWN_TYPE)
        }
    }

    /// MPLS label stack (RFC 3032). What lies below is not announced: known labels tell it, else the
    /// first nibble does.
    pub(super) fn mpls(&mut self, mut data: &'a [u8]) -> Step {
        self.counters.count(Counter::Mpls);
        self.layer()?;
        let label = loop {
            let Some((&[a, b, c, _], rest)) = data.split_first_chunk() else {
                return self.refuse(DecodeEvent::MPLS_HEADER_TOO_SMALL);
            };
            data = rest;
            if c & 1 != 0 {
                break u32::from_be_bytes([0, a, b, c]) >> 4;
            }
        };
        match label {
            0 => return self.ipv4(data),
            2 => return self.ipv6(data),
            1 => self.note(DecodeEvent::MPLS_BAD_LABEL_ROUTER_ALERT),
            3 => self.note(DecodeEvent::MPLS_BAD_LABEL_IMPLICIT_NULL),
            4..15 => self.note(DecodeEvent::MPLS_BAD_LABEL_RESERVED),
            _ => {
                let Some(([first, ..], after_control_word)) = data.split_first_chunk::<4>() else {
                    return self.refuse(DecodeEvent::MPLS_PKT_TOO_SMALL);
                };
                let _ = match first >> 4 {
                    4 => self.ipv4(data),
                    6 => self.ipv6(data),
                    0 => self.ethernet(after_control_word),
                    _ => self.refuse(DecodeEvent::MPLS_UNKNOWN_PAYLOAD_TYPE),
                };
            }
        }
        Ok(())
    }

    /// Network service header (RFC 8300).
    fn nsh(&mut self, data: &'a [u8]) -> Step {
        self.counters.count(Counter::Nsh);
        let Some(&[b0, b1, md_type, next, ..]) = data.first_chunk::<8>() else {
            return self.refuse(DecodeEvent::NSH_HEADER_TOO_SMALL);
        };
        self.layer()?;
        let head = u16::from_be_bytes([b0, b1]);
        if head >> 14 != 0 {
            self.note(DecodeEvent::NSH_UNSUPPORTED_VERSION);
            return Ok(());
        }
        let len = usize::from(head & 0x3f) * 4;
        let rest = match data.get(len..) {
            Some(rest) if !rest.is_empty() => rest,
            _ => return self.refuse(DecodeEvent::NSH_BAD_HEADER_LENGTH),
        };
        match md_type {
            0 | 15 => {
                self.note(DecodeEvent::NSH_RESERVED_TYPE);
                return Ok(());
            }
            1 if len != 24 => return self.refuse(DecodeEvent::NSH_BAD_HEADER_LENGTH),
            1 | 2 => {}
            _ => {
                self.note(DecodeEvent::NSH_UNSUPPORTED_TYPE);
                return Ok(());
            }
        }
        match next {
            1 => self.ipv4(rest),
            2 => self.ipv6(rest),
            3 => self.ethernet(rest),
            5 => self.mpls(rest),
            _ => {
                self.note(DecodeEvent::NSH_UNKNOWN_PAYLOAD);
                Ok(())
            }
        }
    }

    /// Reads a tunnelled packet from its first header.
    pub(super) fn enter(&mut self, entry: Entry, data: &'a [u8]) -> Step {
        match entry {
            Entry::Ipv4 => self.ipv4(data),
            Entry::Ipv6 => self.ipv6(data),
            Entry::Ethernet => self.ethernet(data),
            Entry::Vlan => self.vlan(data),
            Entry::Ppp => self.ppp(data),
            Entry::Arp => self.arp(data),
            Entry::ErspanI => {
                self.counters.count(Counter::Erspan);
                self.ethernet(data)
            }
            Entry::ErspanII => self.erspan_two(data),
        }
    }

    /// ERSPAN type II (draft-foschiano-erspan-03): 8 bytes, then Ethernet.
    fn erspan_two(&mut self, data: &'a [u8]) -> Step {
        self.counters.count(Counter::Erspan);
        let Some((&[v0, v1, ..], rest)) = data.split_first_chunk::<8>() else {
            self.note(DecodeEvent::ERSPAN_HEADER_TOO_SMALL);
            return Err(Refused);
        };
        self.layer()?;
        let head = u16::from_be_bytes([v0, v1]);
        if head >> 12 != 1 {
            self.note(DecodeEvent::ERSPAN_UNSUPPORTED_VERSION);
            return Err(Refused);
        }
        let vlan = head & 0x0fff;
        if vlan > 0 {
            if self.packet.vlans.len() >= VLANS_MAX {
                self.note(DecodeEvent::ERSPAN_TOO_MANY_VLAN_LAYERS);
                return Err(Refused);
            }
            self.packet.vlans.push(vlan);
        }
        self.ethernet(rest)
    }

    /// Sets the link type of a tunnelled packet: what its first header is.
    pub(super) fn link_of(entry: Entry) -> LinkType {
        match entry {
            Entry::Ethernet | Entry::ErspanI => LinkType::ETHERNET,
            Entry::Ipv4 | Entry::Ipv6 | Entry::Vlan | Entry::Ppp | Entry::Arp | Entry::ErspanII => {
                LinkType::RAW
            }
        }
    }
}
