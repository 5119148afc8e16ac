//! What the kernel holds, read back from nft's text, and how it differs from what it should hold.
//!
//! As text, because nft's JSON of a table with a flag is broken in versions that are in use.

use std::collections::BTreeMap;
use std::fmt;

use super::script::{ARMED, COMMENT, MARK};

/// What stands there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// Whether we made it.
    pub is_ours: bool,
    /// Whether it is switched off.
    pub is_dormant: bool,
    /// Whether it waits to be confirmed.
    pub is_guarded: bool,
    /// Whether its time to be confirmed has run out in the kernel.
    pub has_run_out: bool,
    /// Names of our rules by chain.
    pub rules: BTreeMap<String, Vec<String>>,
    /// Each line with the part it stands in, without counters and without what packets put there.
    pub lines: Vec<String>,
    /// Packets by rule, where it counts them.
    pub counted: Vec<(String, u64)>,
    /// Sources that scan.
    pub scanners: Vec<String>,
}

/// A way in which what stands there is not what should.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No table of the name.
    TableGone,
    /// A table of the name that somebody else made.
    NotOurs,
    /// The table is switched off.
    Dormant,
    /// The time in which it had to be confirmed has run out; it lets everything pass.
    RanOut,
    /// A line is not there.
    Missing(String),
    /// A line is there that should not be.
    Added(String),
    /// The same lines in another order.
    Reordered(String),
    /// A setting of the kernel is another.
    Setting {
        /// Which.
        key: String,
        /// What it should be.
        expected: String,
        /// What it is.
        found: String,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::TableGone => write!(
                f,
                "the table is gone: somebody flushed the ruleset or deleted it"
            ),
            Fault::NotOurs => write!(f, "the table was made by somebody else"),
            Fault::Dormant => write!(f, "the table is switched off (dormant)"),
            Fault::RanOut => write!(
                f,
                "it was not confirmed in time, and lets everything pass until it is taken back"
            ),
            Fault::Missing(line) => write!(f, "missing: {line}"),
            Fault::Added(line) => write!(f, "added by somebody else: {line}"),
            Fault::Reordered(part) => write!(f, "{part}: its rules are in another order"),
            Fault::Setting {
                key,
                expected,
                found,
            } => {
                write!(f, "{key} is {found} and should be {expected}")
            }
        }
    }
}

/// Faults that are told; where everything differs no longer list is of use.
const MAX_FAULTS: usize = 50;
/// Sources that are told.
const MAX_SCANNERS: usize = 1000;

/// Where the text stands: the part (`set x`, `chain y`) and what it says so far.
#[derive(Default)]
struct At {
    part: String,
    /// Filled by packets or by time: its elements do not belong to the plan.
    is_filled: bool,
    in_elements: bool,
}

impl Reading {
    /// From `nft list table`.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let mut reading = Reading::default();
        let mut at = At::default();
        let mut armed = false;
        for line in text.lines() {
            let line = line.trim();
            if let Some(part) = line.strip_suffix(" {").filter(|l| !l.contains('=')) {
                if !part.starts_with("table ") {
                    at = At {
                        part: part.to_owned(),
                        ..At::default()
                    };
                    reading.lines.push(part.to_owned());
                    reading.is_ours |= part == format!("chain {MARK}");
                    reading.is_guarded |= part == format!("set {ARMED}");
                }
                continue;
            }
            if let Some(flags) = line.strip_prefix("flags ") {
                reading.is_dormant |= at.part.is_empty() && flags.contains("dormant");
                at.is_filled = flags.contains("dynamic") || flags.contains("timeout");
            }
            let begins = line.starts_with("elements = {");
            if begins || at.in_elements {
                at.in_elements = !line.ends_with('}');
                armed |= at.part == format!("set {ARMED}");
                if at.part.starts_with("set scanners") {
                    reading.scanners(line);
                }
                if at.is_filled {
                    continue;
                }
            } else if at.part.starts_with("chain ") {
                reading.rule(&at.part, line);
            }
            if !line.is_empty() && line != "}" {
                reading
                    .lines
                    .push(format!("{}: {}", at.part, without_counts(line)));
            }
        }
        reading.has_run_out = reading.is_guarded && !armed;
        reading
    }

    fn rule(&mut self, part: &str, line: &str) {
        let Some((text, name)) = line.split_once(&format!(" comment \"{COMMENT}")) else {
            return;
        };
        let name = name.trim_end_matches('"').to_owned();
        if let Some((_, rest)) = text.split_once("counter packets ")
            && let Some(packets) = rest.split(' ').next().and_then(|n| n.parse().ok())
        {
            self.counted.push((name.clone(), packets));
        }
        let chain = part.trim_start_matches("chain ").to_owned();
        self.rules.entry(chain).or_default().push(name);
    }

    fn scanners(&mut self, line: &str) {
        let addresses = line
            .trim_start_matches("elements = {")
            .split(',')
            .filter_map(|element| element.split_ascii_whitespace().next())
            .filter(|word| word.parse::<std::net::IpAddr>().is_ok());
        let room = MAX_SCANNERS.saturating_sub(self.scanners.len());
        self.scanners
            .extend(addresses.take(room).map(str::to_owned));
    }

    /// How the names of rules differ from those of a plan.
    #[must_use]
    pub fn against(&self, expected: &[(String, Vec<String>)]) -> Vec<Fault> {
        let lines = |rules: &mut dyn Iterator<Item = (&String, &Vec<String>)>| {
            let mut lines = Vec::new();
            for (chain, names) in rules {
                lines.extend(names.iter().map(|name| format!("chain {chain}: {name}")));
            }
            lines
        };
        let sorted: BTreeMap<&String, &Vec<String>> = expected
            .iter()
            .filter(|(_, n)| !n.is_empty())
            .map(|(c, n)| (c, n))
            .collect();
        let wanted = lines(&mut sorted.into_iter());
        compare(&wanted, &lines(&mut self.rules.iter()))
    }

    /// How it differs from an earlier reading.
    #[must_use]
    pub fn since(&self, earlier: &[String]) -> Vec<Fault> {
        compare(earlier, &self.lines)
    }
}

