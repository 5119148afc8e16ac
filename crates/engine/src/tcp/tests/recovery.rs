//! What goes on although it looks odd: other SYNs, timestamps nobody asked for, resets that do not
//! count, connections seen from one side.

use super::*;

/// A timestamp option with its padding: value and echo.
fn timestamp(value: u32, echo: u32) -> Vec<u8> {
    let mut option = vec![1, 1, 8, 10];
    option.extend(value.to_be_bytes());
    option.extend(echo.to_be_bytes());
    option
}

#[test]
fn the_syn_that_is_answered_counts() {
    let mut lab = Lab::new(Config::default());
    lab.put(
        ToServer,
        Tcp::new(1, 2, SYN).at(CLIENT, 0).options(&timestamp(9, 0)),
        b"",
    );
    lab.put(ToServer, Tcp::new(1, 2, SYN).at(CLIENT + 2000, 0), b"");
    lab.send(ToClient, SYN | ACK, 0, 2001, b"");
    lab.send(ToServer, ACK, 2001, 1, b"hello");
    assert_eq!(lab.state(), Some(State::Established));
    lab.send(ToClient, ACK, 1, 2006, b"");
    assert_eq!(lab.got(ToServer), "hello");

    let mut lab = Lab::new(Config::default());
    lab.send(ToServer, SYN, 0, 0, b"");
    lab.send(ToServer, SYN, 2000, 0, b"");
    let outcome = lab.send(ToClient, SYN | ACK, 0, 777, b"");
    assert_eq!(events(&outcome), ["3whs_synack_with_wrong_ack"]);
}

#[test]
fn timestamps_that_the_client_did_not_offer_are_ignored_in_a_synack_and_refused_in_a_reset() {
    let mut lab = Lab::new(Config::default());
    lab.send(ToServer, SYN, 0, 0, b"");
    let odd = |flags| {
        Tcp::new(2, 1, flags)
            .at(SERVER, CLIENT + 1)
            .options(&timestamp(100, 100))
    };
    let outcome = lab.put(ToClient, odd(RST | ACK), b"");
    assert_eq!(events(&outcome), ["pkt_invalid_timestamp"]);
    let outcome = lab.put(ToClient, odd(SYN | ACK), b"");
    assert_eq!(events(&outcome), [] as [&str; 0]);
    lab.send(ToServer, ACK, 1, 1, b"");
    assert_eq!(lab.state(), Some(State::Established));
}

#[test]
fn a_signed_reset_that_its_sender_ignores_does_not_end_the_bytes() {
    let mut lab = Lab::established(Config::default());
    let mut signature = vec![19, 18];
    signature.extend([7; 16]);
    signature.extend([1, 1]);
    let reset = Tcp::new(1, 2, RST | ACK).at(CLIENT + 1, SERVER + 1);
    lab.put(ToServer, reset.options(&signature), b"");
    let session = lab.slot.as_ref().expect("there is a session");
    assert!(
        Direction::BOTH
            .iter()
            .all(|way| !session.app_is_at_end(*way))
    );
    let outcome = lab.send(ToServer, ACK, 1, 1, b"go on");
    assert_eq!(events(&outcome), ["suspected_rst_inject"]);
    lab.send(ToClient, ACK, 1, 6, b"");
    assert_eq!(lab.got(ToServer), "go on");
}

#[test]
fn the_bytes_of_a_reset_are_no_part_of_the_stream() {
    for inline in [false, true] {
        let mut lab = Lab::established(Config {
            inline,
            ..Config::default()
        });
        let outcome = lab.send(ToServer, RST | ACK, 1, 1, b"Access Denied");
        assert_eq!(events(&outcome), ["rst_with_data"]);
        assert!(!outcome.data_added);
        lab.finish();
        assert_eq!(lab.got(ToServer), "");
    }
}

#[test]
fn bytes_of_the_only_side_seen_are_handed_out_at_once() {
    let check = |async_oneside, expected| {
        let mut lab = Lab::new(Config {
            midstream: true,
            async_oneside,
            ..Config::default()
        });
        lab.send(ToServer, ACK, 1, 1, b"");
        lab.send(ToServer, ACK, 1, 1, b"GET /");
        assert_eq!(lab.got(ToServer), expected);
    };
    check(true, "GET /");
    check(false, "");
}

#[test]
fn a_side_that_is_silent_holds_one_empty_piece() {
    let lab = Lab::established(Config::default());
    let session = lab.slot.as_ref().expect("there is a session");
    assert_eq!(session.max_regions(ToClient), 1);
}
