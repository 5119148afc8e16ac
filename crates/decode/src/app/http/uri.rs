//! Request targets: taken apart, decoded as servers decode them, and put together again.

use super::bestfit::{best_fit, flatten_utf8};
use super::config::{InvalidPercent, UriConfig};
use super::text::split_before;

/// A request target in its parts, as it stands on the request line.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Parts<'a> {
    pub(super) scheme: Option<&'a [u8]>,
    pub(super) user: Option<(&'a [u8], Option<&'a [u8]>)>,
    pub(super) host: Option<&'a [u8]>,
    pub(super) port: Option<&'a [u8]>,
    pub(super) path: Option<&'a [u8]>,
    pub(super) query: Option<&'a [u8]>,
    pub(super) fragment: Option<&'a [u8]>,
}

/// Takes a target apart. A host is only looked for behind a scheme.
pub(super) fn split(target: &[u8]) -> Parts<'_> {
    let mut parts = Parts::default();
    let mut rest = target;
    if !target.starts_with(b"/")
        && let Some(colon) = memchr::memchr(b':', target)
    {
        parts.scheme = target.get(..colon);
        rest = target.get(colon + 1..).unwrap_or_default();
        if let Some(after) = rest.strip_prefix(b"//")
            && !after.starts_with(b"/")
        {
            let (authority, _) = split_before(after, |b| matches!(b, b'/' | b'?' | b'#'));
            if let Some(at) = memchr::memchr(b'@', authority) {
                let credentials = authority.get(..at).unwrap_or_default();
                parts.user = Some(match memchr::memchr(b':', credentials) {
                    Some(colon) => (
                        credentials.get(..colon).unwrap_or_default(),
                        credentials.get(colon + 1..),
                    ),
                    None => (credentials, None),
                });
                rest = after.get(at + 1..).unwrap_or_default();
            }
        }
        if let Some((host, after)) = split_host(rest) {
            parts.host = Some(host);
            rest = after;
            if let Some((port, after)) = split_port(rest) {
                parts.port = Some(port);
                rest = after;
            }
        }
    }
    let (path, rest) = split_before(rest, |b| matches!(b, b'?' | b'#'));
    parts.path = (!path.is_empty()).then_some(path);
    let mut rest = rest;
    if let Some(query) = rest.strip_prefix(b"?") {
        let (query, after) = split_before(query, |b| *b == b'#');
        parts.query = Some(query);
        rest = after;
    }
    parts.fragment = rest.strip_prefix(b"#");
    parts
}

/// Splits off a host: `(host, rest)`.
fn split_host(input: &[u8]) -> Option<(&[u8], &[u8])> {
    let input = input.strip_prefix(b"//").unwrap_or(input);
    if input.starts_with(b"/") {
        return None;
    }
    let (_, input) = split_before(input, |b| *b != b' ');
    if let Some(inner) = input.strip_prefix(b"[") {
        let (address, rest) = split_before(inner, |b| matches!(b, b'/' | b'?' | b'#' | b']'));
        if !address.is_empty() {
            let len = 1 + address.len() + usize::from(rest.starts_with(b"]"));
            return input.split_at_checked(len);
        }
    }
    let (host, rest) = split_before(input, |b| matches!(b, b'/' | b'?' | b'#' | b':'));
    let end = host.iter().rposition(|b| *b != b' ').map_or(0, |at| at + 1);
    (!host.is_empty()).then(|| (host.get(..end).unwrap_or_default(), rest))
}

/// Splits off a colon and a port: `(port, rest)`.
fn split_port(input: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = input.strip_prefix(b":")?;
    let (_, rest) = split_before(rest, |b| *b != b' ');
    let (port, rest) = split_before(rest, |b| matches!(b, b'/' | b'?' | b'#'));
    let (port, _) = split_before(port, |b| *b == b' ');
    (!port.is_empty()).then_some((port, rest))
}

fn port_number(port: &[u8]) -> Option<u16> {
    super::text::decimal(port)
        .and_then(|n| u16::try_from(n).ok())
        .filter(|n| *n != 0)
}

/// `host:port`, as `Host` and CONNECT give it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct HostPort<'a> {
    pub(super) host: &'a [u8],
    /// None where no port is given; Some(None) where it is no port.
    pub(super) port: Option<Option<u16>>,
    pub(super) is_valid: bool,
}

/// Reads `host:port`; None where there is no host.
pub(super) fn host_port(input: &[u8]) -> Option<HostPort<'_>> {
    let (host, rest) = split_host(input)?;
    let mut is_valid = is_host_valid(host);
    let port = split_port(rest).map(|(port, _)| port_number(port));
    match port {
        Some(port) => is_valid &= port.is_some(),
        None => is_valid &= rest.is_empty(),
    }
    Some(HostPort {
        host,
        port,
        is_valid,
    })
}

