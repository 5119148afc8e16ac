//! A storm through the whole role: ten thousand events of three attacks, every kind of receiver, a real
//! Alertmanager twice (where it is installed), and servers that fail in between.
//!
//! `RATEL_SMTP=HOST:PORT` sends the mails to another server than the test's own.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use alert::change::Change;
use alert::notify::Notifier;
use alert::service::Voice;
use alert::{Alert, Ports};
use bus::Bus;
use event::Topic;
use serde_json::json;
use state::State;

use crate::manager::Alertmanager;
use crate::services::{Taken, receivers, services};
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
    let account = crate::account::account(&format!("{}/token", web.url()));
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
