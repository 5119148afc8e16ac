//! `content` and what modifies it.

use super::{parts, quoted};
use crate::builder::Builder;
use crate::lexer::push_bytes;
use crate::rule::{Content, FastPattern, PayloadMatch, Value};
use event::Buffer;

/// Longest content in bytes; Suricata counts in 16 bits.
const MAX_CONTENT_BYTES: usize = u16::MAX as usize;

/// `content:[!]"…"`; in Snort 3 with `,nocase,depth 4` behind.
pub(super) fn content(b: &mut Builder<'_>, value: &str) -> Result<(), String> {
    let (text, is_negated) = negated(value);
    let (text, modifiers) = snort_modifiers(text);
    let mut content = Content {
        bytes: bytes(quoted(text, "content")?)?,
        is_nocase: false,
        is_negated,
        offset: None,
        depth: None,
        distance: None,
        within: None,
        is_at_end: false,
        is_at_start: false,
        is_raw: false,
        fast_pattern: None,
        replacement: None,
    };
    if content.bytes.is_empty() {
        return Err("the content is empty; write at least one byte".to_owned());
    }
    content.bytes.shrink_to_fit();
    if let Some(at) = b.sticky {
        let is_file = b
            .rule
            .buffers
            .get(at)
            .is_some_and(|entry| matches!(entry.buffer.as_str(), "ip.src" | "ip.dst"));
        if is_file {
            return Err(
                "content cannot look into an address; use `dataset` or bsize there".to_owned(),
            );
        }
    }
    let at = b.place(false);
    b.push(at, PayloadMatch::Content(content))?;
    for modifier in parts(modifiers, ',') {
        let (name, value) = match modifier.split_once([' ', ':']) {
            Some((name, value)) => (name, Some(value.trim())),
            None => (modifier, None),
        };
        match name {
            "fast_pattern_offset" | "fast_pattern_length" => {}
            _ => modify(b, name, value)?
                .then_some(())
                .ok_or_else(|| format!("content modifier `{name}` is not known"))?,
        }
    }
    Ok(())
}

/// `!` and what follows it.
pub(super) fn negated(value: &str) -> (&str, bool) {
    match value.strip_prefix('!') {
        Some(rest) => (rest.trim_start(), true),
        None => (value, false),
    }
}

/// Parts `"…",nocase` at the closing quote.
fn snort_modifiers(value: &str) -> (&str, &str) {
    let mut is_escaped = false;
    for (at, byte) in value.bytes().enumerate().skip(1) {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => {
                let after = value.get(at + 1..).unwrap_or_default().trim_start();
                return match after.strip_prefix(',') {
                    Some(modifiers) => (value.get(..=at).unwrap_or(value), modifiers),
                    None => (value, ""),
                };
            }
            _ => {}
        }
    }
    (value, "")
}

/// Resolves `|hex|` and backslashes.
pub(crate) fn bytes(text: &str) -> Result<Vec<u8>, String> {
    let mut found = Vec::with_capacity(text.len());
    let (mut rest, mut is_hex) = (text, false);
    loop {
        let stop = rest.find(if is_hex {
            &['|'][..]
        } else {
            &['|', '\\', '"'][..]
        });
        let (run, after) = match stop {
            Some(stop) => (
                rest.get(..stop).unwrap_or_default(),
                rest.get(stop..).unwrap_or_default(),
            ),
            None => (rest, ""),
        };
        if is_hex {
            hex(run, &mut found)?;
        } else {
            push_bytes(run, &mut found);
        }
        let mut after = after.chars();
        match after.next() {
            None => break,
            Some('|') => is_hex = !is_hex,
            Some('\\') => match after.next() {
                Some(c @ (':' | ';' | '\\' | '"')) => found.push(c as u8),
                Some(c) => {
                    return Err(format!(
                        "`\\{}` is no escape; only \\: \\; \\\\ and \\\" are, write other bytes as |hex|",
                        crate::lexer::readable(&c.to_string())
                    ));
                }
                None => return Err("the content ends in a lone backslash; write \\\\".to_owned()),
            },
            Some(_) => {
                return Err(
                    "a double quote inside the content must be written \\\" or |22|".to_owned(),
                );
            }
        }
        rest = after.as_str();
    }
    if is_hex {
        return Err("a `|` opens hexadecimal bytes that no second `|` closes".to_owned());
    }
    if found.len() > MAX_CONTENT_BYTES {
        return Err(format!(
            "the content is longer than {MAX_CONTENT_BYTES} bytes"
        ));
    }
    Ok(found)
}

