//! People are told: routes choose receivers, each receiver has an outbox on disk and a thread that empties it.
//!
//! ```text
//! incident ─► route ─► queue (a file for each receiver) ─► worker ─► receiver
//!               │          │                                  │
//!           condition   change: what is new to this receiver   message, clean: what is said
//! ```
//!
//! What is promised: an incident's states reach a receiver in their order; a state that was offered is told
//! or, after a day of trying, kept as a dead letter that is counted and logged; a newer state takes the place
//! of an older one that waits; a repeat carries the key of the first attempt. Twice is told only what a
//! receiver took without our hearing of it, and only where its protocol has no way to ask or to know a repeat:
//! `docs/notify.md` says for each kind which.

pub mod alertmanager;
pub mod change;
pub mod clean;
pub mod condition;
pub mod config;
pub mod deliver;
mod firebase;
mod hidden;
mod http;
pub mod lane;
mod mail;
pub mod message;
pub mod metrics;
pub mod outbox;
mod pace;
mod pagerduty;
pub mod queue;
pub mod route;
pub mod sample;
pub mod secret;
mod slack;
mod sms;
mod teams;
mod webhook;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use event::Timestamp;
use event::incident::{Severity, Status};
use serde::{Deserialize, Serialize};

use self::condition::Facts;
use crate::change::{Telling, What};
use alertmanager::silences::{Active, Foreign};
use change::Change;
pub use config::{Config, ConfigError, Receiver};
use deliver::{Delivery, Item, Sender};
use hidden::Hidden;
use lane::Lane;
use outbox::{OpenError, Outbox};
use queue::Offer;
pub use route::Route;
use route::Routes;

/// Characters of what a change says beyond the incident's state.
const MAX_NOTE: usize = 200;

/// What a variable of the environment says.
pub type Environment = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// What the notifier needs of the process: it reads neither clock nor environment itself.
#[derive(Clone)]
pub struct World {
    /// The clock.
    pub now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    /// The environment.
    pub env: Environment,
    /// The folder of the outboxes; None keeps them in memory, for tests.
    pub folder: Option<PathBuf>,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World")
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

/// Why the notifier can't be started.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What was set can't be.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// An outbox.
    #[error(transparent)]
    Outbox(#[from] OpenError),
}

/// How a receiver fares. One that has several servers or numbers has several of these.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiverState {
    /// Its name; where it has several targets `NAME-1`, `NAME-2`, …
    pub name: String,
    /// The receiver's name as it was set.
    pub receiver: String,
    /// Its kind.
    pub kind: String,
    /// Notifications that wait.
    pub waiting: u64,
    /// Messages that it took.
    pub sent: u64,
    /// Attempts that failed.
    pub failed: u64,
    /// Notifications that were given up.
    pub dead: u64,
    /// Why the last attempt failed; None once one has succeeded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// The last success.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_success: Option<Timestamp>,
}

/// What a receiver heard of an incident last, or is to hear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// Its name, as [`ReceiverState::name`].
    pub name: String,
    /// Its kind.
    pub kind: &'static str,
    /// When it took it; of what waits: since when.
    pub at: Timestamp,
    /// The incident's severity as it was told.
    pub severity: Severity,
    /// The incident's status as it was told.
    pub status: Status,
    /// Whether it has yet to take it.
    pub is_waiting: bool,
    /// Of what waits: why the last attempt failed.
    pub error: Option<String>,
}

/// Tells people. Dropping it stops the threads; what waits stays on disk.
#[derive(Debug)]
pub struct Notifier {
    routes: Routes,
    lanes: Vec<Lane>,
    hidden: Mutex<Hidden>,
}

impl Notifier {
    /// Checks the configuration, reads secrets, opens outboxes and starts to send what waits in them.
    /// Blocks on the disk.
    ///
    /// # Errors
    /// What was set can't be, a secret can't be read, or another process has the outboxes.
    pub fn open(config: &Config, world: &World) -> Result<Notifier, Error> {
        let routes = check(config)?;
        let mut lanes = Vec::new();
        for receiver in &config.receivers {
            for plan in plans(receiver)? {
                let sender = plan.sender(world)?;
                let outbox = match &world.folder {
                    None => Outbox::in_memory(plan.policy.clone()),
                    Some(folder) => {
                        let (outbox, broken) =
                            Outbox::open(&folder.join(&plan.name), plan.policy.clone())?;
                        if broken > 0 {
                            tracing::warn!(
                                receiver = plan.name,
                                lines = broken,
                                "the outbox has lines that cannot be read; they are left out"
                            );
                        }
                        outbox
                    }
                };
                lanes.push((plan, outbox, sender));
            }
        }
        let lanes = lanes
            .into_iter()
            .map(|(plan, outbox, sender)| {
                Lane::start(plan, outbox, sender, config.link.clone(), world.clone())
            })
            .collect();
        metrics::describe();
        Ok(Notifier {
            routes,
            lanes,
            hidden: Mutex::new(Hidden::open(world.folder.as_deref())),
        })
    }

