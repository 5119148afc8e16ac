//! `ratel up`: all roles of one host in one process.

pub mod answer;
pub mod engines;
pub mod supervise;
pub mod watch;

use crate::control::now;
use crate::site;
use anyhow::{Context, Result};
use console::api::status::{Health, Role as Told};
use console::{Console, Ports};
use event::Topic;
use event::order::{Order, What};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use sensor::publish::Publishing;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, PoisonError};
use supervise::{Healths, Role, State, Supervisor, Voice};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use watch::Watch;

/// Everything that can be set about one host. Every key is optional.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Site {
    /// Where Ratel keeps what must outlive it.
    pub data_dir: PathBuf,
    /// A file that takes every record as a line of JSON, beside the bus. None: no file.
    pub events_file: Option<PathBuf>,
    /// What is captured.
    pub sensor: sensor::Config,
    /// Rules and how traffic is understood.
    pub rules: engines::Config,
    /// Topics.
    pub bus: bus::Config,
    /// What is done about attacks.
    pub respond: answer::Config,
    /// The control socket and what bouncers ask.
    pub console: console::Config,
}

impl Default for Site {
    fn default() -> Self {
        Site {
            data_dir: PathBuf::from("/var/lib/ratel"),
            events_file: None,
            sensor: sensor::Config::default(),
            rules: engines::Config::default(),
            bus: bus::Config::default(),
            respond: answer::Config::default(),
            console: console::Config::default(),
        }
    }
}

/// What others may do with the running sensor.
#[derive(Default)]
pub struct Hands(watch::Running);

impl Hands {
    fn get(&self) -> Option<(sensor::Handle, Arc<Publishing>)> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// `ratel up`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Interface to watch; may be given more than once. Default: that of the configuration, or else of
    /// the default route.
    #[arg(short = 'i', long = "interface", value_name = "NAME")]
    interfaces: Vec<String>,
    /// The configuration.
    #[arg(short = 'c', long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// How far answers go, whatever the configuration says.
    #[arg(long, value_enum)]
    mode: Option<Mode>,
}

/// How far answers go.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Mode {
    /// Tell what would be done.
    Observe,
    /// Wait for a person's approval.
    Ask,
    /// Do it.
    Enforce,
}

impl From<Mode> for event::action::Mode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Observe => event::action::Mode::Observe,
            Mode::Ask => event::action::Mode::Ask,
            Mode::Enforce => event::action::Mode::Enforce,
        }
    }
}

/// Runs until it is told to stop.
pub fn run(args: &Args) -> Result<ExitCode> {
    let mut site: Site = site::read(args.config.as_deref(), std::env::vars())?;
    for name in &args.interfaces {
        site.sensor
            .interfaces
            .push(sensor::config::Interface::named(name));
    }
    if site.sensor.interfaces.is_empty()
        && let Some(name) = watch::default_interface()
    {
        site.sensor
            .interfaces
            .push(sensor::config::Interface::named(&name));
    }
    if let Some(mode) = args.mode {
        site.respond.mode = mode.into();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("cannot start")?;
    runtime.block_on(go(site))
}

async fn go(site: Site) -> Result<ExitCode> {
    let metrics = PrometheusBuilder::new()
        .install_recorder()
        .context("metrics")?;
    std::fs::create_dir_all(&site.data_dir)
        .with_context(|| format!("cannot make {}", site.data_dir.display()))?;
    let bus = bus::Bus::open(&site.bus)?;
    let (hands, healths) = (Arc::new(Hands::default()), Healths::default());
    let ports = ports(&site, &bus, &hands, &healths, metrics);
    let roles = vec![
        sensor_role(&site, &bus, &hands),
        respond_role(&site, &bus),
        console_role(&site, &bus, ports),
    ];
    let supervisor = Supervisor::start(roles, healths.clone());
    tracing::info!(mode = ?site.respond.mode, "Ratel is up");
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let mut beat = tokio::time::interval(std::time::Duration::from_secs(5));
    let mut was_ready = false;
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = hangup.recv() => {
                let (hands, site) = (hands.clone(), site.clone());
                tokio::task::spawn_blocking(move || {
                    if let Err(error) = watch::reload(&hands, &site.rules, &site.data_dir) {
                        tracing::error!("{error:#}");
                    }
                });
            }
            _ = beat.tick() => {
                let is_ready = healths.are_ready();
                if is_ready && !was_ready {
                    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
                    was_ready = true;
                }
                let _ = sd_notify::notify(&[sd_notify::NotifyState::Watchdog]);
            }
        }
    }
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
    let late = supervisor.stop().await;
    if late.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    tracing::error!("did not stop in time: {}", late.join(", "));
    Ok(ExitCode::FAILURE)
}

