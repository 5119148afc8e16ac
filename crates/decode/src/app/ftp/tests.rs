//! Sessions and transfers.

use super::*;
use crate::app::{Context, Expectation, Field, LogFor, LogOptions, Outcome, Parser, Transaction};
use crate::file::{FileConfig, FileState};
use event::json::Writer;
use event::{Buffer, Number, Timestamp};
use proptest::prelude::*;

const CX: Context = Context {
    now: Timestamp::from_nanos(0),
    client_port: 40000,
    server_port: 21,
    is_udp: false,
    is_midstream: false,
};

/// What one end says: `C` the client, `S` the server.
type Talk<'a> = &'a [(char, &'a str)];

fn direction(who: char) -> Direction {
    if who == 'C' {
        Direction::ToServer
    } else {
        Direction::ToClient
    }
}

fn play(talk: Talk<'_>) -> (Control, Outcome) {
    let mut control = Control::new(FtpConfig::default());
    for (who, text) in talk {
        let outcome = control.on_data(&CX, direction(*who), text.as_bytes());
        if outcome != Outcome::Taken {
            return (control, outcome);
        }
    }
    (control, Outcome::Taken)
}

fn record(tx: &dyn Transaction) -> String {
    let mut out = Writer::new();
    out.begin();
    tx.log(LogFor::Record(&LogOptions::default()), &mut out);
    out.end();
    String::from_utf8(out.into_bytes()).unwrap()
}

fn logged(control: &Control) -> Vec<String> {
    control
        .tx_range()
        .filter_map(|id| control.tx(id))
        .map(record)
        .collect()
}

const ACTIVE: Talk<'_> = &[
    ('S', "220 (vsFTPd)\r\n"),
    ('C', "USER anonymous\r\n"),
    ('S', "331 Password?\r\n"),
    ('C', "PORT 192,168,0,13,234,10\r\n"),
    ('S', "200 PORT ok\r\n"),
    ('C', "RETR temp.txt\r\n"),
    ('S', "150 Opening\r\n"),
    ('S', "226 Done\r\n"),
    ('C', "QUIT\r\n"),
    ('S', "221 Bye\r\n"),
];

#[test]
fn records_commands_with_their_replies() {
    let (control, _) = play(ACTIVE);
    assert_eq!(
        logged(&control),
        [
            r#"{"ftp":{"completion_code":["220"],"reply":["(vsFTPd)"],"reply_received":"yes","reply_truncated":false}}"#,
            r#"{"ftp":{"command":"USER","command_data":"anonymous","command_truncated":false,"completion_code":["331"],"reply":["Password?"],"reply_received":"yes","reply_truncated":false}}"#,
            r#"{"ftp":{"command":"PORT","command_data":"192,168,0,13,234,10","command_truncated":false,"completion_code":["200"],"reply":["PORT ok"],"dynamic_port":59914,"mode":"active","reply_received":"yes","reply_truncated":false}}"#,
            r#"{"ftp":{"command":"RETR","command_data":"temp.txt","command_truncated":false,"completion_code":["150","226"],"reply":["Opening","Done"],"reply_received":"yes","reply_truncated":false}}"#,
            r#"{"ftp":{"command":"QUIT","completion_code":["221"],"reply":["Bye"],"reply_received":"yes","reply_truncated":false}}"#,
        ]
    );
    let port = control.tx(2).unwrap();
    assert_eq!(
        port.number(Number::FtpDynamicPort, Direction::ToServer, 0),
        Some(59914)
    );
    assert_eq!(
        port.holds("ftpbounce", "192.168.0.13", Direction::ToServer),
        Some(false)
    );
    assert_eq!(
        port.holds("ftpbounce", "192.168.0.14", Direction::ToServer),
        Some(true)
    );
    assert_eq!(
        port.holds("ftp.mode", "active", Direction::ToServer),
        Some(true)
    );
    let answered = |id, direction| {
        let tx = control.tx(id).unwrap();
        tx.number(Number::FtpReplyReceived, direction, 0)
    };
    assert_eq!(answered(2, Direction::ToClient), Some(1));
    assert_eq!(answered(2, Direction::ToServer), None);
    assert_eq!(answered(0, Direction::ToClient), None, "a greeting");
    let retr = control.tx(3).unwrap();
    let code = retr.field(Buffer::FtpCompletionCode, Direction::ToClient, 1);
    assert_eq!(code, Field::Whole(b"226"[..].into()));
    assert_eq!(
        retr.field(Buffer::FtpReply, Direction::ToClient, 2),
        Field::Absent
    );
}

#[test]
fn announces_the_channel_of_a_file() {
    let check = |talk: Talk<'_>, expected: Option<(u16, Direction, &str)>| {
        let (mut control, _) = play(talk);
        let found = control.take_expectations();
        let found: Vec<_> = found
            .iter()
            .map(|e| (e.port, e.listener, String::from_utf8_lossy(&e.hint)))
            .collect();
        let found: Vec<_> = found.iter().map(|(p, l, h)| (*p, *l, h.as_ref())).collect();
        assert_eq!(found, expected.into_iter().collect::<Vec<_>>(), "{talk:?}");
    };
    check(ACTIVE, Some((59914, Direction::ToClient, "RETR temp.txt")));
    check(
        &[
            ('C', "PASV\r\n"),
            ('S', "227 Entering Passive Mode (1,2,3,4,1,2).\r\n"),
            ('C', "STOR a b\r\n"),
        ],
        Some((258, Direction::ToServer, "STOR a b")),
    );
    check(
        &[
            ('C', "EPSV\r\n"),
            ('S', "229 Extended (|||5000|)\r\n"),
            ('C', "RETR x\r\n"),
        ],
        Some((5000, Direction::ToServer, "RETR x")),
    );
    check(
        &[
            ('C', "EPRT |1|1.2.3.4|5001|\r\n"),
            ('S', "200 ok\r\n"),
            ('C', "RETR x\r\n"),
        ],
        Some((5001, Direction::ToClient, "RETR x")),
    );
    check(&[('C', "RETR x\r\n")], None);
}

