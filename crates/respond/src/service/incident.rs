//! An answer that does not work, as an incident for people: an attacker whom everybody believes to be
//! blocked is worse than one who is known not to be.

use event::action::{Action, Failure};
use serde_json::{Value, json};

/// What its incidents say in `raised_by`.
const US: &str = "respond";

/// Whether a record is an incident of ours.
pub(super) fn is_ours(record: &Value) -> bool {
    record.get("raised_by").and_then(Value::as_str) == Some(US)
}

/// The incident about an action that was found ineffective. Its id is the same each time: an action
/// raises one.
pub(super) fn of(action: &Action, failure: Failure, cause: &str) -> Value {
    json!({
        // Ids of actions begin anew where the journal was deleted.
        "id": format!("ineffective-{}-{}", action.id, action.planned.nanos()),
        "timestamp": action.changed,
        "raised_by": US,
        "title": format!("{} has no effect", action.what),
        "severity": "high",
        "category": "response",
        "reason": cause,
        "failure": failure,
        "target": action.what.target(),
        "action": action,
    })
}
