//! Notifications and silences with real Alertmanagers.

use event::incident::{Severity, Status};
use serde_json::Value;

use crate::manager::Alertmanager;
use crate::site::{drained, incident, offer, open, wait};

fn pairs(all: &[(&str, &str)]) -> Vec<(String, String)> {
    all.iter()
        .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
        .collect()
}

#[test]
fn two_alertmanagers_show_one_alert_for_each_incident_from_its_beginning_to_its_end() {
    let (Some(one), Some(two)) = (Alertmanager::start("6s"), Alertmanager::start("6s")) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let text = format!(
        "[{{name: am, alertmanager: {{urls: ['{}', '{}'], resend_secs: 5}}}}]",
        one.url, two.url
    );
    let notifier = open(&text, Some(folder.path()));
    let low = incident("i1", 1, Severity::Low, Status::Open);
    offer(&notifier, &low);
    offer(&notifier, &incident("i2", 1, Severity::High, Status::Open));
    drained(&notifier, 20);
    let both = |expected: &[(&str, &str)]| {
        let expected = pairs(expected);
        wait(20, "both show it", || {
            one.firing() == expected && two.firing() == expected
        });
    };
    both(&[("i1", "low"), ("i2", "high")]);
    // It rises: still one alert.
    let worse = event::Incident {
        severity: Severity::Critical,
        revision: 2,
        ..low
    };
    offer(&notifier, &worse);
    drained(&notifier, 20);
    both(&[("i1", "critical"), ("i2", "high")]);
    // Sent again before they time out: they still fire long after.
    let until = std::time::Instant::now() + std::time::Duration::from_secs(9);
    while std::time::Instant::now() < until {
        assert_eq!(one.firing(), pairs(&[("i1", "critical"), ("i2", "high")]));
        std::thread::sleep(std::time::Duration::from_millis(300));
    }
    let over = event::Incident {
        status: Status::Closed,
        revision: 3,
        changed: crate::site::now(),
        ..worse
    };
    offer(&notifier, &over);
    drained(&notifier, 20);
    both(&[("i2", "high")]);
}

#[test]
fn silences_are_mirrored_both_ways() {
    let Some(real) = Alertmanager::start("5m") else {
        return;
    };
    let server = crate::server::Server::start(|_, _| crate::server::Reply::status(200));
    let text = format!(
        "[{{name: am, alertmanager: {{urls: ['{}']}}}}, {{name: hook, webhook: {{url: '{}'}}}}]",
        real.url,
        server.url()
    );
    let notifier = open(&text, None);
    offer(&notifier, &incident("i1", 1, Severity::High, Status::Open));
    drained(&notifier, 20);
    let silences = |state: &str| -> Vec<Value> {
        let all = real.json("/api/v2/silences");
        let of = |one: &&Value| one["status"]["state"] == state;
        all.as_array()
            .into_iter()
            .flatten()
            .filter(of)
            .cloned()
            .collect()
    };
    // Ours stands there, once.
    let active = alert::notify::alertmanager::silences::Active {
        id: "s1".into(),
        ends: crate::site::now() + std::time::Duration::from_secs(3600),
        owner: "ann".into(),
        reason: "a scanner of ours".into(),
        matches: std::sync::Arc::new(|event| event["src_ip"] == "192.0.2.1"),
    };
    for _ in 0..3 {
        notifier.mirror(std::slice::from_ref(&active), crate::site::now());
    }
    wait(20, "ours stands there", || silences("active").len() == 1);
    assert_eq!(
        silences("active")[0]["comment"],
        "a scanner of ours [ratel:s1]"
    );
    let alerts = real.json("/api/v2/alerts");
    wait(10, "it silences", || {
        real.json("/api/v2/alerts")[0]["status"]["state"] == "suppressed"
    });
    assert_eq!(alerts.as_array().unwrap().len(), 1);
    // And goes when it ends.
    notifier.mirror(&[], crate::site::now());
    wait(20, "ours is gone", || silences("active").is_empty());
    // What people make there silences the other receivers.
    let theirs = serde_json::json!({
        "matchers": [{"name": "severity", "value": "low", "isRegex": false, "isEqual": true},
                     {"name": "source", "value": "ratel", "isRegex": false, "isEqual": true}],
        "startsAt": "2020-01-01T00:00:00Z", "endsAt": "2100-01-01T00:00:00Z",
        "createdBy": "bob", "comment": "maintenance",
    });
    ureq::post(format!("{}/api/v2/silences", real.url))
        .header("content-type", "application/json")
        .send(theirs.to_string())
        .unwrap();
    wait(30, "theirs is seen", || {
        notifier.foreign_silences().len() == 1
    });
    let asked = server.asked().len();
    offer(&notifier, &incident("i2", 1, Severity::Low, Status::Open));
    offer(&notifier, &incident("i3", 1, Severity::High, Status::Open));
    drained(&notifier, 20);
    assert_eq!(server.asked().len(), asked + 1);
    assert_eq!(real.firing().len(), 3);
}
