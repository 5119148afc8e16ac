//! The responder: takes events, incidents and orders, keeps actions, and says what became of them.
//!
//! It reads no clock: every call brings the moment. Its caller sends what each call returns to the
//! topic `actions`, and calls `tick` at the latest when `next_due` says.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::Duration;

use event::action::{Action, ActionId, Mode, State, What, Why};
use event::{Prefix, Timestamp};
use serde_json::Value;

use crate::actuate::Actuator;
use crate::audit::Audit;
use crate::config::Config;
use crate::firewall::Firewall;
use crate::host::Host;
use crate::journal::{Journal, JournalError};
use crate::ledger::Ledger;
use crate::metrics::Metrics;
use crate::plan::{self, Ground, Plan, Source};
use crate::playbook::{self, MAX_PLAYBOOKS, MAX_TTL, Playbook, Refusal};
use crate::verify::{Course, Sensor};

mod act;
mod check;
pub mod feed;
mod take;

/// How long a computed protected set serves for planning; the actuator computes its own each time.
const PROTECTED_FOR: Duration = Duration::from_secs(1);

/// Why an order was not carried out.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// There is no such action.
    #[error("there is no action {0}")]
    Unknown(ActionId),
    /// It is in another state than the order needs.
    #[error("{id} is {state}")]
    State {
        /// Which action.
        id: ActionId,
        /// Its state.
        state: &'static str,
    },
    /// The firewall did not change.
    #[error("{0}")]
    Firewall(String),
}

/// The responder over a firewall and a host.
pub struct Responder<F, H> {
    config: Config,
    actuator: Actuator<F, H>,
    sensor: Option<Sensor>,
    playbooks: Vec<Playbook>,
    ledger: Ledger,
    journal: Option<Journal>,
    audit: Option<Audit>,
    metrics: Metrics,
    protected_at: Option<Timestamp>,
    /// When what is in force was held against the protected set.
    followed_at: Option<Timestamp>,
    /// Whether anything was written that may not be on the disk yet.
    unsaved: bool,
    /// Whether the firewall was made to agree with the journal since the start.
    recovered: bool,
    /// When each action is verified next, and how often it was.
    checks: BTreeSet<(Timestamp, ActionId)>,
    rounds: BTreeMap<ActionId, usize>,
    /// Actions whose connections are to be ended.
    endings: BTreeSet<ActionId>,
    ended: BTreeMap<ActionId, u32>,
    courses: BTreeMap<ActionId, Course>,
    next_sweep: Timestamp,
    /// Minute and how many actions were carried out in it.
    minute: (i64, u32),
    /// What was last wrong with journal or audit log, so that it is said once.
    trouble: Option<String>,
    /// What changed and was not handed out yet.
    out: Vec<Action>,
    /// Tells the moments within a call; without it all of a call is one moment.
    clock: Option<fn() -> Timestamp>,
}

impl<F: Firewall, H: Host> Responder<F, H> {
    /// Opens journal and audit log, and makes the firewall agree with what the journal says: what
    /// has run out since is taken back, what was lost is put back.
    pub fn open(
        config: Config,
        firewall: F,
        host: H,
        now: Timestamp,
    ) -> Result<Self, JournalError> {
        Metrics::describe();
        let mut ledger = Ledger::default();
        let (mut journal, mut audit, mut unreadable) = (None, None, 0);
        if let Some(folder) = &config.folder {
            let failed = |path: &Path, source| JournalError::Io {
                path: path.to_owned(),
                source,
            };
            fs::create_dir_all(folder).map_err(|error| failed(folder, error))?;
            let (opened, read, bad) = Journal::open(&folder.join("actions.jsonl"))?;
            (journal, ledger, unreadable) = (Some(opened), read, bad);
            let path = folder.join("audit.jsonl");
            audit = Some(Audit::open(&path, now).map_err(|error| failed(&path, error))?);
        }
        let mut responder = Responder {
            config,
            actuator: Actuator::new(firewall, host),
            sensor: None,
            playbooks: Vec::new(),
            ledger,
            journal,
            audit,
            metrics: Metrics::default(),
            protected_at: None,
            followed_at: None,
            unsaved: false,
            recovered: false,
            checks: BTreeSet::new(),
            rounds: BTreeMap::new(),
            endings: BTreeSet::new(),
            ended: BTreeMap::new(),
            courses: BTreeMap::new(),
            next_sweep: now,
            minute: (0, 0),
            trouble: None,
            out: Vec::new(),
            clock: None,
        };
        let words = format!(
            "mode {:?}, {} open actions, {unreadable} unreadable lines in the journal",
            responder.config.mode,
            responder.ledger.open_count()
        );
        responder.note(now, "started", &words);
        responder.recover(now);
        responder.save();
        Ok(responder)
    }

