//! What the first bytes of one side show of a handshake, for who follows no stream.

use super::certificate::Leaf;
use super::hello::{self, Cursor, Hello, Kind};
use super::version::Version;

/// Content type of records that carry the handshake (RFC 8446 section 5.1).
const HANDSHAKE: u8 = 22;
/// Types of messages (RFC 8446 section 4).
const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;
const CERTIFICATE: u8 = 11;

/// What one side's first bytes show.
#[derive(Clone, Debug, Default)]
pub struct Opening {
    /// Its hello.
    pub hello: Option<Shown>,
    /// The first certificate; TLS 1.3 encrypts it.
    pub leaf: Option<Leaf>,
    /// More bytes would show no more: all is there, or it is no handshake.
    pub is_whole: bool,
}

/// A hello, as far as who stands by wants to know.
#[derive(Clone, Debug)]
pub struct Shown {
    /// Which side's.
    pub kind: Kind,
    /// The highest version offered, or the one chosen.
    pub version: Version,
    /// The host that the client names.
    pub sni: Option<Vec<u8>>,
    /// Its lists.
    pub hello: Hello,
}

impl Opening {
    /// Reads the first bytes of a side, from the first on.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Self {
        let mut opening = Opening::default();
        let (messages, is_over) = handshake(bytes);
        let mut input = Cursor(&messages);
        while !opening.is_whole {
            let head = input.byte().zip(input.triple());
            let Some((kind, body)) = head.and_then(|(kind, len)| Some((kind, input.take(len)?)))
            else {
                break;
            };
            match kind {
                CLIENT_HELLO => {
                    opening.show(Kind::Client, body);
                    opening.is_whole = true;
                }
                SERVER_HELLO => {
                    opening.show(Kind::Server, body);
                    let version = opening.hello.as_ref().map(|hello| hello.version);
                    opening.is_whole = version == Some(Version::TLS13);
                }
                CERTIFICATE => {
                    opening.leaf = first_of(body);
                    opening.is_whole = true;
                }
                _ => {}
            }
        }
        opening.is_whole |= is_over;
        opening
    }

    fn show(&mut self, kind: Kind, body: &[u8]) {
        let reading = hello::read(kind, body, false);
        self.hello = Some(Shown {
            kind,
            version: match kind {
                Kind::Client => reading.hello.version,
                Kind::Server => reading.version,
            },
            sni: reading.sni.map(<[u8]>::to_vec),
            hello: reading.hello,
        });
    }
}

/// The messages within the records at the beginning, and whether anything else stands there.
fn handshake(bytes: &[u8]) -> (Vec<u8>, bool) {
    let (mut messages, mut input) = (Vec::new(), Cursor(bytes));
    while let Some(kind) = input.byte() {
        if kind != HANDSHAKE {
            return (messages, true);
        }
        let Some(version) = input.word() else { break };
        if version >> 8 != 3 {
            return (messages, true);
        }
        let Some(len) = input.word() else { break };
        let here = input.0.len().min(usize::from(len));
        messages.extend_from_slice(input.take(here).unwrap_or_default());
    }
    (messages, false)
}

fn first_of(body: &[u8]) -> Option<Leaf> {
    let mut input = Cursor(body);
    input.triple()?;
    let len = input.triple()?;
    Leaf::read(input.take(len)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A record with a client's hello that names `host`.
    fn hello(host: &[u8]) -> Vec<u8> {
        let word = |value: usize| u16::try_from(value).unwrap().to_be_bytes();
        let mut name = [&word(host.len() + 3)[..], &[0], &word(host.len()), host].concat();
        name = [&[0, 0][..], &word(name.len()), &name].concat();
        let mut body = [&[3, 3][..], &[7; 32], &[0], &[0, 2, 0x13, 0x01], &[1, 0]].concat();
        body.extend_from_slice(&word(name.len()));
        body.extend_from_slice(&name);
        let mut message = vec![CLIENT_HELLO, 0];
        message.extend_from_slice(&word(body.len()));
        message.extend_from_slice(&body);
        [&[HANDSHAKE, 3, 1][..], &word(message.len()), &message].concat()
    }

    #[test]
    fn a_hello_shows_itself_once_it_is_whole() {
        let bytes = hello(b"ratel.example");
        for len in 0..bytes.len() {
            let opening = Opening::read(&bytes[..len]);
            assert!(opening.hello.is_none() && !opening.is_whole, "{len}");
        }
        let opening = Opening::read(&bytes);
        assert!(opening.is_whole);
        let shown = opening.hello.unwrap();
        assert_eq!(shown.sni.as_deref(), Some(&b"ratel.example"[..]));
        assert_eq!(shown.version, Version::TLS12);
    }

    #[test]
    fn what_is_no_handshake_is_whole_at_once() {
        assert!(Opening::read(b"GET / HTTP/1.1").is_whole);
        assert!(Opening::read(&[HANDSHAKE, 9, 9]).is_whole);
    }
}
