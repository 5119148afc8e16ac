//! Playbooks: when a condition holds over an event or an incident, then these steps. Read from YAML;
//! one that cannot be read never fails the others.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use event::action::Mode;
use serde::Deserialize;

pub use self::condition::{Condition, Facts};

mod condition;
mod kinds;
mod time;

pub use kinds::Kinds;
pub use time::parse as parse_duration;

/// Playbooks of an installation. Each is held against each event.
pub const MAX_PLAYBOOKS: usize = 1000;
/// Steps of one playbook.
const MAX_STEPS: usize = 8;
/// Bytes of one file.
const MAX_FILE: usize = 1 << 20;
/// How long a step holds where the playbook does not say.
const TTL: Duration = Duration::from_secs(3600);
/// The longest that anything may hold: every action has an end.
pub const MAX_TTL: Duration = Duration::from_secs(365 * 86_400);
/// A connection that was ended may not come back for this long.
const CONNECTION_TTL: Duration = Duration::from_secs(60);
/// How long a target rests after a person has undone an action against it.
const COOLING_OFF: Duration = Duration::from_secs(600);
/// IPv6 hosts own a /64 and change their address in it at will.
const LENGTH_6: u8 = 64;
/// Wider prefixes than these hit too many who did nothing.
const WIDEST_4: u8 = 16;
/// See `WIDEST_4`.
const WIDEST_6: u8 = 32;

/// One playbook, checked and compiled.
#[derive(Debug)]
pub struct Playbook {
    /// Its name, one of its kind.
    pub name: String,
    /// When it acts.
    pub when: Condition,
    /// Whom it means.
    pub target: Who,
    /// How far it is carried out; the installation's mode may allow less.
    pub mode: Mode,
    /// Whether it acts on what a model found, too.
    pub models: bool,
    /// What it does, in order.
    pub steps: Vec<Step>,
    /// What becomes of those who come back.
    pub escalation: Escalation,
    /// How long a target rests after a person has undone an action against it.
    pub cooling_off: Duration,
    /// File and line of its beginning.
    pub place: Place,
}

/// Whom a playbook or step means.
#[derive(Debug)]
pub enum Who {
    /// Who began the flow; where the rule names its source, that.
    Attacker,
    /// The record's `src_ip`.
    Source,
    /// The record's `dest_ip`.
    Destination,
    /// What an expression says.
    Expression(Condition),
}

/// One step of a playbook.
#[derive(Debug)]
pub struct Step {
    /// What is done.
    pub deed: Deed,
    /// How long it holds the first time.
    pub ttl: Duration,
    /// How far it is carried out; the playbook's mode may allow less.
    pub mode: Mode,
    /// Whom this step means where not the playbook's target.
    pub target: Option<Who>,
    /// Bits of an IPv4 target that count.
    pub length_4: u8,
    /// Bits of an IPv6 target that count.
    pub length_6: u8,
}

/// What a step does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Block the target.
    Block,
    /// Limit the target.
    RateLimit {
        /// Packets that pass in a second.
        packets_per_second: u32,
        /// Packets that may come at once.
        burst: u32,
    },
    /// End the event's connection.
    DropConnection,
    /// Lead the target to a honeypot.
    Redirect {
        /// Its IPv4 address.
        to4: Option<IpAddr>,
        /// Its IPv6 address.
        to6: Option<IpAddr>,
        /// Its port.
        port: Option<u16>,
    },
    /// Cut the target off.
    Quarantine,
}

/// What becomes of those who come back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Escalation {
    /// The time to live is multiplied by this each time.
    pub factor: f64,
    /// And never becomes longer than this.
    pub max: Duration,
    /// Who has been quiet for this long is new again.
    pub forget: Duration,
}

impl Default for Escalation {
    fn default() -> Self {
        Escalation {
            factor: 1.0,
            max: MAX_TTL,
            forget: Duration::from_secs(7 * 86_400),
        }
    }
}

impl Escalation {
    /// The time to live of someone who has come back `returned` times.
    #[must_use]
    pub fn ttl(&self, first: Duration, returned: u32) -> Duration {
        let factor = self
            .factor
            .powi(i32::try_from(returned.min(64)).unwrap_or(64));
        let secs = first.as_secs_f64() * factor;
        let cap = self.max.max(first).min(MAX_TTL);
        Duration::try_from_secs_f64(secs).map_or(cap, |ttl| ttl.min(cap))
    }
}

/// File and line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// A playbook that was not taken, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {reason}")]
pub struct Refusal {
    /// Where.
    pub place: Place,
    /// Why, in words.
    pub reason: String,
}

