//! Builds packets, conversations and captures, for tests, examples and the golden captures.
//!
//! A [`Stack`] is headers from the outside in; lengths, checksums and protocol numbers are filled in
//! from what follows each:
//!
//! ```
//! use decode::build::{Stack, Tcp};
//! let frame = Stack::ethernet().vlan(7).ipv4("10.0.0.1", "10.0.0.2").tcp(Tcp::syn(1024, 80, 1)).bytes();
//! assert_eq!(frame.len(), 14 + 4 + 20 + 20);
//! ```

mod conversation;
mod write;

#[cfg(test)]
mod tests;

pub use conversation::{Captured, Conversation};
pub use write::{PcapWriter, PcapngWriter, pcap, pcapng};

use crate::packet::{fold, pseudo_header, sum};
use event::IpProtocol;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The addresses that frames have unless told otherwise: locally administered.
const SOURCE_MAC: [u8; 6] = [0x02, 0, 0, 0, 0, 1];
const DESTINATION_MAC: [u8; 6] = [0x02, 0, 0, 0, 0, 2];

/// A TCP header to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tcp {
    /// Source port.
    pub source_port: u16,
    /// Destination port.
    pub destination_port: u16,
    /// Sequence number.
    pub sequence: u32,
    /// Acknowledgement number.
    pub acknowledgement: u32,
    /// Flags, as in [`crate::packet::Tcp`].
    pub flags: u8,
    /// Window.
    pub window: u16,
    /// Urgent pointer.
    pub urgent: u16,
    /// Options, padded to 4 bytes with zeros.
    pub options: Vec<u8>,
}

impl Tcp {
    /// A header with flags.
    #[must_use]
    pub fn new(source_port: u16, destination_port: u16, flags: u8) -> Self {
        Tcp {
            source_port,
            destination_port,
            flags,
            window: 65_535,
            ..Tcp::default()
        }
    }

    /// The first segment of a connection.
    #[must_use]
    pub fn syn(source_port: u16, destination_port: u16, sequence: u32) -> Self {
        Tcp {
            sequence,
            ..Tcp::new(source_port, destination_port, crate::packet::Tcp::SYN)
        }
    }

    /// Sets the numbers.
    #[must_use]
    pub fn at(mut self, sequence: u32, acknowledgement: u32) -> Self {
        self.sequence = sequence;
        self.acknowledgement = acknowledgement;
        self
    }

    /// Sets the options.
    #[must_use]
    pub fn options(mut self, options: &[u8]) -> Self {
        self.options = options.to_vec();
        self
    }
}

/// One header.
#[derive(Clone, Debug)]
enum Layer {
    Ethernet {
        source: [u8; 6],
        destination: [u8; 6],
    },
    Vlan {
        id: u16,
        kind: u16,
    },
    Mpls {
        label: u32,
        is_last: bool,
    },
    Pppoe,
    Ppp,
    Sll,
    Ipv4 {
        source: Ipv4Addr,
        destination: Ipv4Addr,
        fields: IpFields,
    },
    Ipv6 {
        source: Ipv6Addr,
        destination: Ipv6Addr,
        fields: IpFields,
    },
    Ipv6Extension {
        kind: u8,
        body: Vec<u8>,
    },
    Tcp(Tcp),
    Udp {
        source_port: u16,
        destination_port: u16,
    },
    Icmp {
        kind: u8,
        code: u8,
        rest: [u8; 4],
    },
    Sctp {
        source_port: u16,
        destination_port: u16,
        tag: u32,
    },
    Gre {
        sequence: Option<u32>,
    },
    Erspan {
        vlan: u16,
    },
    Vxlan {
        network: u32,
    },
    Geneve {
        network: u32,
    },
    Esp {
        spi: u32,
        sequence: u32,
    },
    Arp {
        operation: u16,
        source: Ipv4Addr,
        destination: Ipv4Addr,
    },
    Payload(Vec<u8>),
}

