//! Whatever happens between pulls, a bouncer that follows the changes blocks what we block.

use std::collections::BTreeMap;

use event::Timestamp;
use event::action::{Action, ActionId, Mode, State};
use proptest::prelude::*;

use super::{Book, Changes, Told};
use crate::view::tests::action;

fn at(secs: i64) -> Timestamp {
    Timestamp::new(secs, 0)
}

fn values(told: &Told) -> Vec<String> {
    let mut values: Vec<_> = told.iter().map(|(d, _)| d.target.to_string()).collect();
    values.sort();
    values
}

fn check(changes: &Changes, new: &[&str], deleted: &[&str]) {
    assert_eq!(values(&changes.new), new, "new");
    assert_eq!(values(&changes.deleted), deleted, "deleted");
}

fn undone() -> State {
    State::Undone {
        cause: "root".into(),
    }
}

#[test]
fn a_bouncer_is_told_each_change_once() {
    let mut book = Book::default();
    book.apply(&action(1, "192.0.2.1", 100, State::Executed), at(100));
    let (first, since) = book.changes(None, at(101));
    check(&first, &["192.0.2.1"], &[]);
    let (none, since) = book.changes(Some(since), at(102));
    check(&none, &[], &[]);
    book.apply(&action(2, "192.0.2.0/24", 102, State::Executed), at(102));
    book.apply(&action(1, "192.0.2.1", 100, undone()), at(102));
    let (both, since) = book.changes(Some(since), at(102));
    check(&both, &["192.0.2.0/24"], &["192.0.2.1"]);
    // Its time runs out, whether or not somebody tells.
    let (ended, since) = book.changes(Some(since), at(102 + 3600));
    check(&ended, &[], &["192.0.2.0/24"]);
    book.apply(
        &action(2, "192.0.2.0/24", 102, State::Expired),
        at(103 + 3600),
    );
    let (told, _) = book.changes(Some(since), at(104 + 3600));
    check(&told, &[], &[]);
}

#[test]
fn of_two_decisions_about_one_address_the_longer_is_told_and_the_other_follows() {
    let mut book = Book::default();
    book.apply(&action(1, "192.0.2.1", 100, State::Executed), at(100));
    book.apply(&action(2, "192.0.2.1", 200, State::Executed), at(200));
    let (first, since) = book.changes(None, at(201));
    check(&first, &["192.0.2.1"], &[]);
    assert_eq!(first.new[0].1, at(3800));
    book.apply(&action(2, "192.0.2.1", 200, undone()), at(300));
    let (second, since) = book.changes(Some(since), at(301));
    check(&second, &["192.0.2.1"], &["192.0.2.1"]);
    assert_eq!(second.new[0].1, at(3700));
    // The longer one may also end by itself: nothing is left then.
    let (third, _) = book.changes(Some(since), at(3701));
    check(&third, &[], &["192.0.2.1"]);
}

#[test]
fn what_is_not_in_force_is_no_decision_and_what_is_only_told_is_simulated() {
    let mut book = Book::default();
    book.apply(
        &action(1, "192.0.2.1", 100, State::AwaitingApproval),
        at(100),
    );
    let refused = State::Refused {
        cause: "it is protected".into(),
    };
    book.apply(&action(2, "192.0.2.2", 100, refused), at(100));
    let mut told = action(3, "192.0.2.3", 100, State::Planned);
    told.mode = Mode::Observe;
    book.apply(&told, at(100));
    let all = book.all(at(101));
    assert_eq!(values(&all), ["192.0.2.3"]);
    assert!(all[0].0.simulated);
    // The approval makes it one.
    book.apply(&action(1, "192.0.2.1", 100, State::Executed), at(102));
    assert_eq!(values(&book.all(at(103))), ["192.0.2.1", "192.0.2.3"]);
}

#[test]
fn a_bouncer_that_begins_is_told_what_ended_unless_it_holds_again() {
    let mut book = Book::default();
    book.apply(&action(1, "192.0.2.1", 100, State::Executed), at(100));
    book.apply(&action(1, "192.0.2.1", 100, undone()), at(101));
    book.apply(&action(2, "192.0.2.2", 100, State::Executed), at(101));
    book.apply(&action(2, "192.0.2.2", 100, undone()), at(102));
    book.apply(&action(3, "192.0.2.2", 103, State::Executed), at(103));
    let (changes, _) = book.changes(None, at(104));
    check(&changes, &["192.0.2.2"], &["192.0.2.1"]);
}

#[test]
fn what_ended_is_forgotten_after_a_week() {
    let mut book = Book::default();
    book.apply(&action(1, "192.0.2.1", 100, State::Executed), at(100));
    let later = 3700 + 7 * 86_400;
    book.apply(&action(2, "192.0.2.2", later, State::Executed), at(later));
    assert_eq!((book.entries.len(), book.ends.len()), (1, 1));
}

/// What a bouncer does with changes: deletes, then adds; what it holds ends by itself.
fn follow(held: &mut BTreeMap<String, Timestamp>, changes: &Changes, now: Timestamp) {
    for (decision, _) in &changes.deleted {
        held.remove(&decision.target.to_string());
    }
    for (decision, end) in &changes.new {
        held.insert(decision.target.to_string(), *end);
    }
    held.retain(|_, end| *end > now);
}

#[derive(Clone, Debug)]
enum Step {
    Act(u64, u8, i64, bool),
    End(u64),
    Wait(i64),
    Pull,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (0..20u64, 0..4u8, 1..100i64, any::<bool>()).prop_map(|(i, t, n, e)| Step::Act(i, t, n, e)),
        (0..20u64).prop_map(Step::End),
        (0..60i64).prop_map(Step::Wait),
        Just(Step::Pull),
    ];
    prop::collection::vec(step, 1..80)
}

proptest! {
    #[test]
    fn a_bouncer_that_follows_blocks_exactly_what_we_block(steps in steps()) {
        let (mut book, mut held, mut since) = (Book::default(), BTreeMap::new(), None);
        let mut actions: BTreeMap<u64, Action> = BTreeMap::new();
        let mut now = 100;
        for step in steps.into_iter().chain([Step::Pull]) {
            match step {
                Step::Act(id, target, ttl, executed) => {
                    let state = if executed { State::Executed } else { State::AwaitingApproval };
                    // An action keeps its target; its end may move.
                    let target = match actions.get(&id) {
                        Some(known) if known.is_over() => continue,
                        Some(known) => known.what.target().to_string(),
                        None => format!("192.0.2.{target}"),
                    };
                    let mut told = action(id, &target, now, state);
                    told.ends = at(now + ttl);
                    book.apply(&told, at(now));
                    actions.insert(id, told);
                }
                Step::End(id) => {
                    if let Some(known) = actions.get_mut(&id) {
                        known.state = undone();
                        book.apply(known, at(now));
                    }
                }
                Step::Wait(secs) => now += secs,
                Step::Pull => {
                    let (changes, next) = book.changes(since, at(now));
                    since = Some(next);
                    follow(&mut held, &changes, next);
                    let mut expected: BTreeMap<String, Timestamp> = BTreeMap::new();
                    for known in actions.values().filter(|a| a.is_in_force() && a.ends > next) {
                        let end = expected.entry(known.what.target().to_string()).or_insert(known.ends);
                        *end = (*end).max(known.ends);
                    }
                    prop_assert_eq!(&held, &expected);
                }
            }
        }
        prop_assert!(actions.keys().all(|id| book.entries.len() <= 20 || book.entries.contains_key(&ActionId(*id))));
    }
}
