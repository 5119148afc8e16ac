//! What is on the wire, and what faults do to it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use event::incident::{Severity, Status};
use serde_json::{Value, json};

use crate::server::{Reply, Request, Server};
use crate::site::{drained, incident, offer, open, wait};

const HIGH: Severity = Severity::High;
const OPEN: Status = Status::Open;

#[test]
fn a_webhook_is_signed_and_its_key_stays_the_same_through_every_fault() {
    let server = Server::start(|n, _| match n {
        0 => Reply::Is(429, vec![("retry-after", "1".into())], String::new()),
        1 => Reply::status(500),
        2 => Reply::Close,
        3 => Reply::Hang(Duration::from_secs(3)),
        _ => Reply::status(204),
    });
    let text = format!(
        "[{{name: hook, timeout_secs: 1, webhook: {{url: '{}/in', hmac: {{env: SECRET}}, \
         secret_headers: {{X-Token: {{env: SECRET}}}}}}}}]",
        server.url()
    );
    let folder = tempfile::tempdir().unwrap();
    let notifier = open(&text, Some(folder.path()));
    offer(&notifier, &incident("i1", 1, HIGH, OPEN));
    let states = drained(&notifier, 60);
    let asked = server.asked();
    assert_eq!(asked.len(), 5);
    assert_eq!((states[0].sent, states[0].failed), (1, 4));
    for request in &asked {
        assert_eq!(request.header("idempotency-key"), Some("i1-1"));
        assert_eq!(request.header("x-token"), Some("s3cret"));
        assert_eq!(request.body, asked[0].body);
        let signature = request.header("x-ratel-signature").unwrap();
        let (time, mac) = signature.split_once(",v1=").unwrap();
        let signed = format!("{}.{}", time.strip_prefix("t=").unwrap(), request.text());
        assert_eq!(mac, hmac_of("s3cret", &signed));
    }
    let body = asked[0].json();
    assert_eq!(body["change"], "opened");
    assert_eq!(body["incident"]["id"], "i1");
    assert_eq!(body["link"], "https://ratel.example.org/incidents/i1");
    // Nobody reads the secret in what is kept or shown.
    let log = std::fs::read_to_string(folder.path().join("hook/outbox.log")).unwrap();
    assert!(!log.contains("s3cret") && !format!("{notifier:?}").contains("s3cret"));
}

fn hmac_of(key: &str, text: &str) -> String {
    use hmac::Mac as _;
    let mut mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(key.as_bytes()).unwrap();
    mac.update(text.as_bytes());
    mac.finalize()
        .into_bytes()
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect()
}

#[test]
fn redirects_are_not_followed() {
    let other = Server::start(|_, _| Reply::status(200));
    let to = other.url();
    let server = Server::start(move |n, _| match n {
        0 => Reply::Is(307, vec![("location", to.clone())], String::new()),
        _ => Reply::status(200),
    });
    let notifier = open(
        &format!("[{{name: hook, webhook: {{url: '{}'}}}}]", server.url()),
        None,
    );
    offer(&notifier, &incident("i1", 1, HIGH, OPEN));
    drained(&notifier, 20);
    assert_eq!((server.asked().len(), other.asked().len()), (2, 0));
}

#[test]
fn what_waits_is_told_by_the_next_process() {
    let folder = tempfile::tempdir().unwrap();
    // Nobody listens there.
    let away = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = away.local_addr().unwrap();
    drop(away);
    let text = |url: &str| format!("[{{name: hook, webhook: {{url: '{url}'}}}}]");
    let notifier = open(&text(&format!("http://{address}")), Some(folder.path()));
    offer(&notifier, &incident("i1", 1, HIGH, OPEN));
    offer(&notifier, &incident("i2", 1, HIGH, OPEN));
    wait(10, "an attempt failed", || {
        notifier.receivers()[0].failed > 0
    });
    assert_eq!(notifier.receivers()[0].waiting, 2);
    drop(notifier);
    let server = Server::start(|_, _| Reply::status(200));
    let mut notifier = None;
    // The thread of the one before may be in its last attempt.
    wait(10, "the outbox is free", || {
        let world = crate::site::world(Some(folder.path()));
        notifier =
            alert::notify::Notifier::open(&crate::site::config(&text(&server.url())), &world).ok();
        notifier.is_some()
    });
    let notifier = notifier.unwrap();
    // What is offered again after a crash is known.
    offer(&notifier, &incident("i1", 1, HIGH, OPEN));
    drained(&notifier, 20);
    let keys: Vec<String> = server
        .asked()
        .iter()
        .map(|request| request.header("idempotency-key").unwrap().to_owned())
        .collect();
    assert_eq!(keys, ["i1-1", "i2-1"]);
}

