//! The queue on invented histories.

use std::collections::BTreeMap;

use event::incident::Severity;
use proptest::prelude::*;

use super::*;
use crate::notify::sample;

fn policy() -> Policy {
    Policy {
        resolved: true,
        updates: false,
        in_place: InPlace::Nothing,
        settle: Duration::from_secs(1),
        update_every: Duration::from_secs(60),
        give_up: Duration::from_secs(3600),
        rate: None,
        many: Many::Never,
        repeatable: false,
        keeps: false,
        seed: 1,
    }
}

fn at(secs: i64) -> Timestamp {
    Timestamp::new(secs, 0)
}

fn incident(id: &str, revision: u64) -> Incident {
    Incident {
        id: id.into(),
        severity: Severity::Medium,
        ..sample::incident(revision)
    }
}

fn loud(incident: Incident, not_before: i64) -> Offer {
    Offer {
        incident,
        loud: true,
        note: String::new(),
        not_before: at(not_before),
    }
}

fn offer(queue: &mut Queue, incident: Incident, now: i64) -> usize {
    let records = queue.offer(loud(incident, now), at(now));
    let count = records.len();
    for record in records {
        queue.apply(record);
    }
    count
}

/// What is sent at a moment: its key and incidents with revisions; None where nothing is.
fn sent(queue: &mut Queue, now: i64) -> Option<(Flight, Vec<(String, u64)>)> {
    match queue.next(at(now)) {
        Next::Send(flight) => {
            queue.apply(Record::Try(flight.clone()));
            let of = |seq| {
                let entry = queue.entry(seq)?;
                Some((entry.incident.id.clone(), entry.incident.revision))
            };
            let incidents = flight.seqs.iter().filter_map(|seq| of(*seq)).collect();
            Some((flight, incidents))
        }
        Next::Wait(_) | Next::Idle => None,
    }
}

fn done(queue: &mut Queue, now: i64) {
    queue.apply(Record::Done {
        at: at(now),
        receipts: BTreeMap::new(),
    });
}

fn fail(queue: &mut Queue, how: Failure, now: i64) {
    let record = queue.failed(how, None, at(now));
    queue.apply(record);
}

fn key_of(sent: Option<(Flight, Vec<(String, u64)>)>) -> Option<String> {
    sent.map(|(flight, _)| flight.key)
}

#[test]
fn a_state_is_told_once_and_a_repeat_of_it_never() {
    let mut queue = Queue::new(policy());
    assert_eq!(offer(&mut queue, incident("a", 1), 10), 1);
    assert_eq!(offer(&mut queue, incident("a", 1), 10), 0);
    assert_eq!(sent(&mut queue, 10), None);
    assert_eq!(key_of(sent(&mut queue, 11)).as_deref(), Some("a-1"));
    assert_eq!(offer(&mut queue, incident("a", 1), 11), 0);
    done(&mut queue, 11);
    assert_eq!(offer(&mut queue, incident("a", 1), 12), 0);
    assert_eq!(queue.next(at(100)), Next::Idle);
    assert_eq!(queue.counts().sent, 1);
}

#[test]
fn a_newer_state_takes_the_place_of_one_that_waits() {
    let mut queue = Queue::new(policy());
    offer(&mut queue, incident("a", 1), 10);
    offer(&mut queue, incident("a", 2), 10);
    let worse = Incident {
        severity: Severity::High,
        ..incident("a", 3)
    };
    offer(&mut queue, worse, 10);
    assert_eq!(queue.waiting(), 1);
    assert_eq!(key_of(sent(&mut queue, 11)).as_deref(), Some("a-3"));
    done(&mut queue, 11);
    assert_eq!(queue.counts().merged, 2);
}

#[test]
fn what_comes_while_another_is_on_its_way_waits_behind_it() {
    let mut queue = Queue::new(policy());
    offer(&mut queue, incident("a", 1), 10);
    assert!(sent(&mut queue, 11).is_some());
    let worse = |revision| Incident {
        severity: Severity::High,
        ..incident("a", revision)
    };
    assert_eq!(offer(&mut queue, worse(2), 11), 1);
    assert_eq!(sent(&mut queue, 20), None);
    // It did not arrive: the newer one tells all.
    fail(&mut queue, Failure::Away, 12);
    assert_eq!(queue.waiting(), 1);
    assert_eq!(key_of(sent(&mut queue, 20)).as_deref(), Some("a-2"));
    done(&mut queue, 20);
    assert_eq!(queue.waiting(), 0);
}

