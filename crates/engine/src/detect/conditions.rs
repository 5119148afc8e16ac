//! Holds conditions against the packet and its flow.

use super::PacketContext;
use super::bits::{Ends, FlowBits, HostBits};
use super::ruleset::Ruleset;
use super::signature::{Check, Header, Kind, Signature};
use super::state::FlowDetection;
use crate::flow::Flow;
use decode::packet::{Icmp, Ip, Ipv4, Packet, Tcp, Transport};
use event::{AppProtocol, Direction, IpProtocol};
use rules::rule::{
    Compare, Condition, FlagsModifier, FlowOptions, Protocol, ProtocolView, StreamSide,
};
use std::net::IpAddr;

/// All that a condition can see.
pub(super) struct View<'a> {
    pub(super) set: &'a Ruleset,
    pub(super) cx: &'a PacketContext<'a>,
    pub(super) flow: Option<&'a Flow>,
    pub(super) memory: Option<&'a FlowDetection>,
    pub(super) hosts: &'a HostBits,
    /// Bits of the transaction at hand.
    pub(super) tx_bits: Option<&'a FlowBits>,
}

impl<'a> View<'a> {
    fn packet(&self) -> &'a Packet<'a> {
        self.cx.packet
    }

    /// Whether protocol, addresses and ports are those of the rule.
    pub(super) fn header_holds(&self, header: &Header) -> bool {
        if !self.protocol_holds(header.protocol) {
            return false;
        }
        let is_back = header.follows_transaction && self.cx.direction == Direction::ToClient;
        if is_back {
            return self.ends_hold(header, true);
        }
        self.ends_hold(header, false)
    }

    fn protocol_holds(&self, wanted: Protocol) -> bool {
        let packet = self.packet();
        let Some(ip) = packet.ip else {
            return match wanted {
                Protocol::PacketHeader | Protocol::Ether => true,
                Protocol::Arp => packet.ethernet.is_some_and(|e| e.kind == 0x0806),
                _ => false,
            };
        };
        let is_family = |family: Option<u8>| match (family, ip) {
            (None, _) | (Some(4), Ip::V4(_)) | (Some(6), Ip::V6(_)) => true,
            (Some(_), _) => false,
        };
        let carried = packet.protocol();
        match wanted {
            Protocol::Ip { family } => is_family(family),
            Protocol::Tcp | Protocol::TcpPacket | Protocol::TcpStream => {
                carried == Some(IpProtocol::TCP)
            }
            Protocol::Udp => carried == Some(IpProtocol::UDP),
            Protocol::Icmp { family } => {
                is_family(family)
                    && (carried == Some(IpProtocol::ICMP) || carried == Some(IpProtocol::ICMPV6))
            }
            Protocol::Sctp => carried == Some(IpProtocol::SCTP),
            Protocol::PacketHeader | Protocol::Ether => true,
            Protocol::Arp => false,
            Protocol::App(app) => {
                self.cx.is_app_known && self.flow.is_some_and(|flow| app.covers(flow.app.protocol))
            }
        }
    }

    fn ends_hold(&self, header: &Header, is_back: bool) -> bool {
        let (source, destination, source_ports, destination_ports) = if is_back {
            (
                header.destination,
                header.source,
                header.destination_ports,
                header.source_ports,
            )
        } else {
            (
                header.source,
                header.destination,
                header.source_ports,
                header.destination_ports,
            )
        };
        match self.packet().ports() {
            Some((from, to)) => {
                if !self.port_holds(source_ports, from) || !self.port_holds(destination_ports, to) {
                    return false;
                }
            }
            // Where TCP or UDP could not be read, the ports are 0; fragments have none.
            None if self.packet().is_fragment => {
                if source_ports != 0 || destination_ports != 0 {
                    return false;
                }
            }
            None => {
                if !self.port_holds(source_ports, 0) || !self.port_holds(destination_ports, 0) {
                    return false;
                }
            }
        }
        match self.packet().addresses() {
            Some((from, to)) => {
                self.address_holds(source, from) && self.address_holds(destination, to)
            }
            None => source == 0 && destination == 0,
        }
    }

    fn port_holds(&self, place: u32, port: u16) -> bool {
        place == 0
            || self
                .set
                .ports
                .get(place as usize)
                .is_some_and(|ports| ports.contains(port))
    }