/// What Slack does, as far as we need it: messages in channels and threads, updates, history.
#[derive(Default)]
struct Slack {
    messages: Vec<Value>,
}

impl Slack {
    fn answer(&mut self, request: &Request) -> Value {
        assert_eq!(request.header("authorization"), Some("Bearer s3cret"));
        let body = request.json();
        match request.path.as_str() {
            "/chat.postMessage" => {
                let ts = format!("1700000000.{:06}", self.messages.len() + 1);
                let mut message = body;
                message["ts"] = ts.clone().into();
                self.messages.push(message);
                json!({"ok": true, "ts": ts, "channel": "C1"})
            }
            "/chat.update" => {
                let found = self.messages.iter_mut().find(|one| one["ts"] == body["ts"]);
                match found {
                    Some(message) => {
                        message["text"] = body["text"].clone();
                        message["blocks"] = body["blocks"].clone();
                        json!({"ok": true, "ts": body["ts"], "channel": "C1"})
                    }
                    None => json!({"ok": false, "error": "message_not_found"}),
                }
            }
            "/conversations.history" => {
                assert!(request.text().contains("include_all_metadata=true"));
                let roots: Vec<&Value> = self
                    .messages
                    .iter()
                    .filter(|one| one["thread_ts"].is_null())
                    .collect();
                json!({"ok": true, "messages": roots})
            }
            "/conversations.replies" => json!({"ok": true, "messages": self.messages}),
            other => panic!("{other}"),
        }
    }
}

#[test]
fn slack_shows_an_incident_as_one_message_with_a_thread_whatever_gets_lost() {
    let slack: Arc<Mutex<Slack>> = Arc::default();
    let of_server = Arc::clone(&slack);
    // Faults before the message was taken, and answers that get lost after it was.
    let server = Server::start(move |n, request| {
        let mut slack = of_server.lock().unwrap();
        match n {
            0 => Reply::Is(429, vec![("retry-after", "1".into())], String::new()),
            1 => Reply::json(&json!({"ok": false, "error": "internal_error"})),
            // 2 looks whether it is there, 3 posts.
            3 => {
                slack.answer(request);
                Reply::Hang(Duration::from_secs(3))
            }
            _ => Reply::json(&slack.answer(request)),
        }
    });
    let text = format!(
        "[{{name: chat, timeout_secs: 1, slack: {{token: {{env: SECRET}}, channel: C1, api_url: '{}'}}}}]",
        server.url()
    );
    let folder = tempfile::tempdir().unwrap();
    let notifier = open(&text, Some(folder.path()));
    offer(&notifier, &incident("i1", 1, Severity::Low, OPEN));
    drained(&notifier, 60);
    offer(&notifier, &incident("i1", 2, HIGH, OPEN));
    drained(&notifier, 60);
    offer(&notifier, &incident("i1", 3, HIGH, Status::Closed));
    drained(&notifier, 60);
    let messages = slack.lock().unwrap().messages.clone();
    let texts: Vec<&str> = messages
        .iter()
        .map(|one| one["text"].as_str().unwrap())
        .collect();
    let title = "SSH password guessing from 192.0.2.1 against 198.51.100.7";
    assert_eq!(texts.len(), 3, "{texts:#?}");
    // The message itself shows the last state, the thread tells the story.
    assert_eq!(texts[0], format!("[HIGH] Over: {title}"));
    assert_eq!(texts[1], format!("[HIGH] Worse: {title}"));
    assert_eq!(texts[2], format!("[HIGH] Over: {title}"));
    assert_eq!(messages[1]["thread_ts"], messages[0]["ts"]);
    assert_eq!(messages[2]["thread_ts"], messages[0]["ts"]);
}

