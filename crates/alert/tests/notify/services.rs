//! The services of the web that receivers tell, as far as they are needed: each fails in between, and
//! remembers what it took.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::manager::Alertmanager;
use crate::server::{Reply, Request, Server};

/// What a server took: by kind, the key of each message and when it came.
pub type Taken = Arc<Mutex<Vec<(&'static str, String, Instant)>>>;

/// Services of the web, as far as they are needed, that fail in between.
pub fn services(taken: Taken) -> Server {
    let asked: Mutex<BTreeMap<String, usize>> = Mutex::default();
    Server::start(move |_, request| {
        let path = request
            .path
            .split('?')
            .next()
            .unwrap_or_default()
            .to_owned();
        let body = request.json();
        if let Some(answer) = lookup(&path, request, &taken) {
            return answer;
        }
        let (kind, key) = match path.as_str() {
            "/chat.postMessage" => (
                "slack",
                body["metadata"]["event_payload"]["key"].to_string(),
            ),
            "/chat.update" => {
                return Reply::json(&json!({"ok": true, "ts": body["ts"], "channel": "C1"}));
            }
            "/v2/enqueue" => (
                "pagerduty",
                format!("{} {}", body["dedup_key"], body["event_action"]),
            ),
            "/teams" => ("teams", card_key(&body)),
            "/hook" => ("webhook", body["key"].to_string()),
            "/clean" => ("clean", body["key"].to_string()),
            "/token" => return Reply::json(&json!({"access_token": "t", "expires_in": 3600})),
            path if path.ends_with("/Messages.json") => ("sms", sms_key(request)),
            path if path.starts_with("/ratel/") => {
                ("firebase", format!("{path} {}", body["revision"]))
            }
            other => panic!("{other}"),
        };
        let mut asked = asked.lock().unwrap();
        let n = asked.entry(kind.to_owned()).or_default();
        *n += 1;
        // Before it is taken: too many, not now, broken.
        if kind != "clean" {
            match *n {
                1 => return Reply::Is(429, vec![("retry-after", "1".into())], String::new()),
                3 => return Reply::status(503),
                4 if !is_asked_before(kind) => return Reply::Hang(Duration::from_secs(3)),
                5 => return Reply::status(500),
                _ => {}
            }
        }
        taken.lock().unwrap().push((kind, key, Instant::now()));
        // After it is taken the answer gets lost, where a repeat can be told apart.
        match (kind, *n) {
            ("slack" | "sms", 2) => Reply::Close,
            ("slack", 4) => Reply::Hang(Duration::from_secs(3)),
            ("slack", _) => {
                Reply::json(&json!({"ok": true, "ts": format!("1.{n}"), "channel": "C1"}))
            }
            _ => Reply::Is(201, Vec::new(), "{}".into()),
        }
    })
}

/// Whether it is looked for a message before it is repeated.
fn is_asked_before(kind: &str) -> bool {
    matches!(kind, "slack" | "sms")
}

/// What is asked before a message is repeated.
fn lookup(path: &str, request: &Request, taken: &Taken) -> Option<Reply> {
    let taken = taken.lock().unwrap();
    let of = |kind: &'static str| {
        taken
            .iter()
            .filter(move |one| one.0 == kind)
            .map(|one| &one.1)
    };
    if path.starts_with("/conversations.") {
        let message = |key: &String| {
            let key: Value = serde_json::from_str(key).unwrap();
            json!({"ts": "1.1", "metadata": {"event_type": "ratel_incident", "event_payload": {"key": key}}})
        };
        let messages: Vec<Value> = of("slack").map(message).collect();
        return Some(Reply::json(&json!({"ok": true, "messages": messages})));
    }
    if path.ends_with("/Messages.json") && request.path.contains("PageSize") {
        let messages: Vec<Value> = of("sms")
            .map(|key| json!({"body": format!("x ({key})"), "status": "sent"}))
            .collect();
        return Some(Reply::json(&json!({"messages": messages})));
    }
    None
}

fn card_key(body: &Value) -> String {
    let blocks = body["attachments"][0]["content"]["body"]
        .as_array()
        .unwrap()
        .clone();
    blocks.last().unwrap()["inlines"][0]["text"].to_string()
}

fn sms_key(request: &Request) -> String {
    let text = request.text();
    let (_, key) = text.rsplit_once("%28").unwrap();
    key.strip_suffix("%29").unwrap().to_owned()
}

/// A receiver of every kind, as they stand in the configuration.
pub fn receivers(web: &str, smtp: &str, account: &str, managers: &[Alertmanager]) -> String {
    let (host, port) = smtp.rsplit_once(':').unwrap();
    let mut text = format!(
        "- {{name: clean, webhook: {{url: '{web}/clean'}}}}\n\
         - {{name: hook, timeout_secs: 2, webhook: {{url: '{web}/hook', hmac: {{env: SECRET}}}}}}\n\
         - {{name: chat, timeout_secs: 2, slack: {{token: {{env: SECRET}}, channel: C1, api_url: '{web}'}}}}\n\
         - {{name: pager, timeout_secs: 2, pagerduty: {{routing_key: {{env: SECRET}}, api_url: '{web}'}}}}\n\
         - {{name: team, timeout_secs: 2, teams: {{webhook_url: {{env: TEAMS}}}}}}\n\
         - {{name: sms, sms: {{account: AC1, token: {{env: SECRET}}, from: MG1, to: ['+15550001111'], api_url: '{web}'}}}}\n\
         - {{name: mail, timeout_secs: 5, mail: {{host: '{host}', port: {port}, tls: none, from: r@example.org, to: [s@example.org]}}}}\n"
    );
    if !account.is_empty() {
        text.push_str(&format!(
            "- {{name: fire, firebase: {{url: '{web}', service_account: '{account}'}}}}\n"
        ));
    }
    if !managers.is_empty() {
        let urls: Vec<String> = managers
            .iter()
            .map(|one| format!("'{}'", one.url))
            .collect();
        text.push_str(&format!(
            "- {{name: am, alertmanager: {{urls: [{}]}}}}\n",
            urls.join(", ")
        ));
    }
    text
}