    /// Gives it a sensor to ask.
    pub fn watch(&mut self, sensor: Sensor) {
        self.sensor = Some(sensor);
    }

    /// Gives it a clock, so that `planned`, `executed` and `changed` of an action tell how long each
    /// part took. Decisions go by the moment that a call brings.
    pub fn timed_by(&mut self, clock: fn() -> Timestamp) {
        self.clock = Some(clock);
    }

    /// The moment within a call that began at `now`.
    fn moment(&self, now: Timestamp) -> Timestamp {
        self.clock.map_or(now, |clock| clock().max(now))
    }

    /// Reads playbooks from files' names and texts and takes them in place of the old ones; a file
    /// that is read again keeps nothing of before.
    pub fn load(&mut self, files: &[(String, String)], now: Timestamp) -> Vec<Refusal> {
        let mut playbooks: Vec<Playbook> = Vec::new();
        let mut refusals = Vec::new();
        for (file, text) in files {
            let (read, refused) = playbook::read(file, text);
            refusals.extend(refused);
            for playbook in read {
                let reason = if playbooks.len() >= MAX_PLAYBOOKS {
                    format!("{}: more than {MAX_PLAYBOOKS} playbooks", playbook.name)
                } else if playbooks.iter().any(|other| other.name == playbook.name) {
                    format!("a playbook of the name {:?} was read before", playbook.name)
                } else {
                    playbooks.push(playbook);
                    continue;
                };
                refusals.push(Refusal {
                    place: playbook.place,
                    reason,
                });
            }
        }
        self.playbooks = playbooks;
        let words = format!("{} taken, {} refused", self.playbooks.len(), refusals.len());
        self.note(now, "playbooks", &words);
        self.save();
        refusals
    }

    /// Whether an event of this `event_type` could make any playbook act; the others need no reading.
    #[must_use]
    pub fn may_answer(&self, kind: Option<&str>) -> bool {
        let mut playbooks = self.playbooks.iter();
        playbooks.any(|playbook| playbook.when.kinds().may_be(kind))
    }

    /// Holds the playbooks against an EVE record and does what they say.
    pub fn on_event(&mut self, record: &Value, now: Timestamp) -> Vec<Action> {
        let changed = self.on_record(Source::Event, record, None, now);
        self.save_batch();
        changed
    }

    /// The same for an incident.
    pub fn on_incident(&mut self, record: &Value, now: Timestamp) -> Vec<Action> {
        let changed = self.on_record(Source::Incident, record, None, now);
        self.save_batch();
        changed
    }

    /// The same for either, and for one that was put on the bus at a known moment. What it did is on the
    /// disk once [`save_batch`](Self::save_batch) was called, or the next `tick`.
    pub fn on_record(
        &mut self,
        source: Source,
        record: &Value,
        published: Option<Timestamp>,
        now: Timestamp,
    ) -> Vec<Action> {
        if source == Source::Event {
            self.metrics.events += 1;
        }
        if self.playbooks.is_empty() || source == Source::Incident && !is_answered(record) {
            return self.hand_out();
        }
        self.know_protected(now);
        let ground = Ground {
            ledger: &self.ledger,
            protected: self.actuator.protected(),
            mode: self.config.mode,
            published,
            now,
        };
        let plans = plan::plan(&self.playbooks, source, record, &ground);
        if !plans.is_empty() {
            self.take_on(plans, now);
            self.unsaved = true;
        }
        self.hand_out()
    }

