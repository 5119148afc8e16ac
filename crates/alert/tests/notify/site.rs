//! What the tests share: a notifier of a text, incidents, waiting with a deadline.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use alert::change::{Change, Telling, What};
use alert::notify::{Config, Notifier, ReceiverState, World, sample};
use event::Timestamp;
use event::incident::{Incident, Severity, Status};

pub fn now() -> Timestamp {
    let since = std::time::UNIX_EPOCH.elapsed().unwrap();
    Timestamp::new(since.as_secs() as i64, since.subsec_nanos())
}

/// The clock of the machine, an environment with one secret.
pub fn world(folder: Option<&Path>) -> World {
    World {
        now: Arc::new(now),
        env: Arc::new(|name| (name == "SECRET").then(|| "s3cret".to_owned())),
        folder: folder.map(Path::to_owned),
    }
}

/// Receivers as they stand in the configuration.
pub fn config(receivers: &str) -> Config {
    Config {
        link: Some("https://ratel.example.org".into()),
        receivers: serde_yaml_ng::from_str(receivers).unwrap(),
        routes: Vec::new(),
    }
}

pub fn open(receivers: &str, folder: Option<&Path>) -> Notifier {
    Notifier::open(&config(receivers), &world(folder)).unwrap()
}

/// An incident that began now.
pub fn incident(id: &str, revision: u64, severity: Severity, status: Status) -> Incident {
    let now = now();
    Incident {
        id: id.into(),
        severity,
        status,
        opened: now,
        changed: now,
        first: now,
        last: now,
        ..sample::incident(revision)
    }
}

/// A loud change.
pub fn change(incident: Incident) -> Change {
    Change {
        incident,
        what: What::Opened,
        telling: Telling::Loud,
        at: now(),
    }
}

pub fn offer(notifier: &Notifier, incident: &Incident) {
    notifier.offer(&change(incident.clone()), now());
}

/// Waits until `is_so`, for so many seconds at most.
pub fn wait(secs: u64, what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(secs);
    while !is_so() {
        assert!(Instant::now() < end, "{what}: not within {secs} s");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Waits until nothing waits any more.
pub fn drained(notifier: &Notifier, secs: u64) -> Vec<ReceiverState> {
    let mut states = Vec::new();
    wait(secs, "outboxes are empty", || {
        states = notifier.receivers();
        states.iter().all(|state| state.waiting == 0)
    });
    states
}
