//! Decides for each rule when it is looked at, in which directions, and whether packets or streams
//! are looked into. Suricata's user guide, "Rule Types and Categorization", is the source.

use super::signature::Kind;
use event::buffer::Ways;
use event::{AppProtocol, Buffer, Direction};
use rules::rule::{
    Action, Arrow, BufferMatch, Condition, Content, Effect, PayloadMatch, Protocol, Rule,
    XbitsTrack,
};

/// What was decided for a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Class {
    pub(super) kind: Kind,
    /// To server, to client.
    pub(super) directions: [bool; 2],
    pub(super) wants_packet: bool,
    pub(super) wants_stream: bool,
    pub(super) needs_real_packet: bool,
}

/// Classifies `rule`.
pub(super) fn classify(rule: &Rule) -> Class {
    let directions = directions(rule);
    let (wants_packet, wants_stream, needs_real_packet) = payload_of(rule);
    let has_payload = rule.buffers.iter().any(|b| b.buffer == Buffer::Payload);
    let has_transaction = rule.buffers.iter().any(|b| is_of_transaction(b.buffer))
        || rule.conditions.iter().any(is_transaction_condition)
        || rule
            .effects
            .iter()
            .any(|effect| matches!(effect, Effect::Filestore { .. }));
    let is_app = matches!(rule.protocol, Protocol::App(_));
    let has_headers = rule.buffers.iter().any(|b| is_header(b.buffer));
    let kind = if has_transaction {
        Kind::Transaction
    } else if !has_payload && !has_headers && is_protocol_only(rule) {
        Kind::ProtocolOnly
    } else if !has_payload && !has_headers && is_ip_only(rule) {
        if rule.source.exclude.is_empty() && rule.destination.exclude.is_empty() {
            Kind::IpOnly
        } else {
            Kind::LikeIpOnly
        }
    } else if !has_payload && !has_headers && is_event_only(rule) {
        Kind::DecoderEvent
    } else if has_payload {
        match (wants_packet, wants_stream) {
            (true, true) => Kind::PacketStream,
            (false, true) => Kind::Stream,
            (_, false) => Kind::Packet,
        }
    } else if is_app && rule.conditions.iter().all(is_of_protocol) {
        Kind::App
    } else {
        Kind::Packet
    };
    Class {
        kind,
        directions,
        wants_packet,
        wants_stream,
        needs_real_packet,
    }
}

/// Whether a condition asks no more of a packet than that it belongs to a flow.
fn is_of_protocol(condition: &Condition) -> bool {
    match condition {
        Condition::Flow(flow) => flow.stream.is_none() && flow.fragment.is_none(),
        _ => false,
    }
}

/// Whether a buffer is a field of a transaction.
pub(super) fn is_of_transaction(buffer: Buffer) -> bool {
    buffer != Buffer::Payload && buffer != Buffer::Base64Data && !is_header(buffer)
}

/// Whether a buffer is a header of the packet.
pub(super) fn is_header(buffer: Buffer) -> bool {
    matches!(
        buffer,
        Buffer::Ipv4Header
            | Buffer::Ipv6Header
            | Buffer::TcpHeader
            | Buffer::UdpHeader
            | Buffer::IcmpV4Header
            | Buffer::IcmpV6Header
            | Buffer::EtherHeader
            | Buffer::IpSrc
            | Buffer::IpDst
    )
}

/// Keywords without a buffer that say something about the packet or the flow rather than about a
/// transaction.
const PACKET_KEYWORDS: &[&str] = &[
    "geoip",
    "flowvar",
    "pktvar",
    "rpc",
    "engine-event",
    "replace",
];

/// Whether a condition is held against transactions.
pub(super) fn is_transaction_condition(condition: &Condition) -> bool {
    match condition {
        Condition::Keyword { name, .. } => !PACKET_KEYWORDS.contains(&name.as_str()),
        Condition::AppLayerEvent { protocol, .. } => protocol.is_some(),
        Condition::FileText { .. }
        | Condition::FileSize(_)
        | Condition::FileHash { .. }
        | Condition::Number { .. }
        | Condition::UriLen(..) => true,
        _ => false,
    }
}

fn directions(rule: &Rule) -> [bool; 2] {
    if rule.arrow == Arrow::Transaction {
        return [true, true];
    }
    let written = rule
        .conditions
        .iter()
        .find_map(|condition| match condition {
            Condition::Flow(flow) => flow.direction,
            _ => None,
        });
    if let Some(direction) = written {
        return [
            direction == Direction::ToServer,
            direction == Direction::ToClient,
        ];
    }
    // Buffers that exist in one direction only tie the rule to it.
    let ways = |wanted: Ways| {
        rule.buffers
            .iter()
            .any(|b| is_of_transaction(b.buffer) && b.buffer.ways() == wanted)
    };
    match (ways(Ways::ToServer), ways(Ways::ToClient)) {
        (true, false) => [true, false],
        (false, true) => [false, true],
        (true, true) | (false, false) => [true, true],
    }
}

