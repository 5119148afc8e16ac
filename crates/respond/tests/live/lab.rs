//! A defended host and an attacker: two network namespaces and a cable between them.

use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use event::ActionId;
use event::action::{Action, Mode, State};
use respond::firewall::Firewall;
use respond::firewall::nft::Nft;
use respond::firewall::tool::Tool;
use respond::host::{Host, LinuxHost};
use respond::protected::host::Wishes;
use respond::verify::Arrivals;
use respond::{Config, Responder};

use crate::namespaces::Namespaces;
pub use crate::namespaces::{now, ruleset, run};

pub const HOST: &str = "192.0.2.1";
pub const ATTACKER: &str = "192.0.2.66";
pub const ATTACKER_6: &str = "2001:db8:66::66";
pub const HOST_6: &str = "2001:db8:1::1";

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(20);

pub struct Lab {
    /// How its namespaces begin.
    pub name: String,
    namespaces: Namespaces,
    /// Packets that the attacker has sent: what a sensor would have seen.
    pub sent: Arc<AtomicU64>,
    pub folder: tempfile::TempDir,
}

/// The responder on the real host of the lab.
pub type Live = Responder<Nft, LinuxHost>;

impl Lab {
    /// A lab, or None and a line where it cannot be made.
    pub fn new(tools: &[&str]) -> Option<Self> {
        let tools: Vec<&str> = ["ip", "ss", "conntrack"]
            .iter()
            .chain(tools)
            .copied()
            .collect();
        // A container, c, is only where a test makes one.
        let namespaces = Namespaces::new("respond", &['h', 'a', 'c'], &tools)?;
        let name = namespaces.name.clone();
        let lab = Lab {
            name: name.clone(),
            namespaces,
            sent: Arc::default(),
            folder: tempfile::tempdir().unwrap(),
        };
        for command in [
            format!("ip netns add {name}-a"),
            format!("ip -n {name}-h link add eth0 type veth peer name eth0 netns {name}-a"),
            format!("ip -n {name}-h link set lo up"),
            format!("ip -n {name}-a link set lo up"),
            format!("ip -n {name}-h addr add {HOST}/24 dev eth0"),
            format!("ip -n {name}-a addr add {ATTACKER}/24 dev eth0"),
            format!("ip -n {name}-h addr add {HOST_6}/64 dev eth0 nodad"),
            format!("ip -n {name}-a addr add {ATTACKER_6}/64 dev eth0 nodad"),
            format!("ip -n {name}-h link set eth0 up"),
            format!("ip -n {name}-a link set eth0 up"),
            format!("ip -n {name}-h route add 2001:db8:66::/64 dev eth0"),
            format!("ip -n {name}-a route add 2001:db8:1::/64 dev eth0"),
        ] {
            assert!(run(&command), "{command}");
        }
        Some(lab)
    }

    /// Runs on the defended host.
    pub fn host<T: Send>(&self, body: impl FnOnce() -> T + Send) -> T {
        self.namespaces.inside('h', body)
    }

    /// Runs on the attacker's host.
    pub fn attacker<T: Send>(&self, body: impl FnOnce() -> T + Send) -> T {
        self.namespaces.inside('a', body)
    }

    /// The attacker sends so many datagrams to the host.
    pub fn send(&self, from: &str, to: &str, count: u64) {
        self.attacker(|| {
            let from = if from.contains(':') {
                format!("[{from}]:0")
            } else {
                format!("{from}:0")
            };
            let to = if to.contains(':') {
                format!("[{to}]:9")
            } else {
                format!("{to}:9")
            };
            let socket = UdpSocket::bind(from).unwrap();
            for _ in 0..count {
                // An ICMP answer to an earlier datagram is told as this one's error.
                if socket.send_to(b"x", &to).is_err() {
                    let _ = socket.send_to(b"x", &to);
                }
            }
        });
        self.sent.fetch_add(count, Ordering::Relaxed);
    }

    pub fn config(&self) -> Config {
        Config {
            mode: Mode::Enforce,
            folder: Some(self.folder.path().join("state")),
            repair: false,
            ..Config::default()
        }
    }

    /// A responder on nftables; to be called on the host.
    pub fn responder(&self, config: Config) -> Live {
        self.responder_with(config, Tool::named("nft"), 65_536)
    }

    /// A responder without a sensor, in the namespace of the calling thread.
    pub fn open(config: Config) -> Live {
        let nft = Nft::new(Tool::named("nft"), "ratel", 65_536);
        Responder::open(config, nft, LinuxHost::new(Wishes::default()), now()).unwrap()
    }

    pub fn responder_with(&self, config: Config, nft: Tool, size: u32) -> Live {
        let host = LinuxHost::new(Wishes::default());
        let mut live = Responder::open(config, Nft::new(nft, "ratel", size), host, now()).unwrap();
        self.watch(&mut live, "eth0", None);
        live
    }

    /// Gives the responder a sensor that sees what the attacker sends.
    pub fn watch<F, H>(&self, live: &mut Responder<F, H>, interface: &str, namespace: Option<u64>)
    where
        F: Firewall,
        H: Host,
    {
        let (sent, interface) = (Arc::clone(&self.sent), interface.to_owned());
        let before = sent.load(Ordering::Relaxed);
        live.watch(Box::new(move |_, _| {
            Some(Arrivals {
                packets: sent.load(Ordering::Relaxed) - before,
                interface: Some(interface.clone()),
                namespace,
            })
        }));
    }
}

/// Runs nft; for what somebody else does to the ruleset.
pub fn nft(script: &str) {
    Tool::named("nft").run(&["-f", "-"], script).unwrap();
}

pub fn states(actions: &[Action]) -> Vec<&'static str> {
    actions.iter().map(|action| action.state.name()).collect()
}

/// The state that an action has when it is verified.
pub fn verified<F: Firewall, H: Host>(live: &mut Responder<F, H>, id: ActionId) -> State {
    live.verify_now(now());
    live.get(id).unwrap().state.clone()
}

/// The state that an action comes to have: packets need their time on a busy machine, and so does
/// the end of a connection. The last state seen where it does not become as wanted.
pub fn until<F: Firewall, H: Host>(
    live: &mut Responder<F, H>,
    id: ActionId,
    is_wanted: impl Fn(&State) -> bool,
) -> State {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let state = verified(live, id);
        if is_wanted(&state) || Instant::now() > deadline {
            return state;
        }
        thread::sleep(Duration::from_millis(20));
    }
}
