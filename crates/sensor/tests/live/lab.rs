//! A network namespace for one test, and a sensor in it.

use engine::config::RulesLoaded;
use engine::detect::{Options, Ruleset};
use engine::records::EveConfig;
use engine::records::config::{AlertConfig, StatsConfig};
use event::Timestamp;
use rules::{Context, RuleSet, parse_file};
use sensor::config::{Interface, Ring};
use sensor::metrics::Snapshot;
use sensor::{Config, FnSink, Handle, Place, Rules, Service, Setup};
use serde_json::Value;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tpacket::Injector;

/// Says to the test's own process that it runs inside.
const INSIDE: &str = "SENSOR_TEST_INSIDE";
/// How long anything is waited for.
const PATIENCE: Duration = Duration::from_secs(20);

/// Runs `test`, whose full name is `name`, in a process inside a new network namespace.
pub fn in_lab(name: &str, test: impl FnOnce()) {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    if std::env::var_os(INSIDE).is_some() {
        return test();
    }
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let namespace = format!("sensor-{}-{number}", std::process::id());
    let made = Command::new("ip")
        .args(["netns", "add", &namespace])
        .output();
    if !made.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: {name} needs root and the tool ip");
        return;
    }
    let me = std::env::current_exe().expect("a test knows its file");
    let output = Command::new("ip")
        .args(["netns", "exec", &namespace])
        .arg(me)
        .args(["--exact", name, "--nocapture"])
        .env(INSIDE, "1")
        .output();
    let _ = Command::new("ip")
        .args(["netns", "del", &namespace])
        .status();
    let output = output.expect("ip runs");
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}\n{complained}"
    );
}

/// Runs a command of the lab.
#[track_caller]
pub fn sh(command: &str) {
    let status = Command::new("sh").args(["-ec", command]).status();
    assert!(status.is_ok_and(|s| s.success()), "{command}");
}

/// A pair of interfaces, `wire` to send on and `tap` to capture from, on which the kernel says nothing
/// by itself.
pub fn veth() {
    sh(
        "for c in all default; do echo 1 > /proc/sys/net/ipv6/conf/$c/disable_ipv6; done
        ip link add wire type veth peer name tap
        ip link set wire up; ip link set tap up; ip link set lo up",
    );
    wait("the interfaces", || {
        std::fs::read_to_string("/sys/class/net/tap/operstate").is_ok_and(|s| s.trim() == "up")
    });
}

/// Waits until something holds.
#[track_caller]
pub fn wait(what: &str, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "{what} did not come");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Rules from their text.
pub fn rules(text: &str) -> Rules {
    let mut set = RuleSet::default();
    let context = Context {
        protocols: decode::app::PROTOCOLS.iter().map(|p| p.protocol).collect(),
        ..Context::default()
    };
    set.add(parse_file("test.rules", text.as_bytes(), &context));
    let (ruleset, refused) =
        Ruleset::build(set.into_loaded().collect(), Options::default()).expect("rules are right");
    assert_eq!(refused, []);
    Rules {
        loaded: RulesLoaded {
            loaded: ruleset.len() as u64,
            ..RulesLoaded::default()
        },
        ruleset: Arc::new(ruleset),
        app: None,
    }
}

/// One record, and the worker that wrote it.
#[derive(Clone, Debug)]
pub struct Told {
    pub worker: usize,
    pub kind: &'static str,
    pub line: Value,
}

/// A sensor, and what it tells.
pub struct Lab {
    service: Option<Service>,
    pub handle: Handle,
    told: Arc<Mutex<Vec<Told>>>,
}

/// Rings small enough for many tests at once.
pub fn config(interface: Interface, workers: usize) -> Config {
    Config {
        interfaces: vec![interface],
        workers,
        ring: Ring {
            size_mib: 8,
            block_kib: 256,
            ..Ring::default()
        },
        ..Config::default()
    }
}

impl Lab {
    /// A sensor on `tap`, with so many workers.
    pub fn on_tap(workers: usize, text: &str) -> Self {
        Self::start(
            &config(Interface::named("tap"), workers),
            text,
            Duration::ZERO,
        )
    }

    /// A sensor whose sinks take so long for each record; capturing when this returns.
    pub fn start(config: &Config, text: &str, delay: Duration) -> Self {
        let lab = Self::begin(config, text, delay);
        lab.wait_for_capture();
        lab
    }

    /// The same, without waiting.
    pub fn begin(config: &Config, text: &str, delay: Duration) -> Self {
        let told: Arc<Mutex<Vec<Told>>> = Arc::default();
        let eve = EveConfig {
            alert: Some(AlertConfig::default()),
            flow: true,
            stats: Some(StatsConfig {
                totals: true,
                threads: false,
                deltas: false,
                null_values: true,
            }),
            ..EveConfig::default()
        };
        let mut sinks = |place: Place<'_>| {
            let worker = match place {
                Place::Worker { number, .. } => number,
                Place::Stats => usize::MAX,
            };
            let told = told.clone();
            Ok(Box::new(FnSink::new(move |_, kind, line: &[u8]| {
                if !delay.is_zero() {
                    std::thread::sleep(delay);
                }
                let line = serde_json::from_slice(line).expect("a record is JSON");
                told.lock()
                    .expect("no test panics here")
                    .push(Told { worker, kind, line });
                true
            })) as Box<dyn sensor::Sink>)
        };
        let service = Service::start(
            config,
            Setup {
                packets_dir: None,
                engine: engine::config::Config::default(),
                detection: engine::detect::Settings::default(),
                eves: vec![eve],
                writes_fast: false,
                rules: rules(text),
                clock: now,
                sinks: &mut sinks,
            },
        )
        .expect("the sensor starts");
        Lab {
            handle: service.handle(),
            service: Some(service),
            told,
        }
    }

    pub fn wait_for_capture(&self) {
        wait("capturing", || {
            self.handle
                .snapshot()
                .workers
                .iter()
                .all(|w| w.is_capturing)
        });
    }

    /// Records of a kind so far.
    pub fn told(&self, kind: &str) -> Vec<Told> {
        let told = self.told.lock().expect("no sink panics");
        told.iter().filter(|t| t.kind == kind).cloned().collect()
    }

    /// Signature ids of the alerts so far, in order.
    pub fn alerts(&self) -> Vec<u64> {
        let alerts = self.told("alert").into_iter();
        alerts
            .filter_map(|t| t.line["alert"]["signature_id"].as_u64())
            .collect()
    }

    /// Waits until so many packets came.
    #[track_caller]
    pub fn wait_for_packets(&self, packets: u64) {
        wait("packets", || {
            let total = self.handle.snapshot().total();
            total.inspected + total.filtered >= packets
        });
    }

    /// Stops the sensor.
    pub fn stop(&mut self) -> Snapshot {
        let service = self.service.take().expect("it is stopped once");
        service.stop()
    }
}

/// Sends frames on an interface of the lab.
pub fn sender(interface: &str) -> Injector {
    Injector::open(interface).expect("the interface is there")
}

pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    Timestamp::from_nanos(since.map_or(0, |s| s.as_nanos() as i64))
}

/// What was counted adds up.
#[track_caller]
pub fn adds_up(snapshot: &Snapshot) {
    for worker in &snapshot.workers {
        let c = &worker.counts;
        assert_eq!(
            c.ring_packets,
            c.ring_drops + c.inspected + c.filtered + c.invalid + c.failed + c.left_behind,
            "{worker:?}"
        );
    }
}
