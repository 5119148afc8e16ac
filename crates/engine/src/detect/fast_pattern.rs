//! Chooses for each rule the content that the prefilter looks for.
//!
//! Any positive content will do for correctness; a rare one in a small buffer saves most work.

use super::classify::{is_header, is_of_transaction};
use event::Buffer;
use rules::rule::{BufferMatch, Content, FastPattern, PayloadMatch, Rule};

/// Bytes of a pattern that its score counts; longer ones are not rarer in practice.
const SCORED_LEN: usize = 24;

/// Bytes of a pattern that are looked for: what follows makes the set larger, not the finds fewer, and
/// the matcher takes no literal of any length.
const LITERAL_MAX: usize = 256;

/// The content chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Choice {
    /// Index into the rule's buffers.
    pub(super) buffer: usize,
    pub(super) bytes: Vec<u8>,
    pub(super) is_nocase: bool,
}

/// The content of `rule` to look for first; None where it has none that must be there.
pub(super) fn choose(rule: &Rule) -> Option<Choice> {
    let candidates = || {
        rule.buffers
            .iter()
            .enumerate()
            .filter(|(_, b)| is_usable(b))
            .flat_map(|(at, buffer)| {
                buffer.matches.iter().filter_map(move |found| match found {
                    PayloadMatch::Content(content)
                        if !content.is_negated && !content.bytes.is_empty() =>
                    {
                        Some((at, buffer.buffer, content))
                    }
                    _ => None,
                })
            })
    };
    let explicit = candidates().find(|(_, _, content)| content.fast_pattern.is_some());
    // A rule that looks into transactions and payload is found by its transactions.
    let has_transaction = candidates().any(|(_, buffer, _)| is_of_transaction(buffer));
    let (at, _, content) = explicit.or_else(|| {
        candidates()
            .filter(|(_, buffer, _)| !has_transaction || is_of_transaction(*buffer))
            // Of equal ones the first, which stands nearer to where looking begins.
            .rev()
            .max_by_key(|(_, buffer, content)| score(*buffer, content))
    })?;
    Some(Choice {
        buffer: at,
        bytes: chopped(content).to_vec(),
        is_nocase: content.is_nocase,
    })
}

/// Whether a content of this stretch must be there for a match, in a buffer that is prefiltered.
fn is_usable(buffer: &BufferMatch) -> bool {
    buffer.buffer != Buffer::Base64Data
        && !is_header(buffer.buffer)
        && !buffer
            .matches
            .iter()
            .any(|found| matches!(found, PayloadMatch::Absent { .. }))
}

fn chopped(content: &Content) -> &[u8] {
    let bytes = match content.fast_pattern {
        Some(FastPattern::Chop(offset, len)) => {
            let (offset, len) = (usize::from(offset), usize::from(len));
            match content.bytes.get(offset..offset.saturating_add(len)) {
                Some(part) if !part.is_empty() => part,
                _ => &content.bytes,
            }
        }
        Some(FastPattern::Whole | FastPattern::Only) | None => &content.bytes,
    };
    bytes.get(..LITERAL_MAX).unwrap_or(bytes)
}

/// How much work a pattern saves: rare bytes count more, repeated ones hardly, and a buffer that
/// nearly every rule of its protocol looks into or that holds few different values counts less.
fn score(buffer: Buffer, content: &Content) -> u32 {
    let mut seen = [0_u64; 4];
    let mut sum = 0;
    for &byte in content.bytes.iter().take(SCORED_LEN) {
        let (word, bit) = (usize::from(byte >> 6), 1 << (byte & 63));
        let is_new = seen.get(word).is_none_or(|bits| bits & bit == 0);
        if let Some(bits) = seen.get_mut(word) {
            *bits |= bit;
        }
        sum += if is_new { weight(byte) } else { 1 };
    }
    let common = COMMON.iter().any(|text| {
        text.len() >= content.bytes.len().min(text.len()) && {
            let lower = content.bytes.to_ascii_lowercase();
            text.windows(lower.len().max(1))
                .any(|window| window == lower)
        }
    });
    let sum = if common { sum / 4 } else { sum };
    sum * share(buffer)
}

fn weight(byte: u8) -> u32 {
    match byte {
        0x00 | 0xff | b' ' => 1,
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => 3,
        0x20..=0x7e | b'\r' | b'\n' => 4,
        _ => 6,
    }
}

/// Texts of so many conversations that finding a part of them tells nothing.
const COMMON: &[&[u8]] = &[
    b"http/1.1\r\n",
    b"http/1.0\r\n",
    b"user-agent: mozilla/5.0 (windows nt ",
    b"content-type: application/x-www-form-urlencoded\r\n",
    b"content-length: ",
    b"content-type: text/html",
    b"accept-encoding: gzip, deflate\r\n",
    b"accept-language: en-us,en;q=0.",
    b"accept: */*\r\n",
    b"connection: keep-alive\r\n",
    b"cache-control: no-cache\r\n",
    b"referer: http://www.",
    b"cookie: ",
    b"host: www.",
    b"post ",
    b"get ",
    b".php?",
    b".com",
    b"<html><head><title>",
    b"<script ",
    b"function(",
    b"\r\n\r\n",
];

fn share(buffer: Buffer) -> u32 {
    match buffer {
        Buffer::HttpMethod | Buffer::HttpProtocol | Buffer::HttpStatCode | Buffer::HttpStatMsg => 1,
        Buffer::HttpContentLen
        | Buffer::HttpConnection
        | Buffer::HttpAccept
        | Buffer::HttpAcceptEnc
        | Buffer::HttpAcceptLang
        | Buffer::HttpHeaderNames
        | Buffer::HttpContentType
        | Buffer::SshProto => 3,
        Buffer::Payload => 4,
        _ => 5,
    }
}

#[cfg(test)]
mod tests;
