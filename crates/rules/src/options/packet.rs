//! Keywords about headers of packets: IP, ICMP, TCP, checksums, tunnels.

use super::numbers::{compare, compare_inclusive, upto};
use super::{content::negated, parts, unquoted};
use crate::builder::Builder;
use crate::rule::{Compare, Condition, FlagsModifier};

const U8: u64 = u8::MAX as u64;
const U16: u64 = u16::MAX as u64;
const U32: u64 = u32::MAX as u64;

/// Reads a keyword about headers; None where `name` is none.
pub(super) fn read(b: &mut Builder<'_>, name: &str, value: &str) -> Option<Result<(), String>> {
    let condition = match name {
        "dsize" => {
            if let Err(why) = b.only_once("dsize") {
                return Some(Err(why));
            }
            compare(value, U16).map(Condition::Dsize)
        }
        "flags" | "tcp.flags" => tcp_flags(value),
        "window" | "tcp.window" => window(value),
        "seq" | "tcp.seq" => compare(value, U32).map(Condition::TcpSequence),
        "ack" | "tcp.ack" => compare(value, U32).map(Condition::TcpAcknowledgement),
        "tcp.mss" => compare(value, U16).map(Condition::TcpMss),
        "tcp.wscale" => compare(value, U8).map(Condition::TcpWindowScale),
        "ttl" => compare(value, U8).map(Condition::Ttl),
        "tos" => tos(value),
        "id" => compare(unquoted(value), U16).map(Condition::IpId),
        "ip_proto" => ip_proto(value),
        "ipopts" => ipopts(value),
        "fragbits" => fragbits(value),
        "fragoffset" => compare(value, U16).map(Condition::FragOffset),
        "itype" => compare_inclusive(value, U8).map(Condition::IcmpType),
        "icode" => compare_inclusive(value, U8).map(Condition::IcmpCode),
        "icmp_id" => upto(unquoted(value), U16, "ICMP id").map(|n| Condition::IcmpId(n as u16)),
        "icmp_seq" => upto(unquoted(value), U16, "ICMP sequence number")
            .map(|n| Condition::IcmpSequence(n as u16)),
        "icmpv6.mtu" => compare(value, U32).map(Condition::Icmpv6Mtu),
        "vlan.id" => vlan_id(value),
        "vlan.layers" => compare(value, 3).map(Condition::VlanLayers),
        "flow.age" => compare(value, U32).map(Condition::FlowAge),
        _ => match name.strip_suffix("-csum") {
            Some(
                layer @ ("ipv4" | "tcpv4" | "tcpv6" | "udpv4" | "udpv6" | "icmpv4" | "icmpv6"
                | "igmp"),
            ) => match unquoted(value).to_ascii_lowercase().as_str() {
                "valid" => Ok(Condition::Checksum {
                    layer: layer.to_owned(),
                    is_valid: true,
                }),
                "invalid" => Ok(Condition::Checksum {
                    layer: layer.to_owned(),
                    is_valid: false,
                }),
                other => Err(format!("`{other}` is neither valid nor invalid")),
            },
            _ => return None,
        },
    };
    Some(condition.and_then(|condition| b.condition(condition)))
}

fn tcp_flags(value: &str) -> Result<Condition, String> {
    let (wanted, ignored) = value.split_once(',').unwrap_or((value, ""));
    let (wanted, modifier) = modifier(wanted.trim());
    let ignored = ignored.trim().trim_start_matches('!');
    let bits = flag_bits(wanted)?;
    if bits == 0 && !wanted.contains('0') {
        return Err(
            "flags names no flag; write letters of FSRPAUCE, 1, 2 or 0 for none".to_owned(),
        );
    }
    Ok(Condition::TcpFlags {
        bits,
        modifier,
        ignored: flag_bits(ignored)?,
    })
}

