//! Whether packets of somebody still arrive: asked by those who have blocked him.

use crate::shared::lock;
use event::{Prefix, Timestamp};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// Prefixes that are watched at once; beyond it nothing is known of further ones.
const MAX_PAGES: usize = 4096;
/// A prefix that was not asked for while so many questions came is watched no more.
const IDLE_QUESTIONS: u64 = 16 * MAX_PAGES as u64;

/// What was seen of one prefix.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Packets that came from it since the moment that was asked for, as far as it was watched.
    pub packets: u64,
    /// The interface that saw the first of them.
    pub interface: Option<String>,
}

/// One prefix that is watched.
#[derive(Debug)]
struct Page {
    /// Nanoseconds since the epoch.
    since: AtomicI64,
    packets: AtomicU64,
    interface: Mutex<Option<String>>,
    asked: AtomicU64,
}

/// All prefixes that are watched, shared between workers and those who ask.
#[derive(Debug, Default)]
pub(crate) struct Book {
    pages: Mutex<BTreeMap<Prefix, Arc<Page>>>,
    /// Rises with each change of `pages`.
    edition: AtomicU64,
    questions: AtomicU64,
}

impl Book {
    /// What came from `prefix` since a moment; None where it was not watched by then. The first question
    /// begins to watch it, and one about a later moment begins anew.
    pub(crate) fn ask(&self, prefix: Prefix, since: Timestamp) -> Option<Seen> {
        let question = self.questions.fetch_add(1, Ordering::Relaxed);
        let mut pages = lock(&self.pages);
        let Some(page) = pages.get(&prefix) else {
            if pages.len() >= MAX_PAGES {
                // Looked for now and then only: each look goes through all pages.
                if !question.is_multiple_of(MAX_PAGES as u64) {
                    return None;
                }
                let oldest = question.saturating_sub(IDLE_QUESTIONS);
                pages.retain(|_, page| page.asked.load(Ordering::Relaxed) >= oldest);
                if pages.len() >= MAX_PAGES {
                    return None;
                }
            }
            let page = Page {
                since: AtomicI64::new(since.nanos()),
                packets: AtomicU64::new(0),
                interface: Mutex::new(None),
                asked: AtomicU64::new(question),
            };
            pages.insert(prefix, Arc::new(page));
            self.edition.fetch_add(1, Ordering::Relaxed);
            return None;
        };
        page.asked.store(question, Ordering::Relaxed);
        if page.since.swap(since.nanos(), Ordering::Relaxed) < since.nanos() {
            page.packets.store(0, Ordering::Relaxed);
            *lock(&page.interface) = None;
            return None;
        }
        Some(Seen {
            packets: page.packets.load(Ordering::Relaxed),
            interface: lock(&page.interface).clone(),
        })
    }
}

/// A worker's own copy of the book.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    edition: u64,
    pages: HashMap<Prefix, Arc<Page>>,
    lengths_4: BTreeSet<u8>,
    lengths_6: BTreeSet<u8>,
}

impl Reader {
    /// Takes the book as it is now, where it has changed.
    pub(crate) fn follow(&mut self, book: &Book) {
        let edition = book.edition.load(Ordering::Relaxed);
        if edition == self.edition {
            return;
        }
        self.edition = edition;
        self.pages = lock(&book.pages)
            .iter()
            .map(|(prefix, page)| (*prefix, page.clone()))
            .collect();
        let lengths = |is_ipv4: bool| {
            let these = self.pages.keys().filter(|p| p.is_ipv4() == is_ipv4);
            these.map(Prefix::length).collect()
        };
        self.lengths_4 = lengths(true);
        self.lengths_6 = lengths(false);
    }

    /// A frame came by `interface`.
    pub(crate) fn on_frame(
        &self,
        time: Timestamp,
        frame: &[u8],
        is_ethernet: bool,
        interface: &str,
    ) {
        if self.pages.is_empty() {
            return;
        }
        let Some(source) = source(frame, is_ethernet) else {
            return;
        };
        let lengths = match source {
            IpAddr::V4(_) => &self.lengths_4,
            IpAddr::V6(_) => &self.lengths_6,
        };
        for length in lengths {
            let page = Prefix::new(source, *length).and_then(|prefix| self.pages.get(&prefix));
            if let Some(page) = page
                && time.nanos() >= page.since.load(Ordering::Relaxed)
                && page.packets.fetch_add(1, Ordering::Relaxed) == 0
            {
                *lock(&page.interface) = Some(interface.to_owned());
            }
        }
    }
}

