//! The role: reads topics, keeps what it knows, publishes incidents and hands changes to who tells people.
//!
//! Each round keeps incidents and position in one transaction, then publishes and tells, then commits
//! what was read. A crash between any two of these repeats records under their names, never loses one.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bus::{Batch, Bus, Publisher, Seen, Start, Subscription};
use event::{RecordId, Timestamp, Topic};
use state::State;
use tokio::runtime::Handle;

use crate::assets::{self, Asset, Assets};
use crate::book::{self, Position};
use crate::change::Change;
use crate::config::{Config, ConfigError};
use crate::desk::{Desk, Incoming};
use crate::engine::{Engine, Outgoing};
use crate::follow::Followed;
use crate::metrics;
use crate::sigma::{self, Verdict};
use crate::silence::Compile;

/// The group in which it reads topics.
const GROUP: &str = "alert";
/// Between two looks at what changed: a first-seen attack is told within this and the time to settle.
const ROUND: Duration = Duration::from_millis(200);
/// Between two looks at what people changed and at files, where no order hints at it.
const LOOK: Duration = Duration::from_secs(2);
/// Batches that may wait for a commit: memory, and work that a crash repeats.
const MAX_WAITING: usize = 64;
/// Ids of records that are remembered, so that a repeat is counted once.
const SEEN: usize = 65_536;
/// Tries to publish where the bus has no room; each waits by itself for a while.
const TRIES: u32 = 30;

/// Tells people of a change. Returns when the change survives a crash; a repeat is known by its name.
pub type Tell = Arc<dyn Fn(&Change) + Send + Sync>;

/// What the role needs of the process.
#[derive(Clone)]
pub struct Ports {
    /// The clock.
    pub now: fn() -> Timestamp,
    /// The store's language.
    pub compile: Compile,
    /// Who tells people.
    pub tell: Tell,
}

/// Why the role ends.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting that can't be.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The bus.
    #[error("topics cannot be read or written: {0}")]
    Bus(#[from] bus::Error),
    /// The state.
    #[error(transparent)]
    State(#[from] state::Error),
}

/// How the role is, for who watches it.
pub trait Voice {
    /// All is well.
    fn runs(&self);
    /// Something that it should do it can't.
    fn limps(&self, why: &str);
}

/// The role `alert`.
pub struct Alert {
    /// Settings.
    pub config: Config,
    /// The topics.
    pub bus: Bus,
    /// Where incidents are kept.
    pub state: State,
    /// What it needs of the process.
    pub ports: Ports,
}

impl Alert {
    /// Works until `is_stopped`. Blocks its thread; `handle` drives the database.
    ///
    /// # Errors
    /// A wrong setting; topics or the database fail. Started again it goes on where it was.
    pub fn run(
        &self,
        handle: &Handle,
        is_stopped: &dyn Fn() -> bool,
        voice: &dyn Voice,
    ) -> Result<(), Error> {
        let mut round = self.begin(handle)?;
        let topics = [Topic::Events, Topic::Actions, Topic::Orders];
        let mut records = self.bus.subscribe_from(GROUP, &topics, Start::Oldest)?;
        let mut seen = Seen::new(SEEN);
        let mut waiting: Vec<Batch> = Vec::new();
        let mut last = Instant::now();
        while !is_stopped() {
            match round.trouble.iter().flatten().next() {
                Some(why) => voice.limps(why),
                None => voice.runs(),
            }
            let wait = ROUND.saturating_sub(last.elapsed());
            if let Some(batch) = records.next(wait)? {
                round.take(&batch, &mut seen);
                waiting.push(batch);
            }
            if last.elapsed() >= ROUND || waiting.len() >= MAX_WAITING {
                last = Instant::now();
                round.go(&mut waiting, &records)?;
            }
        }
        round.go(&mut waiting, &records)?;
        // What was told with the last round is told.
        round.save()
    }

    fn begin<'a>(&'a self, handle: &'a Handle) -> Result<Round<'a>, Error> {
        metrics::describe();
        let homes = Arc::new(self.config.homes()?);
        let mut engine = Engine::new(self.config.policy()?, homes.clone());
        let found = handle.block_on(book::load(&self.state))?;
        for why in &found.broken {
            tracing::error!("something that was kept cannot be read: {why}");
        }
        let now = (self.ports.now)();
        let mut late: Vec<(Outgoing, Change)> = Vec::new();
        let mut number = found.position.told;
        for kept in &found.kept {
            let Some(outgoing) = &kept.memory.outgoing else {
                continue;
            };
            number = number.max(outgoing.number);
            if outgoing.number > found.position.told {
                let change = Change {
                    incident: kept.incident.clone(),
                    what: outgoing.what.clone(),
                    telling: outgoing.telling,
                    at: outgoing.at,
                };
                late.push((outgoing.clone(), change));
            }
        }
        late.sort_by_key(|(outgoing, _)| outgoing.number);
        let count = found.kept.len();
        engine.restore(found.kept);
        if count > 0 {
            tracing::info!("{count} incidents go on");
        }
        let mut round = Round {
            alert: self,
            handle,
            desk: Desk::new(engine, homes),
            position: found.position,
            number,
            publisher: self.bus.publisher(Topic::Incidents),
            assets: Followed::new(self.config.assets.iter().cloned().collect(), &[]),
            sigma: Followed::new(self.config.sigma.clone(), &["yml", "yaml"]),
            looked: None,
            hinted: true,
            has_told: false,
            trouble: [None, None],
        };
        if round.position.triaged == Timestamp::default() {
            round.position.triaged = now;
        }
        round.look()?;
        for (outgoing, change) in &late {
            round.send(outgoing, change)?;
        }
        Ok(round)
    }
}

/// What is at hand from round to round.
struct Round<'a> {
    alert: &'a Alert,
    handle: &'a Handle,
    desk: Desk,
    position: Position,
    /// The number of the last change.
    number: u64,
    publisher: Publisher,
    assets: Followed,
    sigma: Followed,
    looked: Option<Instant>,
    /// Somebody said that people changed something.
    hinted: bool,
    /// Something was told since the position was kept.
    has_told: bool,
    /// What is amiss with assets, and with Sigma rules.
    trouble: [Option<String>; 2],
}

