//! Carries out a question: which slices and segments may hold an answer, what matches in them, which
//! come first.

use std::collections::HashMap;
use std::sync::Arc;

use event::{RecordId, Timestamp};
use tantivy::columnar::Column;
use tantivy::{Searcher, SegmentReader};

use super::aggregate::Aggregating;
use super::bits::Bits;
use super::matching::{Segment, between};
use super::records::Block;
use super::schema::{ROW, TIME};
use super::slice::{Opened, Slice};
use super::top::{Place, Top};
use super::{Embedded, matching::column::some};
use crate::Error;
use crate::query::{Plan, Query};
use crate::search::{Answer, Cursor, Hit, MAX_LIMIT, Order, Request};

/// Where a total stops that need not be exact.
const ABOUT: u64 = 10_000;
/// Documents whose times are read in one go.
const STRIDE: usize = 4096;

/// A slice that takes part in a search.
struct Part {
    slice: Arc<Slice>,
    opened: Arc<Opened>,
    searcher: Searcher,
    min_time: i64,
    max_time: i64,
}

impl Embedded {
    /// The answer to a question.
    pub fn search(&self, request: &Request) -> Result<Answer, Error> {
        if request.limit > MAX_LIMIT {
            return Err(Error::Asked(format!(
                "limit: at most {MAX_LIMIT}; ask for more with the cursor"
            )));
        }
        let mut aggregating = Aggregating::of(&request.aggregations)?;
        let from = request.since.map_or(i64::MIN, Timestamp::nanos);
        let to = request.until.map_or(i64::MAX, Timestamp::nanos);
        let plan = request.query.plan();
        let parts = self.parts(from, to, request.order)?;
        let mut finding = Finding::new(request);
        for (number, part) in parts.iter().enumerate() {
            if finding.is_done(part) && aggregating.is_none() {
                break;
            }
            for (ordinal, reader) in part.searcher.segment_readers().iter().enumerate() {
                let found = found(part, reader, &plan, from, to);
                let bits = found.map_err(|error| asked(error, part.slice.number))?;
                finding.total += bits.count();
                if let Some(aggregating) = &mut aggregating {
                    aggregating
                        .collect(reader, &bits)
                        .map_err(|error| asked(error, part.slice.number))?;
                }
                finding
                    .collect(number as u32, ordinal as u32, reader, &bits)
                    .map_err(Error::index("search", part.slice.number))?;
            }
            finding.top.settle();
        }
        let mut answer = finding.answer(&parts)?;
        if let Some(aggregating) = aggregating {
            answer.aggregations = aggregating.finish()?;
        }
        Ok(answer)
    }

    /// How many events match.
    pub fn count(
        &self,
        query: &Query,
        since: Option<Timestamp>,
        until: Option<Timestamp>,
    ) -> Result<u64, Error> {
        let request = Request {
            since,
            until,
            limit: 0,
            ..Request::of(query.clone())
        };
        Ok(self.search(&request)?.total)
    }

    fn parts(&self, from: i64, to: i64, order: Order) -> Result<Vec<Part>, Error> {
        let mut parts = Vec::new();
        for slice in self.of_time(from, to)? {
            let (min_time, max_time) = slice.with_facts(|facts| {
                (
                    facts.min_time.unwrap_or(i64::MAX),
                    facts.max_time.unwrap_or(i64::MIN),
                )
            });
            let opened = match self.opened(&slice) {
                Ok(opened) => opened,
                // It was dropped or written anew meanwhile.
                Err(_) if !slice.dir.exists() => continue,
                Err(error) => return Err(error),
            };
            let searcher = opened.searcher();
            parts.push(Part {
                slice,
                opened,
                searcher,
                min_time,
                max_time,
            });
        }
        match order {
            Order::NewestFirst => parts.sort_by_key(|part| std::cmp::Reverse(part.max_time)),
            Order::OldestFirst => parts.sort_by_key(|part| part.min_time),
        }
        Ok(parts)
    }

    /// Calls with each segment that may hold events of the time, and what matches in it.
    pub(super) fn each_segment(
        &self,
        plan: &Plan,
        (from, to): (i64, i64),
        mut with: impl FnMut(&SegmentReader, &Bits) -> tantivy::Result<()>,
    ) -> Result<(), Error> {
        for part in self.parts(from, to, Order::NewestFirst)? {
            for reader in part.searcher.segment_readers() {
                found(&part, reader, plan, from, to)
                    .and_then(|bits| with(reader, &bits))
                    .map_err(|error| asked(error, part.slice.number))?;
            }
        }
        Ok(())
    }
}

