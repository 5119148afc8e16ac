//! What the content of a flow's first packets shows: traits of TLS and of DNS.

use crate::seen::Seen;
use decode::app::dns::Message;
use decode::app::tls::{Carrier, Kind, Opening, Shown, Version, ja4};

/// Bytes kept of a side until its hello is whole: hellos with large keys take some 2,000, those of
/// servers with a certificate some 4,000.
const OPENING_MAX: usize = 6_000;
/// Ports on which a datagram is taken for DNS where it can be read as such: DNS, mDNS, LLMNR.
const DNS_PORTS: [u16; 3] = [53, 5353, 5355];
/// Types of queries that carry much and that few ask for: NULL, TXT, ANY (RFC 1035 section 3.2).
const BULKY: [u16; 3] = [10, 16, 255];

/// Traits of the content.
#[derive(Clone, Debug, Default)]
pub(crate) struct Content {
    pub tls: Tls,
    pub dns: Dns,
    /// What is read of a handshake, by direction.
    sides: [Side; 2],
}

/// Traits of TLS.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tls {
    /// The version chosen, or else offered: 10 for TLS 1.0 and so on; 0 where there is none.
    pub version: u32,
    pub sni_length: u32,
    pub sni_entropy: f64,
    pub ciphers: u32,
    pub extensions: u32,
    /// Protocols offered (ALPN), and the first of them.
    pub protocols: u32,
    pub alpn: String,
    pub ja4: String,
    pub has_certificate: bool,
    pub is_self_signed: bool,
    pub certificate_days: u32,
}

/// Traits of DNS, over all messages of the flow.
#[derive(Clone, Debug, Default)]
pub(crate) struct Dns {
    pub queries: u32,
    pub responses: u32,
    pub answers: u32,
    pub failures: u32,
    pub bulky: u32,
    /// Type of the first query.
    pub first_type: u32,
    pub name_length_max: u32,
    pub labels_max: u32,
    pub entropy_max: f64,
    name_lengths: u64,
}

impl Dns {
    /// Mean length of the names asked for.
    pub(crate) fn name_length_mean(&self) -> f64 {
        crate::bulk::ratio(self.name_lengths as f64, f64::from(self.queries))
    }
}

/// What is read of one side's handshake.
#[derive(Clone, Debug, Default)]
struct Side {
    bytes: Vec<u8>,
    is_done: bool,
}

impl Content {
    /// A packet of this flow.
    pub(crate) fn add(&mut self, seen: &Seen<'_>, is_forward: bool) {
        if seen.content.is_empty() {
            return;
        }
        match seen.protocol {
            6 => self.add_segment(seen, is_forward),
            17 if [seen.source_port, seen.destination_port]
                .iter()
                .any(|port| DNS_PORTS.contains(port)) =>
            {
                self.dns.add(seen.content);
            }
            _ => {}
        }
    }

    /// The directions were taken for each other.
    pub(crate) fn turn(&mut self) {
        self.sides.swap(0, 1);
    }

    /// Segments are taken as they come: a handshake whose first ones are lost or out of order is not read.
    fn add_segment(&mut self, seen: &Seen<'_>, is_forward: bool) {
        let side = &mut self.sides[usize::from(!is_forward)];
        if side.is_done {
            return;
        }
        let content = seen.content;
        let content = content.get(..OPENING_MAX).unwrap_or(content);
        // Of one segment alone nothing need be kept.
        let opening = match side.bytes.is_empty() {
            true => Opening::read(content),
            false => {
                side.bytes.extend_from_slice(content);
                Opening::read(&side.bytes)
            }
        };
        if !opening.is_whole && side.bytes.len() < OPENING_MAX {
            if side.bytes.is_empty() {
                side.bytes = content.to_vec();
            }
            return;
        }
        side.is_done = true;
        side.bytes = Vec::new();
        if let Some(shown) = &opening.hello {
            self.tls.show(shown);
        }
        if let Some(leaf) = &opening.leaf {
            self.tls.has_certificate = true;
            self.tls.is_self_signed = leaf.subject == leaf.issuer;
            let days = leaf.not_after.saturating_sub(leaf.not_before) / 86_400;
            self.tls.certificate_days = u32::try_from(days).unwrap_or(0);
        }
    }
}

impl Tls {
    fn show(&mut self, shown: &Shown) {
        let version = match shown.version {
            Version::SSL3 => 3,
            Version::TLS10 => 10,
            Version::TLS11 => 11,
            Version::TLS12 => 12,
            Version::TLS13 => 13,
            _ => 1,
        };
        match shown.kind {
            Kind::Server => self.version = version,
            Kind::Client => {
                if self.version == 0 {
                    self.version = version;
                }
                let sni = shown.sni.as_deref().unwrap_or_default();
                self.sni_length = length(sni.len());
                self.sni_entropy = entropy(sni);
                self.ciphers = length(shown.hello.ciphers.len());
                self.extensions = length(shown.hello.extensions.len());
                self.protocols = length(shown.hello.protocols.len());
                let first = shown.hello.protocols.first();
                self.alpn = first.map(|name| plain(name)).unwrap_or_default();
                self.ja4 = ja4(Carrier::Tcp, &shown.hello);
            }
        }
    }
}

impl Dns {
    fn add(&mut self, datagram: &[u8]) {
        let Some(message) = Message::read(datagram) else {
            return;
        };
        if message.header.is_response() {
            self.responses += 1;
            self.answers = self.answers.saturating_add(length(message.answers.len()));
            self.failures += u32::from(message.header.rcode() != 0);
            return;
        }
        for query in &message.queries {
            let name = query.name.of(&message.bytes);
            if self.queries == 0 {
                self.first_type = u32::from(query.rrtype);
            }
            self.queries += 1;
            self.bulky += u32::from(BULKY.contains(&query.rrtype));
            self.name_lengths += name.len() as u64;
            self.name_length_max = self.name_length_max.max(length(name.len()));
            let labels = name.split(|byte| *byte == b'.').count();
            self.labels_max = self.labels_max.max(length(labels));
            self.entropy_max = self.entropy_max.max(entropy(name));
        }
    }
}

/// Shannon's entropy of the bytes, in bits a byte.
fn entropy(text: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in text {
        counts[usize::from(*byte)] += 1;
    }
    let all = text.len() as f64;
    let part = |count: u32| {
        let share = f64::from(count) / all;
        -share * share.log2()
    };
    counts
        .into_iter()
        .filter(|count| *count > 0)
        .map(part)
        .sum()
}

/// Letters, digits and what stands between them; other bytes as underscores, so that no row has to be quoted.
fn plain(name: &[u8]) -> String {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"./-".contains(byte);
    let byte = |byte: &u8| {
        if is_plain(byte) {
            char::from(*byte)
        } else {
            '_'
        }
    };
    name.iter().take(32).map(byte).collect()
}

fn length(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entropy_is_that_of_the_textbook() {
        assert_eq!(entropy(b""), 0.0);
        assert_eq!(entropy(b"aaaa"), 0.0);
        assert_eq!(entropy(b"abab"), 1.0);
        assert_eq!(entropy(b"abcdefgh"), 3.0);
    }

    #[test]
    fn no_name_needs_a_quotation_mark() {
        assert_eq!(plain(b"http/1.1"), "http/1.1");
        assert_eq!(plain(b"a,\"\n\xff"), "a____");
    }
}