    fn address_holds(&self, place: u32, address: IpAddr) -> bool {
        place == 0
            || self
                .set
                .addresses
                .get(place as usize)
                .is_some_and(|set| set.contains(address))
    }

    /// Whether all conditions on the packet and its flow hold.
    pub(super) fn checks_hold(&self, signature: &Signature) -> bool {
        if self.cx.is_pseudo && signature.needs_real_packet {
            return false;
        }
        if signature.at_flow_start && !self.is_first_of_direction() {
            return false;
        }
        signature
            .checks
            .iter()
            .all(|check| self.check_holds(check, signature.kind))
    }

    fn is_first_of_direction(&self) -> bool {
        !self.cx.is_pseudo
            && self
                .flow
                .is_some_and(|flow| flow.packets[usize::from(self.cx.direction)] == 1)
    }

    fn check_holds(&self, check: &Check, kind: Kind) -> bool {
        match check {
            Check::Plain(condition) => self.holds(condition, kind),
            Check::DecodeEvent(event) => self.packet().events.has(*event),
            Check::StreamEvent(event) => self.cx.stream_events.has(*event),
            Check::Flowbits { ids, is_negated } => {
                let Some(memory) = self.memory else {
                    return false;
                };
                ids.iter().any(|id| memory.flowbits.is_set(*id)) != *is_negated
            }
            Check::Flowint(check) => self
                .memory
                .is_some_and(|memory| memory.flowints.holds(check)),
            Check::Xbits {
                id,
                xbits,
                is_negated,
            } => {
                let Some(ends) = self.ends() else {
                    return false;
                };
                let of_tx = || self.tx_bits.is_some_and(|bits| bits.is_set(*id));
                let is_set = self.hosts.xbit(*id, xbits, ends, self.packet().time);
                is_set.unwrap_or_else(of_tx) != *is_negated
            }
            Check::Reputation {
                side,
                category,
                compare,
                is_negated,
            } => {
                let Some(ends) = self.ends() else {
                    return false;
                };
                let (source, destination) = (ends.source, ends.destination);
                let known = &self.set.reputation;
                known.holds(*side, *category, *compare, *is_negated, source, destination)
            }
            Check::Hostbits {
                id,
                hostbits,
                is_negated,
            } => {
                let Some(ends) = self.ends() else {
                    return false;
                };
                self.hosts.hostbit(*id, hostbits, ends, self.packet().time) != *is_negated
            }
        }
    }

    pub(super) fn ends(&self) -> Option<Ends> {
        let (source, destination) = self.packet().addresses()?;
        Some(Ends {
            source,
            destination,
        })
    }

