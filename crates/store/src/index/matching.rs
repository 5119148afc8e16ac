//! Which documents of a segment a plan means: a set for each test, joined word by word.

pub mod column;
mod text;

use std::cell::Cell;
use std::net::Ipv6Addr;

use event::{RecordId, Timestamp};
use tantivy::{DateTime, SegmentReader, TantivyError};

use self::column::{exists, strings, within};
use super::bits::Bits;
use super::document::date;
use super::schema::{REST, ROW, TIME, column};
use super::slice::Opened;
use crate::fields::{FIELDS, Kind, Place};
use crate::query::{Plan, Test};

/// Tests of one query: each is a pass over a column.
const MAX_TESTS: usize = 4096;

/// One segment that is searched.
pub struct Segment<'a> {
    reader: &'a SegmentReader,
    opened: &'a Opened,
    /// How many tests were carried out.
    tests: Cell<usize>,
}

/// A result of Tantivy.
type Found = tantivy::Result<Bits>;

impl<'a> Segment<'a> {
    /// Searches this segment of a slice.
    #[must_use]
    pub const fn new(reader: &'a SegmentReader, opened: &'a Opened) -> Segment<'a> {
        Segment {
            reader,
            opened,
            tests: Cell::new(0),
        }
    }

    fn none(&self) -> Bits {
        Bits::none(self.reader.max_doc())
    }

    /// The documents that a plan means. Its depth is that of the query, which its reader limits.
    pub fn matching(&self, plan: &Plan) -> Found {
        match plan {
            Plan::All => Ok(Bits::all(self.reader.max_doc())),
            Plan::Never => Ok(self.none()),
            Plan::And(parts) => {
                let mut all = Bits::all(self.reader.max_doc());
                for part in parts {
                    all.and(&self.matching(part)?);
                    if all.is_empty() {
                        break;
                    }
                }
                Ok(all)
            }
            Plan::Or(parts) => {
                let mut any = self.none();
                for part in parts {
                    any.or(&self.matching(part)?);
                }
                Ok(any)
            }
            Plan::Not(part) => {
                let mut bits = self.matching(part)?;
                bits.negate();
                Ok(bits)
            }
            Plan::Test { path, place, test } => {
                self.tests.set(self.tests.get() + 1);
                if self.tests.get() > MAX_TESTS {
                    return Err(refused("the query has too many conditions"));
                }
                self.test(path, *place, test)
            }
        }
    }

    fn test(&self, path: &str, place: Place, test: &Test) -> Found {
        let mut bits = self.none();
        match place {
            Place::Known(field) if field.kind == Kind::Text => {
                return text::matching(self.reader, field, test);
            }
            Place::Rest if *test == Test::Exists => self.exists_below(path, &mut bits)?,
            Place::Id => self.id(test, &mut bits)?,
            Place::Known(_) | Place::Twin(_) | Place::Time | Place::Rest | Place::Silent => {
                if let Some(name) = column(path, place) {
                    self.column(&name, test, &mut bits)?;
                }
            }
        }
        Ok(bits)
    }

    fn column(&self, name: &str, test: &Test, bits: &mut Bits) -> tantivy::Result<()> {
        let fast = self.reader.fast_fields();
        match test {
            Test::Exists => {
                for handle in fast.dynamic_column_handles(name)? {
                    exists(handle.open()?.column_index(), bits);
                }
            }
            Test::I64 { from, to } => {
                if let Some(column) = fast.column_opt::<i64>(name)? {
                    within(&column, *from, *to, bits);
                }
            }
            Test::F64 { from, to } => {
                let from = if from.1 { from.0 } else { from.0.next_up() };
                let to = if to.1 { to.0 } else { to.0.next_down() };
                if let Some(column) = fast.column_opt::<f64>(name)? {
                    within(&column, from, to, bits);
                }
            }
            Test::Bool(truth) => {
                if let Some(column) = fast.column_opt::<bool>(name)? {
                    within(&column, *truth, *truth, bits);
                }
            }
            Test::Ip { from, to } => {
                if let Some(column) = fast.column_opt::<Ipv6Addr>(name)? {
                    let (from, to) = (Ipv6Addr::from_bits(*from), Ipv6Addr::from_bits(*to));
                    within(&column, from, to, bits);
                }
            }
            Test::Time { from, to } => {
                if let Some(column) = fast.column_opt::<DateTime>(name)? {
                    within(&column, date(*from), date(*to), bits);
                }
            }
            Test::Exactly(_) | Test::Pattern { .. } | Test::Texts { .. } => {
                if let Some(column) = fast.str(name)? {
                    strings(&column, self.opened.endings(name), test, bits)?;
                }
            }
            Test::Words(_) | Test::WordPattern(_) => {}
        }
        Ok(())
    }

    /// A path of the rest exists where it or anything below it has a value.
    fn exists_below(&self, path: &str, bits: &mut Bits) -> tantivy::Result<()> {
        let fast = self.reader.fast_fields();
        let name = format!("{REST}.{path}");
        self.column(&name, &Test::Exists, bits)?;
        for handle in fast.dynamic_subpath_column_handles(&name)? {
            exists(handle.open()?.column_index(), bits);
        }
        let inside = format!("{path}.");
        for field in FIELDS {
            if !field.path.starts_with(&inside) {
                continue;
            }
            let of_field = self.test(field.path, Place::Known(field), &Test::Exists)?;
            bits.or(&of_field);
        }
        Ok(())
    }

    /// Ids stand with the records, not in a column.
    fn id(&self, test: &Test, bits: &mut Bits) -> tantivy::Result<()> {
        match test {
            Test::Exists => *bits = Bits::all(bits.len()),
            Test::Exactly(id) => {
                let Ok(id) = id.parse::<RecordId>() else {
                    return Ok(());
                };
                let row = self
                    .opened
                    .records
                    .row_of(id)
                    .map_err(|error| TantivyError::InternalError(error.to_string()))?;
                if let Some(row) = row {
                    within(&self.reader.fast_fields().u64(ROW)?, row, row, bits);
                }
            }
            _ => return Err(refused("an _id is looked for as a whole only")),
        }
        Ok(())
    }
}

/// A question that is refused.
pub fn refused(why: &str) -> TantivyError {
    TantivyError::InvalidArgument(why.to_owned())
}

/// Keeps what lies in `from..to`, by the event's own time, in nanoseconds.
pub fn between(reader: &SegmentReader, from: i64, to: i64, bits: &mut Bits) -> tantivy::Result<()> {
    let column = reader.fast_fields().date(TIME)?;
    let (min, max) = (
        column.min_value().into_timestamp_nanos(),
        column.max_value().into_timestamp_nanos(),
    );
    if from <= min && max < to {
        return Ok(());
    }
    let mut inside = Bits::none(bits.len());
    if let Some(last) = to.checked_sub(1) {
        let (from, to) = (Timestamp::from_nanos(from), Timestamp::from_nanos(last));
        within(&column, date(from), date(to), &mut inside);
    }
    bits.and(&inside);
    Ok(())
}
