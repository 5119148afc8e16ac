//! The role `respond`: events, incidents and orders in, actions out.

pub mod config;
mod told;

use super::hands::Hands;
use super::supervise::Voice;
use crate::control::now;
use anyhow::{Result, ensure};
use bus::{Delivery, Start};
use config::Config;
use event::action::Action;
use event::order::{Order, What};
use event::{Timestamp, Topic};
use respond::feeds::follow::Follower;
use respond::feeds::{Feed, Feeds};
use respond::firewall::tool::Tool;
use respond::firewall::{self, Absent, Firewall};
use respond::harden::Hardener;
use respond::host::LinuxHost;
use respond::plan::Source;
use respond::verify::Sensor;
use respond::{OrderError, Responder};
use serde_json::Value;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;
use told::Told;

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

/// What the role needs to start, again and again.
#[derive(Clone)]
pub struct Answering {
    /// Playbooks, mode, who is protected.
    pub config: Config,
    /// Lists of addresses.
    pub feeds: Vec<Feed>,
    /// Where journal, audit log and what feeds said are kept.
    pub data_dir: PathBuf,
    /// The bus.
    pub bus: bus::Bus,
    /// Where it is seen which feeds are followed.
    pub hands: Arc<Hands>,
}

impl Answering {
    /// Answers with the firewall that this host has, until it is told to stop. Blocks its thread.
    ///
    /// # Errors
    /// Playbooks or the journal cannot be read, feeds make no sense, the bus fails.
    pub fn run(&self, sensor: Sensor, stop: &CancellationToken, voice: &Voice) -> Result<()> {
        let choose = || firewall::choose(&self.config.table, self.config.set_size);
        match choose() {
            Ok(firewall) => self.with(firewall, sensor, stop, voice, || Ok(None)),
            // What would be done is still told.
            Err(why) => {
                tracing::warn!("{why}: actions are told and can't be carried out");
                let mut looked = Instant::now();
                self.with(Absent::because(&why), sensor, stop, voice, || {
                    if looked.elapsed() > LOOK {
                        looked = Instant::now();
                        ensure!(choose().is_err(), "a firewall can be used now");
                    }
                    Ok(Some(why.clone()))
                })
            }
        }
    }

    /// The same with this firewall, until `trouble` says that it can't go on; else it says what is amiss.
    fn with<F: Firewall>(
        &self,
        firewall: F,
        sensor: Sensor,
        stop: &CancellationToken,
        voice: &Voice,
        mut trouble: impl FnMut() -> Result<Option<String>>,
    ) -> Result<()> {
        let host = LinuxHost::new(self.config.wishes());
        let config = self.config.of_crate(&self.data_dir);
        let mut responder = Responder::open(config, firewall, host, now())?;
        responder.timed_by(now);
        responder.watch(sensor);
        let refusals = responder.load(&config::playbooks(&self.config.playbooks)?, now());
        for refusal in &refusals {
            tracing::error!("playbook refused: {refusal}");
        }
        let refused = refusals.first().map(|first| {
            let count = refusals.len();
            format!("playbooks refused: {count}, the first: {first}")
        });
        self.end_trial();
        // Ends with this run of the role, however it ends.
        let run = stop.child_token();
        let _ends = run.clone().drop_guard();
        let folder = self.data_dir.join("feeds");
        let feeds = Arc::new(Feeds::open(self.feeds.clone(), Some(&folder), now())?);
        self.hands.follow(feeds.clone());
        if !self.feeds.is_empty() {
            fetch(feeds.clone(), run.clone())?;
        }
        let mut follower = Follower::default();
        let mut told = Told::on(&self.bus);
        let topics = [Topic::Orders, Topic::Incidents, Topic::Events];
        let mut records = self.bus.subscribe_from(GROUP, &topics, Start::Newest)?;
        let mut seen = bus::Seen::new(SEEN);
        while !stop.is_cancelled() {
            let amiss = trouble()?.or_else(|| refused.clone());
            match amiss.as_deref().or(responder.trouble()) {
                Some(why) => voice.limps(why),
                None => voice.runs(),
            }
            let mut changed = responder.tick(now());
            changed.extend(follower.follow(&feeds, &mut responder, now()));
            told.tell(&changed);
            let wait = responder.next_due(now()).since(now()).min(WAIT);
            let Some(batch) = records.next(wait)? else {
                continue;
            };
            for delivery in batch.iter() {
                if seen.first(delivery.id) {
                    let changed = take(&mut responder, &feeds, &delivery);
                    told.tell(&changed);
                }
            }
            responder.save_batch();
            records.commit(&batch)?;
        }
        Ok(())
    }

    /// Takes back a hardening that nobody confirmed, where the process that waited for it was killed.
    fn end_trial(&self) {
        let folder = self.data_dir.join("harden");
        if !folder.exists() {
            return;
        }
        let hardener = Hardener::new(Tool::named("nft"), &folder);
        match hardener.take_back(now()) {
            Ok(true) => tracing::warn!("a hardening that nobody confirmed was taken back"),
            Ok(false) => {}
            Err(error) => tracing::warn!("a hardening cannot be taken back: {error}"),
        }
    }
}

/// Fetches feeds in a thread of its own, which nobody waits for.
fn fetch(feeds: Arc<Feeds>, stop: CancellationToken) -> std::io::Result<()> {
    std::thread::Builder::new()
        .name("feeds".to_owned())
        .spawn(move || feeds.run(now, || stop.is_cancelled()))
        .map(drop)
}

/// Holds a record against the playbooks, or carries out an order; the actions that it changed.
fn take<F: Firewall>(
    responder: &mut Responder<F, LinuxHost>,
    feeds: &Feeds,
    delivery: &Delivery<'_>,
) -> Vec<Action> {
    let source = match delivery.topic {
        Topic::Orders => {
            let is_stale = is_stale(delivery.time);
            return carry_out(responder, delivery.value, is_stale).unwrap_or_default();
        }
        Topic::Incidents if is_stale(delivery.time) => return Vec::new(),
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
    let Some(mut record) = read(delivery.value) else {
        return Vec::new();
    };
    // Traffic of a capture that somebody handed in: it is over, and may have been made up.
    if record["ratel"]["capture"].is_string() {
        return Vec::new();
    }
    feeds.sets().tag(&mut record, now());
    responder.on_record(source, &record, Some(delivery.time), now())
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

/// Carries out an order; what it changed.
fn carry_out<F: Firewall>(
    responder: &mut Responder<F, LinuxHost>,
    value: &[u8],
    is_stale: bool,
) -> Option<Vec<Action>> {
    let order: Order = match serde_json::from_slice(value) {
        Ok(order) => order,
        Err(error) => {
            tracing::warn!("an order cannot be read: {error}");
            return None;
        }
    };
    let (who, now) = (order.who.as_str(), now());
    // What was ordered while nobody was there to do it may be wrong by now; letting go never is.
    if is_stale && matches!(order.what, What::Block { .. } | What::Approve { .. }) {
        tracing::warn!(order = order.id, "{}: too old, not carried out", order.what);
        return None;
    }
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
        What::ReloadRules | What::IncidentChanged { .. } | What::SilencesChanged => Ok(Vec::new()),
    };
    done.map_err(|error| tracing::warn!(order = order.id, "{}: {error}", order.what))
        .ok()
}
