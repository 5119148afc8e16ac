//! The bytes of one direction: pieces without holes in them, and the segments they came in.
//!
//! Segments in order end in one append to the last piece. Only segments out of order make further
//! pieces, and only overlapping ones are compared with the segments that came before.

use super::config::OsPolicy;
use super::overlap;
use std::collections::VecDeque;

/// Segments remembered at most; what came before is then taken as one segment. Reached only where
/// a sender sends single bytes that are never acknowledged.
const MAX_SEGMENTS: usize = 65_536;

/// Bytes in a row.
#[derive(Debug, Default)]
struct Region {
    /// Place of `data[head]` in the stream.
    start: u64,
    /// Bytes at the front of `data` that are done with.
    head: usize,
    data: Vec<u8>,
}

impl Region {
    fn end(&self) -> u64 {
        self.start + self.bytes().len() as u64
    }

    fn bytes(&self) -> &[u8] {
        self.data.get(self.head..).unwrap_or_default()
    }

    /// The bytes from `offset` on.
    fn from(&self, offset: u64) -> &[u8] {
        let skip = usize::try_from(offset.saturating_sub(self.start)).unwrap_or(usize::MAX);
        self.bytes().get(skip..).unwrap_or_default()
    }

    /// Forgets what lies before `offset`; moves the rest to the front once it is the smaller part.
    fn trim(&mut self, offset: u64) {
        let len = self.bytes().len();
        let skip = usize::try_from(offset.saturating_sub(self.start))
            .unwrap_or(len)
            .min(len);
        self.start += skip as u64;
        self.head += skip;
        if self.head == self.data.len() {
            self.data.clear();
            self.head = 0;
        } else if self.head > self.data.len() / 2 {
            self.data.drain(..self.head);
            self.head = 0;
        }
    }
}

/// Where a segment lay; `start` may lie before the stream's first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: i64,
    pub(super) len: u32,
}

impl Span {
    pub(super) fn end(self) -> i64 {
        self.start + i64::from(self.len)
    }
}

/// What became of a segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Inserted {
    /// It lay before everything that is still held.
    pub(super) is_before: bool,
    /// It overlapped another.
    pub(super) has_overlap: bool,
    /// And the bytes were not the same.
    pub(super) is_different: bool,
    /// There were too many pieces already.
    pub(super) is_refused: bool,
}

/// How overlaps are settled.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    pub(super) policy: OsPolicy,
    pub(super) inline: bool,
    pub(super) check_overlap: bool,
    pub(super) max_regions: usize,
}

/// The bytes held of one direction.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    /// Everything before this place is forgotten.
    base: u64,
    regions: Vec<Region>,
    segments: VecDeque<Span>,
    /// Greatest end of a segment.
    right_edge: i64,
    /// Most pieces there ever were at once.
    max_regions: u16,
}

impl Buffer {
    pub(super) fn base(&self) -> u64 {
        self.base
    }

    /// Most pieces held at once so far; the empty one that it begins with counts.
    pub(super) fn max_regions(&self) -> u16 {
        self.max_regions.max(1)
    }

    pub(super) fn has_segments(&self) -> bool {
        !self.segments.is_empty()
    }

    /// End of the last byte held.
    pub(super) fn end(&self) -> u64 {
        self.regions.last().map_or(self.base, Region::end)
    }

    /// Whether there is more than one piece or a hole before the first.
    pub(super) fn has_holes(&self) -> bool {
        self.regions.len() > 1
            || self
                .regions
                .first()
                .is_some_and(|first| first.start > self.base)
    }

    /// Memory taken.
    pub(super) fn memory(&self) -> usize {
        self.regions
            .iter()
            .map(|region| region.data.capacity())
            .sum::<usize>()
            + self.segments.capacity() * size_of::<Span>()
    }

    /// Bytes from `offset` on, up to the next hole.
    pub(super) fn at(&self, offset: u64) -> &[u8] {
        match self.region_at(offset) {
            Some(region) if region.start <= offset => region.from(offset),
            _ => &[],
        }
    }

    /// The first piece that reaches beyond `offset`: where it starts, at `offset` at the earliest,
    /// and its bytes.
    pub(super) fn next(&self, offset: u64) -> Option<(u64, &[u8])> {
        let region = self.region_at(offset)?;
        Some((region.start.max(offset), region.from(offset)))
    }

    fn region_at(&self, offset: u64) -> Option<&Region> {
        // With one piece, which is nearly always, there is nothing to search.
        self.regions.iter().find(|region| region.end() > offset)
    }

