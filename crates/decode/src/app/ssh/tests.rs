//! SSH: banners, fingerprints, events.

use super::*;
use crate::app::{Field, LogFor, LogOptions};
use event::json::Writer;
use event::{Buffer, Timestamp};
use proptest::prelude::*;

const CX: Context = Context {
    now: Timestamp::from_nanos(0),
    client_port: 40000,
    server_port: 22,
    is_udp: false,
    is_midstream: false,
};

fn parser() -> Ssh {
    Ssh {
        config: SshConfig {
            hassh: true,
            ..SshConfig::default()
        },
        ..Ssh::default()
    }
}

fn record(code: u8, body: &[u8]) -> Vec<u8> {
    let mut out = (body.len() as u32 + 2).to_be_bytes().to_vec();
    out.extend_from_slice(&[4, code]);
    out.extend_from_slice(body);
    out
}

fn kexinit() -> Vec<u8> {
    let mut body = vec![7; 16];
    for list in [
        "kex", "key", "c2s", "s2c", "mac", "mas", "cmp", "cms", "", "",
    ] {
        body.extend_from_slice(&(list.len() as u32).to_be_bytes());
        body.extend_from_slice(list.as_bytes());
    }
    body.extend_from_slice(&[0; 9]);
    record(20, &body)
}

fn handshake(banner: &str) -> Vec<u8> {
    let mut out = format!("{banner}\r\n").into_bytes();
    out.extend_from_slice(&kexinit());
    out.extend_from_slice(&record(31, &[1; 300]));
    out.extend_from_slice(&record(21, &[0; 10]));
    out
}

fn logged(ssh: &Ssh) -> String {
    let mut out = Writer::new();
    out.begin();
    ssh.handshake
        .log(LogFor::Record(&LogOptions::default()), &mut out);
    out.end();
    String::from_utf8(out.into_bytes()).unwrap()
}

fn check_banner(line: &[u8], outcome: Outcome, expected: (&str, &str), events: &[&str]) {
    let mut ssh = parser();
    assert_eq!(ssh.on_data(&CX, Direction::ToServer, line), outcome);
    ssh.on_end(&CX, Direction::ToServer);
    let field = |buffer| match ssh.handshake.field(buffer, Direction::ToServer, 0) {
        Field::Whole(value) => String::from_utf8(value.into_owned()).unwrap(),
        Field::Absent => String::new(),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        (
            field(Buffer::SshProto).as_str(),
            field(Buffer::SshSoftware).as_str()
        ),
        expected
    );
    let names: Vec<&str> = ssh
        .handshake
        .events()
        .iter()
        .map(|(name, _)| *name)
        .collect();
    assert_eq!(names, events);
}

#[test]
fn reads_banners() {
    check_banner(
        b"SSH-2.0-OpenSSH_9.6 Debian\r\n",
        Outcome::Taken,
        ("2.0", "OpenSSH_9.6"),
        &[],
    );
    check_banner(b"SSH-1.99-x\n", Outcome::Taken, ("1.99", "x"), &[]);
    check_banner(b"SSH-2.0-\n", Outcome::Taken, ("2.0", ""), &[]);
    check_banner(b"SSH-2.0\n", Outcome::Failed, ("", ""), &["invalid_banner"]);
    let long = format!("SSH-2.0-soft {}", "c".repeat(5000));
    check_banner(
        long.as_bytes(),
        Outcome::Taken,
        ("2.0", "soft"),
        &["long_banner"],
    );
    check_banner(
        b"SSH-2.0-x\r\n\0\0\0\0\0\0",
        Outcome::Failed,
        ("2.0", "x"),
        &["invalid_record"],
    );
}

#[test]
fn fingerprints_both_ends_and_tells_when_all_is_encrypted() {
    let mut ssh = parser();
    let server = handshake("SSH-2.0-server");
    assert_eq!(
        ssh.on_data(&CX, Direction::ToClient, &server),
        Outcome::Taken
    );
    assert!(!ssh.handshake.is_loggable());
    let client = handshake("SSH-2.0-client");
    assert_eq!(
        ssh.on_data(&CX, Direction::ToServer, &client),
        Outcome::Encrypted
    );
    assert!(ssh.handshake.is_loggable());
    let text = logged(&ssh);
    assert!(
        text.contains(r#""client":{"proto_version":"2.0","software_version":"client","hassh""#)
    );
    assert!(text.contains(r#""string":"kex;c2s;mac;cmp""#));
    assert!(text.contains(r#""string":"kex;s2c;mas;cms""#));
    ssh.drop_tx(0);
    assert_eq!(ssh.tx_range(), 1..1);
}

#[test]
fn is_recognised_by_its_banner() {
    let check = |data: &[u8], expected| {
        let input = ProbeInput {
            direction: Direction::ToClient,
            data,
            client_port: 1,
            server_port: 2,
            is_udp: false,
            is_midstream: false,
            other: event::AppProtocol::Unknown,
        };
        assert_eq!(probe(&input, &Config::default()), expected);
    };
    check(b"SS", Probe::Undecided);
    check(b"SSH-2", Probe::Yes);
    check(b"ssh-2", Probe::No);
}

proptest! {
    #[test]
    fn any_split_gives_the_same_record(
        cuts in proptest::collection::vec(0usize..900, 0..9),
        comment in 0usize..6000,
    ) {
        let server = handshake(&format!("SSH-2.0-server {}", "x".repeat(comment)));
        let mut whole = parser();
        whole.on_data(&CX, Direction::ToClient, &server);
        let mut parts = parser();
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut * server.len() / 900).collect();
        cuts.push(server.len());
        cuts.sort_unstable();
        let mut at = 0;
        for cut in cuts {
            parts.on_data(&CX, Direction::ToClient, &server[at..cut]);
            at = cut;
        }
        prop_assert_eq!(logged(&whole), logged(&parts));
        prop_assert_eq!(whole.handshake.events(), parts.handshake.events());
    }

    #[test]
    fn any_bytes_are_survived(
        parts in proptest::collection::vec((any::<bool>(), proptest::collection::vec(any::<u8>(), 0..80)), 0..20),
        banner in any::<bool>(),
    ) {
        let mut ssh = parser();
        if banner {
            ssh.on_data(&CX, Direction::ToServer, b"SSH-2.0-a\r\n");
        }
        for (up, part) in parts {
            let direction = if up { Direction::ToServer } else { Direction::ToClient };
            if ssh.on_data(&CX, direction, &part) == Outcome::Failed {
                break;
            }
        }
        logged(&ssh);
    }
}