fn flag_bits(text: &str) -> Result<u8, String> {
    text.chars()
        .filter(|c| !matches!(c, ' ' | ','))
        .try_fold(0, |bits, flag| {
            Ok(bits
                | match flag.to_ascii_uppercase() {
                    'F' => 0x01,
                    'S' => 0x02,
                    'R' => 0x04,
                    'P' => 0x08,
                    'A' => 0x10,
                    'U' => 0x20,
                    'E' | '2' => 0x40,
                    'C' | '1' => 0x80,
                    '0' => 0,
                    _ => {
                        return Err(format!(
                            "`{flag}` is no TCP flag; F S R P A U E C 1 2 and 0 are"
                        ));
                    }
                })
        })
}

/// A modifier before or behind the letters.
fn modifier(text: &str) -> (&str, FlagsModifier) {
    let kind = |c: u8| match c {
        b'+' => Some(FlagsModifier::AllOf),
        b'*' => Some(FlagsModifier::AnyOf),
        b'!' => Some(FlagsModifier::NoneOf),
        _ => None,
    };
    let at_start = text.bytes().next().and_then(kind);
    let at_end = text.bytes().last().and_then(kind);
    let letters = text.trim_matches(|c| matches!(c, '+' | '*' | '!' | ' '));
    (
        letters,
        at_start.or(at_end).unwrap_or(FlagsModifier::Exactly),
    )
}

fn fragbits(value: &str) -> Result<Condition, String> {
    let (letters, modifier) = modifier(value.trim());
    let bits = letters.chars().try_fold(0, |bits, flag| {
        Ok(bits
            | match flag.to_ascii_uppercase() {
                'M' => 0x2000,
                'D' => 0x4000,
                'R' => 0x8000,
                _ => return Err(format!("`{flag}` is no fragment bit; M, D and R are")),
            })
    })?;
    if bits == 0 {
        return Err("fragbits names no bit; write letters of M, D and R".to_owned());
    }
    Ok(Condition::FragBits { bits, modifier })
}

fn window(value: &str) -> Result<Condition, String> {
    compare(value, U16).map(Condition::TcpWindow)
}

fn tos(value: &str) -> Result<Condition, String> {
    let (text, is_negated) = negated(value);
    let text = match text.strip_prefix(['x', 'X']) {
        Some(hex) => format!("0x{hex}"),
        None => text.to_owned(),
    };
    let n = upto(&text, U8, "type of service")?;
    Ok(Condition::Tos(if is_negated {
        Compare::NotEqual(n)
    } else {
        Compare::Equal(n)
    }))
}

fn ip_proto(value: &str) -> Result<Condition, String> {
    let operator = value
        .chars()
        .next()
        .filter(|c| matches!(c, '!' | '<' | '>' | '='))
        .unwrap_or('=');
    let text = value.trim_start_matches(['!', '<', '>', '=']).trim();
    let n = match ip_protocol(text) {
        Some(n) => n,
        None => upto(text, U8, "IP protocol; names are those of /etc/protocols")?,
    };
    match operator {
        '<' if n == 0 => Err("no protocol is below 0".to_owned()),
        '>' if n == U8 => Err("no protocol is above 255".to_owned()),
        '<' => Ok(Condition::IpProto(Compare::Less(n))),
        '>' => Ok(Condition::IpProto(Compare::Greater(n))),
        '!' => Ok(Condition::IpProto(Compare::NotEqual(n))),
        _ => Ok(Condition::IpProto(Compare::Equal(n))),
    }
}

/// The names of IANA's list in both spellings of `/etc/protocols`, in lower or upper case only.
fn ip_protocol(text: &str) -> Option<u64> {
    let is_one_case = text.bytes().all(|b| !b.is_ascii_uppercase())
        || text.bytes().all(|b| !b.is_ascii_lowercase());
    if !is_one_case && !text.contains("v") && !text.contains("IPv6") {
        return None;
    }
    let lower = text.to_ascii_lowercase();
    PROTOCOLS
        .iter()
        .find(|(name, _)| *name == lower)
        .map(|&(_, n)| n)
}