    fn holds(&self, condition: &Condition, kind: Kind) -> bool {
        let packet = self.packet();
        match condition {
            Condition::Flow(options) => self.flow_holds(options),
            Condition::Dsize(compare) => {
                !self.cx.is_pseudo && compare.holds(packet.payload.len() as u64)
            }
            Condition::StreamSize(side, compare) => self.stream_size_holds(*side, *compare),
            Condition::TcpFlags {
                bits,
                modifier,
                ignored,
            } => self.tcp().is_some_and(|tcp| {
                flags_hold(u16::from(tcp.flags & !ignored), u16::from(*bits), *modifier)
            }),
            Condition::TcpWindow(c) => self.tcp().is_some_and(|t| c.holds(t.window.into())),
            Condition::TcpSequence(c) => self.tcp().is_some_and(|t| c.holds(t.sequence.into())),
            Condition::TcpAcknowledgement(c) => self
                .tcp()
                .is_some_and(|t| c.holds(t.acknowledgement.into())),
            Condition::TcpMss(c) => self
                .tcp()
                .and_then(|t| t.options.mss)
                .is_some_and(|mss| c.holds(mss.into())),
            Condition::TcpWindowScale(c) => self
                .tcp()
                .and_then(|t| t.options.window_scale)
                .is_some_and(|scale| c.holds(scale.into())),
            Condition::Ttl(c) => match packet.ip {
                Some(Ip::V4(ip)) => c.holds(ip.ttl.into()),
                Some(Ip::V6(ip)) => c.holds(ip.hop_limit.into()),
                None => false,
            },
            Condition::Tos(c) => self.ipv4().is_some_and(|ip| c.holds(ip.tos.into())),
            Condition::IpId(c) => self.ipv4().is_some_and(|ip| c.holds(ip.id.into())),
            Condition::IpProto(c) => packet
                .protocol()
                .is_some_and(|protocol| c.holds(protocol.0.into())),
            Condition::IpOpts(bit) => self.ipv4().is_some_and(|ip| {
                if *bit == 0x8000 {
                    ip.options.0 != 0
                } else {
                    ip.options.0 & bit != 0
                }
            }),
            Condition::FragBits { bits, modifier } => self
                .ipv4()
                .is_some_and(|ip| flags_hold(ip.flags_and_offset & 0xe000, *bits, *modifier)),
            Condition::FragOffset(c) => match packet.ip {
                Some(Ip::V4(ip)) => c.holds(u64::from(ip.flags_and_offset & 0x1fff)),
                Some(Ip::V6(ip)) => ip
                    .fragment
                    .is_some_and(|(offset, _, _)| c.holds(u64::from(offset / 8))),
                None => false,
            },
            Condition::SameIp => packet.addresses().is_some_and(|(from, to)| from == to),
            Condition::IcmpType(c) => self.icmp().is_some_and(|icmp| c.holds(icmp.kind.into())),
            Condition::IcmpCode(c) => self.icmp().is_some_and(|icmp| c.holds(icmp.code.into())),
            Condition::IcmpId(id) => self
                .icmp()
                .and_then(|icmp| icmp.echo)
                .is_some_and(|(known, _)| known == *id),
            Condition::IcmpSequence(sequence) => self
                .icmp()
                .and_then(|icmp| icmp.echo)
                .is_some_and(|(_, known)| known == *sequence),
            Condition::Icmpv6Mtu(c) => self
                .icmp()
                .and_then(|icmp| icmp.mtu)
                .is_some_and(|mtu| c.holds(mtu.into())),
            Condition::AppLayerProtocol {
                protocol,
                view,
                is_negated,
            } => self.app_protocol_holds(*protocol, *view, *is_negated, kind),
            Condition::AppLayerEvent { event, .. } => {
                self.cx.app_events.iter().any(|known| known == event)
            }
            Condition::Checksum { layer, is_valid } => self.checksum_holds(layer, *is_valid),
            Condition::FlowCount {
                of_bytes,
                direction,
                compare,
            } => self.flow.is_some_and(|flow| {
                let counts = if *of_bytes { flow.bytes } else { flow.packets };
                match direction {
                    Some(direction) => compare.holds(counts[usize::from(*direction)]),
                    None => counts.iter().any(|count| compare.holds(*count)),
                }
            }),
            Condition::FlowAge(c) => self
                .flow
                .is_some_and(|flow| c.holds(packet.time.since(flow.start).as_secs())),
            Condition::VlanId(layer, c) => self.vlan_holds(*layer, *c),
            Condition::VlanLayers(c) => c.holds(packet.vlans.len() as u64),
            // Held against transactions or compiled into checks of their own; without their table
            // of addresses the others do not hold.
            Condition::Flowbits { .. }
            | Condition::Flowint(_)
            | Condition::Xbits(..)
            | Condition::Hostbits(..)
            | Condition::Keyword { .. }
            | Condition::IpReputation { .. }
            | Condition::DecodeEvent(_)
            | Condition::StreamEvent(_)
            | Condition::FileText { .. }
            | Condition::FileSize(_)
            | Condition::FileHash { .. }
            | Condition::Number { .. }
            | Condition::UriLen(..) => false,
        }
    }