/// What of an IP header tests set.
#[derive(Clone, Debug)]
struct IpFields {
    ttl: u8,
    id: u16,
    flags_and_offset: u16,
    options: Vec<u8>,
    /// Where it is not what follows.
    protocol: Option<u8>,
}

impl Default for IpFields {
    fn default() -> Self {
        IpFields {
            ttl: 64,
            id: 1,
            flags_and_offset: 0x4000,
            options: Vec::new(),
            protocol: None,
        }
    }
}

/// Headers from the outside in.
#[derive(Clone, Debug, Default)]
pub struct Stack {
    layers: Vec<Layer>,
}

impl Stack {
    /// Begins with nothing: the first header decides the link type.
    #[must_use]
    pub fn raw() -> Self {
        Stack::default()
    }

    /// Begins with Ethernet.
    #[must_use]
    pub fn ethernet() -> Self {
        Stack::raw().inner_ethernet()
    }

    fn with(mut self, layer: Layer) -> Self {
        self.layers.push(layer);
        self
    }

    /// Ethernet, also inside a tunnel.
    #[must_use]
    pub fn inner_ethernet(self) -> Self {
        self.with(Layer::Ethernet {
            source: SOURCE_MAC,
            destination: DESTINATION_MAC,
        })
    }

    /// Ethernet between these addresses.
    #[must_use]
    pub fn ethernet_between(self, source: [u8; 6], destination: [u8; 6]) -> Self {
        self.with(Layer::Ethernet {
            source,
            destination,
        })
    }

    /// An IEEE 802.1Q tag.
    #[must_use]
    pub fn vlan(self, id: u16) -> Self {
        self.with(Layer::Vlan { id, kind: 0x8100 })
    }

    /// An IEEE 802.1ad tag.
    #[must_use]
    pub fn provider_vlan(self, id: u16) -> Self {
        self.with(Layer::Vlan { id, kind: 0x88a8 })
    }

    /// An MPLS label; `is_last` at the bottom of the stack.
    #[must_use]
    pub fn mpls(self, label: u32, is_last: bool) -> Self {
        self.with(Layer::Mpls { label, is_last })
    }

    /// A PPPoE session.
    #[must_use]
    pub fn pppoe(self) -> Self {
        self.with(Layer::Pppoe)
    }

    /// PPP with address and control.
    #[must_use]
    pub fn ppp(self) -> Self {
        self.with(Layer::Ppp)
    }

    /// Linux cooked capture.
    #[must_use]
    pub fn sll(self) -> Self {
        self.with(Layer::Sll)
    }

    /// IP between two addresses of one family.
    ///
    /// # Panics
    /// Where the families differ: the test is wrong.
    #[must_use]
    pub fn ip(self, source: IpAddr, destination: IpAddr) -> Self {
        let fields = IpFields::default();
        match (source, destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => self.with(Layer::Ipv4 {
                source,
                destination,
                fields,
            }),
            (IpAddr::V6(source), IpAddr::V6(destination)) => self.with(Layer::Ipv6 {
                source,
                destination,
                fields,
            }),
            _ => panic!("addresses of two families: {source} and {destination}"),
        }
    }

    /// IPv4.
    ///
    /// # Panics
    /// Where a text is no address: the test is wrong.
    #[must_use]
    pub fn ipv4(self, source: &str, destination: &str) -> Self {
        let read = |text: &str| {
            text.parse::<Ipv4Addr>()
                .expect("the builder was given an IPv4 address")
        };
        self.ip(read(source).into(), read(destination).into())
    }

    /// IPv6.
    ///
    /// # Panics
    /// Where a text is no address: the test is wrong.
    #[must_use]
    pub fn ipv6(self, source: &str, destination: &str) -> Self {
        let read = |text: &str| {
            text.parse::<Ipv6Addr>()
                .expect("the builder was given an IPv6 address")
        };
        self.ip(read(source).into(), read(destination).into())
    }

