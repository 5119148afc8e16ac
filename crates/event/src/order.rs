//! Orders: what a person asks for, as the topic `orders` carries it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::action::ActionId;
use crate::prefix::Prefix;

/// One order. Who carries it out publishes what became of it; nobody answers an order as such.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Its name: a repeat of an order has the name of the first.
    pub id: String,
    /// When it was given.
    pub time: Timestamp,
    /// Who gave it, as the console knows the person: never taken from what the person says.
    pub who: String,
    /// What is asked for.
    #[serde(flatten)]
    pub what: What,
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "order", rename_all = "snake_case")]
pub enum What {
    /// Nothing from or to the target passes. An order is a plan like any other: the protected set
    /// counts. The mode does not, since the order is the consent.
    Block {
        /// Whom.
        target: Prefix,
        /// For how long, in seconds.
        ttl_secs: u64,
        /// Why, in the person's words.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        why: String,
    },
    /// Every action that aims at the target, or at a part of it, is undone.
    Unblock {
        /// Whom.
        target: Prefix,
    },
    /// The action that waits for approval is done.
    Approve {
        /// Which.
        action: ActionId,
    },
    /// The action is undone; one that waits for approval is refused.
    Undo {
        /// Which.
        action: ActionId,
    },
    /// Every action in force is undone.
    UndoAll,
    /// Sensors read their rules again.
    ReloadRules,
    /// A hint: people changed what they say about an incident, and `alert` is to look at once.
    IncidentChanged {
        /// Its name.
        incident: String,
    },
    /// A hint: silences were made, changed or ended, and `alert` is to look at once.
    SilencesChanged,
}

impl What {
    /// The order's name, as records write it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            What::Block { .. } => "block",
            What::Unblock { .. } => "unblock",
            What::Approve { .. } => "approve",
            What::Undo { .. } => "undo",
            What::UndoAll => "undo_all",
            What::ReloadRules => "reload_rules",
            What::IncidentChanged { .. } => "incident_changed",
            What::SilencesChanged => "silences_changed",
        }
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            What::Block {
                target, ttl_secs, ..
            } => write!(f, "block {target} for {ttl_secs} seconds"),
            What::Unblock { target } => write!(f, "unblock {target}"),
            What::Approve { action } => write!(f, "approve {action}"),
            What::Undo { action } => write!(f, "undo {action}"),
            What::UndoAll => f.write_str("undo all actions"),
            What::ReloadRules => f.write_str("reload rules"),
            What::IncidentChanged { incident } => write!(f, "look at incident {incident}"),
            What::SilencesChanged => f.write_str("look at silences"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(what: What, expected: &str) {
        let order = Order {
            id: "o1".into(),
            time: Timestamp::new(100, 0),
            who: "root".into(),
            what,
        };
        let text = serde_json::to_string(&order).unwrap();
        let head = r#"{"id":"o1","time":"1970-01-01T00:01:40.000000+0000","who":"root","order":"#;
        assert_eq!(text, format!("{head}{expected}}}"));
        assert_eq!(serde_json::from_str::<Order>(&text).unwrap(), order);
    }

    #[test]
    fn an_order_is_one_flat_record() {
        check(
            What::Block {
                target: "192.0.2.0/24".parse().unwrap(),
                ttl_secs: 3600,
                why: "scans us".into(),
            },
            r#""block","target":"192.0.2.0/24","ttl_secs":3600,"why":"scans us""#,
        );
        check(
            What::Unblock {
                target: "2001:db8::1".parse().unwrap(),
            },
            r#""unblock","target":"2001:db8::1""#,
        );
        check(
            What::Approve {
                action: ActionId(7),
            },
            r#""approve","action":"a7""#,
        );
        check(
            What::Undo {
                action: ActionId(7),
            },
            r#""undo","action":"a7""#,
        );
        check(What::UndoAll, r#""undo_all""#);
        check(What::ReloadRules, r#""reload_rules""#);
        check(
            What::IncidentChanged {
                incident: "i1".into(),
            },
            r#""incident_changed","incident":"i1""#,
        );
        check(What::SilencesChanged, r#""silences_changed""#);
    }

    #[test]
    fn an_order_that_says_too_little_is_refused() {
        for text in [
            r#"{"order":"block","target":"192.0.2.1"}"#,
            r#"{"order":"undo"}"#,
            r#"{"order":"nuke"}"#,
        ] {
            assert!(serde_json::from_str::<What>(text).is_err(), "{text}");
        }
    }
}
