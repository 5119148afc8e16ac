//! The real Alertmanager, where it is installed.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::site::wait;

const PROGRAM: &str = "/usr/bin/prometheus-alertmanager";

/// A running Alertmanager.
pub struct Alertmanager {
    child: Child,
    pub url: String,
    _folder: tempfile::TempDir,
}

impl Alertmanager {
    /// Starts one that is in no cluster; None, with a line that says so, where it is not installed.
    pub fn start(resolve_timeout: &str) -> Option<Alertmanager> {
        if !Path::new(PROGRAM).exists() {
            eprintln!("skipped: {PROGRAM} is not installed (Debian: prometheus-alertmanager)");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let config = format!(
            "global: {{resolve_timeout: {resolve_timeout}}}\nroute: {{receiver: none}}\nreceivers: [{{name: none}}]\n"
        );
        let file = folder.path().join("am.yml");
        std::fs::write(&file, config).unwrap();
        let address = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let child = Command::new(PROGRAM)
            .arg(format!("--config.file={}", file.display()))
            .arg(format!(
                "--storage.path={}",
                folder.path().join("data").display()
            ))
            .arg(format!("--web.listen-address={address}"))
            .arg("--cluster.listen-address=")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let one = Alertmanager {
            child,
            url: format!("http://{address}"),
            _folder: folder,
        };
        wait(20, "Alertmanager is up", || one.get("/-/ready").is_some());
        Some(one)
    }

    fn get(&self, path: &str) -> Option<Vec<u8>> {
        let mut answer = ureq::get(format!("{}{path}", self.url)).call().ok()?;
        answer.body_mut().read_to_vec().ok()
    }

    /// What it answers as JSON.
    pub fn json(&self, path: &str) -> Value {
        serde_json::from_slice(&self.get(path).unwrap_or_default()).unwrap_or_default()
    }

    /// Alerts that fire, by their label `incident`.
    pub fn firing(&self) -> Vec<(String, String)> {
        let alerts = self.json("/api/v2/alerts");
        let mut firing: Vec<(String, String)> = alerts
            .as_array()
            .into_iter()
            .flatten()
            .map(|one| {
                let label =
                    |name: &str| one["labels"][name].as_str().unwrap_or_default().to_owned();
                (label("incident"), label("severity"))
            })
            .collect();
        firing.sort();
        firing
    }
}

impl Drop for Alertmanager {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