/// Whether packets and streams are looked into, and whether only real packets will do.
fn payload_of(rule: &Rule) -> (bool, bool, bool) {
    let is_tcp = match rule.protocol {
        Protocol::Tcp | Protocol::TcpPacket | Protocol::TcpStream => true,
        Protocol::App(protocol) => !is_udp_only(protocol),
        Protocol::Ip { .. } => true,
        Protocol::Udp
        | Protocol::Icmp { .. }
        | Protocol::Sctp
        | Protocol::PacketHeader
        | Protocol::Ether
        | Protocol::Arp => false,
    };
    let mut packet = rule.protocol == Protocol::TcpPacket;
    let mut stream = rule.protocol == Protocol::TcpStream;
    for condition in &rule.conditions {
        match condition {
            Condition::Flow(flow) => match flow.stream {
                Some(true) => stream = true,
                Some(false) => packet = true,
                None => {}
            },
            _ => packet |= is_of_packet(condition),
        }
    }
    packet |= rule.buffers.iter().any(|b| is_header(b.buffer));
    let needs_real_packet = packet;
    if !is_tcp {
        return (true, false, needs_real_packet);
    }
    if !packet && !stream {
        stream = true;
        packet = rule.buffers.iter().any(is_anchored)
            || rule
                .conditions
                .iter()
                .any(|c| matches!(c, Condition::StreamSize(..)));
    }
    (packet, stream, needs_real_packet)
}

/// Whether a stretch of the rule looks at a fixed place of the payload: then it is held against
/// packets too, since who wrote it thought of packets.
fn is_anchored(buffer: &BufferMatch) -> bool {
    buffer.buffer == Buffer::Payload
        && buffer.matches.iter().any(|found| match found {
            PayloadMatch::Content(Content {
                offset,
                depth,
                is_at_start,
                ..
            }) => offset.is_some() || depth.is_some() || *is_at_start,
            _ => false,
        })
}

/// Whether a condition is about one packet's own headers or size.
fn is_of_packet(condition: &Condition) -> bool {
    matches!(
        condition,
        Condition::Dsize(_)
            | Condition::TcpFlags { .. }
            | Condition::TcpWindow(_)
            | Condition::TcpSequence(_)
            | Condition::TcpAcknowledgement(_)
            | Condition::TcpMss(_)
            | Condition::TcpWindowScale(_)
            | Condition::Ttl(_)
            | Condition::Tos(_)
            | Condition::IpId(_)
            | Condition::IpOpts(_)
            | Condition::FragBits { .. }
            | Condition::FragOffset(_)
            | Condition::SameIp
            | Condition::IcmpType(_)
            | Condition::IcmpCode(_)
            | Condition::IcmpId(_)
            | Condition::IcmpSequence(_)
            | Condition::Icmpv6Mtu(_)
            | Condition::Checksum { .. }
    )
}

fn is_udp_only(protocol: AppProtocol) -> bool {
    decode::app::entry(protocol).is_some_and(|entry| entry.udp && !entry.tcp)
}

fn is_protocol_only(rule: &Rule) -> bool {
    !matches!(rule.protocol, Protocol::App(_))
        && rule
            .conditions
            .iter()
            .any(|c| matches!(c, Condition::AppLayerProtocol { .. }))
        && rule.conditions.iter().all(|condition| match condition {
            Condition::AppLayerProtocol { .. } => true,
            Condition::Flow(flow) => flow.established.is_none() && !flow.stateless,
            _ => false,
        })
}

fn is_ip_only(rule: &Rule) -> bool {
    let is_plain = matches!(
        rule.protocol,
        Protocol::Ip { .. }
            | Protocol::Tcp
            | Protocol::TcpPacket
            | Protocol::Udp
            | Protocol::Icmp { .. }
            | Protocol::Sctp
    );
    is_plain
        && rule.action != Action::Config
        && rule.conditions.iter().all(|c| match c {
            Condition::IpProto(_) | Condition::IpReputation { .. } | Condition::Hostbits(..) => {
                true
            }
            Condition::Xbits(xbits, _) => xbits.track != XbitsTrack::Transaction,
            _ => false,
        })
}

fn is_event_only(rule: &Rule) -> bool {
    let is_event = |condition: &Condition| {
        matches!(
            condition,
            Condition::DecodeEvent(_) | Condition::StreamEvent(_)
        )
    };
    rule.conditions.iter().any(is_event)
        && rule.conditions.iter().all(|condition| match condition {
            Condition::Flow(flow) => flow.established.is_none(),
            other => is_event(other),
        })
}
