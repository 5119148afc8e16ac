//! The sensor as a whole: started, watched, given other rules, stopped.

use crate::arrivals::Seen;
use crate::config::{Config, ConfigError};
use crate::doors::Doors;
use crate::metrics::Snapshot;
use crate::pcaps;
use crate::port::Port;
use crate::rights;
use crate::rules::{ReloadError, Reloader, Rules};
use crate::shared::{Shared, Window};
use crate::sink::{Place, Sink};
use crate::stats::Stats;
use crate::worker::{Blueprint, Worker};
use engine::detect::RuleStats;
use engine::records::EveConfig;
use event::{Prefix, Timestamp};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// What the sensor is given beside its own configuration.
pub struct Setup<'a> {
    /// Settings of the engines. Limits of memory are for all of them together.
    pub engine: engine::config::Config,
    /// Settings of detection.
    pub detection: engine::detect::Settings,
    /// The EVE outputs; `Output::record` numbers them in this order.
    pub eves: Vec<EveConfig>,
    /// Whether alerts are handed out in the one-line form of `fast.log` too.
    pub writes_fast: bool,
    /// The rules to begin with.
    pub rules: Rules,
    /// The time.
    pub clock: fn() -> Timestamp,
    /// Where packets of flows that alert are kept; None keeps none.
    pub packets_dir: Option<PathBuf>,
    /// Makes a sink for each worker and one for `stats` records.
    pub sinks: &'a mut dyn FnMut(Place<'_>) -> io::Result<Box<dyn Sink>>,
}

/// Why the sensor did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration makes no sense.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// No interface is named.
    #[error("no interface is named: sensor.interfaces")]
    NoInterfaces,
    /// The process may not capture.
    #[error("capturing needs the capability CAP_NET_RAW: run as root, or with it ({0})")]
    NotAllowed(io::Error),
    /// A sink could not be made.
    #[error("where records go can't be opened: {0}")]
    Sink(io::Error),
    /// A thread could not be started.
    #[error("a thread can't be started: {0}")]
    Thread(io::Error),
}

/// The running sensor. Dropping it lets the workers stop without waiting for them.
pub struct Service {
    handle: Handle,
    workers: Vec<JoinHandle<()>>,
    stats: Option<JoinHandle<Stats>>,
    packets: Option<pcaps::Writer>,
}

/// A hand on the running sensor; may be cloned and sent to where it is needed.
#[derive(Clone)]
pub struct Handle {
    shared: Arc<Shared>,
    reloader: Arc<Reloader>,
}

impl Service {
    /// Starts all workers. An interface that is not there is no error: it is waited for, and told once
    /// in the log.
    pub fn start(config: &Config, setup: Setup<'_>) -> Result<Self, StartError> {
        config.check()?;
        if config.interfaces.is_empty() {
            return Err(StartError::NoInterfaces);
        }
        may_capture()?;
        let processors = thread::available_parallelism().map_or(1, usize::from);
        let per_port = config.workers_on(processors);
        let ports = config
            .interfaces
            .iter()
            .map(|interface| Port::new(interface, config, per_port).map(Arc::new))
            .collect::<Result<Vec<_>, _>>()?;
        let windows: Vec<(Arc<Port>, Arc<Window>)> = ports
            .iter()
            .flat_map(|port| {
                (0..per_port).map(|number| {
                    let window = Window::of(&port.name, number);
                    (port.clone(), Arc::new(window))
                })
            })
            .collect();
        let shown = windows.iter().map(|(_, window)| window.clone()).collect();
        let shared = Arc::new(Shared::new(setup.clock, shown));
        let handle = Handle {
            reloader: Arc::new(Reloader::new(shared.clone(), setup.rules.ruleset.clone())),
            shared: shared.clone(),
        };
        let stats_sink = (setup.sinks)(Place::Stats).map_err(StartError::Sink)?;
        let stats = Stats::new(
            shared.clone(),
            setup.eves.clone(),
            stats_sink,
            Duration::from_secs(config.stats_secs),
        );
        let engine = engine::config::Config {
            features: config.flow_features.then(features::Attach::default),
            ..setup.engine
        };
        let blueprint = Arc::new(Blueprint {
            config: shared_out(engine, windows.len() as u64),
            detection: engine::detect::Settings {
                tallies: true,
                clock: Some(nanos),
                ..setup.detection
            },
            eves: setup.eves.into_iter().map(without_stats).collect(),
            writes_fast: setup.writes_fast,
            rules: setup.rules,
        });
        let packets = setup
            .packets_dir
            .filter(|_| config.packets.recent_mib > 0)
            .and_then(|folder| keep_packets(&folder, config));
        if let Some(packets) = &packets {
            let _ = shared.packets.set(packets.tally());
        }
        let doors = Doors::start().map_err(StartError::Thread)?;
        let mut service = Service {
            handle,
            workers: Vec::new(),
            stats: None,
            packets,
        };
        for (at, (port, window)) in windows.into_iter().enumerate() {
            let place = Place::Worker {
                interface: &port.name,
                number: window.number,
            };
            let sink = (setup.sinks)(place).map_err(StartError::Sink)?;
            let (shared, blueprint, doors) = (shared.clone(), blueprint.clone(), doors.clone());
            let tap = service.packets.as_ref().map(pcaps::Writer::tap);
            let confines = config.confine;
            let stop_within = Duration::from_secs(config.stop_secs);
            let cpu = config.pin_threads.then_some(at % processors);
            let name = thread_name(&port.name, window.number);
            let work = move || {
                if let Some(cpu) = cpu
                    && let Err(error) = tpacket::pin_thread(cpu)
                {
                    tracing::warn!(cpu, "the thread can't be bound to a processor: {error}");
                }
                let worker = Worker::new(
                    shared,
                    port,
                    doors,
                    window,
                    blueprint,
                    (sink, tap),
                    stop_within,
                );
                if confines && let Err(error) = rights::only_inspect() {
                    tracing::warn!("a worker keeps rights that it does not need: {error}");
                }
                worker.run();
            };
            let thread = thread::Builder::new()
                .name(name)
                .spawn(work)
                .map_err(StartError::Thread)?;
            service.workers.push(thread);
        }
        let thread = thread::Builder::new()
            .name("sensor-stats".to_owned())
            .spawn(move || stats.run())
            .map_err(StartError::Thread)?;
        service.stats = Some(thread);
        Ok(service)
    }

