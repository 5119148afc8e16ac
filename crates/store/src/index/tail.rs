//! Follows what is written: events in the order in which they came, whatever their own time.

use event::Timestamp;

use super::Embedded;
use super::bits::Bits;
use super::matching::Segment;
use super::matching::column::{some, within};
use super::records::lent::Lending;
use super::schema::{ROW, TIME};
use crate::Error;
use crate::query::Query;
use crate::search::Hit;

/// A place in what was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    slice: u64,
    row: u64,
}

impl Embedded {
    /// The place behind the last event.
    pub fn end(&self) -> Result<Position, Error> {
        self.see()?;
        Ok(self.newest().map_or(Position::default(), |slice| Position {
            slice: slice.number,
            row: slice.with_facts(|facts| facts.rows),
        }))
    }

    /// Matching events that were written since, at most `limit`, and where to go on.
    pub fn since(
        &self,
        from: Position,
        query: &Query,
        limit: usize,
    ) -> Result<(Vec<Hit>, Position), Error> {
        self.see()?;
        let plan = query.plan();
        let mut hits = Vec::new();
        let mut at = from;
        for slice in self.slices() {
            if slice.number < from.slice {
                continue;
            }
            let first = if slice.number == from.slice {
                from.row
            } else {
                0
            };
            // Read before it is opened: what comes in between is for the next call.
            let rows = slice.with_facts(|facts| facts.rows);
            if rows > first {
                let Some((slice, opened)) = self.opened_now(&slice)? else {
                    continue;
                };
                let failed = Error::index("search", slice.number);
                let found = (|| {
                    let mut found: Vec<(u64, i64, u32)> = Vec::new();
                    for reader in opened.searcher().segment_readers() {
                        let mut bits = Segment::new(reader, &opened).matching(&plan)?;
                        let column = reader.fast_fields().u64(ROW)?;
                        let mut new = Bits::none(bits.len());
                        within(&column, first, rows.saturating_sub(1), &mut new);
                        bits.and(&new);
                        let times = reader.fast_fields().date(TIME)?;
                        let documents: Vec<u32> = bits.iter().collect();
                        let (mut of, mut places, mut values) = (Vec::new(), Vec::new(), Vec::new());
                        some(
                            &column,
                            &documents,
                            &mut of,
                            &mut places,
                            &mut values,
                            &mut |document, row| {
                                let time = times
                                    .first(document)
                                    .map_or(0, tantivy::DateTime::into_timestamp_nanos);
                                found.push((row, time, document));
                            },
                        );
                    }
                    found.sort_unstable();
                    tantivy::Result::Ok(found)
                })()
                .map_err(failed)?;
                let lender = opened
                    .lender()
                    .map_err(Error::index("search", slice.number))?;
                for (row, time, document) in found {
                    if hits.len() >= limit {
                        return Ok((hits, at));
                    }
                    let document = |_: u64| Some(document);
                    let lending = lender.map(|lender| Lending {
                        lender,
                        document: &document,
                    });
                    if let Some((id, event)) = opened.records.get(row, lending)? {
                        let time = Timestamp::from_nanos(time);
                        hits.push(Hit { id, time, event });
                    }
                    at = Position {
                        slice: slice.number,
                        row: row + 1,
                    };
                }
            }
            at = Position {
                slice: slice.number,
                row: rows,
            };
        }
        Ok((hits, at))
    }
}