fn sensor_role(site: &Site, bus: &bus::Bus, hands: &Arc<Hands>) -> Role {
    let watch = Watch {
        sensor: site.sensor.clone(),
        rules: site.rules.clone(),
        data_dir: site.data_dir.clone(),
        events_file: site.events_file.clone(),
        bus: bus.clone(),
        hands: hands.clone(),
    };
    Role {
        name: "sensor",
        start: Box::new(move |stop, voice| Box::pin(watch.clone().run(stop, voice))),
    }
}

fn respond_role(site: &Site, bus: &bus::Bus) -> Role {
    let (config, data_dir, bus) = (site.respond.clone(), site.data_dir.clone(), bus.clone());
    Role {
        name: "respond",
        start: Box::new(move |stop, voice| {
            let (config, data_dir, bus) = (config.clone(), data_dir.clone(), bus.clone());
            Box::pin(async move {
                let answering = move || answer::start(&config, &data_dir, &bus, &stop, &voice);
                tokio::task::spawn_blocking(answering)
                    .await
                    .context("the responder panicked")?
            })
        }),
    }
}

fn console_role(site: &Site, bus: &bus::Bus, ports: Ports) -> Role {
    let (config, bus) = (site.console.clone(), bus.clone());
    Role {
        name: "console",
        start: Box::new(move |stop, voice| {
            let (config, bus, ports) = (config.clone(), bus.clone(), ports.clone());
            Box::pin(run_console(config, bus, ports, stop, voice))
        }),
    }
}

async fn run_console(
    config: console::Config,
    bus: bus::Bus,
    ports: Ports,
    stop: CancellationToken,
    voice: Voice,
) -> Result<()> {
    let console = Console::bind(&config, ports)?;
    let (tell, told) = tokio::sync::watch::channel(false);
    console.follow(&bus, &told)?;
    let running = tokio::spawn(console.run(told));
    voice.runs();
    stop.cancelled().await;
    let _ = tell.send(true);
    Ok(running.await.context("the console panicked")??)
}

/// What the console asks this process for.
fn ports(
    site: &Site,
    bus: &bus::Bus,
    hands: &Arc<Hands>,
    healths: &Healths,
    metrics: PrometheusHandle,
) -> Ports {
    let orders = bus.publisher(Topic::Orders);
    let (rules, data_dir, on) = (site.rules.clone(), site.data_dir.clone(), hands.clone());
    let (counted, measured) = (hands.clone(), hands.clone());
    let healths = healths.clone();
    Ports {
        publish: Arc::new(move |order: &Order| {
            let value = serde_json::to_vec(order).map_err(|error| error.to_string())?;
            let published = orders.publish(order.id.as_bytes(), &value);
            published.map(drop).map_err(|error| error.to_string())
        }),
        carry_out: Arc::new(move |order: &Order| match order.what {
            What::ReloadRules => Some(
                watch::reload(&on, &rules, &data_dir)
                    .map(|generation| format!("generation {generation} of the rules is in place"))
                    .map_err(|error| format!("{error:#}")),
            ),
            _ => None,
        }),
        roles: Arc::new(move || told(&healths)),
        counters: Arc::new(move || counters(&counted)),
        metrics: Arc::new(move || {
            let mut text = metrics.render();
            if let Some((handle, _)) = measured.get() {
                text.push_str(&handle.snapshot().prometheus());
            }
            text
        }),
        now: Arc::new(now),
    }
}

fn told(healths: &Healths) -> Vec<Told> {
    healths
        .snapshot()
        .into_iter()
        .map(|(name, health)| Told {
            role: name.to_owned(),
            since: health.since,
            restarts: health.failures,
            detail: match &health.state {
                State::Failed(why) | State::Degraded(why) => why.clone(),
                State::Starting | State::Running | State::Stopped => String::new(),
            },
            state: match health.state {
                State::Starting => Health::Starting,
                State::Running => Health::Running,
                State::Degraded(_) => Health::Degraded,
                State::Failed(_) => Health::Failed,
                State::Stopped => Health::Stopped,
            },
        })
        .collect()
}

fn counters(hands: &Hands) -> BTreeMap<String, u64> {
    let Some((handle, publishing)) = hands.get() else {
        return BTreeMap::new();
    };
    let mut all: BTreeMap<String, u64> = handle
        .snapshot()
        .total()
        .named()
        .map(|(name, count)| (name.to_owned(), count))
        .collect();
    let (published, lost) = publishing.counts();
    all.insert("events_published".to_owned(), published);
    all.insert("events_lost".to_owned(), lost);
    all
}
