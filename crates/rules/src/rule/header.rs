//! What stands before a rule's options: action, protocol, addresses, ports, and which end is the target.

use event::AppProtocol;
use event::address::AddressRange;
use std::ops::RangeInclusive;

/// What a match does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Tell.
    Alert,
    /// Let pass, look no further.
    Pass,
    /// Drop (where in line) and tell.
    Drop,
    /// Refuse towards the source, the destination or both, and tell.
    Reject(RejectTo),
    /// Change how the flow is handled, tell nothing.
    Config,
}

/// To whom a refusal is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RejectTo {
    /// `reject` and `rejectsrc`.
    Source,
    /// `rejectdst`.
    Destination,
    /// `rejectboth`.
    Both,
}

/// The protocol field of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// `ip` and `ipv4`/`ip4`, `ipv6`/`ip6` by `family`.
    Ip {
        /// 4, 6, or None for both.
        family: Option<u8>,
    },
    /// `tcp`: packets and stream.
    Tcp,
    /// `tcp-pkt`: packets only.
    TcpPacket,
    /// `tcp-stream`: stream only.
    TcpStream,
    /// `udp`.
    Udp,
    /// `icmp`: both versions, or one.
    Icmp {
        /// 4, 6, or None for both.
        family: Option<u8>,
    },
    /// `sctp`.
    Sctp,
    /// `pkthdr`: any packet, also one that could not be decoded.
    PacketHeader,
    /// `ether`, `arp`.
    Ether,
    /// `arp`.
    Arp,
    /// An application protocol.
    App(AppProtocol),
}

/// The arrow between the ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Arrow {
    /// `->`.
    Forward,
    /// `<>`: either way.
    Either,
    /// `=>`: both directions of one transaction.
    Transaction,
}

/// `target`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// `src_ip`.
    Source,
    /// `dest_ip`.
    Destination,
}

/// A set of addresses: within one of `include` (all, where it is empty) and none of `exclude`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Addresses {
    /// Sorted, merged ranges; empty means any.
    pub include: Vec<AddressRange>,
    /// Sorted, merged ranges.
    pub exclude: Vec<AddressRange>,
}

impl Addresses {
    /// Whether every address is in it.
    #[must_use]
    pub fn is_any(&self) -> bool {
        self.include.is_empty() && self.exclude.is_empty()
    }

    /// Whether `address` is in it.
    #[must_use]
    pub fn contains(&self, address: std::net::IpAddr) -> bool {
        (self.include.is_empty() || self.include.iter().any(|range| range.contains(address)))
            && !self.exclude.iter().any(|range| range.contains(address))
    }
}

/// A set of ports as sorted, disjoint ranges; `0..=65535` alone means any.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Ports(pub Vec<RangeInclusive<u16>>);

impl Ports {
    /// Every port.
    #[must_use]
    pub fn any() -> Self {
        Ports(vec![0..=u16::MAX])
    }

    /// Whether every port is in it.
    #[must_use]
    pub fn is_any(&self) -> bool {
        self.0 == [0..=u16::MAX]
    }

    /// Whether `port` is in it.
    #[must_use]
    pub fn contains(&self, port: u16) -> bool {
        self.0.iter().any(|range| range.contains(&port))
    }
}
