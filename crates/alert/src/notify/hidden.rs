//! Incidents with a message that a silence of an Alertmanager hid: they are told once it is over, also
//! where Ratel was started anew in between.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Incidents that are remembered; what is beyond is told with its next loud change.
const MAX: usize = 10_000;
/// Where they are kept, among the outboxes. No receiver's name begins with a dot.
const FILE: &str = ".hidden.json";

/// Names of incidents, kept on disk where there is a folder.
#[derive(Debug, Default)]
pub struct Hidden {
    ids: BTreeSet<String>,
    file: Option<PathBuf>,
}

impl Hidden {
    /// Reads what was kept; what can't be read begins anew.
    pub fn open(folder: Option<&Path>) -> Hidden {
        let file = folder.map(|folder| folder.join(FILE));
        let ids = file.as_deref().map(read).unwrap_or_default();
        Hidden { ids, file }
    }

    /// Remembers an incident.
    pub fn add(&mut self, id: &str) {
        if self.ids.len() < MAX && self.ids.insert(id.to_owned()) {
            self.keep();
        }
    }

    /// Forgets an incident; whether it was remembered.
    pub fn take(&mut self, id: &str) -> bool {
        let was = self.ids.remove(id);
        if was {
            self.keep();
        }
        was
    }

    fn keep(&self) {
        let Some(file) = &self.file else {
            return;
        };
        if let Err(error) = write(file, &self.ids) {
            tracing::error!("{}: cannot be written: {error}", file.display());
        }
    }
}

fn read(file: &Path) -> BTreeSet<String> {
    let text = match fs::read(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return BTreeSet::new(),
        Err(error) => {
            tracing::error!("{}: cannot be read: {error}", file.display());
            return BTreeSet::new();
        }
    };
    serde_json::from_slice(&text).unwrap_or_else(|error| {
        tracing::error!("{}: {error}; it begins anew", file.display());
        BTreeSet::new()
    })
}

fn write(file: &Path, ids: &BTreeSet<String>) -> std::io::Result<()> {
    let beside = file.with_extension("new");
    let mut new = File::create(&beside)?;
    new.write_all(&serde_json::to_vec(ids)?)?;
    new.sync_all()?;
    fs::rename(&beside, file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_hidden_is_known_after_a_restart_and_told_once() {
        let folder = tempfile::tempdir().unwrap();
        let open = || Hidden::open(Some(folder.path()));
        open().add("i1");
        open().add("i2");
        assert!(open().take("i1"));
        assert!(!open().take("i1"));
        assert!(open().take("i2"));
        fs::write(folder.path().join(FILE), "{").unwrap();
        assert!(!open().take("i2"), "a broken file begins anew");
        let mut nowhere = Hidden::open(None);
        nowhere.add("i3");
        assert!(nowhere.take("i3"));
    }
}