#[test]
fn what_may_have_arrived_goes_again_as_it_was_before_anything_else() {
    let mut queue = Queue::new(policy());
    offer(&mut queue, incident("a", 1), 10);
    assert!(sent(&mut queue, 11).is_some());
    let worse = Incident {
        severity: Severity::Critical,
        ..incident("a", 2)
    };
    offer(&mut queue, worse, 11);
    offer(
        &mut queue,
        Incident {
            severity: Severity::Critical,
            ..incident("b", 1)
        },
        11,
    );
    fail(&mut queue, Failure::Unknown, 12);
    // After a restart what may be on its way is waited for.
    queue.settle(at(18));
    assert!(sent(&mut queue, 19).is_none());
    let (flight, _) = sent(&mut queue, 20).unwrap();
    assert_eq!(
        (flight.key.as_str(), flight.repeat, flight.at),
        ("a-1", true, at(11))
    );
    // Not arriving the second time says nothing about the first.
    fail(&mut queue, Failure::Away, 20);
    let (flight, _) = sent(&mut queue, 30).unwrap();
    assert_eq!((flight.key.as_str(), flight.repeat), ("a-1", true));
    done(&mut queue, 30);
    assert_eq!(key_of(sent(&mut queue, 30)).as_deref(), Some("a-2"));
    done(&mut queue, 30);
    assert_eq!(key_of(sent(&mut queue, 30)).as_deref(), Some("b-1"));
}

#[test]
fn a_receiver_that_knows_states_gets_the_newest() {
    let mut queue = Queue::new(Policy {
        repeatable: true,
        in_place: InPlace::Everything,
        ..policy()
    });
    offer(&mut queue, incident("a", 1), 10);
    assert!(sent(&mut queue, 11).is_some());
    offer(&mut queue, incident("a", 2), 11);
    fail(&mut queue, Failure::Unknown, 12);
    assert_eq!(key_of(sent(&mut queue, 100)).as_deref(), Some("a-2"));
}

#[test]
fn more_of_the_same_is_told_to_those_who_want_it_and_not_too_often() {
    let mut queue = Queue::new(policy());
    offer(&mut queue, incident("a", 1), 10);
    sent(&mut queue, 11);
    done(&mut queue, 11);
    assert_eq!(offer(&mut queue, incident("a", 2), 12), 0);
    let mut queue = Queue::new(Policy {
        in_place: InPlace::Everything,
        ..policy()
    });
    offer(&mut queue, incident("a", 1), 10);
    sent(&mut queue, 11);
    done(&mut queue, 11);
    offer(&mut queue, incident("a", 2), 12);
    offer(&mut queue, incident("a", 3), 13);
    assert_eq!(sent(&mut queue, 70), None);
    assert_eq!(key_of(sent(&mut queue, 71)).as_deref(), Some("a-3"));
    done(&mut queue, 71);
    // What is worse does not wait.
    offer(&mut queue, incident("a", 4), 72);
    offer(
        &mut queue,
        Incident {
            severity: Severity::High,
            ..incident("a", 5)
        },
        73,
    );
    assert_eq!(key_of(sent(&mut queue, 74)).as_deref(), Some("a-5"));
}

#[test]
fn who_never_heard_of_it_does_not_hear_that_it_is_over() {
    let over = |revision| Incident {
        status: Status::Closed,
        ..incident("a", revision)
    };
    let mut queue = Queue::new(policy());
    assert_eq!(offer(&mut queue, over(1), 10), 0);
    offer(&mut queue, incident("a", 2), 10);
    sent(&mut queue, 11);
    done(&mut queue, 11);
    assert_eq!(offer(&mut queue, over(3), 12), 1);
    sent(&mut queue, 13);
    done(&mut queue, 13);
    // It comes again.
    assert_eq!(offer(&mut queue, incident("a", 4), 14), 1);
    let mut queue = Queue::new(Policy {
        resolved: false,
        ..policy()
    });
    offer(&mut queue, incident("a", 2), 10);
    sent(&mut queue, 11);
    done(&mut queue, 11);
    assert_eq!(offer(&mut queue, over(3), 12), 0);
}

