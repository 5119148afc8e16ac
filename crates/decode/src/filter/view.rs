//! The headers of a frame as a filter sees them: by offsets, without following tunnels.

use super::Layer;
use crate::packet::Frame;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
const ARP: u16 = 0x0806;
const RARP: u16 = 0x8035;
const VLANS: [u16; 3] = [0x8100, 0x88a8, 0x9100];
const MPLS: [u16; 2] = [0x8847, 0x8848];

/// A frame below `tags` VLAN tags.
pub(super) struct View<'a> {
    frame: &'a [u8],
    is_ethernet: bool,
    /// EtherType of `network`.
    pub(super) kind: Option<u16>,
    network: &'a [u8],
}

impl<'a> View<'a> {
    /// None where the frame has fewer tags than that, or no link header that is known.
    pub(super) fn new(frame: &Frame<'a>, tags: u8) -> Option<Self> {
        let data = frame.data;
        let (kind, at, is_ethernet) = match frame.link.0 {
            1 => (word(data, 12)?, 14, true),
            113 => (word(data, 14)?, 16, false),
            276 => (word(data, 0)?, 20, false),
            0 | 108 => (by_version(data.get(4..)?)?, 4, false),
            101 | 12 | 14 | 228 | 229 => (by_version(data)?, 0, false),
            9 => match word(data, 2)? {
                0x0021 => (IPV4, 4, false),
                0x0057 => (IPV6, 4, false),
                other => (other, 4, false),
            },
            _ => return None,
        };
        let mut view = View {
            frame: data,
            is_ethernet,
            kind: Some(kind),
            network: data.get(at..)?,
        };
        for _ in 0..tags {
            view.vlan()?;
            view.kind = Some(word(view.network, 2)?);
            view.network = view.network.get(4..)?;
        }
        Some(view)
    }

    pub(super) fn is(&self, layer: Layer) -> bool {
        match layer {
            Layer::Ether => self.is_ethernet,
            Layer::Ip => self.kind == Some(IPV4),
            Layer::Ip6 => self.kind == Some(IPV6),
            Layer::Arp => self.kind == Some(ARP),
            Layer::Rarp => self.kind == Some(RARP),
            Layer::Tcp => self.ip_protocol() == Some(6),
            Layer::Udp => self.ip_protocol() == Some(17),
            Layer::Icmp => self.is(Layer::Ip) && self.ip_protocol() == Some(1),
            Layer::Icmp6 => self.is(Layer::Ip6) && self.ip_protocol() == Some(58),
            Layer::Sctp => self.ip_protocol() == Some(132),
        }
    }

    /// Source and destination address.
    pub(super) fn ethernet(&self) -> Option<([u8; 6], [u8; 6])> {
        if !self.is_ethernet {
            return None;
        }
        let source = self.frame.get(6..12)?.try_into().ok()?;
        let destination = self.frame.get(..6)?.try_into().ok()?;
        Some((source, destination))
    }

    /// The tag that follows.
    pub(super) fn vlan(&self) -> Option<u16> {
        let kind = self.kind?;
        VLANS
            .contains(&kind)
            .then(|| word(self.network, 0).map(|tag| tag & 0x0fff))?
    }

    /// The top label.
    pub(super) fn mpls(&self) -> Option<u32> {
        let kind = self.kind?;
        let label = self.network.get(..4)?;
        MPLS.contains(&kind)
            .then(|| u32::from_be_bytes([label[0], label[1], label[2], label[3]]) >> 12)
    }

    /// Source and destination address, of IP or ARP.
    pub(super) fn addresses(&self) -> Option<(IpAddr, IpAddr)> {
        let v4 = |at: usize| {
            let bytes: [u8; 4] = self.network.get(at..at + 4)?.try_into().ok()?;
            Some(IpAddr::V4(Ipv4Addr::from(bytes)))
        };
        let v6 = |at: usize| {
            let bytes: [u8; 16] = self.network.get(at..at + 16)?.try_into().ok()?;
            Some(IpAddr::V6(Ipv6Addr::from(bytes)))
        };
        match self.kind? {
            IPV4 => Some((v4(12)?, v4(16)?)),
            IPV6 => Some((v6(8)?, v6(24)?)),
            ARP | RARP => Some((v4(14)?, v4(24)?)),
            _ => None,
        }
    }

    pub(super) fn ip_protocol(&self) -> Option<u8> {
        match self.kind? {
            IPV4 => self.network.get(9).copied(),
            IPV6 => match self.network.get(6)? {
                // As in tcpdump, one fragment header is looked through.
                44 => self.network.get(40).copied(),
                protocol => Some(*protocol),
            },
            _ => None,
        }
    }

    /// Source and destination port; none of a fragment but the first.
    pub(super) fn ports(&self) -> Option<(u16, u16)> {
        if !matches!(self.ip_protocol()?, 6 | 17 | 132) {
            return None;
        }
        let transport = self.transport()?;
        Some((word(transport, 0)?, word(transport, 2)?))
    }

    /// The bytes from the header of `layer` on.
    pub(super) fn header(&self, layer: Layer) -> Option<&'a [u8]> {
        if !self.is(layer) {
            return None;
        }
        match layer {
            Layer::Ether => Some(self.frame),
            Layer::Ip | Layer::Ip6 | Layer::Arp | Layer::Rarp => Some(self.network),
            Layer::Tcp | Layer::Udp | Layer::Icmp | Layer::Icmp6 | Layer::Sctp => self.transport(),
        }
    }

    fn transport(&self) -> Option<&'a [u8]> {
        match self.kind? {
            IPV4 => {
                if word(self.network, 6)? & 0x1fff != 0 {
                    return None;
                }
                self.network
                    .get(usize::from(self.network.first()? & 15) * 4..)
            }
            IPV6 if self.network.get(6) == Some(&44) => self.network.get(48..),
            IPV6 => self.network.get(40..),
            _ => None,
        }
    }
}

fn by_version(packet: &[u8]) -> Option<u16> {
    match packet.first()? >> 4 {
        4 => Some(IPV4),
        6 => Some(IPV6),
        _ => None,
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}