    /// Takes a change: everybody who is to hear of it will, once. Offering the same again changes nothing, so
    /// that after a crash whatever may have been missed is offered once more. When it returns, what is to
    /// be told is on disk. Blocks on the disk, not on receivers.
    ///
    /// What is withheld is told to nobody; but who heard that it began is told that it is over.
    pub fn offer(&self, change: &crate::change::Change, now: Timestamp) {
        let is_over = change.incident.status == Status::Closed;
        if change.telling == Telling::Withheld && !is_over {
            return;
        }
        let incident = clean::bounded(&change.incident);
        let facts = Facts::of(&incident);
        let mut loud = change.telling == Telling::Loud;
        // Who silences it in one place wants quiet in all.
        let is_hidden = !is_over && self.lanes.iter().any(|lane| lane.hides(&incident, now));
        {
            let mut hidden = self.hidden.lock().unwrap_or_else(PoisonError::into_inner);
            if is_hidden && loud {
                hidden.add(&incident.id);
            } else if !is_hidden && hidden.take(&incident.id) {
                loud |= !is_over;
            }
        }
        let offer = Offer {
            incident,
            loud,
            note: note(&change.what),
            not_before: now,
        };
        for lane in &self.lanes {
            if is_hidden && !lane.is_alertmanager() {
                continue;
            }
            let is_low = offer.incident.severity < lane.floor();
            let at = match is_low || !loud {
                true => None,
                false => self
                    .routes
                    .when(lane.receiver(), &offer.incident, &facts, now),
            };
            lane.offer(&offer, at, now);
        }
    }

    /// How each receiver fares.
    #[must_use]
    pub fn receivers(&self) -> Vec<ReceiverState> {
        self.lanes.iter().map(Lane::state).collect()
    }

    /// Who heard of an incident: of each receiver what it was told last, and what waits for it.
    #[must_use]
    pub fn heard(&self, incident: &str) -> Vec<Heard> {
        let heard = self.lanes.iter();
        heard.flat_map(|lane| lane.heard(incident)).collect()
    }

    /// Takes the silences in force: those that cover incidents which an Alertmanager shows stand there too.
    /// To be called whenever they may have changed; what has not costs nothing.
    pub fn mirror(&self, active: &[Active], now: Timestamp) {
        for lane in &self.lanes {
            lane.mirror(active, now);
        }
    }

    /// Silences that people made in Alertmanagers, by the name of the target.
    #[must_use]
    pub fn foreign_silences(&self) -> Vec<(String, Foreign)> {
        let of = |lane: &Lane| {
            let name = lane.name().to_owned();
            lane.foreign()
                .into_iter()
                .map(move |one| (name.clone(), one))
                .collect::<Vec<_>>()
        };
        self.lanes.iter().flat_map(of).collect()
    }

    /// Sends a test to a receiver, past its outbox. Blocks until it answered.
    ///
    /// # Errors
    /// In words why it was not taken.
    pub fn test(&self, name: &str) -> Result<String, String> {
        let lanes: Vec<&Lane> = self
            .lanes
            .iter()
            .filter(|lane| lane.is_named(name))
            .collect();
        if lanes.is_empty() {
            return Err(format!("there is no receiver {name}"));
        }
        let told = lanes
            .into_iter()
            .map(|lane| (lane.name().to_owned(), lane.test()));
        together(told.collect())
    }
}

/// What a change says beyond the incident's state.
fn note(what: &What) -> String {
    let note = match what {
        What::Closed { why } => why.clone(),
        What::Updated { events } if *events > 0 => format!("{events} more events"),
        What::Opened | What::Risen { .. } | What::Updated { .. } | What::Reopened => String::new(),
    };
    clean::line(&note, MAX_NOTE)
}

/// Checks everything that is set, conditions and times included; secrets are not read.
///
/// # Errors
/// The first thing that can't be.
pub fn check(config: &Config) -> Result<Routes, ConfigError> {
    config::check(&config.receivers)?;
    if let Some(link) = &config.link {
        config::any_url(link).map_err(|reason| ConfigError {
            place: "link".into(),
            reason,
        })?;
    }
    for receiver in &config.receivers {
        plans(receiver)?;
    }
    Routes::compile(&config.routes, &config.receivers)
}