/// The playbooks of a file, and those that were refused.
#[must_use]
pub fn read(file: &str, text: &str) -> (Vec<Playbook>, Vec<Refusal>) {
    let refusal = |line, reason: String| Refusal {
        place: Place {
            file: file.to_owned(),
            line,
        },
        reason,
    };
    if text.len() > MAX_FILE {
        let reason = format!("a file of playbooks has at most {MAX_FILE} bytes");
        return (Vec::new(), vec![refusal(1, reason)]);
    }
    let mut playbooks: Vec<Playbook> = Vec::new();
    let mut refusals = Vec::new();
    for (line, part) in parts(text) {
        let read = part
            .map_err(|reason| (line, reason))
            .and_then(|part| read_one(file, line, &part));
        match read {
            Ok(playbook) if playbooks.len() >= MAX_PLAYBOOKS => {
                let reason = format!("{}: more than {MAX_PLAYBOOKS} playbooks", playbook.name);
                refusals.push(refusal(line, reason));
            }
            Ok(playbook) if playbooks.iter().any(|other| other.name == playbook.name) => {
                let reason = format!("a playbook of the name {:?} stands above", playbook.name);
                refusals.push(refusal(line, reason));
            }
            Ok(playbook) => playbooks.push(playbook),
            Err((line, reason)) => refusals.push(refusal(line, reason)),
        }
    }
    (playbooks, refusals)
}

/// The members of the list, each with its first line: cut by indentation before YAML is read, so
/// that what is wrong with one stays its own matter.
fn parts(text: &str) -> Vec<(usize, Result<String, String>)> {
    let mut parts: Vec<(usize, Result<String, String>)> = Vec::new();
    let mut indent = None;
    for (number, line) in (1..).zip(text.lines()) {
        let bare = line.trim_start();
        let depth = line.len() - bare.len();
        let empty = bare.is_empty() || bare.starts_with('#');
        let is_member = bare == "-" || bare.starts_with("- ");
        if is_member && indent.is_none_or(|indent| depth == indent) {
            indent = Some(depth);
            parts.push((number, Ok(format!("{line}\n"))));
        } else if indent.is_some_and(|indent| depth > indent) || empty {
            if let Some((_, Ok(part))) = parts.last_mut() {
                part.push_str(line);
                part.push('\n');
            }
        } else if matches!(bare.trim_end(), "playbooks:" | "---" | "...") && parts.is_empty() {
        } else {
            let reason = "not part of a list of playbooks: each begins with \"- name:\"";
            parts.push((number, Err(reason.to_owned())));
        }
    }
    parts
}

