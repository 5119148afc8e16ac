//! What is wrong with a text that scrapers are to read: what they refuse, and what we promise beyond
//! it. For the tests of every process that hands in metrics.

use std::collections::{BTreeMap, BTreeSet};

use event::Prefix;

/// Kinds of families (text format 0.0.4, "Comments, help text, and type information").
const KINDS: [&str; 5] = ["counter", "gauge", "histogram", "summary", "untyped"];

/// What samples of histograms and summaries have behind the family's name.
const SUFFIXES: [&str; 3] = ["_bucket", "_sum", "_count"];

/// What is wrong, a sentence for each line: a family without the prefix `ratel_`, without help or
/// type, in two places or told twice; a counter not called `_total`; an address in a label; a
/// line that is no sample. Empty where all is well.
#[must_use]
pub fn faults(text: &str) -> Vec<String> {
    let mut check = Check::default();
    for line in text.lines() {
        if let Err(fault) = check.line(line) {
            check.faults.push(format!("{line}: {fault}"));
        }
    }
    if !text.is_empty() && !text.ends_with('\n') {
        check.faults.push("the last line has no end".to_owned());
    }
    check.faults
}

#[derive(Default)]
struct Check<'a> {
    kinds: BTreeMap<&'a str, &'a str>,
    helped: BTreeSet<&'a str>,
    /// Families whose samples are over, and the one that runs.
    over: BTreeSet<&'a str>,
    current: Option<&'a str>,
    series: BTreeSet<&'a str>,
    faults: Vec<String>,
}

impl<'a> Check<'a> {
    fn line(&mut self, line: &'a str) -> Result<(), String> {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').unwrap_or((rest, ""));
            if help.trim().is_empty() {
                return Err("the help says nothing".to_owned());
            }
            return if self.helped.insert(name) {
                Ok(())
            } else {
                Err("a second help".to_owned())
            };
        }
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap_or((rest, ""));
            if !KINDS.contains(&kind) {
                return Err("no type that there is".to_owned());
            }
            if self.over.contains(name) || self.current == Some(name) {
                return Err("the type comes behind samples".to_owned());
            }
            return match self.kinds.insert(name, kind) {
                None => Ok(()),
                Some(_) => Err("a second type".to_owned()),
            };
        }
        if line.is_empty() || line.starts_with('#') {
            return Ok(());
        }
        self.sample(line)
    }

    fn sample(&mut self, line: &'a str) -> Result<(), String> {
        let (series, value) = line.rsplit_once(' ').ok_or("no value")?;
        value.parse::<f64>().map_err(|_| "no number")?;
        let (name, labels) = match series.split_once('{') {
            None => (series, ""),
            Some((name, labels)) => (name, labels.strip_suffix('}').ok_or("no closing brace")?),
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
        if !name.chars().all(plain) {
            return Err("no name of a metric".to_owned());
        }
        let family = self.family(name);
        if self.current != Some(family) {
            self.over.extend(self.current.replace(family));
        }
        if self.over.contains(family) {
            return Err("its family stands in two places".to_owned());
        }
        if !self.series.insert(series) {
            return Err("told twice".to_owned());
        }
        for (label, value) in pairs(labels)? {
            if is_address(&value) {
                return Err(format!("an address in the label {label}"));
            }
        }
        if !family.starts_with("ratel_") {
            return Err("no prefix ratel_".to_owned());
        }
        if !self.helped.contains(family) {
            return Err("no help".to_owned());
        }
        match self.kinds.get(family) {
            None => Err("no type".to_owned()),
            Some(&"counter") if !family.ends_with("_total") => {
                Err("a counter's name ends in _total".to_owned())
            }
            Some(_) => Ok(()),
        }
    }

    /// The family of a sample: its name, without what histograms and summaries add.
    fn family(&self, name: &'a str) -> &'a str {
        let is_spread = |family: &&str| {
            let kind = self.kinds.get(*family);
            kind.is_some_and(|kind| matches!(*kind, "histogram" | "summary"))
        };
        let mut bases = SUFFIXES.iter().filter_map(|end| name.strip_suffix(end));
        bases.find(is_spread).unwrap_or(name)
    }
}

/// Names and values of labels, escapes undone.
fn pairs(labels: &str) -> Result<Vec<(&str, String)>, String> {
    let mut pairs = Vec::new();
    let mut rest = labels;
    while !rest.is_empty() {
        let (name, value) = rest.split_once("=\"").ok_or("a label without a value")?;
        let (mut text, mut end) = (String::new(), None);
        let mut chars = value.char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    end = Some(at);
                    break;
                }
                '\\' => text.extend(chars.next().map(|(_, c)| c)),
                c => text.push(c),
            }
        }
        let end = end.ok_or("a label without an end")?;
        rest = value.get(end + 1..).unwrap_or_default();
        rest = rest.strip_prefix(',').unwrap_or(rest);
        pairs.push((name, text));
    }
    Ok(pairs)
}

/// Whether a value is an address, a network, or one of both with a port.
fn is_address(value: &str) -> bool {
    value.parse::<Prefix>().is_ok() || value.parse::<std::net::SocketAddr>().is_ok()
}
