//! What is deployed beside Ratel: alert rules have their pages, Prometheus takes rules and dashboards, and
//! scrapes a running Ratel. Skipped in part where Prometheus is not installed.

use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
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

/// What an attack says.
const ATTACK: &str = "ratel-deploy-test";

/// One datagram to this host that a rule is about.
fn attack() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let own = socket.local_addr().unwrap();
    socket.send_to(ATTACK.as_bytes(), own).unwrap();
}

/// A port of loopback that nobody has at this moment.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// Ratel on loopback, with a rule for what [`attack`] sends and a receiver that is away.
fn start_ratel(folder: &Path, port: u16) -> Running {
    let at = folder.display();
    let configuration = folder.join("ratel.yaml");
    let rule = format!(
        "alert udp any any -> any any (msg:\"deployed\"; content:\"{ATTACK}\"; priority:1; sid:1;)\n"
    );
    fs::write(folder.join("one.rules"), rule).unwrap();
    let text = format!(
        "data_dir: {at}/data\nsensor: {{interfaces: [lo], workers: 1}}\n\
         rules: {{files: [{at}/one.rules]}}\nrespond: {{playbooks: []}}\n\
         alert: {{receivers: [{{name: away, webhook: {{url: 'http://127.0.0.1:{}/'}}}}]}}\n\
         console: {{socket: {at}/ratel.sock, monitor: '127.0.0.1:{port}', web: {{listen: '127.0.0.1:{}'}}}}\n",
        free_port(),
        free_port()
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
    serde_json::from_str(&get(port, &format!("/api/v1/query?query={encoded}"))?).ok()
}

/// The body of an answer.
fn get(port: u16, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    let request = format!("GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (_, body) = answer.split_once("\r\n\r\n")?;
    Some(body.to_owned())
}

/// Names of metrics in a text.
fn names(text: &str) -> BTreeSet<String> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.split(|c| !is_name(c))
        .filter(|word| word.starts_with("ratel_"))
        .map(str::to_owned)
        .collect()
}

/// What panels of a board ask.
fn expressions(board: &Value) -> Vec<String> {
    let panels = board["panels"].as_array().into_iter().flatten();
    let targets = panels.flat_map(|panel| panel["targets"].as_array().into_iter().flatten());
    targets
        .map(|target| target["expr"].as_str().unwrap().to_owned())
        .collect()
}

fn boards() -> Vec<(PathBuf, Value)> {
    let files = fs::read_dir(root().join("deploy/grafana")).unwrap();
    let board = |file: std::io::Result<fs::DirEntry>| {
        let file = file.unwrap().path();
        let text = fs::read_to_string(&file).unwrap();
        (file, serde_json::from_str(&text).unwrap())
    };
    files.map(board).collect()
}

/// Names of metrics that rules and boards ask for.
fn asked_for() -> BTreeSet<String> {
    let rules: Value = serde_yaml_ng::from_str(&read("deploy/prometheus/ratel.rules.yml")).unwrap();
    let groups = rules["groups"].as_array().into_iter().flatten();
    let rules = groups.flat_map(|group| group["rules"].as_array().into_iter().flatten());
    let mut asked: BTreeSet<String> = rules
        .flat_map(|rule| names(rule["expr"].as_str().unwrap()))
        .collect();
    for (_, board) in boards() {
        asked.extend(expressions(&board).iter().flat_map(|one| names(one)));
    }
    asked
}

/// The sources below a folder, one after the other.
fn sources(folder: &Path, all: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, all);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            all.push_str(&fs::read_to_string(&path).unwrap());
        }
    }
}

/// All sources of this program.
fn all_sources() -> String {
    let mut text = String::new();
    for entry in fs::read_dir(root().join("crates")).unwrap() {
        let folder = entry.unwrap().path().join("src");
        if folder.is_dir() {
            sources(&folder, &mut text);
        }
    }
    text
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
    let begun = Instant::now();
    while query(port, "ratel_notifications_total{result=\"failed\"} > 0").is_none_or(|answer| {
        answer["data"]["result"]
            .as_array()
            .is_none_or(Vec::is_empty)
    }) {
        attack();
        assert!(begun.elapsed() < PATIENCE, "the attack is not scraped");
        std::thread::sleep(Duration::from_millis(200));
    }
    let mut panels = 0;
    for (file, board) in boards() {
        for expression in expressions(&board) {
            let expression = expression.replace("$instance", ".*");
            let answer = query(port, &expression).unwrap();
            let file = file.display();
            assert_eq!(
                answer["status"], "success",
                "{file}: {expression}: {answer}"
            );
            panels += 1;
        }
    }
    assert!(panels > 70, "{panels}");
    let scraped = names(&get(ratel_port, "/metrics").unwrap());
    let asked = asked_for();
    assert!(asked.len() > 60, "{}", asked.len());
    let counted = names(&all_sources());
    let missing: Vec<String> = asked
        .into_iter()
        .filter(|name| !scraped.contains(name))
        .filter(|name| !is_of_faults(name) || !counted.contains(name))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// What is told once it happened: counters of what did not happen here, and what needs feeds or a firewall
/// that is changed.
fn is_of_faults(name: &str) -> bool {
    name.ends_with("_total")
        || name.starts_with("ratel_feed_")
        || name == "ratel_response_firewall_seconds"
}
