//! Kills a process that reads events into the store at random moments, again and again: every event that the
//! bus acknowledged is found exactly once, byte for byte.
//!
//! The process is this test itself, started as a child. `RATEL_STORE_KILLS` says how many times it is killed.
#![allow(clippy::print_stdout)] // Tells its figures, or why it is skipped.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bus::{Bus, Start};
use event::{RecordId, Topic};
use store::query::Query;
use store::search::{Order, Request};
use store::service::Health;
use store::{Config, Store};

const DIR: &str = "RATEL_STORE_KILL_DIR";
const FROM: &str = "RATEL_STORE_KILL_FROM";
/// Without a parameter: enough to meet each kind of moment once in a while, little enough for every run.
const KILLS: u32 = 8;
/// Longer than any of these steps takes on any machine.
const SOON: Duration = Duration::from_secs(120);

fn store_config(dir: &Path) -> Config {
    let mut config = Config {
        dir: dir.join("store"),
        commit_ms: 20,
        ..Config::default()
    };
    // Slices end often, so that kills meet their ends and their sealing.
    config.slices.max_events = 1500;
    config.watermarks.thin_percent = 0.0;
    config.watermarks.degrade_percent = 0.0;
    config.watermarks.alerts_only_percent = 0.0;
    config.watermarks.stop_percent = 0.0;
    config
}

fn bus_config(dir: &Path) -> bus::Config {
    bus::Config {
        dir: dir.join("bus"),
        ..bus::Config::default()
    }
}

fn id(number: u64) -> RecordId {
    RecordId::from_bytes(u128::from(number + 1).to_be_bytes())
}

fn record(number: u64) -> String {
    format!(
        "{{\"timestamp\":\"2026-01-02T03:04:05.{:06}+0000\",\"event_type\":\"dns\",\"n\":{number},\"text\":\"{}\"}}",
        number % 1_000_000,
        "x".repeat(number as usize % 300)
    )
}

fn tell(line: &str) {
    let _ = std::io::stdout().lock().write_all(line.as_bytes());
    let _ = std::io::stdout().lock().flush();
}

/// The child: publishes and ingests until it is killed.
#[test]
fn child() {
    let (Some(dir), Ok(from)) = (std::env::var_os(DIR), std::env::var(FROM)) else {
        return;
    };
    let dir = PathBuf::from(dir);
    let bus = Bus::open(&bus_config(&dir)).unwrap();
    let config = store_config(&dir);
    let store = Store::open(&config).unwrap();
    let publisher = bus.publisher(Topic::Events);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let (_told, stop) = tokio::sync::watch::channel(false);
    runtime.spawn(store::service::run(
        store,
        bus,
        config,
        Health::default(),
        stop,
    ));
    tell("\nready\n");
    for number in from.parse::<u64>().unwrap().. {
        publisher
            .publish_as(id(number), b"", record(number).as_bytes())
            .unwrap();
        tell(&format!("acknowledged {number}\n"));
        if number.is_multiple_of(50) {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// xorshift, seeded by the time, told when the test begins.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

fn run_and_kill(dir: &Path, next: &Arc<Mutex<u64>>, random: &mut Random) {
    let from = next.lock().unwrap().to_string();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["child", "--exact", "--nocapture", "--test-threads=1"])
        .env(DIR, dir)
        .env(FROM, from)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let (ready, is_ready) = std::sync::mpsc::channel();
    let told = next.clone();
    let listener = std::thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            if line == "ready" {
                let _ = ready.send(());
            }
            if let Some(number) = line.strip_prefix("acknowledged ") {
                *told.lock().unwrap() = number.parse::<u64>().unwrap() + 1;
            }
        }
    });
    // One in eight dies while it starts.
    if random.below(8) > 0 {
        is_ready.recv_timeout(SOON).unwrap();
    }
    std::thread::sleep(Duration::from_micros(random.below(400_000)));
    child.kill().unwrap();
    child.wait().unwrap();
    listener.join().unwrap();
}

/// Lets the role read what is left, then stops it.
fn drain(dir: &Path) -> (Store, u64) {
    let bus = Bus::open(&bus_config(dir)).unwrap();
    let mut reader = bus
        .subscribe_from("check", &[Topic::Events], Start::Again)
        .unwrap();
    let mut distinct = std::collections::HashSet::new();
    while let Some(batch) = reader.next(Duration::ZERO).unwrap() {
        distinct.extend(batch.iter().map(|delivery| delivery.id));
    }
    let wanted = distinct.len() as u64;
    let config = store_config(dir);
    let store = Store::open(&config).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let (tell, told) = tokio::sync::watch::channel(false);
    let role = runtime.spawn(store::service::run(
        store.clone(),
        bus,
        config,
        Health::default(),
        told,
    ));
    let end = Instant::now() + SOON;
    while store.count(&Query::All, None, None).unwrap() < wanted {
        assert!(Instant::now() < end, "the store stays behind");
        std::thread::sleep(Duration::from_millis(50));
    }
    tell.send(true).unwrap();
    runtime.block_on(role).unwrap().unwrap();
    (store, wanted)
}

#[test]
fn every_acknowledged_event_is_found_exactly_once() {
    if std::env::var_os(DIR).is_some() {
        return;
    }
    let kills = std::env::var("RATEL_STORE_KILLS");
    let kills = kills.map_or(KILLS, |kills| kills.parse().unwrap());
    let seed = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_nanos() as u64
        | 1;
    println!("seed {seed}");
    let mut random = Random(seed);
    let dir = tempfile::tempdir().unwrap();
    let next = Arc::new(Mutex::new(0));
    for _ in 0..kills {
        run_and_kill(dir.path(), &next, &mut random);
    }
    let acknowledged = *next.lock().unwrap();
    let (store, wanted) = drain(dir.path());
    assert!(wanted >= acknowledged);
    let mut found: HashMap<RecordId, String> = HashMap::new();
    let mut request = Request::of(Query::All);
    request.order = Order::OldestFirst;
    request.limit = 10_000;
    loop {
        let answer = store.search(&request).unwrap();
        assert_eq!(answer.total, wanted);
        for hit in answer.hits {
            assert!(found.insert(hit.id, hit.event).is_none(), "twice");
        }
        let Some(cursor) = answer.next else { break };
        request.after = Some(cursor);
    }
    assert_eq!(found.len() as u64, wanted);
    for number in 0..acknowledged {
        assert_eq!(found.get(&id(number)), Some(&record(number)), "{number}");
    }
    println!("{kills} kills: {acknowledged} acknowledged, {wanted} events, each found once");
}
