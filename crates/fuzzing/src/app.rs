//! Each application parser, with the settings under which it does the most.

use crate::talk::{Play, Turn, play, turns};
use decode::app::{Config, entry};
use decode::file::{FileConfig, FileWants};
use event::{AppProtocol, Direction};
use std::sync::LazyLock;

/// Everything on that can be computed.
static CONFIG: LazyLock<Config> = LazyLock::new(|| {
    let mut config = Config {
        files: FileConfig {
            wants: FileWants {
                md5: true,
                sha1: true,
                sha256: true,
                magic: true,
                store: false,
            },
            ..FileConfig::default()
        },
        ..Config::default()
    };
    config.ssh.hassh = true;
    config.tls.ja3 = true;
    config.tls.ja4 = true;
    config.http.default.decompress.lzma = true;
    config.http.default.decompress.requests = true;
    config
});

/// The cut's seed, the flags and the turns.
fn open(data: &[u8]) -> (u8, u8, Vec<Turn<'_>>) {
    match data {
        [seed, flags, talk @ ..] => (*seed, *flags, turns(talk)),
        _ => (0, 0, Vec::new()),
    }
}

/// Whether an HTTP conversation is so plain that cuts may change nothing: one request without a
/// body, one final answer with nothing behind it, nothing odd, nothing packed. Everywhere else the
/// parser, as Suricata's, looks at what arrives together to tell a body from nonsense.
fn is_plain_http(told: &str, turns: &[Turn<'_>]) -> bool {
    let [
        Turn::Says(Direction::ToServer, request),
        Turn::Says(Direction::ToClient, answer),
    ] = turns
    else {
        return false;
    };
    let has = |name: &[u8]| {
        answer
            .windows(name.len())
            .any(|part| part.eq_ignore_ascii_case(name))
    };
    let line = request
        .split(|byte| *byte == b'\n')
        .next()
        .unwrap_or(request);
    let is_nonsense = |line: &str| line.starts_with("event ") || line == "failed";
    line.starts_with(b"GET /")
        && line.ends_with(b" HTTP/1.1\r")
        && request.windows(4).position(|part| part == b"\r\n\r\n") == Some(request.len() - 4)
        && answer.starts_with(b"HTTP/1.1 2")
        && !has(b"content-")
        && !has(b"transfer-encoding")
        && !told.lines().any(is_nonsense)
        && told.lines().filter(|line| line.starts_with("tx ")).count() == 1
}

fn talk(protocol: AppProtocol, data: &[u8], before: &[Turn<'_>], is_udp: bool) {
    let (seed, flags, turns) = open(data);
    let turns = [before, &turns].concat();
    let how = Play {
        entry: entry(protocol).expect("the table has the protocol"),
        config: &CONFIG,
        is_udp,
        is_strict: if protocol == AppProtocol::Http1 {
            is_plain_http
        } else {
            |_, _| true
        },
        gives_back: flags & 1 != 0,
    };
    play(&how, &turns, seed);
}

fn flags(data: &[u8]) -> u8 {
    data.get(1).copied().unwrap_or(0)
}

/// HTTP/1.
pub fn http(data: &[u8]) {
    talk(AppProtocol::Http1, data, &[], false);
}

/// DNS over TCP, over UDP (flag 2), and multicast DNS (flag 4).
pub fn dns(data: &[u8]) {
    match flags(data) & 6 {
        0 => talk(AppProtocol::Dns, data, &[], false),
        2 => talk(AppProtocol::Dns, data, &[], true),
        _ => talk(AppProtocol::Mdns, data, &[], true),
    }
}

/// TLS.
pub fn tls(data: &[u8]) {
    talk(AppProtocol::Tls, data, &[], false);
}

/// SSH.
pub fn ssh(data: &[u8]) {
    talk(AppProtocol::Ssh, data, &[], false);
}

/// What goes before a mail, so that an input may be the mail alone.
const BEFORE_MAIL: &[Turn<'_>] = &[
    Turn::Says(Direction::ToClient, b"220 mx.example\r\n"),
    Turn::Says(Direction::ToServer, b"HELO a\r\n"),
    Turn::Says(Direction::ToClient, b"250 ok\r\n"),
    Turn::Says(Direction::ToServer, b"MAIL FROM:<a@b>\r\n"),
    Turn::Says(Direction::ToClient, b"250 ok\r\n"),
    Turn::Says(Direction::ToServer, b"RCPT TO:<c@d>\r\n"),
    Turn::Says(Direction::ToClient, b"250 ok\r\n"),
    Turn::Says(Direction::ToServer, b"DATA\r\n"),
    Turn::Says(Direction::ToClient, b"354 go\r\n"),
];

/// SMTP, or the mail alone (flag 2).
pub fn smtp(data: &[u8]) {
    let before = if flags(data) & 2 == 0 {
        &[]
    } else {
        BEFORE_MAIL
    };
    talk(AppProtocol::Smtp, data, before, false);
}

/// FTP's commands, or its data channel (flag 2).
pub fn ftp(data: &[u8]) {
    match flags(data) & 2 {
        0 => talk(AppProtocol::Ftp, data, &[], false),
        _ => talk(AppProtocol::FtpData, data, &[], false),
    }
}
