//! Who may do what: each role may do all that the ones before it may.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Error;

/// What a user or a token may do. The order is the order of power.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Hands in records and reads nothing: for tokens of log shippers.
    Ingest,
    /// Reads.
    Viewer,
    /// Triages, notes, silences, saves queries, hands in captures.
    Analyst,
    /// Blocks, undoes, approves.
    Responder,
    /// Looks after users, other people's tokens and rules.
    Admin,
}

impl Role {
    /// Every role, the weakest first.
    pub const ALL: [Role; 5] = [
        Role::Ingest,
        Role::Viewer,
        Role::Analyst,
        Role::Responder,
        Role::Admin,
    ];

    /// The name in settings, records and tokens.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Role::Ingest => "ingest",
            Role::Viewer => "viewer",
            Role::Analyst => "analyst",
            Role::Responder => "responder",
            Role::Admin => "admin",
        }
    }

    /// The role of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.name() == name)
    }

    /// Whether records may be handed in: what shippers do, and people who may hand in captures.
    #[must_use]
    pub const fn may_ingest(self) -> bool {
        match self {
            Role::Ingest | Role::Analyst | Role::Responder | Role::Admin => true,
            Role::Viewer => false,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Role {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Role::from_name(text).ok_or_else(|| {
            Error::Refused(format!(
                "{text:?} is no role: viewer, analyst, responder, admin, or ingest for tokens"
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_stand_in_the_order_of_power_and_are_read_as_they_are_written() {
        assert!(Role::ALL.is_sorted());
        for role in Role::ALL {
            assert_eq!(role.name().parse::<Role>().unwrap(), role);
            let text = serde_json::to_string(&role).unwrap();
            assert_eq!(text, format!("\"{role}\""));
        }
        assert!("root".parse::<Role>().is_err());
    }

    #[test]
    fn who_only_reads_hands_nothing_in() {
        assert!(Role::Ingest.may_ingest() && Role::Analyst.may_ingest());
        assert!(!Role::Viewer.may_ingest());
    }
}
