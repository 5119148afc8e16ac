//! The role `learn` over a real bus, with the model that ships: an attack on a generated office becomes findings, and
//! where more comes than can be scored the oldest are left out and that is said.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bus::{Bus, Start};
use event::{Timestamp, Topic};
use features::Definition;
use learn::config::Config;
use learn::service::{Learn, Ports, Voice};
use serde_json::Value;
use traffic::play::flows;
use traffic::{Attack, Hour, Plan, Traffic};

static SHIPPED: &[u8] = include_bytes!("../../ratel/models/default.ratel-model");

#[derive(Default)]
struct Heard {
    runs: AtomicBool,
    limps: AtomicUsize,
    why: Mutex<String>,
}

impl Voice for Heard {
    fn runs(&self) {
        self.runs.store(true, Ordering::Relaxed);
    }

    fn limps(&self, why: &str) {
        why.clone_into(&mut self.why.lock().unwrap());
        self.limps.fetch_add(1, Ordering::Relaxed);
    }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp::from_nanos(since.as_nanos() as i64)
}

fn plan() -> Plan {
    Plan {
        seed: 77,
        people: 12,
        start: Timestamp::new(1_758_009_600, 0),
        has_attacks: false,
    }
}

fn role(config: Config, bus: &Bus, folder: &Path) -> Learn {
    Learn {
        config,
        bus: bus.clone(),
        ports: Ports {
            now,
            shipped: SHIPPED,
            known: features::columns::names(Definition::Corrected, true),
            data_dir: folder.join("learn"),
        },
    }
}

/// Publishes records while the role runs, until `is_done` has seen what came out.
fn with_role(
    config: Config,
    records: &[Vec<u8>],
    mut is_done: impl FnMut(&[Value], &Heard) -> bool,
) -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    let bus = Bus::open(&bus::Config {
        dir: folder.path().join("bus"),
        ..bus::Config::default()
    })
    .unwrap();
    let learn = role(config, &bus, folder.path());
    let (heard, stop) = (Heard::default(), AtomicBool::new(false));
    let mut found = Vec::new();
    std::thread::scope(|scope| {
        let role = scope.spawn(|| learn.run(&|| stop.load(Ordering::Relaxed), &heard));
        let deadline = Instant::now() + Duration::from_secs(60);
        while !heard.runs.load(Ordering::Relaxed) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
        let mut out = bus
            .subscribe_from("test", &[Topic::Events], Start::Newest)
            .unwrap();
        let publisher = bus.publisher(Topic::Events);
        for record in records {
            publisher
                .publish(event::record::key(record), record)
                .unwrap();
        }
        while !is_done(&found, &heard) && Instant::now() < deadline {
            let Some(batch) = out.next(Duration::from_millis(50)).unwrap() else {
                continue;
            };
            for delivery in batch.iter() {
                if event::record::kind(delivery.value) == Some("alert") {
                    found.push(serde_json::from_slice(delivery.value).unwrap());
                }
            }
            out.commit(&batch).unwrap();
        }
        stop.store(true, Ordering::Relaxed);
        role.join().unwrap().unwrap();
    });
    assert!(folder.path().join("learn/threshold.json").exists());
    found
}

#[test]
fn an_attack_becomes_findings_that_say_why() {
    let attack = Hour::of_attack(Attack::DnsTunnel, &plan());
    let host = attack.attacks.keys().next().unwrap().source.to_string();
    let mut hour = Traffic::new(plan()).hour();
    hour.frames.extend(attack.frames);
    hour.frames.sort_by_key(|frame| frame.time);
    let config = Config {
        findings_per_incident: 3,
        ..Config::default()
    };
    let found = with_role(config, &flows(&hour), |found, _| found.len() == 3);
    assert_eq!(found.len(), 3, "the incident's findings and no more");
    for finding in &found {
        assert_eq!(finding["src_ip"], host.as_str());
        assert_eq!(finding["alert"]["gid"], event::record::MODEL_GID);
        assert_eq!(
            finding["alert"]["signature"],
            "Ratel model: traffic like DNS tunnel"
        );
        let model = &finding["ratel"]["model"];
        assert!(model["probability"].as_f64() > model["threshold"].as_f64());
        assert!(!model["features"].as_array().unwrap().is_empty());
        assert!(model["text"].as_str().unwrap().contains("What counted"));
    }
}

