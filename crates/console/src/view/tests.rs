//! The view holds what was told last, newest first, within its limit.

use event::Timestamp;
use event::action::{Action, ActionId, Mode, State, What, Why};

use super::{Filter, View};

/// An action that is planned at second `planned` against `target` and ends an hour later.
pub(crate) fn action(id: u64, target: &str, planned: i64, state: State) -> Action {
    Action {
        id: ActionId(id),
        what: What::Block {
            target: target.parse().unwrap(),
        },
        ttl_secs: 3600,
        mode: Mode::Enforce,
        why: Why {
            reason: "scan".into(),
            playbook: Some("scanners".into()),
            ..Why::default()
        },
        returned: 0,
        state,
        planned: Timestamp::new(planned, 0),
        executed: None,
        ends: Timestamp::new(planned + 3600, 0),
        changed: Timestamp::new(planned, 0),
        undo: None,
    }
}

fn ids(page: &super::Page) -> Vec<u64> {
    page.actions.iter().map(|action| action.id.0).collect()
}

#[test]
fn pages_run_from_the_newest_to_the_oldest_without_holes() {
    let mut view = View::default();
    for id in 1..=7 {
        view.apply(action(id, "192.0.2.1", 100, State::Executed));
    }
    let first = view.page(&Filter::default(), None, 3);
    assert_eq!(
        (ids(&first), first.next),
        (vec![7, 6, 5], Some(ActionId(5)))
    );
    // What comes in between moves no page.
    view.apply(action(8, "192.0.2.1", 100, State::Executed));
    let second = view.page(&Filter::default(), first.next, 3);
    assert_eq!(
        (ids(&second), second.next),
        (vec![4, 3, 2], Some(ActionId(2)))
    );
    let last = view.page(&Filter::default(), second.next, 3);
    assert_eq!((ids(&last), last.next), (vec![1], None));
    let whole = view.page(&Filter::default(), None, 8);
    assert_eq!(whole.next, None);
}

#[test]
fn filters_take_states_steps_targets_and_playbooks() {
    let mut view = View::default();
    view.apply(action(1, "192.0.2.1", 100, State::Executed));
    view.apply(action(2, "192.0.2.0/24", 100, State::Expired));
    view.apply(action(3, "198.51.100.1", 100, State::AwaitingApproval));
    let check = |filter: Filter, expected: &[u64]| {
        assert_eq!(ids(&view.page(&filter, None, 10)), expected, "{filter:?}");
    };
    let states = |names: &[&str]| Filter {
        states: names.iter().map(ToString::to_string).collect(),
        ..Filter::default()
    };
    check(states(&["in_force"]), &[1]);
    check(states(&["expired", "awaiting_approval"]), &[3, 2]);
    let target = Filter {
        target: "192.0.2.1".parse().ok(),
        ..Filter::default()
    };
    check(target, &[2, 1]);
    let steps = Filter {
        steps: vec!["redirect".into()],
        ..Filter::default()
    };
    check(steps, &[]);
    let playbook = Filter {
        playbook: Some("scanners".into()),
        ..Filter::default()
    };
    check(playbook, &[3, 2, 1]);
}

#[test]
fn repeats_and_what_is_older_change_nothing() {
    let mut view = View::default();
    assert!(view.apply(action(1, "192.0.2.1", 100, State::Executed)));
    assert!(!view.apply(action(1, "192.0.2.1", 100, State::Executed)));
    assert!(view.apply(action(1, "192.0.2.1", 200, State::Expired)));
    assert!(!view.apply(action(1, "192.0.2.1", 100, State::Executed)));
    assert_eq!(view.get(ActionId(1)).unwrap().state, State::Expired);
    assert_eq!(view.version(), 2);
}

#[test]
fn what_is_over_is_forgotten_before_what_is_in_force() {
    let mut view = View::with_limit(2);
    view.apply(action(1, "192.0.2.1", 100, State::Executed));
    view.apply(action(2, "192.0.2.2", 100, State::Expired));
    view.apply(action(3, "192.0.2.3", 100, State::Executed));
    assert_eq!(ids(&view.page(&Filter::default(), None, 9)), [3, 1]);
    view.apply(action(4, "192.0.2.4", 100, State::Executed));
    assert_eq!(ids(&view.page(&Filter::default(), None, 9)), [4, 3]);
    assert_eq!(view.forgotten(), 2);
}
