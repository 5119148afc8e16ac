//! Changes of a buffer's bytes before rules look into it.

use super::pcre::{Expression, Search};
use super::program::{Refusal, Resources};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::read::{GzDecoder, ZlibDecoder};
use md5::Md5;
use rules::rule::{Base64Mode, Transform};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use std::io::Read;
use std::sync::Arc;

/// Most bytes that a decompressed buffer holds, whatever the rule asks for.
const DECOMPRESSED_MAX: u32 = 16 << 20;

/// A rule's transforms of one buffer, ready to be applied; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Transforms(Arc<[Change]>);

#[derive(Debug)]
struct Change {
    transform: Transform,
    /// Of `pcrexform`.
    expression: Option<Expression>,
}

/// Two buffers that transforms write to in turn, used again for every buffer.
#[derive(Debug, Default)]
pub struct Scratch {
    front: Vec<u8>,
    back: Vec<u8>,
}

impl Transforms {
    /// Prepares `transforms`, to be applied in this order.
    pub fn compile(transforms: &[Transform], resources: &Resources) -> Result<Self, Refusal> {
        let prepare = |transform: &Transform| {
            let expression = match transform {
                Transform::Pcre(pattern) => {
                    let expression =
                        Expression::new(pattern, "", resources.pcre, resources.is_known).map_err(
                            |reason| Refusal {
                                reason: format!("pcrexform: {reason}"),
                            },
                        )?;
                    if !resources.is_known && expression.groups() != 1 {
                        let reason = "pcrexform needs exactly one capturing group".into();
                        return Err(Refusal { reason });
                    }
                    Some(expression)
                }
                _ => None,
            };
            Ok(Change {
                transform: transform.clone(),
                expression,
            })
        };
        transforms
            .iter()
            .map(prepare)
            .collect::<Result<_, _>>()
            .map(Transforms)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Applies them to `data`. What one of them cannot change stays as it is.
    pub fn apply<'a>(&self, data: &'a [u8], scratch: &'a mut Scratch) -> &'a [u8] {
        let mut is_changed = false;
        for change in self.0.iter() {
            let Scratch { front, back } = &mut *scratch;
            let input = if is_changed { &**front } else { data };
            // An empty buffer has nothing to change; not even a hash is made of it.
            if input.is_empty() {
                break;
            }
            back.clear();
            if change.apply(input, back) {
                std::mem::swap(front, back);
                is_changed = true;
            }
        }
        if is_changed { &scratch.front } else { data }
    }
}

impl PartialEq for Transforms {
    fn eq(&self, other: &Self) -> bool {
        let (left, right) = (self.0.iter(), other.0.iter());
        left.map(|change| &change.transform)
            .eq(right.map(|change| &change.transform))
    }
}

impl Change {
    /// Writes the changed bytes to `out`; false where the buffer stays as it is.
    fn apply(&self, data: &[u8], out: &mut Vec<u8>) -> bool {
        match &self.transform {
            Transform::ToMd5 => out.extend_from_slice(&Md5::digest(data)),
            Transform::ToSha1 => out.extend_from_slice(&Sha1::digest(data)),
            Transform::ToSha256 => out.extend_from_slice(&Sha256::digest(data)),
            Transform::ToLowercase => out.extend(data.iter().map(u8::to_ascii_lowercase)),
            Transform::ToUppercase => out.extend(data.iter().map(u8::to_ascii_uppercase)),
            Transform::StripWhitespace => out.extend(data.iter().filter(|byte| !is_blank(**byte))),
            Transform::CompressWhitespace => compress_whitespace(data, out),
            Transform::UrlDecode => url_decode(data, out),
            Transform::DotPrefix => {
                out.push(b'.');
                out.extend_from_slice(data);
            }
            Transform::Domain => {
                if let Some(domain) = psl::domain(data) {
                    out.extend_from_slice(domain.as_bytes());
                }
            }
            Transform::Tld => {
                if let Some(domain) = psl::domain(data) {
                    out.extend_from_slice(domain.suffix().as_bytes());
                }
            }
            Transform::HeaderLowercase => header_lowercase(data, out),
            Transform::StripPseudoHeaders => {
                let lines = data.split_inclusive(|byte| *byte == b'\n');
                for line in lines.filter(|line| !line.starts_with(b":")) {
                    out.extend_from_slice(line);
                }
            }
            Transform::Xor(key) => {
                out.extend(
                    data.iter()
                        .zip(key.iter().cycle())
                        .map(|(byte, key)| byte ^ key),
                );
            }
            Transform::Pcre(_) => return self.capture(data, out),
            Transform::FromBase64 {
                bytes,
                offset,
                mode,
            } => {
                return from_base64(data, *bytes, *offset, *mode, out);
            }
            Transform::Decompress { is_gzip, max } => decompress(data, *is_gzip, *max, out),
        }
        true
    }

