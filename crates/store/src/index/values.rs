//! Which fields there are, and which values a field has: for completion.

use std::collections::{BTreeSet, HashMap};
use std::net::Ipv6Addr;

use tantivy::columnar::{Column, DynamicColumn, StrColumn};
use tantivy::{DateTime, SegmentReader};

use super::Embedded;
use super::bits::Bits;
use super::matching::column::{each, fitting};
use super::schema::{REST, column};
use crate::Error;
use crate::fields::{self, FIELDS, Kind, Place};
use crate::query::{Plan, Query};
use crate::store::SeenField;

/// Distinct values that are counted before the rest is passed over.
const MAX_DISTINCT: usize = 100_000;
/// Fields that are told.
const MAX_FIELDS: usize = 10_000;

impl Embedded {
    /// Fields that events have, those of the list and those that came.
    pub fn fields(&self) -> Result<Vec<SeenField>, Error> {
        let mut found: BTreeSet<String> = BTreeSet::new();
        self.each_segment(&Plan::All, (i64::MIN, i64::MAX), |reader, _| {
            for meta in reader.fields_metadata()? {
                if found.len() < MAX_FIELDS
                    && let Some(path) = meta.field_name.strip_prefix(REST)
                    && let Some(path) = path.strip_prefix('.')
                {
                    found.insert(path.to_owned());
                }
            }
            Ok(())
        })?;
        let mut fields: Vec<SeenField> = FIELDS
            .iter()
            .map(|field| SeenField {
                path: field.path.to_owned(),
                kind: field.kind,
            })
            .collect();
        fields.push(SeenField {
            path: fields::TIME.to_owned(),
            kind: Kind::Time,
        });
        fields.extend(found.into_iter().map(|path| SeenField {
            path,
            kind: Kind::Keyword,
        }));
        fields.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(fields)
    }

    /// Values of a field that begin with `prefix`, with the number of matching events, the most frequent first.
    pub fn values(
        &self,
        path: &str,
        prefix: &str,
        query: &Query,
        limit: usize,
    ) -> Result<Vec<(String, u64)>, Error> {
        let place = fields::place(path);
        let is_counted = match place {
            Place::Known(field) => field.is_counted,
            Place::Twin(_) | Place::Time | Place::Rest => true,
            Place::Id | Place::Silent => false,
        };
        let Some(name) = column(path, place).filter(|_| is_counted) else {
            return Err(Error::Asked(format!("{path} is not counted")));
        };
        let mut counts: HashMap<String, u64> = HashMap::new();
        self.each_segment(&query.plan(), (i64::MIN, i64::MAX), |reader, bits| {
            if bits.is_empty() {
                return Ok(());
            }
            segment(reader, &name, prefix, bits, &mut counts)
        })?;
        let mut counts: Vec<(String, u64)> = counts.into_iter().collect();
        counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        counts.truncate(limit);
        Ok(counts)
    }
}

/// Counts the values of one segment.
fn segment(
    reader: &SegmentReader,
    name: &str,
    prefix: &str,
    bits: &Bits,
    counts: &mut HashMap<String, u64>,
) -> tantivy::Result<()> {
    for handle in reader.fast_fields().dynamic_column_handles(name)? {
        match handle.open()? {
            DynamicColumn::Str(column) => strings(&column, prefix, bits, counts)?,
            DynamicColumn::I64(column) => {
                others(&column, prefix, bits, counts, |n: i64| n.to_string())
            }
            DynamicColumn::U64(column) => {
                others(&column, prefix, bits, counts, |n: u64| n.to_string())
            }
            DynamicColumn::F64(column) => {
                others(&column, prefix, bits, counts, |n: f64| n.to_string())
            }
            DynamicColumn::Bool(column) => {
                others(&column, prefix, bits, counts, |b: bool| b.to_string())
            }
            DynamicColumn::DateTime(column) => {
                others(&column, prefix, bits, counts, |time: DateTime| {
                    event::Timestamp::from_nanos(time.into_timestamp_nanos()).to_string()
                });
            }
            DynamicColumn::IpAddr(column) => {
                // Addresses have no default to begin a buffer with.
                for document in bits.iter() {
                    for address in column.values_for_doc(document) {
                        count(counts, prefix, shown(address), 1);
                    }
                }
            }
            DynamicColumn::Bytes(_) => {}
        }
    }
    Ok(())
}

fn shown(address: Ipv6Addr) -> String {
    match address.to_ipv4_mapped() {
        Some(four) => four.to_string(),
        None => address.to_string(),
    }
}

fn count(counts: &mut HashMap<String, u64>, prefix: &str, value: String, more: u64) {
    if value.starts_with(prefix) && (counts.len() < MAX_DISTINCT || counts.contains_key(&value)) {
        *counts.entry(value).or_default() += more;
    }
}

fn strings(
    column: &StrColumn,
    prefix: &str,
    bits: &Bits,
    counts: &mut HashMap<String, u64>,
) -> tantivy::Result<()> {
    // People type small letters for names that have others.
    let lower = prefix.to_lowercase();
    let begins = |text: &[u8]| {
        std::str::from_utf8(text).is_ok_and(|text| text.to_lowercase().starts_with(&lower))
    };
    let wanted = fitting(column, "", begins)?;
    let (Some(first), Some(last)) = (wanted.first(), wanted.last()) else {
        return Ok(());
    };
    let mut tally: HashMap<u64, u64> = HashMap::new();
    each(column.ords(), bits.len(), |document, ordinal| {
        if (*first..=*last).contains(&ordinal) && bits.contains(document) {
            *tally.entry(ordinal).or_default() += 1;
        }
    });
    let mut text = String::new();
    for ordinal in wanted {
        if let Some(more) = tally.get(&ordinal) {
            text.clear();
            column.ord_to_str(ordinal, &mut text)?;
            if counts.len() < MAX_DISTINCT || counts.contains_key(&text) {
                *counts.entry(text.clone()).or_default() += more;
            }
        }
    }
    Ok(())
}

fn others<T>(
    column: &Column<T>,
    prefix: &str,
    bits: &Bits,
    counts: &mut HashMap<String, u64>,
    show: impl Fn(T) -> String,
) where
    T: PartialOrd + Copy + std::fmt::Debug + Default + Send + Sync + 'static,
{
    each(column, bits.len(), |document, value| {
        if bits.contains(document) {
            count(counts, prefix, show(value), 1);
        }
    });
}

impl Embedded {
    /// Bytes on disk by column and part of the index, the largest first.
    #[must_use]
    pub fn usage(&self) -> Vec<(String, u64)> {
        let mut sizes: HashMap<String, u64> = HashMap::new();
        let mut add = |name: String, bytes: u64| *sizes.entry(name).or_default() += bytes;
        for slice in self.slices() {
            let Ok(opened) = self.opened(&slice) else {
                continue;
            };
            let searcher = opened.searcher();
            for reader in searcher.segment_readers() {
                let Ok(usage) = reader.space_usage() else {
                    continue;
                };
                for (part, of) in [
                    ("column", usage.fast_fields()),
                    ("postings", usage.postings()),
                    ("positions", usage.positions()),
                    ("norms", usage.fieldnorms()),
                    ("words", usage.termdict()),
                ] {
                    for field in of.fields() {
                        let name = format!("{part} {}", field.field_name());
                        add(name, field.total().get_bytes());
                    }
                }
                add("documents".into(), usage.store().total().get_bytes());
            }
        }
        let mut sizes: Vec<(String, u64)> = sizes.into_iter().collect();
        sizes.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        sizes
    }
}