fn hex(run: &str, found: &mut Vec<u8>) -> Result<(), String> {
    let mut high = None;
    for c in run.chars().filter(|&c| c != ' ') {
        let Some(digit) = c.to_digit(16) else {
            return Err(format!(
                "`{}` between `|` is no hexadecimal digit",
                crate::lexer::readable(&c.to_string())
            ));
        };
        match high.take() {
            None => high = Some(digit),
            Some(high) => found.push((high * 16 + digit) as u8),
        }
    }
    match high {
        None => Ok(()),
        Some(_) => Err(format!(
            "Incomplete hex code in content: `|{run}|` has an odd number of digits; write each byte with two"
        )),
    }
}

/// Applies a modifier to the last content; false where `name` is none.
pub(super) fn modify(b: &mut Builder<'_>, name: &str, value: Option<&str>) -> Result<bool, String> {
    match name {
        "nocase" => {
            let content = b.content(name)?;
            if content.is_nocase {
                return Err("`nocase` stands twice for the same content".to_owned());
            }
            content.is_nocase = true;
            content.bytes.make_ascii_lowercase();
        }
        "rawbytes" => b.content(name)?.is_raw = true,
        "startswith" => {
            let content = b.content(name)?;
            if content.is_at_start {
                return Err(
                    "can't use multiple startswith options for the same content; keep one"
                        .to_owned(),
                );
            }
            if content.offset.is_some()
                || content.depth.is_some()
                || content.distance.is_some()
                || content.within.is_some()
            {
                return Err("can't use startswith with offset, depth, distance or within on the same content; keep one of them".to_owned());
            }
            content.is_at_start = true;
            content.offset = Some(Value::Number(0));
            content.depth = Some(Value::Number(content.bytes.len() as i64));
        }
        "endswith" => {
            let content = b.content(name)?;
            if content.is_at_end {
                return Err(
                    "can't use multiple endswith options for the same content; keep one".to_owned(),
                );
            }
            content.is_at_end = true;
        }
        "offset" | "depth" | "distance" | "within" => position(b, name, value)?,
        "fast_pattern" => fast_pattern(b, value)?,
        "replace" => {
            let text = quoted(value.unwrap_or_default(), "replace")?;
            let replacement = bytes(text)?;
            let content = b.content(name)?;
            if content.bytes.len() != replacement.len() {
                return Err(
                    "`replace` must be as long as its content; a packet cannot grow".to_owned(),
                );
            }
            content.replacement = Some(replacement);
        }
        _ => return Ok(false),
    }
    Ok(true)
}

fn position(b: &mut Builder<'_>, name: &str, value: Option<&str>) -> Result<(), String> {
    let text = value.map(super::unquoted).unwrap_or_default();
    let place = b.last_content.map(|(entry, _)| entry);
    b.content(name)?;
    let value = b.value(text, name, place)?;
    let content = b.content(name)?;
    let length = content.bytes.len() as i64;
    if content.is_at_start {
        return Err(format!(
            "can't use `{name}` with startswith on the same content; remove one"
        ));
    }
    let slot = match name {
        "offset" => &mut content.offset,
        "depth" => &mut content.depth,
        "distance" => &mut content.distance,
        _ => &mut content.within,
    };
    if slot.is_some() {
        return Err(format!(
            "can't use multiple {name} options for the same content; keep one"
        ));
    }
    match (name, &value) {
        ("offset" | "depth", Value::Number(n)) if !(0..=65535).contains(n) => {
            return Err(format!("{name} {n} is not between 0 and 65535"));
        }
        ("depth" | "within", Value::Number(n)) if *n < length => {
            return Err(format!(
                "{name} {n} is smaller than the content of {length} bytes, which can then never match; raise it to {length} or more"
            ));
        }
        ("distance" | "within", Value::Number(n)) if n.unsigned_abs() > 1024 * 1024 => {
            return Err(format!("{name} {n} is larger than 1 MiB"));
        }
        _ => {}
    }
    *slot = Some(value);
    let is_relative = content.distance.is_some() || content.within.is_some();
    if is_relative && (content.offset.is_some() || content.depth.is_some()) {
        return Err("can't use a relative keyword like within/distance with an absolute one like depth/offset for the same content; choose one kind".to_owned());
    }
    Ok(())
}

