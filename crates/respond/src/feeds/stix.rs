//! STIX 2.1: the indicators of a bundle, or of a TAXII server's pages, that list addresses.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;

use event::{Prefix, Timestamp};
use serde::Deserialize;
use serde_json::Value;

use super::config::Feed;
use super::pattern::{self, Says};
use super::read::{ReadError, Reading, quote};

/// Objects of one feed that are looked at.
const MAX_OBJECTS: usize = 2_000_000;

/// Objects by their ids, each in its newest version.
#[derive(Debug, Default)]
pub struct Objects {
    indicators: HashMap<String, Indicator>,
    count: usize,
    refused: Reading,
}

#[derive(Debug)]
struct Indicator {
    place: usize,
    modified: Option<Timestamp>,
    /// None: it is revoked, benign, or about something else.
    listing: Option<Listing>,
}

#[derive(Debug)]
struct Listing {
    prefixes: Vec<Prefix>,
    from: Option<Timestamp>,
    until: Option<Timestamp>,
    confidence: Option<u64>,
}

/// What is read of an object. Each value is taken as it comes: one that is of the wrong type spoils
/// its object, not the feed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Object {
    #[serde(rename = "type")]
    kind: Value,
    id: Value,
    pattern: Value,
    pattern_type: Value,
    modified: Value,
    valid_from: Value,
    valid_until: Value,
    revoked: Value,
    confidence: Value,
    indicator_types: Value,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Bundle {
    #[serde(rename = "type")]
    kind: String,
    objects: Vec<Object>,
}

/// One page of a TAXII collection (TAXII 2.1, section 3.7).
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Envelope {
    more: bool,
    next: Option<String>,
    objects: Vec<Object>,
}

/// How a page goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Whether there is more.
    pub more: bool,
    /// What to ask for it with, where the server says so.
    pub next: Option<String>,
    /// Objects on it.
    pub objects: usize,
}

fn json(error: &serde_json::Error) -> ReadError {
    let (line, column) = (error.line(), error.column());
    ReadError::Shape(format!("line {line}, column {column}: {error}"))
}

impl Objects {
    /// Takes the objects of a bundle.
    pub fn bundle(&mut self, bytes: &[u8]) -> Result<(), ReadError> {
        if bytes.is_empty() {
            return Err(ReadError::Empty);
        }
        let bundle: Bundle = serde_json::from_slice(bytes).map_err(|error| json(&error))?;
        if bundle.kind != "bundle" {
            let kind = quote(&bundle.kind);
            let reason = format!("it is of type {kind}, not a STIX bundle");
            return Err(ReadError::Shape(reason));
        }
        self.take(bundle.objects)
    }

    /// Takes the objects of a page.
    pub fn page(&mut self, bytes: &[u8]) -> Result<Page, ReadError> {
        let page: Envelope = serde_json::from_slice(bytes).map_err(|error| json(&error))?;
        let objects = page.objects.len();
        self.take(page.objects)?;
        Ok(Page {
            more: page.more,
            next: page.next,
            objects,
        })
    }

    fn take(&mut self, objects: Vec<Object>) -> Result<(), ReadError> {
        for object in objects {
            self.count += 1;
            if self.count > MAX_OBJECTS {
                return Err(ReadError::Shape(format!(
                    "it has more than {MAX_OBJECTS} objects"
                )));
            }
            if object.kind != "indicator" {
                continue;
            }
            let (place, id) = (
                self.count,
                object.id.as_str().unwrap_or_default().to_owned(),
            );
            match read(&object) {
                Ok(indicator) => self.put(id, Indicator { place, ..indicator }),
                Err(reason) => self.refused.refuse(|| told(place, &id), reason),
            }
        }
        Ok(())
    }

    /// Of two versions the newer stays.
    fn put(&mut self, id: String, indicator: Indicator) {
        match self.indicators.entry(id) {
            Slot::Vacant(slot) => {
                slot.insert(indicator);
            }
            Slot::Occupied(mut slot) => {
                if indicator.modified >= slot.get().modified {
                    slot.insert(indicator);
                }
            }
        }
    }

    /// Who is listed at `now`.
    pub fn finish(self, feed: &Feed, now: Timestamp) -> Result<Reading, ReadError> {
        let mut reading = self.refused;
        let mut indicators: Vec<_> = self.indicators.into_iter().collect();
        indicators.sort_by_key(|(_, indicator)| indicator.place);
        for (id, indicator) in indicators {
            let Some(listing) = indicator.listing else {
                reading.passed_over += 1;
                continue;
            };
            let is_early = listing.from.is_some_and(|from| from > now);
            let is_over = listing.until.is_some_and(|until| until <= now);
            let least = u64::from(feed.min_confidence);
            if is_early || is_over || (least > 0 && listing.confidence.unwrap_or(0) < least) {
                reading.passed_over += 1;
                continue;
            }
            let place = || told(indicator.place, &id);
            reading.take_prefixes(feed, place, &listing.prefixes, listing.until);
            reading.bounded(feed)?;
        }
        reading.judged(feed)
    }
}

fn told(place: usize, id: &str) -> String {
    format!("object {place} ({})", quote(id))
}

