//! Silences as Suricata's `threshold.config` has them, as far as it can say the same.

use std::fmt::Write as _;

use state::silences::Silence;
use store::query::{Predicate, Query, Value};

use super::find::parse;

/// The lines of these silences; what can't be said in one is a comment.
pub fn write<'s>(silences: impl Iterator<Item = &'s Silence>) -> String {
    let mut out = String::from("# Silences in force, as suppressions.\n");
    for silence in silences {
        // A line of ours stays a line whatever a person wrote.
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let (owner, until) = (words(&silence.owner), silence.expires);
        let _ = writeln!(out, "# {owner}, until {until}: {}", words(&silence.reason));
        match parse(&silence.query).ok().and_then(|query| line(&query)) {
            Some(line) => {
                let _ = writeln!(out, "{line}");
            }
            None => {
                let query = words(&silence.query);
                let _ = writeln!(out, "# no suppression can say this: {query}");
            }
        }
    }
    out
}

/// One suppression: a signature, and at most one address.
fn line(query: &Query) -> Option<String> {
    let parts = match query {
        Query::And(parts) => parts.as_slice(),
        one => std::slice::from_ref(one),
    };
    let (mut gid, mut sid, mut end) = (1, None, None);
    for part in parts {
        let Query::Field { path, is } = part else {
            return None;
        };
        match (path.as_str(), is) {
            ("event_type", Predicate::Is(Value::Word(kind))) if kind == "alert" => {}
            ("alert.gid", Predicate::Is(value)) => gid = number(value)?,
            ("alert.signature_id", Predicate::Is(value)) if sid.is_none() => {
                sid = Some(number(value)?);
            }
            ("src_ip", Predicate::Is(value)) if end.is_none() => {
                end = Some(("by_src", address(value)?));
            }
            ("dest_ip", Predicate::Is(value)) if end.is_none() => {
                end = Some(("by_dst", address(value)?));
            }
            _ => return None,
        }
    }
    let head = format!("suppress gen_id {gid}, sig_id {}", sid?);
    Some(match end {
        None => head,
        Some((track, address)) => format!("{head}, track {track}, ip {address}"),
    })
}

fn number(value: &Value) -> Option<u32> {
    match value {
        Value::Word(text) | Value::Phrase(text) => text.parse().ok(),
        Value::Pattern(_) | Value::Prefix(_) => None,
    }
}

fn address(value: &Value) -> Option<String> {
    match value {
        Value::Prefix(prefix) => Some(prefix.to_string()),
        Value::Word(text) | Value::Phrase(text) => {
            text.parse::<event::Prefix>().ok().map(|p| p.to_string())
        }
        Value::Pattern(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_and_an_address_make_a_suppression() {
        let check = |query: &str, expected: Option<&str>| {
            let line = parse(query).ok().and_then(|query| line(&query));
            assert_eq!(line.as_deref(), expected, "{query}");
        };
        check(
            "alert.signature_id:2010935 AND src_ip:10.0.0.0/8",
            Some("suppress gen_id 1, sig_id 2010935, track by_src, ip 10.0.0.0/8"),
        );
        check(
            "event_type:alert AND alert.signature_id:7",
            Some("suppress gen_id 1, sig_id 7"),
        );
        check("src_ip:10.0.0.1", None);
        check("alert.signature_id:7 AND http.hostname:x", None);
        check("NOT alert.signature_id:7", None);
    }
}
