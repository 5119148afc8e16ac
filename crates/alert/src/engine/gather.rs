//! The incident of a storm: what is told in its digests.

use event::Timestamp;
use event::incident::{Kind, Severity, Status};

use super::Engine;
use super::entry::Kept;
use super::key::{Anchor, Key};
use super::tell;
use crate::change::{Change, Telling, What};

impl Engine {
    /// Takes an incident into the storm's digest.
    pub(super) fn gather(&mut self, id: &str, now: Timestamp) {
        let Some(part) = self.entries.get_mut(id) else {
            return;
        };
        let is_again = std::mem::replace(&mut part.memory.is_in_digest, true);
        let mut part = part.clone();
        if is_again {
            // It is in already; what is new is how bad it is.
            part.incident.events = 0;
            part.incident.attackers.clear();
            part.incident.victims.clear();
            part.incident.signatures.clear();
        }
        let storm = match self.index.get(&Key::Storm).cloned() {
            Some(storm) if self.entries.get(&storm).is_some_and(Kept::is_open) => storm,
            _ => self.open_storm(&part, now),
        };
        if let Some(kept) = self.entries.get_mut(&storm) {
            let opened = kept.incident.opened;
            kept.absorb(&part);
            kept.incident.opened = opened;
            kept.memory.reach.anchors = vec![Anchor::Any];
            kept.memory.gathered += u64::from(!is_again);
            kept.memory.touched = now;
            kept.memory.is_audible = true;
            kept.memory.has_audible_news = true;
        }
        self.dirty.insert(storm.clone());
        self.unsaved.insert(storm);
    }

    fn open_storm(&mut self, part: &Kept, now: Timestamp) -> String {
        let first_event = part.incident.sample.first();
        let first_event = first_event.unwrap_or(&part.incident.id);
        let at = part.incident.first;
        let mut kept = Kept::open(Kind::Storm, Key::Storm, first_event, at, now);
        // One after the other has its own name, whatever its first event.
        kept.incident.fingerprint = format!("storm:{}", now.secs());
        self.insert(kept)
    }

    /// What is to be told of the storm.
    pub(super) fn look_at_storm(&mut self, id: &str, now: Timestamp) -> Option<Change> {
        let ends = self.storm.ends(now);
        let digest = self.policy.storm.digest;
        let kept = self.entries.get_mut(id)?;
        if !kept.is_open() {
            return self.closing_of_storm(id, now);
        }
        let memory = &kept.memory;
        let is_new = !memory.is_published;
        let is_more = kept.incident.events > memory.told.map_or(0, |told| told.events);
        let is_due = memory.told.is_none_or(|told| now.since(told.at) >= digest);
        let is_grave = kept.incident.severity == Severity::Critical
            && memory
                .told
                .is_some_and(|told| told.severity < Some(Severity::Critical));
        let title = title(kept, now);
        let what = if is_new {
            What::Opened
        } else if is_more && (is_due || ends || is_grave) {
            What::Updated {
                events: tell::since_told(kept),
            }
        } else if ends {
            let why = format!("it is calm again; {title}");
            self.close(id, &why, false, now);
            return self.closing_of_storm(id, now);
        } else if kept.memory.is_triaged {
            return self.finish(id, What::Updated { events: 0 }, Telling::Quiet, now);
        } else {
            return None;
        };
        kept.incident.title = title;
        let change = self.finish(id, what, Telling::Loud, now);
        if ends {
            // The last digest is told; that it is over comes with the next look.
            self.close(id, "it is calm again", false, now);
        }
        change
    }

    fn closing_of_storm(&mut self, id: &str, now: Timestamp) -> Option<Change> {
        let kept = self.entries.get(id)?;
        let closed = kept.memory.closed.as_ref()?;
        if closed.is_told || kept.incident.status != Status::Closed {
            return None;
        }
        let what = What::Closed {
            why: closed.why.clone(),
        };
        let telling = match kept.memory.told {
            Some(_) => Telling::Quiet,
            None => Telling::Withheld,
        };
        self.finish(id, what, telling, now)
    }
}

fn title(kept: &Kept, now: Timestamp) -> String {
    let minutes = now
        .since(kept.incident.opened)
        .as_secs()
        .div_ceil(60)
        .max(1);
    let (count, rules) = (kept.memory.gathered, kept.incident.signatures.len());
    format!(
        "Storm: {count} more incidents within {minutes} minutes, told together ({rules} rules, {} attackers)",
        kept.incident.attackers.len()
    )
}
