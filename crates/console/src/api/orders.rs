//! `POST /v1/orders`: what is ordered, whether it makes sense, and what became of it.
//!
//! Nobody answers an order as such: it goes out on `orders`, and what came of it is read from
//! `actions`. So an order keeps which actions it is about ([`Pending`]), and its answer is what
//! the view says of them.

use axum::http::StatusCode;
use event::action::{Action, ActionId, Mode, State};
use event::order::{Order, What};
use serde::{Deserialize, Serialize};

use super::actions::unknown;
use super::problem::Problem;
use crate::view::{Kept, View};

/// The longest block, seconds: a year. Every action has an end.
pub const MAX_TTL_SECS: u64 = 365 * 86_400;

/// The longest reason, characters: a paragraph, as audit logs quote it whole.
pub const MAX_WHY: usize = 1024;

/// An order that is out, and how to know its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// The order.
    pub order: Order,
    /// The version of the view before it went out: what is told later may be its answer.
    pub from: u64,
    /// The actions that it is to change, known before.
    pub aims: Vec<ActionId>,
}

/// What became of an order.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Answer {
    /// The order as it went out.
    pub order: Order,
    /// Whether what was ordered has come to its end; else it is under way.
    pub settled: bool,
    /// In words, where there is more to say than the actions do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The actions that it made or changed.
    pub actions: Vec<Action>,
}

/// Reads the body of a request.
pub fn read(body: &[u8]) -> Result<What, Problem> {
    let what: What =
        serde_json::from_slice(body).map_err(|error| Problem::bad(format!("no order: {error}")))?;
    check(&what)?;
    Ok(what)
}

/// Refuses an order that can't be meant.
///
/// # Errors
/// A block without an end that a person may see, a reason that is none.
pub fn check(what: &What) -> Result<(), Problem> {
    if let What::Block { ttl_secs, why, .. } = what {
        if !(1..=MAX_TTL_SECS).contains(ttl_secs) {
            return Err(Problem::bad(format!(
                "ttl_secs: 1 to {MAX_TTL_SECS} (a year), not {ttl_secs}"
            )));
        }
        if why.chars().count() > MAX_WHY || why.chars().any(char::is_control) {
            return Err(Problem::bad(format!(
                "why: at most {MAX_WHY} characters on one line"
            )));
        }
    }
    Ok(())
}

/// Holds the order against what is known: what it is about, or why it can't be.
pub fn aim(view: &View, order: Order) -> Result<Pending, Problem> {
    let conflict = |action: &Action| {
        let (id, state) = (action.id, action.state.name());
        Problem::new(StatusCode::CONFLICT, format!("action {id} is {state}"))
    };
    let aims = match &order.what {
        What::Block { .. }
        | What::ReloadRules
        | What::IncidentChanged { .. }
        | What::SilencesChanged => Vec::new(),
        What::Approve { action } => match view.get(*action) {
            None => return Err(unknown(*action)),
            Some(found) if found.state != State::AwaitingApproval => return Err(conflict(found)),
            Some(found) => vec![found.id],
        },
        What::Undo { action } => match view.get(*action) {
            None => return Err(unknown(*action)),
            Some(found) if found.is_over() => return Err(conflict(found)),
            Some(found) => vec![found.id],
        },
        What::Unblock { target } => open(view, |action| target.overlaps(&action.what.target())),
        What::UndoAll => open(view, |_| true),
    };
    Ok(Pending {
        order,
        from: view.version(),
        aims,
    })
}

/// Actions that the firewall holds or a person is asked about, of those that `takes`.
fn open(view: &View, takes: impl Fn(&Action) -> bool) -> Vec<ActionId> {
    let open = |action: &Action| action.is_in_force() || action.state == State::AwaitingApproval;
    view.iter()
        .map(|kept| &kept.action)
        .filter(|action| open(action) && takes(action))
        .map(|action| action.id)
        .collect()
}

/// What became of the order so far.
#[must_use]
pub fn answer(view: &View, pending: &Pending) -> Answer {
    let (settled, actions) = match &pending.order.what {
        What::Block { target, .. } => {
            let ours = |kept: &&Kept| {
                kept.seen > pending.from
                    && matches!(kept.action.what, event::action::What::Block { .. })
                    && kept.action.what.target().overlaps(target)
                    && kept.action.planned >= pending.order.time
            };
            let actions: Vec<_> = view
                .iter()
                .filter(ours)
                .map(|kept| kept.action.clone())
                .collect();
            (
                !actions.is_empty() && actions.iter().all(is_settled),
                actions,
            )
        }
        What::Approve { .. } => {
            let actions = known(view, &pending.aims);
            let waits = |action: &Action| action.state == State::AwaitingApproval;
            (actions.iter().all(|a| !waits(a) && is_settled(a)), actions)
        }
        What::Undo { .. } | What::Unblock { .. } | What::UndoAll => {
            let actions = known(view, &pending.aims);
            (actions.iter().all(Action::is_over), actions)
        }
        // Told by whoever reloads, not by an action; hints have no answer.
        What::ReloadRules | What::IncidentChanged { .. } | What::SilencesChanged => {
            (false, Vec::new())
        }
    };
    Answer {
        order: pending.order.clone(),
        settled,
        note: None,
        actions,
    }
}

/// Whether more is to be expected of an action within moments.
fn is_settled(action: &Action) -> bool {
    match action.state {
        State::Planned => action.mode == Mode::Observe,
        // The firewall has it; whether it works is told next.
        State::Executed => false,
        State::Refused { .. }
        | State::AwaitingApproval
        | State::Effective { .. }
        | State::Ineffective { .. }
        | State::Unknown { .. }
        | State::Expired
        | State::Undone { .. } => true,
    }
}

fn known(view: &View, ids: &[ActionId]) -> Vec<Action> {
    ids.iter().filter_map(|id| view.get(*id).cloned()).collect()
}

#[cfg(test)]
mod tests;
