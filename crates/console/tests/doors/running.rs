//! A console in a thread of its own, with everything that it asks its process for.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use console::api::status::{Health, Role};
use console::config::Bouncers;
use console::{Config, Console, Ports};
use event::Timestamp;
use event::action::{Action, ActionId, Mode, State, What, Why};
use event::order::Order;
use tokio::sync::watch;

/// The key that the bouncer `fw` shows.
pub const KEY: &str = "a-key-long-enough";

/// What the process counts.
pub const METRICS: &str = "# HELP ratel_packets_total Packets.\n\
    # TYPE ratel_packets_total counter\nratel_packets_total 7\n";

/// Longer than anything here takes; nothing waits so long where it works.
const PATIENCE: Duration = Duration::from_secs(20);

pub struct Running {
    pub socket: PathBuf,
    pub bouncers: SocketAddr,
    pub monitor: SocketAddr,
    /// How the role `sensor` fares.
    pub health: Arc<Mutex<Health>>,
    pub orders: Arc<Mutex<Vec<Order>>>,
    /// The clock: seconds.
    pub clock: Arc<AtomicI64>,
    pub act: Arc<dyn Fn(Action) + Send + Sync>,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
    _folder: tempfile::TempDir,
}

/// A console; `on_order` is what the rest of Ratel does when an order is published.
pub fn start(
    on_order: impl Fn(&Order, &dyn Fn(Action)) -> Result<(), String> + Send + Sync + 'static,
) -> Running {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("run/ratel.sock");
    let key = format!(r#"{{"name": "fw", "key": "{KEY}"}}"#);
    let config = Config {
        socket: socket.clone(),
        monitor: Some("127.0.0.1:0".parse().unwrap()),
        bouncers: Some(Bouncers {
            listen: "127.0.0.1:0".parse().unwrap(),
            keys: vec![serde_json::from_str(&key).unwrap()],
        }),
        ..Config::default()
    };
    let orders: Arc<Mutex<Vec<Order>>> = Arc::default();
    let clock = Arc::new(AtomicI64::new(1000));
    type Act = Arc<dyn Fn(Action) + Send + Sync>;
    let act: Arc<Mutex<Option<Act>>> = Arc::default();
    let health = Arc::new(Mutex::new(Health::Running));
    let fares = health.clone();
    let (kept, acting, time) = (orders.clone(), act.clone(), clock.clone());
    let ports = Ports {
        publish: Arc::new(move |order| {
            kept.lock().unwrap().push(order.clone());
            let act = acting.lock().unwrap().clone().unwrap();
            on_order(order, &|action| act(action))
        }),
        carry_out: Arc::new(|order| match order.what {
            event::order::What::ReloadRules => Some(Ok("12 rules".into())),
            _ => None,
        }),
        roles: Arc::new(move || {
            vec![Role {
                role: "sensor".into(),
                state: *fares.lock().unwrap(),
                since: Timestamp::new(1000, 0),
                restarts: 0,
                detail: String::new(),
            }]
        }),
        counters: Arc::new(|| BTreeMap::from([("packets".into(), 7)])),
        metrics: Arc::new(|| METRICS.into()),
        now: Arc::new(move || Timestamp::new(time.load(Ordering::SeqCst), 0)),
    };
    let console = Console::bind(&config, ports).unwrap();
    let bouncers = console.bouncers_address().unwrap();
    let monitor = console.monitor_address().unwrap();
    let told: Act = Arc::new(console.on_action());
    *act.lock().unwrap() = Some(told.clone());
    let (stop, stopped) = watch::channel(false);
    let thread = std::thread::spawn(move || console.run_blocking(stopped).unwrap());
    Running {
        socket,
        bouncers,
        monitor,
        health,
        orders,
        clock,
        act: told,
        stop,
        thread: Some(thread),
        _folder: folder,
    }
}

impl Running {
    /// Tells of an action that blocks `target` from now on for an hour.
    pub fn block(&self, id: u64, target: &str, state: State) {
        (self.act)(action(id, target, self.clock.load(Ordering::SeqCst), state));
    }

    /// What the bouncer door answers, head and body, on a connection of its own.
    pub fn ask(&self, request: &str) -> (u16, String, String) {
        ask(self.bouncers, request)
    }

    /// The same at the monitor's.
    pub fn ask_monitor(&self, request: &str) -> (u16, String, String) {
        ask(self.monitor, request)
    }

    /// The same at the control socket.
    pub fn ask_control(&self, request: &str) -> (u16, String, String) {
        let mut stream = UnixStream::connect(&self.socket).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        exchange(&mut stream, request)
    }
}

fn ask(door: SocketAddr, request: &str) -> (u16, String, String) {
    let mut stream = TcpStream::connect(door).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    exchange(&mut stream, request)
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        let ended = self.thread.take().unwrap().join();
        if !std::thread::panicking() {
            ended.unwrap();
            assert!(!self.socket.exists(), "the socket outlives the console");
        }
    }
}

/// Sends a request as it is (`\n` stands for a whole line ending) and reads to the end.
fn exchange(stream: &mut (impl Read + Write), request: &str) -> (u16, String, String) {
    let (head, body) = request
        .split_once("\n\n")
        .unwrap_or((request.trim_end(), ""));
    let head = head
        .trim()
        .lines()
        .map(str::trim)
        .collect::<Vec<_>>()
        .join("\r\n");
    let length = format!("content-length: {}", body.len());
    let whole = format!("{head}\r\nhost: ratel\r\nconnection: close\r\n{length}\r\n\r\n{body}");
    // A door that refuses a body early closes before it is sent.
    let _ = stream.write_all(whole.as_bytes());
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|code| code.parse().ok())
        .unwrap_or(0);
    (status, head.to_lowercase(), body.to_owned())
}

pub fn action(id: u64, target: &str, planned: i64, state: State) -> Action {
    Action {
        id: ActionId(id),
        what: What::Block {
            target: target.parse().unwrap(),
        },
        ttl_secs: 3600,
        mode: Mode::Enforce,
        why: Why {
            reason: "scan".into(),
            playbook: Some("scanners".into()),
            ..Why::default()
        },
        returned: 0,
        state,
        planned: Timestamp::new(planned, 0),
        executed: None,
        ends: Timestamp::new(planned + 3600, 0),
        changed: Timestamp::new(planned, 0),
        undo: None,
    }
}