    fn fields(mut self, change: impl FnOnce(&mut IpFields)) -> Self {
        let ip = self.layers.iter_mut().rev().find_map(|layer| match layer {
            Layer::Ipv4 { fields, .. } | Layer::Ipv6 { fields, .. } => Some(fields),
            _ => None,
        });
        if let Some(fields) = ip {
            change(fields);
        }
        self
    }

    /// Time to live or hop limit of the last IP header.
    #[must_use]
    pub fn ttl(self, ttl: u8) -> Self {
        self.fields(|fields| fields.ttl = ttl)
    }

    /// Identification of the last IPv4 header.
    #[must_use]
    pub fn id(self, id: u16) -> Self {
        self.fields(|fields| fields.id = id)
    }

    /// Makes the last IPv4 header a fragment's; the offset counts bytes.
    #[must_use]
    pub fn fragment(self, offset: u16, more: bool) -> Self {
        self.fields(|fields| fields.flags_and_offset = offset >> 3 | u16::from(more) << 13)
    }

    /// Options of the last IPv4 header, padded to 4 bytes with zeros.
    #[must_use]
    pub fn ip_options(self, options: &[u8]) -> Self {
        self.fields(|fields| fields.options = options.to_vec())
    }

    /// The protocol that the last IP header names, whatever follows.
    #[must_use]
    pub fn protocol(self, protocol: IpProtocol) -> Self {
        self.fields(|fields| fields.protocol = Some(protocol.0))
    }

    /// An IPv6 extension header of a number: `body` is what follows its next-header byte, length
    /// byte included, and fills up to 8 bytes with what it lacks.
    #[must_use]
    pub fn ipv6_extension(self, kind: u8, body: &[u8]) -> Self {
        self.with(Layer::Ipv6Extension {
            kind,
            body: body.to_vec(),
        })
    }

    /// An IPv6 fragment header; the offset counts bytes.
    #[must_use]
    pub fn ipv6_fragment(self, offset: u16, more: bool, id: u32) -> Self {
        let mut body = vec![0];
        body.extend_from_slice(&((offset & 0xfff8) | u16::from(more)).to_be_bytes());
        body.extend_from_slice(&id.to_be_bytes());
        self.ipv6_extension(44, &body)
    }

    /// TCP.
    #[must_use]
    pub fn tcp(self, tcp: Tcp) -> Self {
        self.with(Layer::Tcp(tcp))
    }

    /// UDP.
    #[must_use]
    pub fn udp(self, source_port: u16, destination_port: u16) -> Self {
        self.with(Layer::Udp {
            source_port,
            destination_port,
        })
    }

    /// ICMP, or ICMPv6 where the header before is IPv6; `rest` is the second word.
    #[must_use]
    pub fn icmp(self, kind: u8, code: u8, rest: [u8; 4]) -> Self {
        self.with(Layer::Icmp { kind, code, rest })
    }

    /// SCTP.
    #[must_use]
    pub fn sctp(self, source_port: u16, destination_port: u16, tag: u32) -> Self {
        self.with(Layer::Sctp {
            source_port,
            destination_port,
            tag,
        })
    }

    /// GRE version 0.
    #[must_use]
    pub fn gre(self) -> Self {
        self.with(Layer::Gre { sequence: None })
    }

    /// GRE version 0 with a sequence number and ERSPAN type II.
    #[must_use]
    pub fn erspan(self, vlan: u16) -> Self {
        self.with(Layer::Gre { sequence: Some(1) })
            .with(Layer::Erspan { vlan })
    }

    /// VXLAN over UDP.
    #[must_use]
    pub fn vxlan(self, network: u32) -> Self {
        self.udp(49_152, 4789).with(Layer::Vxlan { network })
    }

    /// Geneve over UDP.
    #[must_use]
    pub fn geneve(self, network: u32) -> Self {
        self.udp(49_152, 6081).with(Layer::Geneve { network })
    }

