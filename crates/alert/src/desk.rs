//! From the bytes of a record to the engine: what is parsed, what silences hide, what is counted.

use std::sync::Arc;

use event::action::Action;
use event::{Timestamp, Topic};
use serde_json::Value;
use state::silences::Silence;

use crate::assets::Assets;
use crate::engine::Engine;
use crate::finding::side::Homes;
use crate::finding::{self, Finding};
use crate::metrics;
use crate::sigma::Rules;
use crate::silence::{Compile, Judgement, Silences};

/// One record as it comes.
#[derive(Clone, Copy, Debug)]
pub struct Incoming<'a> {
    /// Where it came.
    pub topic: Topic,
    /// Its name.
    pub id: &'a str,
    /// When it was published.
    pub published: Timestamp,
    /// What it says.
    pub value: &'a [u8],
}

/// Takes records and puts what they find into incidents.
pub struct Desk {
    /// The incidents.
    pub engine: Engine,
    /// What hides events.
    pub silences: Silences,
    /// Rules of counts and sequences.
    pub sigma: Rules,
    homes: Arc<Homes>,
}

impl Desk {
    /// A desk before an engine.
    #[must_use]
    pub fn new(engine: Engine, homes: Arc<Homes>) -> Desk {
        Desk {
            engine,
            silences: Silences::default(),
            sigma: Rules::default(),
            homes,
        }
    }

    /// Takes these for what is known of our hosts.
    pub fn set_assets(&mut self, assets: Assets) {
        metrics::assets(assets.len());
        self.engine.set_assets(Arc::new(assets));
    }

    /// Takes these for the silences in force; those that can't be read, and why.
    pub fn set_silences(&mut self, now: Vec<Silence>, compile: &Compile) -> Vec<(String, String)> {
        let refused = self.silences.set(now, compile);
        self.engine.set_silences(self.silences.ids());
        refused
    }

    /// Takes a record. Whether people may have changed something: an order was seen.
    pub fn take(&mut self, incoming: &Incoming<'_>, now: Timestamp) -> bool {
        match incoming.topic {
            Topic::Events => self.event(incoming, now),
            Topic::Actions => match serde_json::from_slice::<Action>(incoming.value) {
                Ok(action) => self.engine.on_action(&action, now),
                Err(error) => tracing::warn!("an action cannot be read: {error}"),
            },
            Topic::Orders => return true,
            Topic::Incidents | Topic::Releases => {}
        }
        false
    }

    fn event(&mut self, incoming: &Incoming<'_>, now: Timestamp) {
        let is_meant = self.sigma.may_mean(event::record::kind(incoming.value));
        if !is_meant && !may_find(incoming.value) {
            return;
        }
        let record: Value = match serde_json::from_slice(incoming.value) {
            Ok(record) => record,
            Err(error) => {
                tracing::debug!(id = incoming.id, "an event is no JSON: {error}");
                return;
            }
        };
        let (id, published) = (incoming.id, incoming.published);
        let found = Finding::of(&record, id, published, &self.homes);
        if let Some(found) = &found {
            self.found(&record, found, now);
        }
        if !is_meant || finding::is_of_capture(&record) {
            return;
        }
        let time = finding::time_of(&record).unwrap_or(published);
        for hit in self.sigma.on_event(&record, id, time) {
            let hit = Finding::of_hit(&hit, &record, id, published, found.is_some());
            self.found(&record, &hit, now);
        }
    }

    fn found(&mut self, record: &Value, found: &Finding, now: Timestamp) {
        let judgement = self.silences.judge(record, now);
        metrics::hidden(judgement);
        if judgement == Judgement::Suppressed {
            return;
        }
        metrics::finding(found);
        let silence = match judgement {
            Judgement::Silenced(id) => Some(id),
            Judgement::Heard | Judgement::Suppressed => None,
        };
        self.engine.on_finding(found, silence, now);
    }
}

/// Whether a record may tell of an attack, by its bytes: most don't, and parsing is most of the work.
fn may_find(value: &[u8]) -> bool {
    match event::record::kind(value) {
        Some("alert") | None => true,
        Some(_) => has(value, b"\"finding\"") || has(value, b"\"alert\""),
    }
}

fn has(value: &[u8], word: &[u8]) -> bool {
    memchr::memmem::find(value, word).is_some()
}
