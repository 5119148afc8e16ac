//! Sets of values that rules ask and change: `dataset` and `datarep`.
//!
//! A set is made or loaded when the first rule that names it is compiled, and shared by all rules
//! and threads. Files are read and written by the caller, who knows where they lie.

mod load;
mod value;

use super::program::Refusal;
use ahash::AHashMap;
use rules::rule::{Compare, Dataset, DatasetCommand};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use value::Kind;

/// Memory of one set where nothing else is said: 100 MiB.
const MEMCAP: u64 = 100 << 20;
/// What one value costs beside its bytes, roughly.
const VALUE_COST: u64 = 96;

/// Where a file of a set lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// `load` alone: beside the rules.
    Rules,
    /// `state` and `save`: in the data directory.
    State,
}

/// Reads a file of a set; `Ok(None)` where it does not exist.
pub type Reader = Box<dyn Fn(&str, Place) -> Result<Option<Vec<u8>>, String> + Send + Sync>;

/// The sets of a rule set, by name.
#[derive(Default)]
pub struct Datasets {
    reader: Option<Reader>,
    sets: Mutex<Vec<Arc<Set>>>,
}

impl fmt::Debug for Datasets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Datasets").finish_non_exhaustive()
    }
}

/// One set.
pub(crate) struct Set {
    name: String,
    kind: Kind,
    load: Option<String>,
    save: Option<String>,
    memcap: u64,
    values: RwLock<Values>,
}

impl fmt::Debug for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Set")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

#[derive(Clone, Default)]
struct Values {
    by_key: AHashMap<Box<[u8]>, Value>,
    /// Values ever added: each value's place in the order of the saved file.
    added: u64,
    bytes: u64,
}

#[derive(Clone, Debug, Default)]
struct Value {
    order: u64,
    reputation: Option<u16>,
    /// What a JSON set holds beside the value.
    context: Option<Arc<str>>,
}

impl Values {
    /// Whether `key` was not there before and found room.
    fn add(&mut self, key: Box<[u8]>, value: Value, memcap: u64) -> Result<bool, ()> {
        if self.by_key.contains_key(&key) {
            return Ok(false);
        }
        let context = value.context.as_ref().map_or(0, |context| context.len());
        let cost = VALUE_COST + key.len() as u64 + context as u64;
        if self.bytes.saturating_add(cost) > memcap {
            return Err(());
        }
        self.bytes += cost;
        self.added += 1;
        self.by_key.insert(
            key,
            Value {
                order: self.added,
                ..value
            },
        );
        Ok(true)
    }

    fn remove(&mut self, key: &[u8]) -> bool {
        let removed = self.by_key.remove(key);
        if removed.is_some() {
            self.bytes = self.bytes.saturating_sub(VALUE_COST + key.len() as u64);
        }
        removed.is_some()
    }
}

impl Datasets {
    /// No sets yet; files will be read by `reader`.
    #[must_use]
    pub fn new(reader: Reader) -> Self {
        Datasets {
            reader: Some(reader),
            sets: Mutex::default(),
        }
    }

    /// Makes or loads a set of the configuration, so that rules may name it alone.
    pub fn define(&self, set: &Dataset) -> Result<(), Refusal> {
        self.get(set).map(|_| ())
    }

    /// What a rule does with a set, the set made or loaded where it is the first to name it.
    pub(crate) fn open(
        &self,
        dataset: &Dataset,
        reputation: Option<Compare>,
    ) -> Result<Use, Refusal> {
        let set = self.get(dataset)?;
        let options = load::Options::read(dataset)?;
        let is_json = options.format != load::Format::Csv;
        if is_json && matches!(dataset.command, DatasetCommand::Set | DatasetCommand::Unset) {
            return Err(refusal(&set.name, "a set with context cannot be changed"));
        }
        let ask = match (reputation, dataset.command) {
            (Some(compare), _) => Ask::Reputation(compare),
            (None, DatasetCommand::IsSet) => Ask::IsSet,
            (None, DatasetCommand::IsNotSet) => Ask::IsNotSet,
            (None, DatasetCommand::Set) => Ask::Set,
            (None, DatasetCommand::Unset) => Ask::Unset,
        };
        let context_key = options.context_key.map(Arc::from);
        Ok(Use {
            set,
            ask,
            context_key,
            matches_subdomain: options.matches_subdomain,
        })
    }

