//! `GET /v1/actions` and `GET /v1/actions/{id}`.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use event::action::{Action, ActionId};
use serde::{Deserialize, Serialize};

use super::problem::Problem;
use super::query::pairs;
use crate::view::{Filter, View};

/// Actions on a page unless asked otherwise.
pub const PAGE: usize = 100;

/// Actions on a page at most: what one answer may cost in memory.
pub const MAX_PAGE: usize = 1000;

/// One page, as the API writes it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Listing {
    /// The actions, the newest first.
    pub actions: Vec<Action>,
    /// What to pass as `cursor` for the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A page of actions: `state` and `step` (names, separated by commas), `target`, `playbook`,
/// `limit`, `cursor`.
pub fn list(view: &View, query: Option<&str>) -> Result<Listing, Problem> {
    let asked = read(query)?;
    let page = view.page(&asked.filter, asked.before, asked.limit);
    Ok(Listing {
        actions: page.actions,
        next: page.next.map(|id| id.to_string()),
    })
}

/// One action.
pub fn show(view: &View, id: &str) -> Response {
    let Ok(id) = id.parse::<ActionId>() else {
        return Problem::bad(format!("{id:?} names no action; they are called a1, a2, …"))
            .into_response();
    };
    match view.get(id) {
        Some(action) => Json(action).into_response(),
        None => unknown(id).into_response(),
    }
}

/// Nobody knows this action.
#[must_use]
pub fn unknown(id: ActionId) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, format!("there is no action {id}"))
}

#[derive(Debug)]
struct Asked {
    filter: Filter,
    before: Option<ActionId>,
    limit: usize,
}

/// The names of states that may be asked for.
const STATES: [&str; 10] = [
    "in_force",
    "planned",
    "refused",
    "awaiting_approval",
    "executed",
    "effective",
    "ineffective",
    "unknown",
    "expired",
    "undone",
];

/// The names of steps that may be asked for.
const STEPS: [&str; 5] = [
    "block",
    "rate_limit",
    "drop_connection",
    "redirect",
    "quarantine",
];

fn read(query: Option<&str>) -> Result<Asked, Problem> {
    let mut asked = Asked {
        filter: Filter::default(),
        before: None,
        limit: PAGE,
    };
    for (name, value) in pairs(query) {
        match name.as_str() {
            "state" => names(&STATES, "state", &value, &mut asked.filter.states)?,
            "step" => names(&STEPS, "step", &value, &mut asked.filter.steps)?,
            "target" => {
                let target = value.parse();
                asked.filter.target =
                    Some(target.map_err(|error| Problem::bad(format!("target: {error}")))?);
            }
            "playbook" => asked.filter.playbook = Some(value),
            "cursor" => {
                let before = value.parse();
                asked.before = Some(before.map_err(|_| {
                    Problem::bad(format!("cursor: {value:?} came from no listing"))
                })?);
            }
            "limit" => {
                let limit = value.parse().ok().filter(|n| (1..=MAX_PAGE).contains(n));
                asked.limit = limit.ok_or_else(|| {
                    Problem::bad(format!("limit: 1 to {MAX_PAGE}, not {value:?}"))
                })?;
            }
            _ => return Err(Problem::bad(format!("{name:?} is no filter of actions"))),
        }
    }
    Ok(asked)
}

fn names(known: &[&str], what: &str, value: &str, into: &mut Vec<String>) -> Result<(), Problem> {
    for name in value.split(',').map(str::trim) {
        if !known.contains(&name) {
            let known = known.join(", ");
            return Err(Problem::bad(format!("{what}: {name:?} is none of {known}")));
        }
        into.push(name.to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::tests::action;
    use event::action::State;

    #[test]
    fn a_listing_is_read_page_by_page_with_its_cursor() {
        let mut view = View::default();
        for id in 1..=5 {
            view.apply(action(id, "192.0.2.1", 100, State::Executed));
        }
        let (mut query, mut ids) = ("limit=2".to_owned(), Vec::new());
        loop {
            let page = list(&view, Some(&query)).unwrap();
            ids.extend(page.actions.iter().map(|action| action.id.0));
            match page.next {
                Some(next) => query = format!("limit=2&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(ids, [5, 4, 3, 2, 1]);
    }

    #[test]
    fn a_filter_that_means_nothing_is_refused_with_its_name() {
        let check = |query: &str, expected: &str| {
            let problem = list(&View::default(), Some(query)).unwrap_err();
            assert_eq!(problem.status, 400);
            assert!(problem.detail.contains(expected), "{}", problem.detail);
        };
        check("state=broken", "state: \"broken\" is none of in_force,");
        check("step=nuke", "step: \"nuke\"");
        check("target=pear", "target: \"pear\"");
        check("limit=0", "limit: 1 to 1000");
        check("limit=1001", "limit");
        check("cursor=x", "cursor");
        check("colour=red", "\"colour\" is no filter");
    }
}
