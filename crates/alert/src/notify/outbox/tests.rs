//! Outboxes on a disk that processes leave suddenly.

use std::collections::BTreeMap;
use std::time::Duration;

use super::*;
use crate::notify::queue::{InPlace, Many, Next, Offer};
use crate::notify::sample;

fn policy() -> Policy {
    Policy {
        resolved: true,
        updates: false,
        in_place: InPlace::Nothing,
        settle: Duration::ZERO,
        update_every: Duration::ZERO,
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

fn offer(outbox: &mut Outbox, id: &str) {
    let mut incident = sample::incident(1);
    incident.id = id.into();
    let offer = Offer {
        incident,
        loud: true,
        note: String::new(),
        not_before: at(1),
    };
    for record in outbox.queue().offer(offer, at(1)) {
        outbox.record(record).unwrap();
    }
}

fn next(outbox: &mut Outbox) -> (String, bool) {
    match outbox.queue_mut().next(at(2)) {
        Next::Send(flight) => (flight.key, flight.repeat),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_waits_survives_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let (mut outbox, broken) = Outbox::open(folder.path(), policy()).unwrap();
    assert_eq!(broken, 0);
    offer(&mut outbox, "a");
    offer(&mut outbox, "b");
    drop(outbox);
    let (mut outbox, _) = Outbox::open(folder.path(), policy()).unwrap();
    assert_eq!(outbox.queue().waiting(), 2);
    assert_eq!(next(&mut outbox), ("a-1".into(), false));
    let Next::Send(flight) = outbox.queue_mut().next(at(2)) else {
        panic!()
    };
    outbox.record(Record::Try(flight)).unwrap();
    // Killed between the attempt and its record.
    drop(outbox);
    let (mut outbox, _) = Outbox::open(folder.path(), policy()).unwrap();
    assert_eq!(next(&mut outbox), ("a-1".into(), true));
    let Next::Send(flight) = outbox.queue_mut().next(at(2)) else {
        panic!()
    };
    outbox.record(Record::Try(flight)).unwrap();
    let receipts = BTreeMap::new();
    outbox
        .record(Record::Done {
            at: at(3),
            receipts,
        })
        .unwrap();
    drop(outbox);
    let (mut outbox, _) = Outbox::open(folder.path(), policy()).unwrap();
    assert_eq!(next(&mut outbox), ("b-1".into(), false));
    assert_eq!(outbox.queue().counts().sent, 1);
    assert!(outbox.queue().told("a").is_some());
}

#[test]
fn a_torn_line_is_cut_off_and_a_foreign_one_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let (mut outbox, _) = Outbox::open(folder.path(), policy()).unwrap();
    offer(&mut outbox, "a");
    drop(outbox);
    let path = folder.path().join("outbox.log");
    let mut text = std::fs::read(&path).unwrap();
    text.extend_from_slice(b"{\"what\":1}\n\0\0\0\n{\"put\":{\"seq\":9,");
    std::fs::write(&path, text).unwrap();
    let (mut outbox, broken) = Outbox::open(folder.path(), policy()).unwrap();
    assert_eq!((outbox.queue().waiting(), broken), (1, 3));
    offer(&mut outbox, "b");
    drop(outbox);
    let (outbox, broken) = Outbox::open(folder.path(), policy()).unwrap();
    assert_eq!((outbox.queue().waiting(), broken), (2, 0));
}

#[test]
fn every_place_where_a_file_may_be_cut_gives_an_outbox() {
    let folder = tempfile::tempdir().unwrap();
    let (mut outbox, _) = Outbox::open(folder.path(), policy()).unwrap();
    for id in ["a", "b", "c"] {
        offer(&mut outbox, id);
    }
    drop(outbox);
    let path = folder.path().join("outbox.log");
    let text = std::fs::read(&path).unwrap();
    let mut waited = 0;
    for end in (0..text.len()).step_by(97) {
        std::fs::write(&path, &text[..end]).unwrap();
        let queue = Outbox::look(folder.path(), policy()).unwrap();
        assert!(queue.waiting() >= waited);
        waited = queue.waiting();
    }
    assert_eq!(waited, 2);
}

#[test]
fn two_processes_do_not_share_an_outbox() {
    let folder = tempfile::tempdir().unwrap();
    let _first = Outbox::open(folder.path(), policy()).unwrap();
    let second = Outbox::open(folder.path(), policy());
    assert!(matches!(second, Err(OpenError::InUse(_))));
    // Looking is allowed.
    assert!(Outbox::look(folder.path(), policy()).is_ok());
}

#[test]
fn the_file_stays_small_however_much_was_told() {
    let folder = tempfile::tempdir().unwrap();
    let (mut outbox, _) = Outbox::open(folder.path(), policy()).unwrap();
    for n in 0..1500 {
        offer(&mut outbox, "a");
        if let Next::Send(flight) = outbox.queue_mut().next(at(2)) {
            outbox.record(Record::Try(flight)).unwrap();
            let receipts = BTreeMap::new();
            outbox
                .record(Record::Done {
                    at: at(3),
                    receipts,
                })
                .unwrap();
        }
        outbox
            .record(Record::Forget {
                incident: "a".into(),
            })
            .unwrap();
        assert!(n > 0 || outbox.queue().waiting() == 0);
    }
    let len = std::fs::metadata(folder.path().join("outbox.log"))
        .unwrap()
        .len();
    assert!(len < 2 * COMPACT_BYTES, "{len}");
    assert_eq!(outbox.queue().counts().sent, 1500);
}

#[test]
fn what_is_given_up_is_kept_for_people() {
    let folder = tempfile::tempdir().unwrap();
    let (mut outbox, _) = Outbox::open(folder.path(), policy()).unwrap();
    offer(&mut outbox, "a");
    let record = outbox.queue().expired(at(10_000)).unwrap();
    outbox.record(record).unwrap();
    let dead = std::fs::read_to_string(folder.path().join("dead.jsonl")).unwrap();
    let line: serde_json::Value = serde_json::from_str(dead.trim()).unwrap();
    assert_eq!(line["incident"]["id"], "a");
    assert!(line["reason"].as_str().unwrap().contains("not taken"));
}
