//! TCP tracking from packets to bytes.

mod recovery;

use super::*;
use ::event::Direction::{ToClient, ToServer};
use decode::build::{Stack, Tcp};
use decode::packet::{Decoder, Frame, LinkType, Tcp as Header, Transport};
use proptest::prelude::*;

const SYN: u8 = Header::SYN;
const ACK: u8 = Header::ACK;
const FIN: u8 = Header::FIN;
const RST: u8 = Header::RST;
/// Initial sequence numbers of client and server in these tests.
const CLIENT: u32 = 1000;
const SERVER: u32 = 5000;

/// A session and the bytes that its application layer got.
struct Lab {
    config: Config,
    counters: Counters,
    slot: Option<Box<Session>>,
    got: [Vec<u8>; 2],
    gaps: u64,
    prunes: bool,
}

impl Lab {
    fn new(config: Config) -> Self {
        Lab {
            config,
            counters: Counters::default(),
            slot: None,
            got: [Vec::new(), Vec::new()],
            gaps: 0,
            prunes: true,
        }
    }

    fn established(config: Config) -> Self {
        let mut lab = Lab::new(config);
        lab.send(ToServer, SYN, 0, 0, b"");
        lab.send(ToClient, SYN | ACK, 0, 1, b"");
        lab.send(ToServer, ACK, 1, 1, b"");
        assert_eq!(lab.state(), Some(State::Established));
        lab
    }

    fn state(&self) -> Option<State> {
        self.slot.as_ref().map(|session| session.state())
    }

    /// Sends a segment; sequence and acknowledgement count from the ends' initial numbers.
    fn send(
        &mut self,
        way: Direction,
        flags: u8,
        seq: u32,
        ack: u32,
        data: &[u8],
    ) -> PacketOutcome {
        let (own, other) = match way {
            ToServer => (CLIENT, SERVER),
            ToClient => (SERVER, CLIENT),
        };
        let ack = if flags & ACK == 0 {
            0
        } else {
            other.wrapping_add(ack)
        };
        self.put(
            way,
            Tcp::new(1, 2, flags).at(own.wrapping_add(seq), ack),
            data,
        )
    }

    fn put(&mut self, way: Direction, tcp: Tcp, data: &[u8]) -> PacketOutcome {
        let (source, destination) = match way {
            ToServer => ("10.0.0.1", "10.0.0.2"),
            ToClient => ("10.0.0.2", "10.0.0.1"),
        };
        let bytes = Stack::raw()
            .ipv4(source, destination)
            .tcp(tcp)
            .payload(data)
            .bytes();
        let frame = Frame {
            time: ::event::Timestamp::new(1_700_000_000, 0),
            number: 1,
            data: &bytes,
            wire_len: bytes.len() as u32,
            link: LinkType::RAW,
        };
        let mut outcome = None;
        Decoder::new(decode::packet::Config::default()).decode(&frame, |packet| {
            let Transport::Tcp(header) = packet.transport else {
                return;
            };
            outcome = Some(Session::on_packet(
                &mut self.slot,
                &self.config,
                &mut self.counters,
                packet,
                &header,
                way,
            ));
        });
        let outcome = outcome.expect("the packet is TCP");
        for way in outcome.updates.iter() {
            self.serve(way);
        }
        if self.prunes
            && let Some(session) = &mut self.slot
        {
            let progress = session.raw(&self.config, way, None, false).progress;
            session.advance_raw(way, progress);
            session.prune(&self.config, &mut self.counters, way);
        }
        outcome
    }

    /// The application layer takes what there is.
    fn serve(&mut self, way: Direction) {
        let Some(session) = &mut self.slot else {
            return;
        };
        loop {
            match session.app_chunk(&self.config, way) {
                Chunk::Data(data) => {
                    self.got[usize::from(way)].extend_from_slice(data);
                    let len = data.len() as u64;
                    session.consume_app(way, len);
                }
                Chunk::Gap(len) => {
                    self.gaps += 1;
                    session.skip_gap(way, len, &mut self.counters);
                }
                Chunk::None => break,
            }
        }
    }

    fn finish(&mut self) {
        for way in Direction::BOTH {
            if let Some(session) = &mut self.slot {
                session.finish(way);
            }
            self.serve(way);
        }
    }

    fn got(&self, way: Direction) -> String {
        String::from_utf8_lossy(&self.got[usize::from(way)]).into_owned()
    }
}

fn events(outcome: &PacketOutcome) -> Vec<&'static str> {
    outcome.events.iter().map(StreamEvent::as_str).collect()
}