fn read(object: &Object) -> Result<Indicator, String> {
    if object.id.as_str().is_none_or(str::is_empty) {
        return Err("it has no id".to_owned());
    }
    let modified = moment("modified", &object.modified)?;
    let nothing = Indicator {
        place: 0,
        modified,
        listing: None,
    };
    let is_benign = |kinds: &Vec<Value>| kinds.iter().any(|kind| kind == "benign");
    let revoked = object.revoked == Value::Bool(true);
    if revoked || object.indicator_types.as_array().is_some_and(is_benign) {
        return Ok(nothing);
    }
    // In STIX 2.0 there was no other.
    if !(object.pattern_type == "stix" || object.pattern_type.is_null()) {
        return Ok(nothing);
    }
    let pattern = object.pattern.as_str().ok_or("it has no pattern")?;
    let prefixes = match pattern::read(pattern)? {
        Says::Addresses(prefixes) => prefixes,
        Says::Other | Says::Type => return Ok(nothing),
        Says::Narrower => {
            return Err("its pattern asks for more than an address".to_owned());
        }
    };
    Ok(Indicator {
        listing: Some(Listing {
            prefixes,
            from: moment("valid_from", &object.valid_from)?,
            until: moment("valid_until", &object.valid_until)?,
            confidence: object.confidence.as_u64(),
        }),
        ..nothing
    })
}

fn moment(name: &str, value: &Value) -> Result<Option<Timestamp>, String> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => match text.parse() {
            Ok(moment) => Ok(Some(moment)),
            Err(_) => Err(format!("{name}: {} is no moment", quote(text))),
        },
        _ => Err(format!("{name} is no moment")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn indicator(id: &str, address: &str) -> Value {
        json!({"type": "indicator", "id": format!("indicator--{id}"), "pattern_type": "stix",
            "pattern": format!("[ipv4-addr:value = '{address}']"),
            "valid_from": "2026-01-01T00:00:00Z"})
    }

    fn with(mut object: Value, key: &str, value: Value) -> Value {
        object[key] = value;
        object
    }

    fn check(feed: &Feed, objects: &[Value], expected: &[&str]) {
        let bundle = json!({"type": "bundle", "id": "bundle--1", "objects": objects});
        let now: Timestamp = "2026-06-01T00:00:00Z".parse().unwrap();
        let mut read = Objects::default();
        read.bundle(&serde_json::to_vec(&bundle).unwrap()).unwrap();
        let told = match read.finish(feed, now) {
            Ok(reading) => {
                let entries = reading.entries.iter().map(|e| e.prefix.to_string());
                let refused = reading.refused.iter().map(ToString::to_string);
                entries.chain(refused).collect()
            }
            Err(error) => vec![error.to_string()],
        };
        assert_eq!(told, expected);
    }

    #[test]
    fn indicators_that_hold_now_are_taken() {
        let feed = Feed::default();
        let a = indicator("a", "192.0.2.1");
        check(&feed, std::slice::from_ref(&a), &["192.0.2.1"]);
        for (key, value) in [
            ("valid_until", json!("2026-05-31T23:59:59.5Z")),
            ("valid_from", json!("2026-06-02T00:00:00Z")),
            ("revoked", json!(true)),
            ("indicator_types", json!(["benign"])),
            ("pattern_type", json!("sigma")),
            ("type", json!("malware")),
        ] {
            check(&feed, &[with(a.clone(), key, value)], &[]);
        }
    }

    #[test]
    fn the_newest_version_of_an_object_counts() {
        let old = with(
            indicator("a", "192.0.2.1"),
            "modified",
            json!("2026-01-01T00:00:00Z"),
        );
        let new = with(
            indicator("a", "192.0.2.2"),
            "modified",
            json!("2026-01-01T00:00:00.5Z"),
        );
        let feed = Feed::default();
        check(&feed, &[old.clone(), new.clone()], &["192.0.2.2"]);
        check(&feed, &[new.clone(), old.clone()], &["192.0.2.2"]);
        check(&feed, &[old, with(new, "revoked", json!(true))], &[]);
    }

    #[test]
    fn confidence_is_asked_for_where_it_is_wanted() {
        let feed = Feed {
            min_confidence: 50,
            ..Feed::default()
        };
        let a = indicator("a", "192.0.2.1");
        check(&feed, std::slice::from_ref(&a), &[]);
        check(&feed, &[with(a.clone(), "confidence", json!(49))], &[]);
        check(&feed, &[with(a, "confidence", json!(50))], &["192.0.2.1"]);
    }

    #[test]
    fn what_is_wrong_with_an_object_is_told_and_spoils_no_other() {
        let good = indicator("a", "192.0.2.1");
        let b = indicator("b", "192.0.2.2");
        check(
            &Feed::default(),
            &[
                good.clone(),
                with(good.clone(), "id", json!("indicator--c")),
                with(b.clone(), "valid_until", json!("soon")),
                with(
                    b,
                    "pattern",
                    json!("[ipv4-addr:value = '192.0.2.2' AND x:y = 1]"),
                ),
            ],
            &[
                "192.0.2.1",
                "192.0.2.1",
                "object 3 (\"indicator--b\"): valid_until: \"soon\" is no moment",
                "object 4 (\"indicator--b\"): its pattern asks for more than an address",
            ],
        );
    }

    #[test]
    fn what_is_no_bundle_is_told_with_its_place() {
        let check = |text: &str, expected: &str| {
            let told = Objects::default().bundle(text.as_bytes()).unwrap_err();
            assert!(told.to_string().starts_with(expected), "{told}");
        };
        check("", "it is empty");
        check("{", "line 1, column 1: EOF");
        check("[]", "it is of type");
        check(r#"{"type":"indicator"}"#, "it is of type \"indicator\"");
    }
}
