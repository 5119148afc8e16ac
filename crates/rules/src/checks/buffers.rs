//! Whether what is looked for in one buffer can be there at all.

use crate::rule::{
    BufferMatch, Compare, Condition, Content, FastPattern, PayloadMatch, Rule, Transform, Value,
};
use event::Buffer;

/// Checks one stretch of a rule.
pub(super) fn check(entry: &BufferMatch) -> Result<(), String> {
    for content in contents(&entry.matches) {
        fast_pattern(content)?;
        transformed(content, &entry.transforms)?;
        normalized(content, entry)?;
    }
    bsize(entry)
}

fn contents(matches: &[PayloadMatch]) -> impl Iterator<Item = &Content> {
    matches.iter().filter_map(|found| match found {
        PayloadMatch::Content(content) => Some(content),
        _ => None,
    })
}

fn fast_pattern(content: &Content) -> Result<(), String> {
    let Some(kind) = content.fast_pattern else {
        return Ok(());
    };
    let has_position = content.offset.is_some()
        || content.depth.is_some()
        || content.distance.is_some()
        || content.within.is_some();
    match kind {
        FastPattern::Only if content.is_negated => Err("a negated content cannot be fast_pattern:only; remove `only`".to_owned()),
        FastPattern::Only if has_position && !content.is_at_start => {
            Err("fast_pattern:only finds its content anywhere: it cannot be used with offset, depth, distance or within".to_owned())
        }
        _ if content.is_negated && has_position => {
            Err("can't have a relative or positional negated keyword set along with 'fast_pattern'; put fast_pattern on another content".to_owned())
        }
        _ => Ok(()),
    }
}

/// A content that the buffer's transforms would have changed can never match.
fn transformed(content: &Content, transforms: &[Transform]) -> Result<(), String> {
    let Some(last) = transforms.last() else {
        return Ok(());
    };
    let is_space = |b: &u8| matches!(b, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c);
    let bytes = &content.bytes;
    let clash = match last {
        Transform::ToLowercase if !content.is_nocase => bytes
            .iter()
            .any(u8::is_ascii_uppercase)
            .then_some("to_lowercase"),
        Transform::ToUppercase if !content.is_nocase => bytes
            .iter()
            .any(u8::is_ascii_lowercase)
            .then_some("to_uppercase"),
        Transform::StripWhitespace => bytes.iter().any(is_space).then_some("strip_whitespace"),
        Transform::CompressWhitespace => bytes
            .windows(2)
            .any(|pair| pair.iter().all(is_space))
            .then_some("compress_whitespace"),
        _ => None,
    };
    match clash {
        Some(name) => Err(format!(
            "the content \"{}\" is incompatible with {name} transform: the buffer never holds it; change the content",
            String::from_utf8_lossy(bytes)
        )),
        None => Ok(()),
    }
}

/// Buffers that are normalised before rules see them.
fn normalized(content: &Content, entry: &BufferMatch) -> Result<(), String> {
    let bytes = &content.bytes;
    if !entry.transforms.is_empty() {
        return Ok(());
    }
    match entry.buffer {
        Buffer::HttpHost if !content.is_nocase && bytes.iter().any(u8::is_ascii_uppercase) => {
            Err("the host is normalised to lower case: a pattern with uppercase characters is never found; write it in lower case".to_owned())
        }
        _ => Ok(()),
    }
}

/// `bsize` against the contents that must fit into it.
///
/// Only contents written before `bsize` count, as in Suricata: sets in use rely on it.
fn bsize(entry: &BufferMatch) -> Result<(), String> {
    for (at, found) in entry.matches.iter().enumerate() {
        let PayloadMatch::Bsize(compare) = found else {
            continue;
        };
        let (Some(most), Some(before)) = (most(*compare), entry.matches.get(..at)) else {
            continue;
        };
        let single = contents(before).filter(|content| !content.is_negated);
        let single = single
            .map(|content| content.bytes.len() as u64 + offset_of(content))
            .max();
        let needed = required(before).max(single.unwrap_or(0));
        if needed > most {
            return Err(format!(
                "signature can't match as required content length {needed} exceeds bsize value: {most}; raise bsize or shorten the content"
            ));
        }
    }
    Ok(())
}

/// The largest number that satisfies a comparison, where there is one.
fn most(compare: Compare) -> Option<u64> {
    match compare {
        Compare::Equal(n) | Compare::LessOrEqual(n) => Some(n),
        Compare::Less(n) | Compare::Between(_, n) => Some(n.saturating_sub(1)),
        Compare::NotEqual(_)
        | Compare::Greater(_)
        | Compare::GreaterOrEqual(_)
        | Compare::Outside(..)
        | Compare::Masked { .. } => None,
    }
}

fn offset_of(content: &Content) -> u64 {
    match content.offset {
        Some(Value::Number(n)) => u64::try_from(n).unwrap_or(0),
        _ => 0,
    }
}

/// Bytes that the contents of a stretch need at least, each relative one behind the one before.
fn required(matches: &[PayloadMatch]) -> u64 {
    let (mut longest, mut run) = (0_i64, 0_i64);
    for content in contents(matches).filter(|content| !content.is_negated) {
        let length = content.bytes.len() as i64;
        let distance = match content.distance {
            Some(Value::Number(n)) => Some(n),
            _ => None,
        };
        run = match (distance, &content.within) {
            (Some(distance), _) => run.saturating_add(distance).max(0).saturating_add(length),
            (None, Some(_)) if content.distance.is_none() => run.saturating_add(length),
            _ => length.saturating_add(offset_of(content) as i64),
        };
        longest = longest.max(run);
    }
    longest.max(0) as u64
}

/// `dsize` against the contents of the packet.
pub(super) fn check_dsize(rule: &Rule) -> Result<(), String> {
    let size = rule
        .conditions
        .iter()
        .find_map(|condition| match condition {
            Condition::Dsize(compare) => most(*compare),
            _ => None,
        });
    let payload = rule
        .buffers
        .iter()
        .find(|entry| entry.buffer == Buffer::Payload);
    let (Some(size), Some(payload)) = (size, payload) else {
        return Ok(());
    };
    let required = required(&payload.matches);
    if required > size {
        return Err(format!(
            "signature can't match as required content length {required} exceeds dsize value {size}; raise dsize or shorten the contents"
        ));
    }
    Ok(())
}
