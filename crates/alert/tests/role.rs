//! The role over a real bus and a real database: incidents come out, and go on after a restart.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use alert::change::{Change, Telling};
use alert::service::Voice;
use alert::{Alert, Config, Ports};
use bus::{Bus, Start};
use event::incident::{Incident, Status};
use event::{Timestamp, Topic};
use serde_json::json;
use state::State;
use tokio::runtime::Runtime;

struct Quiet;

impl Voice for Quiet {
    fn runs(&self) {}
    fn limps(&self, _why: &str) {}
}

struct Site {
    folder: tempfile::TempDir,
    runtime: Runtime,
    state: State,
    bus: Bus,
    told: Arc<Mutex<Vec<Change>>>,
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp::from_nanos(since.as_nanos() as i64)
}

impl Site {
    fn new() -> Site {
        let folder = tempfile::tempdir().unwrap();
        let runtime = Runtime::new().unwrap();
        let config = state::Config::sqlite(&folder.path().join("state.db"));
        let state = runtime.block_on(State::open(&config)).unwrap();
        let config = bus::Config {
            dir: folder.path().join("bus"),
            ..bus::Config::default()
        };
        let bus = Bus::open(&config).unwrap();
        Site {
            folder,
            runtime,
            state,
            bus,
            told: Arc::default(),
        }
    }

    /// Runs the role while `work` does something, then stops it.
    fn with<T>(&self, config: Config, work: impl FnOnce(&Site) -> T) -> T {
        let told = self.told.clone();
        let alert = Alert {
            config,
            bus: self.bus.clone(),
            state: self.state.clone(),
            ports: Ports {
                now,
                compile: Arc::new(|query: &str| {
                    let query = query.to_owned();
                    Ok(Box::new(move |event: &serde_json::Value| {
                        event["src_ip"] == query.as_str()
                    }))
                }),
                tell: Arc::new(move |change| told.lock().unwrap().push(change.clone())),
            },
        };
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let handle = self.runtime.handle().clone();
            let stop = &stop;
            let role =
                scope.spawn(move || alert.run(&handle, &|| stop.load(Ordering::Relaxed), &Quiet));
            let result = work(self);
            stop.store(true, Ordering::Relaxed);
            role.join().unwrap().unwrap();
            result
        })
    }

    fn publish(&self, from: &str, sid: u64) {
        let record = json!({
            "timestamp": now().to_string(), "event_type": "alert",
            "src_ip": from, "dest_ip": "10.0.0.5",
            "alert": {"gid": 1, "signature_id": sid, "signature": "a rule", "severity": 1},
        });
        let publisher = self.bus.publisher(Topic::Events);
        publisher
            .publish(b"", record.to_string().as_bytes())
            .unwrap();
    }

    fn loud(&self) -> usize {
        let told = self.told.lock().unwrap();
        told.iter().filter(|c| c.telling == Telling::Loud).count()
    }

    fn incidents(&self) -> Vec<Incident> {
        let list = self.state.incidents();
        let filter = state::incidents::Filter::default();
        let paging = state::Paging::default();
        let page = self.runtime.block_on(list.list(&filter, &paging)).unwrap();
        page.items
            .into_iter()
            .map(|record| record.incident)
            .collect()
    }
}

