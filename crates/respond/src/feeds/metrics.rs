//! What is counted of feeds. A recorder must be installed before, or nothing is told.
//!
//! | name | labels | what |
//! |---|---|---|
//! | `ratel_feed_entries` | feed | addresses and prefixes that the feed lists |
//! | `ratel_feed_refused_entries` | feed | entries of the set that could not be read |
//! | `ratel_feed_fetched_time_seconds` | feed | when it was fetched last with success; 0: never |
//! | `ratel_feed_fetches_total` | feed | fetches |
//! | `ratel_feed_failures_total` | feed | fetches that failed; the set before stayed |

use event::Timestamp;
use metrics::{counter, describe_counter, describe_gauge, gauge};

/// Tells a recorder what the names mean.
pub fn describe() {
    describe_gauge!(
        "ratel_feed_entries",
        "Addresses and prefixes that the feed lists"
    );
    describe_gauge!(
        "ratel_feed_refused_entries",
        "Entries of the set that could not be read"
    );
    describe_gauge!(
        "ratel_feed_fetched_time_seconds",
        "When the feed was fetched last with success, since 1970; 0: never"
    );
    describe_counter!("ratel_feed_fetches_total", "Fetches");
    describe_counter!(
        "ratel_feed_failures_total",
        "Fetches that failed; the set before stayed"
    );
}

/// The numbers of one feed.
pub struct Shown<'a> {
    pub feed: &'a str,
    pub entries: usize,
    pub refused: u64,
    pub fetched: Option<Timestamp>,
    pub fetches: u64,
    pub failures: u64,
}

/// Tells the recorder the numbers of one feed.
pub fn show(shown: &Shown<'_>) {
    let labels = [("feed", shown.feed.to_owned())];
    gauge!("ratel_feed_entries", &labels).set(shown.entries as f64);
    gauge!("ratel_feed_refused_entries", &labels).set(shown.refused as f64);
    let fetched = shown.fetched.map_or(0, Timestamp::secs);
    gauge!("ratel_feed_fetched_time_seconds", &labels).set(fetched as f64);
    counter!("ratel_feed_fetches_total", &labels).absolute(shown.fetches);
    counter!("ratel_feed_failures_total", &labels).absolute(shown.failures);
}
