//! What is counted of notifications. A recorder must be installed before, or nothing is told.
//!
//! | name | labels | what |
//! |---|---|---|
//! | `ratel_notifications_total` | receiver, result | `sent`, `failed` (will be tried again), `dead` (given up) |
//! | `ratel_notifications_waiting` | receiver | notifications that wait |

use metrics::{counter, describe_counter, describe_gauge, gauge};

/// Tells a recorder what the names mean.
pub fn describe() {
    describe_counter!(
        "ratel_notifications_total",
        "Notifications by receiver: sent, failed and tried again, given up (dead)"
    );
    describe_gauge!(
        "ratel_notifications_waiting",
        "Notifications that wait for a receiver"
    );
}

/// What came of it.
pub(super) fn count(receiver: &str, result: &'static str, how_many: u64) {
    let receiver = receiver.to_owned();
    counter!("ratel_notifications_total", "receiver" => receiver, "result" => result)
        .increment(how_many);
}

/// How many wait.
pub(super) fn waiting(receiver: &str, how_many: usize) {
    gauge!("ratel_notifications_waiting", "receiver" => receiver.to_owned()).set(how_many as f64);
}
