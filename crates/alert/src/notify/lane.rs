//! One target: an outbox, a thread that empties it, and what happened last. The only place that waits.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use event::Timestamp;
use event::incident::{Incident, Severity};

use super::alertmanager::silences::{self, Active, Foreign, Ours};
use super::alertmanager::{self, AlertmanagerSender};
use super::change::{Change, Told};
use super::deliver::{Delivery, Failed, How, Item, Receipts, Sender};
use super::outbox::Outbox;
use super::queue::{Entry, Flight, MAX_BATCH, Next, Offer, Record};
use super::{Heard, Plan, ReceiverState, World, metrics, try_out};

/// The thread looks up at least so often: what is due by the clock, should the clock be set.
const LOOK: Duration = Duration::from_secs(1);
/// How often silences are compared with those of an Alertmanager.
const MIRROR: Duration = Duration::from_secs(15);
/// How often what nobody asks for any more is forgotten.
const TIDY: Duration = Duration::from_secs(600);

/// A target and its thread. Dropping it ends the thread after the attempt that is under way.
#[derive(Debug)]
pub struct Lane {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    plan: Plan,
    link: Option<String>,
    world: World,
    sender: Mutex<Arc<Sender>>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    outbox: Outbox,
    ours: Vec<Ours>,
    foreign: Vec<Foreign>,
    mirror_at: Timestamp,
    last_error: Option<String>,
    disk_error: Option<String>,
    stop: bool,
}

impl Lane {
    /// Starts the thread.
    pub(super) fn start(
        plan: Plan,
        outbox: Outbox,
        sender: Sender,
        link: Option<String>,
        world: World,
    ) -> Lane {
        let shared = Arc::new(Shared {
            plan,
            link,
            world,
            sender: Mutex::new(Arc::new(sender)),
            state: Mutex::new(State {
                outbox,
                ours: Vec::new(),
                foreign: Vec::new(),
                mirror_at: Timestamp::default(),
                last_error: None,
                disk_error: None,
                stop: false,
            }),
            changed: Condvar::new(),
        });
        let of_thread = Arc::clone(&shared);
        let name = format!("notify-{}", shared.plan.name);
        let started = thread::Builder::new()
            .name(name.chars().take(15).collect())
            .spawn(move || of_thread.run());
        if let Err(error) = started {
            shared.lock().last_error = Some(format!("no thread: {error}"));
        }
        Lane { shared }
    }

    /// The receiver's name.
    pub(super) fn receiver(&self) -> &str {
        &self.shared.plan.receiver.name
    }

    /// Its own name.
    pub(super) fn name(&self) -> &str {
        &self.shared.plan.name
    }

    /// Whether it is meant by `name`.
    pub(super) fn is_named(&self, name: &str) -> bool {
        self.receiver() == name || self.name() == name
    }

    /// The least severity that it hears of.
    pub(super) fn floor(&self) -> Severity {
        self.shared.plan.receiver.floor()
    }

    /// Takes an incident, if a route leads here (`at`: not before) or the receiver knows it already: who
    /// heard the beginning hears the end.
    pub(super) fn offer(&self, offer: &Offer, at: Option<Timestamp>, now: Timestamp) {
        let mut state = self.shared.lock();
        let knows = state.outbox.queue().knows(&offer.incident.id);
        let Some(not_before) = at.or_else(|| knows.then_some(now)) else {
            return;
        };
        let offer = Offer {
            not_before,
            ..offer.clone()
        };
        for record in state.outbox.queue().offer(offer, now) {
            self.shared.note_death(&record);
            self.shared.record(&mut state, record);
        }
        metrics::waiting(self.name(), state.outbox.queue());
        drop(state);
        self.shared.changed.notify_all();
    }

    /// How it fares.
    pub(super) fn state(&self) -> ReceiverState {
        let plan = &self.shared.plan;
        let state = self.shared.lock();
        let mut told = ReceiverState {
            name: plan.name.clone(),
            receiver: plan.receiver.name.clone(),
            kind: plan.kind.to_owned(),
            waiting: 0,
            sent: 0,
            failed: 0,
            dead: 0,
            last_error: state
                .last_error
                .clone()
                .or_else(|| state.disk_error.clone()),
            last_success: None,
        };
        told.count(
            state.outbox.queue().waiting(),
            state.outbox.queue().counts(),
        );
        told
    }

    /// What it heard of an incident last, and what waits.
    pub(super) fn heard(&self, incident: &str) -> Vec<Heard> {
        let plan = &self.shared.plan;
        let state = self.shared.lock();
        let queue = state.outbox.queue();
        let heard = |at, severity, status, is_waiting| Heard {
            name: plan.name.clone(),
            kind: plan.kind,
            at,
            severity,
            status,
            is_waiting,
            error: state.last_error.clone().filter(|_| is_waiting),
        };
        let told = queue.told(incident);
        let told = told.map(|told| heard(told.at, told.severity, told.status, false));
        let waits = queue.waits(incident).map(|entry| {
            let incident = &entry.incident;
            heard(entry.queued, incident.severity, incident.status, true)
        });
        told.into_iter().chain(waits).collect()
    }

