//! Transforms: what is done to a sticky buffer before looking into it.

use super::numbers::upto;
use super::{parts, unquoted};
use crate::builder::Builder;
use crate::rule::{Base64Mode, Transform};

/// Most bytes that a decompressing transform makes where the rule does not say, as in Suricata.
const DEFAULT_DECOMPRESSED_BYTES: u32 = 1024;
/// Most bytes that it may be told to make.
const MAX_DECOMPRESSED_BYTES: u64 = 1 << 20;

/// Reads a transform; None where `name` is none.
pub(super) fn read(
    b: &mut Builder<'_>,
    name: &str,
    value: Option<&str>,
) -> Option<Result<(), String>> {
    let without = |transform| match value {
        None | Some("") => Ok(transform),
        Some(value) => Err(format!(
            "unexpected option to {name} keyword: `{value}`; remove it"
        )),
    };
    let transform = match name {
        "to_md5" => without(Transform::ToMd5),
        "to_sha1" => without(Transform::ToSha1),
        "to_sha256" => without(Transform::ToSha256),
        "to_lowercase" => without(Transform::ToLowercase),
        "to_uppercase" => without(Transform::ToUppercase),
        "strip_whitespace" => without(Transform::StripWhitespace),
        "compress_whitespace" => without(Transform::CompressWhitespace),
        "url_decode" => without(Transform::UrlDecode),
        "dotprefix" => without(Transform::DotPrefix),
        "domain" => without(Transform::Domain),
        "tld" => without(Transform::Tld),
        "header_lowercase" => without(Transform::HeaderLowercase),
        "strip_pseudo_headers" => without(Transform::StripPseudoHeaders),
        "xor" => xor(value.unwrap_or_default()),
        "pcrexform" => pcrexform(value.unwrap_or_default()),
        "from_base64" => from_base64(value.unwrap_or_default()),
        "gunzip" => decompress(value.unwrap_or_default(), true),
        "zlib_deflate" => decompress(value.unwrap_or_default(), false),
        _ => return None,
    };
    Some(transform.and_then(|transform| b.transform(transform)))
}

fn xor(value: &str) -> Result<Transform, String> {
    let text = unquoted(value);
    let wrong = || {
        format!("`{text}` is no key for xor; write pairs of hexadecimal digits, such as \"0a0b\"")
    };
    if text.is_empty() || !text.len().is_multiple_of(2) || text.len() > 510 {
        return Err(wrong());
    }
    let digits: Option<Vec<u8>> = text
        .chars()
        .map(|c| c.to_digit(16).map(|d| d as u8))
        .collect();
    let digits = digits.ok_or_else(wrong)?;
    let pair = |pair: &[u8]| pair.iter().fold(0, |byte, digit| byte << 4 | digit);
    Ok(Transform::Xor(digits.chunks(2).map(pair).collect()))
}

fn pcrexform(value: &str) -> Result<Transform, String> {
    let is_quoted = value.len() >= 2 && value.starts_with('"') && value.ends_with('"');
    if value.is_empty() {
        return Err("invalid formatting or malformed option to pcrexform keyword: it needs an expression in double quotes".to_owned());
    }
    if !is_quoted {
        return Err(
            "invalid formatting to pcrexform keyword: value must be double quoted".to_owned(),
        );
    }
    let pattern = unquoted(value);
    let has_capture = pattern.match_indices('(').any(|(at, _)| {
        let is_escaped = pattern.get(..at).is_some_and(|before| {
            before.bytes().rev().take_while(|&b| b == b'\\').count() % 2 == 1
        });
        let after = pattern.get(at + 1..).unwrap_or_default();
        !is_escaped
            && (!after.starts_with('?') || after.starts_with("?P<") || after.starts_with("?<"))
    });
    if !has_capture {
        return Err("pcrexform needs one capture `( )`: its text becomes the buffer".to_owned());
    }
    Ok(Transform::Pcre(pattern.to_owned()))
}

fn from_base64(value: &str) -> Result<Transform, String> {
    let (mut bytes, mut offset, mut mode) = (0, 0, Base64Mode::Rfc4648);
    for item in parts(value, ',') {
        let (key, argument) = item.split_once(' ').unwrap_or((item, ""));
        let argument = argument.trim();
        match (key, argument.to_ascii_lowercase().as_str()) {
            ("bytes", number) => {
                bytes = upto(number, u16::MAX.into(), "number of bytes")? as u32;
                if bytes == 0 {
                    return Err("from_base64 of 0 bytes decodes nothing".to_owned());
                }
            }
            ("offset", number) => offset = upto(number, u16::MAX.into(), "offset")? as u32,
            ("mode", "rfc4648") => mode = Base64Mode::Rfc4648,
            ("mode", "rfc2045") => mode = Base64Mode::Rfc2045,
            ("mode", "strict") => mode = Base64Mode::Strict,
            ("", "") => {}
            _ => {
                return Err(format!(
                    "`{item}` is no option of from_base64; bytes, offset and mode rfc4648|rfc2045|strict are"
                ));
            }
        }
    }
    Ok(Transform::FromBase64 {
        bytes,
        offset,
        mode,
    })
}

fn decompress(value: &str, is_gzip: bool) -> Result<Transform, String> {
    let mut max = DEFAULT_DECOMPRESSED_BYTES;
    if !value.is_empty() {
        let number = value.strip_prefix("max-size").unwrap_or(value).trim();
        max = upto(number, MAX_DECOMPRESSED_BYTES, "number of bytes")? as u32;
        if max == 0 {
            return Err("0 bytes are none to look into".to_owned());
        }
    }
    Ok(Transform::Decompress { is_gzip, max })
}