/// Who sent a frame: the outermost source address, behind up to two VLAN tags (IEEE 802.1Q).
fn source(frame: &[u8], is_ethernet: bool) -> Option<IpAddr> {
    let mut packet = frame;
    if is_ethernet {
        packet = frame.get(12..)?;
        for _ in 0..2 {
            if matches!(packet.get(..2)?, [0x81, 0x00] | [0x88, 0xa8]) {
                packet = packet.get(4..)?;
            }
        }
        if !matches!(packet.get(..2)?, [0x08, 0x00] | [0x86, 0xdd]) {
            return None;
        }
        packet = packet.get(2..)?;
    }
    match packet.first()? >> 4 {
        4 => Some(IpAddr::from(<[u8; 4]>::try_from(packet.get(12..16)?).ok()?)),
        6 => Some(IpAddr::from(<[u8; 16]>::try_from(packet.get(8..24)?).ok()?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use decode::build::Stack;

    fn at(secs: i64) -> Timestamp {
        Timestamp::new(secs, 0)
    }

    fn prefix(text: &str) -> Prefix {
        text.parse().expect("a prefix")
    }

    #[test]
    fn packets_are_counted_from_the_moment_that_was_asked_for() {
        let (book, mut reader) = (Book::default(), Reader::default());
        let frame = Stack::raw()
            .ipv4("203.0.113.66", "192.0.2.1")
            .udp(1, 2)
            .payload(b"x")
            .bytes();
        let mut see = |secs| {
            reader.follow(&book);
            reader.on_frame(at(secs), &frame, false, "eth0");
        };
        let host = prefix("203.0.113.66");
        see(1);
        assert_eq!(book.ask(host, at(2)), None);
        see(1);
        see(2);
        see(3);
        let expected = |packets| {
            Some(Seen {
                packets,
                interface: Some("eth0".to_owned()),
            })
        };
        assert_eq!(book.ask(host, at(2)), expected(2));
        assert_eq!(book.ask(host, at(4)), None);
        assert_eq!(book.ask(host, at(4)), Some(Seen::default()));
        see(4);
        assert_eq!(book.ask(host, at(4)), expected(1));
        // A wider one, and one that it is not in.
        book.ask(prefix("203.0.113.0/24"), at(5));
        book.ask(prefix("198.51.100.0/24"), at(5));
        see(5);
        assert_eq!(book.ask(prefix("203.0.113.0/24"), at(5)), expected(1));
        let nobody = book.ask(prefix("198.51.100.0/24"), at(5));
        assert_eq!(nobody, Some(Seen::default()));
    }

    #[test]
    fn the_book_has_a_last_page() {
        let book = Book::default();
        let ask = |number: u32| book.ask(Prefix::host(IpAddr::from(number.to_be_bytes())), at(1));
        for number in 0..2 * MAX_PAGES as u32 {
            assert_eq!(ask(number), None);
        }
        assert_eq!(lock(&book.pages).len(), MAX_PAGES);
        // Those that are watched are known for as long as they are asked for.
        assert_eq!(ask(7), Some(Seen::default()));
    }

    #[test]
    fn a_frame_of_any_bytes_has_a_source_or_none() {
        assert_eq!(source(&[], true), None);
        assert_eq!(source(&[0; 64], true), None);
        let mut tagged = vec![0; 12];
        tagged.extend_from_slice(&[0x81, 0, 0, 7, 0x08, 0x00, 0x45]);
        assert_eq!(source(&tagged, true), None);
        tagged.resize(18 + 12, 0);
        tagged.extend_from_slice(&[203, 0, 113, 9, 192, 0, 2, 1]);
        assert_eq!(source(&tagged, true), Some(IpAddr::from([203, 0, 113, 9])));
    }
}
