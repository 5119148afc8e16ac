//! What people do not want to be told of: silences in force, held against events.

use std::collections::BTreeSet;
use std::sync::Arc;

use event::Timestamp;
use serde_json::Value;
use state::silences::{Kind, Silence};

/// Whether an event is meant.
pub type Matches = Box<dyn Fn(&Value) -> bool + Send + Sync>;

/// Makes the test of a search text in the store's language, or tells why it can't be: this crate
/// knows no store.
pub type Compile = Arc<dyn Fn(&str) -> Result<Matches, String> + Send + Sync>;

/// What silences say of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement<'a> {
    /// Nothing.
    Heard,
    /// It belongs to its incident, and nobody is told because of it: the silence that says so.
    Silenced(&'a str),
    /// It makes no incident.
    Suppressed,
}

/// The silences in force.
#[derive(Default)]
pub struct Silences {
    list: Vec<Active>,
}

struct Active {
    silence: Silence,
    /// None where the query cannot be read: it hides nothing then.
    matches: Option<Matches>,
}

impl Silences {
    /// Takes these in place of the old ones; what is the same is not compiled again. The silences
    /// that can't be read, and why.
    pub fn set(&mut self, now: Vec<Silence>, compile: &Compile) -> Vec<(String, String)> {
        let mut old = std::mem::take(&mut self.list);
        let mut refused = Vec::new();
        for silence in now {
            let known = old.iter_mut().find(|active| {
                active.silence.id == silence.id && active.silence.query == silence.query
            });
            let matches = match known {
                Some(known) => known.matches.take(),
                None => match compile(&silence.query) {
                    Ok(matches) => Some(matches),
                    Err(why) => {
                        refused.push((silence.id.clone(), why));
                        None
                    }
                },
            };
            self.list.push(Active { silence, matches });
        }
        refused
    }

    /// What they say of an event at this moment.
    #[must_use]
    pub fn judge(&self, record: &Value, now: Timestamp) -> Judgement<'_> {
        let mut judgement = Judgement::Heard;
        for active in &self.list {
            let holds = |matches: &Matches| active.silence.is_active(now) && matches(record);
            if active.matches.as_ref().is_some_and(holds) {
                match active.silence.kind {
                    Kind::Suppress => return Judgement::Suppressed,
                    Kind::Silence => judgement = Judgement::Silenced(&active.silence.id),
                }
            }
        }
        judgement
    }

    /// The names of those that silence.
    #[must_use]
    pub fn ids(&self) -> BTreeSet<String> {
        let ids = self.list.iter().map(|active| active.silence.id.clone());
        ids.collect()
    }

    /// How many are in force.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use serde_json::json;

    fn silence(id: &str, kind: Kind, query: &str, expires: i64) -> Silence {
        Silence {
            id: id.into(),
            kind,
            query: query.into(),
            reason: "test".into(),
            owner: "me".into(),
            origin: None,
            created: Timestamp::default(),
            changed: Timestamp::default(),
            expires: Timestamp::new(expires, 0),
            ended: None,
            ended_by: None,
            mirrors: BTreeMap::new(),
        }
    }

    #[test]
    fn a_silence_hides_until_it_ends_and_is_compiled_once() {
        let compiled = Arc::new(AtomicUsize::new(0));
        let counter = compiled.clone();
        // A language of one word: the value of `host`.
        let compile: Compile = Arc::new(move |query: &str| {
            counter.fetch_add(1, Ordering::Relaxed);
            if query.is_empty() {
                return Err("empty".to_owned());
            }
            let query = query.to_owned();
            Ok(Box::new(move |event: &Value| event["host"] == query.as_str()) as Matches)
        });
        let mut silences = Silences::default();
        let list = || {
            vec![
                silence("1", Kind::Silence, "a", 100),
                silence("2", Kind::Suppress, "b", 200),
                silence("3", Kind::Suppress, "", 200),
            ]
        };
        assert_eq!(
            silences.set(list(), &compile),
            [("3".into(), "empty".into())]
        );
        fn judge<'a>(silences: &'a Silences, host: &str, secs: i64) -> Judgement<'a> {
            silences.judge(&json!({"host": host}), Timestamp::new(secs, 0))
        }
        assert_eq!(judge(&silences, "a", 50), Judgement::Silenced("1"));
        assert_eq!(judge(&silences, "a", 100), Judgement::Heard);
        assert_eq!(judge(&silences, "b", 50), Judgement::Suppressed);
        assert_eq!(judge(&silences, "c", 50), Judgement::Heard);
        assert!(silences.set(list(), &compile).is_empty(), "told once");
        assert_eq!(compiled.load(Ordering::Relaxed), 3);
        assert_eq!(judge(&silences, "a", 50), Judgement::Silenced("1"));
        silences.set(Vec::new(), &compile);
        assert!(silences.is_empty());
    }
}
