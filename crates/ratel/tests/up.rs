//! `ratel up` where something is missing: it says what in one line, and does what it still can.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long anything is waited for: a loaded machine is slow, a broken one forever.
const PATIENCE: Duration = Duration::from_secs(30);

/// A Ratel with a folder of its own, watching loopback; killed when dropped.
struct Ratel {
    child: Child,
    folder: PathBuf,
}

impl Ratel {
    fn start(folder: &Path, extra: &str, environment: &[(&str, &str)]) -> Self {
        let command = Command::new(env!("CARGO_BIN_EXE_ratel"));
        Ratel::start_as(command, folder, extra, environment)
    }

    fn start_as(
        mut command: Command,
        folder: &Path,
        extra: &str,
        environment: &[(&str, &str)],
    ) -> Self {
        let log = File::create(folder.join("log")).expect("a log");
        command
            .arg("up")
            .arg("-c")
            .arg(configuration(folder, extra))
            .env("RUST_LOG", "info")
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        Ratel {
            child: command.spawn().expect("ratel starts"),
            folder: folder.to_owned(),
        }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// Waits until `ratel status` says it.
    fn says(&self, text: &str) {
        let begun = Instant::now();
        let mut last = String::new();
        while begun.elapsed() < PATIENCE {
            let done = Command::new(env!("CARGO_BIN_EXE_ratel"))
                .args(["status", "--socket"])
                .arg(self.folder.join("ratel.sock"))
                .output()
                .expect("ratel status starts");
            last = String::from_utf8_lossy(&done.stdout).into_owned();
            if last.contains(text) {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("{text:?} is not said:\n{last}\n{}", self.log());
    }

    /// Waits for its end; whether it ended well.
    fn ends(&mut self) -> bool {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait().expect("it can be waited for") {
                return status.success();
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("it does not end:\n{}", self.log());
    }

    fn terminate(&self) {
        let pid = i32::try_from(self.child.id()).expect("a process id");
        let pid = rustix::process::Pid::from_raw(pid).expect("a process id");
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("it is there");
    }
}

impl Drop for Ratel {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn configuration(folder: &Path, extra: &str) -> PathBuf {
    let path = folder.join("ratel.yaml");
    let at = folder.display();
    let text = format!(
        "data_dir: {at}/data\nsensor: {{interfaces: [lo], workers: 1}}\nrules: {{files: []}}\n\
         respond: {{playbooks: []}}\nconsole: {{socket: {at}/ratel.sock, monitor: null}}\n{extra}"
    );
    fs::write(&path, text).expect("the configuration");
    path
}

/// A folder, where this process may capture.
fn folder() -> Option<TempDir> {
    if rustix::process::geteuid().is_root() {
        return Some(tempfile::tempdir().expect("a folder"));
    }
    eprintln!("skipped: capturing needs root");
    None
}

#[test]
fn it_runs_and_stops_when_told() {
    let Some(folder) = folder() else { return };
    let mut ratel = Ratel::start(folder.path(), "", &[]);
    ratel.says(": ready");
    ratel.terminate();
    assert!(ratel.ends(), "{}", ratel.log());
    assert!(!folder.path().join("ratel.sock").exists());
}

#[test]
fn a_second_one_is_refused_and_the_first_goes_on() {
    let Some(folder) = folder() else { return };
    let first = Ratel::start(folder.path(), "", &[]);
    first.says(": ready");
    let second = Command::new(env!("CARGO_BIN_EXE_ratel"))
        .arg("up")
        .arg("-c")
        .arg(folder.path().join("ratel.yaml"))
        .output()
        .expect("ratel starts");
    let words = String::from_utf8_lossy(&second.stderr);
    assert_eq!(second.status.code(), Some(1), "{words}");
    assert_eq!(words.lines().count(), 1, "{words}");
    assert!(words.contains("another process"), "{words}");
    first.says(": ready");
}

#[test]
fn an_interface_that_is_not_there_is_named_and_waited_for() {
    let Some(folder) = folder() else { return };
    let environment = [("RATEL_SENSOR__INTERFACES", "[nosuch0]")];
    let ratel = Ratel::start(folder.path(), "", &environment);
    ratel.says("not capturing from nosuch0");
}

#[test]
fn without_a_firewall_it_still_watches() {
    let Some(folder) = folder() else { return };
    let mut command = Command::new("setpriv");
    command
        .args(["--bounding-set", "-net_admin", "--inh-caps", "-net_admin"])
        .arg(env!("CARGO_BIN_EXE_ratel"));
    let ratel = Ratel::start_as(command, folder.path(), "", &[]);
    ratel.says("no firewall can be used");
    ratel.says("sensor   running");
}

#[test]
fn a_wrong_configuration_is_told_with_its_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = configuration(folder.path(), "sensors: 1\n");
    let refused = Command::new(env!("CARGO_BIN_EXE_ratel"))
        .arg("up")
        .arg("-c")
        .arg(&path)
        .output()
        .expect("ratel starts");
    let words = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{words}");
    assert_eq!(words.lines().count(), 1, "{words}");
    assert!(
        words.contains("ratel.yaml:6:1: unknown field `sensors`"),
        "{words}"
    );
}
