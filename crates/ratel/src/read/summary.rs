//! What a person wants to know at the end: what was in the captures and what was found.

use crate::ruleset::Loaded;
use decode::packet::Frame;
use engine::detect::RuleStats;
use engine::pipeline::Engine;
use engine::pipeline::told::AlertSum;
use event::Timestamp;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::time::Duration;

/// Signatures that the text shows; `-o json` has all.
const SHOWN_SIGNATURES: usize = 40;
/// End points that the text shows for each.
const SHOWN_ENDS: usize = 3;
/// Rules that the text shows with what they cost; `-o json` has all.
const SHOWN_COSTS: usize = 20;
/// Broken captures that are told one by one; `-o json` has all.
pub const SHOWN_BROKEN: usize = 5;

/// The sums of a run.
#[derive(Debug, Default)]
pub struct Summary {
    /// Frames read.
    pub packets: u64,
    bytes: u64,
    span: Option<(Timestamp, Timestamp)>,
    rules: (u64, u64, u64),
    flows: BTreeMap<String, u64>,
    alerts: Vec<((u32, u32), AlertSum)>,
    alerts_total: u64,
    undecoded: Vec<(String, u64)>,
    /// What rules cost and what they say, the dearest first; empty where nobody asked.
    costs: Vec<(RuleStats, String)>,
    took: Duration,
    /// Captures that could not be read to their end, with the reason.
    pub broken: Vec<String>,
}

impl Summary {
    /// Before the first packet.
    pub fn new(loaded: &Loaded) -> Self {
        Summary {
            rules: loaded.counts(),
            ..Summary::default()
        }
    }

    /// Counts a frame.
    pub fn count(&mut self, frame: &Frame<'_>) {
        self.packets += 1;
        self.bytes += u64::from(frame.wire_len);
        let (first, last) = self.span.get_or_insert((frame.time, frame.time));
        *first = (*first).min(frame.time);
        *last = (*last).max(frame.time);
    }

    /// Takes what the engine found.
    pub fn close(&mut self, engine: &mut Engine, took: Duration) {
        self.took = took;
        for (name, value) in engine.counters() {
            if let Some(event) = name.strip_prefix("decoder.event.")
                && value > 0
            {
                self.undecoded.push((event.to_owned(), value));
            }
        }
        self.undecoded
            .sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        self.costs = costs(engine);
        let told = engine.take_told();
        for (protocol, count) in &told.flows {
            self.flows.insert(
                engine::records::flow::eve_name(*protocol).to_owned(),
                *count,
            );
        }
        self.alerts_total = told.alerts_total;
        self.alerts = told.alerts.into_iter().collect();
        self.alerts
            .sort_by_key(|(_, sum)| (sum.severity, std::cmp::Reverse(sum.count)));
    }

    /// For people.
    pub fn print_text(&self, to_stderr: bool) -> io::Result<()> {
        let mut text = String::new();
        // Writing to a String can't fail.
        let _ = self.write_text(&mut text);
        print(text.as_bytes(), to_stderr)
    }

    fn write_text(&self, out: &mut String) -> std::fmt::Result {
        writeln!(
            out,
            "{} packets, {} in {}",
            grouped(self.packets),
            size(self.bytes),
            self.span
                .map_or("no time".to_owned(), |(a, b)| duration(b.since(a))),
        )?;
        if let Some((first, last)) = self.span {
            writeln!(out, "  from {first} to {last}")?;
        }
        let (loaded, degraded, refused) = self.rules;
        if loaded + degraded + refused > 0 {
            writeln!(
                out,
                "  {loaded} rules loaded, {degraded} degraded, {refused} refused"
            )?;
        }
        let flows: u64 = self.flows.values().sum();
        writeln!(out, "\n{} flows", grouped(flows))?;
        let mut by_count: Vec<_> = self.flows.iter().collect();
        by_count.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        for (protocol, count) in by_count {
            let name = match protocol.as_str() {
                "unknown" => "(no data)",
                "failed" => "(not recognised)",
                known => known,
            };
            writeln!(out, "  {:>8}  {name}", grouped(*count))?;
        }
        writeln!(
            out,
            "\n{} alerts of {} signatures",
            grouped(self.alerts_total),
            self.alerts.len()
        )?;
        for ((gid, sid), sum) in self.alerts.iter().take(SHOWN_SIGNATURES) {
            writeln!(
                out,
                "  {:>8}  [{gid}:{sid}] {} (severity {})",
                grouped(sum.count),
                printable(&sum.message),
                sum.severity,
            )?;
            for (source, destination, count) in sum.ends.iter().take(SHOWN_ENDS) {
                writeln!(out, "            {source} -> {destination}  x {count}")?;
            }
            if sum.ends.len() > SHOWN_ENDS {
                writeln!(out, "            … and other end points")?;
            }
        }
        if self.alerts.len() > SHOWN_SIGNATURES {
            writeln!(
                out,
                "  … {} more: -o json lists them",
                self.alerts.len() - SHOWN_SIGNATURES
            )?;
        }
        if !self.undecoded.is_empty() {
            writeln!(out, "\nOdd packets")?;
            for (event, count) in self.undecoded.iter().take(10) {
                writeln!(out, "  {:>8}  {event}", grouped(*count))?;
            }
        }
        if !self.costs.is_empty() {
            writeln!(
                out,
                "\nRules that took most time (estimated)\n{:>10}  {:>12}  {:>10}  {:>8}",
                "ms", "checks", "matches", "alerts"
            )?;
        }
        for (stats, message) in self.costs.iter().take(SHOWN_COSTS) {
            writeln!(
                out,
                "{:>10.1}  {:>12}  {:>10}  {:>8}  [{}:{}] {}",
                stats.nanos_estimated as f64 / 1e6,
                grouped(stats.checks),
                grouped(stats.matches),
                grouped(stats.alerts),
                stats.gid,
                stats.sid,
                printable(message),
            )?;
        }
        for broken in self.broken.iter().take(SHOWN_BROKEN) {
            writeln!(out, "\nNot read to its end: {broken}")?;
        }
        if self.broken.len() > SHOWN_BROKEN {
            let more = self.broken.len() - SHOWN_BROKEN;
            writeln!(out, "  … and {more} more captures")?;
        }
        let secs = self.took.as_secs_f64().max(1e-6);
        writeln!(
            out,
            "\nin {:.1} s, {} packets a second",
            secs,
            grouped((self.packets as f64 / secs) as u64)
        )
    }

