//! A TCP packet in the terms of tracking, and what is decided about it.

use super::config::{Config, ExceptionPolicy};
use super::counters::Counters;
use super::event::{StreamEvent, StreamEvents};
use decode::packet::{Packet, Tcp, TcpOptions};
use event::Direction;
use std::net::{IpAddr, Ipv4Addr};

/// One packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment<'p> {
    pub(super) sequence: u32,
    pub(super) acknowledgement: u32,
    pub(super) flags: u8,
    pub(super) window: u32,
    pub(super) urgent: u16,
    pub(super) options: TcpOptions<'p>,
    pub(super) header: &'p [u8],
    pub(super) payload: &'p [u8],
    pub(super) direction: Direction,
    pub(super) secs: u32,
    pub(super) destination: IpAddr,
}

impl<'p> Segment<'p> {
    pub(super) fn new(packet: &Packet<'p>, tcp: &Tcp<'p>, direction: Direction) -> Self {
        let destination = packet.addresses().map(|(_, destination)| destination);
        Segment {
            sequence: tcp.sequence,
            acknowledgement: tcp.acknowledgement,
            flags: tcp.flags,
            window: u32::from(tcp.window),
            urgent: tcp.urgent,
            options: tcp.options,
            header: tcp.header,
            payload: packet.payload,
            direction,
            secs: packet.time.secs() as u32,
            destination: destination.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
        }
    }

    /// Whether any of the flags is set.
    pub(super) fn has(&self, flags: u8) -> bool {
        self.flags & flags != 0
    }

    /// Whether all of the flags are set.
    pub(super) fn has_all(&self, flags: u8) -> bool {
        self.flags & flags == flags
    }

    pub(super) fn len(&self) -> u32 {
        self.payload.len() as u32
    }

    /// Sequence number after the payload.
    pub(super) fn end(&self) -> u32 {
        self.sequence.wrapping_add(self.len())
    }

    pub(super) fn is_to_server(&self) -> bool {
        self.direction == Direction::ToServer
    }

    /// Whether the sender signs its segments (RFC 2385, RFC 5925), which nobody else can check.
    pub(super) fn is_signed(&self) -> bool {
        let mut rest = self.header.get(20..).unwrap_or_default();
        loop {
            match rest {
                [19 | 29, ..] => return true,
                [0, ..] | [] => return false,
                [1, tail @ ..] => rest = tail,
                [_, len, ..] if *len >= 2 => {
                    rest = rest.get(usize::from(*len)..).unwrap_or_default();
                }
                _ => return false,
            }
        }
    }
}

/// Why the stream engine wants a packet dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamDrop {
    /// `stream error`: it fits no state.
    Error,
    /// `stream urgent`: it carries urgent data.
    Urgent,
}

/// What an exception policy was applied to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exception {
    /// The connection began before the capture (`stream_midstream`).
    Midstream,
    /// No memory for another session (`stream_memcap`).
    SessionMemory,
    /// No memory for stream data (`stream_reassembly`).
    ReassemblyMemory,
}

/// Which sides have something for the application layer, in the order they are to be served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Updates {
    order: [Option<Direction>; 2],
}

impl Updates {
    pub(super) fn push(&mut self, direction: Direction) {
        match &mut self.order {
            [first @ None, _] => *first = Some(direction),
            [Some(first), second] if *first != direction => *second = Some(direction),
            _ => {}
        }
    }

    /// The directions in order.
    pub fn iter(self) -> impl Iterator<Item = Direction> {
        self.order.into_iter().flatten()
    }
}

/// What tracking says about a packet.
#[derive(Clone, Copy, Debug)]
pub struct PacketOutcome {
    /// Whether it fits the connection.
    pub accepted: bool,
    /// Whether the connection is established or beyond (after this packet).
    pub is_established: bool,
    /// The packet counts as part of an established flow even though the flow is not yet: data
    /// came where only the end of the handshake was expected.
    pub makes_flow_established: bool,
    /// What was odd about it.
    pub events: StreamEvents,
    /// Sides to hand to the application layer.
    pub updates: Updates,
    /// Whether its payload went into the stream.
    pub data_added: bool,
    /// The flow's ends were taken the wrong way round: swap the flow. The session itself is right.
    pub needs_swap: bool,
    /// Its direction, after such a swap.
    pub direction: Direction,
    /// Whether the connection's state changed.
    pub state_changed: bool,
    /// It is to be dropped (where dropping is possible at all).
    pub drop: Option<StreamDrop>,
    /// An exception policy applies.
    pub exception: Option<(Exception, ExceptionPolicy)>,
    /// The flow may be left alone from now on (`stream.bypass`).
    pub may_bypass: bool,
    /// It is a retransmission, a keep-alive or another repetition.
    pub is_repetition: bool,
}

impl PacketOutcome {
    pub(super) fn new(direction: Direction) -> Self {
        PacketOutcome {
            accepted: true,
            is_established: false,
            makes_flow_established: false,
            events: StreamEvents::default(),
            updates: Updates::default(),
            data_added: false,
            needs_swap: false,
            direction,
            state_changed: false,
            drop: None,
            exception: None,
            may_bypass: false,
            is_repetition: false,
        }
    }
}

/// The packet is not taken; the reason stands in the events.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refused;

/// What handling a packet needs besides the session.
pub(super) struct Run<'a> {
    pub(super) config: &'a Config,
    pub(super) counters: &'a mut Counters,
    pub(super) outcome: &'a mut PacketOutcome,
}

impl Run<'_> {
    pub(super) fn note(&mut self, event: StreamEvent) {
        self.outcome.events.add(event);
    }

    pub(super) fn refuse<T>(&mut self, event: StreamEvent) -> Result<T, Refused> {
        self.note(event);
        Err(Refused)
    }
}