/// As it stands in YAML.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    name: String,
    when: String,
    target: Option<String>,
    mode: Option<Mode>,
    #[serde(default)]
    models: bool,
    steps: Vec<StepText>,
    #[serde(default)]
    escalation: EscalationText,
    #[serde(default, with = "time::optional")]
    cooling_off: Option<Duration>,
    #[serde(default, rename = "description")]
    _description: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct EscalationText {
    factor: Option<f64>,
    #[serde(default, with = "time::optional")]
    max: Option<Duration>,
    #[serde(default, with = "time::optional")]
    forget: Option<Duration>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StepText {
    block: Option<Details>,
    rate_limit: Option<Details>,
    drop_connection: Option<Details>,
    redirect: Option<Details>,
    quarantine: Option<Details>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Details {
    #[serde(default, with = "time::optional")]
    ttl: Option<Duration>,
    mode: Option<Mode>,
    target: Option<String>,
    prefix4: Option<u8>,
    prefix6: Option<u8>,
    packets_per_second: Option<u32>,
    burst: Option<u32>,
    to: Option<OneOrTwo>,
    port: Option<u16>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrTwo {
    One(IpAddr),
    Two([IpAddr; 2]),
}

fn read_one(file: &str, first: usize, part: &str) -> Result<Playbook, (usize, String)> {
    let mut texts: Vec<Text> = serde_yaml_ng::from_str(part).map_err(|error| {
        let line = error.location().map_or(0, |at| at.line().saturating_sub(1));
        // Its own words count lines from the beginning of the playbook.
        let words = error.to_string();
        let words = words.split(" at line ").next().unwrap_or_default();
        (first + line, words.to_owned())
    })?;
    let text = match (texts.pop(), texts.is_empty()) {
        (Some(text), true) => text,
        _ => return Err((first, "one playbook is expected here".to_owned())),
    };
    let line_of = |key: &str| {
        let found = part.lines().position(|line| {
            let line = line.trim_start().trim_start_matches("- ");
            line.starts_with(key)
        });
        first + found.unwrap_or(0)
    };
    let at = |key: &str, reason: String| (line_of(key), format!("{}: {reason}", text.name));
    if text.name.is_empty() || text.name.len() > 100 {
        return Err(at("name:", "a name has 1 to 100 bytes".to_owned()));
    }
    if text.steps.is_empty() || text.steps.len() > MAX_STEPS {
        return Err(at(
            "steps:",
            format!("a playbook has 1 to {MAX_STEPS} steps"),
        ));
    }
    let when = Condition::compile(&text.when).map_err(|reason| at("when:", reason))?;
    let target = who(text.target.as_deref()).map_err(|reason| at("target:", reason))?;
    let steps = (0..)
        .zip(&text.steps)
        .map(|(number, text)| step(text).map_err(|reason| (number, reason)))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|(number, reason)| {
            let (line, reason) = at("steps:", reason);
            (
                line_of_step(part, number).map_or(line, |line| first + line),
                reason,
            )
        })?;
    let usual = Escalation::default();
    let escalation = Escalation {
        factor: text.escalation.factor.unwrap_or(usual.factor),
        max: text.escalation.max.unwrap_or(usual.max),
        forget: text.escalation.forget.unwrap_or(usual.forget),
    };
    if !(1.0..=1000.0).contains(&escalation.factor) {
        return Err(at("escalation:", "factor is from 1 to 1000".to_owned()));
    }
    Ok(Playbook {
        when,
        target: target.unwrap_or(Who::Attacker),
        mode: text.mode.unwrap_or(Mode::Enforce),
        models: text.models,
        steps,
        escalation,
        cooling_off: text.cooling_off.unwrap_or(COOLING_OFF),
        place: Place {
            file: file.to_owned(),
            line: first,
        },
        name: text.name,
    })
}

/// The line of the step of this number, from 0 on; None where steps stand in one line.
fn line_of_step(part: &str, number: usize) -> Option<usize> {
    let mut lines = part.lines().enumerate();
    let is_steps = |line: &str| {
        line.trim_start()
            .trim_start_matches("- ")
            .starts_with("steps:")
    };
    lines.by_ref().find(|(_, line)| is_steps(line))?;
    let is_step = |line: &str| line.trim_start().starts_with("- ");
    lines
        .filter(|(_, line)| is_step(line))
        .nth(number)
        .map(|(at, _)| at)
}

fn who(text: Option<&str>) -> Result<Option<Who>, String> {
    Ok(Some(match text {
        None => return Ok(None),
        Some("attacker") => Who::Attacker,
        Some("source") => Who::Source,
        Some("destination") => Who::Destination,
        Some(expression) => Who::Expression(Condition::compile_text(expression)?),
    }))
}

fn step(text: &StepText) -> Result<Step, String> {
    let given: Vec<(&str, &Details)> = [
        ("block", &text.block),
        ("rate_limit", &text.rate_limit),
        ("drop_connection", &text.drop_connection),
        ("redirect", &text.redirect),
        ("quarantine", &text.quarantine),
    ]
    .into_iter()
    .filter_map(|(name, details)| Some((name, details.as_ref()?)))
    .collect();
    let [(name, details)] = given[..] else {
        return Err(
            "a step is one of block, rate_limit, drop_connection, redirect, \
                    quarantine, with its values in braces"
                .to_owned(),
        );
    };
    let only = |field: &str, given: bool, of: &str| {
        if given && name != of {
            return Err(format!("{name} has no {field}"));
        }
        Ok(())
    };
    only(
        "packets_per_second",
        details.packets_per_second.is_some(),
        "rate_limit",
    )?;
    only("burst", details.burst.is_some(), "rate_limit")?;
    only("to", details.to.is_some(), "redirect")?;
    only("port", details.port.is_some(), "redirect")?;
    let deed = match name {
        "block" => Deed::Block,
        "rate_limit" => {
            let packets_per_second = details
                .packets_per_second
                .filter(|rate| (1..=1_000_000).contains(rate))
                .ok_or("rate_limit needs packets_per_second, from 1 to 1000000")?;
            Deed::RateLimit {
                packets_per_second,
                burst: details
                    .burst
                    .unwrap_or(packets_per_second)
                    .clamp(1, 1_000_000),
            }
        }
        "drop_connection" => Deed::DropConnection,
        "redirect" => {
            let to = match &details.to {
                None => return Err("redirect needs to, the honeypot's address".to_owned()),
                Some(OneOrTwo::One(one)) => vec![*one],
                Some(OneOrTwo::Two(two)) => two.to_vec(),
            };
            Deed::Redirect {
                to4: to.iter().copied().find(IpAddr::is_ipv4),
                to6: to.iter().copied().find(IpAddr::is_ipv6),
                port: details.port,
            }
        }
        _ => Deed::Quarantine,
    };
    let one_host = matches!(deed, Deed::Quarantine);
    let usual_ttl = if deed == Deed::DropConnection {
        CONNECTION_TTL
    } else {
        TTL
    };
    let ttl = details.ttl.unwrap_or(usual_ttl);
    if ttl < Duration::from_secs(1) || ttl > MAX_TTL {
        return Err(format!(
            "{name}: ttl is from 1s to {}d",
            MAX_TTL.as_secs() / 86_400
        ));
    }
    let length_4 = details.prefix4.unwrap_or(32);
    let length_6 = details
        .prefix6
        .unwrap_or(if one_host { 128 } else { LENGTH_6 });
    if !(WIDEST_4..=32).contains(&length_4) || !(WIDEST_6..=128).contains(&length_6) {
        return Err(format!(
            "{name}: prefix4 is from {WIDEST_4} to 32, prefix6 from {WIDEST_6} to 128"
        ));
    }
    Ok(Step {
        deed,
        ttl,
        mode: details.mode.unwrap_or(Mode::Enforce),
        target: who(details.target.as_deref())?,
        length_4,
        length_6,
    })
}

#[cfg(test)]
mod tests;