    /// Takes the silences in force, to be mirrored where this is an Alertmanager.
    pub(super) fn mirror(&self, active: &[Active], now: Timestamp) {
        if !self
            .shared
            .sender()
            .alertmanager()
            .is_some_and(AlertmanagerSender::mirrors)
        {
            return;
        }
        let mut state = self.shared.lock();
        let shown = state
            .outbox
            .queue()
            .kept()
            .filter_map(|(_, told)| told.incident.as_deref());
        let ours = silences::ours(active, &shown.collect::<Vec<_>>());
        if ours != state.ours {
            state.ours = ours;
            state.mirror_at = now;
            drop(state);
            self.shared.changed.notify_all();
        }
    }

    /// Silences that people made in this Alertmanager.
    pub(super) fn foreign(&self) -> Vec<Foreign> {
        self.shared.lock().foreign.clone()
    }

    /// Whether people silenced the incident in this Alertmanager.
    pub(super) fn hides(&self, incident: &Incident, now: Timestamp) -> bool {
        let state = self.shared.lock();
        if state.foreign.is_empty() {
            return false;
        }
        let sender = self.shared.sender();
        let Some(sender) = sender.alertmanager() else {
            return false;
        };
        let receipt = state
            .outbox
            .queue()
            .told(&incident.id)
            .map(|told| told.receipt.clone());
        let labels = alertmanager::labels(incident, &receipt.unwrap_or_default(), sender.labels());
        state.foreign.iter().any(|one| one.hides(&labels, now))
    }

    /// Whether this is an Alertmanager: it knows its silences itself.
    pub(super) fn is_alertmanager(&self) -> bool {
        self.shared.sender().alertmanager().is_some()
    }

