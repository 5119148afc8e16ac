//! Records turned from rows into columns, so that what is alike stands together and packs small.
//!
//! A record is its shape, the text without its values, and the values, each in the column of the key
//! before it. Shapes of a block stand once; of a column's values, times and counters stand as
//! differences. A value that the index has as well is [lent](super::lent) by it and stands in no column here.
//! Put together again, a record is what it was, byte for byte: whatever bytes of text it had.

use std::collections::HashMap;

use event::Timestamp;

use super::lent::{Lender, Lending, Lent, Path};
use super::varint::{put, take, unzigzag, zigzag};

/// Stands for a value in a shape. JSON has it in no text; what has it all the same is not taken apart.
const VALUE: u8 = 0x01;
/// Stands for a value that the index lends; the same holds for it.
const LENT: u8 = 0x02;
/// Ends a value in its column.
const END: u8 = b'\n';
/// Columns of a block; values of further keys share the last. Hostile records have any number of keys.
const MAX_COLUMNS: usize = 1024;
/// Length of EVE's form of a time.
const TIME: usize = 31;

/// How the values of a column stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// As they are, each ended.
    Text = 0,
    /// Microseconds, as differences: in the first column each to the one before, in others to the
    /// record's first of the first column.
    Times = 1,
    /// Whole numbers, each as its difference to the one before.
    Counters = 2,
}

/// Where the next piece of a text ends, and what it is.
enum Piece<'a> {
    /// Goes into the shape.
    Plain(&'a [u8]),
    /// A key with its quotes.
    Key(&'a [u8]),
    /// A value without quotes.
    Value(&'a [u8]),
}

/// Whether a text can be taken apart: it has no byte that stands for something else.
fn is_plain(text: &str) -> bool {
    !text.bytes().any(|byte| matches!(byte, VALUE | LENT | END))
}

/// Takes a text apart, whatever it is; the pieces in order are the text, but for the quotes of values.
fn pieces<'a>(text: &'a [u8], mut with: impl FnMut(Piece<'a>)) {
    let mut plain = 0;
    let mut at = 0;
    let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
    while let Some(byte) = text.get(at) {
        match *byte {
            b'"' => {
                let begin = at + 1;
                let mut end = begin;
                while let Some(byte) = text.get(end) {
                    match byte {
                        b'"' => break,
                        b'\\' => end += 2,
                        _ => end += 1,
                    }
                }
                if end >= text.len() {
                    // No end: the rest is plain.
                    at = text.len();
                    continue;
                }
                let behind = part(end + 1, text.len());
                let is_key = behind.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b':');
                if is_key {
                    with(Piece::Plain(part(plain, at)));
                    with(Piece::Key(part(at, end + 1)));
                    plain = end + 1;
                } else {
                    with(Piece::Plain(part(plain, begin)));
                    with(Piece::Value(part(begin, end)));
                    plain = end;
                }
                at = end + 1;
            }
            b'-' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | VALUE | LENT => {
                let rest = part(at, text.len());
                let is_end = |byte: &u8| {
                    matches!(byte, b',' | b']' | b'}' | b'"' | b':' | b'[' | b'{')
                        || byte.is_ascii_whitespace()
                };
                let len = rest.iter().position(is_end).unwrap_or(rest.len());
                with(Piece::Plain(part(plain, at)));
                with(Piece::Value(part(at, at + len)));
                at += len;
                plain = at;
            }
            _ => at += 1,
        }
    }
    with(Piece::Plain(part(plain, text.len())));
}

/// The values of a key, each with the time that stood last in the first column.
#[derive(Default)]
struct Column<'a> {
    values: Vec<(i64, &'a [u8])>,
}

/// Values of one text that the index may lend: the column of each, and which of the document's values it is.
type Lendable<'a> = Vec<Option<(&'a Lent, usize)>>;

/// What the columns of a lender have of a shape's values: a value's number is how many of its path stand before it.
fn lendable<'a>(shape: &[u8], lender: &'a Lender) -> Lendable<'a> {
    let mut path = Path::default();
    let mut counts: HashMap<&str, usize> = HashMap::new();
    let mut out = Vec::new();
    pieces(shape, |piece| match piece {
        Piece::Plain(bytes) => path.plain(bytes),
        Piece::Key(bytes) => path.key(bytes),
        Piece::Value(_) => {
            let found = path.of_value().and_then(|path| lender.column(path));
            out.push(found.map(|(path, lent)| {
                let count = counts.entry(path).or_default();
                let number = *count;
                *count += 1;
                (lent, number)
            }));
        }
    });
    out
}

