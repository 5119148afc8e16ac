//! Incidents: what `alert` makes of many events, as the topic `incidents` and the API carry it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::action::ActionId;

/// One incident. What `alert` knows of it; what people say about it (owner, notes) stands beside it in
/// the state. Lists are bounded by `alert`; `events` counts what they leave out as well.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    /// Its name: `i` and sixteen hexadecimal digits, made of the fingerprint and its first event, so
    /// that the same history gives the same name.
    pub id: String,
    /// What holds its events together, as text that stays the same over restarts and sensors.
    pub fingerprint: String,
    /// What it is about.
    pub kind: Kind,
    /// One line for people.
    pub title: String,
    /// The highest that any of its events had: it only rises.
    pub severity: Severity,
    /// Where it stands.
    pub status: Status,
    /// The first event, by the event's own time.
    pub first: Timestamp,
    /// The last event, by the event's own time.
    pub last: Timestamp,
    /// When it was opened, by the clock.
    pub opened: Timestamp,
    /// When it changed last, by the clock.
    pub changed: Timestamp,
    /// Counts its changes; what is told of it is told of one revision.
    pub revision: u64,
    /// How many events it holds.
    pub events: u64,
    /// Who attacks, the busiest first.
    #[serde(default)]
    pub attackers: Vec<Party>,
    /// Who is attacked, the busiest first.
    #[serde(default)]
    pub victims: Vec<Party>,
    /// Rules that fired, in the order of their first event.
    #[serde(default)]
    pub signatures: Vec<Signature>,
    /// Steps of the attack by MITRE ATT&CK, in the order in which they were first seen.
    #[serde(default)]
    pub tactics: Vec<Tactic>,
    /// Sensors that told of it (EVE's `host`).
    #[serde(default)]
    pub sensors: Vec<String>,
    /// What was done about it.
    #[serde(default)]
    pub actions: Vec<ActionId>,
    /// Ids of its first events, bounded; [`Incident::query`] finds them all.
    #[serde(default)]
    pub sample: Vec<String>,
    /// A search that finds its events, in the language of `store`.
    #[serde(default)]
    pub query: String,
}

/// What an incident is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Somebody attacks somebody.
    Attack,
    /// A rule of counts or sequences (Sigma) found something.
    Correlation,
    /// An action of Ratel's had no effect.
    Response,
    /// So much happens that what is new is told in digests.
    Storm,
}

/// How bad it is. The order is the order of badness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing.
    Informational,
    /// EVE's severity 3 and above.
    Low,
    /// EVE's severity 2.
    Medium,
    /// EVE's severity 1.
    High,
    /// What a rule, an asset or a chain of steps makes of severity 1.
    Critical,
}

impl Severity {
    /// Every severity, the least first.
    pub const ALL: [Severity; 5] = [
        Severity::Informational,
        Severity::Low,
        Severity::Medium,
        Severity::High,
        Severity::Critical,
    ];

    /// What EVE's `alert.severity` says: 1 is the worst.
    #[must_use]
    pub const fn of_eve(severity: u64) -> Severity {
        match severity {
            0 | 1 => Severity::High,
            2 => Severity::Medium,
            3 => Severity::Low,
            _ => Severity::Informational,
        }
    }

    /// The name in records, settings and labels.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Severity::Informational => "informational",
            Severity::Low => "low",
            Severity::Medium => "medium",
            Severity::High => "high",
            Severity::Critical => "critical",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Where an incident stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Nobody has looked yet.
    Open,
    /// Somebody deals with it.
    Acknowledged,
    /// It is over: a person said so, or nothing was added to it for long.
    Closed,
}

/// An address that takes part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Party {
    /// The address.
    pub address: String,
    /// In how many events.
    pub events: u64,
    /// What the assets file calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asset: Option<String>,
}

/// A rule that fired.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    /// `gid:sid` of a rule of packets, or the id of a Sigma rule.
    pub id: String,
    /// What the rule says.
    pub text: String,
    /// Its severity.
    pub severity: Severity,
    /// How often.
    pub events: u64,
    /// The first time, by the event's own time.
    pub first: Timestamp,
    /// The last time, by the event's own time.
    pub last: Timestamp,
}

/// A step of an attack (MITRE ATT&CK).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tactic {
    /// `TA0001` and so on.
    pub id: String,
    /// Its name with spaces, `Initial Access`.
    pub name: String,
    /// When it was first seen, by the event's own time.
    pub first: Timestamp,
    /// Techniques of it that were seen.
    #[serde(default)]
    pub techniques: Vec<Technique>,
}

/// A technique of ATT&CK.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Technique {
    /// `T1110` or `T1110.001`.
    pub id: String,
    /// Its name with spaces.
    pub name: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn severities_stand_in_the_order_of_badness() {
        assert!(Severity::ALL.is_sorted());
        for severity in Severity::ALL {
            let text = serde_json::to_string(&severity).unwrap();
            assert_eq!(text, format!("\"{}\"", severity.name()));
        }
    }

    #[test]
    fn eve_counts_severity_downwards() {
        let check = |eve: u64, expected| assert_eq!(Severity::of_eve(eve), expected);
        check(1, Severity::High);
        check(2, Severity::Medium);
        check(3, Severity::Low);
        check(255, Severity::Informational);
    }
}