    /// For machines.
    pub fn print_json(&self, to_stderr: bool) -> io::Result<()> {
        let alerts: Vec<_> = self
            .alerts
            .iter()
            .map(|((gid, sid), sum)| {
                serde_json::json!({
                    "gid": gid, "signature_id": sid, "signature": sum.message,
                    "severity": sum.severity, "count": sum.count,
                    "ends": sum.ends.iter().map(|(source, destination, count)| {
                        serde_json::json!({"src_ip": source, "dest_ip": destination, "count": count})
                    }).collect::<Vec<_>>(),
                })
            })
            .collect();
        let costs: Vec<_> = self
            .costs
            .iter()
            .map(|(stats, message)| {
                serde_json::json!({
                    "gid": stats.gid, "signature_id": stats.sid, "signature": message,
                    "checks": stats.checks, "matches": stats.matches, "alerts": stats.alerts,
                    "nanos_estimated": stats.nanos_estimated,
                })
            })
            .collect();
        let (loaded, degraded, refused) = self.rules;
        let mut text = serde_json::to_vec_pretty(&serde_json::json!({
            "packets": self.packets,
            "bytes": self.bytes,
            "first": self.span.map(|(first, _)| first.to_string()),
            "last": self.span.map(|(_, last)| last.to_string()),
            "rules": {"loaded": loaded, "degraded": degraded, "refused": refused},
            "flows": self.flows,
            "alerts_total": self.alerts_total,
            "alerts": alerts,
            "costs": costs,
            "decoder_events": self.undecoded.iter().cloned().collect::<BTreeMap<_, _>>(),
            "broken": self.broken,
            "seconds": self.took.as_secs_f64(),
        }))?;
        text.push(b'\n');
        print(&text, to_stderr)
    }
}

/// What was counted of each rule, the dearest first.
fn costs(engine: &Engine) -> Vec<(RuleStats, String)> {
    let mut sum = HashMap::new();
    engine.tallies().add_to(&mut sum);
    let ruleset = engine.ruleset();
    let mut costs: Vec<_> = ruleset
        .iter()
        .filter_map(|(_, rule)| {
            let stats = sum.remove(&(rule.gid, rule.sid))?;
            (stats.checks > 0).then(|| (stats, rule.details.msg().to_owned()))
        })
        .collect();
    costs.sort_by_key(|(stats, _)| {
        let dear = std::cmp::Reverse((stats.nanos_estimated, stats.checks));
        (dear, stats.gid, stats.sid)
    });
    costs
}

/// Writes `text`; a reader that went away is no failure.
pub fn print(text: &[u8], to_stderr: bool) -> io::Result<()> {
    let result = if to_stderr {
        io::stderr().lock().write_all(text)
    } else {
        io::stdout().lock().write_all(text)
    };
    match result {
        // A reader that has seen enough (`| head`) is no failure.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// What a rule says, without bytes that would act on a terminal.
pub fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '.' } else { c })
        .collect()
}

/// 1234567 as 1,234,567.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn size(bytes: u64) -> String {
    match bytes {
        0..10_000 => format!("{bytes} bytes"),
        10_000..10_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        10_000_000..10_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

fn duration(span: Duration) -> String {
    let secs = span.as_secs();
    match secs {
        0..60 => format!("{:.3} s", span.as_secs_f64()),
        60..3600 => format!("{} min {} s", secs / 60, secs % 60),
        3600..86_400 => format!("{} h {} min", secs / 3600, secs % 3600 / 60),
        _ => format!("{} days {} h", secs / 86_400, secs % 86_400 / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_numbers_for_people() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(size(1_500_000), "1500.0 kB");
        assert_eq!(duration(Duration::from_secs(3700)), "1 h 1 min");
    }
}