/// Sends a test to a receiver without a notifier: for the command line.
///
/// # Errors
/// In words why it was not taken.
pub fn test(config: &Config, name: &str, world: &World) -> Result<String, String> {
    check(config).map_err(|error| error.to_string())?;
    let receiver = config.receivers.iter().find(|one| one.name == name);
    let receiver = receiver.ok_or_else(|| {
        let names: Vec<&str> = config
            .receivers
            .iter()
            .map(|one| one.name.as_str())
            .collect();
        match names.is_empty() {
            true => format!("there is no receiver {name}: none is configured (alert.receivers)"),
            false => format!(
                "there is no receiver {name}; there are {}",
                names.join(", ")
            ),
        }
    })?;
    let mut told = Vec::new();
    for plan in plans(receiver).map_err(|error| error.to_string())? {
        let sent = plan
            .sender(world)
            .map_err(|error| error.to_string())
            .and_then(|sender| try_out(&sender, receiver, config.link.as_deref(), (world.now)()));
        told.push((plan.name, sent));
    }
    together(told)
}

/// How receivers fare by what is on disk, without touching it: for the command line.
#[must_use]
pub fn look(config: &Config, folder: &Path) -> Vec<ReceiverState> {
    let mut states = Vec::new();
    for receiver in &config.receivers {
        for plan in plans(receiver).into_iter().flatten() {
            let looked = Outbox::look(&folder.join(&plan.name), plan.policy.clone());
            let mut state = ReceiverState {
                name: plan.name.clone(),
                receiver: receiver.name.clone(),
                kind: plan.kind.to_owned(),
                waiting: 0,
                sent: 0,
                failed: 0,
                dead: 0,
                last_error: None,
                last_success: None,
            };
            match looked {
                Ok(queue) => state.count(queue.waiting(), queue.counts()),
                Err(error) => state.last_error = Some(format!("the outbox: {error}")),
            }
            states.push(state);
        }
    }
    states
}

impl ReceiverState {
    fn count(&mut self, waiting: usize, counts: queue::Counts) {
        self.waiting = waiting as u64;
        self.sent = counts.sent;
        self.failed = counts.failed;
        self.dead = counts.dead;
        self.last_success = counts.last_success;
    }
}

/// One target of a receiver: what its lane is made of.
#[derive(Clone, Debug)]
pub struct Plan {
    name: String,
    kind: &'static str,
    target: String,
    receiver: Receiver,
    policy: queue::Policy,
}

impl Plan {
    fn sender(&self, world: &World) -> Result<Sender, ConfigError> {
        Sender::open(&self.receiver, &self.target, world).map_err(|reason| ConfigError {
            place: format!("receiver {}", self.receiver.name),
            reason,
        })
    }
}

fn plans(receiver: &Receiver) -> Result<Vec<Plan>, ConfigError> {
    let via = receiver.via().map_err(|reason| ConfigError {
        place: format!("receiver {}", receiver.name),
        reason,
    })?;
    let targets = via.targets();
    let is_one = targets.len() == 1;
    let plan = |(at, target): (usize, String)| Plan {
        // Dots are in no receiver's name, so that no two folders are the same.
        name: match is_one {
            true => receiver.name.clone(),
            false => format!("{}.{}", receiver.name, at + 1),
        },
        kind: via.name(),
        policy: deliver::policy(receiver, via, &target),
        target,
        receiver: receiver.clone(),
    };
    Ok(targets.into_iter().enumerate().map(plan).collect())
}

fn try_out(
    sender: &Sender,
    receiver: &Receiver,
    link: Option<&str>,
    now: Timestamp,
) -> Result<String, String> {
    let incident = sample::test(&receiver.name, now);
    let delivery = Delivery {
        key: &queue::key(&incident),
        items: vec![Item {
            incident: &incident,
            change: Change::Opened,
            told: None,
            loud: true,
            note: "",
        }],
        repeat_of: None,
        link,
        now,
    };
    let receipts = sender.send(&delivery).map_err(|failed| failed.reason)?;
    // What would stay open is ended.
    sender.end_test(&incident, &receipts, link, now);
    Ok(format!("sent {}", delivery.key))
}

fn together(told: Vec<(String, Result<String, String>)>) -> Result<String, String> {
    let is_good = told.iter().all(|(_, told)| told.is_ok());
    let lines: BTreeMap<String, String> = told
        .into_iter()
        .map(|(name, told)| (name, told.unwrap_or_else(|why| format!("failed: {why}"))))
        .collect();
    let lines: Vec<String> = lines
        .iter()
        .map(|(name, told)| format!("{name}: {told}"))
        .collect();
    match is_good {
        true => Ok(lines.join("\n")),
        false => Err(lines.join("\n")),
    }
}

#[cfg(test)]
impl World {
    /// A clock that runs, an environment with one secret.
    pub(crate) fn of_test(folder: &Path) -> World {
        let now = || {
            let since = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
            Timestamp::new(since.as_secs() as i64, since.subsec_nanos())
        };
        World {
            now: Arc::new(now),
            env: Arc::new(|name| (name == "TEST_SECRET").then(|| "s3cret".to_owned())),
            folder: Some(folder.to_owned()),
        }
    }
}
