//! Sessions: envelopes, mails, replies, oddities.

use super::*;
use crate::app::{Field, LogFor, LogOptions};
use crate::file::FileState;
use event::json::Writer;
use event::{Buffer, Timestamp};
use proptest::prelude::*;

const CX: Context = Context {
    now: Timestamp::from_nanos(0),
    client_port: 40000,
    server_port: 25,
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

fn play(talk: Talk<'_>) -> (Session, Outcome) {
    let mut session = Session::new(&Config::default());
    for (who, text) in talk {
        let outcome = session.on_data(&CX, direction(*who), text.as_bytes());
        if outcome != Outcome::Taken {
            return (session, outcome);
        }
    }
    (session, Outcome::Taken)
}

fn logged(session: &Session) -> Vec<String> {
    let mails = session.mails().iter();
    let line = |mail: &transaction::Mail| {
        let mut out = Writer::new();
        out.begin();
        mail.log(LogFor::Record(&LogOptions::default()), &mut out);
        out.end();
        String::from_utf8(out.into_bytes()).unwrap()
    };
    mails.map(line).collect()
}

fn events(session: &Session) -> Vec<&'static str> {
    session
        .mails()
        .iter()
        .flat_map(|mail| mail.events().iter().map(|(name, _)| *name))
        .collect()
}

const MAIL: Talk<'_> = &[
    ('S', "220 mx.example ESMTP\r\n"),
    ('C', "EHLO me\r\n"),
    ('S', "250-mx.example\r\n250-SIZE 1\r\n250 HELP\r\n"),
    ('C', "MAIL FROM:<a@b> SIZE=9\r\n"),
    ('S', "250 ok\r\n"),
    ('C', "RCPT TO:<c@d>\r\n"),
    ('S', "250 ok\r\n"),
    ('C', "RCPT TO:<e@f>\r\n"),
    ('S', "250 ok\r\n"),
    ('C', "DATA\r\n"),
    ('S', "354 go\r\n"),
    (
        'C',
        "From: A <a@b>\r\nTo: \"C, D\" <c@d>, <e@f>\r\nContent-Type: a/b; name=f.bin\r\n\r\n",
    ),
    ('C', "..dot\r\nend\r\n.\r\n"),
    ('S', "250 queued\r\n"),
];

#[test]
fn records_a_mail() {
    let (session, outcome) = play(MAIL);
    assert_eq!(outcome, Outcome::Taken);
    assert_eq!(
        logged(&session),
        [concat!(
            r#"{"smtp":{"helo":"me","mail_from":"<a@b>","rcpt_to":["<c@d>","<e@f>"]},"#,
            r#""email":{"from":"A <a@b>","to":["\"C, D\" <c@d>","<e@f>"],"status":"PARSE_DONE","#,
            r#""attachment":["f.bin"]}}"#
        )]
    );
    assert!(events(&session).is_empty());
    let mail = session.tx(0).unwrap();
    assert!(mail.is_complete(Direction::ToServer) && mail.is_complete(Direction::ToClient));
    let file = &mail.files(Direction::ToServer).unwrap().files[0];
    assert_eq!(
        (file.data.as_slice(), file.state),
        (&b".dot\r\nend"[..], FileState::Closed)
    );
    let field = |buffer, index| mail.field(buffer, Direction::ToServer, index);
    assert_eq!(
        field(Buffer::SmtpRcptTo, 1),
        Field::Whole(b"<e@f>"[..].into())
    );
    assert_eq!(field(Buffer::SmtpRcptTo, 2), Field::Absent);
    assert_eq!(
        field(Buffer::EmailFrom, 0),
        Field::Whole(b"A <a@b>"[..].into())
    );
    assert_eq!(field(Buffer::EmailSubject, 0), Field::Absent);
}