    /// Takes over what the sets of the rules before hold, where rules fill them: what was learned is
    /// not lost when rules change. A set that is only loaded from a file is as the file says now.
    pub(crate) fn inherit(&self, before: &Datasets) {
        let old: Vec<Arc<Set>> = before.lock().clone();
        for set in self.lock().iter() {
            let is_only_loaded = set.load.is_some() && set.save.is_none();
            let same = old.iter().find(|old| {
                old.name.eq_ignore_ascii_case(&set.name)
                    && old.kind == set.kind
                    && old.load == set.load
                    && old.save == set.save
            });
            if let Some(old) = same.filter(|_| !is_only_loaded) {
                let values = old.values.read().unwrap_or_else(PoisonError::into_inner);
                *set.values.write().unwrap_or_else(PoisonError::into_inner) = values.clone();
            }
        }
    }

    /// Gives each set that is to be saved, as the name of its file and the file's bytes.
    pub fn save(&self, mut write: impl FnMut(&str, &[u8])) {
        for set in self.lock().iter() {
            let Some(file) = &set.save else {
                continue;
            };
            let values = set.values.read().unwrap_or_else(PoisonError::into_inner);
            let mut ordered: Vec<_> = values.by_key.iter().collect();
            ordered.sort_by_key(|(_, value)| value.order);
            let mut out = Vec::new();
            for (key, value) in ordered {
                set.kind.write(key, &mut out);
                if let Some(reputation) = value.reputation {
                    out.extend_from_slice(format!(",{reputation}").as_bytes());
                }
                out.push(b'\n');
            }
            write(file, &out);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<Set>>> {
        self.sets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self, dataset: &Dataset) -> Result<Arc<Set>, Refusal> {
        let name = dataset.name.trim();
        let kind = match dataset.kind.as_deref() {
            Some(kind) => match Kind::parse(kind) {
                Some(kind) => Some(kind),
                None => return Err(refusal(name, &format!("bad type {kind}"))),
            },
            None => None,
        };
        let (load, save) = match &dataset.state {
            Some(_) if dataset.load.is_some() || dataset.save.is_some() => {
                return Err(refusal(
                    name,
                    "'state' can not be mixed with 'load' and 'save'",
                ));
            }
            Some(state) => (Some(state.clone()), Some(state.clone())),
            None => (dataset.load.clone(), dataset.save.clone()),
        };
        let mut sets = self.lock();
        if let Some(set) = sets.iter().find(|set| set.name.eq_ignore_ascii_case(name)) {
            if kind.is_some_and(|kind| kind != set.kind) {
                return Err(refusal(name, "is already there with another type"));
            }
            if save.is_some() && set.save.is_some() && save != set.save {
                return Err(refusal(
                    name,
                    "is already there with another file to save to",
                ));
            }
            if load.is_some() && load != set.load {
                return Err(refusal(name, "is already there with another file to load"));
            }
            return Ok(Arc::clone(set));
        }
        let Some(kind) = kind else {
            return Err(refusal(name, "is not defined, and no type is given"));
        };
        let options = load::Options::read(dataset)?;
        let memcap = options.memcap.unwrap_or(MEMCAP);
        let mut values = Values::default();
        if let Some(file) = &load {
            let place = if save.is_some() {
                Place::State
            } else {
                Place::Rules
            };
            let bytes = self.read(name, file, place, save.is_some())?;
            load::load(name, file, &bytes, kind, &options, |key, value| {
                values.add(key, value, memcap).map(|_| ())
            })?;
        }
        let values = RwLock::new(values);
        let set = Arc::new(Set {
            name: name.to_owned(),
            kind,
            load,
            save,
            memcap,
            values,
        });
        sets.push(Arc::clone(&set));
        Ok(set)
    }

    fn read(
        &self,
        set: &str,
        file: &str,
        place: Place,
        may_miss: bool,
    ) -> Result<Vec<u8>, Refusal> {
        let read = match &self.reader {
            Some(reader) => reader(file, place),
            None => Ok(None),
        };
        match read {
            Ok(Some(bytes)) => Ok(bytes),
            // A state begins empty.
            Ok(None) if may_miss => Ok(Vec::new()),
            Ok(None) => Err(refusal(set, &format!("{file}: no such file"))),
            Err(reason) => Err(refusal(set, &format!("{file}: {reason}"))),
        }
    }
}

fn refusal(set: &str, reason: &str) -> Refusal {
    Refusal {
        reason: format!("dataset {set}: {reason}"),
    }
}

/// What a rule does with a set.
#[derive(Debug)]
pub(crate) struct Use {
    set: Arc<Set>,
    ask: Ask,
    context_key: Option<Arc<str>>,
    matches_subdomain: bool,
}

#[derive(Debug)]
enum Ask {
    IsSet,
    IsNotSet,
    Set,
    Unset,
    Reputation(Compare),
}

impl Use {
    /// The keyword that asks.
    pub(crate) fn keyword(&self) -> &'static str {
        match self.ask {
            Ask::Reputation(_) => "datarep",
            Ask::IsSet | Ask::IsNotSet | Ask::Set | Ask::Unset => "dataset",
        }
    }

    /// Whether asking changes the set.
    pub(crate) fn changes(&self) -> bool {
        matches!(self.ask, Ask::Set | Ask::Unset)
    }

    /// Whether it holds for `data`, changing the set where it is to be changed. What the set holds
    /// beside the value goes to `contexts`.
    pub(crate) fn holds(&self, data: &[u8], contexts: &mut Vec<(Arc<str>, Arc<str>)>) -> bool {
        if data.is_empty() {
            return false;
        }
        let key = self.set.kind.key(data);
        match (&self.ask, key) {
            // What can't be a value of the set is not in it.
            (Ask::IsNotSet, None) => true,
            (_, None) => false,
            (Ask::IsNotSet, Some(key)) => self.find(&key, |_| ()).is_none(),
            (Ask::IsSet, Some(key)) => {
                let Some(context) = self.find(&key, |value| value.context.clone()) else {
                    return false;
                };
                if let (Some(name), Some(context)) = (&self.context_key, context) {
                    contexts.push((Arc::clone(name), context));
                }
                true
            }
            (Ask::Set, Some(key)) => {
                let mut values = self
                    .set
                    .values
                    .write()
                    .unwrap_or_else(PoisonError::into_inner);
                values.add(key.as_ref().into(), Value::default(), self.set.memcap) == Ok(true)
            }
            (Ask::Unset, Some(key)) => self
                .set
                .values
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .remove(&key),
            (Ask::Reputation(compare), Some(key)) => self
                .find(&key, |value| value.reputation)
                .flatten()
                .is_some_and(|reputation| compare.holds(reputation.into())),
        }
    }

    fn find<T>(&self, key: &[u8], take: impl FnOnce(&Value) -> T) -> Option<T> {
        let values = self
            .set
            .values
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(value) = values.by_key.get(key) {
            return Some(take(value));
        }
        if !self.matches_subdomain {
            return None;
        }
        // `.www.evil.com` is under `.evil.com`.
        let dots = key.iter().enumerate().filter(|(_, byte)| **byte == b'.');
        dots.filter_map(|(at, _)| values.by_key.get(key.get(at..)?))
            .next()
            .map(take)
    }
}

#[cfg(test)]
mod tests;
