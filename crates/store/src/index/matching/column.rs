//! Conditions on one column.

use std::fmt::Debug;
use std::ops::{Bound as Edge, Range};

use tantivy::columnar::{Column, ColumnIndex, StrColumn};

use crate::index::bits::Bits;
use crate::index::endings::Endings;
use crate::query::glob::Matcher;
use crate::query::{Test, TextBound};

/// Documents that are looked at in one go: their numbers fit the cache.
const STRIDE: u32 = 1 << 14;
/// Runs of values that are looked for one by one; more are looked for in one pass over the column.
const FEW: usize = 8;

/// Documents with a value.
pub fn exists(index: &ColumnIndex, bits: &mut Bits) {
    match index {
        ColumnIndex::Empty { .. } => {}
        ColumnIndex::Full => *bits = Bits::all(bits.len()),
        ColumnIndex::Optional(some) => {
            for document in some.iter_non_null_docs() {
                bits.insert(document);
            }
        }
        ColumnIndex::Multivalued(_) => {
            for document in 0..bits.len() {
                if index.has_value(document) {
                    bits.insert(document);
                }
            }
        }
    }
}

/// Documents with a value between these, both included.
pub fn within<T>(column: &Column<T>, from: T, to: T, bits: &mut Bits)
where
    T: PartialOrd + Copy + Debug + Send + Sync + 'static,
{
    if matches!(column.index, ColumnIndex::Empty { .. }) || column.values.num_vals() == 0 {
        return;
    }
    let (min, max) = (column.min_value(), column.max_value());
    // The column rounds what lies outside to its ends.
    let from = if from < min { min } else { from };
    let to = if to > max { max } else { to };
    if from > to {
        return;
    }
    let mut found = Vec::with_capacity(STRIDE as usize);
    let mut start = 0;
    while start < bits.len() {
        let end = start.saturating_add(STRIDE).min(bits.len());
        found.clear();
        let places = column.index.docid_range_to_rowids(start..end);
        let first = places.start;
        column
            .values
            .get_row_ids_for_value_range(from..=to, places, &mut found);
        documents(&column.index, start..end, first, &mut found, bits);
        start = end;
    }
}

/// Documents with one of these values, by their ordinal in the dictionary, ascending.
pub fn among(column: &Column<u64>, ordinals: &[u64], bits: &mut Bits) {
    let mut runs: Vec<(u64, u64)> = Vec::new();
    for ordinal in ordinals {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == *ordinal => *last = *ordinal,
            _ => runs.push((*ordinal, *ordinal)),
        }
    }
    if runs.len() <= FEW {
        for (first, last) in runs {
            within(column, first, last, bits);
        }
        return;
    }
    let mut wanted = Bits::none(column.max_value().min(u64::from(u32::MAX - 1)) as u32 + 1);
    for ordinal in ordinals {
        wanted.insert(u32::try_from(*ordinal).unwrap_or(u32::MAX));
    }
    // Values are looked at in their own order, and the documents of those alone that are wanted are looked up.
    let mut values = Vec::new();
    let mut found: Vec<u32> = Vec::new();
    let mut start = 0;
    while start < bits.len() {
        let end = start.saturating_add(STRIDE).min(bits.len());
        let places = column.index.docid_range_to_rowids(start..end);
        values.clear();
        values.resize(places.len(), 0);
        column
            .values
            .get_range(u64::from(places.start), &mut values);
        let first = places.start;
        found.clear();
        for (place, ordinal) in places.zip(&values) {
            if wanted.contains(u32::try_from(*ordinal).unwrap_or(u32::MAX)) {
                found.push(place);
            }
        }
        documents(&column.index, start..end, first, &mut found, bits);
        start = end;
    }
}

/// Takes in the documents of these places of values, which ascend; `first` is the place of the first value of the
/// documents `of`.
fn documents(
    index: &ColumnIndex,
    of: Range<u32>,
    first: u32,
    places: &mut Vec<u32>,
    bits: &mut Bits,
) {
    match index {
        // Looking up a document by its place costs some times what asking each whether it has a value does.
        ColumnIndex::Optional(_) if places.len() > of.len() / 8 => {
            let mut wanted = places.iter();
            let mut next = wanted.next();
            let mut place = first;
            for document in of {
                if !index.has_value(document) {
                    continue;
                }
                if next == Some(&place) {
                    bits.insert(document);
                    next = wanted.next();
                }
                place += 1;
            }
        }
        ColumnIndex::Empty { .. }
        | ColumnIndex::Full
        | ColumnIndex::Optional(_)
        | ColumnIndex::Multivalued(_) => {
            index.select_batch_in_place(of.start, places);
            for document in places {
                bits.insert(*document);
            }
        }
    }
}

