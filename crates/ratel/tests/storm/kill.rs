//! Ratel is killed again and again while attacks begin: every record of the bus is counted once, and every
//! receiver hears of every attack once, as far as it can tell.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bus::{Bus, Start};
use event::Topic;
use serde_json::{Value, json};

use crate::cable::{Attack, Cable, attacker, events};
use crate::manager::Alertmanager;
use crate::server::{Reply, Request, Server};
use crate::site::wait;
use crate::smtp::{After, Smtp};

/// How often it is killed. An attack begins in each life.
const KILLS: usize = 20;
/// The answer comes this long after something was taken: often Ratel is killed in between.
const SLOW: Duration = Duration::from_millis(120);

#[test]
fn killed_twenty_times_in_a_storm_it_loses_nothing_and_tells_nothing_twice() {
    let Some(cable) = Cable::new(KILLS) else {
        return;
    };
    let _turn = crate::turn();
    cable.host(|| run(&cable));
}

/// Messages that Slack's channel has: the key of each, and whether it begins a thread.
type Channel = Arc<Mutex<Vec<(String, bool)>>>;

fn services(channel: Channel) -> Server {
    Server::start(move |_, request| {
        let path = request.path.split('?').next().unwrap_or_default();
        let answer = match path {
            "/chat.postMessage" => post(&channel, request),
            "/chat.update" => {
                json!({"ok": true, "ts": request.json()["ts"], "channel": "C1"})
            }
            "/conversations.history" | "/conversations.replies" => history(&channel),
            _ => json!({}),
        };
        std::thread::sleep(SLOW);
        Reply::json(&answer)
    })
}

fn post(channel: &Channel, request: &Request) -> Value {
    let body = request.json();
    let key = body["metadata"]["event_payload"]["key"].as_str();
    let key = key.expect("a message has a key").to_owned();
    let mut channel = channel.lock().unwrap();
    channel.push((key, body["thread_ts"].is_null()));
    json!({"ok": true, "ts": format!("{}.1", channel.len()), "channel": "C1"})
}

fn history(channel: &Channel) -> Value {
    let channel = channel.lock().unwrap();
    let messages: Vec<Value> = channel
        .iter()
        .enumerate()
        .map(|(at, (key, _))| {
            json!({"ts": format!("{}.1", at + 1), "metadata": {
                "event_type": "ratel_incident", "event_payload": {"key": key}}})
        })
        .collect();
    json!({"ok": true, "messages": messages})
}

