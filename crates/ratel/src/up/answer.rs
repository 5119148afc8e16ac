//! The role `respond`: events, incidents and orders in, actions out.

use super::supervise::Voice;
use crate::control::now;
use anyhow::{Context, Result, ensure};
use bus::{Delivery, Publisher, Start};
use event::action::{Action, Mode, State};
use event::order::{Order, What};
use event::{Prefix, Timestamp, Topic};
use respond::firewall::{self, Absent, Firewall};
use respond::host::LinuxHost;
use respond::plan::Source;
use respond::protected::host::Wishes;
use respond::verify::Sensor;
use respond::{OrderError, Responder};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// The group in which the responder reads topics.
const GROUP: &str = "respond";
/// The longest wait for records: a stop is seen this late at most.
const WAIT: Duration = Duration::from_millis(200);
/// How often it is looked whether there is a firewall by now.
const LOOK: Duration = Duration::from_secs(10);
/// Events older than this are not answered: after a long stop they tell of attackers who are gone.
const STALE: Duration = Duration::from_secs(300);
/// Ids of records that are remembered, so that a repeat is answered once.
const SEEN: usize = 65_536;
/// No folder of playbooks has more files.
const MAX_FILES: usize = 1_000;

/// What is done about attacks.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How far actions go: `observe` tells what would be done, `ask` waits for a person, `enforce` does.
    #[schemars(with = "String", extend("enum" = ["observe", "ask", "enforce"]))]
    pub mode: Mode,
    /// Playbooks, or folders of them (every `*.yaml` inside).
    pub playbooks: Vec<PathBuf>,
    /// Who is never hit, beside what is computed.
    pub protected: Protected,
    /// Actions that are carried out in a minute at most.
    pub max_per_minute: u32,
    /// Name of our table in the firewall.
    pub table: String,
    /// Addresses and prefixes that a set of the firewall holds at most.
    pub set_size: u32,
    /// Whether what others removed from the firewall is put back.
    pub repair: bool,
}

/// Who is never hit.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Protected {
    /// Addresses and prefixes.
    #[schemars(with = "Vec<String>")]
    pub also: Vec<Prefix>,
    /// Whether private ranges are protected as a whole.
    pub private: bool,
    /// Local ports whose established peers are people at work.
    pub admin_ports: Vec<u16>,
}

impl Default for Protected {
    fn default() -> Self {
        let wishes = Wishes::default();
        Protected {
            also: wishes.also,
            private: wishes.private,
            admin_ports: wishes.admin_ports,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        let ours = respond::Config::default();
        Config {
            mode: ours.mode,
            playbooks: vec![PathBuf::from("/etc/ratel/playbooks")],
            protected: Protected::default(),
            max_per_minute: ours.max_per_minute,
            table: "ratel".to_owned(),
            set_size: 65_536,
            repair: ours.repair,
        }
    }
}

impl Config {
    /// The same as the crate `respond` has it.
    #[must_use]
    pub fn of_crate(&self, data_dir: &Path) -> respond::Config {
        respond::Config {
            mode: self.mode,
            protected: self.wishes(),
            folder: Some(data_dir.join("respond")),
            max_per_minute: self.max_per_minute,
            repair: self.repair,
            ..respond::Config::default()
        }
    }