#[test]
fn a_connection_passes_through_all_states() {
    let mut lab = Lab::established(Config::default());
    lab.send(ToServer, ACK | FIN, 1, 1, b"");
    assert_eq!(lab.state(), Some(State::CloseWait));
    lab.send(ToClient, ACK | FIN, 1, 2, b"");
    assert_eq!(lab.state(), Some(State::LastAck));
    lab.send(ToServer, ACK, 2, 2, b"");
    assert_eq!(lab.state(), Some(State::Closed));
    let session = lab.slot.as_ref().expect("it stays until the flow ends");
    assert_eq!(session.tcp_flags_of(ToServer), SYN | ACK | FIN);
    assert_eq!(lab.counters.sessions, 1);
}

#[test]
fn a_server_that_closes_first_waits_for_the_client() {
    let mut lab = Lab::established(Config::default());
    lab.send(ToClient, ACK | FIN, 1, 1, b"");
    assert_eq!(lab.state(), Some(State::FinWait1));
    lab.send(ToServer, ACK, 1, 2, b"");
    assert_eq!(lab.state(), Some(State::FinWait2));
    lab.send(ToServer, ACK | FIN, 1, 2, b"");
    assert_eq!(lab.state(), Some(State::TimeWait));
    lab.send(ToClient, ACK, 2, 2, b"");
    assert_eq!(lab.state(), Some(State::Closed));
}

#[test]
fn data_is_handed_out_when_it_is_acknowledged() {
    let mut lab = Lab::established(Config::default());
    lab.send(ToServer, ACK, 1, 1, b"GET /");
    assert_eq!(lab.got(ToServer), "");
    lab.send(ToClient, ACK, 1, 6, b"200");
    assert_eq!(lab.got(ToServer), "GET /");
    assert_eq!(lab.got(ToClient), "");
    lab.finish();
    assert_eq!(lab.got(ToClient), "200");
}

#[test]
fn inline_data_is_handed_out_at_once() {
    let mut lab = Lab::established(Config {
        inline: true,
        ..Config::default()
    });
    lab.send(ToServer, ACK, 1, 1, b"GET /");
    assert_eq!(lab.got(ToServer), "GET /");
}

#[test]
fn a_hole_is_a_gap_once_it_is_acknowledged() {
    let mut lab = Lab::established(Config::default());
    lab.send(ToServer, ACK, 1, 1, b"abc");
    lab.send(ToServer, ACK, 6, 1, b"fgh");
    lab.send(ToClient, ACK, 1, 4, b"");
    assert_eq!((lab.got(ToServer).as_str(), lab.gaps), ("abc", 0));
    lab.send(ToClient, ACK, 1, 9, b"");
    assert_eq!((lab.got(ToServer).as_str(), lab.gaps), ("abcfgh", 1));
    assert_eq!(lab.counters.reassembly_gap, 1);
}

#[test]
fn a_hole_that_is_filled_in_time_is_none() {
    let mut lab = Lab::established(Config::default());
    lab.send(ToServer, ACK, 4, 1, b"def");
    lab.send(ToServer, ACK, 1, 1, b"abc");
    lab.send(ToClient, ACK, 1, 7, b"");
    assert_eq!((lab.got(ToServer).as_str(), lab.gaps), ("abcdef", 0));
}

#[test]
fn nothing_is_kept_beyond_the_depth() {
    let mut lab = Lab::established(Config {
        depth: 10,
        ..Config::default()
    });
    lab.send(ToServer, ACK, 1, 1, b"0123456789");
    lab.send(ToClient, ACK, 1, 11, b"");
    lab.send(ToServer, ACK, 11, 1, b"more");
    lab.send(ToClient, ACK, 1, 15, b"");
    assert_eq!(lab.got(ToServer), "0123456789");
    let session = lab.slot.as_ref().expect("open");
    assert!(session.is_depth_reached(ToServer) && session.is_reassembly_off(ToServer));
    assert!(!session.is_depth_reached(ToClient));
}

#[test]
fn the_middle_of_a_connection_is_only_followed_on_request() {
    let mut lab = Lab::new(Config::default());
    lab.send(ToServer, ACK, 1, 1, b"abc");
    assert!(lab.slot.is_none());
    let mut lab = Lab::new(Config {
        midstream: true,
        ..Config::default()
    });
    lab.send(ToServer, ACK, 1, 1, b"abc");
    assert_eq!(lab.state(), Some(State::Established));
    lab.send(ToClient, ACK, 1, 4, b"");
    assert_eq!(lab.got(ToServer), "abc");
    assert_eq!(lab.counters.midstream_pickups, 1);
}

