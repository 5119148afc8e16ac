//! From a record's text to the document that is indexed.

use std::collections::HashMap;
use std::net::Ipv6Addr;

use event::Timestamp;
use serde_json::Value;
use tantivy::schema::{Field, OwnedValue, Schema};
use tantivy::{DateTime, TantivyDocument};

use super::schema::{REST, ROW, TIME, TWIN};
use crate::fields::{self, FIELDS, Kind};
use crate::query::{Leaf, leaf, time_of};

/// Values of one record that are indexed: a record of EVE has some hundred at most.
const MAX_VALUES: usize = 4096;
/// Bytes of a path in the rest.
const MAX_PATH: usize = 255;

/// Why a text is no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is no JSON object.
    NoJson,
    /// It is larger than a record may be.
    TooLarge,
}

impl Refusal {
    /// Its name in metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Refusal::NoJson => "no_json",
            Refusal::TooLarge => "too_large",
        }
    }
}

/// A record that was read.
#[derive(Debug)]
pub struct Parsed {
    /// Its own time, or that of its arrival.
    pub time: Timestamp,
    /// Its `event_type`; empty where it has none.
    pub kind: String,
    /// Values that were not of the type of their field, and so are in the record only.
    pub conflicts: u32,
    document: TantivyDocument,
}

impl Parsed {
    /// The document, with its row.
    #[must_use]
    pub fn into_document(mut self, shape: &Shape, row: u64) -> TantivyDocument {
        self.document.add_u64(shape.row, row);
        self.document
    }
}

/// The fields of a schema.
#[derive(Debug)]
pub struct Shape {
    row: Field,
    time: Field,
    rest: Field,
    known: HashMap<&'static str, (Kind, Field, Option<Field>)>,
}

impl Shape {
    /// The fields of a schema that [`super::schema::schema`] made; none of any other.
    #[must_use]
    pub fn of(schema: &Schema) -> Option<Shape> {
        let mut known = HashMap::new();
        for field in FIELDS {
            let twin = match field.kind {
                Kind::Text if field.is_counted => {
                    Some(schema.get_field(&format!("{}{TWIN}", field.path)).ok()?)
                }
                _ => None,
            };
            let place = schema.get_field(field.path).ok()?;
            known.insert(field.path, (field.kind, place, twin));
        }
        Some(Shape {
            row: schema.get_field(ROW).ok()?,
            time: schema.get_field(TIME).ok()?,
            rest: schema.get_field(REST).ok()?,
            known,
        })
    }

    /// Reads a record that arrived at `arrived`.
    pub fn read(&self, text: &str, arrived: Timestamp) -> Result<Parsed, Refusal> {
        let Ok(record) = serde_json::from_str::<Value>(text) else {
            return Err(Refusal::NoJson);
        };
        let time = time_of(&record).unwrap_or(arrived);
        let Value::Object(fields) = record else {
            return Err(Refusal::NoJson);
        };
        let kind = match fields.get("event_type") {
            Some(Value::String(kind)) => kind.clone(),
            _ => String::new(),
        };
        let mut reading = Reading {
            shape: self,
            document: TantivyDocument::default(),
            rest: Vec::new(),
            path: String::new(),
            values: 0,
            conflicts: 0,
        };
        reading.document.add_date(self.time, date(time));
        for (name, value) in &fields {
            if name != "timestamp" && name != "@timestamp" {
                reading.field(name, value);
            }
        }
        if !reading.rest.is_empty() {
            let rest = OwnedValue::Object(reading.rest);
            reading.document.add_field_value(self.rest, &rest);
        }
        Ok(Parsed {
            time,
            kind,
            conflicts: reading.conflicts,
            document: reading.document,
        })
    }
}

struct Reading<'a> {
    shape: &'a Shape,
    document: TantivyDocument,
    rest: Vec<(String, OwnedValue)>,
    path: String,
    values: usize,
    conflicts: u32,
}

impl Reading<'_> {
    fn field(&mut self, name: &str, value: &Value) {
        let before = self.path.len();
        if before > 0 {
            self.path.push('.');
        }
        self.path.push_str(name);
        self.value(value);
        self.path.truncate(before);
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Null => {}
            Value::Object(fields) => {
                for (name, value) in fields {
                    self.field(name, value);
                }
            }
            Value::Array(values) => {
                for value in values {
                    self.value(value);
                }
            }
            Value::Bool(_) | Value::Number(_) | Value::String(_) => self.leaf(value),
        }
    }

    fn leaf(&mut self, value: &Value) {
        self.values += 1;
        if self.values > MAX_VALUES {
            return;
        }
        let Some((kind, field, twin)) = self.shape.known.get(self.path.as_str()) else {
            return self.rest(value);
        };
        let Some(leaf) = leaf(*kind, value) else {
            self.conflicts += 1;
            return;
        };
        let document = &mut self.document;
        match leaf {
            Leaf::Text(text) => {
                // The twin holds what is short enough to be found as a whole.
                if let Some(twin) = twin
                    && crate::query::leaf(Kind::Keyword, value).is_some()
                {
                    document.add_text(*twin, &text);
                }
                document.add_text(*field, text);
            }
            Leaf::I64(number) => document.add_i64(*field, number),
            Leaf::F64(number) => document.add_f64(*field, number),
            Leaf::Bool(truth) => document.add_bool(*field, truth),
            Leaf::Ip(address) => document.add_ip_addr(*field, Ipv6Addr::from_bits(address)),
            Leaf::Time(time) => document.add_date(*field, date(time)),
        }
    }

    fn rest(&mut self, value: &Value) {
        let is_plain = self.path.len() <= MAX_PATH && !self.path.chars().any(char::is_control);
        if is_plain
            && !fields::is_silent(&self.path)
            && let Some(Leaf::Text(text)) = leaf(Kind::Keyword, value)
        {
            self.rest.push((self.path.clone(), OwnedValue::Str(text)));
        }
    }
}

/// The form of a time in columns.
#[must_use]
pub const fn date(time: Timestamp) -> DateTime {
    DateTime::from_timestamp_nanos(time.nanos())
}
