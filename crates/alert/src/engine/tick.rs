//! What changed since the last look: what is published, and how loud it is told.

use std::time::Duration;

use event::Timestamp;
use event::incident::{Kind, Severity, Status};

use super::entry::{Closed, Kept};
use super::key::Key;
use super::tell;
use super::title;
use super::{Engine, MAX_CLOSED};
use crate::change::{Change, Telling, What};

/// How often all incidents are looked at, also those to which nothing came.
const SWEEP: Duration = Duration::from_secs(1);

/// Incidents about actions of ours end when the action works or is over; one that nobody hears of any
/// more ends after this.
const RESPONSE_IDLE: Duration = Duration::from_secs(7 * 86_400);

/// So many pauses as long as its longest are the end of an incident that went on after it was closed.
const PAUSES: u32 = 3;

impl Engine {
    /// Looks at what changed. To be called several times a second; the changes are in the order in
    /// which their incidents began.
    pub fn tick(&mut self, now: Timestamp) -> Vec<Change> {
        if now.since(self.swept) >= SWEEP || now < self.swept {
            self.swept = now;
            self.sweep(now);
        }
        let mut due: Vec<(Timestamp, Timestamp, String)> = self
            .dirty
            .iter()
            .filter_map(|id| {
                let incident = &self.entries.get(id)?.incident;
                // The storm's own incident comes last: it tells of the others.
                let opened = match self.is_storm_s(id) {
                    true => Timestamp::from_nanos(i64::MAX),
                    false => incident.opened,
                };
                Some((opened, incident.first, id.clone()))
            })
            .collect();
        due.sort();
        let mut changes = Vec::new();
        for (_, _, id) in due {
            if !self.is_storm_s(&id) {
                changes.extend(self.look(&id, now));
            }
        }
        match self.index.get(&Key::Storm).cloned() {
            Some(id) => changes.extend(self.look_at_storm(&id, now)),
            // All that came in it was urgent, and was told.
            None => drop(self.storm.ends(now)),
        }
        changes
    }

    fn is_storm_s(&self, id: &str) -> bool {
        self.index.get(&Key::Storm).is_some_and(|storm| storm == id)
    }

    /// Closes what is idle and forgets what was closed long ago.
    fn sweep(&mut self, now: Timestamp) {
        let idle: Vec<(String, Duration)> = self
            .entries
            .values()
            .filter(|kept| kept.is_open() && kept.memory.is_published)
            .filter(|kept| !kept.memory.keys.contains(&Key::Storm))
            .filter_map(|kept| {
                let idle = match kept.incident.kind {
                    Kind::Response => RESPONSE_IDLE,
                    Kind::Attack | Kind::Correlation | Kind::Storm => idle(kept, &self.policy),
                };
                let is_idle = now.since(kept.memory.touched) >= idle;
                is_idle.then(|| (kept.incident.id.clone(), idle))
            })
            .collect();
        for (id, idle) in idle {
            let why = format!("nothing was added for {}", span(idle));
            self.close(&id, &why, false, now);
        }
        while let Some((at, id)) = self.closed.first().cloned() {
            let is_old = now.since(at) > self.policy.reopen;
            // What was closed and not yet told is not forgotten.
            if !is_old && self.closed.len() <= MAX_CLOSED || self.dirty.contains(&id) {
                break;
            }
            self.closed.pop_first();
            self.remove(&id);
        }
    }

    /// Closes an incident; told with the next tick.
    pub(super) fn close(&mut self, id: &str, why: &str, by_person: bool, now: Timestamp) {
        let Some(kept) = self.entries.get_mut(id).filter(|kept| kept.is_open()) else {
            return;
        };
        kept.incident.status = Status::Closed;
        kept.memory.is_reopening = false;
        kept.memory.closed = Some(Closed {
            at: now,
            by_person,
            why: why.to_owned(),
            is_told: false,
        });
        self.closed.insert((now, id.to_owned()));
        self.dirty.insert(id.to_owned());
        self.unsaved.insert(id.to_owned());
    }

    /// What is to be published of one incident, if anything is.
    fn look(&mut self, id: &str, now: Timestamp) -> Option<Change> {
        let kept = self.entries.get(id)?;
        let Some(what) = news(kept, &self.policy, now) else {
            if !is_pending(kept) {
                self.dirty.remove(id);
            }
            return None;
        };
        let wish = tell::wish(kept, &what, &self.policy, now);
        let is_urgent = kept.incident.severity == Severity::Critical || self.is_first_seen(kept);
        let telling = match wish {
            Telling::Loud => match self.storm.ask(is_urgent, now) {
                super::storm::Verdict::Tell => Telling::Loud,
                super::storm::Verdict::Gather => {
                    self.gather(id, now);
                    let kept = self.entries.get_mut(id)?;
                    // The digest tells it: it is not due any more.
                    let said = kept.said(now);
                    match &mut kept.memory.told {
                        Some(told) => {
                            *told = said;
                            Telling::Quiet
                        }
                        None => Telling::Withheld,
                    }
                }
            },
            quieter @ (Telling::Quiet | Telling::Withheld) => quieter,
        };
        self.finish(id, what, telling, now)
    }

