//! A host with `ratel up`, attackers at the other end of a cable, and rules for what they send.

use std::fs::{self, File};
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::namespaces::{Namespaces, run};
use crate::site::wait;

/// Ours, on the cable.
const HOST: &str = "203.0.113.254";
/// Where names resolve: a server of the test, in the namespace of the host.
const RESOLVER: &str = "nameserver 127.0.0.1\noptions timeout:1 attempts:2\n";
/// The port that is attacked.
const PORT: u16 = 4444;
/// Rules of each attack.
pub const STEPS: usize = 7;
/// Datagrams at once: what a ring of any size takes.
const BURST: usize = 15;

/// A cable between two hosts. Gone when dropped.
pub struct Cable {
    namespaces: Namespaces,
    resolver: PathBuf,
    /// Not in `/tmp`, where Ratel may write anyway.
    pub folder: tempfile::TempDir,
}

impl Cable {
    /// A cable, or None and a line where it cannot be made.
    pub fn new(attackers: usize) -> Option<Cable> {
        let namespaces = Namespaces::new("ratel-storm", &['h', 'a'], &["ip", "nft"])?;
        let name = namespaces.name.clone();
        let mut commands = vec![
            format!("ip netns add {name}-a"),
            format!("ip -n {name}-h link add eth0 type veth peer name eth0 netns {name}-a"),
            format!("ip -n {name}-h link set lo up"),
            format!("ip -n {name}-h addr add {HOST}/24 dev eth0"),
        ];
        let addresses = (0..attackers).map(|n| format!("{}/24", attacker(n)));
        commands.extend(addresses.map(|of| format!("ip -n {name}-a addr add {of} dev eth0")));
        commands.extend([
            format!("ip -n {name}-h link set eth0 up"),
            format!("ip -n {name}-a link set eth0 up"),
            format!("ip -n {name}-a route add 10.0.0.0/8 via {HOST}"),
        ]);
        for command in commands {
            assert!(run(&command), "{command}");
        }
        let resolver = Path::new("/etc/netns").join(format!("{name}-h"));
        fs::create_dir_all(&resolver).unwrap();
        fs::write(resolver.join("resolv.conf"), RESOLVER).unwrap();
        Some(Cable {
            namespaces,
            resolver,
            folder: tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap(),
        })
    }

    /// Runs on our host, whose threads and processes stay there.
    pub fn host<T: Send>(&self, body: impl FnOnce() -> T + Send) -> T {
        self.namespaces.inside('h', body)
    }

    /// Runs at the other end.
    pub fn attackers<T: Send>(&self, body: impl FnOnce() -> T + Send) -> T {
        self.namespaces.inside('a', body)
    }

    /// Ratel's configuration with these settings of `alert`, and rules for so many attacks.
    pub fn configure(&self, attacks: usize, alert: &str) {
        let at = self.folder.path();
        let rule = |attack: usize, step: usize| {
            let (sid, text) = (1000 * (attack + 1) + step, payload(attack, step));
            format!(
                "alert udp any any -> any {PORT} (msg:\"{text}\"; content:\"{text}\"; priority:1; sid:{sid};)\n"
            )
        };
        let rules: String = (0..attacks)
            .flat_map(|attack| (0..STEPS).map(move |step| rule(attack, step)))
            .collect();
        fs::write(at.join("storm.rules"), rules).unwrap();
        let folder = at.display();
        let text = format!(
            "data_dir: {folder}/data\nsensor: {{interfaces: [eth0], workers: 1}}\n\
             rules: {{files: [{folder}/storm.rules]}}\nrespond: {{playbooks: []}}\n\
             console: {{socket: {folder}/ratel.sock, monitor: null}}\nalert:\n{alert}"
        );
        fs::write(at.join("ratel.yaml"), text).unwrap();
    }

    /// Starts Ratel on the host; it has these variables in its environment.
    pub fn ratel(&self, environment: &[(&str, String)]) -> Ratel {
        let at = self.folder.path();
        let log = File::options()
            .create(true)
            .append(true)
            .open(at.join("log"));
        let child = Command::new("ip")
            .args(["netns", "exec", &format!("{}-h", self.namespaces.name)])
            .args([env!("CARGO_BIN_EXE_ratel"), "up", "-c"])
            .arg(at.join("ratel.yaml"))
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .env("RUST_LOG", "info")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log.unwrap())
            .spawn()
            .unwrap();
        Ratel {
            child,
            folder: at.to_owned(),
        }
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.resolver);
    }
}

/// The address of an attacker.
pub fn attacker(n: usize) -> String {
    format!("203.0.113.{}", n + 1)
}

fn payload(attack: usize, step: usize) -> String {
    format!("attack {attack} step {step}!")
}

/// Sends so many datagrams of an attack, a burst at a time and this long between two; called at the
/// attackers' end.
pub struct Attack {
    number: usize,
    sent: usize,
    socket: UdpSocket,
}

impl Attack {
    pub fn new(number: usize) -> Attack {
        let socket = UdpSocket::bind((attacker(number).as_str(), 0)).unwrap();
        Attack {
            number,
            sent: 0,
            socket,
        }
    }

    /// One datagram: another step, another victim.
    pub fn send(&mut self) {
        let victim = format!("10.0.{}.{}", self.number, 1 + self.sent % 5);
        let text = payload(self.number, self.sent % STEPS);
        self.socket
            .send_to(text.as_bytes(), (victim.as_str(), PORT))
            .unwrap();
        self.sent += 1;
        if self.sent.is_multiple_of(BURST) {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// A running `ratel up`; killed when dropped.
pub struct Ratel {
    child: Child,
    folder: PathBuf,
}

impl Ratel {
    /// Waits until all roles work and packets are seen.
    pub fn is_ready(&self) {
        wait(60, "ratel is ready", || {
            let status = self.ask(&["status"]);
            status.contains(": ready") && status.contains("sensor   running")
        });
    }

    /// What a verb of the command line answers.
    pub fn ask(&self, verb: &[&str]) -> String {
        let done = Command::new(env!("CARGO_BIN_EXE_ratel"))
            .args(verb)
            .arg("--socket")
            .arg(self.folder.join("ratel.sock"))
            .output()
            .unwrap();
        String::from_utf8_lossy(&done.stdout).into_owned()
    }

    /// The incidents, as the API tells of them.
    pub fn incidents(&self) -> Vec<Value> {
        let verb = ["incidents", "list", "--limit", "1000", "-o", "json"];
        let status = ["--status", "open,acknowledged,closed"];
        let answer: Value =
            serde_json::from_str(&self.ask(&[&verb[..], &status].concat())).unwrap_or_default();
        let items = answer["items"].as_array().cloned().unwrap_or_default();
        items
            .into_iter()
            .map(|one| one["incident"].clone())
            .collect()
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// It is gone, without a word.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// It is told to stop, and does.
    pub fn stop(mut self) {
        let pid = i32::try_from(self.child.id()).unwrap();
        let pid = rustix::process::Pid::from_raw(pid).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        let begun = Instant::now();
        while self.child.try_wait().unwrap().is_none() {
            assert!(begun.elapsed() < Duration::from_secs(30), "{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Ratel {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The events of all incidents.
pub fn events(incidents: &[Value]) -> u64 {
    incidents
        .iter()
        .filter_map(|one| one["events"].as_u64())
        .sum()
}