    fn capture(&self, data: &[u8], out: &mut Vec<u8>) -> bool {
        let Some(expression) = &self.expression else {
            return false;
        };
        let (Search::Found(..), Some(groups)) = expression.captures(data, 0) else {
            return false;
        };
        match groups.get(1).and_then(|(from, to)| data.get(from..to)) {
            Some(captured) => {
                out.extend_from_slice(captured);
                true
            }
            None => false,
        }
    }
}

/// White space as C's `isspace` has it.
const fn is_blank(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | 0x0b | 0x0c | b'\r' | b' ')
}

fn compress_whitespace(data: &[u8], out: &mut Vec<u8>) {
    let mut after_blank = false;
    for byte in data {
        let blank = is_blank(*byte);
        if !(blank && after_blank) {
            out.push(*byte);
        }
        after_blank = blank;
    }
}

/// Undoes `%HH` and `+`; what is no escape stays.
fn url_decode(data: &[u8], out: &mut Vec<u8>) {
    let hex = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let mut rest = data;
    while let [first, tail @ ..] = rest {
        rest = tail;
        match (first, tail) {
            (b'%', [high, low, after @ ..]) => {
                if let (Some(high), Some(low)) = (hex(*high), hex(*low)) {
                    out.push(high << 4 | low);
                    rest = after;
                } else if hex(*high).is_some() {
                    // What broke the escape is taken with it, even if it begins another.
                    out.extend_from_slice(&[b'%', *high, *low]);
                    rest = after;
                } else {
                    out.extend_from_slice(&[b'%', *high]);
                    rest = tail.get(1..).unwrap_or_default();
                }
            }
            (b'%', _) => {
                out.push(b'%');
                out.extend_from_slice(tail);
                rest = &[];
            }
            (b'+', _) => out.push(b' '),
            (byte, _) => out.push(*byte),
        }
    }
}

/// Lower-cases each line up to its colon.
fn header_lowercase(data: &[u8], out: &mut Vec<u8>) {
    let mut in_value = false;
    out.extend(data.iter().map(|byte| {
        if in_value {
            in_value = *byte != b'\n';
            *byte
        } else {
            in_value = *byte == b':';
            byte.to_ascii_lowercase()
        }
    }));
}

fn from_base64(data: &[u8], bytes: u32, offset: u32, mode: Base64Mode, out: &mut Vec<u8>) -> bool {
    let Some(text) = data.get(offset as usize..) else {
        return false;
    };
    let text = match bytes {
        0 => Some(text),
        bytes => text.get(..bytes as usize),
    };
    let Some(text) = text else {
        return false;
    };
    base64(text, mode, out);
    !out.is_empty()
}

fn decompress(data: &[u8], is_gzip: bool, max: u32, out: &mut Vec<u8>) {
    let max = u64::from(max.min(DECOMPRESSED_MAX));
    // What came out before an error or the end of the data counts.
    let _ = if is_gzip {
        GzDecoder::new(data).take(max).read_to_end(out)
    } else {
        ZlibDecoder::new(data).take(max).read_to_end(out)
    };
}

/// Decodes base64 (RFC 4648 section 4), in groups of four. With padding in the middle the next
/// group begins anew, as in Suricata.
pub(crate) fn base64(data: &[u8], mode: Base64Mode, out: &mut Vec<u8>) {
    if mode == Base64Mode::Strict {
        if STANDARD.decode_vec(data, out).is_err() {
            out.clear();
        }
        return;
    }
    let mut group = [b'='; 4];
    let mut held = 0;
    for byte in data {
        if sextet(*byte).is_none() && *byte != b'=' {
            if mode == Base64Mode::Rfc2045 {
                continue;
            }
            break;
        }
        if let Some(slot) = group.get_mut(held) {
            *slot = *byte;
        }
        held += 1;
        if held == group.len() {
            if !decode_group(group, out) {
                return;
            }
            (group, held) = ([b'='; 4], 0);
        }
    }
    // RFC 4648's mode takes a last group without its padding, RFC 2045's does not.
    if held > 0 && mode == Base64Mode::Rfc4648 {
        decode_group(group, out);
    }
}

/// Decodes four characters; false where they are none of base64.
fn decode_group(group: [u8; 4], out: &mut Vec<u8>) -> bool {
    let [first, second, third, fourth] = group.map(sextet);
    let (Some(first), Some(second)) = (first, second) else {
        return false;
    };
    out.push(first << 2 | second >> 4);
    let Some(third) = third else {
        return true;
    };
    out.push(second << 4 | third >> 2);
    if let Some(fourth) = fourth {
        out.push(third << 6 | fourth);
    }
    true
}

const fn sextet(byte: u8) -> Option<u8> {
    Some(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