    /// Sends a test.
    pub(super) fn test(&self) -> Result<String, String> {
        let shared = &self.shared;
        let sender = shared.sender();
        let now = (shared.world.now)();
        try_out(&sender, &shared.plan.receiver, shared.link.as_deref(), now)
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.shared.lock().stop = true;
        self.shared.changed.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sender(&self) -> Arc<Sender> {
        Arc::clone(&self.sender.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn record(&self, state: &mut State, record: Record) {
        match state.outbox.record(record) {
            Ok(()) => state.disk_error = None,
            Err(error) => {
                if state.disk_error.is_none() {
                    tracing::error!(receiver = self.plan.name, %error,
                        "the outbox cannot be written: a crash would repeat or lose notifications");
                }
                state.disk_error = Some(format!("the outbox cannot be written: {error}"));
            }
        }
    }

    fn note_death(&self, record: &Record) {
        if let Record::Dead { seqs, reason, .. } = record {
            metrics::count(&self.plan.name, "dead", seqs.len() as u64);
            tracing::error!(
                receiver = self.plan.name,
                notifications = seqs.len(),
                reason,
                "given up; they are kept in dead.jsonl of its outbox"
            );
        }
    }

    fn run(&self) {
        let mut refresher = Refresher::default();
        let mut tidied = (self.world.now)();
        let mut state = self.lock();
        state.outbox.queue_mut().settle((self.world.now)());
        while !state.stop {
            let now = (self.world.now)();
            if let Some(record) = state.outbox.queue().expired(now) {
                self.note_death(&record);
                self.record(&mut state, record);
            }
            if now.since(tidied) > TIDY {
                tidied = now;
                for record in state.outbox.queue().stale(now) {
                    self.record(&mut state, record);
                }
            }
            let wait = match state.outbox.queue_mut().next(now) {
                Next::Send(flight) => {
                    self.record(&mut state, Record::Try(flight.clone()));
                    state = self.fly(state, &flight, now);
                    continue;
                }
                Next::Wait(wait) => wait.min(LOOK),
                Next::Idle => LOOK,
            };
            let again = refresher.due(&state.outbox, &self.sender(), now);
            if !again.is_empty() {
                drop(state);
                refresher.send(&again, &self.sender(), self.link.as_deref(), now);
                state = self.lock();
                continue;
            }
            if state.mirror_at <= now
                && self
                    .sender()
                    .alertmanager()
                    .is_some_and(AlertmanagerSender::mirrors)
            {
                state.mirror_at = now + MIRROR;
                let ours = state.ours.clone();
                drop(state);
                let mirrored = self
                    .sender()
                    .alertmanager()
                    .map(|sender| sender.mirror(&ours, now));
                state = self.lock();
                match mirrored {
                    Some(Ok(foreign)) => state.foreign = foreign,
                    Some(Err(failed)) => tracing::debug!(
                        receiver = self.plan.name,
                        reason = failed.reason,
                        "silences were not mirrored"
                    ),
                    None => {}
                }
                continue;
            }
            let waited = self.changed.wait_timeout(state, wait);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// One attempt, without the lock while it is under way.
    fn fly<'a>(
        &'a self,
        state: MutexGuard<'a, State>,
        flight: &Flight,
        now: Timestamp,
    ) -> MutexGuard<'a, State> {
        let queue = state.outbox.queue();
        let cargo: Vec<(Entry, Option<Told>)> = flight
            .seqs
            .iter()
            .filter_map(|seq| queue.entry(*seq).cloned())
            .map(|entry| {
                let told = queue.told(&entry.incident.id).cloned();
                (entry, told)
            })
            .collect();
        drop(state);
        let items = cargo.iter().map(|(entry, told)| Item {
            incident: &entry.incident,
            change: Change::of(told.as_ref(), &entry.incident),
            told: told.as_ref(),
            loud: entry.loud,
            note: &entry.note,
        });
        let delivery = Delivery {
            key: &flight.key,
            items: items.collect(),
            repeat_of: flight.repeat.then_some(flight.at),
            link: self.link.as_deref(),
            now,
        };
        let sender = self.sender();
        // A fault in a format must not end the thread: it would be silent for ever.
        let sent = catch_unwind(AssertUnwindSafe(|| sender.send(&delivery)))
            .unwrap_or_else(|_| Err(Failed::new(How::Refused, "a fault of Ratel's own")));
        self.landed(sent)
    }

    fn landed(&self, sent: Result<Receipts, Failed>) -> MutexGuard<'_, State> {
        let now = (self.world.now)();
        let name = self.plan.name.as_str();
        if sent.as_ref().is_err_and(|failed| failed.how == How::Denied) {
            // Somebody may have given it another secret meanwhile.
            if let Ok(fresh) = self.plan.sender(&self.world) {
                *self.sender.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(fresh);
            }
        }
        let mut state = self.lock();
        match sent {
            Ok(receipts) => {
                metrics::count(name, "sent", 1);
                if state.last_error.take().is_some() {
                    tracing::info!(receiver = name, "it takes notifications again");
                }
                self.record(&mut state, Record::Done { at: now, receipts });
            }
            Err(failed) => {
                metrics::count(name, "failed", 1);
                // The same reason is told once.
                if state.last_error.as_ref() != Some(&failed.reason) {
                    tracing::warn!(
                        receiver = name,
                        reason = failed.reason,
                        "a notification was not taken; it is tried again"
                    );
                }
                let record =
                    state
                        .outbox
                        .queue()
                        .failed(failed.how.into(), failed.retry_after, now);
                state.last_error = Some(failed.reason);
                self.record(&mut state, record);
            }
        }
        metrics::waiting(name, state.outbox.queue());
        state
    }
}

/// Sends again what Alertmanager would forget.
#[derive(Debug, Default)]
struct Refresher {
    last: std::collections::HashMap<String, Timestamp>,
    not_before: Timestamp,
}

impl Refresher {
    fn due(&self, outbox: &Outbox, sender: &Sender, now: Timestamp) -> Vec<(Incident, Told)> {
        let Some(every) = sender.alertmanager().map(AlertmanagerSender::resend_every) else {
            return Vec::new();
        };
        if now < self.not_before {
            return Vec::new();
        }
        let is_due = |id: &String, told: &Told| {
            // After a start everything is due: it is not known for how long nobody sent.
            let last = self.last.get(id).copied().unwrap_or_default();
            alertmanager::is_due(told, last, every, now)
        };
        outbox
            .queue()
            .kept()
            .filter(|(id, told)| is_due(id, told))
            .take(MAX_BATCH)
            .filter_map(|(_, told)| Some((told.incident.as_deref()?.clone(), told.clone())))
            .collect()
    }

    fn send(
        &mut self,
        again: &[(Incident, Told)],
        sender: &Sender,
        link: Option<&str>,
        now: Timestamp,
    ) {
        let Some(sender) = sender.alertmanager() else {
            return;
        };
        let kept = again.iter().map(|(incident, told)| (incident, told));
        match sender.refresh(kept, link, now) {
            Ok(()) => {
                for (incident, _) in again {
                    self.last.insert(incident.id.clone(), now);
                }
                self.last
                    .retain(|_, at| now.since(*at) < Duration::from_secs(7200));
            }
            // Soon again: there is time before Alertmanager forgets.
            Err(_) => self.not_before = now + Duration::from_secs(5),
        }
    }
}