#[test]
fn opens_a_transaction_for_what_follows_a_dropped_mail() {
    let (mut session, _) = play(MAIL);
    session.on_data(&CX, Direction::ToServer, b"RSET\r\n");
    assert_eq!(session.tx_range(), 0..1);
    session.drop_tx(0);
    session.on_data(&CX, Direction::ToServer, b"QUIT\r\n");
    assert_eq!(logged(&session), [r#"{"smtp":{"helo":"me"}}"#]);
    assert_eq!(session.tx_range(), 1..2);
}

#[test]
fn tells_what_is_odd() {
    let check = |talk: Talk<'_>, expected: &[&str], outcome: Outcome| {
        let (session, found) = play(talk);
        assert_eq!(
            (events(&session).as_slice(), found),
            (expected, outcome),
            "{talk:?}"
        );
    };
    let greeting = ('S', "220 mx.example\r\n");
    check(
        &[('C', "EHLO a\r\n")],
        &["no_server_welcome_message"],
        Outcome::Taken,
    );
    check(
        &[greeting, ('C', "EHLO a\r\nEHLO b\r\n")],
        &["duplicate_fields"],
        Outcome::Taken,
    );
    check(
        &[greeting, ('C', "EHLO a\r\n"), ('S', "472 odd\r\n")],
        &["invalid_reply"],
        Outcome::Failed,
    );
    check(
        &[
            greeting,
            ('C', "DATA\r\n"),
            ('S', "503 no\r\n"),
            ('C', "QUIT\r\n"),
        ],
        &["data_command_rejected"],
        Outcome::Taken,
    );
    check(
        &[greeting, ('C', "STARTTLS\r\n"), ('S', "454 no\r\n")],
        &["tls_rejected"],
        Outcome::Taken,
    );
    check(
        &[greeting, ('C', "DATA\r\nNOOP\r\n")],
        &["invalid_pipelined_sequence"],
        Outcome::Taken,
    );
    check(
        &[greeting, ('C', "BDAT no\r\n")],
        &["invalid_bdat"],
        Outcome::Taken,
    );
    let long = format!("NOOP {}", "x".repeat(5000));
    check(
        &[greeting, ('C', &long), ('C', "\r\nNOOP\r\n")],
        &["truncated_line"],
        Outcome::Taken,
    );
}

#[test]
fn hands_over_to_tls() {
    let (session, outcome) = play(&[
        ('S', "220 mx.example\r\n"),
        ('C', "EHLO a\r\n"),
        ('S', "250-a\r\n250 STARTTLS\r\n"),
        ('C', "STARTTLS\r\n"),
        ('S', "220 go\r\n\x16\x03"),
    ]);
    assert_eq!(
        outcome,
        Outcome::Upgrade {
            consumed: 8,
            to: Some(AppProtocol::Tls)
        }
    );
    assert!(session.tx(0).unwrap().is_loggable());
}

#[test]
fn takes_commands_again_where_a_pipelined_mail_is_refused() {
    let (session, _) = play(&[
        ('S', "220 mx.example\r\n"),
        ('C', "EHLO a\r\n"),
        ('S', "250-a\r\n250-PIPELINING\r\n250 OK\r\n"),
        ('C', "MAIL FROM:<a>\r\nDATA\r\n"),
        ('S', "553 no\r\n503 no\r\n"),
        ('C', "RSET\r\n"),
        ('S', "250 ok\r\n"),
        (
            'C',
            "MAIL FROM:<b>\r\nRCPT TO:<c>\r\nDATA\r\nSubject: x\r\n\r\n.\r\nQUIT\r\n",
        ),
    ]);
    let found = logged(&session);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].contains("<a>") && found[1].contains("<b>"));
}

#[test]
fn skips_chunks_and_goes_on_behind_them() {
    let (session, outcome) = play(&[
        ('S', "220 mx.example\r\n"),
        (
            'C',
            "MAIL FROM:<a>\r\nBDAT 6\r\nabc\r\n\nBDAT 3 LAST\r\nx\r\nMAIL FROM:<b>\r\n",
        ),
    ]);
    assert_eq!(outcome, Outcome::Taken);
    assert_eq!(events(&session), ["duplicate_fields"]);
}

#[test]
fn closes_files_that_the_session_cuts_off() {
    let (mut session, _) = play(&MAIL[..12]);
    session.on_data(&CX, Direction::ToServer, b"part\r\n");
    session.on_end(&CX, Direction::ToServer);
    let mail = session.tx(0).unwrap();
    assert_eq!(
        mail.files(Direction::ToServer).unwrap().files[0].state,
        FileState::Truncated
    );
    assert!(!mail.is_loggable());
    session.on_end(&CX, Direction::ToClient);
    assert!(session.tx(0).unwrap().is_loggable());
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
    check(Direction::ToServer, 9, "ehlo x", Probe::Yes);
    check(Direction::ToServer, 9, "EH", Probe::Undecided);
    check(Direction::ToServer, 9, "EHX", Probe::No);
    check(
        Direction::ToClient,
        25,
        "220 mx.example.org ESMTP\r\n",
        Probe::Yes,
    );
    check(Direction::ToClient, 25, "22", Probe::Undecided);
    check(Direction::ToClient, 25, "220 (vsFTPd)\r\n", Probe::No);
    check(
        Direction::ToClient,
        21,
        "220 mx.example.org ESMTP\r\n",
        Probe::No,
    );
}

proptest! {
    #[test]
    fn any_split_gives_the_same_records(cuts in proptest::collection::vec(1usize..20, 1..60)) {
        let mut session = Session::new(&Config::default());
        let mut cuts = cuts.into_iter().cycle();
        for (who, text) in MAIL {
            let mut rest = text.as_bytes();
            while !rest.is_empty() {
                let (piece, after) = rest.split_at(cuts.next().unwrap().min(rest.len()));
                session.on_data(&CX, direction(*who), piece);
                rest = after;
            }
        }
        prop_assert_eq!(logged(&session), logged(&play(MAIL).0));
    }

    #[test]
    fn any_talk_is_survived(
        talk in proptest::collection::vec((any::<bool>(), 0usize..16), 0..40),
        noise in proptest::collection::vec(any::<u8>(), 0..20),
    ) {
        const WORDS: [&str; 15] = [
            "EHLO x\r\n", "MAIL FROM:<a>\r\n", "RCPT TO:<b>\r\n", "DATA\r\n", "354 go\r\n",
            "220 a.b\r\n", "250-PIPELINING\r\n", "250 ok\r\n", ".\r\n", "BDAT 5 LAST\r\n",
            "STARTTLS\r\n", "RSET\r\n", "Content-Type: a/b; name=c\r\n", "\r\n", "503 no\r\n",
        ];
        let mut session = Session::new(&Config::default());
        for (up, word) in talk {
            let direction = if up { Direction::ToServer } else { Direction::ToClient };
            let bytes = WORDS.get(word).map_or(noise.as_slice(), |word| word.as_bytes());
            if session.on_data(&CX, direction, bytes) == Outcome::Failed {
                break;
            }
        }
        logged(&session);
    }
}