    /// Writes down that this is told, and makes the change.
    pub(super) fn finish(
        &mut self,
        id: &str,
        what: What,
        telling: Telling,
        now: Timestamp,
    ) -> Option<Change> {
        let kept = self.entries.get_mut(id)?;
        let incident = &mut kept.incident;
        for list in [&mut incident.attackers, &mut incident.victims] {
            list.sort_by(|a, b| (b.events, &a.address).cmp(&(a.events, &b.address)));
        }
        incident.title = title::of(incident);
        incident.query = kept.memory.reach.query(incident.first, incident.last);
        incident.revision = incident.revision.saturating_add(1);
        incident.changed = now;
        let said = kept.said(now);
        // What is left for a digest is still to be told, though nothing more may come.
        let is_owed = tell::is_worth_a_digest(kept);
        let memory = &mut kept.memory;
        memory.is_published = true;
        memory.is_reopening = false;
        memory.is_triaged = false;
        memory.is_resumed = false;
        memory.published = said;
        if let What::Closed { .. } = what
            && let Some(closed) = &mut memory.closed
        {
            closed.is_told = true;
        }
        match telling {
            Telling::Withheld => {}
            Telling::Quiet => {
                memory.refreshed = said;
                memory.has_audible_news &= is_owed;
            }
            Telling::Loud => {
                memory.refreshed = said;
                memory.has_audible_news = false;
                memory.told = Some(said);
            }
        }
        if !is_pending(kept) {
            self.dirty.remove(id);
        }
        let incident = kept.incident.clone();
        self.unsaved.insert(id.to_owned());
        Some(Change {
            incident,
            what,
            telling,
            at: now,
        })
    }

    /// Whether one of its rules fired for the first time with it.
    fn is_first_seen(&self, kept: &Kept) -> bool {
        let id = &kept.incident.id;
        let mut rules = kept.incident.signatures.iter();
        !kept.memory.is_published && rules.any(|rule| self.known.get(&rule.id) == Some(id))
    }
}

/// What happened to an incident since it was published last, if it is time to say so.
fn news(kept: &Kept, policy: &super::Policy, now: Timestamp) -> Option<What> {
    let (incident, memory) = (&kept.incident, &kept.memory);
    if let Some(closed) = memory.closed.as_ref().filter(|_| !kept.is_open()) {
        let is_new = !closed.is_told;
        return is_new.then(|| What::Closed {
            why: closed.why.clone(),
        });
    }
    if !memory.is_published {
        let is_settled = now.since(incident.opened) >= policy.settle || now < incident.opened;
        return is_settled.then_some(What::Opened);
    }
    if memory.is_reopening {
        return Some(What::Reopened);
    }
    if let Some(from) = memory.published.severity
        && incident.severity > from
    {
        return Some(What::Risen { from });
    }
    let updated = What::Updated {
        events: tell::since_told(kept),
    };
    if memory.is_triaged || memory.is_resumed {
        return Some(updated);
    }
    let is_due = |at: Timestamp, every: Duration| now.since(at) >= every || now < at;
    let is_more =
        kept.is_more_than(&memory.published) && is_due(memory.published.at, policy.publish);
    let is_stale = memory.told.is_some()
        && kept.is_more_than(&memory.refreshed)
        && is_due(memory.refreshed.at, policy.refresh);
    let is_digest = tell::is_worth_a_digest(kept) && tell::is_digest_due(kept, policy, now);
    (is_more || tell::is_heard(kept) && (is_stale || is_digest)).then_some(updated)
}

/// Whether something of it is still to be published or told.
fn is_pending(kept: &Kept) -> bool {
    let memory = &kept.memory;
    if let Some(closed) = memory.closed.as_ref().filter(|_| !kept.is_open()) {
        return !closed.is_told;
    }
    !memory.is_published
        || memory.is_reopening
        || memory.is_triaged
        || memory.is_resumed
        || kept.is_more_than(&memory.published)
        || tell::is_heard(kept)
            && (memory.told.is_some() && kept.is_more_than(&memory.refreshed)
                || tell::is_worth_a_digest(kept))
}

/// After how long without anything new it is over: one that went on after a longer pause may do so again.
fn idle(kept: &Kept, policy: &super::Policy) -> Duration {
    let rhythm = Duration::from_secs(kept.memory.rhythm_secs).saturating_mul(PAUSES);
    policy.idle.max(rhythm.min(policy.reopen))
}

/// A span of time for people.
fn span(span: Duration) -> String {
    match span.as_secs() {
        secs if secs < 120 => format!("{secs} seconds"),
        secs if secs < 7200 => format!("{} minutes", secs / 60),
        secs if secs < 172_800 => format!("{} hours", secs / 3600),
        secs => format!("{} days", secs / 86_400),
    }
}
