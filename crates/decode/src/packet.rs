//! One packet, read but not copied: headers as values, payload as a slice of the frame.

use event::{IpProtocol, Timestamp};
use smallvec::SmallVec;
use std::net::IpAddr;

mod arp;
mod checksum;
mod counters;
mod decoder;
pub mod event_set;
mod icmp;
mod ipv4;
mod ipv6;
mod level;
mod link;
mod tcp;
mod transport;
mod tunnel;
mod wireless;

#[cfg(test)]
mod tests;

pub(crate) use checksum::{fold, pseudo_header, sum};
pub(crate) use level::Fragment;

pub use counters::{Counter, CounterName, Counters};
pub use decoder::{Config, Decoder, TunnelPorts};
pub use event_set::{DecodeEvent, DecodeEvents};

/// What a capture hands over: the bytes of one frame and what is known about them.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// When it was captured.
    pub time: Timestamp,
    /// Its place in the capture, counted from 1; EVE's `pcap_cnt`.
    pub number: u64,
    /// The bytes captured.
    pub data: &'a [u8],
    /// Bytes it had on the wire, at least `data.len()`.
    pub wire_len: u32,
    /// How the first bytes are to be read.
    pub link: LinkType,
}

/// Link types as libpcap numbers them (<https://www.tcpdump.org/linktypes.html>).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LinkType(pub u32);

impl LinkType {
    /// BSD loopback: the address family in the host's order.
    pub const NULL: Self = Self(0);
    /// IEEE 802.3.
    pub const ETHERNET: Self = Self(1);
    /// The packet begins with its IP header.
    pub const RAW: Self = Self(101);
    /// Linux cooked capture.
    pub const LINUX_SLL: Self = Self(113);
    /// Linux cooked capture, version 2.
    pub const LINUX_SLL2: Self = Self(276);

    /// The name of the kind, of those that are seen often.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        Some(match self.0 {
            0 => "NULL",
            1 => "EN10MB",
            9 => "PPP",
            12 | 14 | 101 => "RAW",
            50 => "PPP_SERIAL",
            51 => "PPP_ETHER",
            104 => "C_HDLC",
            105 => "IEEE802_11",
            107 => "FRELAY",
            108 => "LOOP",
            113 => "LINUX_SLL",
            127 => "IEEE802_11_RADIO",
            192 => "PPI",
            228 => "IPv4",
            229 => "IPv6",
            239 => "NFLOG",
            276 => "LINUX_SLL2",
            _ => return None,
        })
    }
}

/// A packet at one level of encapsulation. A tunnel gives one packet for each level.
#[derive(Clone, Debug)]
pub struct Packet<'a> {
    /// When it was captured.
    pub time: Timestamp,
    /// EVE's `pcap_cnt`; the last fragment's for a reassembled datagram.
    pub number: u64,
    /// The whole frame as captured; for a reassembled datagram its bytes, and for a tunnelled packet
    /// the bytes from this level's first header on.
    pub frame: &'a [u8],
    /// Bytes the frame had on the wire; the length of `frame` for tunnelled and reassembled packets.
    pub wire_len: u32,
    /// How `frame` begins.
    pub link: LinkType,
    /// How it came to be.
    pub origin: Origin,
    /// The ends of the outermost packet; None where this is the outermost itself.
    pub root: Option<Root>,
    /// Ethernet header of this level, if it had one.
    pub ethernet: Option<Ethernet>,
    /// VLAN identifiers, outermost first, at most 3.
    pub vlans: SmallVec<[u16; 3]>,
    /// ARP message, where it is a well-formed one for IPv4 over Ethernet.
    pub arp: Option<Arp>,
    /// IP header.
    pub ip: Option<Ip<'a>>,
    /// What the IP header carries.
    pub transport: Transport<'a>,
    /// Bytes after the header of a transport that was understood; empty where there is none.
    pub payload: &'a [u8],
    /// Levels of encapsulation around this one: 0 for the outermost.
    pub depth: u8,
    /// Whether it was put together from fragments.
    pub is_reassembled: bool,
    /// Whether it is an IP fragment itself (then `transport` is `None`).
    pub is_fragment: bool,
    /// Whether the packet inside it follows as a packet of its own: then its payload is inspected
    /// there and not here.
    pub carries_packet: bool,
    /// Whether a header was so wrong that decoding stopped there.
    pub is_invalid: bool,
    /// Whether it belongs to a flow: it got as far as a transport that flows are made of.
    pub wants_flow: bool,
    /// Whether the checksum of its transport is not there yet: it was captured on its way to the
    /// network card that computes it. It can't be wrong then.
    pub is_checksum_pending: bool,
    /// What was wrong with it.
    pub events: DecodeEvents,
}

