//! Orders are checked before they go out, and their answers are found on the topic of actions.

use event::Timestamp;
use event::action::{ActionId, Evidence, Mode, State};
use event::order::{Order, What};

use super::{MAX_WHY, aim, answer, read};
use crate::view::View;
use crate::view::tests::action;

fn order(what: What) -> Order {
    Order {
        id: "o1".into(),
        time: Timestamp::new(100, 0),
        who: "root".into(),
        what,
    }
}

fn block(target: &str) -> What {
    What::Block {
        target: target.parse().unwrap(),
        ttl_secs: 60,
        why: String::new(),
    }
}

fn effective() -> State {
    State::Effective {
        evidence: Evidence::default(),
    }
}

#[test]
fn an_order_that_makes_no_sense_is_refused_with_the_reason() {
    let check = |body: &str, expected: &str| {
        let problem = read(body.as_bytes()).unwrap_err();
        assert_eq!(problem.status, 400);
        assert!(problem.detail.contains(expected), "{}", problem.detail);
    };
    check("", "no order: EOF");
    check(r#"{"order":"nuke"}"#, "unknown variant `nuke`");
    check(
        r#"{"order":"block","target":"pear","ttl_secs":1}"#,
        "\"pear\" is neither",
    );
    check(
        r#"{"order":"block","target":"192.0.2.1","ttl_secs":0}"#,
        "ttl_secs: 1 to",
    );
    check(
        r#"{"order":"block","target":"192.0.2.1","ttl_secs":31536001}"#,
        "not 31536001",
    );
    check(
        r#"{"order":"block","target":"192.0.2.1","ttl_secs":1,"why":"a\nb"}"#,
        "why",
    );
    let long = "x".repeat(MAX_WHY + 1);
    check(
        &format!(r#"{{"order":"block","target":"192.0.2.1","ttl_secs":1,"why":"{long}"}}"#),
        "why",
    );
    assert!(read(br#"{"order":"undo_all"}"#).is_ok());
}

#[test]
fn a_block_is_answered_by_the_action_that_comes_after_it() {
    let mut view = View::default();
    view.apply(action(1, "192.0.2.1", 50, effective()));
    let pending = aim(&view, order(block("192.0.2.1"))).unwrap();
    let check = |view: &View, settled: bool, ids: &[u64]| {
        let told = answer(view, &pending);
        let told_ids: Vec<u64> = told.actions.iter().map(|a| a.id.0).collect();
        assert_eq!((told.settled, told_ids.as_slice()), (settled, ids));
    };
    check(&view, false, &[]);
    // Another target, and an older action that changes.
    view.apply(action(2, "198.51.100.1", 101, effective()));
    let mut older = action(1, "192.0.2.1", 50, State::Expired);
    older.changed = Timestamp::new(102, 0);
    view.apply(older);
    check(&view, false, &[]);
    view.apply(action(3, "192.0.2.1", 101, State::Planned));
    check(&view, false, &[3]);
    view.apply(action(3, "192.0.2.1", 101, State::Executed));
    check(&view, false, &[3]);
    view.apply(action(3, "192.0.2.1", 101, effective()));
    check(&view, true, &[3]);
}

#[test]
fn a_block_that_is_only_told_is_settled_once_it_is_planned() {
    let mut view = View::default();
    let pending = aim(&view, order(block("192.0.2.1"))).unwrap();
    let mut told = action(1, "192.0.2.1", 101, State::Planned);
    told.mode = Mode::Observe;
    view.apply(told);
    assert!(answer(&view, &pending).settled);
}

#[test]
fn only_what_waits_is_approved_and_only_what_lasts_is_undone() {
    let mut view = View::default();
    view.apply(action(1, "192.0.2.1", 50, State::AwaitingApproval));
    view.apply(action(2, "192.0.2.2", 50, State::Expired));
    let approve = |id| What::Approve {
        action: ActionId(id),
    };
    let undo = |id| What::Undo {
        action: ActionId(id),
    };
    let check = |what: What, expected: Option<u16>| {
        let told = aim(&view, order(what.clone())).err().map(|p| p.status);
        assert_eq!(told, expected, "{what}");
    };
    check(approve(1), None);
    check(approve(2), Some(409));
    check(approve(3), Some(404));
    check(undo(1), None);
    check(undo(2), Some(409));
    check(undo(3), Some(404));
}

#[test]
fn an_approval_is_answered_when_the_action_is_proved() {
    let mut view = View::default();
    view.apply(action(1, "192.0.2.1", 50, State::AwaitingApproval));
    let what = What::Approve {
        action: ActionId(1),
    };
    let pending = aim(&view, order(what)).unwrap();
    assert!(!answer(&view, &pending).settled);
    view.apply(action(1, "192.0.2.1", 51, State::Executed));
    assert!(!answer(&view, &pending).settled);
    view.apply(action(1, "192.0.2.1", 52, effective()));
    assert!(answer(&view, &pending).settled);
}

#[test]
fn undoing_all_is_answered_when_everything_that_was_in_force_is_over() {
    let mut view = View::default();
    view.apply(action(1, "192.0.2.1", 50, effective()));
    view.apply(action(2, "192.0.2.2", 50, State::AwaitingApproval));
    view.apply(action(3, "192.0.2.3", 50, State::Expired));
    let all = aim(&view, order(What::UndoAll)).unwrap();
    let target = "192.0.2.0/31".parse().unwrap();
    let some = aim(&view, order(What::Unblock { target })).unwrap();
    assert_eq!(all.aims, [ActionId(1), ActionId(2)]);
    assert_eq!(some.aims, [ActionId(1)]);
    let undone = || State::Undone {
        cause: "root".into(),
    };
    view.apply(action(1, "192.0.2.1", 60, undone()));
    assert!(!answer(&view, &all).settled);
    assert!(answer(&view, &some).settled);
    view.apply(action(2, "192.0.2.2", 60, undone()));
    assert!(answer(&view, &all).settled);
}