    fn tcp(&self) -> Option<Tcp<'a>> {
        match self.packet().transport {
            Transport::Tcp(tcp) => Some(tcp),
            _ => None,
        }
    }

    fn ipv4(&self) -> Option<Ipv4<'a>> {
        match self.packet().ip {
            Some(Ip::V4(ip)) => Some(ip),
            _ => None,
        }
    }

    fn icmp(&self) -> Option<Icmp<'a>> {
        match self.packet().transport {
            Transport::Icmpv4(icmp) | Transport::Icmpv6(icmp) => Some(icmp),
            _ => None,
        }
    }

    fn flow_holds(&self, options: &FlowOptions) -> bool {
        let packet = self.packet();
        if let Some(direction) = options.direction
            && (self.flow.is_none() || self.cx.direction != direction)
        {
            return false;
        }
        if let Some(established) = options.established
            && (self.flow.is_none() || self.cx.is_flow_established != established)
        {
            return false;
        }
        match options.fragment {
            Some(true) => packet.is_reassembled || packet.is_fragment,
            Some(false) => !packet.is_reassembled && !packet.is_fragment,
            None => true,
        }
    }

    fn stream_size_holds(&self, side: StreamSide, compare: Compare) -> bool {
        let Some(session) = self.flow.and_then(|flow| flow.tcp.as_ref()) else {
            return false;
        };
        let holds = |direction| compare.holds(session.stream_size(direction).into());
        match side {
            StreamSide::Client => holds(Direction::ToServer),
            StreamSide::Server => holds(Direction::ToClient),
            StreamSide::Both => Direction::BOTH.into_iter().all(holds),
            StreamSide::Either => Direction::BOTH.into_iter().any(holds),
        }
    }

    fn app_protocol_holds(
        &self,
        protocol: AppProtocol,
        view: ProtocolView,
        is_negated: bool,
        kind: Kind,
    ) -> bool {
        let Some(flow) = self.flow else { return false };
        if kind == Kind::ProtocolOnly && self.cx.recognised == [false; 2] {
            return false;
        }
        let app = &flow.app;
        let known = |spoken: AppProtocol| {
            (spoken != AppProtocol::Unknown).then(|| protocol.covers(spoken) != is_negated)
        };
        let held = match view {
            ProtocolView::Direction => known(app.seen[usize::from(self.cx.direction)]),
            ProtocolView::Final => known(app.protocol),
            ProtocolView::Either => {
                let [client, server] = app
                    .seen
                    .map(|s| (s != AppProtocol::Unknown).then(|| protocol.covers(s)));
                match (client, server) {
                    (None, None) => None,
                    (a, b) => Some((a.unwrap_or(false) || b.unwrap_or(false)) != is_negated),
                }
            }
            ProtocolView::ToServer => known(app.seen[0]),
            ProtocolView::ToClient => known(app.seen[1]),
            ProtocolView::Original => known(app.original.unwrap_or(AppProtocol::Unknown)),
        };
        held.unwrap_or(false)
    }

    fn checksum_holds(&self, layer: &str, is_valid: bool) -> bool {
        let packet = self.packet();
        let is_right = match (layer, packet.ip, packet.transport) {
            ("ipv4", Some(Ip::V4(_)), _) => packet.ip_checksum_ok(),
            ("tcpv4", Some(Ip::V4(_)), Transport::Tcp(_))
            | ("tcpv6", Some(Ip::V6(_)), Transport::Tcp(_))
            | ("udpv4", Some(Ip::V4(_)), Transport::Udp(_))
            | ("udpv6", Some(Ip::V6(_)), Transport::Udp(_))
            | ("icmpv4", Some(Ip::V4(_)), Transport::Icmpv4(_))
            | ("icmpv6", Some(Ip::V6(_)), Transport::Icmpv6(_)) => packet.transport_checksum_ok(),
            _ => None,
        };
        is_right == Some(is_valid)
    }

    fn vlan_holds(&self, layer: Option<i8>, compare: Compare) -> bool {
        let vlans = &self.packet().vlans;
        match layer {
            None => vlans.iter().any(|id| compare.holds((*id).into())),
            Some(i8::MAX) => {
                !vlans.is_empty() && vlans.iter().all(|id| compare.holds((*id).into()))
            }
            Some(layer) => {
                // Counted from the outermost, negative from the innermost.
                let place = if layer < 0 {
                    vlans.len().checked_sub(usize::from(layer.unsigned_abs()))
                } else {
                    Some(layer as usize)
                };
                place
                    .and_then(|at| vlans.get(at))
                    .is_some_and(|id| compare.holds((*id).into()))
            }
        }
    }
}

fn flags_hold(value: u16, bits: u16, modifier: FlagsModifier) -> bool {
    match modifier {
        FlagsModifier::Exactly => value == bits,
        FlagsModifier::AllOf => value & bits == bits,
        FlagsModifier::AnyOf => value & bits != 0,
        FlagsModifier::NoneOf => value & bits == 0,
    }
}

#[cfg(test)]
mod tests;
