//! Flows in, findings out: the core of the role, without clock and bus.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

use serde_json::Value;

use crate::budget::{Budget, Verdict};
use crate::config::Config;
use crate::kept::Kept;
use crate::model::{Kind, Model, Score};
use crate::record::{self, Columns, Flow, Told};
use crate::scale::Missing;
use crate::table::{NORMAL, Row, Table};
use crate::threshold::Follow;

/// Flows from which drift is told: a minute of a busy network, a day of a small one.
const DRIFT_FLOWS: usize = 5_000;

/// Scores flows as they end.
pub struct Scorer {
    model: Model,
    columns: Columns,
    config: Config,
    window: usize,
    hosts: HashMap<IpAddr, History>,
    budget: Budget,
    follow: Follow,
    /// The last flows, for drift.
    recent: Table,
}

/// What is remembered of a host: its last flows, oldest first.
#[derive(Default)]
struct History {
    flows: VecDeque<(i64, Vec<f32>)>,
    /// How suspicious each of them was by itself.
    own: VecDeque<f32>,
    last_us: i64,
}

/// A flow above the threshold.
#[derive(Debug)]
pub struct Finding {
    /// What becomes of it.
    pub verdict: Verdict,
    /// Its host.
    pub host: IpAddr,
    /// Its record; none where it is not told.
    pub record: Option<Value>,
    /// When its flow ended, microseconds since 1970.
    pub at_us: i64,
    /// When its flow was put on the bus.
    pub published_us: i64,
}

/// What a batch gave.
#[derive(Debug, Default)]
pub struct Scored {
    /// Flows above the threshold.
    pub findings: Vec<Finding>,
    /// How far each feature has moved, where enough flows came together.
    pub drift: Vec<(String, f64)>,
}

impl Scorer {
    /// Scores with this model; `known` are the columns that records have.
    ///
    /// # Errors
    /// The model was trained on columns that records don't have.
    pub fn new(model: Model, config: &Config, known: &[&str]) -> Result<Self, Missing> {
        let columns = Columns::of(model.scaler(), known)?;
        let window = match &model.kind {
            Kind::Clstm(_) => model.manifest.settings.window.max(1),
            Kind::Baseline(_) => 1,
        };
        let recent = model.manifest.recent.as_ref();
        let window = recent.map_or(window, |recent| window.max(recent.flows));
        Ok(Scorer {
            follow: Follow::new(config.budget_per_day, model.cut(config.budget_per_day)),
            budget: Budget::new(config.budget_per_day, config.findings_per_incident),
            recent: Table::new(columns.columns().to_vec()),
            hosts: HashMap::new(),
            config: config.clone(),
            columns,
            window,
            model,
        })
    }

    /// How records become flows.
    #[must_use]
    pub fn columns(&self) -> &Columns {
        &self.columns
    }

    /// Hosts that are remembered.
    #[must_use]
    pub fn hosts(&self) -> usize {
        self.hosts.len()
    }

    /// The suspicion above which a flow is a finding, just now.
    #[must_use]
    pub fn threshold(&self) -> f32 {
        self.follow.threshold
    }

    /// What to go on with after a start; `model` names the model's file, the clock says `now_us`.
    pub(crate) fn kept(&self, model: &str, now_us: i64) -> Kept {
        Kept {
            model: model.to_owned(),
            follow: self.follow.clone(),
            seen_us: self.follow.seen_until(now_us),
            spent: self.budget.spent(),
        }
    }

    /// Goes on where the role was ended; whether with the threshold as well. What was told of the day counts whatever
    /// the model is; a threshold is worth something only among scores of the model that made them. For another budget
    /// it is fitted anew.
    pub(crate) fn go_on(&mut self, kept: Kept, model: &str, now_us: i64) -> bool {
        self.budget.go_on(kept.spent);
        if kept.model != model || model.is_empty() || !kept.follow.threshold.is_finite() {
            return false;
        }
        let per_day = self.config.budget_per_day;
        let begin = self.follow.threshold;
        self.follow = kept.follow;
        self.follow.go_on(kept.seen_us, now_us);
        #[allow(clippy::float_cmp)]
        let is_other = self.follow.per_day != per_day;
        if is_other {
            self.follow.set_budget(per_day, begin);
        }
        true
    }

    /// The clock says so, microseconds since 1970: days that lie ahead of it are none.
    pub fn not_after(&mut self, now_us: i64) {
        self.budget.not_after(now_us);
        self.follow.not_after(now_us);
    }