/// How a packet came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Captured.
    Wire,
    /// Inside GRE.
    Gre,
    /// Inside IPv4.
    Ipv4,
    /// Inside IPv6.
    Ipv6,
    /// Inside Teredo (RFC 4380).
    Teredo,
    /// Inside VXLAN (RFC 7348).
    Vxlan,
    /// Inside Geneve (RFC 8926).
    Geneve,
    /// Put together from fragments.
    Defrag,
}

impl Origin {
    /// EVE's `pkt_src`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Origin::Wire => "wire/pcap",
            Origin::Gre => "gre tunnel",
            Origin::Ipv4 => "ipv4 tunnel",
            Origin::Ipv6 => "ipv6 tunnel",
            Origin::Teredo => "teredo tunnel",
            Origin::Vxlan => "vxlan encapsulation",
            Origin::Geneve => "geneve encapsulation",
            Origin::Defrag => "defrag",
        }
    }
}

/// The ends of the outermost packet around a tunnelled or reassembled one, for EVE's `tunnel`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Root {
    /// Source address.
    pub source: IpAddr,
    /// Destination address.
    pub destination: IpAddr,
    /// Its protocol.
    pub protocol: IpProtocol,
    /// Its ports, where it has them.
    pub ports: Option<(u16, u16)>,
}

/// An ARP message for IPv4 over Ethernet (RFC 826).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arp {
    /// Hardware type, 1 for Ethernet.
    pub hardware: u16,
    /// Protocol type, 0x0800 for IPv4.
    pub protocol: u16,
    /// Operation: 1 request, 2 reply, 3 RARP request, 4 RARP reply.
    pub operation: u16,
    /// Hardware address of the sender.
    pub source_mac: [u8; 6],
    /// Protocol address of the sender.
    pub source_ip: std::net::Ipv4Addr,
    /// Hardware address of the target.
    pub destination_mac: [u8; 6],
    /// Protocol address of the target.
    pub destination_ip: std::net::Ipv4Addr,
}

/// An Ethernet header (IEEE 802.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ethernet {
    /// Source address.
    pub source: [u8; 6],
    /// Destination address.
    pub destination: [u8; 6],
    /// EtherType of what follows the header and any VLAN tags.
    pub kind: u16,
}

/// An IP header of either version.
#[derive(Clone, Copy, Debug)]
pub enum Ip<'a> {
    /// RFC 791.
    V4(Ipv4<'a>),
    /// RFC 8200.
    V6(Ipv6<'a>),
}

/// RFC 791.
#[derive(Clone, Copy, Debug)]
pub struct Ipv4<'a> {
    /// The header with its options, 20 to 60 bytes.
    pub header: &'a [u8],
    /// Source address.
    pub source: std::net::Ipv4Addr,
    /// Destination address.
    pub destination: std::net::Ipv4Addr,
    /// Protocol of the payload.
    pub protocol: IpProtocol,
    /// Time to live.
    pub ttl: u8,
    /// Type of service byte.
    pub tos: u8,
    /// Identification.
    pub id: u16,
    /// Total length field.
    pub total_len: u16,
    /// Flags and fragment offset as in the header: reserved 0x8000, DF 0x4000, MF 0x2000, offset.
    pub flags_and_offset: u16,
    /// Options that were present, as a bit set by [`Ipv4Options`].
    pub options: Ipv4Options,
}

/// Which IPv4 options a header held (RFC 791 section 3.1, RFC 1108, RFC 1393).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ipv4Options(pub u16);