/// Whether `host` may be the name or the bracketed address of a host; underscores are let pass.
pub(super) fn is_host_valid(host: &[u8]) -> bool {
    if host.is_empty() || host.len() > 255 {
        return false;
    }
    if let Some(inner) = host.strip_prefix(b"[") {
        let (address, rest) = split_before(inner, |b| matches!(b, b'/' | b'?' | b'#' | b']'));
        if !address.is_empty() && rest.starts_with(b"]") {
            return std::str::from_utf8(address)
                .is_ok_and(|text| text.parse::<std::net::Ipv6Addr>().is_ok());
        }
    }
    if host.starts_with(b".") || memchr::memmem::find(host, b"..").is_some() {
        return false;
    }
    host.split(|b| *b == b'.').all(|label| {
        label.len() <= 63
            && label
                .iter()
                .all(|b| matches!(b, b'_' | b'-') || char::from(*b).is_alphanumeric())
    })
}

/// A target as the server understands it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Uri {
    /// Lower case, without the dots at its end.
    pub(super) host: Option<Vec<u8>>,
    pub(super) port: Option<u16>,
    pub(super) path: Option<Vec<u8>>,
    /// What rules look into: path, query and fragment, or all parts.
    pub(super) text: Option<Vec<u8>>,
    pub(super) is_host_invalid: bool,
    pub(super) is_double_encoded: bool,
}

impl Uri {
    /// Reads and normalises the target of a request other than CONNECT.
    pub(super) fn read(target: &[u8], config: &UriConfig) -> Self {
        let parts = split(target);
        let host = parts.host.map(|host| normal_host(host, config));
        let mut uri = Uri {
            host,
            ..Uri::default()
        };
        if let Some(port) = parts.port {
            uri.port = port_number(port);
            uri.is_host_invalid |= uri.port.is_none();
        }
        uri.is_host_invalid |= uri.host.as_ref().is_some_and(|host| !is_host_valid(host));
        uri.path = parts.path.map(|path| normal_path(path, config));
        uri.text = uri.assemble(&parts, config);
        uri
    }

    /// Reads the target of CONNECT, which is a host and a port.
    pub(super) fn read_authority(target: &[u8]) -> Self {
        let mut uri = Uri::default();
        if let Some(found) = host_port(target) {
            uri.host = Some(found.host.to_ascii_lowercase());
            uri.port = found.port.flatten();
            uri.is_host_invalid = !found.is_valid;
        }
        uri
    }

    fn assemble(&mut self, parts: &Parts<'_>, config: &UriConfig) -> Option<Vec<u8>> {
        let mut text = Vec::new();
        if config.include_all {
            if let Some(scheme) = parts.scheme {
                text.extend(scheme.iter().map(u8::to_ascii_lowercase));
                text.extend_from_slice(b"://");
            }
            if let Some((user, password)) = parts.user {
                text.extend_from_slice(&decode(user, config));
                text.push(b':');
                text.extend_from_slice(&decode(password.unwrap_or_default(), config));
                text.push(b'@');
            }
            text.extend_from_slice(self.host.as_deref().unwrap_or_default());
        }
        if let Some(path) = &self.path {
            if config.double_decode_path {
                let again = decode(path, config);
                self.is_double_encoded |= again.len() < path.len();
                text.extend_from_slice(&again);
            } else {
                text.extend_from_slice(path);
            }
        }
        if let Some(query) = parts.query {
            text.push(b'?');
            let query = decode(query, config);
            if config.double_decode_query {
                let again = decode(&query, config);
                self.is_double_encoded |= again.len() < query.len();
                text.extend_from_slice(&again);
            } else {
                text.extend_from_slice(&query);
            }
        }
        if let Some(fragment) = parts.fragment {
            text.push(b'#');
            text.extend_from_slice(&decode(fragment, config));
        }
        (!text.is_empty()).then_some(text)
    }
}

/// A host in lower case, without the dots at its end.
fn normal_host(host: &[u8], config: &UriConfig) -> Vec<u8> {
    let mut host = decode(host, config);
    host.make_ascii_lowercase();
    while host.ends_with(b".") {
        host.pop();
    }
    host
}

/// What a `%` stands for.
struct Escape {
    /// The byte; None where nothing is put out.
    byte: Option<u8>,
    /// Bytes after the `%` that belong to it.
    len: usize,
    is_encoded: bool,
}

const fn hex_value(byte: u8) -> u8 {
    // What is no digit is read as one all the same: that is what `Process` asks for.
    if byte >= b'A' {
        (byte & 0xdf).wrapping_sub(b'A').wrapping_add(10)
    } else {
        byte.wrapping_sub(b'0')
    }
}