#[test]
fn where_more_comes_than_waits_the_oldest_are_left_out_and_it_is_said() {
    let config = Config {
        queue: 64,
        batch: 16,
        ..Config::default()
    };
    let records = flows(&Traffic::new(plan()).hour());
    assert!(records.len() > 500, "{}", records.len());
    let limps = |heard: &Heard| heard.limps.load(Ordering::Relaxed);
    let mut told = 0;
    with_role(config, &records, |_, heard| {
        told = limps(heard);
        told > 0 && heard.why.lock().unwrap().contains("left unscored")
    });
    assert!(told > 0, "nobody said that flows were left out");
}

#[test]
fn where_the_bus_is_full_findings_are_dropped_and_not_charged_to_the_day_and_the_role_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut small = bus::Config {
        dir: folder.path().join("bus"),
        segment_bytes: 64 << 10,
        publish_wait_ms: 20,
        ..bus::Config::default()
    };
    small.topics.events.max_bytes = 4 << 20;
    let bus = Bus::open(&small).unwrap();
    let mut hour = Traffic::new(plan()).hour();
    hour.frames
        .extend(Hour::of_attack(Attack::DnsTunnel, &plan()).frames);
    hour.frames.sort_by_key(|frame| frame.time);
    let records = flows(&hour);
    let config = Config {
        gather_ms: 1_000,
        batch: 65_536,
        ..Config::default()
    };
    let learn = role(config, &bus, folder.path());
    let (heard, stop) = (Heard::default(), AtomicBool::new(false));
    let is_dropped = || heard.why.lock().unwrap().contains("findings were dropped");
    let mut told = 0;
    std::thread::scope(|scope| {
        let role = scope.spawn(|| learn.run(&|| stop.load(Ordering::Relaxed), &heard));
        let deadline = Instant::now() + Duration::from_secs(60);
        while !heard.runs.load(Ordering::Relaxed) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
        // Another reader is far behind: nothing of what follows can go.
        let mut slow = bus
            .subscribe_from("slow", &[Topic::Events], Start::Newest)
            .unwrap();
        let publisher = bus.publisher(Topic::Events);
        for record in &records {
            publisher
                .publish(event::record::key(record), record)
                .unwrap();
        }
        let filling = vec![b' '; 8 << 10];
        while publisher.publish(b"", &filling).is_ok() {}
        while !is_dropped() && Instant::now() < deadline {
            // What little room is left is taken as well.
            let _ = publisher.publish(b"", b" ");
            std::thread::sleep(Duration::from_millis(10));
        }
        stop.store(true, Ordering::Relaxed);
        role.join().unwrap().unwrap();
        while let Some(batch) = slow.next(Duration::from_millis(50)).unwrap() {
            let is_alert = |value| event::record::kind(value) == Some("alert");
            told += batch.iter().filter(|one| is_alert(one.value)).count() as u64;
            slow.commit(&batch).unwrap();
        }
    });
    assert!(is_dropped(), "nobody said that findings were dropped");
    let kept = std::fs::read(folder.path().join("learn/threshold.json")).unwrap();
    let kept: Value = serde_json::from_slice(&kept).unwrap();
    let open = kept["spent"]["open"].as_array().unwrap();
    let charged: u64 = open.iter().map(|one| one[2].as_u64().unwrap()).sum();
    assert_eq!(charged, told, "{}", kept["spent"]);
    let incidents = kept["spent"]["told"].as_array().unwrap();
    assert_eq!(incidents.len(), open.len(), "{}", kept["spent"]);
}