#[test]
fn a_synack_without_its_syn_turns_the_flow_round() {
    let mut lab = Lab::new(Config {
        midstream: true,
        ..Config::default()
    });
    let tcp = Tcp::new(80, 1, SYN | ACK).at(SERVER, CLIENT + 1);
    let outcome = lab.put(ToServer, tcp, b"");
    assert!(outcome.needs_swap);
    assert_eq!(outcome.direction, ToClient);
    assert_eq!(lab.state(), Some(State::SynRecv));
    let flags = lab
        .slot
        .as_ref()
        .map(|session| session.tcp_flags_of(ToClient));
    assert_eq!(flags, Some(SYN | ACK));
    lab.send(ToServer, ACK, 1, 1, b"");
    assert_eq!(lab.state(), Some(State::Established));
}

#[test]
fn what_fits_no_state_is_refused_with_an_event() {
    let mut lab = Lab::established(Config::default());
    let check = |lab: &mut Lab, way, flags, seq, ack, data: &[u8], expected: &[&str]| {
        let outcome = lab.send(way, flags, seq, ack, data);
        assert_eq!(events(&outcome), expected);
    };
    check(&mut lab, ToServer, SYN, 0, 0, b"", &["est_syn_resend"]);
    check(
        &mut lab,
        ToServer,
        SYN,
        7,
        0,
        b"",
        &["est_syn_resend_diff_seq"],
    );
    check(&mut lab, ToClient, SYN, 0, 0, b"", &["est_syn_toclient"]);
    check(
        &mut lab,
        ToServer,
        SYN | ACK,
        0,
        1,
        b"",
        &["est_synack_toserver"],
    );
    check(
        &mut lab,
        ToServer,
        ACK,
        1,
        900_000,
        b"x",
        &["est_invalid_ack", "pkt_invalid_ack"],
    );
    check(
        &mut lab,
        ToServer,
        ACK,
        900_000,
        1,
        b"x",
        &["est_packet_out_of_window"],
    );
    let mut lab = Lab::new(Config::default());
    check(&mut lab, ToServer, RST, 1, 0, b"", &["rst_but_no_session"]);
    check(
        &mut lab,
        ToServer,
        FIN | ACK,
        1,
        1,
        b"",
        &["fin_but_no_session"],
    );
}

#[test]
fn an_invalid_packet_is_dropped_where_dropping_is_possible() {
    let mut lab = Lab::established(Config {
        inline: true,
        ..Config::default()
    });
    let outcome = lab.send(ToServer, SYN, 0, 0, b"");
    assert_eq!(
        (outcome.accepted, outcome.drop),
        (false, Some(StreamDrop::Error))
    );
    let config = Config {
        inline: true,
        drop_invalid: false,
        ..Config::default()
    };
    let outcome = Lab::established(config).send(ToServer, SYN, 0, 0, b"");
    assert_eq!((outcome.accepted, outcome.drop), (false, None));
}

#[test]
fn a_reset_ends_the_connection_unless_its_numbers_are_wrong() {
    let mut lab = Lab::established(Config::default());
    lab.send(ToServer, RST, 500, 0, b"");
    assert_eq!(lab.state(), Some(State::Established));
    lab.send(ToServer, ACK, 1, 1, b"abc");
    lab.send(ToServer, RST, 4, 0, b"");
    assert_eq!(lab.state(), Some(State::Closed));
    lab.finish();
    assert_eq!(lab.got(ToServer), "abc");
}

#[test]
fn the_synack_that_is_answered_counts() {
    let mut lab = Lab::new(Config::default());
    lab.send(ToServer, SYN, 0, 0, b"");
    lab.send(ToClient, SYN | ACK, 0, 1, b"");
    lab.send(ToClient, SYN | ACK, 100, 1, b"");
    lab.send(ToServer, ACK, 1, 101, b"");
    assert_eq!(lab.state(), Some(State::Established));
    lab.send(ToClient, ACK, 101, 1, b"hi");
    lab.send(ToServer, ACK, 1, 103, b"");
    assert_eq!(lab.got(ToClient), "hi");
    let mut lab = Lab::new(Config {
        max_synack_queued: 1,
        ..Config::default()
    });
    lab.send(ToServer, SYN, 0, 0, b"");
    lab.send(ToClient, SYN | ACK, 0, 1, b"");
    lab.send(ToClient, SYN | ACK, 100, 1, b"");
    let outcome = lab.send(ToClient, SYN | ACK, 200, 1, b"");
    assert_eq!(events(&outcome), ["3whs_synack_flood"]);
}

