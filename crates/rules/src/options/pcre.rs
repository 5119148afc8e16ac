//! `pcre` with its flags and captures.

use super::content::negated;
use crate::builder::Builder;
use crate::lexer::readable;
use crate::rule::{CaptureScope, PayloadMatch, Pcre};
use event::Buffer;

/// Longest expression in bytes: compiling is the engine's and must stay cheap.
const MAX_PATTERN_BYTES: usize = 16 * 1024;

/// `pcre:[!]"/…/flags[,flow:name…]"`.
pub(super) fn pcre(b: &mut Builder<'_>, value: &str) -> Result<(), String> {
    let (text, is_negated) = negated(value);
    let text = super::unquoted(text);
    let (text, is_negated) = match text.strip_prefix('!') {
        Some(rest) if !is_negated => (rest, true),
        _ => (text, is_negated),
    };
    let (pattern, rest) = split(text)?;
    let mut captures = Vec::new();
    let mut tail = rest.split(',');
    let flags = tail.next().unwrap_or_default().trim();
    for name in tail.map(str::trim).filter(|name| !name.is_empty()) {
        captures.push(capture(name)?);
    }
    let (mut options, mut is_relative, mut buffer, mut is_raw) =
        (String::new(), false, None, false);
    for flag in flags.chars() {
        match flag {
            'i' | 's' | 'm' | 'x' | 'A' | 'E' | 'G' | 'O' => options.push(flag),
            'R' => is_relative = true,
            'B' => is_raw = true,
            _ => {
                let Some(meant) = buffer_of(flag) else {
                    return Err(format!(
                        "unknown regex modifier '{}'; PCRE's are i s m x A E G, the rule's own R B O and U I H D P Q M C S Y V W Z",
                        readable(&flag.to_string())
                    ));
                };
                if buffer.is_some_and(|known| known != meant) {
                    return Err(format!(
                        "modifiers of `/{flags}` select two buffers; write two pcre"
                    ));
                }
                buffer = Some(meant);
            }
        }
    }
    if is_raw && buffer.is_some() {
        return Err(
            "modifier B (raw bytes) contradicts one that selects a buffer; remove one".to_owned(),
        );
    }
    if buffer == Some(Buffer::HttpHost) && !options.contains('i') && has_uppercase_literal(pattern)
    {
        return Err("the host is in lower case, the pattern has upper case letters: pcre host (\"W\") specified has an uppercase char".to_owned());
    }
    let sticky = b.sticky.and_then(|at| b.rule.buffers.get(at));
    if let Some(buffer) = buffer.filter(|buffer| {
        sticky.is_some_and(|entry| !is_same(entry.buffer, *buffer) || !entry.transforms.is_empty())
    }) {
        return Err(format!(
            "Expression seen with a sticky buffer still set; either (1) reset sticky buffer with pkt_data or (2) use a sticky buffer providing \"{}\"",
            description(buffer)
        ));
    }
    if pattern.len() > MAX_PATTERN_BYTES {
        return Err(format!(
            "the expression is longer than {MAX_PATTERN_BYTES} bytes"
        ));
    }
    check_brackets(pattern)?;
    name_captures(pattern, &mut captures)?;
    let at = match buffer {
        Some(buffer) if b.sticky.is_none() => {
            b.want(buffer.protocols(), "pcre");
            b.entry(buffer, false)
        }
        _ => b.place(false),
    };
    let found = Pcre {
        pattern: pattern.to_owned(),
        options,
        is_relative,
        is_negated,
        captures,
    };
    b.push(at, PayloadMatch::Pcre(found))
}

/// Pattern and what follows its closing slash: the last one that no backslash escapes.
fn split(text: &str) -> Result<(&str, &str), String> {
    let Some(inner) = text.strip_prefix('/') else {
        return Err(format!(
            "invalid formatting: `{}` does not begin with a slash; write \"/…/flags\"",
            readable(text).chars().take(40).collect::<String>()
        ));
    };
    let end = inner.rmatch_indices('/').map(|(at, _)| at).find(|&at| {
        let slashes = inner
            .get(..at)
            .unwrap_or_default()
            .bytes()
            .rev()
            .take_while(|&b| b == b'\\')
            .count();
        slashes % 2 == 0
    });
    match end.and_then(|end| Some((inner.get(..end)?, inner.get(end + 1..)?))) {
        Some(("", _)) => Err("the expression is empty".to_owned()),
        Some(found) => Ok(found),
        None => Err("the expression does not end with a slash; write \"/…/flags\"".to_owned()),
    }
}

fn buffer_of(flag: char) -> Option<Buffer> {
    Some(match flag {
        'U' => Buffer::HttpUri,
        'I' => Buffer::HttpUriRaw,
        'H' => Buffer::HttpHeader,
        'D' => Buffer::HttpHeaderRaw,
        'P' => Buffer::HttpRequestBody,
        'Q' => Buffer::HttpResponseBody,
        'M' => Buffer::HttpMethod,
        'C' => Buffer::HttpCookie,
        'S' => Buffer::HttpStatCode,
        'Y' => Buffer::HttpStatMsg,
        'V' => Buffer::HttpUserAgent,
        'W' => Buffer::HttpHost,
        'Z' => Buffer::HttpHostRaw,
        _ => return None,
    })
}

