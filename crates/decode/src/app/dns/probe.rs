//! Tells whether bytes are DNS.

use super::message::{HEADER_LEN, Header, Message};
use crate::app::{Config, Probe, ProbeInput};
use event::Direction;

/// Recognises DNS on its ports.
pub(super) fn dns(input: &ProbeInput<'_>, config: &Config) -> Probe {
    let ports = if input.is_udp {
        &config.dns.udp_ports
    } else {
        &config.dns.tcp_ports
    };
    if !has_port(ports, input) {
        return Probe::No;
    }
    if input.is_udp {
        return match looks_like(input.data, input.data.len()) {
            Some(header) => oriented(&header, input.direction),
            // The next datagram may well be a message.
            None => Probe::Undecided,
        };
    }
    match tcp(input.data) {
        Framed::Message(header) => oriented(&header, input.direction),
        Framed::TooShort => Probe::Undecided,
        Framed::Other => Probe::No,
    }
}

/// Recognises multicast DNS on its port. All of its messages travel to the group: to server.
pub(super) fn mdns(input: &ProbeInput<'_>, config: &Config) -> Probe {
    if !has_port(&config.dns.mdns_ports, input) {
        return Probe::No;
    }
    match (looks_like(input.data, input.data.len()), input.direction) {
        (None, _) => Probe::Undecided,
        (Some(_), Direction::ToServer) => Probe::Yes,
        (Some(_), Direction::ToClient) => Probe::Reversed,
    }
}

/// Whether the flow goes to one of `ports`. What comes from there is only looked at where the flow
/// was picked up in the middle: an answer nobody was seen to ask for opens a flow of its own.
fn has_port(ports: &[u16], input: &ProbeInput<'_>) -> bool {
    ports.contains(&input.server_port) || input.is_midstream && ports.contains(&input.client_port)
}

fn oriented(header: &Header, direction: Direction) -> Probe {
    match (header.is_response(), direction) {
        (false, Direction::ToServer) | (true, Direction::ToClient) => Probe::Yes,
        (true, Direction::ToServer) | (false, Direction::ToClient) => Probe::Reversed,
    }
}

/// The start of a TCP stream as DNS sees it.
pub(super) enum Framed {
    /// A length and what looks like a message of that length.
    Message(Header),
    /// More bytes are needed.
    TooShort,
    /// Something else.
    Other,
}

/// Looks at the start of a stream of messages with their lengths.
pub(super) fn tcp(data: &[u8]) -> Framed {
    let Some((len, message)) = data.split_first_chunk::<2>() else {
        return Framed::TooShort;
    };
    if message.len() < HEADER_LEN {
        return Framed::TooShort;
    }
    let len = usize::from(u16::from_be_bytes(*len));
    let message = message.get(..len).unwrap_or(message);
    looks_like(message, len).map_or(Framed::Other, Framed::Message)
}

/// The header, if `data` begins a message of `len` bytes. All of it is read where it is there.
fn looks_like(data: &[u8], len: usize) -> Option<Header> {
    let header = if data.len() < len {
        Header::read(data)?
    } else {
        Message::read(data)?.header
    };
    header.is_plausible(len).then_some(header)
}