    /// Takes a segment.
    pub(super) fn insert(&mut self, start: i64, data: &[u8], rules: Rules) -> Inserted {
        let span = Span {
            start,
            len: data.len() as u32,
        };
        if span.end() <= self.base as i64 {
            return Inserted {
                is_before: true,
                ..Inserted::default()
            };
        }
        if self.segments.is_empty() || start >= self.right_edge {
            let is_refused = !self.write(start, data, rules.max_regions);
            if !is_refused {
                self.remember(self.segments.len(), span);
            }
            return Inserted {
                is_refused,
                ..Inserted::default()
            };
        }
        let key = |span: &Span| (span.start, span.len);
        let (place, is_duplicate) = match self.segments.binary_search_by_key(&key(&span), key) {
            Ok(place) => (place, true),
            Err(place) => (place, false),
        };
        let mut result = Inserted {
            has_overlap: is_duplicate,
            ..Inserted::default()
        };
        let overlaps = self.overlapping(place, span);
        result.has_overlap |= !overlaps.is_empty();
        if result.has_overlap {
            let mut merged = data.to_vec();
            for index in overlaps {
                let Some(&old) = self.segments.get(index) else {
                    continue;
                };
                let settled = overlap::settle(self, rules, old, span, data, &mut merged);
                // A resent segment of the same place and length is no attack on the target's
                // policy, except where the packet itself is changed.
                result.is_different |= settled && (rules.inline || old != span);
            }
            result.is_refused = !self.write(start, &merged, rules.max_regions);
        } else {
            result.is_refused = !self.write(start, data, rules.max_regions);
        }
        if !result.is_refused && !is_duplicate {
            self.remember(place, span);
        }
        result
    }

    /// Places of remembered segments that share bytes with `span`, which would stand at `place`:
    /// leftwards from there until one ends before it, then rightwards.
    fn overlapping(&self, place: usize, span: Span) -> smallvec::SmallVec<[usize; 8]> {
        let base = self.base as i64;
        let mut found = smallvec::SmallVec::new();
        for index in (0..place).rev() {
            let Some(old) = self.segments.get(index) else {
                break;
            };
            if old.end() <= base {
                continue;
            }
            if old.end() <= span.start {
                break;
            }
            found.push(index);
        }
        for (index, old) in self.segments.iter().enumerate().skip(place) {
            if old.start >= span.end() {
                break;
            }
            found.push(index);
        }
        found
    }

    fn remember(&mut self, place: usize, span: Span) {
        self.right_edge = if self.segments.is_empty() {
            span.end()
        } else {
            self.right_edge.max(span.end())
        };
        if place >= self.segments.len() {
            self.segments.push_back(span);
        } else {
            self.segments.insert(place, span);
        }
        if self.segments.len() > MAX_SEGMENTS {
            self.segments.pop_front();
        }
    }

    /// Writes bytes over whatever is there; false where it would make one piece too many.
    fn write(&mut self, start: i64, data: &[u8], max_regions: usize) -> bool {
        let base = self.base as i64;
        let skip = usize::try_from(base - start).unwrap_or(0);
        let Some(data) = data.get(skip..) else {
            return true;
        };
        let start = start.max(base) as u64;
        let end = start + data.len() as u64;
        if let Some(last) = self.regions.last_mut()
            && last.end() == start
        {
            last.data.extend_from_slice(data);
            return true;
        }
        // The first piece that touches or follows the bytes.
        let first = self.regions.partition_point(|region| region.end() < start);
        let touching = self
            .regions
            .iter()
            .skip(first)
            .take_while(|region| region.start <= end)
            .count();
        if touching == 0 {
            if self.regions.len() >= max_regions.max(1) {
                return false;
            }
            let region = Region {
                start,
                head: 0,
                data: data.to_vec(),
            };
            self.regions.insert(first, region);
            self.max_regions = self.max_regions.max(self.regions.len().min(0xffff) as u16);
            return true;
        }
        let mut rest = self.regions.split_off(first);
        let after = rest.split_off(touching);
        let mut rest = rest.into_iter();
        let mut whole = match rest.next() {
            Some(region) if region.start <= start => region,
            Some(region) => {
                let keep = region.from(end);
                let mut joined = Vec::with_capacity(data.len() + keep.len());
                joined.extend_from_slice(data);
                joined.extend_from_slice(keep);
                Region {
                    start,
                    head: 0,
                    data: joined,
                }
            }
            None => Region {
                start,
                head: 0,
                data: Vec::new(),
            },
        };
        overwrite(&mut whole, start, data);
        for region in rest {
            let tail = region.from(whole.end());
            whole.data.extend_from_slice(tail);
        }
        self.regions.push(whole);
        self.regions.extend(after);
        true
    }

    /// Forgets everything before `offset`.
    pub(super) fn slide(&mut self, offset: u64) {
        if offset <= self.base {
            return;
        }
        self.base = offset;
        let done = self
            .regions
            .partition_point(|region| region.end() <= offset);
        if done > 0 && done == self.regions.len() {
            // Keeps the memory of the last piece for what comes next.
            self.regions.drain(..done - 1);
            if let Some(last) = self.regions.first_mut() {
                last.data.clear();
                last.head = 0;
                last.start = offset;
            }
        } else {
            self.regions.drain(..done);
            if let Some(first) = self.regions.first_mut() {
                first.trim(offset);
            }
        }
        let edge = offset as i64;
        while self.segments.front().is_some_and(|span| span.end() <= edge) {
            self.segments.pop_front();
        }
    }