impl Ipv4Options {
    /// Record route.
    pub const RR: u16 = 1;
    /// End of list.
    pub const EOL: u16 = 1 << 1;
    /// No operation.
    pub const NOP: u16 = 1 << 2;
    /// Timestamp.
    pub const TS: u16 = 1 << 3;
    /// Security.
    pub const SEC: u16 = 1 << 4;
    /// Extended security.
    pub const ESEC: u16 = 1 << 5;
    /// Loose source route.
    pub const LSRR: u16 = 1 << 6;
    /// Strict source route.
    pub const SSRR: u16 = 1 << 7;
    /// Stream identifier.
    pub const SATID: u16 = 1 << 8;
    /// CIPSO.
    pub const CIPSO: u16 = 1 << 9;
    /// Router alert.
    pub const RTRALT: u16 = 1 << 10;
    /// Quick start (RFC 4782).
    pub const QS: u16 = 1 << 11;
}

/// RFC 8200.
#[derive(Clone, Copy, Debug)]
pub struct Ipv6<'a> {
    /// The fixed header, 40 bytes.
    pub header: &'a [u8],
    /// Source address.
    pub source: std::net::Ipv6Addr,
    /// Destination address.
    pub destination: std::net::Ipv6Addr,
    /// Protocol after all extension headers.
    pub protocol: IpProtocol,
    /// Next header field of the fixed header.
    pub next_header: u8,
    /// Hop limit.
    pub hop_limit: u8,
    /// Traffic class.
    pub class: u8,
    /// Payload length field.
    pub payload_len: u16,
    /// Flow label.
    pub flow_label: u32,
    /// Fragment header, if any: offset in bytes, more-fragments flag, identification.
    pub fragment: Option<(u16, bool, u32)>,
    /// Whether hop-by-hop, destination or routing headers were present, `Ipv6::HOP` and so on.
    pub extensions: u8,
}

impl Ipv6<'_> {
    /// Hop-by-hop options header seen.
    pub const HOP: u8 = 1;
    /// Destination options header seen.
    pub const DESTINATION: u8 = 2;
    /// Routing header seen.
    pub const ROUTING: u8 = 4;
    /// Authentication header seen.
    pub const AUTHENTICATION: u8 = 8;
}

/// What the IP header carries.
#[derive(Clone, Copy, Debug)]
pub enum Transport<'a> {
    /// Nothing that was understood.
    None,
    /// RFC 9293.
    Tcp(Tcp<'a>),
    /// RFC 768.
    Udp(Udp<'a>),
    /// RFC 792.
    Icmpv4(Icmp<'a>),
    /// RFC 4443.
    Icmpv6(Icmp<'a>),
    /// RFC 9260.
    Sctp(Sctp<'a>),
    /// RFC 4303: security parameters index and sequence number.
    Esp {
        /// Security parameters index.
        spi: u32,
        /// Sequence number.
        sequence: u32,
    },
    /// RFC 2784; the packet inside follows as a packet of its own.
    Gre,
}

/// A TCP header (RFC 9293 section 3.1).
#[derive(Clone, Copy, Debug)]
pub struct Tcp<'a> {
    /// The header with its options, 20 to 60 bytes.
    pub header: &'a [u8],
    /// Source port.
    pub source_port: u16,
    /// Destination port.
    pub destination_port: u16,
    /// Sequence number.
    pub sequence: u32,
    /// Acknowledgement number.
    pub acknowledgement: u32,
    /// Flags byte: FIN 0x01 … CWR 0x80.
    pub flags: u8,
    /// Reserved bits below the data offset, the 4 bits of byte 12.
    pub reserved: u8,
    /// Window field, unscaled.
    pub window: u16,
    /// Urgent pointer.
    pub urgent: u16,
    /// Options that matter for tracking.
    pub options: TcpOptions<'a>,
}

/// TCP options (RFC 9293 section 3.2, RFC 7323, RFC 2018, RFC 7413).
#[derive(Clone, Copy, Debug, Default)]
pub struct TcpOptions<'a> {
    /// Maximum segment size.
    pub mss: Option<u16>,
    /// Window scale.
    pub window_scale: Option<u8>,
    /// Timestamp value and echo.
    pub timestamps: Option<(u32, u32)>,
    /// SACK permitted.
    pub sack_permitted: bool,
    /// SACK blocks, 8 bytes each.
    pub sack: &'a [u8],
    /// Fast open cookie; empty for a request.
    pub fast_open: Option<&'a [u8]>,
    /// Number of options present.
    pub count: u8,
}

impl Tcp<'_> {
    /// Flag bits of byte 13.
    pub const FIN: u8 = 0x01;
    /// Synchronise.
    pub const SYN: u8 = 0x02;
    /// Reset.
    pub const RST: u8 = 0x04;
    /// Push.
    pub const PSH: u8 = 0x08;
    /// Acknowledge.
    pub const ACK: u8 = 0x10;
    /// Urgent.
    pub const URG: u8 = 0x20;
    /// ECN echo.
    pub const ECE: u8 = 0x40;
    /// Congestion window reduced.
    pub const CWR: u8 = 0x80;
}

/// A UDP header.
#[derive(Clone, Copy, Debug)]
pub struct Udp<'a> {
    /// The 8 bytes.
    pub header: &'a [u8],
    /// Source port.
    pub source_port: u16,
    /// Destination port.
    pub destination_port: u16,
    /// Length field.
    pub len: u16,
}