    /// Waits for the disk, once for a batch of records.
    pub fn save_batch(&mut self) {
        if self.unsaved {
            self.save();
        }
    }

    /// Does what a person orders, whatever the mode of the installation: the order is the consent.
    pub fn order(&mut self, what: What, ttl: Duration, why: Why, now: Timestamp) -> Vec<Action> {
        self.know_protected(now);
        let ground = Ground {
            ledger: &self.ledger,
            protected: self.actuator.protected(),
            mode: Mode::Enforce,
            published: None,
            now,
        };
        let ttl = ttl.clamp(Duration::from_secs(1), MAX_TTL);
        let plan = plan::order(what, ttl, Mode::Enforce, why, &ground);
        self.take_on(vec![plan], now);
        self.save();
        self.hand_out()
    }

    /// Orders a block.
    pub fn block(
        &mut self,
        target: Prefix,
        ttl: Duration,
        person: &str,
        reason: &str,
        now: Timestamp,
    ) -> Vec<Action> {
        let why = Why {
            reason: reason.to_owned(),
            person: Some(person.to_owned()),
            ..Why::default()
        };
        self.order(What::Block { target }, ttl, why, now)
    }

    /// Carries out an action that waits for approval; its time begins now.
    pub fn approve(
        &mut self,
        id: ActionId,
        person: &str,
        now: Timestamp,
    ) -> Result<Vec<Action>, OrderError> {
        let action = self.ledger.get(id).ok_or(OrderError::Unknown(id))?;
        if action.state != State::AwaitingApproval {
            return Err(OrderError::State {
                id,
                state: action.state.name(),
            });
        }
        let mut action = action.clone();
        action.why.person = Some(person.to_owned());
        action.mode = Mode::Enforce;
        action.state = State::Planned;
        action.ends = now + Duration::from_secs(action.ttl_secs);
        action.changed = now;
        self.set(action);
        self.execute(&[id], now);
        self.save();
        Ok(self.hand_out())
    }

    /// Does all that is due: ends what has run out, ends connections, verifies, repairs.
    pub fn tick(&mut self, now: Timestamp) -> Vec<Action> {
        if !self.recovered {
            self.recover(now);
        }
        self.expire(now);
        self.end_connections(now);
        self.follow_protected(now);
        self.check(now);
        self.save();
        self.metrics.show();
        self.hand_out()
    }

    /// When `tick` should be called at the latest.
    #[must_use]
    pub fn next_due(&self, now: Timestamp) -> Timestamp {
        if !self.endings.is_empty() {
            return now;
        }
        let check = self.checks.first().map(|(at, _)| *at);
        let idle = now + PROTECTED_FOR;
        [check, self.ledger.next_end()]
            .into_iter()
            .flatten()
            .fold(idle, Timestamp::min)
            .max(now)
    }

    /// All actions that are known, oldest first.
    pub fn list(&self) -> impl Iterator<Item = &Action> {
        self.ledger.iter()
    }

    /// One action.
    #[must_use]
    pub fn get(&self, id: ActionId) -> Option<&Action> {
        self.ledger.get(id)
    }

    /// What was counted.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// The playbooks that were taken.
    #[must_use]
    pub fn playbooks(&self) -> &[Playbook] {
        &self.playbooks
    }

    /// The firewall and the host, for looking at them.
    #[must_use]
    pub fn actuator(&self) -> &Actuator<F, H> {
        &self.actuator
    }

    /// The host; a model of one is changed by its test.
    pub fn host_mut(&mut self) -> &mut H {
        &mut self.actuator.host
    }