/// Packs texts, each with its row; none where they hold bytes that stand for something else.
#[must_use]
pub fn pack<'a>(
    texts: impl Iterator<Item = (u64, &'a str)>,
    lending: Option<Lending<'_>>,
) -> Option<Vec<u8>> {
    let mut shapes: HashMap<Vec<u8>, u64> = HashMap::new();
    let mut list: Vec<Vec<u8>> = Vec::new();
    let mut of_records: Vec<u64> = Vec::new();
    let mut names: HashMap<&[u8], usize> = HashMap::new();
    let mut columns: Vec<Column<'_>> = Vec::new();
    let mut known: HashMap<Vec<u8>, Lendable<'_>> = HashMap::new();
    let mut shape = Vec::new();
    let mut values: Vec<Found<'_>> = Vec::new();
    // None once the first column held anything but a time.
    let mut latest = Some(0);
    for (row, text) in texts {
        if !is_plain(text) {
            return None;
        }
        shape.clear();
        values.clear();
        let mut key: &[u8] = b"";
        pieces(text.as_bytes(), |piece| match piece {
            Piece::Plain(bytes) => shape.extend_from_slice(bytes),
            Piece::Key(bytes) => {
                shape.extend_from_slice(bytes);
                key = bytes;
            }
            Piece::Value(value) => {
                let at = shape.len();
                shape.push(VALUE);
                values.push(Found { at, key, value });
            }
        });
        if let Some(lending) = lending
            && let Some(document) = (lending.document)(row)
        {
            if !known.contains_key(&shape) {
                known.insert(shape.clone(), lendable(&shape, lending.lender));
            }
            if let Some(lendable) = known.get(&shape) {
                // What they are is looked up before any of them is marked.
                lend(&mut shape, &mut values, lendable, document);
            }
        }
        for &Found { key, value, .. } in &values {
            let place = *names.entry(key).or_insert_with(|| {
                if columns.len() < MAX_COLUMNS {
                    columns.push(Column::default());
                }
                columns.len() - 1
            });
            if let Some(column) = columns.get_mut(place) {
                column.values.push((latest.unwrap_or_default(), value));
            }
            if place == 0 && latest.is_some() {
                latest = micros(value);
            }
        }
        let next = list.len() as u64;
        let number = match shapes.get(&shape) {
            Some(number) => *number,
            None => {
                list.push(shape.clone());
                shapes.insert(shape.clone(), next);
                next
            }
        };
        of_records.push(number);
    }
    let mut out = Vec::new();
    put(&mut out, list.len() as u64);
    for shape in &list {
        put(&mut out, shape.len() as u64);
        out.extend_from_slice(shape);
    }
    put(&mut out, of_records.len() as u64);
    for number in &of_records {
        put(&mut out, *number);
    }
    let mut keys: Vec<(&[u8], usize)> = names.into_iter().collect();
    keys.sort_unstable_by_key(|(key, place)| (*place, *key));
    put(&mut out, keys.len() as u64);
    for (key, place) in keys {
        put(&mut out, key.len() as u64);
        out.extend_from_slice(key);
        put(&mut out, place as u64);
    }
    put(&mut out, columns.len() as u64);
    for column in &columns {
        let (form, bytes) = column.pack(latest.is_some());
        out.push(form as u8);
        put(&mut out, bytes.len() as u64);
        out.extend_from_slice(&bytes);
    }
    Some(out)
}

/// A value of a text, its key, and where its mark stands in the shape.
struct Found<'a> {
    at: usize,
    key: &'a [u8],
    value: &'a [u8],
}

/// Takes out the values that the document's columns give back byte for byte, and marks them in the shape.
fn lend(shape: &mut [u8], values: &mut Vec<Found<'_>>, lendable: &Lendable<'_>, document: u32) {
    let mut columns = lendable.iter();
    let mut lent = Vec::new();
    values.retain(|found| {
        let Some(Some((column, number))) = columns.next() else {
            return true;
        };
        lent.clear();
        let is_lent = column.write(document, *number, &mut lent).is_some() && lent == found.value;
        if is_lent && let Some(mark) = shape.get_mut(found.at) {
            *mark = LENT;
        }
        !is_lent
    });
}