fn hex_byte(high: u8, low: u8) -> u8 {
    hex_value(high)
        .wrapping_mul(16)
        .wrapping_add(hex_value(low))
}

/// Reads what follows a `%`.
fn escape(after: &[u8], config: &UriConfig) -> Escape {
    let literal = Escape {
        byte: Some(b'%'),
        len: 0,
        is_encoded: false,
    };
    let (digits, skip) = match after.first() {
        Some(b'u' | b'U') if config.decode_u => (4usize, 1usize),
        Some(b'u' | b'U') => return literal,
        _ => (2, 0),
    };
    let value = |hex: &[u8]| match *hex {
        [a, b] => hex_byte(a, b),
        [a, b, c, d] => {
            let (high, low) = (hex_byte(a, b), hex_byte(c, d));
            let character = u32::from(high) << 8 | u32::from(low);
            best_fit(character, config.bestfit_replacement)
        }
        _ => b'%',
    };
    match after.get(skip..skip + digits) {
        Some(hex) if hex.iter().all(u8::is_ascii_hexdigit) => Escape {
            byte: Some(value(hex)),
            len: skip + digits,
            is_encoded: true,
        },
        Some(hex) => match config.invalid_percent {
            InvalidPercent::Preserve => literal,
            InvalidPercent::Remove => Escape {
                byte: None,
                len: 0,
                is_encoded: false,
            },
            InvalidPercent::Process => Escape {
                byte: Some(value(hex)),
                len: skip + digits,
                is_encoded: false,
            },
        },
        None if config.invalid_percent == InvalidPercent::Remove => Escape {
            byte: None,
            len: 0,
            is_encoded: false,
        },
        None => literal,
    }
}

/// Decodes a part of a target other than the path.
fn decode(text: &[u8], config: &UriConfig) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let (plain, after) = split_before(rest, |b| matches!(b, b'%' | b'+' | 0));
        out.extend_from_slice(plain);
        let Some((special, after)) = after.split_first() else {
            break;
        };
        rest = after;
        match special {
            b'%' => {
                let found = escape(after, config);
                if found.byte == Some(0) && config.nul_encoded_terminates {
                    break;
                }
                out.extend(found.byte);
                rest = after.get(found.len..).unwrap_or_default();
            }
            b'+' => out.push(if config.plus_is_space { b' ' } else { b'+' }),
            _ if config.nul_raw_terminates => break,
            other => out.push(*other),
        }
    }
    out
}

/// Decodes a path and takes out the segments that lead nowhere.
fn normal_path(path: &[u8], config: &UriConfig) -> Vec<u8> {
    let mut out = decode_path(path, config);
    if config.utf8_bestfit {
        flatten_utf8(&mut out, config.bestfit_replacement);
    }
    if memchr::memmem::find(&out, b"/.").is_some() || out.starts_with(b".") {
        out = without_dots(&out);
    }
    out
}

fn decode_path(path: &[u8], config: &UriConfig) -> Vec<u8> {
    let mut out: Vec<u8> = Vec::with_capacity(path.len());
    let is_slash = |byte: u8| byte == b'/' || (config.backslash_is_slash && byte == b'\\');
    let mut rest = path;
    while !rest.is_empty() {
        let (plain, after) = split_before(rest, |b| matches!(b, b'%' | b'/' | b'\\' | 0));
        let start = out.len();
        out.extend_from_slice(plain);
        let Some((special, after)) = after.split_first() else {
            lower(&mut out, start, config);
            break;
        };
        rest = after;
        let mut byte = Some(*special);
        match special {
            b'%' => {
                let found = escape(after, config);
                byte = found.byte;
                rest = after.get(found.len..).unwrap_or_default();
                if found.is_encoded && found.byte == Some(0) && config.nul_encoded_terminates {
                    lower(&mut out, start, config);
                    break;
                }
                let is_plain_hex = found.is_encoded && found.len == 2;
                if is_plain_hex && !config.decode_slashes && found.byte.is_some_and(is_slash) {
                    byte = Some(b'%');
                    rest = after;
                }
            }
            0 if config.nul_raw_terminates => {
                lower(&mut out, start, config);
                break;
            }
            _ => {}
        }
        if let Some(byte) = byte {
            let byte = if is_slash(byte) { b'/' } else { byte };
            if !(byte == b'/' && config.compress_slashes && out.last() == Some(&b'/')) {
                out.push(byte);
            }
        }
        lower(&mut out, start, config);
    }
    out
}

fn lower(out: &mut [u8], start: usize, config: &UriConfig) {
    if config.lowercase_path
        && let Some(new) = out.get_mut(start..)
    {
        new.make_ascii_lowercase();
    }
}