#[test]
fn tells_what_is_odd() {
    let check = |talk: Talk<'_>, expected: &[&str]| {
        let (control, _) = play(talk);
        let names: Vec<&str> = control
            .tx_range()
            .filter_map(|id| control.tx(id))
            .flat_map(|tx| tx.events().iter().map(|(name, _)| *name))
            .collect();
        assert_eq!(names, expected);
    };
    let long = format!("RETR {}\r\n", "A".repeat(5000));
    check(
        &[
            ('C', "PASV\r\n"),
            ('S', "227 (1,2,3,4,1,2)\r\n"),
            ('C', &long),
        ],
        &["request_command_too_long"],
    );
    let long = format!("227 {}\r\n", "A".repeat(5000));
    check(
        &[('C', "PASV\r\n"), ('S', &long)],
        &["response_command_too_long"],
    );
    check(&[('C', "STOR x\r\n")], &["file_before_port"]);
    check(
        &[
            ('C', "EPSV\r\n"),
            ('S', "229 (|||1|)\r\n"),
            ('C', "RETR\r\n"),
        ],
        &["file_without_name"],
    );
}

#[test]
fn keeps_the_start_of_a_long_command() {
    let long = format!("RETR {}\r\n", "A".repeat(5000));
    let (control, _) = play(&[('C', &long), ('C', "QUIT\r\n")]);
    let field = control
        .tx(0)
        .unwrap()
        .field(Buffer::FtpCommandData, Direction::ToServer, 0);
    assert!(matches!(field, Field::Whole(data) if data.len() == 4091));
    assert!(logged(&control)[1].contains("QUIT"));
}

#[test]
fn hands_over_to_tls() {
    let (_, outcome) = play(&[('C', "AUTH TLS\r\n"), ('S', "234 go\r\n\x16")]);
    assert_eq!(
        outcome,
        Outcome::Upgrade {
            consumed: 8,
            to: Some(AppProtocol::Tls)
        }
    );
}

