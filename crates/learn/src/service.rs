//! The role `learn`: reads flows from a topic, scores them in batches, publishes findings.
//!
//! in: `events` (`flow` records with `ratel.features`); out: `events` (`alert` records of generator 7001).
//!
//! What was read is committed before it is scored: a crash leaves some flows unscored, and tells none twice.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use bus::{Bus, Publisher, Seen, Start, Subscription};
use event::{Timestamp, Topic};

use crate::budget::Verdict;
use crate::config::{Config, ConfigError};
use crate::drift;
use crate::kept::{self, Folder};
use crate::metrics;
use crate::model::{self, Model};
use crate::record::Flow;
use crate::scale::Missing;
use crate::score::{Finding, Scorer};

/// The group in which it reads the topic.
const GROUP: &str = "learn";
/// The longest wait for records: a stop is seen this late at most.
const WAIT: Duration = Duration::from_millis(200);
/// Batches of records read between two rounds of scoring: what waits longer is on the bus.
const READS: usize = 64;
/// Ids of records that are remembered, so that a repeat is scored once.
const SEEN: usize = 65_536;
/// How often the threshold is kept, besides before findings are told.
const KEEP: Duration = Duration::from_secs(60);
/// How often it is told how much was beyond the budget, or dropped.
const TELL: Duration = Duration::from_secs(600);
/// How long after a finding was dropped it is said so, where none comes after it that could go.
const DROPPED: Duration = TELL;
/// How long flows that wait are still scored at a stop.
const DRAIN: Duration = Duration::from_secs(2);

/// What the role needs of the process.
#[derive(Clone)]
pub struct Ports {
    /// The clock.
    pub now: fn() -> Timestamp,
    /// The model that ships with the program.
    pub shipped: &'static [u8],
    /// Names of the columns that records have.
    pub known: Vec<&'static str>,
    /// Where it keeps what must outlive it.
    pub data_dir: PathBuf,
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
    /// The model.
    #[error(transparent)]
    Model(#[from] model::Error),
    /// A model that was trained on something else than the sensor's flows.
    #[error("the model does not fit the sensor's flows: {0}")]
    Fit(#[from] Missing),
}

/// How the role is, for who watches it.
pub trait Voice {
    /// All is well.
    fn runs(&self);
    /// Something that it should do it can't.
    fn limps(&self, why: &str);
}

/// The role `learn`.
pub struct Learn {
    /// Settings.
    pub config: Config,
    /// The topics.
    pub bus: Bus,
    /// What it needs of the process.
    pub ports: Ports,
}

impl Learn {
    /// Works until `is_stopped`. Blocks its thread.
    ///
    /// # Errors
    /// A wrong setting, a model that can't be read or does not fit; topics fail.
    pub fn run(&self, is_stopped: &dyn Fn() -> bool, voice: &dyn Voice) -> Result<(), Error> {
        metrics::describe();
        self.config.check()?;
        let (model, name) = self.model()?;
        tracing::info!(model = model.manifest.name, "flows are scored");
        let mut scorer = Scorer::new(model, &self.config, &self.ports.known)?;
        let folder = Folder(self.ports.data_dir.clone());
        if let Some(kept) = folder.read()
            && !scorer.go_on(kept, &name, self.now_us())
        {
            tracing::info!(
                threshold = scorer.threshold(),
                "the model is another than before: the threshold begins anew with the model's"
            );
        }
        let mut round = Round {
            learn: self,
            scorer,
            folder,
            model: name,
            queue: VecDeque::new(),
            seen: Seen::new(SEEN),
            publisher: self.bus.publisher(Topic::Events),
            gathering: None,
            shed: 0,
            moved: Vec::new(),
            beyond: 0,
            told: Instant::now(),
            dropped: 0,
            full: None,
            complained: None,
        };
        let mut records = self
            .bus
            .subscribe_from(GROUP, &[Topic::Events], Start::Newest)?;
        let mut kept = Instant::now();
        while !is_stopped() {
            match round.trouble() {
                Some(why) => voice.limps(&why),
                None => voice.runs(),
            }
            round.read(&mut records)?;
            round.score_due()?;
            if kept.elapsed() > KEEP {
                kept = Instant::now();
                round.keep();
            }
        }
        let ends = Instant::now();
        while !round.queue.is_empty() && ends.elapsed() < DRAIN {
            round.score()?;
        }
        // Other roles have their own to finish.
        metrics::shed(round.queue.len() as u64);
        round.keep();
        Ok(())
    }

    fn now_us(&self) -> i64 {
        (self.ports.now)().nanos().div_euclid(1_000)
    }

    /// The model, and the name of its file's content.
    fn model(&self) -> Result<(Model, String), model::Error> {
        let Some(path) = &self.config.model else {
            let place = "the model that ships with the program".as_ref();
            let model = Model::from_bytes(place, self.ports.shipped)?;
            return Ok((model, kept::name_of(self.ports.shipped)));
        };
        let model = Model::load(path)?;
        // It was read a moment ago: where it is gone since, what is kept is of no model.
        Ok((model, kept::name_of_file(path).unwrap_or_default()))
    }
}

/// What is at hand from round to round.
struct Round<'a> {
    learn: &'a Learn,
    scorer: Scorer,
    folder: Folder,
    /// The name of the model file's content.
    model: String,
    queue: VecDeque<Flow>,
    seen: Seen,
    publisher: Publisher,
    /// Since when the flows that wait have waited.
    gathering: Option<Instant>,
    /// Flows left unscored since the last look.
    shed: u64,
    /// Features that moved.
    moved: Vec<String>,
    /// Findings beyond the budget since it was told how many.
    beyond: u64,
    told: Instant,
    /// Findings for which the bus had no room, since one last went.
    dropped: u64,
    /// When the bus had no room the last time, and how long that took to be sure of; none since one went.
    full: Option<(Instant, Duration)>,
    /// When that was complained of last.
    complained: Option<Instant>,
}

impl Round<'_> {
    fn trouble(&mut self) -> Option<String> {
        let shed = std::mem::take(&mut self.shed);
        if self.full.is_some_and(|(then, _)| then.elapsed() > DROPPED) {
            (self.full, self.dropped) = (None, 0);
        }
        if shed > 0 {
            return Some(format!(
                "{shed} flows were left unscored: more come than can be scored"
            ));
        }
        let dropped = self.dropped;
        (dropped > 0).then(|| format!("{dropped} findings were dropped: the bus has no room"))
    }