fn fast_pattern(b: &mut Builder<'_>, value: Option<&str>) -> Result<(), String> {
    let already = b.rule.buffers.iter().flat_map(|entry| &entry.matches);
    let already = already
        .filter(|found| matches!(found, PayloadMatch::Content(c) if c.fast_pattern.is_some()))
        .count();
    let place = b.last_content;
    let buffer = place
        .and_then(|(entry, _)| b.rule.buffers.get(entry))
        .map(|entry| entry.buffer);
    let content = b.content("fast_pattern")?;
    if content.fast_pattern.is_some() {
        return Err(
            "can't use multiple fast_pattern options for the same content; keep one".to_owned(),
        );
    }
    if already > 0 {
        return Err("fast_pattern can be used on only one content in a rule; keep the one that is rarest in traffic".to_owned());
    }
    if buffer == Some(Buffer::Base64Data) {
        return Err(
            "fast_pattern cannot be used with base64_data; put it on another content".to_owned(),
        );
    }
    content.fast_pattern = Some(match value {
        None | Some("") => FastPattern::Whole,
        Some("only") => FastPattern::Only,
        Some(chop) => {
            let pair = chop.split_once(',').and_then(|(offset, length)| {
                Some((
                    offset.trim().parse::<u16>().ok()?,
                    length.trim().parse::<u16>().ok()?,
                ))
            });
            let Some((offset, length)) = pair else {
                return Err(format!(
                    "`{chop}` is no option of fast_pattern; write `only` or `offset,length`"
                ));
            };
            if length == 0 || usize::from(offset) + usize::from(length) > content.bytes.len() {
                return Err(format!(
                    "fast_pattern:{chop} reaches beyond the content's {} bytes",
                    content.bytes.len()
                ));
            }
            FastPattern::Chop(offset, length)
        }
    });
    Ok(())
}

/// Moves the last content to the buffer that an old modifier such as `http_uri` means.
pub(super) fn move_to(b: &mut Builder<'_>, buffer: Buffer, keyword: &str) -> Result<(), String> {
    if b.sticky.is_some() {
        return Err(format!(
            "`{keyword}` changes the content before it and cannot follow a sticky buffer; use the sticky `{}` instead",
            buffer.as_str()
        ));
    }
    let content = b.content(keyword)?;
    if content.is_raw {
        return Err(format!(
            "`rawbytes` and `{keyword}` contradict each other; remove one"
        ));
    }
    if content.replacement.is_some() {
        return Err(format!(
            "`replace` and `{keyword}` contradict each other; remove one"
        ));
    }
    let Some((from, at)) = b.last_content else {
        return Ok(());
    };
    if b.rule
        .buffers
        .get(from)
        .is_some_and(|entry| entry.buffer != Buffer::Payload)
    {
        return Err(format!(
            "the content before `{keyword}` is already looked for in another buffer"
        ));
    }
    let Some(entry) = b
        .rule
        .buffers
        .get_mut(from)
        .filter(|entry| at < entry.matches.len())
    else {
        return Ok(());
    };
    let content = entry.matches.remove(at);
    let option = entry.options.remove(at);
    b.want(buffer.protocols(), keyword);
    let to = b.entry(buffer, false);
    b.push_of(to, content, option)
}

/// `uricontent:"…"`: content in `http.uri`.
pub(super) fn uricontent(b: &mut Builder<'_>, value: &str) -> Result<(), String> {
    if b.sticky.is_some() {
        return Err(
            "`uricontent` cannot follow a sticky buffer; use `http.uri; content:…`".to_owned(),
        );
    }
    content(b, value)?;
    move_to(b, Buffer::HttpUri, "uricontent")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<&[u8]>) {
        assert_eq!(bytes(text).ok().as_deref(), expected, "{text}");
    }

    #[test]
    fn resolves_hex_and_escapes() {
        check("abc", Some(b"abc"));
        check("a|0d 0A|b", Some(b"a\r\nb"));
        check("|2222|", Some(b"\"\""));
        check("a\\;b\\\\\\\"\\:", Some(b"a;b\\\":"));
        check("|22 2 22|", None);
        check("|2x|", None);
        check("|22", None);
        check("a\\n", None);
        check("a\"b", None);
    }
}