#[test]
fn data_in_a_syn_counts_with_fast_open() {
    let fast_open = [34, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 1];
    let mut lab = Lab::new(Config::default());
    lab.put(
        ToServer,
        Tcp::syn(1, 2, CLIENT).options(&fast_open),
        b"GET /",
    );
    lab.send(ToClient, SYN | ACK, 0, 6, b"");
    lab.send(ToServer, ACK, 6, 1, b"");
    lab.finish();
    assert_eq!(lab.got(ToServer), "GET /");
}

#[test]
fn the_urgent_byte_is_treated_as_configured() {
    let check = |urgent, expected: &str, gaps| {
        let mut lab = Lab::established(Config {
            urgent,
            ..Config::default()
        });
        let mut tcp = Tcp::new(1, 2, ACK | Header::URG).at(CLIENT + 1, SERVER + 1);
        tcp.urgent = 3;
        lab.put(ToServer, tcp, b"abX");
        lab.send(ToServer, ACK, 4, 1, b"cd");
        lab.send(ToClient, ACK, 1, 6, b"");
        assert_eq!(
            (lab.got(ToServer).as_str(), lab.gaps),
            (expected, gaps),
            "{urgent:?}"
        );
    };
    check(UrgentPolicy::Inline, "abXcd", 0);
    check(UrgentPolicy::OutOfBand, "abcd", 0);
    check(UrgentPolicy::Gap, "abcd", 1);
}

#[test]
fn an_overlap_with_other_bytes_is_noted() {
    let mut lab = Lab::established(Config {
        check_overlap: true,
        ..Config::default()
    });
    lab.send(ToServer, ACK, 1, 1, b"good");
    let outcome = lab.send(ToServer, ACK, 3, 1, b"XXbye");
    assert!(
        outcome
            .events
            .has(StreamEvent::ReassemblyOverlapDifferentData)
    );
    assert_eq!(
        (lab.counters.overlap, lab.counters.overlap_diff_data),
        (1, 1)
    );
    lab.finish();
    assert_eq!(lab.got(ToServer), "goodbye");
}

#[test]
fn old_timestamps_are_refused() {
    let option = |value: u8| [1, 1, 8, 10, 0, 0, 1, value, 0, 0, 0, 9];
    let mut lab = Lab::new(Config::default());
    lab.put(
        ToServer,
        Tcp::syn(1, 2, CLIENT).options(&[1, 1, 8, 10, 0, 0, 0, 9, 0, 0, 0, 0]),
        b"",
    );
    lab.put(
        ToClient,
        Tcp::new(2, 1, SYN | ACK)
            .at(SERVER, CLIENT + 1)
            .options(&option(9)),
        b"",
    );
    let at = |value| {
        Tcp::new(1, 2, ACK)
            .at(CLIENT + 1, SERVER + 1)
            .options(&option(value))
    };
    lab.put(ToServer, at(100), b"");
    let outcome = lab.put(ToServer, at(50), b"old");
    assert_eq!(events(&outcome), ["pkt_invalid_timestamp"]);
    assert!(!outcome.accepted);
}

#[test]
fn memory_is_bounded_and_given_back() {
    let config = Config {
        reassembly_memcap: 100_000,
        ..Config::default()
    };
    let mut lab = Lab::established(config);
    let mut tcp = Tcp::new(2, 1, ACK).at(SERVER + 1, CLIENT + 1);
    tcp.window = u16::MAX;
    for at in 0..300u32 {
        let tcp = Tcp::new(1, 2, ACK).at(CLIENT + 1 + at * 1000, SERVER + 1);
        let outcome = lab.put(ToServer, tcp, &[b'x'; 1000]);
        if let Some((exception, _)) = outcome.exception {
            assert_eq!(exception, Exception::ReassemblyMemory);
        }
    }
    assert!(
        lab.counters.reassembly_memuse < 300_000,
        "{}",
        lab.counters.reassembly_memuse
    );
    let mut session = lab.slot.take().expect("open");
    session.release(&mut lab.counters);
    assert_eq!(
        (lab.counters.reassembly_memuse, lab.counters.memuse),
        (0, 0)
    );
    assert_eq!(lab.counters.active_sessions, 0);
}