    /// Forgets all bytes and gives the memory back.
    pub(super) fn clear(&mut self) {
        self.base = self.end();
        self.regions = Vec::new();
        self.segments = VecDeque::new();
    }

    /// Every piece held, with its place.
    pub(super) fn pieces(&self) -> impl Iterator<Item = (u64, &[u8])> {
        self.regions
            .iter()
            .map(|region| (region.start, region.bytes()))
            .filter(|(_, bytes)| !bytes.is_empty())
    }
}

/// Writes `data` at `start` of the stream into a piece that begins there or before and reaches
/// `start` at least.
fn overwrite(region: &mut Region, start: u64, data: &[u8]) {
    let at = region.head + usize::try_from(start.saturating_sub(region.start)).unwrap_or(0);
    let inside = region.data.len().saturating_sub(at).min(data.len());
    let (replace, append) = data.split_at(inside);
    if let Some(place) = region.data.get_mut(at..at + inside) {
        place.copy_from_slice(replace);
    }
    region.data.extend_from_slice(append);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RULES: Rules = Rules {
        policy: OsPolicy::Bsd,
        inline: false,
        check_overlap: true,
        max_regions: 64,
    };

    fn check(policy: OsPolicy, steps: &[(i64, &str)], expected: &str) {
        let mut buffer = Buffer::default();
        for (start, data) in steps {
            buffer.insert(*start, data.as_bytes(), Rules { policy, ..RULES });
        }
        assert_eq!(
            String::from_utf8_lossy(buffer.at(0)),
            expected,
            "{policy:?} {steps:?}"
        );
    }

    #[test]
    fn segments_in_any_order_make_one_piece() {
        check(
            OsPolicy::Bsd,
            &[(0, "AAA"), (3, "BB"), (5, "CC")],
            "AAABBCC",
        );
        check(
            OsPolicy::Bsd,
            &[(3, "BB"), (5, "CC"), (0, "AAA")],
            "AAABBCC",
        );
        check(
            OsPolicy::Bsd,
            &[(0, "AAA"), (5, "CC"), (3, "BB")],
            "AAABBCC",
        );
        check(OsPolicy::Bsd, &[(0, "AAA"), (5, "CC")], "AAA");
    }

    #[test]
    fn each_system_keeps_its_own_copy_of_an_overlap() {
        let same = [(0, "AAAA"), (0, "BBBB")];
        check(OsPolicy::Bsd, &same, "AAAA");
        check(OsPolicy::Linux, &same, "AAAA");
        check(OsPolicy::OldLinux, &same, "BBBB");
        check(OsPolicy::Solaris, &same, "BBBB");
        check(OsPolicy::Last, &same, "BBBB");
        let longer = [(0, "AA"), (0, "BBBB")];
        check(OsPolicy::Bsd, &longer, "AABB");
        check(OsPolicy::Linux, &longer, "BBBB");
        let early = [(2, "AA"), (0, "BBB")];
        check(OsPolicy::Bsd, &early, "BBBA");
        check(OsPolicy::First, &early, "BBAA");
        check(OsPolicy::Vista, &early, "BBAA");
        let late = [(0, "AAA"), (2, "BBB")];
        check(OsPolicy::Bsd, &late, "AAABB");
        check(OsPolicy::Hpux11, &late, "AABBB");
    }

    #[test]
    fn what_is_done_with_is_forgotten() {
        let mut buffer = Buffer::default();
        for at in 0..10_000u64 {
            assert!(!buffer.insert(at as i64 * 100, &[7; 100], RULES).is_refused);
            buffer.slide((at + 1) * 100);
        }
        assert_eq!(buffer.base(), 1_000_000);
        assert!(buffer.memory() < 4096, "{}", buffer.memory());
        assert!(buffer.insert(0, b"old", RULES).is_before);
    }

    #[test]
    fn pieces_are_limited() {
        let mut buffer = Buffer::default();
        let refused = (0..100)
            .filter(|at| buffer.insert(at * 2, b"x", RULES).is_refused)
            .count();
        assert_eq!(refused, 36);
    }

    proptest! {
        #[test]
        fn any_segmentation_order_and_repetition_gives_the_same_bytes(
            text in proptest::collection::vec(any::<u8>(), 1..300),
            cuts in proptest::collection::vec((0usize..300, 1usize..60), 0..80),
            slide in 0u64..100,
        ) {
            let mut buffer = Buffer::default();
            let mut slid = false;
            let mut pieces: Vec<(usize, usize)> = cuts;
            // All of it at the end, so that nothing is missing.
            pieces.extend((0..text.len()).step_by(7).map(|at| (at, 7)).rev());
            for (at, len) in pieces {
                let at = at.min(text.len() - 1);
                let end = (at + len).min(text.len());
                let done = buffer.insert(at as i64, &text[at..end], Rules { max_regions: 1000, ..RULES });
                prop_assert!(!done.is_different);
                if !slid && buffer.at(0).len() as u64 > slide {
                    buffer.slide(slide);
                    slid = true;
                }
            }
            let from = buffer.base();
            prop_assert_eq!(buffer.at(from), &text[from as usize..]);
        }
    }
}