fn run(cable: &Cable) {
    let channel = Channel::default();
    let web = services(Arc::clone(&channel));
    let smtp = Smtp::start(|n| if n % 5 == 3 { After::Lose } else { After::Take });
    let manager = Alertmanager::start("5m");
    let (url, port) = (web.url(), smtp.address.port());
    let rate = "rate: {per_minute: 600, burst: 100}, updates: false";
    let mut text = format!(
        "  settle_ms: 300\n  storm: {{messages: 1000}}\n  receivers:\n\
         \x20 - {{name: hook, {rate}, webhook: {{url: '{url}/hook'}}}}\n\
         \x20 - {{name: chat, {rate}, slack: {{token: {{env: SECRET}}, channel: C1, api_url: '{url}'}}}}\n\
         \x20 - {{name: pager, {rate}, pagerduty: {{routing_key: {{env: SECRET}}, api_url: '{url}'}}}}\n\
         \x20 - {{name: mail, {rate}, mail: {{host: 127.0.0.1, port: {port}, tls: none, from: r@example.org, to: [s@example.org]}}}}\n"
    );
    if let Some(manager) = &manager {
        text += &format!(
            "  - {{name: am, alertmanager: {{urls: ['{}']}}}}\n",
            manager.url
        );
    }
    cable.configure(KILLS, &text);
    let environment = [("SECRET", "s3cret".to_owned())];
    let (stop, number) = (AtomicBool::new(false), AtomicUsize::new(0));
    let begun = Instant::now();
    let ratel = std::thread::scope(|scope| {
        let sender = scope.spawn(|| cable.attackers(|| attack(&number, &stop)));
        for life in 0..KILLS {
            let ratel = cable.ratel(&environment);
            // Some lives end while it starts.
            if life % 5 != 4 {
                ratel.is_ready();
            }
            number.store(life, Ordering::Relaxed);
            // From before the incident is made until after everybody was told of it.
            std::thread::sleep(Duration::from_millis(200 + (life as u64 * 379) % 1300));
            ratel.kill();
        }
        let ratel = cable.ratel(&environment);
        ratel.is_ready();
        wait(60, "every attack is an incident", || {
            number.fetch_add(1, Ordering::Relaxed);
            std::thread::sleep(Duration::from_millis(100));
            ratel.incidents().len() == KILLS
        });
        stop.store(true, Ordering::Relaxed);
        sender.join().unwrap();
        ratel
    });
    let killed = begun.elapsed();
    let told = |ids: &[String]| {
        let mails = smtp.taken();
        let hooks = opened(&web);
        let channel = channel.lock().unwrap();
        ids.iter().all(|id| {
            hooks.contains_key(id)
                && channel.iter().any(|(key, _)| key.contains(id))
                && mails.iter().any(|mail| mail.contains(id))
        })
    };
    let mut last = (0, Instant::now());
    wait(60, "all is counted", || {
        let count = events(&ratel.incidents());
        if count != last.0 {
            last = (count, Instant::now());
        }
        last.1.elapsed() > Duration::from_secs(3)
    });
    let incidents = ratel.incidents();
    let ids: Vec<String> = incidents
        .iter()
        .map(|one| one["id"].as_str().unwrap().to_owned())
        .collect();
    wait(60, "everybody heard of every attack", || told(&ids));
    if let Some(manager) = &manager {
        wait(20, "one alert for each", || manager.firing().len() == KILLS);
    }
    ratel.stop();

    assert_eq!(incidents.len(), KILLS);
    let attackers: BTreeSet<&str> = incidents
        .iter()
        .filter_map(|one| one["attackers"][0]["address"].as_str())
        .collect();
    let expected: Vec<String> = (0..KILLS).map(attacker).collect();
    assert_eq!(attackers, expected.iter().map(String::as_str).collect());
    let published = published(cable.folder.path());
    assert_eq!(
        events(&incidents),
        published,
        "records of the bus are counted once"
    );
    for (id, keys) in opened(&web) {
        assert_eq!(keys.len(), 1, "{id}: {keys:?}");
    }
    let channel = channel.lock().unwrap();
    let keys: BTreeSet<&str> = channel.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(keys.len(), channel.len(), "Slack has nothing twice");
    let threads = channel.iter().filter(|(_, is_root)| *is_root).count();
    assert_eq!(threads, KILLS, "one thread for each");
    let pages: BTreeSet<String> = web
        .asked()
        .iter()
        .filter(|one| one.path == "/v2/enqueue" && one.json()["event_action"] == "trigger")
        .map(|one| one.json()["dedup_key"].to_string())
        .collect();
    assert_eq!(pages.len(), KILLS, "one page for each");
    let mails = smtp.taken();
    let names: BTreeSet<&str> = mails
        .iter()
        .filter_map(|mail| {
            mail.lines()
                .find_map(|line| line.strip_prefix("Message-ID: "))
        })
        .collect();
    assert_eq!(names.len(), KILLS, "one mail for each: {names:?}");
    let requests = web.asked().iter().filter(|one| one.path == "/hook").count();
    eprintln!(
        "killed {KILLS} times in {:.0} s; {published} events, {} incidents; requests to the webhook {requests}, mails {} under {} names",
        killed.as_secs_f64(),
        incidents.len(),
        mails.len(),
        names.len(),
    );
}

/// Sends datagrams of the attack that has the turn, and one of each earlier one now and then, until told to stop.
fn attack(number: &AtomicUsize, stop: &AtomicBool) {
    let mut attacks: Vec<Attack> = (0..KILLS).map(Attack::new).collect();
    let mut turn: usize = 0;
    while !stop.load(Ordering::Relaxed) {
        let now = number.load(Ordering::Relaxed);
        // What a life missed because it began too late is made up for at the end.
        attacks[now % KILLS].send();
        turn += 1;
        if turn.is_multiple_of(5) {
            let earlier = (turn / 5) % (now.min(KILLS - 1) + 1);
            attacks[earlier].send();
        }
        std::thread::sleep(Duration::from_millis(4));
    }
}

/// The keys under which the webhook was told that an incident was opened; the same key brings the same.
fn opened(web: &Server) -> BTreeMap<String, BTreeSet<String>> {
    let mut bodies: BTreeMap<String, Value> = BTreeMap::new();
    let mut opened: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for request in web.asked().iter().filter(|one| one.path == "/hook") {
        let key = request.header("idempotency-key").unwrap().to_owned();
        let body = request.json();
        let before = bodies.entry(key.clone()).or_insert_with(|| body.clone());
        assert_eq!(*before, body, "a repeat is the same");
        if body["change"] == "opened" {
            let id = body["incident"]["id"].as_str().unwrap().to_owned();
            opened.entry(id).or_default().insert(key);
        }
    }
    opened
}

/// Alerts that are on the bus, each once.
fn published(folder: &Path) -> u64 {
    let config = bus::Config {
        dir: folder.join("data/bus"),
        ..bus::Config::default()
    };
    let bus = Bus::open(&config).unwrap();
    let mut records = bus
        .subscribe_from("storm-test", &[Topic::Events], Start::Oldest)
        .unwrap();
    let mut ids = BTreeSet::new();
    while let Some(batch) = records.next(Duration::from_millis(500)).unwrap() {
        for delivery in batch.iter() {
            let record: Value = serde_json::from_slice(delivery.value).unwrap();
            if record["event_type"] == "alert" {
                ids.insert(delivery.id);
            }
        }
        records.commit(&batch).unwrap();
    }
    ids.len() as u64
}
