//! Reads one partition from a place on, over the ends of files, dropped files and damaged places.

use std::ops::Range;
use std::sync::Arc;

use super::log::Log;
use super::segment::{Chunk, HEAD, Segment};
use crate::Error;
use crate::record::{Batch, Gap, GapReason, Place};

/// A place in a partition.
#[derive(Debug)]
pub struct Reader {
    pub log: Arc<Log>,
    /// The next offset to give.
    next: u64,
    /// The file it is in and where reading goes on there; none before the first read.
    at: Option<(Arc<Segment>, u64)>,
}

impl Reader {
    /// The next record is the one of this offset.
    pub fn new(log: Arc<Log>, next: u64) -> Reader {
        Reader {
            log,
            next,
            at: None,
        }
    }

    /// Records from here on, as many as one read gives; `None` where nothing new is there.
    pub fn read(&mut self) -> Result<Option<Batch>, Error> {
        let mut gaps = Vec::new();
        loop {
            let Some((segment, place)) = self.position(&mut gaps) else {
                return Ok(self.batch(Vec::new(), Vec::new(), gaps));
            };
            // Asked first: what was written before the seal is then seen.
            let is_sealed = segment.is_sealed();
            let len = segment.len();
            if place >= len {
                if !is_sealed || !self.follow(&segment, &mut gaps) {
                    return Ok(self.batch(Vec::new(), Vec::new(), gaps));
                }
                continue;
            }
            let chunk = segment.read(place).map_err(|source| Error::Io {
                what: "read",
                path: segment.path.clone(),
                source,
            })?;
            let mut used = chunk.parsed.used as u64;
            if used == 0 {
                // The file is shorter than what was written to it.
                used = len - place;
                self.tell_damage(&segment, place..len);
            }
            for range in &chunk.parsed.damaged {
                self.tell_damage(
                    &segment,
                    place + range.start as u64..place + range.end as u64,
                );
            }
            self.at = Some((segment, place + used));
            let records = self.places(&chunk, &mut gaps);
            if !records.is_empty() || !gaps.is_empty() {
                return Ok(self.batch(chunk.bytes, records, gaps));
            }
        }
    }

    /// The file that holds the next record and a place at or before it.
    fn position(&mut self, gaps: &mut Vec<Gap>) -> Option<(Arc<Segment>, u64)> {
        if let Some(at) = &self.at {
            return Some(at.clone());
        }
        let segment = self.log.segment_of(self.next)?;
        self.skip_to(segment.base, GapReason::Retention, gaps);
        let place = segment.place_before(self.next).max(HEAD);
        self.at = Some((segment.clone(), place));
        Some((segment, place))
    }

    /// Goes on with the file behind this one, which is read to its end; whether there is one.
    fn follow(&mut self, segment: &Segment, gaps: &mut Vec<Gap>) -> bool {
        let Some(after) = self.log.segment_after(segment.base) else {
            return false;
        };
        // Up to where this one was sealed, records are missing inside it; from there on, files are.
        self.skip_to(segment.next().min(after.base), GapReason::Damaged, gaps);
        self.skip_to(after.base, GapReason::Retention, gaps);
        self.at = Some((after, HEAD));
        true
    }

    fn places(&mut self, chunk: &Chunk, gaps: &mut Vec<Gap>) -> Vec<Place> {
        let mut records = Vec::with_capacity(chunk.parsed.frames.len());
        for (at, frame) in &chunk.parsed.frames {
            if frame.offset < self.next {
                continue;
            }
            self.skip_to(frame.offset, GapReason::Damaged, gaps);
            self.next = frame.offset + 1;
            let range = |range: &Range<usize>| at + range.start..at + range.end;
            records.push(Place {
                topic: self.log.topic,
                partition: self.log.partition,
                offset: frame.offset,
                id: frame.id,
                time: frame.time,
                key: range(&frame.key),
                value: range(&frame.value),
            });
        }
        records
    }

    fn skip_to(&mut self, offset: u64, why: GapReason, gaps: &mut Vec<Gap>) {
        if offset <= self.next {
            return;
        }
        gaps.push(Gap {
            topic: self.log.topic,
            partition: self.log.partition,
            offsets: self.next..offset,
            why,
        });
        self.next = offset;
    }

    fn tell_damage(&self, segment: &Segment, range: Range<u64>) {
        self.log.metrics.damaged.increment(1);
        tracing::warn!(file = %segment.path.display(), position = range.start, bytes = range.end - range.start,
            "damaged: skipped to the next whole record");
    }

    fn batch(&self, bytes: Vec<u8>, records: Vec<Place>, gaps: Vec<Gap>) -> Option<Batch> {
        if records.is_empty() && gaps.is_empty() {
            return None;
        }
        let position = ((self.log.topic, self.log.partition), self.next);
        Some(Batch::new(bytes, records, gaps, vec![position]))
    }
}
