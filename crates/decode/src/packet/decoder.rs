//! Reads a frame level by level and hands out one packet for each.

use super::level::{Entry, LAYERS_MAX, Level, Next};
use super::{Counter, Counters, DecodeEvent, Frame, LinkType, Origin, Packet, Root, Udp};
use crate::defrag::{self, Defrag, Whole};
use smallvec::SmallVec;

/// What the decoder follows and how far.
#[derive(Clone, Debug)]
pub struct Config {
    /// Ports of Teredo.
    pub teredo: TunnelPorts,
    /// Ports of VXLAN.
    pub vxlan: TunnelPorts,
    /// Ports of Geneve.
    pub geneve: TunnelPorts,
    /// Headers that may be stacked; `decoder.max-layers`.
    pub layers_max: u8,
    /// How fragments are put together.
    pub defrag: defrag::Config,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            teredo: TunnelPorts::at(3544),
            vxlan: TunnelPorts::at(4789),
            geneve: TunnelPorts::at(6081),
            layers_max: LAYERS_MAX,
            defrag: defrag::Config::default(),
        }
    }
}

/// Where a tunnel over UDP is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TunnelPorts {
    /// Whether it is looked for at all.
    pub is_enabled: bool,
    /// Source or destination port, at most 4; empty for any port.
    pub ports: SmallVec<[u16; 4]>,
}

impl TunnelPorts {
    /// One port.
    #[must_use]
    pub fn at(port: u16) -> Self {
        TunnelPorts {
            is_enabled: true,
            ports: SmallVec::from_slice(&[port]),
        }
    }

    /// No tunnel of this kind.
    #[must_use]
    pub fn disabled() -> Self {
        TunnelPorts {
            is_enabled: false,
            ports: SmallVec::new(),
        }
    }

    pub(super) fn matches(&self, udp: &Udp<'_>) -> bool {
        let is_there = |port: &u16| *port == udp.source_port || *port == udp.destination_port;
        self.is_enabled && (self.ports.is_empty() || self.ports.iter().any(is_there))
    }
}

/// Reads frames.
pub struct Decoder {
    config: Config,
    counters: Counters,
    defrag: Defrag,
    is_checksum_pending: bool,
}

/// A level that was read, and what it carries.
struct Read<'a> {
    packet: Packet<'a>,
    next: Next<'a>,
    layers: u8,
}

impl<'a> Read<'a> {
    fn of(level: Level<'a, '_>) -> Self {
        Read {
            packet: level.packet,
            next: level.next,
            layers: level.layers,
        }
    }
}