/// Takes `.` and `..` segments out (RFC 3986 section 5.2.4), without keeping the slash that a
/// closing dot segment would leave.
fn without_dots(path: &[u8]) -> Vec<u8> {
    let mut out: Vec<u8> = Vec::with_capacity(path.len());
    let mut rest = path;
    // Leading `./` and `../` lead nowhere.
    loop {
        match rest {
            [b'.', b'/', after @ ..] | [b'.', b'.', b'/', after @ ..] => rest = after,
            b"." | b".." => return out,
            _ => break,
        }
    }
    // Segments, each with the slash before it.
    while !rest.is_empty() {
        let has_slash = rest.starts_with(b"/");
        let body = rest.get(usize::from(has_slash)..).unwrap_or_default();
        let (segment, after) = split_before(body, |b| *b == b'/');
        match (has_slash, segment) {
            (true, b".") => {}
            (true, b"..") => {
                let keep = out.iter().rposition(|b| *b == b'/').unwrap_or(0);
                out.truncate(keep);
            }
            // A slash that ends the path stays only behind a name.
            (true, b"") if after.is_empty() && ends_with_dots(path) => {}
            _ => {
                if has_slash {
                    out.push(b'/');
                }
                out.extend_from_slice(segment);
            }
        }
        rest = after;
    }
    out
}

fn ends_with_dots(path: &[u8]) -> bool {
    path.ends_with(b"/./") || path.ends_with(b"/../")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(config: &UriConfig, target: &str, expected: &[u8]) {
        let uri = Uri::read(target.as_bytes(), config);
        let text = uri.text.unwrap_or_default();
        assert_eq!(
            String::from_utf8_lossy(&text),
            String::from_utf8_lossy(expected),
            "{target}"
        );
    }

    #[test]
    fn leaves_out_scheme_and_host() {
        let ids = &UriConfig::IDS;
        check(
            ids,
            "http://user:pass@www.example.com:1234/p1/p2?a=b#f",
            b"/p1/p2?a=b#f",
        );
        check(ids, "http://host.com", b"");
        check(ids, "/path", b"/path");
        let all = &UriConfig {
            include_all: true,
            ..UriConfig::IDS
        };
        check(all, "HTTP://user@Host.com./x", b"http://user:@host.com/x");
    }

    #[test]
    fn takes_dot_segments_out() {
        let minimal = &UriConfig::MINIMAL;
        check(minimal, "/a/b/c/./../../g", b"/a/g");
        check(minimal, "mid/content=5/../6", b"mid/6");
        check(minimal, "./one", b"one");
        check(minimal, "../one", b"one");
        check(minimal, "one/.", b"one");
        check(minimal, "one/..", b"");
        check(minimal, "/", b"/");
        check(minimal, "one/../", b"");
        check(minimal, "/../../../images.gif", b"/images.gif");
        check(minimal, "/.hidden/..more/x", b"/.hidden/..more/x");
    }

    #[test]
    fn decodes_as_the_personality_says() {
        let (ids, minimal) = (&UriConfig::IDS, &UriConfig::MINIMAL);
        check(
            ids,
            "/%61//b\\c%2fd/%u0065%uff0f?x=%41+b",
            b"/a/b/c/d/e/?x=A+b",
        );
        check(minimal, "/%61//b\\c%2fd?x=%41+b", b"/a//b\\c%2fd?x=A+b");
        check(ids, "/a%zz%4", b"/a%zz%4");
        check(ids, "/%2e%2e/etc", b"/etc");
        check(ids, "/%c0%afx", b"//x");
        let double = &UriConfig {
            double_decode_query: true,
            ..UriConfig::IDS
        };
        check(double, "/?%2541", b"/?A");
    }

    #[test]
    fn judges_hosts() {
        let check = |host: &str, expected| assert_eq!(is_host_valid(host.as_bytes()), expected);
        check("www.ExAmplE-1984.com", true);
        check("[::1]", true);
        check("[::", false);
        check(".www", false);
        check("a..b", false);
        check("a b", false);
        check("", false);
    }

    #[test]
    fn splits_host_and_port() {
        let check = |text: &str, host: &str, port, is_valid| {
            let expected = HostPort {
                host: host.as_bytes(),
                port,
                is_valid,
            };
            assert_eq!(host_port(text.as_bytes()), Some(expected), "{text}");
        };
        check(
            "www.example.com:80",
            "www.example.com",
            Some(Some(80)),
            true,
        );
        check("www.example.com", "www.example.com", None, true);
        check("[::1]:8080", "[::1]", Some(Some(8080)), true);
        check("[::1]xxx", "[::1]", None, false);
        check("a:port", "a", Some(None), false);
    }
}
