//! `stats` records: counters with dotted names, written as nested objects.

use super::config::{EveConfig, StatsConfig};
use super::header::{self, Source};
use event::Timestamp;
use event::json::Writer;
use std::collections::BTreeMap;
use std::time::Duration;

/// Counters by dotted name, such as `decoder.pkts`; ordered, so that nesting follows from names.
pub type Counters = BTreeMap<String, u64>;

/// Writes a `stats` record.
pub fn stats(
    out: &mut Writer,
    now: Timestamp,
    uptime: Duration,
    counters: &Counters,
    config: &StatsConfig,
    source: &Source,
    eve: &EveConfig,
) {
    out.clear();
    out.begin();
    header::time(out, "timestamp", now);
    out.str("event_type", "stats");
    if let Some(interface) = &source.interface {
        out.str("in_iface", interface);
    }
    header::options(out, None, None, source, &eve.common);
    out.object("stats");
    out.uint("uptime", uptime.as_secs());
    nested(out, counters, config.null_values);
    out.end();
    header::end(out, source);
}

/// Writes `a.b.c = n` as `"a":{"b":{"c":n}}`, and `a[0].b = n` as `"a":[{"b":n}]`.
fn nested(out: &mut Writer, counters: &Counters, null_values: bool) {
    let mut open: Vec<&str> = Vec::new();
    for (name, value) in counters {
        if *value == 0 && !null_values {
            continue;
        }
        let mut path: Vec<&str> = name.split('.').collect();
        let Some(leaf) = path.pop() else { continue };
        let shared = open.iter().zip(&path).take_while(|(a, b)| a == b).count();
        for part in open.iter().skip(shared).rev() {
            close(out, part);
        }
        for part in path.iter().skip(shared) {
            match part.strip_suffix("[0]") {
                None => out.object(part),
                Some(list) => {
                    out.array(list);
                    out.begin();
                }
            }
        }
        open = path;
        out.uint(leaf, *value);
    }
    for part in open.iter().rev() {
        close(out, part);
    }
}

fn close(out: &mut Writer, part: &str) {
    out.end();
    if part.ends_with("[0]") {
        out.end_array();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nests_counters_by_their_dots() {
        let counters: Counters = [
            ("a.b.c", 1),
            ("a.b.d", 0),
            ("a.e", 2),
            ("f", 3),
            ("g[0].h", 4),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
        let mut out = Writer::new();
        out.begin();
        nested(&mut out, &counters, false);
        out.end();
        assert_eq!(
            String::from_utf8_lossy(out.as_bytes()),
            r#"{"a":{"b":{"c":1},"e":2},"f":3,"g":[{"h":4}]}"#
        );
    }
}
