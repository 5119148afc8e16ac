//! `ratel harden` as people call it, in a network namespace of its own.
#![allow(clippy::print_stderr)] // Tells why it is skipped.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(30);

struct Host {
    name: String,
    folder: tempfile::TempDir,
}

impl Host {
    fn new(name: &str) -> Option<Self> {
        let name = format!("ratel-harden-{name}-{}", std::process::id());
        let made = Command::new("ip").args(["netns", "add", &name]).output();
        if !made.is_ok_and(|made| made.status.success()) {
            eprintln!("skipped: network namespaces need root and `ip`");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let host = Host { name, folder };
        if host.run("nft", &["list", "ruleset"]).is_none() {
            eprintln!("skipped: nft is not installed");
            return None;
        }
        host.write("{}");
        Some(host)
    }

    fn config(&self) -> PathBuf {
        self.folder.path().join("ratel.yaml")
    }

    fn write(&self, harden: &str) {
        let data = self.folder.path().display();
        let text = format!("data_dir: {data}\nharden: {harden}\n");
        std::fs::write(self.config(), text).unwrap();
    }

    fn output(&self, program: &str, arguments: &[&str]) -> Output {
        Command::new("ip")
            .args(["netns", "exec", &self.name, program])
            .args(arguments)
            .env_remove("SSH_CONNECTION")
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Option<String> {
        let output = self.output(program, arguments);
        let text = String::from_utf8(output.stdout).unwrap();
        output.status.success().then_some(text)
    }

    fn ruleset(&self) -> String {
        self.run("nft", &["list", "ruleset"]).unwrap()
    }

    /// Exit status, what it printed, what it complained about.
    fn ratel(&self, words: &str) -> (i32, String, String) {
        let config = self.config();
        let mut arguments: Vec<&str> = vec!["harden"];
        arguments.extend(words.split(' '));
        arguments.extend(["--config", config.to_str().unwrap()]);
        let output = self.output(env!("CARGO_BIN_EXE_ratel"), &arguments);
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let status = output.status.code().unwrap();
        (status, text(output.stdout), text(output.stderr))
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = Command::new("ip")
            .args(["netns", "del", &self.name])
            .output();
    }
}

#[test]
fn what_nobody_confirms_is_taken_back_by_itself() {
    let Some(host) = Host::new("back") else {
        return;
    };
    assert_eq!(host.ratel("check").0, 1);
    let (status, told, complaint) = host.ratel("apply --for 2s");
    assert_eq!(status, 0, "{complaint}");
    assert!(told.contains("ends in 2s unless"), "{told}");
    assert!(host.ruleset().contains("table inet ratel_harden"));
    let deadline = Instant::now() + PATIENCE;
    while !host.ruleset().is_empty() {
        assert!(Instant::now() < deadline, "{}", host.ruleset());
        std::thread::sleep(Duration::from_millis(50));
    }
    // The table goes before the record does.
    while host.ratel("check -o json").1.contains("waiting") {
        assert!(Instant::now() < deadline);
    }
    assert_eq!(host.ratel("confirm").0, 1);
}

#[test]
fn what_is_confirmed_is_kept_checked_and_undone() {
    let Some(host) = Host::new("kept") else {
        return;
    };
    let shown = host.ratel("show").1;
    assert!(shown.contains("table inet ratel_harden {"), "{shown}");
    assert_eq!(host.ruleset(), "");
    assert_eq!(host.ratel("apply --for 1h").0, 0);
    assert_eq!(host.ratel("check").0, 0);
    assert_eq!(host.ratel("confirm").1, "kept\n");
    assert!(!host.ruleset().contains("armed"));
    let (status, told, _) = host.ratel("check -o json");
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!((status, &told["state"]), (0, &"kept".into()));
    host.run("nft", &["flush", "chain", "inet", "ratel_harden", "in"]);
    let (status, told, _) = host.ratel("check");
    assert_eq!(status, 1);
    assert!(
        told.contains("does not hold") && told.contains("missing: chain in"),
        "{told}"
    );
    assert_eq!(host.ratel("apply --yes").0, 0);
    assert_eq!(host.ratel("check").0, 0);
    assert_eq!(host.ratel("undo").1, "undone\n");
    assert_eq!(host.ruleset(), "");
    assert_eq!(host.ratel("undo").1, "nothing was applied\n");
}

#[test]
fn what_cannot_be_is_told_in_one_line() {
    let Some(host) = Host::new("wrong") else {
        return;
    };
    let check = |harden: &str, words: &str, status: i32, expected: &str| {
        host.write(harden);
        let (found, _, told) = host.ratel(words);
        assert_eq!(found, status, "{told}");
        assert!(told.contains(expected), "{told}");
        assert_eq!(told.lines().count(), 1, "{told}");
        assert_eq!(host.ruleset(), "");
    };
    check("{tabel: x}", "show", 1, "unknown field `tabel`");
    check("{table: 'a b'}", "apply", 1, "harden.table");
    check(
        "{metadata: {addresses: [127.0.0.1]}}",
        "apply --yes",
        1,
        "loopback",
    );
    check("{}", "apply --for 5", 2, "no span of time");
    check("{}", "apply --yes --for 5m", 2, "cannot be used with");
}