    /// ESP.
    #[must_use]
    pub fn esp(self, spi: u32, sequence: u32) -> Self {
        self.with(Layer::Esp { spi, sequence })
    }

    /// ARP: 1 asks, 2 answers.
    #[must_use]
    pub fn arp(self, operation: u16, source: Ipv4Addr, destination: Ipv4Addr) -> Self {
        self.with(Layer::Arp {
            operation,
            source,
            destination,
        })
    }

    /// What the last header carries.
    #[must_use]
    pub fn payload(self, data: &[u8]) -> Self {
        self.with(Layer::Payload(data.to_vec()))
    }

    /// The bytes, with lengths and checksums.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let mut inside = Vec::new();
        for place in (0..self.layers.len()).rev() {
            let outside = &self.layers[..place];
            let next = self.layers.get(place + 1);
            inside = write_layer(&self.layers[place], outside, next, inside);
        }
        inside
    }
}

/// The EtherType that announces a layer.
fn ethertype(next: Option<&Layer>) -> u16 {
    match next {
        Some(Layer::Ipv4 { .. }) => 0x0800,
        Some(Layer::Ipv6 { .. }) => 0x86dd,
        Some(Layer::Vlan { kind, .. }) => *kind,
        Some(Layer::Mpls { .. }) => 0x8847,
        Some(Layer::Pppoe) => 0x8864,
        Some(Layer::Ppp) => 0x880b,
        Some(Layer::Arp { .. }) => 0x0806,
        Some(Layer::Erspan { .. }) => 0x88be,
        Some(Layer::Ethernet { .. }) => 0x6558,
        _ => 0x88b5,
    }
}

/// The IP protocol that announces a layer.
fn protocol(fields: &IpFields, next: Option<&Layer>, is_v6: bool) -> u8 {
    if let Some(protocol) = fields.protocol {
        return protocol;
    }
    match next {
        Some(Layer::Ipv6Extension { kind, .. }) => *kind,
        Some(Layer::Tcp(_)) => 6,
        Some(Layer::Udp { .. }) => 17,
        Some(Layer::Icmp { .. }) => {
            if is_v6 {
                58
            } else {
                1
            }
        }
        Some(Layer::Sctp { .. }) => 132,
        Some(Layer::Gre { .. }) => 47,
        Some(Layer::Esp { .. }) => 50,
        Some(Layer::Ipv4 { .. }) => 4,
        Some(Layer::Ipv6 { .. }) => 41,
        _ => {
            if is_v6 {
                59
            } else {
                253
            }
        }
    }
}

/// The addresses that a transport's checksum covers, and whether they are IPv6.
fn ends(outside: &[Layer]) -> Option<(Vec<u8>, Vec<u8>, bool)> {
    outside.iter().rev().find_map(|layer| match layer {
        Layer::Ipv4 {
            source,
            destination,
            ..
        } => Some((
            source.octets().to_vec(),
            destination.octets().to_vec(),
            false,
        )),
        Layer::Ipv6 {
            source,
            destination,
            ..
        } => Some((
            source.octets().to_vec(),
            destination.octets().to_vec(),
            true,
        )),
        _ => None,
    })
}

/// The IP header's fields that an extension header continues.
fn ip_fields(outside: &[Layer]) -> IpFields {
    let found = outside.iter().rev().find_map(|layer| match layer {
        Layer::Ipv6 { fields, .. } => Some(fields.clone()),
        _ => None,
    });
    found.unwrap_or_default()
}

fn checksum(outside: &[Layer], protocol: IpProtocol, segment: &[u8]) -> u16 {
    let pseudo = ends(outside).map_or(0, |(source, destination, _)| {
        pseudo_header(&source, &destination, protocol, segment.len())
    });
    fold(pseudo + sum(segment))
}

/// Puts a checksum at its place.
fn put(bytes: &mut [u8], at: usize, checksum: u16) {
    bytes[at..at + 2].copy_from_slice(&checksum.to_be_bytes());
}

