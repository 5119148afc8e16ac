//! Values of records that stand in columns of the index as well, and so need not stand with the records.
//!
//! Numbers, addresses and moments are what packs worst: the id of a flow, ports, times. A sealed slice has them in
//! columns to search, from which a record takes them back. Only what the column gives back byte for byte is lent:
//! `10.0.0.1` is, `010.0.0.1` stands with its record.

use std::collections::HashMap;
use std::io::Write;
use std::net::Ipv6Addr;

use event::Timestamp;
use tantivy::columnar::Column;
use tantivy::schema::FieldType;
use tantivy::{DateTime, SegmentReader};

use crate::index::schema::{ROW, TIME};

/// The longest path that is looked up, bytes: columns are named by the list of fields, whose names are far shorter. Keys
/// of hostile records are as long as a record, and there are as many values below one: copied for each, they would take
/// time and memory that grow with the square of the record.
const MAX_PATH: usize = 1024;

/// The columns of a segment that lend, by the path that their values have in a record.
pub struct Lender {
    columns: HashMap<String, Lent>,
}

/// A column that lends.
#[derive(Clone)]
pub enum Lent {
    /// Whole numbers in decimal digits.
    Whole(Column<i64>),
    /// Addresses in their usual form.
    Address(Column<Ipv6Addr>),
    /// Moments in EVE's form.
    Moment(Column<DateTime>),
}

impl Lender {
    /// What the columns of a segment lend: by its own schema, whatever the list of fields is today.
    pub fn of(reader: &SegmentReader) -> tantivy::Result<Lender> {
        let fast = reader.fast_fields();
        let mut columns = HashMap::new();
        for (_, field) in reader.schema().fields() {
            let name = field.name();
            let lent = match field.field_type() {
                FieldType::I64(_) => fast.column_opt(name)?.map(Lent::Whole),
                FieldType::IpAddr(_) => fast.column_opt(name)?.map(Lent::Address),
                FieldType::Date(_) => fast.column_opt(name)?.map(Lent::Moment),
                _ => None,
            };
            let Some(lent) = lent.filter(|_| name != ROW) else {
                continue;
            };
            if name == TIME {
                columns.insert("timestamp".to_owned(), lent.clone());
            }
            columns.insert(name.to_owned(), lent);
        }
        Ok(Lender { columns })
    }

    /// The column that has the values of a path, with the path.
    #[must_use]
    pub fn column(&self, path: &[u8]) -> Option<(&str, &Lent)> {
        let path = std::str::from_utf8(path).ok()?;
        let (path, lent) = self.columns.get_key_value(path)?;
        Some((path, lent))
    }
}

impl std::fmt::Debug for Lender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.columns.keys()).finish()
    }
}

impl Lent {
    /// Appends a document's value of this number, as records write it; none where there is no such.
    pub fn write(&self, document: u32, number: usize, out: &mut Vec<u8>) -> Option<()> {
        match self {
            Lent::Whole(column) => {
                let value = value(column, document, number)?;
                write!(out, "{value}").ok()
            }
            Lent::Address(column) => {
                let value = value(column, document, number)?;
                match value.to_ipv4_mapped() {
                    Some(four) => write!(out, "{four}").ok(),
                    None => write!(out, "{value}").ok(),
                }
            }
            Lent::Moment(column) => {
                let value = value(column, document, number)?;
                let time = Timestamp::from_nanos(value.into_timestamp_nanos());
                out.extend_from_slice(&time.to_eve());
                Some(())
            }
        }
    }
}

/// A document's value of this number. Those before it are not read: a list may have thousands, and each is asked for.
fn value<T: PartialOrd + Copy + std::fmt::Debug + Send + Sync + 'static>(
    column: &Column<T>,
    document: u32,
    number: usize,
) -> Option<T> {
    let place = column.index.value_row_ids(document).nth(number)?;
    Some(column.values.get_val(place))
}

/// Who lends to the records of a block: the columns, and the document of each row.
#[derive(Clone, Copy)]
pub struct Lending<'a> {
    /// The columns.
    pub lender: &'a Lender,
    /// The document of a row.
    pub document: &'a dyn Fn(u64) -> Option<u32>,
}

impl std::fmt::Debug for Lending<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.lender.fmt(f)
    }
}

/// The path of a value while a text is gone over: names of members from the outermost to the innermost, with dots.
#[derive(Debug, Default)]
pub struct Path {
    text: Vec<u8>,
    /// Where the name of each object that is open begins in `text`.
    open: Vec<usize>,
    /// The key that stood last in the innermost object.
    key: Vec<u8>,
    /// Room for the path of a value.
    value: Vec<u8>,
}

impl Path {
    /// Goes over what is neither a key nor a value.
    pub fn plain(&mut self, bytes: &[u8]) {
        for byte in bytes {
            match byte {
                b'{' => {
                    self.open.push(self.text.len());
                    let key = std::mem::take(&mut self.key);
                    self.push(&key);
                }
                b'}' => {
                    // Behind an object of a list the next one has the list's key again.
                    let begin = self.open.pop().unwrap_or_default();
                    let name = self.text.split_off(begin.min(self.text.len()));
                    self.key = name.strip_prefix(b".").unwrap_or(&name).to_vec();
                }
                _ => {}
            }
        }
    }

    /// Takes a key with its quotes.
    pub fn key(&mut self, quoted: &[u8]) {
        let key = quoted.strip_prefix(b"\"").unwrap_or(quoted);
        let key = key.strip_suffix(b"\"").unwrap_or(key);
        self.key.clear();
        if key.len() > MAX_PATH {
            // Whatever it says: no path with it is looked up.
            self.key.resize(MAX_PATH + 1, b' ');
        } else {
            self.key.extend_from_slice(key);
        }
    }

    /// The path of a value that stands here; none where it is longer than that of any column.
    pub fn of_value(&mut self) -> Option<&[u8]> {
        if self.text.len() + self.key.len() >= MAX_PATH {
            return None;
        }
        self.value.clear();
        self.value.extend_from_slice(&self.text);
        if !self.value.is_empty() {
            self.value.push(b'.');
        }
        self.value.extend_from_slice(&self.key);
        Some(&self.value)
    }

    fn push(&mut self, key: &[u8]) {
        if !self.text.is_empty() {
            self.text.push(b'.');
        }
        self.text.extend_from_slice(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_has_the_path_of_its_keys() {
        let mut path = Path::default();
        path.plain(b"{");
        path.key(b"\"a\"");
        assert_eq!(path.of_value(), Some(&b"a"[..]));
        path.key(b"\"b\"");
        path.plain(b":[{");
        path.key(b"\"c\"");
        path.plain(b":{");
        path.key(b"\"d\"");
        assert_eq!(path.of_value(), Some(&b"b.c.d"[..]));
        path.plain(b"}},{");
        path.key(b"\"c\"");
        assert_eq!(path.of_value(), Some(&b"b.c"[..]));
        path.plain(b"}],");
        path.key(b"\"e\"");
        assert_eq!(path.of_value(), Some(&b"e"[..]));
    }
}
