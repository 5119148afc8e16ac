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
mod layer;
mod write;

#[cfg(test)]
mod tests;

pub use conversation::{Captured, Conversation};
pub use write::{PcapWriter, PcapngWriter, pcap, pcapng};

use event::IpProtocol;
use layer::{DESTINATION_MAC, IpFields, Layer, SOURCE_MAC, write_layer};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

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
