//! Carries out a question: which slices and segments may hold an answer, what matches in them, which
//! come first.

use std::sync::Arc;

use event::Timestamp;
use tantivy::aggregation::intermediate_agg_result::IntermediateAggregationResults;
use tantivy::columnar::Column;
use tantivy::{Searcher, SegmentReader};

use super::aggregate::Aggregating;
use super::bits::Bits;
use super::hits::{named, texts};
use super::matching::{Segment, between};
use super::schema::TIME;
use super::slice::{Opened, Slice};
use super::top::{Place, Top};
use super::{Embedded, matching::column::some, threads};
use crate::Error;
use crate::query::{Plan, Query};
use crate::search::{Answer, Cursor, MAX_LIMIT, Order, Request};

/// Where a total stops that need not be exact.
const ABOUT: u64 = 10_000;
/// Slices for each thread that are looked through before their answers are put together: enough to keep all threads
/// at work, few enough to hold in memory.
const PARTS_AHEAD: usize = 4;
/// Documents whose times are read in one go.
const STRIDE: usize = 4096;

/// A slice that takes part in a search.
pub struct Part {
    /// The slice.
    pub slice: Arc<Slice>,
    /// Its index and records.
    pub opened: Arc<Opened>,
    /// Its state when the search began.
    pub searcher: Searcher,
    min_time: i64,
    max_time: i64,
}

impl Part {
    fn readers(&self) -> std::slice::Iter<'_, SegmentReader> {
        self.searcher.segment_readers().iter()
    }
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
        // Where the search may stop early, no more is begun than can go on at once.
        let may_stop = !request.exact_total && aggregating.is_none();
        let wave = threads::width() * if may_stop { 1 } else { PARTS_AHEAD };
        'parts: for (first, wave) in (0..).step_by(wave).zip(parts.chunks(wave)) {
            let seen = side_by_side(&plan, (from, to), wave, aggregating.as_ref());
            for (number, (part, seen)) in (first..).zip(wave.iter().zip(seen)) {
                if finding.is_done(part) && may_stop {
                    break 'parts;
                }
                for (ordinal, (reader, seen)) in (0..).zip(part.readers().zip(seen)) {
                    let seen = seen.map_err(|error| asked(error, part.slice.number))?;
                    finding.total += seen.bits.count();
                    if let (Some(aggregating), Some(found)) = (&mut aggregating, seen.aggregated) {
                        aggregating
                            .take(found)
                            .map_err(|error| asked(error, part.slice.number))?;
                    }
                    finding
                        .collect(number, ordinal, reader, &seen.bits)
                        .map_err(Error::index("search", part.slice.number))?;
                }
                finding.top.settle();
            }
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
            // It may have been dropped or written anew meanwhile.
            let Some((slice, opened)) = self.opened_now(&slice)? else {
                continue;
            };
            let (min_time, max_time) = slice.with_facts(|facts| {
                (
                    facts.min_time.unwrap_or(i64::MAX),
                    facts.max_time.unwrap_or(i64::MIN),
                )
            });
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

/// What a segment says to a question.
struct Seen {
    bits: Bits,
    aggregated: Option<IntermediateAggregationResults>,
}

/// What each segment of each of these slices says; segments are looked through side by side.
fn side_by_side(
    plan: &Plan,
    (from, to): (i64, i64),
    parts: &[Part],
    aggregating: Option<&Aggregating>,
) -> Vec<Vec<tantivy::Result<Seen>>> {
    let work: Vec<(&Part, &SegmentReader)> = parts
        .iter()
        .flat_map(|part| part.readers().map(move |reader| (part, reader)))
        .collect();
    let see = |(part, reader): &(&Part, &SegmentReader)| {
        let bits = found(part, reader, plan, from, to)?;
        let aggregated = match aggregating {
            Some(aggregating) => aggregating.of_segment(reader, &bits)?,
            None => None,
        };
        Ok(Seen { bits, aggregated })
    };
    let seen = threads::side_by_side(work.len(), |number| match work.get(number) {
        Some(work) => see(work),
        None => Err(tantivy::TantivyError::InternalError(
            "no such segment".into(),
        )),
    });
    let mut seen = seen.into_iter();
    parts
        .iter()
        .map(|part| seen.by_ref().take(part.readers().len()).collect())
        .collect()
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
    let mut bits = Segment::new(reader, &part.opened).matching(plan)?;
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
                Some(found.chosen.key) != after || is_behind
            });
        }
        named.sort_unstable_by(|a, b| {
            let by_id = if newest_first {
                b.id.cmp(&a.id)
            } else {
                a.id.cmp(&b.id)
            };
            b.chosen.key.cmp(&a.chosen.key).then(by_id)
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
