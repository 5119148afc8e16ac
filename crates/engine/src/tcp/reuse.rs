//! A new connection between the ends of an old one.

use super::{Config, Session, State};
use decode::packet::Tcp;
use event::Direction;

/// Whether a packet begins a connection of its own instead of belonging to the session of its
/// flow. `direction` is the packet's in that flow.
#[must_use]
pub fn reuse(
    session: Option<&Session>,
    tcp: &Tcp<'_>,
    direction: Direction,
    config: &Config,
) -> bool {
    if tcp.flags & (Tcp::RST | Tcp::FIN) != 0 {
        return false;
    }
    let is_syn = tcp.flags & (Tcp::SYN | Tcp::ACK) == Tcp::SYN;
    let is_synack = tcp.flags & (Tcp::SYN | Tcp::ACK) == Tcp::SYN | Tcp::ACK;
    let counts = is_syn || (is_synack && (config.midstream || config.async_oneside));
    if !counts {
        return false;
    }
    let is_usual_direction = is_syn == (direction == Direction::ToServer);
    let Some(session) = session else {
        // Nothing is followed that the packet could belong to; a SYN/ACK of the server may still
        // belong to a SYN that was not accepted.
        return is_syn || !is_usual_direction;
    };
    if is_syn && is_usual_direction && session.fast_open_data_ignored {
        return true;
    }
    if is_usual_direction && session.side(direction).isn == tcp.sequence {
        return false;
    }
    session.state >= State::LastAck
}