#[test]
fn what_is_quiet_reaches_only_those_whose_messages_change_in_place() {
    let check = |in_place, next: Incident, expected: usize| {
        let mut queue = Queue::new(Policy {
            in_place,
            updates: true,
            ..policy()
        });
        offer(&mut queue, incident("a", 1), 10);
        sent(&mut queue, 11);
        done(&mut queue, 11);
        let quiet = Offer {
            loud: false,
            ..loud(next, 12)
        };
        assert_eq!(queue.offer(quiet, at(12)).len(), expected, "{in_place:?}");
    };
    let more = incident("a", 2);
    let over = Incident {
        status: Status::Closed,
        ..incident("a", 2)
    };
    let worse = Incident {
        severity: Severity::High,
        ..incident("a", 2)
    };
    for (next, nothing, status, everything) in [(more, 0, 0, 1), (over, 0, 1, 1), (worse, 0, 0, 1)]
    {
        check(InPlace::Nothing, next.clone(), nothing);
        check(InPlace::Status, next.clone(), status);
        check(InPlace::Everything, next, everything);
    }
    // A first word is never quiet.
    let queue = Queue::new(Policy {
        in_place: InPlace::Everything,
        ..policy()
    });
    let quiet = Offer {
        loud: false,
        ..loud(incident("a", 1), 12)
    };
    assert!(queue.offer(quiet, at(12)).is_empty());
}

#[test]
fn beyond_the_rate_a_digest_tells_the_rest_once() {
    let rate = Rate {
        per_minute: 6,
        burst: 2,
    };
    let mut queue = Queue::new(Policy {
        rate: Some(rate),
        many: Many::Digest,
        ..policy()
    });
    for id in ["a", "b", "c", "d", "e"] {
        offer(&mut queue, incident(id, 1), 10);
    }
    let worst = Incident {
        severity: Severity::Critical,
        ..incident("f", 1)
    };
    offer(&mut queue, worst, 10);
    let (flight, incidents) = sent(&mut queue, 11).unwrap();
    assert_eq!(incidents.len(), 6);
    assert_eq!(incidents[0].0, "f");
    assert!(flight.key.starts_with('d'));
    // A digest that may have arrived is repeated as it was.
    fail(&mut queue, Failure::Unknown, 11);
    offer(&mut queue, incident("g", 1), 12);
    let (again, incidents) = sent(&mut queue, 20).unwrap();
    assert_eq!((again.key, incidents.len()), (flight.key, 6));
    done(&mut queue, 20);
    assert_eq!(key_of(sent(&mut queue, 20)).as_deref(), Some("g-1"));
    done(&mut queue, 20);
    assert_eq!(queue.counts().digested, 6);
}

#[test]
fn one_by_one_the_rate_holds_back() {
    let rate = Rate {
        per_minute: 6,
        burst: 1,
    };
    let mut queue = Queue::new(Policy {
        rate: Some(rate),
        ..policy()
    });
    for id in ["a", "b", "c"] {
        offer(&mut queue, incident(id, 1), 10);
    }
    let mut times = Vec::new();
    for now in 10..60 {
        if sent(&mut queue, now).is_some() {
            times.push(now);
            done(&mut queue, now);
        }
    }
    assert_eq!(times, [11, 21, 31]);
}

#[test]
fn what_nobody_takes_is_given_up_after_its_time() {
    let mut queue = Queue::new(policy());
    offer(&mut queue, incident("a", 1), 10);
    sent(&mut queue, 11);
    fail(&mut queue, Failure::Unknown, 12);
    assert_eq!(queue.expired(at(3600)), None);
    let record = queue.expired(at(3700)).unwrap();
    queue.apply(record);
    assert_eq!((queue.waiting(), queue.counts().dead), (0, 1));
    assert_eq!(queue.next(at(3700)), Next::Idle);
    // What quiet hours hold back is not old.
    let records = queue.offer(loud(incident("b", 1), 20_000), at(4000));
    records.into_iter().for_each(|record| queue.apply(record));
    assert_eq!(queue.expired(at(19_000)), None);
}

#[test]
fn what_a_receiver_refuses_as_it_is_does_not_stop_the_others() {
    let mut queue = Queue::new(policy());
    offer(
        &mut queue,
        Incident {
            severity: Severity::High,
            ..incident("bad", 1)
        },
        10,
    );
    offer(&mut queue, incident("good", 1), 10);
    let mut tried = 0;
    for now in 11..400 {
        if let Some(record) = queue.expired(at(now)) {
            queue.apply(record);
        }
        let Some((_, incidents)) = sent(&mut queue, now) else {
            continue;
        };
        if incidents[0].0 == "bad" {
            tried += 1;
            fail(&mut queue, Failure::Refused, now);
        } else {
            done(&mut queue, now);
        }
    }
    assert_eq!((tried, queue.counts().sent, queue.counts().dead), (5, 1, 1));
}

