//! Counts of distinct values, of each of which one document is enough.
//!
//! What counts them hashes each value that it is given, and hashing one twice changes nothing. A column of few values, such
//! as addresses, is therefore gone over once, and the documents that have a value first are counted alone.

use serde_json::{Map, Value};
use tantivy::SegmentReader;

use super::super::bits::Bits;
use super::super::matching::column::some;

/// Below so many documents the plain way is as fast.
const MIN_DOCUMENTS: u64 = 1 << 14;
/// Distinct values that are remembered at most, a bit for each.
const MAX_VALUES: u64 = 1 << 26;
/// Documents that are looked at in one go.
const STRIDE: usize = 4096;

/// Names and columns of the aggregations of a request that do nothing but count distinct values.
pub fn asked(request: &Map<String, Value>) -> Vec<(String, String)> {
    request
        .iter()
        .filter_map(|(name, one)| {
            let one = one.as_object().filter(|one| one.len() == 1)?;
            let body = one.get("cardinality")?.as_object()?;
            let column = body.get("field")?.as_str()?;
            (body.len() == 1).then(|| (name.clone(), column.to_owned()))
        })
        .collect()
}

/// Of these documents, those that have a value of the column which none before them has; none where going over the
/// column would not help.
pub fn first(reader: &SegmentReader, column: &str, bits: &Bits) -> tantivy::Result<Option<Bits>> {
    if bits.count() < MIN_DOCUMENTS {
        return Ok(None);
    }
    let handles = reader.fast_fields().dynamic_column_handles(column)?;
    let [handle] = handles.as_slice() else {
        return Ok(None);
    };
    let Some(column) = handle.open_u64_lenient()? else {
        return Ok(None);
    };
    let least = column.min_value();
    let values = column.max_value().saturating_sub(least);
    if values >= MAX_VALUES {
        return Ok(None);
    }
    let mut seen = Bits::none(values as u32 + 1);
    let mut first = Bits::none(bits.len());
    let (mut of, mut places, mut values) = (Vec::new(), Vec::new(), Vec::new());
    let mut documents = Vec::with_capacity(STRIDE);
    let mut iter = bits.iter();
    loop {
        documents.clear();
        documents.extend(iter.by_ref().take(STRIDE));
        if documents.is_empty() {
            return Ok(Some(first));
        }
        some(
            &column,
            &documents,
            &mut of,
            &mut places,
            &mut values,
            &mut |document, value: u64| {
                let value = value.saturating_sub(least) as u32;
                if !seen.contains(value) {
                    seen.insert(value);
                    first.insert(document);
                }
            },
        );
    }
}
