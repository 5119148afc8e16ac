//! An incident that never was: for trying receivers and conditions, and for tests.

use event::Timestamp;
use event::incident::{Incident, Kind, Party, Severity, Signature, Status, Tactic, Technique};

/// Documentation's addresses and every field filled.
#[must_use]
pub fn incident(revision: u64) -> Incident {
    let first = Timestamp::new(1_767_323_045, 0);
    Incident {
        id: "i0123456789abcdef".into(),
        fingerprint: "attacker 192.0.2.1".into(),
        kind: Kind::Attack,
        title: "SSH password guessing from 192.0.2.1 against 198.51.100.7".into(),
        severity: Severity::High,
        status: Status::Open,
        first,
        last: Timestamp::new(1_767_323_105, 0),
        opened: first,
        changed: Timestamp::new(1_767_323_106, 0),
        revision,
        events: 412,
        attackers: vec![Party {
            address: "192.0.2.1".into(),
            events: 412,
            asset: None,
        }],
        victims: vec![Party {
            address: "198.51.100.7".into(),
            events: 412,
            asset: Some("gateway".into()),
        }],
        signatures: vec![Signature {
            id: "1:2001219".into(),
            text: "ET SCAN Potential SSH Scan".into(),
            severity: Severity::High,
            events: 412,
            first,
            last: first,
        }],
        tactics: vec![Tactic {
            id: "TA0006".into(),
            name: "Credential Access".into(),
            first,
            techniques: vec![Technique {
                id: "T1110".into(),
                name: "Brute Force".into(),
            }],
        }],
        sensors: vec!["sensor-1".into()],
        actions: Vec::new(),
        sample: vec!["0198c0de-0000-7000-8000-000000000001".into()],
        query: "src_ip:192.0.2.1 AND event_type:alert".into(),
    }
}

/// What a receiver is sent when somebody tries it: it says that it is a test.
#[must_use]
pub fn test(receiver: &str, now: Timestamp) -> Incident {
    Incident {
        id: format!("itest{:011x}", now.secs().max(0)),
        fingerprint: "test".into(),
        kind: Kind::Response,
        title: format!("Test of the receiver {receiver}: no attack happened"),
        severity: Severity::Informational,
        status: Status::Open,
        first: now,
        last: now,
        opened: now,
        changed: now,
        revision: 1,
        events: 0,
        attackers: Vec::new(),
        victims: Vec::new(),
        signatures: Vec::new(),
        tactics: Vec::new(),
        sensors: Vec::new(),
        actions: Vec::new(),
        sample: Vec::new(),
        query: String::new(),
    }
}