#[test]
fn an_incoming_webhook_of_slack_gets_a_message_for_each_change() {
    let server = Server::start(|_, _| Reply::Is(200, Vec::new(), "ok".into()));
    let url = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(url.path(), format!("{}/services/T/B/X", server.url())).unwrap();
    let text = format!(
        "[{{name: chat, slack: {{webhook_url: {{file: {}}}}}}}]",
        url.path().display()
    );
    let notifier = open(&text, None);
    offer(&notifier, &incident("i1", 1, HIGH, OPEN));
    drained(&notifier, 10);
    offer(&notifier, &incident("i1", 2, HIGH, Status::Closed));
    drained(&notifier, 10);
    let asked = server.asked();
    assert_eq!(asked.len(), 2);
    assert_eq!(asked[0].path, "/services/T/B/X");
    assert!(
        asked[1].json()["text"]
            .as_str()
            .unwrap()
            .starts_with("[HIGH] Over: ")
    );
}

#[test]
fn alertmanagers_get_the_same_alerts_and_one_that_is_away_keeps_no_other_waiting() {
    let good = Server::start(|_, _| Reply::status(200));
    let late = Server::start(|n, _| match n {
        0..2 => Reply::status(500),
        _ => Reply::status(200),
    });
    let text = format!(
        "[{{name: am, alertmanager: {{urls: ['{}', '{}/'], silences: false}}}}]",
        good.url(),
        late.url()
    );
    let folder = tempfile::tempdir().unwrap();
    let notifier = open(&text, Some(folder.path()));
    let names: Vec<String> = notifier
        .receivers()
        .into_iter()
        .map(|state| state.name)
        .collect();
    assert_eq!(names, ["am.1", "am.2"]);
    let one = incident("i1", 1, Severity::Low, OPEN);
    offer(&notifier, &one);
    wait(5, "the good one is told", || !good.asked().is_empty());
    drained(&notifier, 30);
    let last = |server: &Server| server.asked().last().unwrap().clone();
    assert_eq!(last(&good).path, "/api/v2/alerts");
    assert_eq!(last(&good).body, last(&late).body);
    // A rise ends the alert with the old severity in the same request.
    let worse = event::Incident {
        severity: HIGH,
        revision: 2,
        ..one
    };
    offer(&notifier, &worse);
    drained(&notifier, 30);
    assert_eq!(last(&good).body, last(&late).body);
    let alerts = last(&good).json();
    let shown: BTreeMap<&str, bool> = alerts
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            (
                one["labels"]["severity"].as_str().unwrap(),
                one.get("endsAt").is_some(),
            )
        })
        .collect();
    assert_eq!(shown, BTreeMap::from([("high", false), ("low", true)]));
}

#[test]
fn a_test_reaches_the_receiver_and_says_what_went_wrong() {
    let server = Server::start(|n, _| match n {
        0 => Reply::status(200),
        _ => Reply::Is(403, Vec::new(), "not you".into()),
    });
    let text = format!("[{{name: hook, webhook: {{url: '{}'}}}}]", server.url());
    let notifier = open(&text, None);
    assert!(
        notifier
            .test("hook")
            .unwrap()
            .starts_with("hook: sent itest")
    );
    assert_eq!(
        notifier.test("hook").unwrap_err(),
        "hook: failed: it answered 403: not you"
    );
    assert!(
        notifier
            .test("other")
            .unwrap_err()
            .contains("no receiver other")
    );
    let config = crate::site::config(&text);
    let told = alert::notify::test(&config, "hook", &crate::site::world(None));
    assert!(told.unwrap_err().contains("403"));
    let body = server.asked()[0].json();
    assert!(
        body["incident"]["title"]
            .as_str()
            .unwrap()
            .contains("no attack happened")
    );
    assert_eq!(notifier.receivers()[0].sent, 0);
}