/// Calls for each value of each document.
pub fn each<T>(column: &Column<T>, documents: u32, mut with: impl FnMut(u32, T))
where
    T: PartialOrd + Copy + Debug + Default + Send + Sync + 'static,
{
    let (mut of, mut places, mut values) = (Vec::new(), Vec::new(), Vec::new());
    let mut numbers: Vec<u32> = Vec::new();
    let mut start = 0;
    while start < documents {
        let end = start.saturating_add(STRIDE).min(documents);
        numbers.clear();
        numbers.extend(start..end);
        some(
            column,
            &numbers,
            &mut of,
            &mut places,
            &mut values,
            &mut with,
        );
        start = end;
    }
}

/// Calls for each value of these documents.
pub fn some<T>(
    column: &Column<T>,
    documents: &[u32],
    of: &mut Vec<u32>,
    places: &mut Vec<u32>,
    values: &mut Vec<T>,
    with: &mut impl FnMut(u32, T),
) where
    T: PartialOrd + Copy + Debug + Default + Send + Sync + 'static,
{
    of.clear();
    places.clear();
    column.row_ids_for_docs(documents, of, places);
    values.clear();
    values.resize(places.len(), T::default());
    column.values.get_vals(places, values);
    for (document, value) in of.iter().zip(values.iter()) {
        with(*document, *value);
    }
}

/// Documents with a string that passes; `endings` are those of the column's strings where they are known.
pub fn strings(
    column: &StrColumn,
    endings: Option<&Endings>,
    test: &Test,
    bits: &mut Bits,
) -> tantivy::Result<()> {
    match test {
        Test::Exactly(text) => {
            if let Some(ordinal) = column.dictionary().term_ord(text)? {
                within(column.ords(), ordinal, ordinal, bits);
            }
        }
        Test::Pattern {
            pattern,
            ignore_case,
        } => {
            let matcher = Matcher::new(pattern, *ignore_case);
            if endings.is_some_and(|endings| !endings.may_hold(&matcher)) {
                return Ok(());
            }
            let ordinals = fitting(column, &matcher.begin(), |text| matcher.fits(text))?;
            among(column.ords(), &ordinals, bits);
        }
        Test::Texts { from, to } => {
            let edge = |bound: &TextBound| match bound {
                TextBound::None => Edge::Unbounded,
                TextBound::Including(text) => Edge::Included(text.clone()),
                TextBound::Excluding(text) => Edge::Excluded(text.clone()),
            };
            let dictionary = column.dictionary();
            let (from, to) = dictionary.term_bounds_to_ord(edge(from), edge(to))?;
            let first = match from {
                Edge::Included(ordinal) => ordinal,
                Edge::Excluded(ordinal) => ordinal.saturating_add(1),
                Edge::Unbounded => 0,
            };
            let last = match to {
                Edge::Included(ordinal) => Some(ordinal),
                Edge::Excluded(ordinal) => ordinal.checked_sub(1),
                Edge::Unbounded => Some(u64::MAX),
            };
            if let Some(last) = last {
                within(column.ords(), first, last, bits);
            }
        }
        Test::Exists => exists(&column.ords().index, bits),
        Test::Words(_)
        | Test::WordPattern(_)
        | Test::I64 { .. }
        | Test::F64 { .. }
        | Test::Bool(_)
        | Test::Ip { .. }
        | Test::Time { .. } => {}
    }
    Ok(())
}

/// The ordinals of strings that fit, of those that begin so.
pub fn fitting(
    column: &StrColumn,
    begin: &str,
    fits: impl Fn(&[u8]) -> bool,
) -> tantivy::Result<Vec<u64>> {
    let mut ordinals = Vec::new();
    let mut stream = column.dictionary().prefix_range(begin).into_stream()?;
    while stream.advance() {
        if fits(stream.key()) {
            ordinals.push(stream.term_ord());
        }
    }
    Ok(ordinals)
}