/// A time in EVE's form as microseconds, where it comes back as it was.
fn micros(value: &[u8]) -> Option<i64> {
    if value.len() != TIME {
        return None;
    }
    let time: Timestamp = std::str::from_utf8(value).ok()?.parse().ok()?;
    (time.to_eve() == value).then(|| time.nanos().div_euclid(1000))
}

/// A whole number as it is written, where it comes back as it was.
fn whole(value: &[u8]) -> Option<i64> {
    if value.is_empty() || value.len() > 18 {
        return None;
    }
    let number = value.iter().try_fold(0_i64, |sum, byte| {
        byte.is_ascii_digit()
            .then(|| sum * 10 + i64::from(byte - b'0'))
    })?;
    (value.len() == 1 || value.first() != Some(&b'0')).then_some(number)
}

impl Column<'_> {
    fn pack(&self, may_be_times: bool) -> (Form, Vec<u8>) {
        if may_be_times && let Some(bytes) = self.times() {
            return (Form::Times, bytes);
        }
        let mut text = Vec::new();
        for (_, value) in &self.values {
            text.extend_from_slice(value);
            text.push(END);
        }
        match self.counters() {
            // Numbers that go up by little stand in a third of their digits; others pack better as text.
            Some(bytes) if bytes.len() * 3 < text.len() => (Form::Counters, bytes),
            _ => (Form::Text, text),
        }
    }

    fn times(&self) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        for (latest, value) in &self.values {
            put(
                &mut out,
                zigzag(micros(value)?.wrapping_sub(*latest) as u64),
            );
        }
        Some(out)
    }

    fn counters(&self) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        let mut before = 0_i64;
        for (_, value) in &self.values {
            let number = whole(value)?;
            put(&mut out, zigzag(number.wrapping_sub(before) as u64));
            before = number;
        }
        Some(out)
    }
}

/// A column that is read.
struct Values<'a> {
    form: Form,
    bytes: &'a [u8],
    before: i64,
}

impl Values<'_> {
    /// Appends the next value, where there is room for it, or passes over it; `latest` is the time that stood last in
    /// the first column.
    fn next(&mut self, is_first: bool, latest: &mut i64, out: Option<&mut Vec<u8>>) -> Option<()> {
        match self.form {
            Form::Text => {
                let end = memchr(self.bytes)?;
                let (value, rest) = self.bytes.split_at_checked(end)?;
                if let Some(out) = out {
                    out.extend_from_slice(value);
                }
                self.bytes = rest.get(1..)?;
            }
            Form::Times => {
                let difference = unzigzag(take(&mut self.bytes)?) as i64;
                let time = latest.wrapping_add(difference);
                if is_first {
                    *latest = time;
                }
                if let Some(out) = out {
                    out.extend_from_slice(&Timestamp::from_nanos(time.checked_mul(1000)?).to_eve());
                }
            }
            Form::Counters => {
                let difference = unzigzag(take(&mut self.bytes)?) as i64;
                self.before = self.before.wrapping_add(difference);
                if let Some(out) = out {
                    out.extend_from_slice(self.before.to_string().as_bytes());
                }
            }
        }
        Some(())
    }
}

/// Where a value of a column of text ends.
fn memchr(bytes: &[u8]) -> Option<usize> {
    bytes.iter().position(|byte| *byte == END)
}