impl Decoder {
    /// A decoder that has seen nothing yet.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let defrag = Defrag::new(config.defrag.clone());
        Decoder {
            config,
            counters: Counters::default(),
            defrag,
            is_checksum_pending: false,
        }
    }

    /// Whether the checksums of the next frames are still to be filled in by a network card, as a
    /// capture ring tells of frames that this host sends.
    pub fn set_checksum_pending(&mut self, is_pending: bool) {
        self.is_checksum_pending = is_pending;
    }

    /// What was counted so far.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Reads a frame and hands out its packets: the outermost first, then what each carries. A
    /// fragment that completes its datagram is followed by the datagram. Every frame gives at least
    /// one packet, whatever is in it.
    pub fn decode(&mut self, frame: &Frame<'_>, mut emit: impl FnMut(&Packet<'_>)) {
        self.counters.frame(frame.data.len());
        let mut level = Level {
            packet: Packet::new(frame),
            next: Next::None,
            layers: 0,
            config: &self.config,
            counters: &mut self.counters,
        };
        level.packet.is_checksum_pending = self.is_checksum_pending;
        level.link_layer(frame.link, frame.data);
        let read = Read::of(level);
        self.deliver(read, &mut emit);
    }

    fn deliver(&mut self, mut outer: Read<'_>, emit: &mut dyn FnMut(&Packet<'_>)) {
        loop {
            match outer.next {
                Next::None => return self.hand_out(&outer.packet, emit),
                Next::Tunnel {
                    entry,
                    data,
                    origin,
                } => {
                    let inner = self.enter(&mut outer, entry, data, origin);
                    outer.packet.carries_packet = inner.is_some();
                    self.hand_out(&outer.packet, emit);
                    match inner {
                        Some(inner) => outer = inner,
                        None => return,
                    }
                }
                Next::Fragment(fragment) => {
                    let whole =
                        self.defrag
                            .insert(&mut outer.packet, &fragment, &mut self.counters);
                    let Some(whole) = whole else {
                        return self.hand_out(&outer.packet, emit);
                    };
                    // Each turn of this recursion has used at least one of the counted layers.
                    match self.reassembled(&outer, &whole) {
                        Some(inner) => {
                            outer.packet.carries_packet = true;
                            self.hand_out(&outer.packet, emit);
                            self.deliver(inner, emit);
                        }
                        None => self.hand_out(&outer.packet, emit),
                    }
                    self.defrag.recycle(whole.frame);
                    return;
                }
            }
        }
    }

    fn hand_out(&mut self, packet: &Packet<'_>, emit: &mut dyn FnMut(&Packet<'_>)) {
        self.counters.events(packet.events);
        if packet.is_invalid && packet.origin == Origin::Wire {
            self.counters.count(Counter::Invalid);
        }
        emit(packet);
    }

    /// Reads a tunnelled packet; None where it is none. The tunnel itself counts as a layer.
    fn enter<'a>(
        &mut self,
        outer: &mut Read<'a>,
        entry: Entry,
        data: &'a [u8],
        origin: Origin,
    ) -> Option<Read<'a>> {
        if outer.layers.saturating_add(1) >= self.config.layers_max {
            outer.packet.events.add(DecodeEvent::TOO_MANY_LAYERS);
            outer.packet.is_invalid = true;
            return None;
        }
        let packet = child(&outer.packet, data, Level::link_of(entry), origin);
        let mut level = Level {
            packet,
            next: Next::None,
            layers: outer.layers + 1,
            config: &self.config,
            counters: &mut self.counters,
        };
        level.packet.depth = outer.packet.depth.saturating_add(1);
        let is_read = level.enter(entry, data).is_ok();
        // Any datagram may look like Teredo: what is not right inside was not Teredo.
        if !is_read || (origin == Origin::Teredo && level.packet.is_invalid) {
            return None;
        }
        match (origin, entry) {
            (Origin::Ipv4, Entry::Ipv4) => level.counters.count(Counter::Ipv4InIpv4),
            (Origin::Ipv4, _) => level.counters.count(Counter::Ipv6InIpv4),
            (Origin::Ipv6, Entry::Ipv4) => level.counters.count(Counter::Ipv4InIpv6),
            (Origin::Ipv6, _) => level.counters.count(Counter::Ipv6InIpv6),
            (Origin::Teredo, _) => level.counters.count(Counter::Teredo),
            (Origin::Wire | Origin::Gre | Origin::Vxlan | Origin::Geneve | Origin::Defrag, _) => {}
        }
        Some(Read::of(level))
    }

    /// Reads a datagram that was put together; None where it is none.
    fn reassembled<'w>(&mut self, outer: &Read<'_>, whole: &'w Whole) -> Option<Read<'w>> {
        let link = if whole.ip_at == 0 && outer.packet.ethernet.is_some() {
            LinkType::RAW
        } else {
            outer.packet.link
        };
        let mut packet = child(&outer.packet, &whole.frame, link, Origin::Defrag);
        packet.depth = outer.packet.depth;
        packet.vlans = outer.packet.vlans.clone();
        packet.is_reassembled = true;
        packet.ethernet = outer.packet.ethernet;
        let mut level = Level {
            packet,
            next: Next::None,
            layers: outer.layers,
            config: &self.config,
            counters: &mut self.counters,
        };
        let datagram = whole.frame.get(whole.ip_at..).unwrap_or(&[]);
        let entry = if datagram.first().is_some_and(|byte| byte >> 4 == 6) {
            Entry::Ipv6
        } else {
            Entry::Ipv4
        };
        level.enter(entry, datagram).ok()?;
        Some(Read::of(level))
    }
}

/// A packet inside another, of which nothing was read yet.
fn child<'a>(outer: &Packet<'_>, data: &'a [u8], link: LinkType, origin: Origin) -> Packet<'a> {
    let frame = Frame {
        time: outer.time,
        number: outer.number,
        data,
        wire_len: u32::try_from(data.len()).unwrap_or(u32::MAX),
        link,
    };
    let mut packet = Packet::new(&frame);
    packet.origin = origin;
    packet.is_checksum_pending = outer.is_checksum_pending;
    packet.root = outer.root.or_else(|| {
        let (source, destination) = outer.addresses()?;
        Some(Root {
            source,
            destination,
            protocol: outer.protocol()?,
            ports: outer.ports(),
        })
    });
    packet
}