    /// These findings could not be told, the last of those that were to be: the day's budget is not spent on them.
    pub fn give_back<'a>(&mut self, untold: impl IntoIterator<Item = &'a Finding>) {
        let untold = untold.into_iter().map(|found| (found.host, found.at_us));
        self.budget.give_back(untold);
    }

    /// Scores flows, each after those of its host before it.
    ///
    /// # Errors
    /// Never where the model fits; see [`Scorer::new`].
    pub fn score(&mut self, flows: &[Flow]) -> Result<Scored, Missing> {
        let (table, rows, new) = self.table(flows);
        let own = self.model.own(&table, &rows, &new)?;
        let scores = self.joined(flows, &own);
        let mut done = Scored::default();
        for ((flow, row), score) in flows.iter().zip(&new).zip(scores) {
            let threshold = self.follow.threshold;
            self.follow
                .see(number(flow.host), flow.at_us, score.suspicion);
            if score.suspicion > threshold {
                let found = self.find(flow, score, threshold, (&table, &rows, *row))?;
                done.findings.push(found);
            }
        }
        self.remember(flows, &own);
        done.drift = self.drift(flows)?;
        Ok(done)
    }

    /// Each flow's score, with what its host did just before.
    fn joined(&self, flows: &[Flow], own: &[Score]) -> Vec<Score> {
        let mut last: HashMap<IpAddr, VecDeque<f32>> = HashMap::new();
        let pairs = flows.iter().zip(own);
        pairs
            .map(|(flow, own)| {
                let last = last.entry(flow.host).or_insert_with(|| {
                    let history = self.hosts.get(&flow.host);
                    history
                        .map(|history| history.own.clone())
                        .unwrap_or_default()
                });
                last.push_back(own.suspicion);
                if last.len() > self.window {
                    last.pop_front();
                }
                self.model.joined(*own, last.iter().rev().copied())
            })
            .collect()
    }

    /// A table of what is remembered of the flows' hosts, then the flows themselves: all rows, and theirs.
    fn table(&self, flows: &[Flow]) -> (Table, Vec<usize>, Vec<usize>) {
        let mut table = Table::new(self.columns.columns().to_vec());
        let mut places: HashMap<IpAddr, u32> = HashMap::new();
        let push = |table: &mut Table, host, at_us, values: &[f32]| {
            let row = Row {
                host: Some(host),
                at_us,
                ..Row::default()
            };
            // A batch is far below what a table takes, and a row has a value for each column.
            let _ = table.push(row, values);
            table.len().saturating_sub(1)
        };
        for flow in flows {
            let next = u32::try_from(places.len()).unwrap_or(u32::MAX);
            if let std::collections::hash_map::Entry::Vacant(place) = places.entry(flow.host) {
                place.insert(next);
                let history = self.hosts.get(&flow.host);
                for (at_us, values) in history.iter().flat_map(|history| &history.flows) {
                    push(&mut table, next, *at_us, values);
                }
            }
        }
        let mut new = Vec::with_capacity(flows.len());
        for flow in flows {
            let host = places.get(&flow.host).copied().unwrap_or(u32::MAX);
            new.push(push(&mut table, host, flow.at_us, &flow.values));
        }
        let rows = (0..table.len()).collect();
        (table, rows, new)
    }

    fn find(
        &mut self,
        flow: &Flow,
        score: Score,
        threshold: f32,
        (table, rows, row): (&Table, &[usize], usize),
    ) -> Result<Finding, Missing> {
        let verdict = self.budget.finding(flow.host, flow.at_us);
        let mut finding = Finding {
            verdict,
            host: flow.host,
            record: None,
            at_us: flow.at_us,
            published_us: flow.published_us,
        };
        if verdict != Verdict::Tell {
            return Ok(finding);
        }
        let explanation = self.model.explain(table, rows, row)?;
        let manifest = &self.model.manifest;
        let class = score
            .class
            .filter(|class| *class != NORMAL)
            .map(usize::from);
        let class = class.and_then(|at| Some((at, manifest.classes.get(at)?.as_str())));
        let at = event::Timestamp::from_nanos(flow.at_us.saturating_mul(1_000));
        let told = Told {
            model: (&manifest.name, &manifest.version),
            score,
            threshold: (manifest.calibrated.probability(threshold), threshold),
            window: self.window,
            class,
            explanation: &explanation,
            timestamp: String::from_utf8_lossy(&at.to_eve()).into_owned(),
        };
        finding.record = Some(record::alert(flow, &told));
        Ok(finding)
    }

    fn remember(&mut self, flows: &[Flow], own: &[Score]) {
        // Each flow that may bear a finding with all of its own window, and the one before: the gap to it counts.
        let recent = self.model.manifest.recent.as_ref();
        let joined = recent.map_or(0, |recent| recent.flows);
        let most = self.window + joined;
        for (flow, own) in flows.iter().zip(own) {
            let history = self.hosts.entry(flow.host).or_default();
            history.last_us = history.last_us.max(flow.at_us);
            history.flows.push_back((flow.at_us, flow.values.clone()));
            history.own.push_back(own.suspicion);
            while history.flows.len() > most {
                history.flows.pop_front();
            }
            while history.own.len() > joined {
                history.own.pop_front();
            }
        }
        if self.hosts.len() > self.config.hosts {
            // A sixteenth at once, so that it is not looked for with each flow.
            let keep = self.config.hosts - self.config.hosts / 16;
            let mut times: Vec<i64> = self.hosts.values().map(|history| history.last_us).collect();
            let cut = self.hosts.len().saturating_sub(keep.max(1));
            let (_, last, _) = times.select_nth_unstable(cut.min(self.hosts.len() - 1));
            let last = *last;
            self.hosts.retain(|_, history| history.last_us >= last);
        }
    }

    fn drift(&mut self, flows: &[Flow]) -> Result<Vec<(String, f64)>, Missing> {
        for flow in flows {
            let _ = self.recent.push(Row::default(), &flow.values);
        }
        if self.recent.len() < DRIFT_FLOWS {
            return Ok(Vec::new());
        }
        let rows: Vec<usize> = (0..self.recent.len()).collect();
        let moved = self.model.manifest.drift.indices(&self.recent, &rows);
        self.recent = Table::new(self.columns.columns().to_vec());
        moved
    }
}

/// A host as the threshold knows it: equal hosts are equal, and few others are.
fn number(host: IpAddr) -> u32 {
    match host {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            let bits = u128::from(address);
            let folded = bits ^ (bits >> 64);
            #[allow(clippy::cast_possible_truncation)]
            let folded = (folded ^ (folded >> 32)) as u32;
            folded
        }
    }
}

#[cfg(test)]
mod tests;