/// An ICMP or ICMPv6 header.
#[derive(Clone, Copy, Debug)]
pub struct Icmp<'a> {
    /// The header as rules see it in `icmpv4.hdr` and `icmpv6.hdr`.
    pub header: &'a [u8],
    /// Type.
    pub kind: u8,
    /// Code.
    pub code: u8,
    /// Identifier and sequence number, for the types that have them.
    pub echo: Option<(u16, u16)>,
    /// MTU of an ICMPv6 packet-too-big.
    pub mtu: Option<u32>,
    /// The packet that an error message quotes, as far as it was understood.
    pub quoted: Option<Quoted>,
}

/// The ends of the packet that an ICMP error quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quoted {
    /// Source address of the quoted packet.
    pub source: IpAddr,
    /// Destination address of the quoted packet.
    pub destination: IpAddr,
    /// Its protocol.
    pub protocol: IpProtocol,
    /// Its ports, zero where it has none.
    pub ports: (u16, u16),
}

/// An SCTP header.
#[derive(Clone, Copy, Debug)]
pub struct Sctp<'a> {
    /// The 12 bytes.
    pub header: &'a [u8],
    /// Source port.
    pub source_port: u16,
    /// Destination port.
    pub destination_port: u16,
}

impl<'a> Packet<'a> {
    /// The packet of a frame of which nothing was read yet.
    #[must_use]
    pub fn new(frame: &Frame<'a>) -> Self {
        Packet {
            time: frame.time,
            number: frame.number,
            frame: frame.data,
            wire_len: frame.wire_len,
            link: frame.link,
            origin: Origin::Wire,
            root: None,
            ethernet: None,
            vlans: SmallVec::new(),
            arp: None,
            ip: None,
            transport: Transport::None,
            payload: &[],
            depth: 0,
            is_reassembled: false,
            is_fragment: false,
            carries_packet: false,
            is_invalid: false,
            wants_flow: false,
            is_checksum_pending: false,
            events: DecodeEvents::default(),
        }
    }

    /// Source and destination address, or None below IP.
    #[must_use]
    pub fn addresses(&self) -> Option<(IpAddr, IpAddr)> {
        match self.ip? {
            Ip::V4(ip) => Some((ip.source.into(), ip.destination.into())),
            Ip::V6(ip) => Some((ip.source.into(), ip.destination.into())),
        }
    }

    /// Protocol of the IP payload, or None below IP.
    #[must_use]
    pub fn protocol(&self) -> Option<IpProtocol> {
        match self.ip? {
            Ip::V4(ip) => Some(ip.protocol),
            Ip::V6(ip) => Some(ip.protocol),
        }
    }

    /// Source and destination port of TCP, UDP and SCTP.
    #[must_use]
    pub fn ports(&self) -> Option<(u16, u16)> {
        match self.transport {
            Transport::Tcp(t) => Some((t.source_port, t.destination_port)),
            Transport::Udp(u) => Some((u.source_port, u.destination_port)),
            Transport::Sctp(s) => Some((s.source_port, s.destination_port)),
            Transport::Icmpv4(_)
            | Transport::Icmpv6(_)
            | Transport::Esp { .. }
            | Transport::Gre
            | Transport::None => None,
        }
    }
}