/// A question that was refused is its asker's, anything else ours.
fn asked(error: tantivy::TantivyError, slice: u64) -> Error {
    match error {
        tantivy::TantivyError::InvalidArgument(why) => Error::Asked(why),
        tantivy::TantivyError::AggregationError(error) => Error::Asked(error.to_string()),
        tantivy::TantivyError::SchemaError(why) => Error::Asked(why),
        other => Error::index("search", slice)(other),
    }
}

fn found(
    part: &Part,
    reader: &SegmentReader,
    plan: &Plan,
    from: i64,
    to: i64,
) -> tantivy::Result<Bits> {
    let mut bits = Segment::new(reader, &part.opened.records).matching(plan)?;
    if !bits.is_empty() {
        between(reader, from, to, &mut bits)?;
    }
    Ok(bits)
}

/// The first hits so far. Keys are times, negated where the oldest come first.
struct Finding<'a> {
    request: &'a Request,
    /// 1 where the greatest time comes first, else -1.
    sign: i64,
    top: Top,
    /// What has the time of the cursor: ids decide.
    tied: Vec<(i64, Place)>,
    after: Option<i64>,
    total: u64,
    is_exact: bool,
}

impl<'a> Finding<'a> {
    fn new(request: &'a Request) -> Finding<'a> {
        let sign = match request.order {
            Order::NewestFirst => 1,
            Order::OldestFirst => -1,
        };
        let after = request.after.map(|cursor| key(cursor.time.nanos(), sign));
        // One more than asked for, to know whether there are more.
        let limit = if request.limit == 0 {
            0
        } else {
            request.limit + 1
        };
        Finding {
            request,
            sign,
            top: Top::new(limit),
            tied: Vec::new(),
            after,
            total: 0,
            is_exact: true,
        }
    }

    /// Whether the hits stand and the total need not grow; the parts come in the order of hits.
    fn is_done(&mut self, part: &Part) -> bool {
        if self.request.exact_total || self.total < ABOUT {
            return false;
        }
        let first = match self.request.order {
            Order::NewestFirst => key(part.max_time, self.sign),
            Order::OldestFirst => key(part.min_time, self.sign),
        };
        let are_hits_done =
            self.request.limit == 0 || self.top.is_full() && first < self.top.least();
        if are_hits_done {
            self.is_exact = false;
        }
        are_hits_done
    }

    fn collect(
        &mut self,
        slice: u32,
        segment: u32,
        reader: &SegmentReader,
        bits: &Bits,
    ) -> tantivy::Result<()> {
        if self.request.limit == 0 || bits.is_empty() {
            return Ok(());
        }
        let column = times(reader)?;
        let first = match self.request.order {
            Order::NewestFirst => key(column.max_value(), self.sign),
            Order::OldestFirst => key(column.min_value(), self.sign),
        };
        if first < self.top.least() {
            return Ok(());
        }
        let (mut of, mut places, mut values) = (Vec::new(), Vec::new(), Vec::new());
        let mut documents = Vec::with_capacity(STRIDE);
        let mut iter = bits.iter();
        loop {
            documents.clear();
            documents.extend(iter.by_ref().take(STRIDE));
            if documents.is_empty() {
                return Ok(());
            }
            some(
                &column,
                &documents,
                &mut of,
                &mut places,
                &mut values,
                &mut |document, time| {
                    let key = key(time, self.sign);
                    let place = Place {
                        slice,
                        segment,
                        document,
                    };
                    match self.after {
                        Some(after) if key > after => {}
                        Some(after) if key == after => self.tied.push((key, place)),
                        _ => self.top.push(key, place),
                    }
                },
            );
        }
    }

    fn answer(self, parts: &[Part]) -> Result<Answer, Error> {
        let limit = self.request.limit;
        let mut chosen = self.tied;
        chosen.extend(self.top.into_kept());
        let mut named = named(parts, &chosen)?;
        let newest_first = self.request.order == Order::NewestFirst;
        if let Some(Cursor { id: last, .. }) = self.request.after {
            let after = self.after;
            named.retain(|found| {
                let is_behind = if newest_first {
                    found.id < last
                } else {
                    found.id > last
                };
                Some(found.key) != after || is_behind
            });
        }
        named.sort_unstable_by(|a, b| {
            let by_id = if newest_first {
                b.id.cmp(&a.id)
            } else {
                a.id.cmp(&b.id)
            };
            b.key.cmp(&a.key).then(by_id)
        });
        let has_more = named.len() > limit;
        named.truncate(limit);
        let hits = texts(parts, &named, self.sign)?;
        let next = hits.last().filter(|_| has_more).map(|hit| Cursor {
            time: hit.time,
            id: hit.id,
        });
        Ok(Answer {
            total: self.total,
            is_exact: self.is_exact,
            hits,
            next,
            aggregations: serde_json::Value::Null,
        })
    }
}

const fn key(time: i64, sign: i64) -> i64 {
    time.saturating_mul(sign)
}

/// The times of a segment as numbers.
fn times(reader: &SegmentReader) -> tantivy::Result<Column<i64>> {
    let column = reader.fast_fields().date(TIME)?;
    let values = tantivy::columnar::Column {
        index: column.index,
        values: Arc::new(Nanos(column.values)),
    };
    Ok(values)
}

/// Moments as nanoseconds.
struct Nanos(Arc<dyn tantivy::columnar::ColumnValues<tantivy::DateTime>>);

impl tantivy::columnar::ColumnValues<i64> for Nanos {
    fn get_val(&self, place: u32) -> i64 {
        self.0.get_val(place).into_timestamp_nanos()
    }
    fn min_value(&self) -> i64 {
        self.0.min_value().into_timestamp_nanos()
    }
    fn max_value(&self) -> i64 {
        self.0.max_value().into_timestamp_nanos()
    }
    fn num_vals(&self) -> u32 {
        self.0.num_vals()
    }
}

/// A document with its id.
struct Named {
    key: i64,
    id: RecordId,
    slice: u32,
    row: u64,
}

/// The ids of documents. Many events may share one time, so blocks are read in their order, each once, and of them
/// the ids alone.
fn named(parts: &[Part], chosen: &[(i64, Place)]) -> Result<Vec<Named>, Error> {
    let mut columns: HashMap<(u32, u32), Column<u64>> = HashMap::new();
    let mut found: Vec<(u32, u64, i64)> = Vec::with_capacity(chosen.len());
    for (key, place) in chosen {
        let Some(part) = parts.get(place.slice as usize) else {
            continue;
        };
        let column = match columns.entry((place.slice, place.segment)) {
            std::collections::hash_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::hash_map::Entry::Vacant(entry) => {
                let readers = part.searcher.segment_readers();
                let Some(reader) = readers.get(place.segment as usize) else {
                    continue;
                };
                let column = reader
                    .fast_fields()
                    .u64(ROW)
                    .map_err(Error::index("search", part.slice.number))?;
                entry.insert(column)
            }
        };
        if let Some(row) = column.first(place.document) {
            found.push((place.slice, row, *key));
        }
    }
    found.sort_unstable();
    let mut named = Vec::with_capacity(found.len());
    let mut block: Option<(u32, u64, Block)> = None;
    for (slice, row, key) in found {
        let Some(part) = parts.get(slice as usize) else {
            continue;
        };
        let is_same = block
            .as_ref()
            .is_some_and(|(of, last, _)| *of == slice && row <= *last);
        if !is_same {
            let Some(head) = part.opened.records.find(row) else {
                continue;
            };
            block = Some((slice, head.last_row, part.opened.records.names(&head)?));
        }
        if let Some((_, _, block)) = &block
            && let Some(id) = block.id_of(row)
        {
            named.push(Named {
                key,
                id,
                slice,
                row,
            });
        }
    }
    Ok(named)
}

/// The hits with their records; blocks are read in their order.
fn texts(parts: &[Part], named: &[Named], sign: i64) -> Result<Vec<Hit>, Error> {
    let mut order: Vec<usize> = (0..named.len()).collect();
    order.sort_unstable_by_key(|at| named.get(*at).map(|found| (found.slice, found.row)));
    let mut hits: Vec<(usize, Hit)> = Vec::with_capacity(named.len());
    for at in order {
        if let Some(found) = named.get(at)
            && let Some(part) = parts.get(found.slice as usize)
            && let Some((id, event)) = part.opened.records.get(found.row)?
        {
            let time = Timestamp::from_nanos(found.key.wrapping_mul(sign));
            hits.push((at, Hit { id, time, event }));
        }
    }
    hits.sort_unstable_by_key(|(at, _)| *at);
    Ok(hits.into_iter().map(|(_, hit)| hit).collect())
}
