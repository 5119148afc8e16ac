//! Alerts in one line each, as `fast.log` has them.

use super::alert::Outcome;
use crate::detect::{Alert, Signature};
use rules::rule::Action;
use std::fmt::Write;
use std::net::IpAddr;

/// `01/02/2026-03:04:05.678901  [**] [1:1:1] message [**] [Classification: …] [Priority: 3] {TCP} a:b -> c:d`.
#[must_use]
pub fn line(alert: &Alert, rule: &Signature, outcome: &Outcome<'_>) -> String {
    let seen = outcome.seen;
    let time = seen.time.to_eve();
    let part = |range: std::ops::Range<usize>| {
        time.get(range)
            .and_then(|t| std::str::from_utf8(t).ok())
            .unwrap_or_default()
    };
    let is_dropped = matches!(alert.action, Action::Drop | Action::Reject(_)) && outcome.is_inline;
    let category = match rule.details.category() {
        "" => "(null)",
        known => known,
    };
    let protocol = seen.protocol.and_then(|p| p.name()).unwrap_or("PKTHDR");
    let mut line = format!(
        "{}/{}/{}-{}  {}[**] [{}:{}:{}] {} [**] [Classification: {category}] [Priority: {}] {{{protocol}}} ",
        part(5..7),
        part(8..10),
        part(0..4),
        part(11..26),
        if is_dropped { "[Drop] " } else { "" },
        rule.gid,
        rule.sid,
        rule.rev,
        rule.details.msg(),
        rule.priority,
    );
    end(&mut line, seen.source, seen.source_port);
    line.push_str(" -> ");
    end(&mut line, seen.destination, seen.destination_port);
    line
}

fn end(line: &mut String, address: Option<IpAddr>, port: Option<u16>) {
    // Writing to a String can't fail.
    let _ = match address {
        Some(address) => write!(line, "{address}:{}", port.unwrap_or(0)),
        None => write!(line, "0.0.0.0:0"),
    };
}