/// Whether a sticky buffer is the one a flag means; response bodies are file data too.
fn is_same(sticky: Buffer, flag: Buffer) -> bool {
    sticky == flag || (sticky, flag) == (Buffer::FileData, Buffer::HttpResponseBody)
}

/// How Suricata describes a buffer in words.
fn description(buffer: Buffer) -> &'static str {
    match buffer {
        Buffer::HttpUri => "http request uri",
        Buffer::HttpUriRaw => "raw http uri",
        Buffer::HttpHeader => "http headers",
        Buffer::HttpHeaderRaw => "raw http headers",
        Buffer::HttpRequestBody => "http request body",
        Buffer::HttpResponseBody => "http response body",
        Buffer::HttpMethod => "http request method",
        Buffer::HttpCookie => "http cookie header",
        Buffer::HttpStatCode => "http response status code",
        Buffer::HttpStatMsg => "http response status message",
        Buffer::HttpUserAgent => "http user agent",
        Buffer::HttpHost => "http host",
        Buffer::HttpHostRaw => "http raw host header",
        other => other.as_str(),
    }
}

fn capture(name: &str) -> Result<(CaptureScope, String), String> {
    let (scope, name) = match name.split_once(':') {
        Some(("flow", name)) => (CaptureScope::Flow, name),
        Some(("pkt", name)) => (CaptureScope::Packet, name),
        Some(("alert", name)) => (CaptureScope::Alert, name),
        _ => {
            return Err(format!(
                "`{name}` names no capture; write flow:name, pkt:name or alert:name"
            ));
        }
    };
    Ok((scope, name.trim().to_owned()))
}

/// The old form: captures named in the expression, `(?P<flow_name>…)` and `(?P<pkt_name>…)`.
fn name_captures(pattern: &str, captures: &mut Vec<(CaptureScope, String)>) -> Result<(), String> {
    for (at, _) in pattern.match_indices("(?P<") {
        let Some((name, _)) = pattern.get(at + 4..).and_then(|rest| rest.split_once('>')) else {
            continue;
        };
        let found = match name.split_once('_') {
            Some(("flow", name)) => Some((CaptureScope::Flow, name)),
            Some(("pkt", name)) => Some((CaptureScope::Packet, name)),
            Some(("alert", name)) => Some((CaptureScope::Alert, name)),
            _ => None,
        };
        if let Some((scope, name)) = found {
            captures.push((scope, name.to_owned()));
        }
    }
    (captures.len() <= 8)
        .then_some(())
        .ok_or_else(|| "more than 8 captures are named".to_owned())
}

/// Whether parentheses and brackets pair up: the cheap part of what the compiler would refuse.
fn check_brackets(pattern: &str) -> Result<(), String> {
    let (mut depth, mut class_start, mut is_escaped, mut is_literal) = (0_i32, None, false, false);
    let bytes = pattern.as_bytes();
    for (at, &byte) in bytes.iter().enumerate() {
        if is_literal {
            is_literal = !(byte == b'E' && at > 0 && bytes.get(at - 1) == Some(&b'\\'));
            continue;
        }
        if is_escaped {
            is_escaped = false;
            is_literal = byte == b'Q';
            continue;
        }
        match (byte, class_start) {
            (b'\\', _) => is_escaped = true,
            (b']', Some(start))
                if at > start + 1 && !(at == start + 2 && bytes.get(start + 1) == Some(&b'^')) =>
            {
                class_start = None
            }
            (_, Some(_)) => {}
            (b'[', None) => class_start = Some(at),
            (b'(', None) => depth += 1,
            (b')', None) => depth -= 1,
            _ => {}
        }
        if depth < 0 {
            return Err(
                "pcre2 compile of the expression failed: a `)` closes what no `(` opens".to_owned(),
            );
        }
    }
    if depth > 0 {
        return Err("pcre2 compile of the expression failed: a `(` is not closed".to_owned());
    }
    if class_start.is_some() {
        return Err("pcre2 compile of the expression failed: a `[` is not closed".to_owned());
    }
    Ok(())
}

fn has_uppercase_literal(pattern: &str) -> bool {
    let mut is_escaped = false;
    pattern.bytes().any(|byte| {
        let now_escaped = !is_escaped && byte == b'\\';
        let was_escaped = std::mem::replace(&mut is_escaped, now_escaped);
        !was_escaped && byte.is_ascii_uppercase()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<(&str, &str)>) {
        assert_eq!(split(text).ok(), expected, "{text}");
    }

    #[test]
    fn ends_at_the_last_free_slash() {
        check("/a/i", Some(("a", "i")));
        check("/a\\/b/Ui", Some(("a\\/b", "Ui")));
        check("/a/b/", Some(("a/b", "")));
        check("/a\\\\/", Some(("a\\\\", "")));
        check("/a\\/", None);
        check("a", None);
    }

    #[test]
    fn unpaired_brackets_are_refused() {
        for fine in ["(a)[b)]", "[]a]", "[^]a]", "\\(", "\\Q(\\E"] {
            assert!(check_brackets(fine).is_ok(), "{fine}");
        }
        for wrong in ["(a", "a)", "[a"] {
            assert!(check_brackets(wrong).is_err(), "{wrong}");
        }
    }
}
