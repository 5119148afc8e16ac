//! What is deployed beside Ratel: alert rules have their pages, Prometheus takes rules and dashboards, and
//! scrapes a running Ratel. Skipped in part where Prometheus is not installed.

use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long anything is waited for: a loaded machine is slow, a broken one forever.
const PATIENCE: Duration = Duration::from_secs(60);

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn every_alert_has_a_page_and_every_page_an_alert() {
    let rules: Value = serde_yaml_ng::from_str(&read("deploy/prometheus/ratel.rules.yml")).unwrap();
    let groups = rules["groups"].as_array().unwrap();
    let alerts: BTreeSet<String> = groups
        .iter()
        .flat_map(|group| group["rules"].as_array().unwrap())
        .map(|rule| {
            let name = rule["alert"].as_str().unwrap();
            let page = rule["annotations"]["runbook"].as_str().unwrap();
            assert_eq!(page, format!("docs/runbooks/{name}.md"));
            let text = read(page);
            assert!(text.starts_with(&format!("# {name}\n")), "{page}");
            name.to_owned()
        })
        .collect();
    let pages: BTreeSet<String> = fs::read_dir(root().join("docs/runbooks"))
        .unwrap()
        .map(|page| {
            let page = page.unwrap().path();
            page.file_stem().unwrap().to_string_lossy().into_owned()
        })
        .collect();
    assert_eq!(alerts, pages);
}

/// Whether this program is there; says so where it is not.
fn has(program: &str) -> bool {
    let is_there = Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !is_there {
        eprintln!("skipped: {program} is not installed (Debian's package prometheus)");
    }
    is_there
}

#[test]
fn prometheus_takes_configuration_and_rules_and_their_trials_pass() {
    if !has("promtool") {
        return;
    }
    for arguments in [
        ["check", "config", "prometheus.yml"],
        ["check", "rules", "ratel.rules.yml"],
        ["test", "rules", "ratel.rules.test.yml"],
    ] {
        let done = Command::new("promtool")
            .args(arguments)
            .current_dir(root().join("deploy/prometheus"))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&done.stdout);
        let wrong = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{arguments:?}\n{said}{wrong}");
    }
}

/// A process that is killed when it is dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A port of loopback that nobody has at this moment.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

fn start_ratel(folder: &Path, port: u16) -> Running {
    let at = folder.display();
    let configuration = folder.join("ratel.yaml");
    let text = format!(
        "data_dir: {at}/data\nsensor: {{interfaces: [lo], workers: 1}}\nrules: {{files: []}}\n\
         respond: {{playbooks: []}}\n\
         console: {{socket: {at}/ratel.sock, monitor: '127.0.0.1:{port}'}}\n"
    );
    fs::write(&configuration, text).unwrap();
    let child = Command::new(env!("CARGO_BIN_EXE_ratel"))
        .arg("up")
        .arg("-c")
        .arg(configuration)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(fs::File::create(folder.join("log")).unwrap())
        .spawn();
    Running(child.unwrap())
}

/// Prometheus with the configuration of `deploy`, but for addresses and a quicker pace.
fn start_prometheus(folder: &Path, port: u16, ratel: u16) -> Running {
    let rules = root().join("deploy/prometheus/ratel.rules.yml");
    let text = read("deploy/prometheus/prometheus.yml")
        .replace("127.0.0.1:9479", &format!("127.0.0.1:{ratel}"))
        .replace("ratel.rules.yml", &rules.display().to_string())
        .replace("15s", "1s");
    let configuration = folder.join("prometheus.yml");
    fs::write(&configuration, text).unwrap();
    let child = Command::new("prometheus")
        .arg(format!("--config.file={}", configuration.display()))
        .arg(format!("--storage.tsdb.path={}/tsdb", folder.display()))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(fs::File::create(folder.join("prometheus.log")).unwrap())
        .spawn();
    Running(child.unwrap())
}

/// What Prometheus answers to a query; none where it does not answer.
fn query(port: u16, expression: &str) -> Option<Value> {
    let encoded: String = expression
        .bytes()
        .map(|byte| format!("%{byte:02X}"))
        .collect();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    let request = format!(
        "GET /api/v1/query?query={encoded} HTTP/1.0\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (_, body) = answer.split_once("\r\n\r\n")?;
    serde_json::from_str(body).ok()
}

#[test]
fn prometheus_scrapes_a_running_ratel_and_understands_every_panel() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: capturing needs root");
        return;
    }
    if !has("prometheus") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (ratel_port, port) = (free_port(), free_port());
    let _ratel = start_ratel(folder.path(), ratel_port);
    let _prometheus = start_prometheus(folder.path(), port, ratel_port);
    let begun = Instant::now();
    loop {
        let answer = query(port, "ratel_ready == 1");
        let found = answer
            .as_ref()
            .and_then(|answer| answer["data"]["result"].as_array());
        if found.is_some_and(|found| !found.is_empty()) {
            break;
        }
        assert!(
            begun.elapsed() < PATIENCE,
            "not scraped as ready: {answer:?}"
        );
        std::thread::sleep(Duration::from_millis(200));
    }
    let mut panels = 0;
    for file in fs::read_dir(root().join("deploy/grafana")).unwrap() {
        let file = file.unwrap().path();
        let board: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        for panel in board["panels"].as_array().unwrap() {
            for target in panel["targets"].as_array().into_iter().flatten() {
                let expression = target["expr"].as_str().unwrap();
                let expression = expression.replace("$instance", ".*");
                let answer = query(port, &expression).unwrap();
                assert_eq!(
                    answer["status"],
                    "success",
                    "{}: {expression}: {answer}",
                    file.display()
                );
                panels += 1;
            }
        }
    }
    assert!(panels > 30, "{panels}");
}
