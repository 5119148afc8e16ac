//! A PostgreSQL for the tests: one that `RATEL_TEST_POSTGRES` names, or one that is started here from the system's
//! programs as an unprivileged user, on a socket in a folder of its own.

use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a server may take to be there.
const PATIENCE: Duration = Duration::from_secs(60);
/// The user `nobody`, who owns a server that root starts.
const NOBODY: u32 = 65_534;

/// A server; it ends when this is dropped.
pub struct Server {
    url: String,
    running: Option<(Child, tempfile::TempDir)>,
}

impl Server {
    /// None, with a line that says why, where there can't be one.
    pub fn start() -> Option<Self> {
        if let Ok(url) = std::env::var("RATEL_TEST_POSTGRES") {
            return Some(Server { url, running: None });
        }
        let Some(programs) = programs() else {
            eprintln!(
                "skipped: no PostgreSQL in /usr/lib/postgresql, and RATEL_TEST_POSTGRES names none"
            );
            return None;
        };
        let folder = tempfile::Builder::new()
            .prefix("ratel-state-")
            .tempdir()
            .expect("a folder");
        let is_root = std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
        if is_root {
            chown(folder.path(), Some(NOBODY), Some(NOBODY)).expect("the folder is given away");
        }
        let command = |program: &str| {
            let path = programs.join(program);
            let mut command = if is_root {
                let mut command = Command::new("setpriv");
                command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]);
                command.arg(path);
                command
            } else {
                Command::new(path)
            };
            command.current_dir(folder.path());
            command.stdin(Stdio::null());
            command
        };
        let data = folder.path().join("data");
        let made = command("initdb")
            .args([
                "-A",
                "trust",
                "-U",
                "ratel",
                "-E",
                "UTF8",
                "--no-sync",
                "-D",
            ])
            .arg(&data)
            .output();
        match made {
            Ok(output) if output.status.success() => {}
            Ok(output) => panic!("initdb: {}", String::from_utf8_lossy(&output.stderr)),
            Err(error) => {
                eprintln!("skipped: PostgreSQL cannot be started: {error}");
                return None;
            }
        }
        let child = command("postgres")
            .arg("-D")
            .arg(&data)
            .arg("-k")
            .arg(folder.path())
            .args(["-c", "listen_addresses=", "-c", "fsync=off"])
            .stderr(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("postgres starts");
        let url = format!(
            "postgres://ratel@localhost/postgres?host={}",
            folder.path().display()
        );
        let server = Server {
            url,
            running: Some((child, folder)),
        };
        let since = Instant::now();
        while !server.psql("SELECT 1") {
            assert!(since.elapsed() < PATIENCE, "postgres does not answer");
            std::thread::sleep(Duration::from_millis(100));
        }
        Some(server)
    }

    /// The address of a fresh database of this name.
    pub fn database(&self, name: &str) -> String {
        // PostgreSQL takes names of up to 63 bytes.
        let name: String = name.chars().take(60).collect();
        self.psql(&format!("DROP DATABASE IF EXISTS {name}"));
        assert!(self.psql(&format!("CREATE DATABASE {name}")), "{name}");
        let (place, options) = self.url.split_once('?').unwrap_or((&self.url, ""));
        let place = place.rsplit_once('/').map_or(place, |(place, _)| place);
        format!("{place}/{name}?{options}")
    }

    fn psql(&self, statement: &str) -> bool {
        let done = Command::new("psql")
            .args(["-q", "-d", &self.url, "-c", statement])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        done.is_ok_and(|status| status.success())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some((child, _folder)) = &mut self.running {
            // Fast shutdown (postgres(1)); the folder goes after it.
            let pid = child.id().to_string();
            let _ = Command::new("kill").args(["-INT", &pid]).status();
            let _ = child.wait();
        }
    }
}

fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let found = versions
        .flatten()
        .map(|version| version.path().join("bin"))
        .filter(|bin| bin.join("initdb").exists() && bin.join("postgres").exists());
    found.max()
}
