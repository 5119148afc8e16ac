//! The Ratel that the demo runs inside its lab, and what it tells.

use super::lab::{Lab, OUTSIDE, Place};
use anyhow::{Context, Result, bail};
use console::api::actions::Listing;
use event::action::Action;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::fs::File;
use std::io::{BufRead as _, BufReader, Seek as _};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// How long Ratel may take to start: rules are compiled, topics opened.
const START: Duration = Duration::from_secs(30);
/// How long it may take to stop.
const STOP: Duration = Duration::from_secs(15);

/// `ratel up` in the lab.
pub struct Ratel {
    child: Child,
    socket: PathBuf,
    events: PathBuf,
    read: u64,
    alerts: Vec<Value>,
}

impl Ratel {
    /// Starts it and waits until it is ready.
    pub fn start(lab: &Lab, folder: &Path) -> Result<Self> {
        let write = |name: &str, text: &str| -> Result<PathBuf> {
            let path = folder.join(name);
            std::fs::write(&path, text)
                .with_context(|| format!("cannot write {}", path.display()))?;
            Ok(path)
        };
        let rules = write("demo.rules", include_str!("demo.rules"))?;
        let playbooks = write("playbooks.yaml", include_str!("playbooks.yaml"))?;
        let socket = folder.join("ratel.sock");
        let events = folder.join("eve.json");
        let site = json!({
            "data_dir": folder.join("data"),
            "events_file": events,
            "sensor": {"interfaces": [OUTSIDE], "workers": 1, "ring": {"hand_over_ms": 2}},
            "rules": {"files": [rules]},
            "bus": {"dir": folder.join("bus")},
            "respond": {"mode": "enforce", "playbooks": [playbooks]},
            "console": {"socket": socket},
        });
        // JSON is YAML.
        let config = write("ratel.yaml", &site.to_string())?;
        let log = File::create(folder.join("ratel.log")).context("cannot write the log")?;
        let program = std::env::current_exe().context("cannot find this program")?;
        let child = lab
            .command(Place::Host, &program)
            .arg("up")
            .arg("-c")
            .arg(&config)
            .env("RUST_LOG", "info")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .context("cannot start ratel up")?;
        let mut ratel = Ratel {
            child,
            socket,
            events,
            read: 0,
            alerts: Vec::new(),
        };
        ratel.wait_until_ready(folder)?;
        Ok(ratel)
    }

    fn wait_until_ready(&mut self, folder: &Path) -> Result<()> {
        let begun = Instant::now();
        while begun.elapsed() < START {
            if let Some(status) = self.child.try_wait()? {
                let log = std::fs::read_to_string(folder.join("ratel.log")).unwrap_or_default();
                let last = log.lines().last().unwrap_or_default();
                bail!("ratel up ended with {status}: {last}");
            }
            let asked = console::client::get::<Value>(&self.socket, "/v1/status");
            if asked.is_ok_and(|status| status["ready"] == true) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        bail!("ratel up was not ready within {START:?}");
    }

    /// The signature of the first alert of this sid about this address, once there is one.
    pub fn alert(&mut self, sid: u32, from: IpAddr) -> Option<String> {
        self.follow();
        self.alerts
            .iter()
            .filter(|record| record["alert"]["signature_id"] == sid)
            .find(|record| {
                let source = record["src_ip"].as_str();
                source.and_then(|text| text.parse().ok()) == Some(from)
            })
            .map(|record| {
                let text = record["alert"]["signature"].as_str();
                format!("[{sid}] {}", text.unwrap_or_default())
            })
    }

    /// Reads what was written since the last time. A line that is not whole yet is read next time.
    fn follow(&mut self) {
        let Ok(mut file) = File::open(&self.events) else {
            return;
        };
        if file.seek(std::io::SeekFrom::Start(self.read)).is_err() {
            return;
        }
        let mut reader = BufReader::new(file);
        let mut line = String::new();
        while let Ok(len) = reader.read_line(&mut line) {
            if !line.ends_with('\n') {
                return;
            }
            self.read += len as u64;
            if line.contains("\"event_type\":\"alert\"")
                && let Ok(record) = serde_json::from_str(&line)
            {
                self.alerts.push(record);
            }
            line.clear();
        }
    }

    /// All actions, newest first.
    pub fn actions(&self) -> Result<Vec<Action>> {
        let mut all = Vec::new();
        let mut path = "/v1/actions?limit=1000".to_owned();
        loop {
            let page: Listing = console::client::get(&self.socket, &path)?;
            all.extend(page.actions);
            match page.next {
                Some(next) => path = format!("/v1/actions?limit=1000&cursor={next}"),
                None => return Ok(all),
            }
        }
    }

    /// The newest action about an address.
    pub fn action(&self, from: IpAddr) -> Result<Option<Action>> {
        let actions = self.actions()?;
        Ok(super::find(&actions, from).cloned())
    }

    /// Undoes everything, as `ratel actions undo --all` does.
    pub fn undo_all(&self) -> Result<()> {
        let order = json!({"order": "undo_all"});
        let key = format!("demo-{}", std::process::id());
        let _: Value = console::client::post(&self.socket, "/v1/orders", &key, &order)?;
        Ok(())
    }

    /// Stops it as systemd would.
    pub fn stop(mut self) -> Result<()> {
        self.terminate();
        let begun = Instant::now();
        while begun.elapsed() < STOP {
            if let Some(status) = self.child.try_wait()? {
                if !status.success() {
                    bail!("ratel up ended with {status}");
                }
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        bail!("ratel up did not stop within {STOP:?}");
    }

    fn terminate(&self) {
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, Signal::TERM);
        }
    }
}

impl Drop for Ratel {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.terminate();
            std::thread::sleep(Duration::from_millis(500));
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
