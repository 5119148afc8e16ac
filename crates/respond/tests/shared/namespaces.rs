//! Network namespaces of a test: made, entered, removed. Each test binary includes this file.

use std::fs::File;
use std::os::fd::AsFd;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use event::Timestamp;
use respond::firewall::tool::Tool;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

static NEXT: AtomicU32 = AtomicU32::new(0);

/// Where `ip netns` keeps them.
const FOLDER: &str = "/var/run/netns";

/// Namespaces whose names begin alike; gone when dropped.
pub struct Namespaces {
    /// How their names begin.
    pub name: String,
    sides: &'static [char],
}

impl Namespaces {
    /// The first of `sides`, or None and a line where it cannot be made, or a tool is missing.
    pub fn new(prefix: &str, sides: &'static [char], tools: &[&str]) -> Option<Self> {
        for tool in tools {
            if !Tool::named(tool).exists() {
                eprintln!("skipped: {tool} is not installed");
                return None;
            }
        }
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{prefix}-{}-{number}", std::process::id());
        let is_root = rustix::process::geteuid().is_root();
        if !is_root || !run(&format!("ip netns add {name}-{}", sides[0])) {
            eprintln!("skipped: network namespaces need root");
            return None;
        }
        Some(Namespaces { name, sides })
    }

    /// Runs in one of them, in a thread of its own.
    pub fn inside<T: Send>(&self, side: char, body: impl FnOnce() -> T + Send) -> T {
        let path = format!("{FOLDER}/{}-{side}", self.name);
        thread::scope(|scope| {
            scope
                .spawn(|| {
                    let file = File::open(path).unwrap();
                    move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network))
                        .unwrap();
                    body()
                })
                .join()
                .unwrap()
        })
    }
}

impl Drop for Namespaces {
    fn drop(&mut self) {
        for side in self.sides {
            let name = format!("{}-{side}", self.name);
            // Some are only where a test has made them.
            if Path::new(FOLDER).join(&name).exists() {
                run(&format!("ip netns del {name}"));
            }
        }
    }
}

/// Runs a command; whether it went well.
pub fn run(command: &str) -> bool {
    let words: Vec<&str> = command.split(' ').collect();
    let output = Command::new(words[0]).args(&words[1..]).output();
    output.is_ok_and(|output| {
        if !output.status.success() {
            eprintln!("{command}: {}", String::from_utf8_lossy(&output.stderr));
        }
        output.status.success()
    })
}

pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp::new(since.as_secs() as i64, since.subsec_nanos())
}

pub fn ruleset() -> String {
    Tool::named("nft").run(&["list", "ruleset"], "").unwrap()
}
