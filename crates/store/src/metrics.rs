//! What the store counts. A recorder must be installed before the store is opened, or nothing is counted.
//!
//! | name | labels | what |
//! |---|---|---|
//! | `ratel_store_events_total` | outcome | records by what became of them: `kept`, `no_json`, `too_large`, `repeat`, `left_out` |
//! | `ratel_store_conflicts_total` | | values that were not of the type of their field: in the record, not found by it |
//! | `ratel_store_left_out_total` | worth | records that were not kept for want of room |
//! | `ratel_store_dropped_events_total` | why | events dropped by `age`, `size` or `disk` |
//! | `ratel_store_thinned_events_total` | | events of little worth that were taken out of old slices |
//! | `ratel_store_commits_total` | | commits |
//! | `ratel_store_commit_seconds` | | how long they took |
//! | `ratel_store_ingest_lag_seconds` | | age of the last record when it was committed |
//! | `ratel_store_bytes` | | bytes on disk |
//! | `ratel_store_events` | | events that are kept |
//! | `ratel_store_slices` | | slices |
//! | `ratel_store_damaged_slices` | | slices whose files are not as they were written |
//! | `ratel_store_level` | | how scarce room is: 0 enough, 1 thin, 2 degraded, 3 alerts only, 4 stopped |
//! | `ratel_store_free_bytes` | | free bytes of the disk |
//! | `ratel_store_failures_total` | | times that writing failed and began again |

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram};

/// Tells a recorder what the names mean.
pub(crate) fn describe() {
    for (name, text) in [
        ("events", "Records by what became of them"),
        (
            "conflicts",
            "Values that were not of the type of their field",
        ),
        ("left_out", "Records that were not kept for want of room"),
        (
            "dropped_events",
            "Events dropped by age, size or a full disk",
        ),
        (
            "thinned_events",
            "Events of little worth taken out of old slices",
        ),
        ("commits", "Commits of the index"),
        ("failures", "Times that writing failed and began again"),
    ] {
        describe_counter!(format!("ratel_store_{name}_total"), Unit::Count, text);
    }
    describe_histogram!(
        "ratel_store_commit_seconds",
        Unit::Seconds,
        "How long a commit took"
    );
    for (name, unit, text) in [
        (
            "ingest_lag_seconds",
            Unit::Seconds,
            "Age of the last record when it was committed",
        ),
        ("bytes", Unit::Bytes, "Bytes on disk"),
        ("events", Unit::Count, "Events that are kept"),
        ("slices", Unit::Count, "Slices"),
        (
            "damaged_slices",
            Unit::Count,
            "Slices whose files are not as they were written",
        ),
        ("level", Unit::Count, "How scarce room is, 0 to 4"),
        ("free_bytes", Unit::Bytes, "Free bytes of the disk"),
    ] {
        describe_gauge!(format!("ratel_store_{name}"), unit, text);
    }
}

/// Counts a record by what became of it.
pub(crate) fn event(outcome: &'static str) {
    counter!("ratel_store_events_total", "outcome" => outcome).increment(1);
}