const PROTOCOLS: &[(&str, u64)] = &[
    ("ip", 0),
    ("hopopt", 0),
    ("icmp", 1),
    ("igmp", 2),
    ("ggp", 3),
    ("ipencap", 4),
    ("ipv4", 4),
    ("st", 5),
    ("tcp", 6),
    ("cbt", 7),
    ("egp", 8),
    ("igp", 9),
    ("pup", 12),
    ("udp", 17),
    ("mux", 18),
    ("hmp", 20),
    ("xns-idp", 22),
    ("rdp", 27),
    ("iso-tp4", 29),
    ("dccp", 33),
    ("xtp", 36),
    ("ddp", 37),
    ("idpr-cmtp", 38),
    ("ipv6", 41),
    ("ipv6-route", 43),
    ("ipv6-frag", 44),
    ("idrp", 45),
    ("rsvp", 46),
    ("gre", 47),
    ("esp", 50),
    ("ipsec-esp", 50),
    ("ah", 51),
    ("ipsec-ah", 51),
    ("skip", 57),
    ("ipv6-icmp", 58),
    ("icmpv6", 58),
    ("ipv6-nonxt", 59),
    ("ipv6-opts", 60),
    ("rspf", 73),
    ("vmtp", 81),
    ("eigrp", 88),
    ("ospf", 89),
    ("ospfigp", 89),
    ("ax.25", 93),
    ("ipip", 94),
    ("etherip", 97),
    ("encap", 98),
    ("pim", 103),
    ("ipcomp", 108),
    ("vrrp", 112),
    ("l2tp", 115),
    ("isis", 124),
    ("sctp", 132),
    ("fc", 133),
    ("mobility-header", 135),
    ("udplite", 136),
    ("mpls-in-ip", 137),
    ("manet", 138),
    ("hip", 139),
    ("shim6", 140),
    ("wesp", 141),
    ("rohc", 142),
];

fn ipopts(value: &str) -> Result<Condition, String> {
    let bit = IP_OPTIONS
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(unquoted(value)));
    match bit {
        Some(&(_, bit)) => Ok(Condition::IpOpts(bit)),
        None => Err(format!(
            "`{value}` is no IP option; {} are",
            IP_OPTIONS
                .iter()
                .map(|o| o.0)
                .collect::<Vec<_>>()
                .join(", ")
        )),
    }
}

/// Bits as `decode::packet::Ipv4Options` has them.
const IP_OPTIONS: &[(&str, u16)] = &[
    ("rr", 1),
    ("eol", 1 << 1),
    ("nop", 1 << 2),
    ("ts", 1 << 3),
    ("sec", 1 << 4),
    ("esec", 1 << 5),
    ("lsrr", 1 << 6),
    ("ssrr", 1 << 7),
    ("satid", 1 << 8),
    ("cipso", 1 << 9),
    ("rtralt", 1 << 10),
    ("any", 0x8000),
];

fn vlan_id(value: &str) -> Result<Condition, String> {
    let (text, layer) = match value.split_once(',') {
        Some((text, layer)) => (text, Some(layer.trim())),
        None => (value, None),
    };
    let layer = match layer {
        None | Some("any") => None,
        Some("all") => Some(i8::MAX),
        Some(layer) => Some(
            layer
                .parse::<i8>()
                .ok()
                .filter(|layer| (-3..=2).contains(layer))
                .ok_or_else(|| format!("layer `{layer}` is none from -3 to 2"))?,
        ),
    };
    let found = compare(text, 4095)?;
    if matches!(found, Compare::Equal(n) if n == 0 || n > 4094) {
        return Err("a VLAN id is from 1 to 4094".to_owned());
    }
    Ok(Condition::VlanId(layer, found))
}

/// `geoip` and others that need a table are kept as written.
pub(super) fn as_written(b: &mut Builder<'_>, name: &str, value: &str) -> Result<(), String> {
    if parts(value, ',').any(str::is_empty) {
        return Err(format!("an item of {name} is empty"));
    }
    b.keyword(name, Some(value))
}
