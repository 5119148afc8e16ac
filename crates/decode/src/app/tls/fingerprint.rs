//! JA3, JA3S and JA4: what a hello looks like, in one short text.

use super::hello::{Hello, Kind};
use super::version::Version;
use md5::Md5;
use sha2::{Digest, Sha256};
use std::fmt::{Display, Write};

/// JA3 or JA3S: the text and its MD5 in hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ja3 {
    /// Version, ciphers, extensions and, of clients, groups and point formats.
    pub text: String,
    /// MD5 of the text.
    pub hash: String,
}

/// JA3 of a client's hello or JA3S of a server's, whose version field says `version`.
#[must_use]
pub fn ja3(kind: Kind, version: Version, hello: &Hello) -> Ja3 {
    let mut text = version.0.to_string();
    list(&mut text, &hello.ciphers);
    list(&mut text, &hello.extensions);
    if kind == Kind::Client {
        list(&mut text, &hello.groups);
        list(&mut text, &hello.point_formats);
    }
    let hash = hex(&Md5::digest(text.as_bytes()));
    Ja3 { text, hash }
}

fn list<T: Display>(text: &mut String, values: &[T]) {
    text.push(',');
    for (n, value) in values.iter().enumerate() {
        let dash = if n > 0 { "-" } else { "" };
        let _ = write!(text, "{dash}{value}");
    }
}

/// What carries the hello: the first letter of JA4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// TLS over TCP.
    Tcp,
    /// QUIC.
    Quic,
}

/// JA4 of a client's hello, by FoxIO's specification of the TLS client fingerprint.
#[must_use]
pub fn ja4(carrier: Carrier, hello: &Hello) -> String {
    const SNI: u16 = 0;
    const ALPN: u16 = 16;
    let mut extensions = hello.extensions.clone();
    extensions.retain(|extension| *extension != SNI && *extension != ALPN);
    extensions.sort_unstable();
    let mut ciphers = hello.ciphers.clone();
    ciphers.sort_unstable();
    let c = format!(
        "{}_{}",
        hex_list(&extensions),
        hex_list(&hello.signature_algorithms)
    );
    let [first, last] = protocol_ends(hello.protocols.first().map(Vec::as_slice));
    format!(
        "{}{}{}{:02}{:02}{first}{last}_{}_{}",
        match carrier {
            Carrier::Tcp => 't',
            Carrier::Quic => 'q',
        },
        version_code(hello.version),
        if hello.extensions.contains(&SNI) {
            'd'
        } else {
            'i'
        },
        hello.ciphers.len().min(99),
        hello.extensions.len().min(99),
        short_hash(&hex_list(&ciphers)),
        short_hash(&c),
    )
}

fn version_code(version: Version) -> &'static str {
    match version {
        Version::TLS13 => "13",
        Version::TLS12 => "12",
        Version::TLS11 => "11",
        Version::TLS10 => "10",
        Version::SSL3 => "s3",
        _ => "00",
    }
}

/// First and last character of the first protocol; of its hexadecimal form where it has others
/// than letters and digits there.
fn protocol_ends(protocol: Option<&[u8]>) -> [char; 2] {
    let none = ['0', '0'];
    let Some((first, last)) = protocol.and_then(|p| Some((*p.first()?, *p.last()?))) else {
        return none;
    };
    let is_grease = protocol.is_some_and(|p| p.len() == 2) && first == last && first & 15 == 10;
    if is_grease {
        return none;
    }
    if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() {
        return [char::from(first), char::from(last)];
    }
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    [digit(first >> 4), digit(last & 15)]
}

fn hex_list(values: &[u16]) -> String {
    let mut text = String::with_capacity(values.len() * 5);
    for (n, value) in values.iter().enumerate() {
        let comma = if n > 0 { "," } else { "" };
        let _ = write!(text, "{comma}{value:04x}");
    }
    text
}

fn short_hash(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    hex(digest.get(..6).unwrap_or_default())
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}