fn until(what: &str, is: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !is() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn events_become_an_incident_that_goes_on_after_a_restart_and_is_told_once() {
    let site = Site::new();
    let mut out = site
        .bus
        .subscribe_from("test", &[Topic::Incidents], Start::Oldest)
        .unwrap();
    site.with(Config::default(), |site| {
        for _ in 0..50 {
            site.publish("192.0.2.1", 1);
        }
        until("told", || site.loud() == 1);
        until("kept", || {
            site.incidents().first().is_some_and(|i| i.events == 50)
        });
    });
    site.with(Config::default(), |site| {
        site.publish("192.0.2.1", 1);
        until("goes on", || site.incidents()[0].events == 51);
    });
    assert_eq!(site.incidents().len(), 1);
    assert_eq!(site.loud(), 1, "nothing is told twice");
    let batch = out.next(Duration::from_secs(5)).unwrap().unwrap();
    let first: Incident = serde_json::from_slice(batch.iter().next().unwrap().value).unwrap();
    assert_eq!(first.id, site.incidents()[0].id);
    assert_eq!(first.revision, 1);
}

#[test]
fn people_close_and_silence_and_new_things_are_told_again() {
    let site = Site::new();
    site.with(Config::default(), |site| {
        site.publish("192.0.2.1", 1);
        until("told", || site.loud() == 1);
        let incident = site.incidents()[0].clone();
        let change = state::incidents::Change {
            status: Some(Status::Closed),
            why: Some("our scanner".into()),
            ..state::incidents::Change::default()
        };
        let incidents = site.state.incidents();
        let triage = incidents.triage(&incident.id, 1, &change, "me", now());
        site.runtime.block_on(triage).unwrap();
        until("closed", || {
            let told = site.told.lock().unwrap();
            told.iter()
                .any(|c| c.what.name() == "closed" && c.incident.status == Status::Closed)
        });
        // Another rule fires: it goes on after all.
        site.publish("192.0.2.1", 2);
        until("open again", || site.incidents()[0].status == Status::Open);
        assert_eq!(site.loud(), 2);

        let new = state::silences::New {
            kind: state::silences::Kind::Suppress,
            query: "192.0.2.9",
            reason: "test",
            owner: "me",
            expires: now() + Duration::from_secs(60),
            origin: None,
        };
        let silences = site.state.silences();
        site.runtime.block_on(silences.add(&new, now())).unwrap();
        std::thread::sleep(Duration::from_millis(2500));
        site.publish("192.0.2.9", 1);
        site.publish("192.0.2.10", 1);
        until("the other", || site.loud() == 3);
        assert_eq!(site.incidents().len(), 2);
    });
}

#[test]
fn a_first_seen_attack_is_told_within_seconds() {
    let site = Site::new();
    let assets = site.folder.path().join("assets.csv");
    std::fs::write(&assets, "address,name\n10.0.0.5,db1\n").unwrap();
    let config = Config {
        assets: Some(assets),
        ..Config::default()
    };
    site.with(config, |site| {
        let begun = Instant::now();
        site.publish("192.0.2.1", 1);
        until("told", || site.loud() == 1);
        assert!(begun.elapsed() < Duration::from_secs(5));
    });
    assert_eq!(
        site.incidents()[0].title,
        "a rule: 192.0.2.1 against 10.0.0.5 (db1)"
    );
}

#[test]
fn rules_of_sigma_make_incidents_and_are_read_again_when_they_change() {
    let site = Site::new();
    let rules = site.folder.path().join("rules.yml");
    let config = Config {
        sigma: vec![rules.clone()],
        ..Config::default()
    };
    std::fs::write(&rules, "title: broken\n").unwrap();
    let ask = |name: &str| {
        let record = json!({
            "timestamp": now().to_string(), "event_type": "dns", "src_ip": "10.0.0.9", "dest_ip": "10.0.0.53",
            "dns": {"type": "request", "queries": [{"rrname": name}]},
        });
        let publisher = site.bus.publisher(Topic::Events);
        publisher
            .publish(b"", record.to_string().as_bytes())
            .unwrap();
    };
    site.with(config, |site| {
        let text = "title: Asked\nname: asked\nlogsource: {category: dns}\n\
                    detection: {selection: {query|endswith: .evil.example}, condition: selection}\n---\n\
                    title: Asked Often\nlevel: high\ntags: [attack.t1071.004]\ncorrelation:\n  type: event_count\n  \
                    rules: [asked]\n  group-by: [src_ip]\n  timespan: 1h\n  condition: {gte: 3}\n";
        std::fs::write(&rules, text).unwrap();
        std::thread::sleep(Duration::from_millis(2500));
        for name in ["a.evil.example", "b.evil.example", "www.example", "c.evil.example"] {
            ask(name);
        }
        until("told", || site.loud() == 1);
        let incident = site.incidents()[0].clone();
        assert_eq!(incident.kind, event::incident::Kind::Correlation);
        assert_eq!(incident.title, "Asked Often: from 10.0.0.9");
        assert_eq!(incident.sample.len(), 3);
        assert_eq!(incident.events, 3);
        assert!(incident.query.contains("event_type:(\"dns\")"), "{}", incident.query);
        assert_eq!(incident.tactics[0].techniques[0].id, "T1071.004");
    });
}