/// A length that the tests keep within its field.
fn len16(len: usize) -> [u8; 2] {
    u16::try_from(len).unwrap_or(u16::MAX).to_be_bytes()
}

fn write_layer(layer: &Layer, outside: &[Layer], next: Option<&Layer>, inside: Vec<u8>) -> Vec<u8> {
    let is_v6 = ends(outside).is_some_and(|(_, _, is_v6)| is_v6);
    let mut out = Vec::with_capacity(inside.len() + 60);
    match layer {
        Layer::Ethernet {
            source,
            destination,
        } => {
            out.extend_from_slice(destination);
            out.extend_from_slice(source);
            out.extend_from_slice(&ethertype(next).to_be_bytes());
        }
        Layer::Vlan { id, .. } => {
            out.extend_from_slice(&id.to_be_bytes());
            out.extend_from_slice(&ethertype(next).to_be_bytes());
        }
        Layer::Mpls { label, is_last } => {
            out.extend_from_slice(&(label << 12 | u32::from(*is_last) << 8 | 64).to_be_bytes());
        }
        Layer::Pppoe => {
            out.extend_from_slice(&[0x11, 0, 0, 1]);
            out.extend_from_slice(&len16(inside.len() + 2));
            out.extend_from_slice(if matches!(next, Some(Layer::Ipv6 { .. })) {
                &[0, 0x57]
            } else {
                &[0, 0x21]
            });
        }
        Layer::Ppp => {
            out.extend_from_slice(&[0xff, 0x03]);
            out.extend_from_slice(if matches!(next, Some(Layer::Ipv6 { .. })) {
                &[0, 0x57]
            } else {
                &[0, 0x21]
            });
        }
        Layer::Sll => {
            out.extend_from_slice(&[0, 0, 0, 1, 0, 6]);
            out.extend_from_slice(&SOURCE_MAC);
            out.extend_from_slice(&[0, 0]);
            out.extend_from_slice(&ethertype(next).to_be_bytes());
        }
        Layer::Ipv4 {
            source,
            destination,
            fields,
        } => {
            let mut options = fields.options.clone();
            options.resize(options.len().next_multiple_of(4), 0);
            let header_len = 20 + options.len();
            out.extend_from_slice(&[0x40 | (header_len / 4) as u8, 0]);
            out.extend_from_slice(&len16(header_len + inside.len()));
            out.extend_from_slice(&fields.id.to_be_bytes());
            out.extend_from_slice(&fields.flags_and_offset.to_be_bytes());
            out.extend_from_slice(&[fields.ttl, protocol(fields, next, false), 0, 0]);
            out.extend_from_slice(&source.octets());
            out.extend_from_slice(&destination.octets());
            out.extend_from_slice(&options);
            let checksum = fold(sum(&out));
            put(&mut out, 10, checksum);
        }
        Layer::Ipv6 {
            source,
            destination,
            fields,
        } => {
            out.extend_from_slice(&[0x60, 0, 0, 0]);
            out.extend_from_slice(&len16(inside.len()));
            // The protocol that a test asks for stands in the last extension header, if there are any.
            let is_extended = matches!(next, Some(Layer::Ipv6Extension { .. }));
            let fields_of_next = if is_extended {
                IpFields::default()
            } else {
                fields.clone()
            };
            out.extend_from_slice(&[protocol(&fields_of_next, next, true), fields.ttl]);
            out.extend_from_slice(&source.octets());
            out.extend_from_slice(&destination.octets());
        }
        Layer::Ipv6Extension { body, .. } => {
            let is_extended = matches!(next, Some(Layer::Ipv6Extension { .. }));
            let fields = if is_extended {
                IpFields::default()
            } else {
                ip_fields(outside)
            };
            out.push(protocol(&fields, next, true));
            out.extend_from_slice(body);
            out.resize(out.len().next_multiple_of(8), 0);
        }
        Layer::Tcp(tcp) => {
            let mut options = tcp.options.clone();
            options.resize(options.len().next_multiple_of(4), 0);
            out.extend_from_slice(&tcp.source_port.to_be_bytes());
            out.extend_from_slice(&tcp.destination_port.to_be_bytes());
            out.extend_from_slice(&tcp.sequence.to_be_bytes());
            out.extend_from_slice(&tcp.acknowledgement.to_be_bytes());
            out.extend_from_slice(&[((20 + options.len()) / 4 << 4) as u8, tcp.flags]);
            out.extend_from_slice(&tcp.window.to_be_bytes());
            out.extend_from_slice(&[0, 0]);
            out.extend_from_slice(&tcp.urgent.to_be_bytes());
            out.extend_from_slice(&options);
            out.extend_from_slice(&inside);
            let checksum = checksum(outside, IpProtocol::TCP, &out);
            put(&mut out, 16, checksum);
            return out;
        }
        Layer::Udp {
            source_port,
            destination_port,
        } => {
            out.extend_from_slice(&source_port.to_be_bytes());
            out.extend_from_slice(&destination_port.to_be_bytes());
            out.extend_from_slice(&len16(8 + inside.len()));
            out.extend_from_slice(&[0, 0]);
            out.extend_from_slice(&inside);
            // Zero would say that there is none (RFC 768).
            let checksum = match checksum(outside, IpProtocol::UDP, &out) {
                0 => 0xffff,
                checksum => checksum,
            };
            put(&mut out, 6, checksum);
            return out;
        }
        Layer::Icmp { kind, code, rest } => {
            out.extend_from_slice(&[*kind, *code, 0, 0]);
            out.extend_from_slice(rest);
            out.extend_from_slice(&inside);
            let checksum = if is_v6 {
                checksum(outside, IpProtocol::ICMPV6, &out)
            } else {
                fold(sum(&out))
            };
            put(&mut out, 2, checksum);
            return out;
        }
        Layer::Sctp {
            source_port,
            destination_port,
            tag,
        } => {
            out.extend_from_slice(&source_port.to_be_bytes());
            out.extend_from_slice(&destination_port.to_be_bytes());
            out.extend_from_slice(&tag.to_be_bytes());
            out.extend_from_slice(&[0; 4]);
        }
        Layer::Gre { sequence } => {
            out.extend_from_slice(&[if sequence.is_some() { 0x10 } else { 0 }, 0]);
            out.extend_from_slice(&ethertype(next).to_be_bytes());
            if let Some(sequence) = sequence {
                out.extend_from_slice(&sequence.to_be_bytes());
            }
        }
        Layer::Erspan { vlan } => {
            out.extend_from_slice(&(0x1000 | vlan).to_be_bytes());
            out.extend_from_slice(&[0; 6]);
        }
        Layer::Vxlan { network } => {
            out.extend_from_slice(&[0x08, 0, 0, 0]);
            out.extend_from_slice(&(network << 8).to_be_bytes());
        }
        Layer::Geneve { network } => {
            out.extend_from_slice(&[0, 0]);
            out.extend_from_slice(&ethertype(next).to_be_bytes());
            out.extend_from_slice(&(network << 8).to_be_bytes());
        }
        Layer::Esp { spi, sequence } => {
            out.extend_from_slice(&spi.to_be_bytes());
            out.extend_from_slice(&sequence.to_be_bytes());
        }
        Layer::Arp {
            operation,
            source,
            destination,
        } => {
            out.extend_from_slice(&[0, 1, 8, 0, 6, 4]);
            out.extend_from_slice(&operation.to_be_bytes());
            out.extend_from_slice(&SOURCE_MAC);
            out.extend_from_slice(&source.octets());
            out.extend_from_slice(if *operation == 1 {
                &[0; 6]
            } else {
                &DESTINATION_MAC
            });
            out.extend_from_slice(&destination.octets());
        }
        Layer::Payload(data) => out.extend_from_slice(data),
    }
    out.extend_from_slice(&inside);
    out
}
