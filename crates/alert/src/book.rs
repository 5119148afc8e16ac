//! What is found again after a restart: incidents, how far the topics were read, what was to be told.

use std::collections::BTreeMap;

use event::{Incident, Timestamp, Topic};
use serde::{Deserialize, Serialize};
use state::State;
use state::machine::Save;

use crate::engine::{Engine, Kept};

/// Under which name the position stands among the small values.
const POSITION: &str = "alert/position";
/// Decisions of people that are remembered as seen: those of one moment.
const MAX_SEEN: usize = 4096;

/// How far everything was read and told. It is kept together with the incidents: what was counted in
/// them is behind it, what was not is before it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Position {
    /// When it was kept.
    pub at: Timestamp,
    /// The next offset of each partition, by `TOPIC/PARTITION`.
    pub next: BTreeMap<String, u64>,
    /// The number of the last change that was told; those that are kept with a higher one are still
    /// to be told.
    pub told: u64,
    /// Up to when people's decisions were followed.
    pub triaged: Timestamp,
    /// Those of that last moment, by incident and version.
    pub seen: BTreeMap<String, u64>,
}

impl Position {
    /// Whether a record was not counted before; notes it then. What comes again after a crash leaves
    /// the position where it was, so that all that follows it is known too. `published`: a bus that
    /// was begun anew has lower offsets and later records.
    pub fn pass(
        &mut self,
        topic: Topic,
        partition: u32,
        offset: u64,
        published: Timestamp,
    ) -> bool {
        let next = self.next.entry(place(topic, partition)).or_default();
        if offset < *next && published <= self.at {
            return false;
        }
        *next = offset.saturating_add(1);
        true
    }

    /// Whether a person's decision is new; notes it.
    pub fn is_new_decision(&mut self, incident: &str, version: u64, at: Timestamp) -> bool {
        if at > self.triaged {
            self.triaged = at;
            self.seen.clear();
        }
        let known = self.seen.get(incident).copied();
        if self.seen.len() < MAX_SEEN {
            self.seen.insert(incident.to_owned(), version);
        }
        known.is_none_or(|known| known < version)
    }
}

fn place(topic: Topic, partition: u32) -> String {
    format!("{topic}/{partition}")
}

/// What was kept.
#[derive(Debug, Default)]
pub struct Found {
    /// Incidents.
    pub kept: Vec<Kept>,
    /// How far everything was read.
    pub position: Position,
    /// Names of what could not be read, with the reason: such incidents begin anew.
    pub broken: Vec<String>,
}

/// Reads what was kept.
///
/// # Errors
/// The database fails.
pub async fn load(state: &State) -> Result<Found, state::Error> {
    let mut found = Found::default();
    for doc in state.machine().load().await? {
        match serde_json::from_str(&doc) {
            Ok(kept) => found.kept.push(kept),
            Err(error) => found.broken.push(error.to_string()),
        }
    }
    if let Some((value, _)) = state.kv().get(POSITION).await? {
        match serde_json::from_str(&value) {
            Ok(position) => found.position = position,
            Err(error) => found.broken.push(format!("{POSITION}: {error}")),
        }
    }
    Ok(found)
}

/// Keeps what changed in the engine, with the position: all or nothing.
///
/// # Errors
/// The database fails.
pub async fn save(
    state: &State,
    engine: &mut Engine,
    position: &Position,
    now: Timestamp,
) -> Result<(), state::Error> {
    let (kept, forgotten) = engine.take_unsaved();
    let mut memories = Vec::with_capacity(kept.len());
    for kept in &kept {
        memories.push((kept.incident.id.clone(), text(kept)));
    }
    let incidents: Vec<Incident> = kept
        .into_iter()
        // Nobody knows of it yet, and it may become part of another.
        .filter(|kept| kept.memory.is_published)
        .map(|kept| kept.incident)
        .collect();
    let value = text(position);
    let save = Save {
        incidents: &incidents,
        memories: &memories,
        forgotten: &forgotten,
        value: Some((POSITION, &value)),
    };
    state.machine().save(&save, now).await
}

fn text(value: &impl Serialize) -> String {
    // Keys are texts and numbers are whole: there is nothing that JSON can't write.
    serde_json::to_string(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_behind_and_a_bus_begun_anew_is_not() {
        let mut position = Position {
            at: Timestamp::new(100, 0),
            ..Position::default()
        };
        let mut check = |partition, offset, at, expected| {
            let is = position.pass(Topic::Events, partition, offset, Timestamp::new(at, 0));
            assert_eq!(is, expected, "{partition} {offset} {at}");
        };
        check(1, 40, 89, true);
        check(1, 41, 90, true);
        check(0, 0, 90, true);
        // All of a batch that was counted and not committed comes again, one after the other.
        check(1, 39, 88, false);
        check(1, 40, 89, false);
        check(1, 41, 90, false);
        check(1, 42, 90, true);
        check(1, 3, 101, true);
        check(1, 4, 101, true);
    }

    #[test]
    fn a_decision_is_followed_once() {
        let mut position = Position::default();
        let mut is_new = |id: &str, version, secs| {
            position.is_new_decision(id, version, Timestamp::new(secs, 0))
        };
        assert!(is_new("i1", 2, 10));
        assert!(is_new("i2", 2, 10));
        assert!(!is_new("i1", 2, 10));
        assert!(is_new("i1", 3, 10));
        assert!(is_new("i1", 4, 11));
        assert!(!is_new("i1", 4, 11));
    }
}