#[test]
fn a_full_queue_gives_up_the_oldest() {
    let mut queue = Queue::new(policy());
    for n in 0..MAX_WAITING + 5 {
        offer(&mut queue, incident(&format!("i{n}"), 1), 10);
    }
    assert_eq!(queue.waiting(), MAX_WAITING);
    assert_eq!(queue.counts().dead, 5);
    assert!(!queue.knows("i4") && queue.knows("i5"));
}

/// What can happen to a queue, and the world around it.
#[derive(Clone, Debug)]
enum Step {
    Offer {
        incident: usize,
        status: usize,
        severity: usize,
    },
    Answer(usize),
    Pass(u8),
    Crash,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..4_usize, 0..3_usize, 0..5_usize)
            .prop_map(|(incident, status, severity)| Step::Offer { incident, status, severity }),
        4 => (0..4_usize).prop_map(Step::Answer),
        3 => (0..30_u8).prop_map(Step::Pass),
        1 => Just(Step::Crash),
    ];
    prop::collection::vec(step, 1..200)
}

proptest! {
    /// Whatever happens, once the receiver takes everything: the newest state that matters has reached it,
    /// no key came twice unless the first was taken without an answer, and states came in their order.
    #[test]
    fn nothing_is_lost_and_nothing_comes_twice(
        steps in steps(),
        digest in any::<bool>(),
        repeatable in any::<bool>(),
    ) {
        let policy = Policy {
            rate: Some(Rate { per_minute: 60, burst: 2 }),
            many: if digest { Many::Digest } else { Many::Never },
            repeatable,
            give_up: Duration::from_secs(1_000_000),
            ..policy()
        };
        let mut queue = Queue::new(policy.clone());
        let mut newest: BTreeMap<String, Incident> = BTreeMap::new();
        let mut received: Vec<(String, Vec<(String, u64)>)> = Vec::new();
        let mut unheard: BTreeSet<String> = BTreeSet::new();
        let mut now = 10;
        let mut flying = None;
        let ending = (0..600).map(|_| [Step::Answer(0), Step::Pass(20)]);
        for step in steps.into_iter().chain(ending.flatten()) {
            match step {
                Step::Offer { incident: n, status, severity } => {
                    let id = format!("i{n}");
                    let last = newest.get(&id);
                    let floor = last.map_or(Severity::Informational, |last| last.severity);
                    let new = Incident {
                        severity: Severity::ALL[severity].max(floor),
                        status: [Status::Open, Status::Acknowledged, Status::Closed][status],
                        ..incident(&id, last.map_or(1, |last| last.revision + 1))
                    };
                    offer(&mut queue, new.clone(), now);
                    newest.insert(id, new);
                }
                Step::Pass(secs) => now += i64::from(secs),
                Step::Crash => {
                    if let Some((flight, _)) = flying.take() {
                        let flight: Flight = flight;
                        unheard.insert(flight.key);
                    }
                    let records: Vec<Record> = queue.snapshot().collect();
                    queue = Queue::new(policy.clone());
                    for record in records {
                        let line = serde_json::to_string(&record).unwrap();
                        queue.apply(serde_json::from_str(&line).unwrap());
                    }
                    queue.landed();
                }
                Step::Answer(how) => {
                    if flying.is_none() {
                        flying = sent(&mut queue, now);
                    }
                    let Some((flight, incidents)) = flying.take() else { continue };
                    let arrived = (flight.key.clone(), incidents);
                    match how {
                        0 => {
                            received.push(arrived);
                            done(&mut queue, now);
                        }
                        1 => fail(&mut queue, Failure::Away, now),
                        2 => {
                            unheard.insert(flight.key);
                            received.push(arrived);
                            fail(&mut queue, Failure::Unknown, now);
                        }
                        _ => flying = Some((flight, arrived.1)),
                    }
                }
            }
        }
        prop_assert_eq!(queue.waiting(), 0);
        // Nothing twice.
        let mut seen = BTreeSet::new();
        for (key, _) in &received {
            prop_assert!(seen.insert(key.clone()) || unheard.contains(key), "{} twice", key);
        }
        for (id, newest) in &newest {
            let revisions: Vec<u64> = received
                .iter()
                .flat_map(|(_, all)| all.iter().filter(|(of, _)| of == id).map(|(_, r)| *r))
                .collect();
            prop_assert!(revisions.is_sorted(), "{} {:?}", id, revisions);
            // Nothing lost: to the receiver the newest state is no news.
            if let Some(told) = queue.told(id) {
                let change = Change::of(Some(told), newest);
                prop_assert!(!queue.is_wanted(change, Some(told), newest, true), "{} {:?}", id, change);
            } else {
                prop_assert_eq!(newest.status, Status::Closed);
            }
        }
    }
}
