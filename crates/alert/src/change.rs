//! What changed about an incident, and how loud people hear of it.
//!
//! The engine decides all of this; who carries it to people decides nothing about grouping and only
//! asks which receivers want it. A change is named by the incident's `id` and `revision`: the same
//! pair is the same change, whenever it comes again.

use event::incident::Severity;
use event::{Incident, Timestamp};
use serde::{Deserialize, Serialize};

/// One change of one incident.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// The incident as it is now; its `revision` is this change's.
    pub incident: Incident,
    /// What happened to it.
    pub what: What,
    /// How loud it is told.
    pub telling: Telling,
    /// When, by the clock.
    pub at: Timestamp,
}

impl Change {
    /// Names the change: the same text is the same change.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}/{}", self.incident.id, self.incident.revision)
    }
}

/// What happened to an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum What {
    /// It is new.
    Opened,
    /// It became worse: its severity rose.
    Risen {
        /// From this severity.
        from: Severity,
    },
    /// More of the same, gathered: a digest of all since it was told last.
    Updated {
        /// Events since it was told last.
        events: u64,
    },
    /// It is over.
    Closed {
        /// In words: nothing came for so long, or what a person said.
        why: String,
    },
    /// It was over and goes on.
    Reopened,
}

impl What {
    /// The name in records, labels and templates.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            What::Opened => "opened",
            What::Risen { .. } => "risen",
            What::Updated { .. } => "updated",
            What::Closed { .. } => "closed",
            What::Reopened => "reopened",
        }
    }
}

/// How loud a change is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Telling {
    /// Not at all: a silence covers the incident, or a storm's digest tells of it. A receiver that
    /// never heard of the incident goes on not hearing of it.
    Withheld,
    /// What was told before is made right without a new message: updated in place, sent again with
    /// other annotations, resolved. Receivers that can't do that (mail, SMS) do nothing.
    Quiet,
    /// A message of its own.
    Loud,
}

impl Telling {
    /// The name in records and labels.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Telling::Withheld => "withheld",
            Telling::Quiet => "quiet",
            Telling::Loud => "loud",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_records_say() {
        for telling in [Telling::Withheld, Telling::Quiet, Telling::Loud] {
            let text = serde_json::to_string(&telling).unwrap();
            assert_eq!(text, format!("\"{}\"", telling.name()));
        }
        for what in [
            What::Opened,
            What::Risen {
                from: Severity::Low,
            },
            What::Updated { events: 3 },
            What::Closed {
                why: "quiet".into(),
            },
            What::Reopened,
        ] {
            let record = serde_json::to_value(&what).unwrap();
            assert_eq!(record["what"], what.name());
        }
    }
}
