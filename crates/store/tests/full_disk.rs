//! A disk without room: the store says so, takes nothing, and goes on when there is room again; nothing is lost.
//!
//! The disk is a small tmpfs in a mount namespace of its own, made by starting this test again
//! under `unshare`; without root it is skipped.
#![allow(clippy::print_stdout)] // Tells its figures, or why it is skipped.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use bus::Bus;
use event::Topic;
use store::query::Query;
use store::search::Request;
use store::service::Health;
use store::{Config, Store};

const INSIDE: &str = "RATEL_STORE_FULL_DISK_DIR";
/// Bytes of the disk: twice what the store leaves free at least.
const DISK: usize = 160 << 20;
/// Longer than any of these steps takes on any machine.
const SOON: Duration = Duration::from_secs(60);

fn wait(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + SOON;
    while !holds() {
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Takes all room there is.
fn fill(path: &Path) {
    let mut file = File::create(path).unwrap();
    let mut len = 1 << 20;
    while len > 0 {
        if file.write_all(&vec![7; len]).is_err() {
            len /= 2;
        }
    }
}

fn inside(dir: &Path) {
    let bus_dir = tempfile::tempdir().unwrap();
    let bus = Bus::open(&bus::Config {
        dir: bus_dir.path().to_owned(),
        ..bus::Config::default()
    })
    .unwrap();
    let config = Config {
        dir: dir.join("store"),
        commit_ms: 20,
        ..Config::default()
    };
    let store = Store::open(&config).unwrap();
    let health = Health::default();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let (tell, told) = tokio::sync::watch::channel(false);
    let role = store::service::run(store.clone(), bus.clone(), config, health.clone(), told);
    let role = runtime.spawn(role);
    let publisher = bus.publisher(Topic::Events);
    let publish = |from: u64, to: u64| {
        for number in from..to {
            let record = format!("{{\"event_type\":\"alert\",\"n\":{number}}}");
            publisher.publish(b"", record.as_bytes()).unwrap();
        }
    };
    let count = || store.count(&Query::All, None, None).unwrap();
    publish(0, 100);
    wait("the first are found", || count() == 100);

    let ballast = dir.join("ballast");
    fill(&ballast);
    publish(100, 300);
    wait("it says what is wrong", || health.trouble().is_some());
    assert!(count() <= 300);
    std::fs::remove_file(&ballast).unwrap();
    wait("all are found", || count() == 300);
    wait("all is well", || health.trouble().is_none());

    let mut request = Request::of(Query::All);
    request.limit = 1000;
    let mut found: Vec<String> = store
        .search(&request)
        .unwrap()
        .hits
        .into_iter()
        .map(|hit| hit.event)
        .collect();
    found.sort_unstable();
    found.dedup();
    assert_eq!(found.len(), 300);
    tell.send(true).unwrap();
    runtime.block_on(role).unwrap().unwrap();
    println!("full disk: 300 found, each once");
}

#[test]
fn a_full_disk_loses_nothing_and_is_recovered_from() {
    if let Some(dir) = std::env::var_os(INSIDE) {
        return inside(&PathBuf::from(dir));
    }
    let dir = tempfile::tempdir().unwrap();
    let this = std::env::current_exe().unwrap();
    let script = format!(
        "mount -t tmpfs -o size={DISK} store-full-disk '{0}' && exec '{1}' --exact a_full_disk_loses_nothing_and_is_recovered_from --nocapture",
        dir.path().display(),
        this.display(),
    );
    let may = Command::new("unshare").args(["--mount", "true"]).output();
    if !may.is_ok_and(|output| output.status.success()) {
        println!(
            "skipped: a_full_disk_loses_nothing_and_is_recovered_from needs root and `unshare`"
        );
        return;
    }
    let output = Command::new("unshare")
        .args(["--mount", "sh", "-c", &script])
        .env(INSIDE, dir.path())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    print!("{}", String::from_utf8_lossy(&output.stdout));
}
