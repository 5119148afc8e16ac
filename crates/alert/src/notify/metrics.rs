//! What is counted of notifications. A recorder must be installed before, or nothing is told.
//!
//! | name | labels | what |
//! |---|---|---|
//! | `ratel_notifications_total` | receiver, result | `sent`, `failed` (will be tried again), `dead` (given up) |
//! | `ratel_notifications_waiting` | receiver | notifications that wait |
//! | `ratel_notifications_oldest_time_seconds` | receiver | since when the oldest of them should have been told; 0: none waits |

use metrics::{counter, describe_counter, describe_gauge, gauge};

use super::queue::Queue;

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
    describe_gauge!(
        "ratel_notifications_oldest_time_seconds",
        "Since when the oldest notification that waits should have been told; 0 where none waits"
    );
}

/// What came of it.
pub(super) fn count(receiver: &str, result: &'static str, how_many: u64) {
    let receiver = receiver.to_owned();
    counter!("ratel_notifications_total", "receiver" => receiver, "result" => result)
        .increment(how_many);
}

/// How many wait, and since when.
pub(super) fn waiting(receiver: &str, queue: &Queue) {
    let receiver = receiver.to_owned();
    let oldest = queue.oldest().map_or(0, |at| at.secs());
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    {
        gauge!("ratel_notifications_waiting", "receiver" => receiver.clone())
            .set(queue.waiting() as f64);
        gauge!("ratel_notifications_oldest_time_seconds", "receiver" => receiver)
            .set(oldest as f64);
    }
}