/// Puts texts together again, of the records alone whose row is told for their number; at most `limit` bytes. Calls
/// with the row of each and its text. None where the bytes were not packed here, or where nobody lends.
pub fn unpack(
    mut from: &[u8],
    limit: usize,
    wanted: impl Fn(usize) -> Option<u64>,
    lending: Option<Lending<'_>>,
    mut with: impl FnMut(u64, &str),
) -> Option<()> {
    let from = &mut from;
    let count = take(from)?;
    let mut shapes = Vec::new();
    for _ in 0..count {
        shapes.push(bytes(from)?);
    }
    let count = take(from)?;
    let mut of_records = Vec::new();
    for _ in 0..count {
        of_records.push(*shapes.get(usize::try_from(take(from)?).ok()?)?);
    }
    let count = take(from)?;
    let mut names: HashMap<&[u8], usize> = HashMap::new();
    for _ in 0..count {
        let key = bytes(from)?;
        names.insert(key, usize::try_from(take(from)?).ok()?);
    }
    let count = take(from)?;
    let mut columns = Vec::new();
    for _ in 0..count {
        let (form, rest) = from.split_first()?;
        *from = rest;
        let form = match form {
            0 => Form::Text,
            1 => Form::Times,
            2 => Form::Counters,
            _ => return None,
        };
        let bytes = bytes(from)?;
        columns.push(Values {
            form,
            bytes,
            before: 0,
        });
    }
    let mut cut: HashMap<&[u8], Shape<'_>> = HashMap::new();
    let mut out = Vec::new();
    let mut latest = 0;
    let mut read = 0;
    let last = (0..of_records.len()).rfind(|number| wanted(*number).is_some());
    for (number, bytes) in of_records.into_iter().enumerate() {
        if last.is_none_or(|last| number > last) {
            break;
        }
        let shape = match cut.entry(bytes) {
            std::collections::hash_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::hash_map::Entry::Vacant(entry) => {
                entry.insert(Shape::cut(bytes, &names)?)
            }
        };
        let Some(row) = wanted(number) else {
            for column in shape.parts.iter().filter_map(|(_, column)| *column) {
                let values = columns.get_mut(column)?;
                values.next(column == 0, &mut latest, None)?;
            }
            continue;
        };
        out.clear();
        let document = lending.and_then(|lending| (lending.document)(row));
        // Only now: most shapes are passed over, and need nobody who lends.
        if shape.lendable.is_empty()
            && let Some(lending) = lending
        {
            shape.lendable = lendable(bytes, lending.lender);
        }
        for (place, (plain, column)) in shape.parts.iter().enumerate() {
            out.extend_from_slice(plain);
            match column {
                Some(column) => {
                    let values = columns.get_mut(*column)?;
                    values.next(*column == 0, &mut latest, Some(&mut out))?;
                }
                None => {
                    let (lent, number) = (*shape.lendable.get(place)?)?;
                    lent.write(document?, number, &mut out)?;
                }
            }
        }
        out.extend_from_slice(shape.end);
        read += out.len();
        if read > limit {
            return None;
        }
        with(row, std::str::from_utf8(&out).ok()?);
    }
    Some(())
}

/// Bytes with their length before them.
fn bytes<'a>(from: &mut &'a [u8]) -> Option<&'a [u8]> {
    let len = usize::try_from(take(from)?).ok()?;
    let (bytes, rest) = from.split_at_checked(len)?;
    *from = rest;
    Some(bytes)
}

/// A shape cut at its values.
struct Shape<'a> {
    /// What stands before each value, and the column that has the value; none where it is lent.
    parts: Vec<(&'a [u8], Option<usize>)>,
    end: &'a [u8],
    /// Who lends each value, once that is known.
    lendable: Lendable<'a>,
}

impl<'a> Shape<'a> {
    /// A shape falls into the same pieces as the texts that it was made of.
    fn cut(shape: &'a [u8], names: &HashMap<&'a [u8], usize>) -> Option<Shape<'a>> {
        let mut parts = Vec::new();
        let mut column: Option<&usize> = names.get(b"".as_slice());
        let (mut start, mut at) = (0, 0);
        let mut is_whole = true;
        pieces(shape, |piece| match piece {
            Piece::Plain(bytes) => at += bytes.len(),
            Piece::Key(bytes) => {
                at += bytes.len();
                column = names.get(bytes);
            }
            Piece::Value(mark) => {
                let source = match (mark, column) {
                    ([VALUE], Some(column)) => Some(Some(*column)),
                    ([LENT], _) => Some(None),
                    _ => None,
                };
                match (source, shape.get(start..at)) {
                    (Some(source), Some(plain)) => parts.push((plain, source)),
                    _ => is_whole = false,
                }
                at += mark.len();
                start = at;
            }
        });
        let end = shape.get(start..)?;
        let lendable = Vec::new();
        is_whole.then_some(Shape {
            parts,
            end,
            lendable,
        })
    }
}

#[cfg(test)]
mod tests;
