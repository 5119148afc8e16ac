//! A storm through the whole role: ten thousand events of three attacks, every kind of receiver, a real
//! Alertmanager twice (where it is installed), and servers that fail in between.
//!
//! `RATEL_SMTP=HOST:PORT` sends the mails to another server than the test's own.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use alert::change::Change;
use alert::notify::Notifier;
use alert::service::Voice;
use alert::{Alert, Ports};
use bus::Bus;
use event::Topic;
use serde_json::{Value, json};
use state::State;

use crate::alertmanager::Alertmanager;
use crate::server::{Reply, Request, Server};
use crate::site::{drained, now, wait, world};
use crate::smtp::{After, Smtp};

/// Events of the storm.
const EVENTS: usize = 10_000;
/// Messages that a receiver may get of it.
const MAX_MESSAGES: usize = 5;

struct Quiet;

impl Voice for Quiet {
    fn runs(&self) {}
    fn limps(&self, _why: &str) {}
}

/// What a server took: by kind, the key of each message and when it came.
type Taken = Arc<Mutex<Vec<(&'static str, String, Instant)>>>;

/// Services of the web, as far as they are needed, that fail in between.
fn services(taken: Taken) -> Server {
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

fn publish(bus: &Bus, n: usize, attack: usize) {
    let attacker = ["192.0.2.1", "198.51.100.7", "203.0.113.9"][attack];
    let record = json!({
        "timestamp": now().to_string(), "event_type": "alert", "host": "sensor-1",
        "src_ip": attacker, "src_port": 40_000 + n % 1000,
        "dest_ip": format!("10.0.{attack}.{}", 1 + n % 5), "dest_port": 22, "proto": "TCP",
        "flow_id": n, "alert": {
            "gid": 1, "signature_id": 1000 * (attack + 1) + n % 7, "action": "allowed",
            "signature": format!("attack {attack} step {}", n % 7), "severity": 1,
            "category": "Attempted Administrator Privilege Gain",
        },
    });
    let publisher = bus.publisher(Topic::Events);
    publisher
        .publish(b"", record.to_string().as_bytes())
        .unwrap();
}

fn receivers(web: &str, smtp: &str, account: &str, managers: &[Alertmanager]) -> String {
    let (host, port) = smtp.rsplit_once(':').unwrap();
    let mut text = format!(
        "- {{name: clean, webhook: {{url: '{web}/clean'}}}}\n\
         - {{name: hook, timeout_secs: 2, webhook: {{url: '{web}/hook', hmac: {{env: SECRET}}}}}}\n\
         - {{name: chat, timeout_secs: 2, slack: {{token: {{env: SECRET}}, channel: C1, api_url: '{web}'}}}}\n\
         - {{name: pager, pagerduty: {{routing_key: {{env: SECRET}}, api_url: '{web}'}}}}\n\
         - {{name: team, teams: {{webhook_url: {{env: TEAMS}}}}}}\n\
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

#[test]
fn a_storm_of_three_attacks_is_three_incidents_and_few_messages_to_everybody() {
    let taken: Taken = Arc::default();
    let web = services(Arc::clone(&taken));
    let smtp = Smtp::start(|n| match n {
        0 => After::Later,
        1 => After::Lose,
        _ => After::Take,
    });
    let mail_to = std::env::var("RATEL_SMTP").unwrap_or_else(|_| smtp.address.to_string());
    let managers: Vec<Alertmanager> = (0..2).filter_map(|_| Alertmanager::start("5m")).collect();
    let folder = tempfile::tempdir().unwrap();
    let account = crate::kinds::account(&format!("{}/token", web.url()));
    let account_path = account
        .as_ref()
        .map_or_else(String::new, |file| file.path().display().to_string());
    let text = receivers(&web.url(), &mail_to, &account_path, &managers);
    let mut world = world(Some(&folder.path().join("notify")));
    let teams = format!("{}/teams", web.url());
    world.env = Arc::new(move |name| match name {
        "SECRET" => Some("s3cret".into()),
        "TEAMS" => Some(teams.clone()),
        _ => None,
    });
    let notifier = Notifier::open(&crate::site::config(&text), &world).unwrap();
    let notifier = Arc::new(notifier);

    let runtime = tokio::runtime::Runtime::new().unwrap();
    let config = state::Config::sqlite(&folder.path().join("state.db"));
    let state = runtime.block_on(State::open(&config)).unwrap();
    let config = bus::Config {
        dir: folder.path().join("bus"),
        ..bus::Config::default()
    };
    let bus = Bus::open(&config).unwrap();
    let of_role = Arc::clone(&notifier);
    let role = Alert {
        config: alert::Config::default(),
        bus: bus.clone(),
        state: state.clone(),
        ports: Ports {
            now,
            compile: Arc::new(|_| Ok(Box::new(|_| false))),
            tell: Arc::new(move |change: &Change| of_role.offer(change, now())),
        },
    };
    let stop = AtomicBool::new(false);
    let mut kinds = vec!["clean", "webhook", "slack", "pagerduty", "teams", "sms"];
    if account.is_some() {
        kinds.push("firebase");
    }
    let begun = Instant::now();
    let (published, third) = std::thread::scope(|scope| {
        let handle = runtime.handle().clone();
        let (stop, bus) = (&stop, &bus);
        let role = scope.spawn(move || role.run(&handle, &|| stop.load(Ordering::Relaxed), &Quiet));
        // Writers share the disk's syncs; the third attack begins in the middle.
        let writers: Vec<_> = (0..16)
            .map(|writer| {
                scope.spawn(move || {
                    let mut third = None;
                    for n in (writer..EVENTS).step_by(16) {
                        let attack = if n < EVENTS / 2 { n % 2 } else { n % 3 };
                        if attack == 2 {
                            third.get_or_insert_with(Instant::now);
                        }
                        publish(bus, n, attack);
                        // Ten thousand in six seconds or so.
                        std::thread::sleep(Duration::from_millis(9));
                    }
                    third
                })
            })
            .collect();
        let third = writers
            .into_iter()
            .filter_map(|one| one.join().unwrap())
            .min()
            .unwrap();
        let published = begun.elapsed();
        let incidents = || {
            let list = state.incidents();
            let (filter, paging) = (
                state::incidents::Filter::default(),
                state::Paging::default(),
            );
            runtime.block_on(list.list(&filter, &paging)).unwrap().items
        };
        wait(120, "all is counted", || {
            incidents()
                .iter()
                .map(|one| one.incident.events)
                .sum::<u64>()
                == EVENTS as u64
        });
        assert_eq!(incidents().len(), 3);
        let is_own_mail = std::env::var("RATEL_SMTP").is_err();
        wait(120, "everybody heard of all three", || {
            let names: Vec<String> = incidents()
                .iter()
                .map(|one| one.incident.id.clone())
                .collect();
            let taken = taken.lock().unwrap();
            let heard = |kind: &str, name: &str| {
                taken
                    .iter()
                    .any(|one| one.0 == kind && one.1.contains(name))
            };
            let mails = smtp.taken();
            names.iter().all(|name| {
                let by_mail = !is_own_mail || mails.iter().any(|mail| mail.contains(name));
                by_mail && kinds.iter().all(|kind| heard(kind, name))
            })
        });
        drained(&notifier, 120);
        stop.store(true, Ordering::Relaxed);
        role.join().unwrap().unwrap();
        (published, third)
    });

    let taken = taken.lock().unwrap().clone();
    let mut by_kind: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
    for (kind, key, _) in &taken {
        *by_kind.entry(kind).or_default().entry(key).or_default() += 1;
    }
    let mails = smtp.taken();
    let ids = mails.iter().filter_map(|mail| {
        mail.lines()
            .find_map(|line| line.strip_prefix("Message-ID: "))
    });
    let ids: std::collections::BTreeSet<&str> = ids.collect();
    eprintln!(
        "{EVENTS} events published in {:.1} s; messages taken: {}, mail {}",
        published.as_secs_f64(),
        by_kind
            .iter()
            .map(|(kind, keys)| format!("{kind} {}", keys.len()))
            .collect::<Vec<_>>()
            .join(", "),
        ids.len()
    );
    for (kind, keys) in &by_kind {
        assert!(
            keys.values().all(|times| *times == 1),
            "twice: {kind} {keys:?}"
        );
        // Objects in place are no messages to people.
        if *kind != "firebase" {
            assert!((3..=MAX_MESSAGES).contains(&keys.len()), "{kind} {keys:?}");
        }
    }
    if std::env::var("RATEL_SMTP").is_err() {
        assert!((3..=MAX_MESSAGES).contains(&ids.len()), "{ids:?}");
    }
    // The clean receiver heard of the third attack within five seconds.
    let heard: Vec<Duration> = taken
        .iter()
        .filter(|one| one.0 == "clean")
        .map(|one| one.2.saturating_duration_since(third))
        .filter(|after| !after.is_zero())
        .collect();
    let first = heard.iter().min().expect("it heard of the third attack");
    eprintln!(
        "the first-seen attack was told after {:.1} s",
        first.as_secs_f64()
    );
    assert!(*first < Duration::from_secs(5), "{first:?}");
    for state in notifier.receivers() {
        assert_eq!((state.waiting, state.dead), (0, 0), "{state:?}");
        eprintln!(
            "{:8} {:12} sent {} failed {}",
            state.name, state.kind, state.sent, state.failed
        );
    }
    for manager in &managers {
        assert_eq!(manager.firing().len(), 3, "{:?}", manager.firing());
    }
}
