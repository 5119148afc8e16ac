//! A feed's text to its entries, whatever its format, with what was refused and why.

use std::fmt;
use std::net::IpAddr;

use event::{Prefix, Timestamp};

use super::config::{Deed, Feed, Format};
use super::{csv, list, stix};

/// Refusals that are kept with their place; the rest is counted.
pub const MAX_REFUSED: usize = 100;

/// Prefixes that a range of addresses may fall into: twice the bits of an IPv6 address.
const MAX_PIECES: usize = 256;

/// Characters of a text that is quoted.
const MAX_QUOTE: usize = 60;

/// Ranges in which nobody on the Internet has an address (IANA's special-purpose registries), less
/// those for documentation, which tests use and nobody routes.
const NOT_PUBLIC: [(&str, u8); 16] = [
    ("0.0.0.0", 8),
    ("10.0.0.0", 8),
    ("100.64.0.0", 10),
    ("127.0.0.0", 8),
    ("169.254.0.0", 16),
    ("172.16.0.0", 12),
    ("192.0.0.0", 24),
    ("192.168.0.0", 16),
    ("198.18.0.0", 15),
    ("224.0.0.0", 3),
    ("::", 127),
    ("100::", 64),
    ("fc00::", 7),
    ("fe80::", 10),
    ("fec0::", 10),
    ("ff00::", 8),
];

/// One address or prefix, and until when it is listed, where the feed says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Who.
    pub prefix: Prefix,
    /// Until when; None: as long as the feed has it.
    pub until: Option<Timestamp>,
}

/// What was not taken: where and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// `line 12`, or `object 3 (indicator--…)`.
    pub place: String,
    /// Why.
    pub reason: String,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.reason)
    }
}

/// What a feed says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// Who is listed; some may be listed twice.
    pub entries: Vec<Entry>,
    /// What was refused, the first of it.
    pub refused: Vec<Refused>,
    /// How much was refused in all.
    pub refused_count: u64,
    /// What is listed but concerns no address of the Internet, or nothing that we take: domains,
    /// hashes, private ranges.
    pub passed_over: u64,
}

/// Why a feed is not taken as a whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// It is something else than it should be.
    #[error("{0}")]
    Shape(String),
    /// It is not text.
    #[error("line {0}: it is not text in UTF-8")]
    NotText(usize),
    /// Nothing stands in it, not even a comment: more likely a failure than good news.
    #[error("it is empty")]
    Empty,
    /// It has more entries than it may.
    #[error("it has more than {0} entries (max_entries)")]
    TooMany(usize),
    /// More was refused than taken: it is another format, or a page that says something is wrong.
    #[error("of {of} entries {refused} cannot be read; the first: {first}")]
    Rubbish {
        /// How many were refused.
        refused: u64,
        /// Of how many.
        of: u64,
        /// The first.
        first: Refused,
    },
}

/// Reads a whole feed. `now` decides which STIX indicators are valid.
///
/// # Errors
/// A feed that is not to be believed as a whole.
pub fn read(feed: &Feed, bytes: &[u8], now: Timestamp) -> Result<Reading, ReadError> {
    match feed.format {
        Format::List => list::read(feed, text(bytes)?),
        Format::Csv => csv::read(feed, text(bytes)?),
        Format::Stix | Format::Taxii => {
            let mut objects = stix::Objects::default();
            objects.bundle(bytes)?;
            objects.finish(feed, now)
        }
    }
}

fn text(bytes: &[u8]) -> Result<&str, ReadError> {
    // Some are made on Windows.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if bytes.is_empty() {
        return Err(ReadError::Empty);
    }
    std::str::from_utf8(bytes).map_err(|error| {
        let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
        ReadError::NotText(1 + before.iter().filter(|byte| **byte == b'\n').count())
    })
}

impl Reading {
    /// Takes one entry as it is written; what can't be is refused with its place.
    pub(super) fn take(&mut self, feed: &Feed, place: impl FnOnce() -> String, text: &str) {
        match prefixes(text) {
            Ok(prefixes) => self.take_prefixes(feed, place, &prefixes, None),
            Err(reason) => self.refuse(place, reason),
        }
    }

    pub(super) fn take_prefixes(
        &mut self,
        feed: &Feed,
        place: impl FnOnce() -> String,
        prefixes: &[Prefix],
        until: Option<Timestamp>,
    ) {
        let wide = prefixes.iter().find(|prefix| {
            let (four, six) = widest(feed.action);
            prefix.length() < if prefix.is_ipv4() { four } else { six }
        });
        if !feed.private && prefixes.iter().any(is_not_public) {
            self.passed_over += 1;
        } else if let Some(wide) = wide {
            let (four, six) = widest(feed.action);
            let reason = format!("{wide} is too wide: at most /{four} of IPv4 and /{six} of IPv6");
            self.refuse(place, reason);
        } else {
            let entry = |prefix: &Prefix| Entry {
                prefix: *prefix,
                until,
            };
            self.entries.extend(prefixes.iter().map(entry));
        }
    }

    pub(super) fn refuse(&mut self, place: impl FnOnce() -> String, reason: String) {
        self.refused_count += 1;
        if self.refused.len() < MAX_REFUSED {
            let place = place();
            self.refused.push(Refused { place, reason });
        }
    }

    /// Whether it holds more than the feed may.
    pub(super) fn bounded(&self, feed: &Feed) -> Result<(), ReadError> {
        if self.entries.len() > feed.max_entries {
            return Err(ReadError::TooMany(feed.max_entries));
        }
        Ok(())
    }