    /// A hand on it.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Whether a worker ended although nobody asked: it never should.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        !self.handle.shared.is_stopping() && self.workers.iter().any(JoinHandle::is_finished)
    }

    /// Lets no more packets in, inspects those that are in the rings, ends all flows and writes what is
    /// left to tell. Returns what was counted.
    pub fn stop(mut self) -> Snapshot {
        self.handle.shared.stop();
        for worker in self.workers.drain(..) {
            if worker.join().is_err() {
                tracing::error!("a worker had panicked");
            }
        }
        if let Some(packets) = self.packets.take() {
            packets.stop();
        }
        if let Some(Ok(mut stats)) = self.stats.take().map(JoinHandle::join) {
            stats.write();
        }
        self.handle.snapshot()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.handle.shared.stop();
    }
}

impl Handle {
    /// What is counted so far.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.shared.snapshot()
    }

    /// Packets that came from `prefix` since a moment; None where it was not watched by then. The first
    /// question begins to watch it.
    #[must_use]
    pub fn arrivals(&self, prefix: Prefix, since: Timestamp) -> Option<Seen> {
        self.shared.book.ask(prefix, since)
    }

    /// What each rule that ran since the start was looked at, found and cost, over all workers; in the
    /// order of generators and signatures.
    #[must_use]
    pub fn rules(&self) -> Vec<RuleStats> {
        self.shared.rule_stats.read(&self.shared.windows)
    }

    /// Generation of the rules, from 1.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.shared.generation()
    }

    /// Builds rules in a thread of their own and puts them in place. Where they can't be built the rules
    /// before stay. The thread's result is the new generation, once all workers run it.
    pub fn reload<E: std::fmt::Display + Send + 'static>(
        &self,
        build: impl FnOnce() -> Result<Rules, E> + Send + 'static,
    ) -> io::Result<JoinHandle<Result<u64, ReloadError>>> {
        let reloader = self.reloader.clone();
        thread::Builder::new()
            .name("sensor-reload".to_owned())
            .spawn(move || {
                let build = std::panic::AssertUnwindSafe(|| reloader.reload(build));
                std::panic::catch_unwind(build).unwrap_or_else(|_| {
                    let error = ReloadError::Thread("it panicked".to_owned());
                    reloader.failed(&error);
                    Err(error)
                })
            })
    }

    /// Puts rules in place that are built already; returns once all workers run them.
    pub fn install(&self, rules: Rules) -> Result<u64, ReloadError> {
        self.reloader.install(rules)
    }
}

/// A clock for what rules cost.
fn nanos() -> u64 {
    static BEGUN: OnceLock<Instant> = OnceLock::new();
    BEGUN.get_or_init(Instant::now).elapsed().as_nanos() as u64
}

/// Starts what keeps packets; that it can't be done is told, and keeps nobody from seeing attacks.
fn keep_packets(folder: &std::path::Path, config: &Config) -> Option<pcaps::Writer> {
    match pcaps::Writer::start(folder, config.packets.bytes()) {
        Ok(writer) => Some(writer),
        Err(error) => {
            let folder = folder.display();
            tracing::warn!("packets of alerts are not kept: {folder}: {error}");
            None
        }
    }
}

/// Whether this process may capture at all.
///
/// # Errors
/// It may not, and what would let it.
pub fn may_capture() -> Result<(), StartError> {
    tpacket::may_capture().map_err(StartError::NotAllowed)
}

/// Settings of one of so many engines: limits of memory are for all of them.
fn shared_out(mut config: engine::config::Config, engines: u64) -> engine::config::Config {
    let engines = engines.max(1);
    for memcap in [
        &mut config.flow.memcap,
        &mut config.tcp.memcap,
        &mut config.tcp.reassembly_memcap,
    ] {
        *memcap /= engines;
    }
    config
}

fn without_stats(eve: EveConfig) -> EveConfig {
    EveConfig { stats: None, ..eve }
}

/// The kernel keeps 15 characters of a thread's name.
fn thread_name(interface: &str, number: usize) -> String {
    format!("w{number}-{interface}").chars().take(15).collect()
}
