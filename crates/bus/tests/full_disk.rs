//! A disk without room: publishers wait, are told so in one line, and go on when there is room again.
//!
//! The disk is a small tmpfs in a mount namespace of its own, made by starting this test again
//! under `unshare`; without root it is skipped.
#![allow(clippy::print_stdout)] // Tells its figures, or why it is skipped.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use bus::{Bus, Config, Error};
use event::Topic;

const INSIDE: &str = "RATEL_BUS_FULL_DISK_DIR";
/// Bytes of the disk.
const DISK: usize = 1 << 20;

fn config(dir: &Path) -> Config {
    Config {
        dir: dir.join("bus"),
        segment_bytes: 64 << 10,
        publish_wait_ms: 30,
        ..Config::default()
    }
}

/// Publishes until the disk refuses; how many were taken.
fn fill(bus: &Bus) -> (u64, Error) {
    let publisher = bus.publisher(Topic::Events);
    let mut taken = 0;
    loop {
        match publisher.publish(b"", &[b'x'; 1000]) {
            Ok(_) => taken += 1,
            Err(error) => return (taken, error),
        }
    }
}

fn check_refusal(error: &Error) {
    assert!(error.is_back_pressure(), "{error}");
    assert!(
        error
            .to_string()
            .contains("no space left for topic events in "),
        "{error}"
    );
    assert_eq!(error.to_string().lines().count(), 1);
}

fn inside(dir: &Path) {
    let ballast = dir.join("ballast");
    fs::write(&ballast, vec![0; DISK / 2]).unwrap();
    let bus = Bus::open(&config(dir)).unwrap();
    drop(bus.subscribe("known", &[Topic::Events]).unwrap());
    let (taken, error) = fill(&bus);
    check_refusal(&error);
    assert!(taken > 300, "{taken}");

    // Room appears from outside.
    fs::remove_file(&ballast).unwrap();
    let (more, error) = fill(&bus);
    check_refusal(&error);
    assert!(more > 300, "{more}");

    // Nothing that was acknowledged is missing, also after a new start on the full disk.
    drop(bus);
    let bus = Bus::open(&config(dir)).unwrap();
    let mut reader = bus.subscribe("known", &[Topic::Events]).unwrap();
    let mut seen = 0;
    while let Some(batch) = reader.next(Duration::ZERO).unwrap() {
        assert!(batch.gaps().is_empty());
        seen += batch.len() as u64;
        reader.commit(&batch).unwrap();
    }
    assert_eq!(seen, taken + more);

    // What every group has read makes room by itself.
    let publisher = bus.publisher(Topic::Events);
    for _ in 0..100 {
        while let Err(error) = publisher.publish(b"", &[b'y'; 1000]) {
            check_refusal(&error);
        }
    }
    println!("full disk: {seen} kept, then 100 more");
}

#[test]
fn a_full_disk_gives_back_pressure_and_recovers() {
    if let Some(dir) = std::env::var_os(INSIDE) {
        return inside(&PathBuf::from(dir));
    }
    let dir = tempfile::tempdir().unwrap();
    let this = std::env::current_exe().unwrap();
    let script = format!(
        "mount -t tmpfs -o size={DISK} bus-full-disk '{0}' && exec '{1}' --exact a_full_disk_gives_back_pressure_and_recovers --nocapture",
        dir.path().display(),
        this.display(),
    );
    let may = Command::new("unshare").args(["--mount", "true"]).output();
    if !may.is_ok_and(|output| output.status.success()) {
        println!("skipped: a_full_disk_gives_back_pressure_and_recovers needs root and `unshare`");
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
}
