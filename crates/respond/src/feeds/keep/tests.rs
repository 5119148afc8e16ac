//! What becomes of a set as fetches succeed and fail, without a network.

use super::*;
use crate::feeds::read::{Entry, ReadError};

fn at(secs: i64) -> Timestamp {
    Timestamp::new(secs, 0)
}

fn feed() -> Feed {
    Feed {
        name: "drop".into(),
        url: "https://user:hush@example.com/drop.txt?key=hush".into(),
        ..Feed::default()
    }
}

fn reading(prefixes: &[&str]) -> Fetched {
    let entry = |prefix: &&str| Entry {
        prefix: prefix.parse().unwrap(),
        until: None,
    };
    let reading = Reading {
        entries: prefixes.iter().map(entry).collect(),
        ..Reading::default()
    };
    let validators = Validators {
        etag: Some("\"a\"".into()),
        last_modified: None,
    };
    Fetched::New(reading, validators)
}

fn listed(feeds: &Feeds, now: i64) -> bool {
    let sets = feeds.sets();
    sets.find("192.0.2.1".parse().unwrap(), at(now)).count() > 0
}

#[test]
fn a_fetch_that_fails_keeps_the_old_set_until_it_is_stale() {
    let feeds = Feeds::open(vec![feed()], None, at(0)).unwrap();
    assert_eq!(feeds.next_due(), Some(at(0)));
    assert!(!listed(&feeds, 0));
    feeds.take(0, Ok(reading(&["192.0.2.1"])), at(0));
    assert!(listed(&feeds, 0));
    assert_eq!(feeds.next_due(), Some(at(3600)));
    // 60 s, 120 s, … but never longer than the feed's own time.
    let mut now = 3600;
    for wait in [60, 120, 240, 480, 960, 1920, 3600, 3600] {
        feeds.take(0, Err(FetchError::TooLarge(7)), at(now));
        assert_eq!(feeds.next_due(), Some(at(now + wait)));
        assert!(listed(&feeds, now));
        now += wait;
    }
    let standing = feeds.standings(at(now)).remove(0);
    assert_eq!(standing.failures, 8);
    let told = standing.error.unwrap();
    assert_eq!(told, "it has more than 7 bytes (max_bytes)");
    assert_eq!(standing.age_secs, Some(now as u64));
    assert!(listed(&feeds, 7 * 86_400 - 1));
    assert!(!listed(&feeds, 7 * 86_400));
    assert!(feeds.standings(at(7 * 86_400))[0].is_stale);
    // It is the same: it is as good as new.
    feeds.take(0, Ok(Fetched::Same), at(7 * 86_400));
    assert!(listed(&feeds, 7 * 86_400));
    let standing = feeds.standings(at(7 * 86_400)).remove(0);
    assert_eq!((standing.error, standing.age_secs), (None, Some(0)));
    assert_eq!(standing.changed, Some(at(0)));
}

#[test]
fn a_server_that_sends_us_away_is_heard_within_limits() {
    let feeds = Feeds::open(vec![feed()], None, at(0)).unwrap();
    let busy = |secs| {
        Err(FetchError::Status {
            status: ureq::http::StatusCode::TOO_MANY_REQUESTS,
            retry_after: Some(Duration::from_secs(secs)),
        })
    };
    feeds.take(0, busy(7200), at(0));
    assert_eq!(feeds.next_due(), Some(at(7200)));
    feeds.take(0, busy(u64::MAX), at(0));
    assert_eq!(feeds.next_due(), Some(at(86_400)));
}

#[test]
fn what_was_fetched_is_there_after_a_start() {
    let folder = tempfile::tempdir().unwrap();
    let open = |now| Feeds::open(vec![feed()], Some(folder.path()), at(now)).unwrap();
    open(0).take(0, Ok(reading(&["192.0.2.0/24"])), at(0));
    let feeds = open(100);
    assert!(listed(&feeds, 100));
    assert_eq!(feeds.next_due(), Some(at(3600)));
    let states = lock(&feeds.states);
    assert_eq!(states[0].validators.etag.as_deref(), Some("\"a\""));
    drop(states);
    // The clock was put back: what seems to come from the future is as old as now.
    assert_eq!(open(-50).standings(at(-50))[0].age_secs, Some(0));
    // What is kept is broken: it is fetched again.
    std::fs::write(folder.path().join("drop.set"), "rubbish").unwrap();
    let feeds = open(100);
    assert!(!listed(&feeds, 100));
    assert_eq!(feeds.next_due(), Some(at(100)));
}

#[test]
fn what_is_told_has_no_secrets() {
    let feeds = Feeds::open(vec![feed()], None, at(0)).unwrap();
    feeds.take(0, Err(ReadError::Empty.into()), at(0));
    let told = serde_json::to_string(&feeds.standings(at(0))).unwrap();
    assert!(told.contains("https://example.com/drop.txt"), "{told}");
    assert!(!told.contains("hush"), "{told}");
}
