//! What other roles may do with the sensor: reload its rules, read its counters, see its rules, hold them
//! against a capture.

use super::engines::{self, Recipe};
use anyhow::Result;
use console::web::{RuleBook, RuleChange};
use respond::feeds::Feeds;
use sensor::publish::Publishing;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Where it is kept what people changed about rules, so that the sensor begins with it.
const CHANGES: &str = "rule-changes.json";

/// What others may do with the running sensor.
#[derive(Default)]
pub struct Hands {
    running: Mutex<Option<Running>>,
    loaded: Mutex<Option<Arc<Loaded>>>,
    /// One reads rules at a time.
    loading: Mutex<()>,
    changes: Mutex<Option<Vec<RuleChange>>>,
    feeds: Mutex<Option<Arc<Feeds>>>,
}

/// The sensor that runs, and where its records go.
pub type Running = (sensor::Handle, Arc<Publishing>);

/// The rules that were read last, and what engines are made of.
pub struct Loaded {
    /// Settings and rules.
    pub recipe: Recipe,
    /// The rules as the API lists them.
    pub book: Arc<RuleBook>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is guarded is whole between statements.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Hands {
    /// The sensor, while it runs.
    #[must_use]
    pub fn get(&self) -> Option<Running> {
        lock(&self.running).clone()
    }

    /// Another one runs now, or none.
    pub fn set(&self, running: Option<Running>) {
        *lock(&self.running) = running;
    }

    /// The feeds that are followed.
    #[must_use]
    pub fn feeds(&self) -> Option<Arc<Feeds>> {
        lock(&self.feeds).clone()
    }

    /// These feeds are followed now.
    pub fn follow(&self, feeds: Arc<Feeds>) {
        *lock(&self.feeds) = Some(feeds);
    }

    /// The rules that were read last; None where none were.
    #[must_use]
    pub fn loaded(&self) -> Option<Arc<Loaded>> {
        lock(&self.loaded).clone()
    }

    /// The rules that were read last; read now where none were: without the right to capture there is
    /// no sensor, and captures are read all the same.
    ///
    /// # Errors
    /// They can't be read.
    pub fn load(&self, rules: &engines::Config, data_dir: &Path) -> Result<Arc<Loaded>> {
        match self.loaded() {
            Some(loaded) => Ok(loaded),
            None => self.read(rules, data_dir),
        }
    }

    /// Reads the rules, with what people changed about them.
    ///
    /// # Errors
    /// They can't be read; those before stay.
    pub fn read(&self, rules: &engines::Config, data_dir: &Path) -> Result<Arc<Loaded>> {
        let _turn = lock(&self.loading);
        let mut recipe = Recipe::read(rules, data_dir, &self.changes(data_dir))?;
        let generation = self.loaded().map_or(1, |old| old.book.generation + 1);
        let book = RuleBook::new(generation, std::mem::take(&mut recipe.listing));
        let loaded = Arc::new(Loaded {
            recipe,
            book: Arc::new(book),
        });
        *lock(&self.loaded) = Some(loaded.clone());
        Ok(loaded)
    }

    /// What people changed about rules, as it was told last: in this run or in the one before.
    fn changes(&self, data_dir: &Path) -> Vec<RuleChange> {
        let mut changes = lock(&self.changes);
        changes
            .get_or_insert_with(|| {
                let text = std::fs::read_to_string(file(data_dir));
                text.ok()
                    .and_then(|text| serde_json::from_str(&text).ok())
                    .unwrap_or_default()
            })
            .clone()
    }

    /// What people changed about rules, from the next reading on; whether it is other than before.
    pub fn change(&self, data_dir: &Path, changes: Vec<RuleChange>) -> bool {
        if self.changes(data_dir) == changes {
            return false;
        }
        let path = file(data_dir);
        let text = serde_json::to_string(&changes).unwrap_or_default();
        let fresh = path.with_extension("new");
        let written = std::fs::write(&fresh, text).and_then(|()| std::fs::rename(&fresh, &path));
        if let Err(error) = written {
            tracing::warn!("{}: {error}", path.display());
        }
        *lock(&self.changes) = Some(changes);
        true
    }
}

fn file(data_dir: &Path) -> PathBuf {
    data_dir.join(CHANGES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_changed_outlives_the_process() {
        let folder = tempfile::tempdir().expect("a folder");
        let change = || RuleChange {
            sid: 7,
            enabled: false,
            lines: vec!["suppress gen_id 1, sig_id 7".to_owned()],
        };
        let hands = Hands::default();
        assert!(hands.change(folder.path(), vec![change()]));
        assert!(!hands.change(folder.path(), vec![change()]));
        assert_eq!(Hands::default().changes(folder.path()), [change()]);
    }
}