#[test]
fn refuses_more_commands_than_the_limit() {
    let talk = "NOOP\r\n".repeat(1025);
    let (control, outcome) = play(&[('C', &talk)]);
    assert_eq!(outcome, Outcome::Failed);
    assert!(control.tx(1023).unwrap().is_loggable());
}

#[test]
fn follows_a_file_in_its_direction_alone() {
    let check = |hint: &str, listener, expected: Direction| {
        let mut transfer = Transfer::new(FileConfig::default());
        transfer.set_hint(&Expectation {
            protocol: AppProtocol::FtpData,
            port: 1,
            listener,
            hint: hint.as_bytes().to_vec(),
            parent_tx: 0,
        });
        transfer.on_data(&CX, expected, b"bytes");
        transfer.on_data(&CX, expected.opposite(), b"noise");
        transfer.on_end(&CX, expected);
        let tx = transfer.tx(0).unwrap();
        let file = &tx.files(expected).unwrap().files[0];
        assert_eq!(
            (file.name.as_slice(), file.size, file.state),
            (&b"f"[..], 5, FileState::Closed)
        );
        assert!(tx.is_loggable());
        let verb = &hint[..4];
        assert_eq!(
            record(tx),
            format!(r#"{{"ftp_data":{{"filename":"f","command":"{verb}"}}}}"#)
        );
    };
    check("RETR f", Direction::ToServer, Direction::ToClient);
    check("RETR f", Direction::ToClient, Direction::ToServer);
    check("STOR f", Direction::ToServer, Direction::ToServer);
    check("STOR f", Direction::ToClient, Direction::ToClient);
}

#[test]
fn is_recognised() {
    let check = |direction, server_port, data: &str, expected| {
        let input = ProbeInput {
            direction,
            data: data.as_bytes(),
            client_port: 40000,
            server_port,
            is_udp: false,
            is_midstream: false,
            other: event::AppProtocol::Unknown,
        };
        assert_eq!(probe(&input, &Config::default()), expected, "{data}");
    };
    check(Direction::ToServer, 9, "user x", Probe::Yes);
    check(Direction::ToServer, 9, "US", Probe::Undecided);
    check(Direction::ToServer, 9, "USE!", Probe::No);
    check(Direction::ToClient, 9, "220 (vsFTPd 2)\r\n", Probe::Yes);
    check(Direction::ToClient, 9, "220 mx.example.org\r\n", Probe::No);
    check(
        Direction::ToClient,
        21,
        "220 ftp.example.org\r\n",
        Probe::Yes,
    );
    check(Direction::ToClient, 21, "220 ftp", Probe::Undecided);
}

proptest! {
    #[test]
    fn any_split_gives_the_same_records(cuts in proptest::collection::vec(1usize..12, 1..60)) {
        let mut control = Control::new(FtpConfig::default());
        let mut cuts = cuts.into_iter().cycle();
        for (who, text) in ACTIVE {
            let mut rest = text.as_bytes();
            while !rest.is_empty() {
                let (piece, after) = rest.split_at(cuts.next().unwrap().min(rest.len()));
                control.on_data(&CX, direction(*who), piece);
                rest = after;
            }
        }
        prop_assert_eq!(logged(&control), logged(&play(ACTIVE).0));
    }

    #[test]
    fn any_talk_is_survived(
        talk in proptest::collection::vec((any::<bool>(), 0usize..12), 0..40),
        noise in proptest::collection::vec(any::<u8>(), 0..20),
    ) {
        const WORDS: [&str; 11] = [
            "PORT 1,2,3,4,5,6\r\n", "PASV\r\n", "227 (1,2,3,4,5,6)\r\n", "RETR x\r\n", "STOR\r\n",
            "150 x\r\n", "AUTH TLS\r\n", "234 x\r\n", "EPSV\r\n", "229 (|||9|)\r\n", "\r\n",
        ];
        let mut control = Control::new(FtpConfig::default());
        for (up, word) in talk {
            let direction = if up { Direction::ToServer } else { Direction::ToClient };
            let bytes = WORDS.get(word).map_or(noise.as_slice(), |word| word.as_bytes());
            control.on_data(&CX, direction, bytes);
        }
        logged(&control);
    }
}
