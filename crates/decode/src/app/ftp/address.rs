//! Addresses of data channels: PORT and PASV (RFC 959 section 4.1.2), EPRT and EPSV (RFC 2428).

use std::net::Ipv4Addr;

/// `h1,h2,h3,h4,p1,p2`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    pub(super) address: Ipv4Addr,
    pub(super) port: u16,
}

/// What stands behind `PORT`.
pub(super) fn port(argument: &[u8]) -> Option<Endpoint> {
    let (endpoint, _) = endpoint(argument)?;
    Some(endpoint)
}

/// `227 Entering Passive Mode (h1,h2,h3,h4,p1,p2)`.
pub(super) fn pasv(reply: &[u8]) -> Option<Endpoint> {
    let open = memchr::memchr(b'(', reply)?;
    let (endpoint, rest) = endpoint(reply.get(open + 1..)?)?;
    rest.starts_with(b")").then_some(endpoint)
}

/// `EPRT |2|2a01:e34::1|41813|`: the port behind the third delimiter.
pub(super) fn eprt(argument: &[u8]) -> Option<u16> {
    let mut parts = argument.split(|b| *b == b'|').skip(3);
    let port = number(parts.next()?.trim_ascii())?;
    parts.next()?;
    Some(port)
}

/// `229 Entering Extended Passive Mode (|||48758|)`.
pub(super) fn epsv(reply: &[u8]) -> Option<u16> {
    let at = memchr::memmem::find(reply, b"|||")?;
    let (port, rest) = split_number(reply.get(at + 3..)?)?;
    rest.starts_with(b"|)").then_some(port)
}

fn endpoint(text: &[u8]) -> Option<(Endpoint, &[u8])> {
    let mut rest = text;
    let mut bytes = [0u8; 6];
    for (at, byte) in bytes.iter_mut().enumerate() {
        if at > 0 {
            rest = rest.strip_prefix(b",")?;
        }
        let (value, after) = split_number(rest)?;
        *byte = u8::try_from(value).ok()?;
        rest = after;
    }
    let [a, b, c, d, high, low] = bytes;
    let endpoint = Endpoint {
        address: Ipv4Addr::new(a, b, c, d),
        port: u16::from_be_bytes([high, low]),
    };
    (endpoint.port != 0).then_some((endpoint, rest))
}

/// A number with spaces around it, and what follows.
fn split_number(text: &[u8]) -> Option<(u16, &[u8])> {
    let text = text.trim_ascii_start();
    let len = text.iter().take_while(|b| b.is_ascii_digit()).count();
    let (digits, rest) = text.split_at_checked(len)?;
    Some((number(digits)?, rest.trim_ascii_start()))
}

fn number(digits: &[u8]) -> Option<u16> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_addresses_of_data_channels() {
        let host = |port| {
            Some(Endpoint {
                address: Ipv4Addr::new(192, 168, 0, 13),
                port,
            })
        };
        assert_eq!(port(b"192,168,0,13,234,10"), host(59914));
        assert_eq!(port(b" 192,168,0,13,0,0"), None);
        assert_eq!(port(b"192,168,0,13,256,0"), None);
        assert_eq!(port(b"192,168,0,13,25"), None);
        assert_eq!(
            pasv(b"227 Entering Passive Mode (192,168,0,13,234,10)."),
            host(59914)
        );
        assert_eq!(pasv(b"227 Entering Passive Mode 192,168,0,13,234,10"), None);
        assert_eq!(eprt(b"|2|2a01:e34::1|41813|"), Some(41813));
        assert_eq!(eprt(b"|2|2a01:e34::1|81813|"), None);
        assert_eq!(
            epsv(b"229 Entering Extended Passive Mode (|||48758|)"),
            Some(48758)
        );
        assert_eq!(epsv(b"229 Entering Extended Passive Mode (|||x|)"), None);
    }
}
