//! How many writes a thousand incidents that go on cost on SQLite: rounds as the role makes them, five a second.
//!
//! `cargo bench -p alert --bench state`
#![allow(clippy::print_stdout)] // It prints what it measured.

use std::sync::Arc;
use std::time::{Duration, Instant};

use alert::book::{self, Position};
use alert::engine::{Engine, Policy};
use alert::finding::Finding;
use alert::finding::side::Homes;
use event::Timestamp;
use serde_json::json;
use state::State;

/// Incidents that go on.
const INCIDENTS: usize = 1000;
/// Rounds of each measurement: half a minute of the role's.
const ROUNDS: u32 = 150;
/// Between two rounds of the role.
const ROUND: Duration = Duration::from_millis(200);

fn finding(incident: usize, n: usize, now: Timestamp) -> Finding {
    let (a, b) = (incident / 250, incident % 250);
    let record = json!({
        "timestamp": now.to_string(), "event_type": "alert", "host": "sensor-1",
        "src_ip": format!("198.51.{a}.{b}"), "dest_ip": format!("10.1.{a}.{b}"), "dest_port": 22,
        "alert": {"gid": 1, "signature_id": 1000 + n % 20, "signature": format!("rule {}", n % 20),
                  "severity": 2, "category": "Attempted Administrator Privilege Gain"},
    });
    Finding::of(&record, &format!("e{incident}-{n}"), now, &Homes::default()).expect("an alert")
}

fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let path = folder.path().join("state.db");
    let config = state::Config::sqlite(&path);
    let state = runtime.block_on(State::open(&config));
    let state = state.expect("a database");
    let position = Position::default();
    let mut engine = Engine::new(Policy::default(), Arc::default());
    let mut now = Timestamp::new(1_000_000, 0);
    let mut events = 0;
    println!("{INCIDENTS} incidents on SQLite, {ROUNDS} rounds of {ROUND:?} each");
    println!(
        "share that gets an event in a round | time of a round: mean, slowest | of the time there is | incidents kept a second"
    );
    for share in [1.0, 0.2, 0.02] {
        let mut times = Vec::new();
        let mut kept = 0;
        let each = (INCIDENTS as f64 * share) as usize;
        // The first rounds open them: not measured.
        for round in 0..ROUNDS + 10 {
            now = now + ROUND;
            for n in 0..each {
                let incident = (round as usize * each + n) % INCIDENTS;
                engine.on_finding(&finding(incident, events, now), None, now);
                events += 1;
            }
            let changes = engine.tick(now).len();
            let began = Instant::now();
            let saving = book::save(&state, &mut engine, &position, now);
            runtime.block_on(saving).expect("it is kept");
            if round >= 10 {
                times.push(began.elapsed());
                kept += each.max(changes);
            }
        }
        let total: Duration = times.iter().sum();
        let mean = total / ROUNDS;
        let slowest = times.iter().max().copied().unwrap_or_default();
        println!(
            "{:>4.0} % | {:.1} ms, {:.1} ms | {:.0} % | {:.0}",
            share * 100.0,
            mean.as_secs_f64() * 1e3,
            slowest.as_secs_f64() * 1e3,
            100.0 * mean.as_secs_f64() / ROUND.as_secs_f64(),
            kept as f64 / total.as_secs_f64(),
        );
    }
    let size =
        |name: &str| std::fs::metadata(folder.path().join(name)).map_or(0, |file| file.len());
    let bytes = size("state.db") + size("state.db-wal");
    println!("{} KiB on disk", bytes / 1024);
}
