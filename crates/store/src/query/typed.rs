//! What a value of a record is to its field: the same for every store, so that all find the same.

use event::Timestamp;
use serde_json::Value as Json;

use crate::fields::Kind;

/// The longest text that is found as a whole, in units of UTF-16, as Lucene counts: its terms hold 32,766 bytes,
/// and a unit up to four.
pub const KEYWORD_MAX: usize = 8_191;

/// The longest word, in characters; what is beyond does not count. Words of people are shorter.
pub const WORD_MAX: usize = 100;

/// A value of a record as its field holds it.
#[derive(Clone, Debug, PartialEq)]
pub enum Leaf {
    /// Of a keyword or of text.
    Text(String),
    /// A whole number.
    I64(i64),
    /// A number.
    F64(f64),
    /// True or false.
    Bool(bool),
    /// An address; IPv4 as `::ffff:0:0/96` holds it.
    Ip(u128),
    /// A moment.
    Time(Timestamp),
}

/// What a field of this kind holds of one value; None where the value is of another kind (then no query finds it
/// there), where it is null, or an array or an object, whose items are values of their own.
#[must_use]
pub fn leaf(kind: Kind, value: &Json) -> Option<Leaf> {
    match kind {
        Kind::Keyword => text(value).filter(|text| is_kept(text)).map(Leaf::Text),
        Kind::Text => text(value).map(Leaf::Text),
        Kind::I64 => whole(value).map(Leaf::I64),
        Kind::F64 => value.as_f64().map(Leaf::F64),
        Kind::Bool => value.as_bool().map(Leaf::Bool),
        Kind::Ip => value.as_str().and_then(address).map(Leaf::Ip),
        Kind::Time => value.as_str().and_then(moment).map(Leaf::Time),
    }
}

/// The text of a string, a number or a truth value.
#[must_use]
pub fn text(value: &Json) -> Option<String> {
    match value {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        Json::Bool(value) => Some(value.to_string()),
        Json::Null | Json::Array(_) | Json::Object(_) => None,
    }
}

/// Whether a text is short enough to be found as a whole.
fn is_kept(text: &str) -> bool {
    text.len() <= KEYWORD_MAX || text.encode_utf16().nth(KEYWORD_MAX).is_none()
}

fn whole(value: &Json) -> Option<i64> {
    value.as_i64().or_else(|| {
        // 2.0 is 2; every i64 below 2^53 is a float exactly.
        let float = value.as_f64()?;
        (float.fract() == 0.0 && float.abs() < 9e15).then_some(float as i64)
    })
}

/// An address as a number of IPv6.
#[must_use]
pub fn address(text: &str) -> Option<u128> {
    let address: std::net::IpAddr = text.parse().ok()?;
    Some(match address {
        std::net::IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        std::net::IpAddr::V6(address) => address.to_bits(),
    })
}

/// A moment of a record: EVE's form, RFC 3339, and certificates' `2026-01-02T03:04:05`, which is UTC.
#[must_use]
pub fn moment(text: &str) -> Option<Timestamp> {
    let moment = text
        .parse()
        .or_else(|_| format!("{text}Z").parse::<Timestamp>())
        .ok()?;
    // Beyond these the nanoseconds do not fit, and what saturates is no moment.
    (moment.nanos() != i64::MAX && moment.nanos() != i64::MIN).then_some(moment)
}

/// The event's own time: EVE's `timestamp`, else what log shippers write; None where it has none, and a store
/// takes the time of its arrival.
#[must_use]
pub fn time_of(event: &Json) -> Option<Timestamp> {
    let at = |key: &str| event.get(key).and_then(Json::as_str).and_then(moment);
    at("timestamp").or_else(|| at("@timestamp"))
}

/// The words of a text: runs of letters and digits of any script, in lower case, at most [`WORD_MAX`] characters
/// of each.
pub fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(|word| word.chars().take(WORD_MAX).map(lower).collect())
}

/// One character in lower case; where that were several, the first, as Lucene has it.
#[must_use]
pub fn lower(c: char) -> char {
    c.to_lowercase().next().unwrap_or(c)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_value_of_another_kind_is_nothing_to_a_field() {
        let check = |kind, value: Json, expected| assert_eq!(leaf(kind, &value), expected);
        check(Kind::I64, json!(5), Some(Leaf::I64(5)));
        check(Kind::I64, json!(5.0), Some(Leaf::I64(5)));
        check(Kind::I64, json!(5.5), None);
        check(Kind::I64, json!("5"), None);
        check(Kind::I64, json!(u64::MAX), None);
        check(Kind::Bool, json!("true"), None);
        check(Kind::Keyword, json!(5), Some(Leaf::Text("5".into())));
        check(Kind::Keyword, json!(null), None);
        check(
            Kind::Ip,
            json!("10.0.0.1"),
            Some(Leaf::Ip(0xffff_0a00_0001)),
        );
        check(Kind::Ip, json!("pear"), None);
        check(
            Kind::Time,
            json!("1970-01-01T00:00:01"),
            Some(Leaf::Time(Timestamp::new(1, 0))),
        );
        check(Kind::Time, json!("9999-12-31T23:59:59"), None);
    }

    #[test]
    fn words_are_runs_of_letters_and_digits_in_lower_case() {
        let check = |text: &str, expected: &[&str]| {
            assert_eq!(words(text).collect::<Vec<_>>(), expected, "{text}");
        };
        check(
            "ET MALWARE Win32/Emotet.B (CnC)",
            &["et", "malware", "win32", "emotet", "b", "cnc"],
        );
        check("www.Example.com", &["www", "example", "com"]);
        check("Ünïcode_ÄÖ", &["ünïcode", "äö"]);
        check("--", &[]);
        assert_eq!(words(&"x".repeat(500)).next().unwrap().len(), WORD_MAX);
    }

    #[test]
    fn the_time_of_an_event_is_eves_before_a_shippers() {
        let check = |event: Json, expected: Option<i64>| {
            assert_eq!(time_of(&event).map(Timestamp::secs), expected);
        };
        check(
            json!({"timestamp": "1970-01-01T00:00:05.000000+0000"}),
            Some(5),
        );
        check(json!({"@timestamp": "1970-01-01T00:00:07Z"}), Some(7));
        check(
            json!({"timestamp": "soon", "@timestamp": "1970-01-01T00:00:07Z"}),
            Some(7),
        );
        check(json!({"timestamp": 5}), None);
    }
}