impl Round<'_> {
    fn take(&mut self, batch: &Batch, seen: &mut Seen) {
        for gap in batch.gaps() {
            tracing::warn!("records of {} are missing: {:?}", gap.topic, gap);
        }
        let now = (self.alert.ports.now)();
        for delivery in batch.iter() {
            let (topic, partition) = (delivery.topic, delivery.partition);
            let is_new = self
                .position
                .pass(topic, partition, delivery.offset, delivery.time);
            if !is_new || !seen.first(delivery.id) {
                continue;
            }
            let incoming = Incoming {
                topic,
                id: &delivery.id.to_string(),
                published: delivery.time,
                value: delivery.value,
            };
            self.hinted |= self.desk.take(&incoming, now);
        }
    }

    /// One round: what changed is kept, published, told; then what was read is committed.
    fn go(&mut self, waiting: &mut Vec<Batch>, records: &Subscription) -> Result<(), Error> {
        let is_due = self.looked.is_none_or(|at| at.elapsed() >= LOOK);
        if is_due || self.hinted {
            self.look()?;
        }
        let now = (self.alert.ports.now)();
        let changes = self.desk.engine.tick(now);
        let mut outgoing = Vec::with_capacity(changes.len());
        for change in changes {
            self.number += 1;
            let out = Outgoing {
                number: self.number,
                record: self.publisher.new_id().to_string(),
                what: change.what.clone(),
                telling: change.telling,
                at: change.at,
            };
            self.desk.engine.remember(&change.incident.id, out.clone());
            metrics::change(&change);
            outgoing.push((out, change));
        }
        // Records that changed nothing need no new position: they are committed.
        if self.has_told || self.desk.engine.has_unsaved() {
            self.save()?;
        }
        for (out, change) in &outgoing {
            self.send(out, change)?;
        }
        for batch in waiting.drain(..) {
            records.commit(&batch)?;
        }
        metrics::engine(&self.desk.engine);
        Ok(())
    }

    fn save(&mut self) -> Result<(), Error> {
        let now = (self.alert.ports.now)();
        self.position.at = now;
        self.has_told = false;
        let engine = &mut self.desk.engine;
        let saved = book::save(&self.alert.state, engine, &self.position, now);
        Ok(self.handle.block_on(saved)?)
    }

    /// Publishes a change and has people told.
    fn send(&mut self, outgoing: &Outgoing, change: &Change) -> Result<(), Error> {
        let id = outgoing.record.parse::<RecordId>();
        let id = id.unwrap_or_else(|_| self.publisher.new_id());
        let key = change.incident.id.as_bytes();
        match serde_json::to_vec(&change.incident) {
            Ok(value) => {
                let mut tries = 0;
                while let Err(error) = self.publisher.publish_as(id, key, &value) {
                    tries += 1;
                    if !error.is_back_pressure() || tries >= TRIES {
                        return Err(error.into());
                    }
                }
            }
            Err(error) => tracing::error!("{} cannot be written: {error}", change.name()),
        }
        (self.alert.ports.tell)(change);
        self.position.told = self.position.told.max(outgoing.number);
        self.has_told = true;
        Ok(())
    }

    /// Looks at what people changed, and at files.
    fn look(&mut self) -> Result<(), Error> {
        self.looked = Some(Instant::now());
        self.hinted = false;
        let now = (self.alert.ports.now)();
        let (state, handle) = (&self.alert.state, self.handle);
        let active = handle.block_on(state.silences().active(now))?;
        let refused = self.desk.set_silences(active, &self.alert.ports.compile);
        for (id, why) in refused {
            tracing::error!("silence {id} hides nothing: {why}");
        }
        let decided = handle.block_on(state.incidents().triaged_since(self.position.triaged))?;
        for record in decided {
            let Some((_, at)) = record.triaged else {
                continue;
            };
            let id = &record.incident.id;
            if self.position.is_new_decision(id, record.version, at)
                && let Some(status) = record.triage_status
            {
                let triage = crate::engine::Triage {
                    id: id.clone(),
                    status,
                    why: record.closed_why.unwrap_or_default(),
                };
                self.desk.engine.on_triage(&triage, now);
            }
        }
        self.read_assets();
        self.read_sigma();
        Ok(())
    }

    fn read_sigma(&mut self) {
        let Some(read) = self.sigma.changed() else {
            return;
        };
        let [_, trouble] = &mut self.trouble;
        *trouble = None;
        let mut files = Vec::new();
        for (file, text) in read {
            match text {
                Ok(text) => files.push((file, text)),
                Err(why) => {
                    tracing::error!("{file}: {why}");
                    *trouble = Some(format!("{file}: {why}"));
                }
            }
        }
        let rules = sigma::read(&files, &self.alert.config.sigma_placeholders);
        let refused = |verdict: &&Verdict| matches!(verdict.state, sigma::State::Refused(_));
        let count = rules.verdicts().iter().filter(refused).count();
        for verdict in rules.verdicts().iter().filter(refused) {
            tracing::error!("Sigma rule {verdict}");
        }
        if let Some(first) = rules.verdicts().iter().find(refused) {
            *trouble = Some(format!("{count} Sigma rules refused, the first: {first}"));
        }
        metrics::sigma(rules.verdicts().len() - count, count);
        self.desk.sigma = rules;
    }

    fn read_assets(&mut self) {
        let Some(files) = self.assets.changed() else {
            return;
        };
        let [trouble, _] = &mut self.trouble;
        *trouble = None;
        let mut all: Vec<Asset> = Vec::new();
        for (file, text) in files {
            match text {
                Ok(text) => {
                    let (list, refusals) = assets::read(&file, &text);
                    all.extend(list);
                    for refusal in &refusals {
                        tracing::error!("asset refused: {refusal}");
                    }
                    if let Some(first) = refusals.first() {
                        *trouble = Some(format!("assets refused, the first: {first}"));
                    }
                }
                Err(why) => {
                    tracing::error!("{file}: {why}");
                    *trouble = Some(format!("{file}: {why}"));
                    // What is known is better than nothing.
                    return;
                }
            }
        }
        self.desk.set_assets(Assets::new(all));
    }
}
