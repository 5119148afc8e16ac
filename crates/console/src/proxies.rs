//! Who asks where a proxy stands before the door: `X-Forwarded-For`, believed of proxies that were named, of nobody
//! else.

use std::net::IpAddr;
use std::sync::Arc;

use axum::http::HeaderMap;
use event::Prefix;

/// What a proxy writes down of the way that a request came.
const HEADER: &str = "x-forwarded-for";

/// Hops that are looked at; a chain of proxies has two or three.
const MAX_HOPS: usize = 32;

/// The proxies that were named. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Trusted(Arc<[Prefix]>);

impl Trusted {
    /// These addresses and networks.
    pub fn new(named: &[Prefix]) -> Trusted {
        Trusted(named.into())
    }

    /// Whether this is one of them.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|named| named.contains(address))
    }

    /// Who asks, where this peer sent it: the peer itself, unless it is a proxy of ours. Then the last address of the
    /// way that is none: what stands before it was written by whoever asks, and may be anything.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let peer = peer.to_canonical();
        if !self.contains(peer) {
            return peer;
        }
        let lines: Vec<&str> = headers
            .get_all(HEADER)
            .iter()
            .filter_map(|line| line.to_str().ok())
            .collect();
        let hops = lines.iter().rev().flat_map(|line| line.rsplit(','));
        let mut client = peer;
        for hop in hops.take(MAX_HOPS) {
            let Some(address) = address(hop.trim()) else {
                break;
            };
            let is_ours = self.contains(address);
            // Nobody comes from this host through a proxy, but whoever would be taken for it.
            if !is_ours && (address.is_loopback() || address.is_unspecified()) {
                break;
            }
            client = address;
            if !is_ours {
                break;
            }
        }
        client
    }
}

/// An address as proxies write it: alone, with a port, or in brackets.
fn address(hop: &str) -> Option<IpAddr> {
    let bare = hop.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    let parsed = match bare {
        Some((inner, _)) => inner.parse(),
        None => hop
            .parse()
            .or_else(|_| hop.rsplit_once(':').map_or(hop, |(ip, _)| ip).parse()),
    };
    parsed.ok().map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_named_proxies_are_believed_and_only_their_own_word() {
        let trusted = Trusted::new(&["10.0.0.0/8".parse().unwrap(), "::1".parse().unwrap()]);
        let check = |peer: &str, lines: &[&str], expected: &str| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(HEADER, line.parse().unwrap());
            }
            let found = trusted.client(peer.parse().unwrap(), &headers);
            assert_eq!(found.to_string(), expected, "{peer} {lines:?}");
        };
        // Not a proxy of ours: whatever it says.
        check("192.0.2.1", &["198.51.100.7"], "192.0.2.1");
        check("::ffff:192.0.2.1", &[], "192.0.2.1");
        check("10.0.0.1", &[], "10.0.0.1");
        check("10.0.0.1", &["198.51.100.7"], "198.51.100.7");
        check("10.0.0.1", &["127.0.0.1"], "10.0.0.1");
        check("10.0.0.1", &["127.0.0.1, 10.1.2.3"], "10.1.2.3");
        check("10.0.0.1", &["198.51.100.7:4711"], "198.51.100.7");
        check("::1", &["[2001:db8::1]:4711"], "2001:db8::1");
        // What the client wrote before the proxies' own words counts for nothing.
        check(
            "10.0.0.1",
            &["127.0.0.1, 198.51.100.7, 10.0.0.2"],
            "198.51.100.7",
        );
        check("10.0.0.1", &["127.0.0.1", "198.51.100.7"], "198.51.100.7");
        check("10.0.0.1", &["198.51.100.7, unknown"], "10.0.0.1");
        check("10.0.0.1", &["198.51.100.7, unknown, 10.0.0.2"], "10.0.0.2");
        check("10.0.0.1", &["10.0.0.3, 10.0.0.2"], "10.0.0.3");
    }
}