    /// Who can't keep it begins with the model's threshold and a whole budget after a start.
    fn keep(&self) {
        let kept = self.scorer.kept(&self.model, self.learn.now_us());
        if let Err(error) = self.folder.write(&kept) {
            tracing::warn!(
                "threshold and budget cannot be kept in {}: {error}",
                self.folder.0.display()
            );
        }
    }

    /// Takes what is there, and waits where nothing waits to be scored.
    fn read(&mut self, records: &mut Subscription) -> Result<(), Error> {
        let gather = Duration::from_millis(self.learn.config.gather_ms);
        let mut wait = match self.gathering {
            Some(since) => gather.saturating_sub(since.elapsed()).min(WAIT),
            None => WAIT,
        };
        for _ in 0..READS {
            let Some(batch) = records.next(wait)? else {
                break;
            };
            wait = Duration::ZERO;
            for delivery in batch.iter() {
                if event::record::kind(delivery.value) == Some("flow")
                    && self.seen.first(delivery.id)
                {
                    self.take(delivery.value, delivery.time);
                }
            }
            records.commit(&batch)?;
        }
        Ok(())
    }

    fn take(&mut self, value: &[u8], published: Timestamp) {
        // A record that is no JSON is its writer's trouble, and told by others.
        let record = serde_json::from_slice(value).ok();
        let Some(mut flow) = record.and_then(|record| self.scorer.columns().flow(&record)) else {
            return;
        };
        flow.published_us = published.nanos().div_euclid(1_000);
        // A sensor whose clock is ahead must not end our days before their time.
        flow.at_us = flow.at_us.min(flow.published_us);
        metrics::read();
        self.queue.push_back(flow);
        self.gathering.get_or_insert_with(Instant::now);
        if self.queue.len() > self.learn.config.queue {
            self.queue.pop_front();
            self.shed += 1;
            metrics::shed(1);
        }
    }

    fn score_due(&mut self) -> Result<(), Error> {
        let gather = Duration::from_millis(self.learn.config.gather_ms);
        let is_due = self
            .gathering
            .is_some_and(|since| since.elapsed() >= gather);
        if is_due || self.queue.len() >= self.learn.config.batch {
            self.score()?;
        }
        Ok(())
    }