/// A counter's numbers change by themselves.
fn without_counts(line: &str) -> String {
    let mut words = line.split(' ').peekable();
    let mut out: Vec<&str> = Vec::new();
    while let Some(word) = words.next() {
        out.push(word);
        if word == "counter" && words.peek() == Some(&"packets") {
            // packets N bytes N
            words.by_ref().take(4).for_each(drop);
        }
    }
    out.join(" ")
}

fn compare(expected: &[String], found: &[String]) -> Vec<Fault> {
    let mut counts: BTreeMap<&String, i64> = BTreeMap::new();
    for line in expected {
        *counts.entry(line).or_default() += 1;
    }
    for line in found {
        *counts.entry(line).or_default() -= 1;
    }
    let mut faults: Vec<Fault> = counts
        .iter()
        .filter(|(_, count)| **count != 0)
        .map(|(line, count)| match *count > 0 {
            true => Fault::Missing((*line).clone()),
            false => Fault::Added((*line).clone()),
        })
        .collect();
    if faults.is_empty()
        && let Some((line, _)) = expected.iter().zip(found).find(|(a, b)| a != b)
    {
        let part = line.split(':').next().unwrap_or(line);
        faults.push(Fault::Reordered(part.to_owned()));
    }
    faults.truncate(MAX_FAULTS);
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "table inet ratel_harden {
\tset armed {
\t\ttypeof meta nfproto
\t\tflags timeout
\t\telements = { ipv4 timeout 10m expires 9m59s988ms, ipv6 timeout 10m expires 9m59s988ms }
\t}

\tset protected4 {
\t\ttype ipv4_addr
\t\tflags interval
\t\telements = { 10.0.0.0/8,
\t\t\t     192.0.2.1 }
\t}

\tset scanners4 {
\t\ttype ipv4_addr
\t\tflags dynamic,timeout
\t\telements = { 192.0.2.66 timeout 10m expires 9m, 192.0.2.67 timeout 10m expires 9m,
\t\t\t     192.0.2.68 timeout 10m expires 9m }
\t}

\tchain made_by_ratel_harden {
\t}

\tchain in {
\t\ttype filter hook input priority filter - 10; policy accept;
\t\tip saddr @protected4 accept comment \"ratel protected 4\"
\t\ttcp flags ! syn,rst,ack counter packets 7 bytes 280 drop comment \"ratel bogus\"
\t}
}
";

    #[test]
    fn a_table_is_read() {
        let reading = Reading::of(TEXT);
        assert!(
            reading.is_ours && reading.is_guarded && !reading.has_run_out && !reading.is_dormant
        );
        assert_eq!(reading.rules["in"], ["protected 4", "bogus"]);
        assert_eq!(reading.counted, [("bogus".to_owned(), 7)]);
        assert_eq!(reading.scanners, ["192.0.2.66", "192.0.2.67", "192.0.2.68"]);
        assert!(
            reading
                .lines
                .contains(&"set protected4: 192.0.2.1 }".to_owned())
        );
        assert!(!reading.lines.iter().any(|line| line.contains("192.0.2.66")));
    }

    #[test]
    fn counters_and_what_packets_put_there_are_no_difference() {
        let before = Reading::of(TEXT);
        let later = TEXT
            .replace("packets 7 bytes 280", "packets 900 bytes 1")
            .replace("192.0.2.67 timeout 10m expires 9m,", "");
        assert_eq!(Reading::of(&later).since(&before.lines), []);
    }

    #[test]
    fn each_change_is_told() {
        let before = Reading::of(TEXT);
        let check = |from: &str, to: &str, expected: &str| {
            let changed = Reading::of(&TEXT.replace(from, to));
            let told: Vec<_> = changed
                .since(&before.lines)
                .iter()
                .map(Fault::to_string)
                .collect();
            assert!(
                told.iter().any(|fault| fault.starts_with(expected)),
                "{told:?}"
            );
        };
        check(
            "192.0.2.1 }",
            "192.0.2.2 }",
            "missing: set protected4: 192.0.2.1 }",
        );
        check(
            "ip saddr @protected4 accept",
            "accept",
            "added by somebody else: chain in: accept",
        );
        check(
            "priority filter - 10",
            "priority filter",
            "missing: chain in: type filter",
        );
        let swapped = before.lines.iter().rev().cloned().collect::<Vec<_>>();
        assert!(matches!(
            compare(&before.lines, &swapped)[..],
            [Fault::Reordered(_)]
        ));
    }

    #[test]
    fn a_table_that_sleeps_or_has_run_out_is_told() {
        let asleep = TEXT.replacen('{', "{\n\tflags dormant\n", 1);
        assert!(Reading::of(&asleep).is_dormant);
        let line = TEXT.lines().find(|l| l.contains("ipv4 timeout")).unwrap();
        assert!(Reading::of(&TEXT.replace(line, "")).has_run_out);
        assert_eq!(Reading::of(""), Reading::default());
    }
}
