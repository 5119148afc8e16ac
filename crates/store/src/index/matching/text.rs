//! Tests of texts for people: by words, whatever their letters' case.

use std::collections::HashMap;

use tantivy::columnar::StrColumn;
use tantivy::postings::Postings;
use tantivy::schema::{Field as Column, IndexRecordOption};
use tantivy::{DocSet, SegmentReader, TERMINATED, Term};

use super::column::exists;
use crate::fields::Field;
use crate::index::bits::Bits;
use crate::index::schema::TWIN;
use crate::query::glob::Matcher;
use crate::query::{Test, words};

/// Words that one pattern may mean.
const MAX_EXPANSIONS: usize = 100_000;

/// Documents whose text passes.
pub fn matching(reader: &SegmentReader, field: &Field, test: &Test) -> tantivy::Result<Bits> {
    let mut bits = Bits::none(reader.max_doc());
    let Ok(column) = reader.schema().get_field(field.path) else {
        return Ok(bits);
    };
    let twin = if field.is_counted {
        reader.fast_fields().str(&format!("{}{TWIN}", field.path))?
    } else {
        None
    };
    match test {
        Test::Words(words) if words.len() > 1 && !field.is_counted => {
            positioned(reader, column, words, &mut bits)?;
        }
        Test::Words(words) => return phrase(reader, column, twin.as_ref(), words),
        Test::WordPattern(pattern) => expand(reader, column, pattern, &mut bits)?,
        Test::Exists => {
            if let Some(twin) = &twin {
                exists(&twin.ords().index, &mut bits);
            }
            // What is too long for the twin, or has none, has words all the same.
            expand(reader, column, "*", &mut bits)?;
        }
        Test::Exactly(_)
        | Test::Pattern { .. }
        | Test::Texts { .. }
        | Test::I64 { .. }
        | Test::F64 { .. }
        | Test::Bool(_)
        | Test::Ip { .. }
        | Test::Time { .. } => {}
    }
    Ok(bits)
}

/// Documents with these words one behind the other.
fn phrase(
    reader: &SegmentReader,
    field: Column,
    twin: Option<&StrColumn>,
    words: &[String],
) -> tantivy::Result<Bits> {
    let mut all = Bits::all(reader.max_doc());
    let mut distinct: Vec<&String> = words.iter().collect();
    distinct.sort_unstable();
    distinct.dedup();
    for word in distinct {
        let mut with = Bits::none(reader.max_doc());
        let inverted = reader.inverted_index(field)?;
        let term = Term::from_field_text(field, word);
        if let Some(mut postings) = inverted.read_postings(&term, IndexRecordOption::Basic)? {
            while postings.doc() != TERMINATED {
                with.insert(postings.doc());
                postings.advance();
            }
        }
        all.and(&with);
        if all.is_empty() {
            return Ok(all);
        }
    }
    if words.len() > 1
        && let Some(twin) = twin
    {
        ordered(twin, words, &mut all)?;
    }
    Ok(all)
}

/// Keeps documents of which one value has the words in order. A value that is too long for the
/// column is taken at its words.
fn ordered(column: &StrColumn, wanted: &[String], bits: &mut Bits) -> tantivy::Result<()> {
    let mut known: HashMap<u64, bool> = HashMap::new();
    let mut kept = Bits::none(bits.len());
    let mut text = String::new();
    for document in bits.iter() {
        let mut is_any = false;
        for ordinal in column.term_ords(document) {
            is_any = true;
            let fits = match known.get(&ordinal) {
                Some(fits) => *fits,
                None => {
                    text.clear();
                    column.ord_to_str(ordinal, &mut text)?;
                    let has: Vec<String> = words(&text).collect();
                    let fits = has.windows(wanted.len()).any(|part| part == wanted);
                    known.insert(ordinal, fits);
                    fits
                }
            };
            if fits {
                kept.insert(document);
            }
        }
        if !is_any {
            kept.insert(document);
        }
    }
    *bits = kept;
    Ok(())
}

/// Documents with these words at places one behind the other.
fn positioned(
    reader: &SegmentReader,
    field: Column,
    words: &[String],
    bits: &mut Bits,
) -> tantivy::Result<()> {
    let inverted = reader.inverted_index(field)?;
    // For each document, where a phrase that fits so far goes on.
    let mut next: HashMap<u32, Vec<u32>> = HashMap::new();
    let mut places = Vec::new();
    for (count, word) in words.iter().enumerate() {
        let term = Term::from_field_text(field, word);
        let option = IndexRecordOption::WithFreqsAndPositions;
        let Some(mut postings) = inverted.read_postings(&term, option)? else {
            return Ok(());
        };
        let mut so_far = HashMap::new();
        while postings.doc() != TERMINATED {
            let before = next.get(&postings.doc());
            if count == 0 || before.is_some() {
                postings.positions(&mut places);
                let fits =
                    |place: &u32| before.is_none_or(|before| before.binary_search(place).is_ok());
                let on: Vec<u32> = places
                    .iter()
                    .filter(|place| fits(place))
                    .map(|place| place + 1)
                    .collect();
                if !on.is_empty() {
                    so_far.insert(postings.doc(), on);
                }
            }
            postings.advance();
        }
        next = so_far;
    }
    for document in next.into_keys() {
        bits.insert(document);
    }
    Ok(())
}

/// Documents with a word that is of a pattern.
fn expand(
    reader: &SegmentReader,
    field: Column,
    pattern: &str,
    bits: &mut Bits,
) -> tantivy::Result<()> {
    let inverted = reader.inverted_index(field)?;
    let matcher = Matcher::new(pattern, false);
    let begin = matcher.begin();
    let mut stream = inverted
        .terms()
        .range()
        .ge(begin.as_bytes())
        .into_stream()?;
    let mut count = 0;
    while stream.advance() {
        if !stream.key().starts_with(begin.as_bytes()) {
            break;
        }
        if !matcher.fits(stream.key()) {
            continue;
        }
        count += 1;
        if count > MAX_EXPANSIONS && pattern != "*" {
            return Err(super::refused("the pattern means too many words"));
        }
        let mut postings =
            inverted.read_postings_from_terminfo(stream.value(), IndexRecordOption::Basic)?;
        while postings.doc() != TERMINATED {
            bits.insert(postings.doc());
            postings.advance();
        }
    }
    Ok(())
}