    /// What is protected beyond what is computed.
    #[must_use]
    pub fn wishes(&self) -> Wishes {
        Wishes {
            also: self.protected.also.clone(),
            private: self.protected.private,
            admin_ports: self.protected.admin_ports.clone(),
        }
    }
}

/// Answers with the firewall that this host has, until it is told to stop. Blocks its thread.
///
/// # Errors
/// There is no firewall, playbooks or the journal cannot be read, the bus fails.
pub fn start(
    config: &Config,
    data_dir: &Path,
    bus: &bus::Bus,
    sensor: Sensor,
    stop: &CancellationToken,
    voice: &Voice,
) -> Result<()> {
    let choose = || firewall::choose(&config.table, config.set_size);
    match choose() {
        Ok(firewall) => {
            let goes_on = || {
                voice.runs();
                Ok(())
            };
            run(config, data_dir, firewall, bus, sensor, stop, goes_on)
        }
        // What would be done is still told.
        Err(why) => {
            tracing::warn!("{why}: actions are told and can't be carried out");
            voice.limps(&why);
            let mut looked = Instant::now();
            let goes_on = || {
                if looked.elapsed() > LOOK {
                    looked = Instant::now();
                    ensure!(choose().is_err(), "a firewall can be used now");
                }
                Ok(())
            };
            run(
                config,
                data_dir,
                Absent::because(&why),
                bus,
                sensor,
                stop,
                goes_on,
            )
        }
    }
}

/// Answers until it is told to stop, or until `goes_on` says that it can't.
fn run<F: Firewall>(
    config: &Config,
    data_dir: &Path,
    firewall: F,
    bus: &bus::Bus,
    sensor: Sensor,
    stop: &CancellationToken,
    mut goes_on: impl FnMut() -> Result<()>,
) -> Result<()> {
    let host = LinuxHost::new(config.wishes());
    let mut responder = Responder::open(config.of_crate(data_dir), firewall, host, now())?;
    responder.timed_by(now);
    responder.watch(sensor);
    for refusal in responder.load(&playbooks(&config.playbooks)?, now()) {
        tracing::error!("playbook refused: {refusal}");
    }
    let told = Told {
        actions: bus.publisher(Topic::Actions),
        incidents: bus.publisher(Topic::Incidents),
    };
    let topics = [Topic::Orders, Topic::Incidents, Topic::Events];
    let mut records = bus.subscribe_from(GROUP, &topics, Start::Newest)?;
    let mut seen = bus::Seen::new(SEEN);
    while !stop.is_cancelled() {
        goes_on()?;
        let changed = responder.tick(now());
        told.tell(changed, &mut responder)?;
        let wait = responder.next_due(now()).since(now()).min(WAIT);
        let Some(batch) = records.next(wait)? else {
            continue;
        };
        for delivery in batch.iter() {
            if seen.first(delivery.id) {
                let changed = take(&mut responder, &delivery);
                told.tell(changed, &mut responder)?;
            }
        }
        records.commit(&batch)?;
    }
    Ok(())
}

/// Holds a record against the playbooks, or carries out an order; the actions that it changed.
fn take<F: Firewall>(
    responder: &mut Responder<F, LinuxHost>,
    delivery: &Delivery<'_>,
) -> Vec<Action> {
    let source = match delivery.topic {
        Topic::Orders => return carry_out(responder, delivery.value).unwrap_or_default(),
        Topic::Incidents => Source::Incident,
        Topic::Events => {
            let kind = event::record::kind(delivery.value);
            if is_stale(delivery.time) || !responder.may_answer(kind) {
                return Vec::new();
            }
            Source::Event
        }
        Topic::Actions | Topic::Releases => return Vec::new(),
    };
    let Some(record) = read(delivery.value) else {
        return Vec::new();
    };
    responder.on_record(source, &record, Some(delivery.time), now())
}

/// Where the responder tells what it did.
struct Told {
    actions: Publisher,
    incidents: Publisher,
}

impl Told {
    fn tell<F: Firewall>(
        &self,
        changed: Vec<Action>,
        responder: &mut Responder<F, LinuxHost>,
    ) -> Result<()> {
        for action in changed {
            tracing::info!("{}: {} ({})", action.id, action.what, describe(&action));
            let key = action.id.to_string();
            self.actions
                .publish(key.as_bytes(), &serde_json::to_vec(&action)?)?;
        }
        for incident in responder.take_incidents() {
            let key = incident["id"].as_str().unwrap_or_default().as_bytes();
            self.incidents
                .publish(key, &serde_json::to_vec(&incident)?)?;
        }
        Ok(())
    }
}

fn is_stale(time: Timestamp) -> bool {
    now().since(time) > STALE
}

fn read(value: &[u8]) -> Option<Value> {
    match serde_json::from_slice(value) {
        Ok(record) => Some(record),
        Err(error) => {
            tracing::warn!("a record is no JSON: {error}");
            None
        }
    }
}

/// The state of an action, in words.
fn describe(action: &Action) -> String {
    let reason = &action.why.reason;
    match &action.state {
        State::Planned if action.mode == Mode::Observe => {
            format!("would be done in mode enforce: {reason}")
        }
        State::Planned => format!("planned: {reason}"),
        State::Refused { cause } => format!("refused: {cause}"),
        State::Ineffective { cause, .. } => format!("ineffective: {cause}"),
        State::Unknown { cause } => format!("unknown: {cause}"),
        other => other.name().replace('_', " "),
    }
}

/// Carries out an order; what it changed.
fn carry_out<F: Firewall>(
    responder: &mut Responder<F, LinuxHost>,
    value: &[u8],
) -> Option<Vec<Action>> {
    let order: Order = match serde_json::from_slice(value) {
        Ok(order) => order,
        Err(error) => {
            tracing::warn!("an order cannot be read: {error}");
            return None;
        }
    };
    let (who, now) = (order.who.as_str(), now());
    let done: Result<Vec<Action>, OrderError> = match &order.what {
        What::Block {
            target,
            ttl_secs,
            why,
        } => Ok(responder.block(*target, Duration::from_secs(*ttl_secs), who, why, now)),
        What::Unblock { target } => responder.unblock(*target, who, now),
        What::Approve { action } => responder.approve(*action, who, now),
        What::Undo { action } => responder.undo(*action, who, now),
        What::UndoAll => responder.undo_all(who, now),
        What::ReloadRules => Ok(Vec::new()),
    };
    done.map_err(|error| tracing::warn!(order = order.id, "{}: {error}", order.what))
        .ok()
}

/// Names and texts of all playbooks.
///
/// # Errors
/// A file or folder cannot be read, or there are too many.
pub fn playbooks(named: &[PathBuf]) -> Result<Vec<(String, String)>> {
    let mut files = Vec::new();
    for path in named {
        if path.is_dir() {
            let inside = std::fs::read_dir(path).with_context(|| {
                format!("cannot read the folder of playbooks {}", path.display())
            })?;
            let mut inside: Vec<PathBuf> = inside
                .filter_map(|entry| Some(entry.ok()?.path()))
                .filter(|path| {
                    path.extension()
                        .is_some_and(|extension| extension == "yaml" || extension == "yml")
                })
                .collect();
            inside.sort();
            files.append(&mut inside);
        } else if path.extension().is_some() {
            files.push(path.clone());
        }
    }
    anyhow::ensure!(
        files.len() <= MAX_FILES,
        "{} files of playbooks are too many",
        files.len()
    );
    files
        .into_iter()
        .map(|path| {
            let text = std::fs::read_to_string(&path)
                .with_context(|| format!("cannot read the playbook {}", path.display()))?;
            Ok((path.display().to_string(), text))
        })
        .collect()
}
