//! Recognises HTTP/1 by a method or a version at the very start.

use crate::app::{Config, Probe, ProbeInput};
use event::Direction;

/// Methods that begin a conversation; a space or a tab must follow.
const METHODS: &[&[u8]] = &[
    b"GET",
    b"PUT",
    b"POST",
    b"HEAD",
    b"TRACE",
    b"OPTIONS",
    b"CONNECT",
    b"DELETE",
    b"PATCH",
    b"PROPFIND",
    b"PROPPATCH",
    b"MKCOL",
    b"COPY",
    b"MOVE",
    b"LOCK",
    b"UNLOCK",
    b"CHECKOUT",
    b"UNCHECKOUT",
    b"CHECKIN",
    b"UPDATE",
    b"LABEL",
    b"REPORT",
    b"MKWORKSPACE",
    b"MKACTIVITY",
    b"MERGE",
    b"INVALID",
    b"VERSION-CONTROL",
    b"BASELINE-CONTROL",
];

/// What a response begins with.
const VERSIONS: &[&[u8]] = &[b"HTTP/0.9", b"HTTP/1.0", b"HTTP/1.1"];

/// Tells whether the start of a direction is HTTP/1.
pub(super) fn probe(input: &ProbeInput<'_>, _config: &Config) -> Probe {
    if input.is_udp {
        return Probe::No;
    }
    match begins(input.data, input.direction) {
        Probe::No if input.is_midstream => match begins(input.data, input.direction.opposite()) {
            Probe::Yes => Probe::Reversed,
            other => other,
        },
        found => found,
    }
}

fn begins(data: &[u8], direction: Direction) -> Probe {
    let mut may_come = false;
    let words = match direction {
        Direction::ToServer => METHODS,
        Direction::ToClient => VERSIONS,
    };
    for word in words {
        let shared = data.len().min(word.len());
        let fits = data.get(..shared).zip(word.get(..shared));
        if !fits.is_some_and(|(data, word)| data.eq_ignore_ascii_case(word)) {
            continue;
        }
        match (direction, data.get(word.len())) {
            (Direction::ToClient, _) if shared == word.len() => return Probe::Yes,
            (Direction::ToServer, Some(b' ' | b'\t')) => return Probe::Yes,
            (Direction::ToServer, Some(_)) => {}
            _ => may_come = true,
        }
    }
    if may_come {
        Probe::Undecided
    } else {
        Probe::No
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(data: &[u8], direction: Direction, is_midstream: bool, expected: Probe) {
        let input = ProbeInput {
            direction,
            data,
            client_port: 1,
            server_port: 2,
            is_udp: false,
            is_midstream,
            other: event::AppProtocol::Unknown,
        };
        assert_eq!(probe(&input, &Config::default()), expected);
    }

    #[test]
    fn recognises_requests_and_responses() {
        use Direction::{ToClient, ToServer};
        check(b"GET / HTTP/1.1", ToServer, false, Probe::Yes);
        check(b"get\t/", ToServer, false, Probe::Yes);
        check(b"GE", ToServer, false, Probe::Undecided);
        check(b"GETX", ToServer, false, Probe::No);
        check(b"", ToServer, false, Probe::Undecided);
        check(b"HTTP/1.1 200", ToClient, false, Probe::Yes);
        check(b"HTTP/2", ToClient, false, Probe::No);
        check(b"HTTP/1.1 200", ToServer, false, Probe::No);
        check(b"HTTP/1.1 200", ToServer, true, Probe::Reversed);
    }
}
