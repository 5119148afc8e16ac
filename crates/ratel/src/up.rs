//! `ratel up`: all roles of one host in one process; `ratel run`: some of them.

pub mod answer;
mod captures;
pub mod engines;
mod hands;
mod keep;
mod lend;
mod mirror;
mod ports;
mod rights;
pub mod roles;
mod room;
mod supervise;
mod watch;

use crate::site::Site;
use anyhow::{Context, Result, bail};
use hands::Hands;
use metrics_exporter_prometheus::PrometheusBuilder;
use sd_notify::NotifyState;
use sensor::config::Interface;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use supervise::{Healths, Supervisor};
use tokio::signal::unix::{SignalKind, signal};

pub use watch::default_interface;

/// How often systemd is told that all is well, and looked whether it is.
const BEAT: Duration = Duration::from_millis(500);

/// `ratel up`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    shared: Shared,
}

/// `ratel run`.
#[derive(Debug, clap::Args)]
pub struct Run {
    /// The roles that run in this process. They meet the others on the bus.
    #[arg(required = true, value_enum, value_name = "ROLE")]
    roles: Vec<Name>,
    #[command(flatten)]
    shared: Shared,
}

/// A role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Name {
    /// Packets in, events out.
    Sensor,
    /// Flows in, findings of a model out.
    Learn,
    /// Events in, actions out.
    Respond,
    /// Events in, incidents out, and people hear of them.
    Alert,
    /// Events in; they are kept and found again.
    Store,
    /// The dashboard, the control socket, metrics, bouncers.
    Console,
}

impl Name {
    /// Every role, in the order of the flow.
    const ALL: [Name; 6] = [
        Name::Sensor,
        Name::Learn,
        Name::Respond,
        Name::Alert,
        Name::Store,
        Name::Console,
    ];
}

/// What `ratel up` and `ratel run` share.
#[derive(Debug, clap::Args)]
struct Shared {
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

/// Runs all roles until it is told to stop.
pub fn run(args: &Args) -> Result<ExitCode> {
    start(&args.shared, &Name::ALL, false)
}

/// Runs some roles until it is told to stop.
pub fn run_some(args: &Run) -> Result<ExitCode> {
    start(&args.shared, &args.roles, true)
}

fn start(args: &Shared, names: &[Name], are_named: bool) -> Result<ExitCode> {
    let mut site = Site::read(args.config.as_deref())?;
    // Who asks for the role by name wants it, whatever the configuration says.
    site.learn.enabled |= are_named && names.contains(&Name::Learn);
    site.sensor.flow_features |= site.learn.enabled;
    if !args.interfaces.is_empty() {
        let named = args.interfaces.iter().map(|name| Interface::named(name));
        site.sensor.interfaces = named.collect();
    }
    if site.sensor.interfaces.is_empty()
        && let Some(name) = default_interface()
    {
        site.sensor.interfaces.push(Interface::named(&name));
    }
    if let Some(mode) = args.mode {
        site.respond.mode = mode.into();
    }
    // A folder that is not made yet could not be made later.
    let mut folders = vec![
        site.data_dir.as_path(),
        site.bus.dir.as_path(),
        site.store.dir.as_path(),
    ];
    let state = site.state.url.strip_prefix("sqlite://").map(Path::new);
    folders.extend(state.and_then(Path::parent));
    let files = [Some(&site.console.socket), site.events_file.as_ref()];
    folders.extend(files.into_iter().flatten().map(|file| match file.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }));
    folders.extend(site.rules.cache_dir.as_deref());
    for folder in &folders {
        std::fs::create_dir_all(folder).with_context(|| {
            let folder = folder.display();
            format!("cannot make {folder} (run as root, or set data_dir and console.socket)")
        })?;
    }
    rights::keep_needed(&folders);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("cannot start")?;
    runtime.block_on(go(site, names))
}

async fn go(site: Site, names: &[Name]) -> Result<ExitCode> {
    let metrics = PrometheusBuilder::new()
        .install_recorder()
        .context("metrics")?;
    let bus = bus::Bus::open(&site.bus)?;
    let (hands, healths) = (Arc::new(Hands::default()), Healths::default());
    let kept = keep::Kept::default();
    let ports = ports::ports(&site, &bus, &hands, &kept, &healths, metrics);
    let lent = lend::lent(&site, &bus, &hands, &kept);
    let stop = tokio_util::sync::CancellationToken::new();
    let _ends = stop.clone().drop_guard();
    let has = |name| names.contains(&name);
    if has(Name::Alert) || has(Name::Console) {
        tokio::spawn(keep::open_state(
            site.state.clone(),
            kept.clone(),
            stop.clone(),
        ));
    }
    if has(Name::Console) && !has(Name::Store) {
        tokio::spawn(keep::open_store(
            site.store.clone(),
            kept.clone(),
            stop.clone(),
        ));
    }
    let mut roles = Vec::new();
    let is_on = |name: &Name| has(*name) && (*name != Name::Learn || site.learn.enabled);
    for name in Name::ALL.into_iter().filter(is_on) {
        roles.push(match name {
            Name::Sensor => roles::sensor(&site, &bus, &hands),
            Name::Learn => roles::learn(&site, &bus),
            Name::Respond => roles::respond(&site, &bus, &hands),
            Name::Alert => roles::alert(&site, &bus, &kept),
            Name::Store => roles::store(&site, &bus, &kept),
            Name::Console => roles::console(&site, &bus, ports.clone(), lent.clone()),
        });
    }
    let supervisor = Supervisor::start(roles, healths.clone());
    tracing::info!(mode = ?site.respond.mode, "Ratel is up");
    until_told(&site, &hands, &healths).await?;
    let _ = sd_notify::notify(&[NotifyState::Stopping]);
    let late = supervisor.stop().await;
    if !late.is_empty() {
        bail!("did not stop in time: {}", late.join(", "));
    }
    Ok(ExitCode::SUCCESS)
}

/// Waits for the signal to stop; reloads rules at SIGHUP, and tells systemd how it goes.
async fn until_told(site: &Site, hands: &Arc<Hands>, healths: &Healths) -> Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let mut beat = tokio::time::interval(BEAT);
    let mut was_ready = false;
    loop {
        tokio::select! {
            _ = terminate.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
            _ = hangup.recv() => {
                let (hands, site) = (hands.clone(), site.clone());
                tokio::task::spawn_blocking(move || {
                    if let Err(error) = watch::reload(&hands, &site.rules, &site.data_dir) {
                        tracing::error!("{error:#}");
                    }
                });
            }
            _ = beat.tick() => {
                // Without systemd nobody listens.
                let is_ready = healths.are_ready();
                if is_ready && !was_ready {
                    let _ = sd_notify::notify(&[NotifyState::Ready]);
                    was_ready = true;
                }
                let _ = sd_notify::notify(&[NotifyState::Watchdog]);
            }
        }
    }
}
