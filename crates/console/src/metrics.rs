//! What the console counts. A recorder must be installed before, or nothing is counted.
//!
//! | name | labels | what |
//! |---|---|---|
//! | `ratel_console_requests_total` | api, code | requests answered, by door and status |
//! | `ratel_console_request_seconds` | api | time until an answer begins |
//! | `ratel_console_connections` | api | connections open |
//! | `ratel_console_refused_connections_total` | api | connections closed at once, one too many |
//! | `ratel_console_orders_total` | order, result | orders by name: `published`, `repeated`, `refused`, `failed` |
//! | `ratel_console_actions` | | actions known |
//! | `ratel_console_forgotten_actions_total` | | actions forgotten to make room |
//! | `ratel_console_bad_records_total` | | records of `actions` that could not be read |

use std::time::Duration;

use metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};

/// Tells a recorder what the names mean.
pub fn describe() {
    for (name, text) in [
        ("requests_total", "Requests answered"),
        ("refused_connections_total", "Connections beyond the limit"),
        ("orders_total", "Orders by what became of them"),
        ("forgotten_actions_total", "Actions forgotten to make room"),
        (
            "bad_records_total",
            "Records of actions that could not be read",
        ),
    ] {
        describe_counter!(format!("ratel_console_{name}"), text);
    }
    describe_histogram!(
        "ratel_console_request_seconds",
        Unit::Seconds,
        "Time until an answer begins"
    );
    describe_gauge!("ratel_console_connections", "Connections open");
    describe_gauge!("ratel_console_actions", "Actions known");
}

/// A request was answered; its answer began after `took`.
pub fn request(api: &'static str, code: u16, took: Duration) {
    histogram!("ratel_console_request_seconds", "api" => api).record(took.as_secs_f64());
    counter!("ratel_console_requests_total", "api" => api, "code" => code.to_string()).increment(1);
}

/// A connection came.
pub fn opened(api: &'static str) {
    gauge!("ratel_console_connections", "api" => api).increment(1.0);
}

/// A connection went.
pub fn closed(api: &'static str) {
    gauge!("ratel_console_connections", "api" => api).decrement(1.0);
}

/// A connection was one too many.
pub fn refused(api: &'static str) {
    counter!("ratel_console_refused_connections_total", "api" => api).increment(1);
}

/// An order came.
pub fn order(name: &'static str, result: &'static str) {
    counter!("ratel_console_orders_total", "order" => name, "result" => result).increment(1);
}

/// The view changed.
pub fn actions(known: usize, forgotten: u64) {
    gauge!("ratel_console_actions").set(known as f64);
    counter!("ratel_console_forgotten_actions_total").absolute(forgotten);
}

/// A record of `actions` could not be read.
pub fn bad_record() {
    counter!("ratel_console_bad_records_total").increment(1);
}
