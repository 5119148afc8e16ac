//! One header of a stack, and how it is written in front of what it carries.

use super::Tcp;
use crate::packet::{fold, pseudo_header, sum};
use event::IpProtocol;
use std::net::{Ipv4Addr, Ipv6Addr};

/// The addresses that frames have unless told otherwise: locally administered.
pub(super) const SOURCE_MAC: [u8; 6] = [0x02, 0, 0, 0, 0, 1];
pub(super) const DESTINATION_MAC: [u8; 6] = [0x02, 0, 0, 0, 0, 2];

/// One header.
#[derive(Clone, Debug)]
pub(super) enum Layer {
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
pub(super) struct IpFields {
    pub(super) ttl: u8,
    pub(super) id: u16,
    pub(super) flags_and_offset: u16,
    pub(super) options: Vec<u8>,
    /// Where it is not what follows.
    pub(super) protocol: Option<u8>,
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

/// Writes a header in front of what it carries.
pub(super) fn write_layer(
    layer: &Layer,
    outside: &[Layer],
    next: Option<&Layer>,
    inside: Vec<u8>,
) -> Vec<u8> {
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
            out.extend_from_slice(&[(((20 + options.len()) / 4) << 4) as u8, tcp.flags]);
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
