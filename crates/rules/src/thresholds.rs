//! `threshold.config`: limits and suppressions that stand outside the rules.

use crate::addresses;
use crate::context::Variables;
use crate::lexer::Lines;
use crate::options::meta::read_threshold;
use crate::options::parts;
use crate::rule::{Addresses, Threshold, ThresholdKind};

/// Most lines kept; each alert is compared with those of its signature.
const MAX_LINES: usize = 100_000;
/// Most complaints kept about one file.
const MAX_COMPLAINTS: usize = 1000;

/// One line of `threshold.config`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Generator id; 0 with `sid` 0 means every rule.
    pub gid: u32,
    /// Signature id; 0 means every one of the generator.
    pub sid: u32,
    /// What is done.
    pub what: What,
    /// Line of the file.
    pub line: u32,
}

/// What a line of `threshold.config` does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// `suppress`: tells nothing, for those addresses at that end or for all.
    Suppress(Option<(SuppressEnd, Addresses)>),
    /// `threshold` and `event_filter`, or `rate_filter` by its kind.
    Limit(Threshold),
}

/// Which end `suppress` compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SuppressEnd {
    /// `track by_src`.
    Source,
    /// `track by_dst`.
    Destination,
    /// `track by_either`.
    Either,
}

/// What a `threshold.config` says.
#[derive(Clone, Debug, Default)]
pub struct Thresholds {
    /// Its lines in order.
    pub lines: Vec<Line>,
    /// What was wrong: line and reason.
    pub wrong: Vec<(u32, String)>,
}

impl Thresholds {
    /// Reads a file; `addresses` are the variables that `ip` may name.
    #[must_use]
    pub fn parse(text: &[u8], addresses: &Variables) -> Self {
        let mut found = Thresholds::default();
        for line in Lines::new(text) {
            match one(&line.text, addresses, line.line) {
                Ok(None) => {}
                Ok(Some(_)) if found.lines.len() >= MAX_LINES => break,
                Ok(Some(line)) => found.lines.push(line),
                Err(why) if found.wrong.len() < MAX_COMPLAINTS => {
                    found.wrong.push((line.line, why))
                }
                Err(_) => {}
            }
        }
        found
    }
}

fn one(text: &str, variables: &Variables, line: u32) -> Result<Option<Line>, String> {
    let text = text.trim();
    if text.is_empty() || text.starts_with('#') {
        return Ok(None);
    }
    let (keyword, rest) = text
        .split_once(|c: char| c.is_ascii_whitespace())
        .unwrap_or((text, ""));
    let (mut gid, mut sid, mut others) = (None, None, Vec::new());
    for item in items(rest) {
        let (key, value) = item
            .split_once(|c: char| c.is_ascii_whitespace())
            .unwrap_or((item, ""));
        let number = || {
            value
                .trim()
                .parse::<u32>()
                .map_err(|_| format!("`{item}` needs a number"))
        };
        match key {
            "gen_id" => gid = Some(number()?),
            "sig_id" | "sid_id" => sid = Some(number()?),
            _ => others.push(item),
        }
    }
    let gid = gid.ok_or("the line needs `gen_id N`")?;
    let sid = sid.ok_or("the line needs `sig_id N`")?;
    let what = match keyword {
        "suppress" => suppress(&others, variables)?,
        "threshold" | "event_filter" => What::Limit(read_threshold(&others.join(","), None)?),
        "rate_filter" => What::Limit(rate_filter(&others.join(","))?),
        _ => {
            return Err(format!(
                "`{keyword}` is not known; suppress, threshold, event_filter and rate_filter are"
            ));
        }
    };
    if gid == 0 && sid != 0 {
        return Err("gen_id 0 means every rule and needs sig_id 0".to_owned());
    }
    Ok(Some(Line {
        gid,
        sid,
        what,
        line,
    }))
}

/// Items between commas that stand in no list of addresses.
fn items(text: &str) -> Vec<&str> {
    let (mut depth, mut start, mut found) = (0_u32, 0, Vec::new());
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'[' => depth += 1,
            b']' => depth = depth.saturating_sub(1),
            b',' if depth == 0 => {
                found.push(text.get(start..at).unwrap_or_default().trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    found.push(text.get(start..).unwrap_or_default().trim());
    found.retain(|item| !item.is_empty());
    found
}

fn suppress(items: &[&str], variables: &Variables) -> Result<What, String> {
    let (mut end, mut ip) = (None, None);
    for item in items {
        let (key, value) = item
            .split_once(|c: char| c.is_ascii_whitespace())
            .unwrap_or((item, ""));
        match (key, value.trim()) {
            ("track", "by_src") => end = Some(SuppressEnd::Source),
            ("track", "by_dst") => end = Some(SuppressEnd::Destination),
            ("track", "by_either") => end = Some(SuppressEnd::Either),
            ("ip", text) => ip = Some(addresses::parse(text, variables)?),
            _ => {
                return Err(format!(
                    "`{item}` is no option of suppress; track by_src|by_dst|by_either and ip are"
                ));
            }
        }
    }
    match (end, ip) {
        (None, None) => Ok(What::Suppress(None)),
        (Some(end), Some(ip)) => Ok(What::Suppress(Some((end, ip)))),
        (Some(_), None) => Err("`track` needs `ip` beside it".to_owned()),
        (None, Some(_)) => Err("`ip` needs `track` beside it".to_owned()),
    }
}

fn rate_filter(text: &str) -> Result<Threshold, String> {
    let threshold = read_threshold(text, Some(ThresholdKind::RateFilter))?;
    if threshold.new_action.is_none() {
        return Err("rate_filter needs `new_action alert|drop|pass|reject`".to_owned());
    }
    if !parts(text, ',').any(|item| item.starts_with("timeout")) {
        return Err("rate_filter needs `timeout N`".to_owned());
    }
    Ok(threshold)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<(u32, u32)>) {
        let found = Thresholds::parse(text.as_bytes(), &Variables::default());
        assert_eq!(
            found.lines.first().map(|line| (line.gid, line.sid)),
            expected,
            "{text}: {:?}",
            found.wrong
        );
        assert_eq!(found.wrong.is_empty(), expected.is_some());
    }

    #[test]
    fn reads_every_kind_of_line() {
        check("suppress gen_id 1, sig_id 2", Some((1, 2)));
        check(
            "suppress gen_id 1, sig_id 2, track by_src, ip [10.0.0.0/8,1.1.1.1]",
            Some((1, 2)),
        );
        check(
            "threshold gen_id 1, sig_id 0, type limit, track by_src, count 1, seconds 60",
            Some((1, 0)),
        );
        check(
            "event_filter gen_id 1, sig_id 2, type both, track by_dst, count 1, seconds 60",
            Some((1, 2)),
        );
        check(
            "rate_filter gen_id 1, sig_id 2, track by_rule, count 5, seconds 60, new_action drop, timeout 10",
            Some((1, 2)),
        );
        check("suppress gen_id 1, sig_id 2, track by_src", None);
        check("threshold gen_id 1, sig_id 2", None);
        check("nonsense", None);
    }
}