#[test]
fn stream_signatures_see_whole_chunks_unless_they_are_called() {
    let mut lab = Lab::established(Config::default());
    lab.prunes = false;
    lab.send(ToServer, ACK, 1, 1, b"GET /");
    lab.send(ToClient, ACK, 1, 6, b"");
    let session = lab.slot.as_mut().expect("open");
    assert!(
        session
            .raw(&lab.config, ToServer, None, false)
            .pieces
            .is_empty()
    );
    session.trigger_raw(ToServer);
    let view = session.raw(&lab.config, ToServer, None, false);
    assert_eq!(
        view.pieces.first().map(|piece| (piece.data, piece.offset)),
        Some((&b"GET /"[..], 0))
    );
    assert_eq!(view.progress, 5);
    drop(view);
    session.advance_raw(ToServer, 5);
    assert!(
        session
            .raw(&lab.config, ToServer, None, false)
            .pieces
            .is_empty()
    );
}

#[test]
fn inline_signatures_see_what_surrounds_a_packet() {
    let config = Config {
        inline: true,
        toserver_chunk: 8,
        ..Config::default()
    };
    let mut lab = Lab::established(config);
    lab.prunes = false;
    lab.send(ToServer, ACK, 1, 1, b"0123456789");
    lab.send(ToServer, ACK, 11, 1, b"abc");
    let session = lab.slot.as_ref().expect("open");
    let packet = RawPacket {
        sequence: CLIENT + 11,
        payload: b"abc",
        is_added: true,
    };
    let view = session.raw(&lab.config, ToServer, Some(packet), false);
    assert_eq!(
        view.pieces.first().map(|piece| (piece.data, piece.offset)),
        Some((&b"56789abc"[..], 5))
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_order_of_segments_gives_the_same_bytes(
        text in proptest::collection::vec(any::<u8>(), 1..400),
        cuts in proptest::collection::vec((0usize..400, 1usize..90), 0..40),
        acks in proptest::collection::vec(any::<bool>(), 100),
        isn in any::<u32>(),
    ) {
        let mut lab = Lab::new(Config::default());
        let at = |seq: u32, flags| Tcp::new(1, 2, flags).at(isn.wrapping_add(seq), SERVER + 1);
        lab.put(ToServer, Tcp::syn(1, 2, isn), b"");
        let answer = |ack: u32, flags| Tcp::new(2, 1, flags)
            .at(SERVER + u32::from(flags & SYN == 0), isn.wrapping_add(ack));
        lab.put(ToClient, answer(1, SYN | ACK), b"");
        lab.put(ToServer, at(1, ACK), b"");
        let mut have = vec![false; text.len()];
        let mut steps: Vec<(usize, usize)> = cuts;
        steps.extend((0..text.len()).step_by(50).map(|at| (at, 50)));
        for ((start, len), acks) in steps.into_iter().zip(acks) {
            let start = start.min(text.len() - 1);
            let end = (start + len).min(text.len());
            have[start..end].fill(true);
            lab.put(ToServer, at(1 + start as u32, ACK), &text[start..end]);
            if acks {
                // The server acknowledges what it has in order.
                let acked = have.iter().take_while(|have| **have).count();
                lab.put(ToClient, answer(1 + acked as u32, ACK), b"");
            }
        }
        lab.finish();
        prop_assert_eq!(&lab.got[0], &text);
        prop_assert_eq!(lab.gaps, 0);
    }

    #[test]
    fn no_packet_breaks_a_session(
        packets in proptest::collection::vec(
            (any::<bool>(), any::<u8>(), -40i32..40, -40i32..40, any::<u16>(), 0usize..30, any::<u8>()),
            1..60,
        ),
        inline in any::<bool>(),
        open in any::<bool>(),
    ) {
        let config = Config {
            inline,
            midstream: open,
            async_oneside: !open,
            check_overlap: true,
            urgent: UrgentPolicy::OutOfBand,
            depth: 100,
            ..Config::default()
        };
        let mut lab = Lab::new(config);
        for (to_server, flags, seq, ack, window, len, options) in packets {
            let (way, own, other) =
                if to_server { (ToServer, CLIENT, SERVER) } else { (ToClient, SERVER, CLIENT) };
            let mut tcp = Tcp::new(1, 2, flags)
                .at(own.wrapping_add_signed(seq), other.wrapping_add_signed(ack));
            tcp.window = window;
            tcp.urgent = window & 7;
            if options & 1 != 0 {
                tcp.options = vec![1, 1, 8, 10, 0, 0, 0, options, 0, 0, 0, options];
            }
            lab.put(way, tcp, &[options; 30][..len]);
            if let Some(session) = &lab.slot {
                let _ = session.payload_window(&lab.config, way);
                let _ = session.stream_size(way);
            }
        }
        lab.finish();
    }
}
