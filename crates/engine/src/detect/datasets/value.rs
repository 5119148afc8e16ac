//! Values of sets: how they are looked up, read from a file and written to one.

use crate::detect::transforms;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rules::rule::Base64Mode;
use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What a set holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Md5,
    Sha256,
    Ipv4,
    /// Addresses of both families; those of IPv4 stand in the first 4 of 16 bytes.
    Ip,
}

impl Kind {
    pub(super) fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "string" => Kind::Text,
            "md5" => Kind::Md5,
            "sha256" => Kind::Sha256,
            "ipv4" => Kind::Ipv4,
            "ip" | "ipv6" => Kind::Ip,
            _ => return None,
        })
    }

    /// The key of a buffer's bytes; None where they can't be a value.
    pub(super) fn key(self, data: &[u8]) -> Option<Cow<'_, [u8]>> {
        match (self, data.len()) {
            (Kind::Text, _) | (Kind::Md5 | Kind::Ip, 16) | (Kind::Sha256, 32) | (Kind::Ipv4, 4) => {
                Some(Cow::Borrowed(data))
            }
            (Kind::Ip, 4) => {
                let mut key = data.to_vec();
                key.resize(16, 0);
                Some(Cow::Owned(key))
            }
            _ => None,
        }
    }

    /// Reads a value as a file of values writes it.
    pub(super) fn parse_value(self, text: &str) -> Result<Box<[u8]>, &'static str> {
        match self {
            Kind::Text => {
                let mut out = Vec::new();
                transforms::base64(text.as_bytes(), Base64Mode::Strict, &mut out);
                if out.is_empty() {
                    Err("bad base64 encoding")
                } else {
                    Ok(out.into())
                }
            }
            Kind::Md5 | Kind::Sha256 | Kind::Ipv4 | Kind::Ip => self.parse_plain(text),
        }
    }

    /// Reads a value as JSON writes it: texts as they are.
    pub(super) fn parse_plain(self, text: &str) -> Result<Box<[u8]>, &'static str> {
        match self {
            Kind::Text => Ok(text.as_bytes().into()),
            Kind::Md5 => hex(text, 16).ok_or("bad hash"),
            Kind::Sha256 => hex(text, 32).ok_or("bad hash"),
            Kind::Ipv4 => {
                let address: Ipv4Addr = text.parse().map_err(|_| "bad IPv4 address")?;
                Ok(Box::new(address.octets()))
            }
            Kind::Ip => {
                let address: IpAddr = text.parse().map_err(|_| "bad IP address")?;
                let mut key = [0; 16];
                match address.to_canonical() {
                    IpAddr::V4(v4) => {
                        let [a, b, c, d] = v4.octets();
                        (key[0], key[1], key[2], key[3]) = (a, b, c, d);
                    }
                    IpAddr::V6(v6) => key = v6.octets(),
                }
                Ok(Box::new(key))
            }
        }
    }

    /// Writes a value as a file of values has it.
    pub(super) fn write(self, key: &[u8], out: &mut Vec<u8>) {
        let text = match self {
            Kind::Text => STANDARD.encode(key),
            Kind::Md5 | Kind::Sha256 => key.iter().map(|byte| format!("{byte:02x}")).collect(),
            Kind::Ipv4 => <[u8; 4]>::try_from(key).map_or_else(
                |_| String::new(),
                |octets| Ipv4Addr::from(octets).to_string(),
            ),
            Kind::Ip => <[u8; 16]>::try_from(key).map_or_else(|_| String::new(), ip_text),
        };
        out.extend_from_slice(text.as_bytes());
    }
}

/// All eight groups of four digits, or IPv4's form where only the first 4 bytes are used.
fn ip_text(key: [u8; 16]) -> String {
    let [a, b, c, d, rest @ ..] = key;
    if rest == [0; 12] {
        return Ipv4Addr::new(a, b, c, d).to_string();
    }
    Ipv6Addr::from(key)
        .segments()
        .map(|group| format!("{group:04x}"))
        .join(":")
}

fn hex(text: &str, len: usize) -> Option<Box<[u8]>> {
    let digits = text.as_bytes();
    if digits.len() != len * 2 {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    digits
        .chunks_exact(2)
        .map(|pair| match pair {
            [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
            _ => None,
        })
        .collect()
}