    /// What is wrong with journal or audit log at this moment.
    #[must_use]
    pub fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    fn take_on(&mut self, plans: Vec<Plan>, now: Timestamp) {
        let mut enforced = Vec::new();
        let planned = self.moment(now);
        for plan in plans {
            let state = match &plan.refused {
                Some(cause) => State::Refused {
                    cause: cause.clone(),
                },
                None if plan.mode == Mode::Ask => State::AwaitingApproval,
                None => State::Planned,
            };
            let action = Action {
                id: self.ledger.take_id(),
                what: plan.what,
                ttl_secs: plan.ttl.as_secs(),
                mode: plan.mode,
                why: plan.why,
                returned: plan.returned,
                state,
                planned,
                executed: None,
                ends: now + Duration::from_secs(plan.ttl.as_secs()),
                changed: planned,
                undo: None,
            };
            match (&action.state, action.mode) {
                (State::Planned, Mode::Enforce) => enforced.push(action.id),
                (State::Planned, _) => {
                    tracing::info!(id = %action.id, "would {} for {} s: {}",
                        action.what, action.ttl_secs, action.why.reason);
                }
                _ => {}
            }
            let (id, is_passing) = (action.id, plan.refused.as_deref() == Some(plan::TOO_MANY));
            self.set(action);
            if is_passing {
                self.ledger.forget_refusal(id);
            }
        }
        self.execute(&enforced, now);
    }

    /// Every new state of an action goes this way: ledger, journal, audit log, topic.
    fn set(&mut self, action: Action) {
        self.metrics.state(&action.state);
        if let Some(audit) = &mut self.audit {
            audit.action(action.changed, &action);
        }
        let written = self.journal.as_mut().map(|journal| journal.append(&action));
        self.heed(written);
        match &action.state {
            State::Ineffective { cause, .. } => {
                tracing::warn!(id = %action.id, "{} is ineffective: {cause}", action.what);
            }
            State::Refused { cause } => {
                tracing::warn!(id = %action.id, "refused to {}: {cause}", action.what);
            }
            state => tracing::info!(id = %action.id, "{}: {}", action.what, state.name()),
        }
        self.out.push(action.clone());
        self.ledger.put(action);
    }

    fn note(&mut self, now: Timestamp, step: &str, words: &str) {
        if let Some(audit) = &mut self.audit {
            audit.note(now, step, words);
        }
    }

    /// Waits for the disk, after the firewall has what it needs.
    fn save(&mut self) {
        if self.out.is_empty() && self.trouble.is_none() && !self.unsaved {
            return;
        }
        self.unsaved = false;
        let synced = self
            .journal
            .as_mut()
            .map(|journal| journal.sync(&self.ledger));
        let logged = self.audit.as_mut().map(Audit::sync);
        self.trouble_is_over();
        self.heed(synced);
        self.heed(logged);
    }

    fn trouble_is_over(&mut self) {
        self.trouble = None;
    }

    fn heed<E: std::fmt::Display>(&mut self, result: Option<Result<(), E>>) {
        if let Some(Err(error)) = result {
            self.metrics.log_errors += 1;
            let words = error.to_string();
            if self.trouble.as_deref() != Some(&words) {
                tracing::error!("actions go on, but their log cannot be written: {words}");
            }
            self.trouble = Some(words);
        }
    }

    fn hand_out(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.out)
    }

    fn know_protected(&mut self, now: Timestamp) {
        let is_fresh = self
            .protected_at
            .is_some_and(|at| now.since(at) < PROTECTED_FOR && at <= now);
        if !is_fresh && self.actuator.refresh(now).is_ok() {
            self.protected_at = Some(now);
        }
    }
}

/// Whether an incident may be answered: one about an answer that failed needs no answer of its own,
/// and what is over needs none any more.
fn is_answered(incident: &Value) -> bool {
    let says = |key: &str, word: &str| incident.get(key).and_then(Value::as_str) == Some(word);
    !says("kind", "response") && !says("status", "closed")
}

#[cfg(test)]
mod tests;
