//! The fields that a store knows by type: one list for the embedded index, for Elasticsearch and for queries.
//!
//! Whatever a record holds beside them is found by its exact words all the same, but not counted, compared or
//! searched word by word: a fixed list keeps an index small whatever is sent to it.

mod table;

use std::collections::HashMap;
use std::sync::LazyLock;

pub use table::FIELDS;

/// The path by which queries name the event's own time, whichever member it came from.
pub const TIME: &str = "@timestamp";

/// The path by which queries name the record's id.
pub const ID: &str = "_id";

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text for machines: found as a whole, case and all.
    Keyword,
    /// Text for people: found by words, whichever their case.
    Text,
    /// Whole numbers from -2^63 to 2^63 - 1.
    I64,
    /// Numbers.
    F64,
    /// True or false.
    Bool,
    /// Addresses of both families.
    Ip,
    /// Moments.
    Time,
}

/// A field of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// The path in the record, with dots.
    pub path: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Whether its values are counted and sorted. Text that is has a twin, `path.keyword`, that holds it as a
    /// whole up to [`KEYWORD_MAX`](crate::query::KEYWORD_MAX) characters; the twin is what is counted.
    pub is_counted: bool,
    /// Whether a word without a field is looked for here.
    pub is_anywhere: bool,
}

/// What a path of a query means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A field of the list.
    Known(&'static Field),
    /// The twin of a text of the list, as a whole: `alert.signature.keyword`.
    Twin(&'static Field),
    /// The event's own time.
    Time,
    /// The record's id.
    Id,
    /// Kept and shown, never indexed: bytes in Base64, counters by the hundred, numbers of single messages.
    Silent,
    /// A field of the rest: found by its exact values.
    Rest,
}

/// What is kept and shown but never indexed, with all below it: bytes in Base64, counters by the hundred, and of DNS
/// the numbers of single messages and what an answer says again of its question.
const SILENT: &[&str] = &[
    "alert.context",
    "alert.rule",
    "dns.additionals.ttl",
    "dns.answer",
    "dns.answers.rrname",
    "dns.answers.ttl",
    "dns.authorities.ttl",
    "dns.flags",
    "dns.id",
    "dns.opcode",
    "dns.tx_id",
    "dns.version",
    "frame.payload",
    "frame.payload_printable",
    "http.http_request_body",
    "http.http_response_body",
    "packet",
    "packet_info",
    "payload",
    "ratel.matches",
    "stats",
    "stream_tcp",
    "tftp.packet",
    "tls.certificate",
    "tls.chain",
    "tls.client.certificate",
    "tls.client.chain",
    "websocket.payload_base64",
];

static BY_PATH: LazyLock<HashMap<&'static str, &'static Field>> =
    LazyLock::new(|| FIELDS.iter().map(|field| (field.path, field)).collect());

/// The field of the list at `path`.
#[must_use]
pub fn known(path: &str) -> Option<&'static Field> {
    BY_PATH.get(path).copied()
}

/// What `path` means in a query.
#[must_use]
pub fn place(path: &str) -> Place {
    if path == TIME || path == "timestamp" {
        return Place::Time;
    }
    if path == ID {
        return Place::Id;
    }
    if let Some(field) = known(path) {
        return Place::Known(field);
    }
    if let Some(field) = path.strip_suffix(".keyword").and_then(known) {
        // Whoever comes from an index without a mapping asks for the twin of every string.
        return match field.kind {
            Kind::Text if field.is_counted => Place::Twin(field),
            Kind::Text => Place::Silent,
            Kind::Keyword | Kind::I64 | Kind::F64 | Kind::Bool | Kind::Ip | Kind::Time => {
                Place::Known(field)
            }
        };
    }
    if is_silent(path) {
        Place::Silent
    } else {
        Place::Rest
    }
}

/// Whether nothing at `path` or below it is indexed, but for fields of the list.
#[must_use]
pub fn is_silent(path: &str) -> bool {
    SILENT.iter().any(|silent| {
        path.strip_prefix(silent)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    })
}

/// Whether the list has fields below `path`: then it is an object there.
#[must_use]
pub fn is_object(path: &str) -> bool {
    static OBJECTS: LazyLock<std::collections::HashSet<&'static str>> = LazyLock::new(|| {
        FIELDS
            .iter()
            .flat_map(|field| {
                field
                    .path
                    .match_indices('.')
                    .filter_map(|(at, _)| field.path.get(..at))
            })
            .collect()
    });
    OBJECTS.contains(path)
}

/// Whether `path` holds addresses.
#[must_use]
pub fn is_address(path: &str) -> bool {
    matches!(place(path), Place::Known(field) if field.kind == Kind::Ip)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn each_path_stands_once_and_in_order() {
        let paths: HashSet<&str> = FIELDS.iter().map(|field| field.path).collect();
        assert_eq!(paths.len(), FIELDS.len());
    }

    #[test]
    fn an_index_with_all_of_them_stays_below_three_hundred_fields() {
        let objects: HashSet<&str> = FIELDS
            .iter()
            .flat_map(|field| {
                field
                    .path
                    .match_indices('.')
                    .filter_map(|(at, _)| field.path.get(..at))
            })
            .collect();
        let twins = FIELDS
            .iter()
            .filter(|field| field.kind == Kind::Text && field.is_counted)
            .count();
        // Ten for the rest, its own objects and what a data stream adds.
        let all = FIELDS.len() + objects.len() + twins + 10;
        assert!(all < 300, "{} + {} + {twins}", FIELDS.len(), objects.len());
    }

    #[test]
    fn a_path_means_one_thing() {
        let check = |path: &str, expected: Place| assert_eq!(place(path), expected, "{path}");
        let signature = known("alert.signature").unwrap();
        check("alert.signature", Place::Known(signature));
        check("alert.signature.keyword", Place::Twin(signature));
        check("proto.keyword", Place::Known(known("proto").unwrap()));
        check("timestamp", Place::Time);
        check("@timestamp", Place::Time);
        check("_id", Place::Id);
        check("payload", Place::Silent);
        check("stats.tcp.memuse", Place::Silent);
        check("stats.uptime", Place::Known(known("stats.uptime").unwrap()));
        check("payload_length", Place::Rest);
        check("anything.else", Place::Rest);
        assert!(is_object("alert.metadata"));
        assert!(!is_object("alert.signature"));
        assert!(is_address("src_ip"));
    }
}
