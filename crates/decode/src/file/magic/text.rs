//! Texts: their encoding, their line ends, and the languages that their beginning tells.

/// Lines longer than this are called very long, as libmagic does.
const LONG_LINE: usize = 300;

pub(super) fn describe(head: &[u8]) -> String {
    let Some(encoding) = encoding(head) else {
        return "data".to_owned();
    };
    let start = head.trim_ascii_start();
    if start.starts_with(b"<svg") {
        return "SVG Scalable Vector Graphics image".to_owned();
    }
    if let Some(level) = start.strip_prefix(b"%!PS-Adobe-") {
        let level = level
            .split(|b| !b.is_ascii_digit() && *b != b'.')
            .next()
            .unwrap_or_default();
        let level = String::from_utf8_lossy(level);
        return format!("PostScript document text conforming DSC level {level}");
    }
    let (kind, is_program) = language(head);
    let mut words = String::new();
    if let Some(kind) = kind {
        words.push_str(&kind);
        words.push_str(", ");
    }
    words.push_str(encoding);
    if is_program {
        words.push_str(" executable");
    }
    words.push_str(&lines(head));
    words
}

/// None where it is no text: a control byte that no text holds.
fn encoding(head: &[u8]) -> Option<&'static str> {
    if head.starts_with(b"\xff\xfe") {
        return Some("Unicode text, UTF-16, little-endian text");
    }
    if head.starts_with(b"\xfe\xff") {
        return Some("Unicode text, UTF-16, big-endian text");
    }
    let is_text = |b: u8| matches!(b, 7..=10 | 12 | 13 | 27 | 32..=126);
    if head.iter().all(|b| is_text(*b)) {
        return Some("ASCII text");
    }
    let is_text_above = |b: u8| is_text(b) || b >= 0x80;
    if head.iter().all(|b| is_text_above(*b)) {
        let is_utf8 = match std::str::from_utf8(head) {
            Ok(_) => true,
            // The head may end within a character.
            Err(error) => error.error_len().is_none(),
        };
        if is_utf8 {
            return Some(if head.starts_with(b"\xef\xbb\xbf") {
                "Unicode text, UTF-8 (with BOM) text"
            } else {
                "Unicode text, UTF-8 text"
            });
        }
    }
    if head.iter().all(|b| is_text(*b) || *b >= 0xa0 || *b == 0x85) {
        return Some("ISO-8859 text");
    }
    head.iter()
        .all(|b| is_text_above(*b))
        .then_some("Non-ISO extended-ASCII text")
}

/// What language it is in, and whether it is one that runs.
fn language(head: &[u8]) -> (Option<String>, bool) {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    if let Some(line) = head.strip_prefix(b"#!") {
        let line = line
            .split(|b| *b == b'\n' || *b == b'\r')
            .next()
            .unwrap_or_default();
        return (Some(script(line.trim_ascii())), true);
    }
    let start = head.trim_ascii_start();
    if let Some(after) = start.strip_prefix(b"<?xml version=") {
        let version: String = after
            .get(1..4)
            .filter(|v| v.iter().all(u8::is_ascii_graphic))
            .map(|v| String::from_utf8_lossy(v).into_owned())
            .unwrap_or_default();
        return (
            Some(format!("XML {version} document").replace("  ", " ")),
            false,
        );
    }
    if start.starts_with(b"<?php") {
        return (Some("PHP script".to_owned()), false);
    }
    const HTML: &[&[u8]] = &[
        b"<!doctype html",
        b"<html",
        b"<head",
        b"<title",
        b"<body",
        b"<script",
        b"<style",
    ];
    let has = |tag: &&&[u8]| {
        start
            .get(..tag.len())
            .is_some_and(|s| s.eq_ignore_ascii_case(tag))
    };
    if HTML.iter().any(|tag| has(&tag)) {
        return (Some("HTML document".to_owned()), false);
    }
    (None, false)
}

fn script(line: &[u8]) -> String {
    let mut words = line
        .split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty());
    let mut path = words.next().unwrap_or_default();
    if path.ends_with(b"/env") {
        path = words.next().unwrap_or_default();
    }
    let name = path.rsplit(|b| *b == b'/').next().unwrap_or_default();
    match name {
        b"sh" => "POSIX shell script".to_owned(),
        b"bash" => "Bourne-Again shell script".to_owned(),
        b"perl" => "Perl script text".to_owned(),
        b"php" => "PHP script".to_owned(),
        b"node" => "Node.js script".to_owned(),
        name if name.starts_with(b"python") => "Python script".to_owned(),
        _ => format!("a {} script", super::printable(line)),
    }
}

/// How lines end, where it is not plainly with LF, and whether there are very long ones.
fn lines(head: &[u8]) -> String {
    let (mut crlf, mut cr, mut lf) = (false, false, false);
    let (mut longest, mut length) = (0, 0);
    let mut previous = 0;
    for byte in head {
        match byte {
            b'\n' if previous == b'\r' => crlf = true,
            b'\n' => lf = true,
            _ if previous == b'\r' => cr = true,
            _ => {}
        }
        length = if matches!(byte, b'\n' | b'\r') {
            0
        } else {
            length + 1
        };
        longest = longest.max(length);
        previous = *byte;
    }
    cr |= previous == b'\r';
    let mut words = String::new();
    if longest > LONG_LINE {
        words.push_str(&format!(", with very long lines ({longest})"));
    }
    if !(crlf || cr || lf) {
        words.push_str(", with no line terminators");
    } else if crlf || cr {
        let kinds: Vec<&str> = [(crlf, "CRLF"), (cr, "CR"), (lf, "LF")]
            .into_iter()
            .filter_map(|(is_there, name)| is_there.then_some(name))
            .collect();
        words.push_str(&format!(", with {} line terminators", kinds.join(", ")));
    }
    words
}
