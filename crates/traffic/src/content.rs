//! The bytes that conversations carry: hellos of TLS, messages of DNS, banners.

use crate::random::Random;

/// What a client's TLS library is like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Client {
    /// Ciphers offered.
    pub ciphers: u16,
    /// Extensions beside names, versions and protocols.
    pub extensions: u16,
    /// Protocols offered (ALPN).
    pub protocols: &'static [&'static str],
}

/// A browser.
pub(crate) const BROWSER: Client = Client {
    ciphers: 16,
    extensions: 12,
    protocols: &["h2", "http/1.1"],
};
/// A mail program.
pub(crate) const MAIL: Client = Client {
    ciphers: 30,
    extensions: 8,
    protocols: &["imap"],
};
/// What updates and telemetry use.
pub(crate) const SYSTEM: Client = Client {
    ciphers: 22,
    extensions: 9,
    protocols: &["http/1.1"],
};
/// A program of attackers: few options, no protocols.
pub(crate) const IMPLANT: Client = Client {
    ciphers: 10,
    extensions: 4,
    protocols: &[],
};

fn word(value: usize) -> [u8; 2] {
    u16::try_from(value).unwrap_or(u16::MAX).to_be_bytes()
}

fn extension(kind: u16, data: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &word(data.len()), data].concat()
}

fn record(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind, 3, 3][..], &word(body.len()), body].concat()
}

fn handshake(kind: u8, body: &[u8]) -> Vec<u8> {
    let [high, low] = word(body.len());
    record(22, &[&[kind, 0, high, low][..], body].concat())
}

/// A client's hello (RFC 8446 section 4.1.2).
pub(crate) fn client_hello(client: &Client, host: &str, random: &mut Random) -> Vec<u8> {
    let mut extensions = Vec::new();
    if !host.is_empty() {
        let name = [&[0][..], &word(host.len()), host.as_bytes()].concat();
        extensions.extend(extension(0, &[&word(name.len())[..], &name].concat()));
    }
    if !client.protocols.is_empty() {
        let one = |name: &&str| {
            [
                &[u8::try_from(name.len()).unwrap_or(0)][..],
                name.as_bytes(),
            ]
            .concat()
        };
        let list: Vec<u8> = client.protocols.iter().flat_map(one).collect();
        extensions.extend(extension(16, &[&word(list.len())[..], &list].concat()));
    }
    extensions.extend(extension(43, &[4, 3, 4, 3, 3]));
    for kind in 0..client.extensions {
        // Types that nobody reads.
        extensions.extend(extension(100 + kind, &random.bytes(4)));
    }
    let ciphers: Vec<u8> = (0..client.ciphers)
        .flat_map(|n| (0x1301 + n).to_be_bytes())
        .collect();
    let body = [
        &[3, 3][..],
        &random.bytes(32),
        &[32],
        &random.bytes(32),
        &word(ciphers.len()),
        &ciphers,
        &[1, 0],
        &word(extensions.len()),
        &extensions,
    ]
    .concat();
    handshake(1, &body)
}

/// A server's hello of TLS 1.3, with what follows it encrypted.
pub(crate) fn server_hello(random: &mut Random) -> Vec<u8> {
    let versions = extension(43, &[3, 4]);
    let body = [
        &[3, 3][..],
        &random.bytes(32),
        &[32],
        &random.bytes(32),
        &[0x13, 0x01, 0],
        &word(versions.len()),
        &versions,
    ]
    .concat();
    let certificate = random.length(2800.0, 5000).max(900);
    [handshake(2, &body), encrypted(certificate, random)].concat()
}

/// Records of encrypted data.
pub(crate) fn encrypted(len: usize, random: &mut Random) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(len + 64);
    let mut left = len;
    while left > 0 {
        let part = left.min(16_000);
        bytes.extend(record(23, &random.bytes(part)));
        left -= part;
    }
    bytes
}

/// A question (RFC 1035 section 4.1).
pub(crate) fn question(id: u16, name: &str, kind: u16) -> Vec<u8> {
    let mut message = [&id.to_be_bytes()[..], &[1, 0, 0, 1, 0, 0, 0, 0, 0, 0]].concat();
    for label in name.split('.') {
        message.push(u8::try_from(label.len()).unwrap_or(63));
        message.extend_from_slice(label.as_bytes());
    }
    message.push(0);
    message.extend_from_slice(&kind.to_be_bytes());
    message.extend_from_slice(&[0, 1]);
    message
}

/// The answer to a question: so many records with so many bytes each, or none of that name.
pub(crate) fn answer(
    question: &[u8],
    kind: u16,
    records: u16,
    len: usize,
    random: &mut Random,
) -> Vec<u8> {
    let mut message = question.to_vec();
    let flags = if records > 0 {
        [0x81, 0x80]
    } else {
        [0x81, 0x83]
    };
    let counts = records.to_be_bytes();
    for (at, byte) in [(2, flags[0]), (3, flags[1]), (6, counts[0]), (7, counts[1])] {
        if let Some(slot) = message.get_mut(at) {
            *slot = byte;
        }
    }
    for _ in 0..records {
        let data = match kind {
            // A text behind its length (section 3.3.14).
            16 => [
                &[u8::try_from(len).unwrap_or(255)][..],
                &random.bytes(len.min(255)),
            ]
            .concat(),
            28 => random.bytes(16),
            _ if len == 0 => random.bytes(4),
            _ => random.bytes(len),
        };
        message.extend_from_slice(&[0xc0, 12]);
        message.extend_from_slice(&kind.to_be_bytes());
        message.extend_from_slice(&[0, 1, 0, 0, 1, 44]);
        message.extend_from_slice(&word(data.len()));
        message.extend(data);
    }
    message
}
