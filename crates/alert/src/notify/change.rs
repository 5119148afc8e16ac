//! What an incident's state is to a receiver that was told an earlier one.
//!
//! Derived from two states, not from a stream of changes: whatever was missed, repeated or overtaken,
//! the receiver hears of the difference once.

use std::collections::BTreeMap;

use event::Timestamp;
use event::incident::{Incident, Severity, Status};
use serde::{Deserialize, Serialize};

/// What a receiver was told of an incident last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Told {
    /// Of which revision.
    pub revision: u64,
    /// Its severity then.
    pub severity: Severity,
    /// Its status then.
    pub status: Status,
    /// When, by the clock.
    pub at: Timestamp,
    /// What the receiver called it: the time of a message in Slack, the Message-ID of the first mail.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub receipt: Receipt,
    /// Severities it was told with before, and when each was left.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ended: BTreeMap<Severity, Timestamp>,
    /// The incident itself, where the receiver must hear it again and again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<Box<Incident>>,
}

/// What a receiver called a message, by a name of the receiver's kind.
pub type Receipt = BTreeMap<String, String>;

/// What a notification is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// The receiver hears of it for the first time.
    Opened,
    /// It became worse.
    Risen,
    /// Somebody deals with it.
    Acknowledged,
    /// It was over and is not.
    Reopened,
    /// It is over.
    Closed,
    /// More of the same.
    Updated,
}

impl Change {
    /// What `incident` is to a receiver that was told `told`.
    #[must_use]
    pub fn of(told: Option<&Told>, incident: &Incident) -> Change {
        let Some(told) = told else {
            return Change::Opened;
        };
        match (told.status, incident.status) {
            (Status::Closed, Status::Open | Status::Acknowledged) => Change::Reopened,
            (Status::Open | Status::Acknowledged, Status::Closed) => Change::Closed,
            _ if told.severity < incident.severity => Change::Risen,
            (Status::Open, Status::Acknowledged) => Change::Acknowledged,
            _ => Change::Updated,
        }
    }

    /// The name in payloads.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Change::Opened => "opened",
            Change::Risen => "risen",
            Change::Acknowledged => "acknowledged",
            Change::Reopened => "reopened",
            Change::Closed => "closed",
            Change::Updated => "updated",
        }
    }

    /// The word that begins a line for people.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Change::Opened => "New",
            Change::Risen => "Worse",
            Change::Acknowledged => "Acknowledged",
            Change::Reopened => "Again",
            Change::Closed => "Over",
            Change::Updated => "Update",
        }
    }
}

impl Told {
    /// What a receiver knows once it was told `incident`.
    #[must_use]
    pub fn of(incident: &Incident, at: Timestamp) -> Told {
        Told {
            revision: incident.revision,
            severity: incident.severity,
            status: incident.status,
            at,
            receipt: BTreeMap::new(),
            ended: BTreeMap::new(),
            incident: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::sample;

    fn check(told: (Severity, Status), is: (Severity, Status), expected: Change) {
        let mut incident = sample::incident(1);
        (incident.severity, incident.status) = told;
        let told = Told::of(&incident, Timestamp::default());
        (incident.severity, incident.status) = is;
        assert_eq!(Change::of(Some(&told), &incident), expected);
    }

    #[test]
    fn a_change_is_the_difference_between_two_states() {
        use Severity::{High, Low};
        use Status::{Acknowledged, Closed, Open};
        assert_eq!(Change::of(None, &sample::incident(1)), Change::Opened);
        check((Low, Open), (High, Open), Change::Risen);
        check((Low, Open), (Low, Open), Change::Updated);
        check((Low, Open), (Low, Acknowledged), Change::Acknowledged);
        check((Low, Acknowledged), (High, Acknowledged), Change::Risen);
        check((Low, Open), (High, Closed), Change::Closed);
        check((Low, Closed), (High, Open), Change::Reopened);
        check((Low, Closed), (Low, Closed), Change::Updated);
        check((Low, Acknowledged), (Low, Open), Change::Updated);
    }
}