    /// The reading, where it is to be believed.
    pub(super) fn judged(self, feed: &Feed) -> Result<Reading, ReadError> {
        self.bounded(feed)?;
        let taken = self.entries.len() as u64 + self.passed_over;
        match self.refused.first() {
            Some(first) if self.refused_count > taken => Err(ReadError::Rubbish {
                refused: self.refused_count,
                of: self.refused_count + taken,
                first: first.clone(),
            }),
            _ => Ok(self),
        }
    }
}

/// The widest prefixes that are taken, of IPv4 and of IPv6: the widest that registries hand out. A
/// block is narrower; beyond what is ever hijacked as a whole it hits too many who did nothing.
fn widest(action: Deed) -> (u8, u8) {
    match action {
        Deed::Tag => (8, 19),
        Deed::Block => (12, 28),
    }
}

fn is_not_public(prefix: &Prefix) -> bool {
    NOT_PUBLIC.iter().any(|(address, length)| {
        let range = address.parse().ok().and_then(|a| Prefix::new(a, *length));
        range.is_some_and(|range| {
            // As numbers IPv4 lies within IPv6; a range is held against its own family.
            range.is_ipv4() == prefix.is_ipv4() && range.overlaps(prefix)
        })
    })
}

/// The prefixes that a text means: an address, a prefix, a range `first-last`, an address with a
/// port.
pub(super) fn prefixes(text: &str) -> Result<Vec<Prefix>, String> {
    if let Ok(prefix) = text.parse() {
        return Ok(vec![prefix]);
    }
    if let Ok(socket) = text.parse::<std::net::SocketAddr>() {
        return Ok(vec![Prefix::host(socket.ip())]);
    }
    let wrong = || format!("{} is no address, prefix or range", quote(text));
    let (first, last) = text.split_once('-').ok_or_else(wrong)?;
    let end = |text: &str| text.trim().parse::<IpAddr>().map_err(|_| wrong());
    let (first, last) = (end(first)?, end(last)?);
    range(first, last).ok_or_else(|| format!("{} is no range", quote(text)))
}

/// The prefixes that make up a range.
fn range(first: IpAddr, last: IpAddr) -> Option<Vec<Prefix>> {
    let (mut at, end, bits) = match (first, last) {
        (IpAddr::V4(a), IpAddr::V4(b)) => (u128::from(a.to_bits()), u128::from(b.to_bits()), 32),
        (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits(), b.to_bits(), 128),
        _ => return None,
    };
    let address = |bits_of: u128| match first {
        IpAddr::V4(_) => u32::try_from(bits_of)
            .ok()
            .map(|bits| IpAddr::V4(bits.into())),
        IpAddr::V6(_) => Some(IpAddr::V6(bits_of.into())),
    };
    let mut pieces = Vec::new();
    while at <= end {
        if pieces.len() >= MAX_PIECES {
            return None;
        }
        // The widest prefix that begins here and ends within.
        let mut host = at.trailing_zeros().min(bits);
        while host > 0
            && (1_u128
                .checked_shl(host)
                .is_none_or(|size| end - at < size - 1))
        {
            host -= 1;
        }
        pieces.push(Prefix::new(address(at)?, u8::try_from(bits - host).ok()?)?);
        let Some(next) = 1_u128
            .checked_shl(host)
            .and_then(|size| at.checked_add(size))
        else {
            break;
        };
        at = next;
    }
    (!pieces.is_empty()).then_some(pieces)
}

/// A text as it may be told: short, without characters that act on a terminal.
pub(super) fn quote(text: &str) -> String {
    let mut short: String = text.chars().take(MAX_QUOTE).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    format!("{short:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_means_prefixes() {
        let check = |text: &str, expected: &[&str]| {
            let got: Vec<String> = prefixes(text)
                .unwrap()
                .iter()
                .map(Prefix::to_string)
                .collect();
            assert_eq!(got, expected, "{text}");
        };
        check("192.0.2.1", &["192.0.2.1"]);
        check("192.0.2.0/24", &["192.0.2.0/24"]);
        check("192.0.2.1:443", &["192.0.2.1"]);
        check("[2001:db8::1]:443", &["2001:db8::1"]);
        check("::ffff:192.0.2.1", &["192.0.2.1"]);
        check("192.0.2.0-192.0.2.255", &["192.0.2.0/24"]);
        check("192.0.2.1 - 192.0.2.3", &["192.0.2.1", "192.0.2.2/31"]);
        check("255.255.255.255-255.255.255.255", &["255.255.255.255"]);
        check("2001:db8::-2001:db8::ffff", &["2001:db8::/112"]);
        for text in [
            "",
            "pear",
            "example.com",
            "192.0.2.1/33",
            "192.0.2.9-192.0.2.1",
            "192.0.2.1-2001:db8::1",
            "1-2",
        ] {
            assert!(prefixes(text).is_err(), "{text}");
        }
        // Everything is one prefix, and ends.
        check("0.0.0.0-255.255.255.255", &["0.0.0.0/0"]);
        let all = "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
        assert_eq!(prefixes(all).unwrap().len(), 2);
    }

    proptest::proptest! {
        #[test]
        fn a_range_holds_its_addresses_and_no_other(a: u32, b: u32) {
            let (first, last) = (a.min(b), a.max(b));
            let pieces = range(IpAddr::V4(first.into()), IpAddr::V4(last.into())).unwrap();
            let size: u64 = pieces.iter().map(|p| 1_u64 << (32 - p.length())).sum();
            proptest::prop_assert_eq!(size, u64::from(last - first) + 1);
            for address in [first, last] {
                let address = IpAddr::V4(address.into());
                proptest::prop_assert!(pieces.iter().any(|p| p.contains(address)));
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in ".*") {
            let _ = prefixes(&text);
        }
    }
}