    fn score(&mut self) -> Result<(), Error> {
        let count = self.queue.len().min(self.learn.config.batch);
        let flows: Vec<Flow> = self.queue.drain(..count).collect();
        if self.queue.is_empty() {
            self.gathering = None;
        }
        let begun = Instant::now();
        self.scorer.not_after(self.learn.now_us());
        let scored = self.scorer.score(&flows)?;
        let took = begun.elapsed().as_secs_f64();
        let (waiting, hosts) = (self.queue.len(), self.scorer.hosts());
        metrics::batch(flows.len(), took, waiting, hosts, self.scorer.threshold());
        if scored.findings.iter().any(|found| found.record.is_some()) {
            // What is told now must count after a crash as well.
            self.keep();
        }
        self.tell(&scored.findings)?;
        if self.beyond > 0 && self.told.elapsed() > TELL {
            let (beyond, budget) = (self.beyond, self.learn.config.budget_per_day);
            tracing::warn!(
                "{beyond} findings were not told: more than {budget} incidents a day (learn.budget_per_day)"
            );
            (self.beyond, self.told) = (0, Instant::now());
        }
        if !scored.drift.is_empty() {
            self.note_drift(scored.drift);
        }
        Ok(())
    }

    /// Publishes findings. Where the bus has no room they are dropped, the rest of them untried: it may be full of
    /// what this role has yet to read. The budget has them back: who fills the bus must not use up the day with what
    /// nobody hears.
    fn tell(&mut self, findings: &[Finding]) -> Result<(), Error> {
        // It waits for the bus half of its time at most.
        let mut is_full = self.full.is_some_and(|(then, took)| then.elapsed() < took);
        let mut untold = Vec::new();
        for finding in findings {
            self.beyond += u64::from(finding.verdict == Verdict::Beyond);
            let Some(record) = &finding.record else {
                metrics::finding(finding.verdict);
                continue;
            };
            is_full = is_full || !self.publish(record, finding.published_us)?;
            match is_full {
                true => {
                    self.drop_one();
                    untold.push(finding);
                }
                false => metrics::finding(finding.verdict),
            }
        }
        if !untold.is_empty() {
            self.scorer.give_back(untold);
            self.keep();
        }
        Ok(())
    }

    fn drop_one(&mut self) {
        metrics::dropped();
        self.dropped += 1;
        if self.complained.is_none_or(|then| then.elapsed() > TELL) {
            self.complained = Some(Instant::now());
            tracing::warn!(
                "a finding was dropped: the bus has no room (ratel_learn_findings_total, dropped)"
            );
        }
    }

    /// Whether the bus took it.
    fn publish(&mut self, record: &serde_json::Value, published_us: i64) -> Result<bool, Error> {
        let Ok(line) = serde_json::to_vec(record) else {
            return Ok(true);
        };
        let begun = Instant::now();
        match self.publisher.publish(event::record::key(&line), &line) {
            Ok(_) => (self.full, self.dropped) = (None, 0),
            Err(error) if error.is_back_pressure() => {
                self.full = Some((Instant::now(), begun.elapsed()));
                return Ok(false);
            }
            Err(error) => return Err(error.into()),
        }
        #[allow(clippy::cast_precision_loss)]
        let seconds = self.learn.now_us().saturating_sub(published_us) as f64 / 1e6;
        metrics::latency(seconds);
        Ok(true)
    }

    fn note_drift(&mut self, mut indices: Vec<(String, f64)>) {
        indices.sort_by(|a, b| b.1.total_cmp(&a.1));
        for (feature, index) in &indices {
            metrics::drift(feature, *index);
        }
        let moved = indices
            .into_iter()
            .filter(|(_, index)| *index > drift::MOVED);
        let moved: Vec<String> = moved.map(|(feature, _)| feature).collect();
        // Traffic of another place than the model's is always other traffic: said once, and always a metric.
        if let (true, Some(most)) = (self.moved.is_empty(), moved.first()) {
            let count = moved.len();
            tracing::warn!(
                "{count} features moved away from the training data, the most: {most}; train the model anew"
            );
        }
        self.moved = moved;
    }
}
