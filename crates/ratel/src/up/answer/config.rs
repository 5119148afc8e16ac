//! What can be set about answers.

use anyhow::{Context, Result};
use event::Prefix;
use event::action::Mode;
use respond::protected::host::Wishes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// No folder of playbooks has more files.
const MAX_FILES: usize = 1_000;

/// What is done about attacks.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How far actions go: `observe` tells what would be done, `ask` waits for a person, `enforce` does.
    #[schemars(with = "String", extend("enum" = ["observe", "ask", "enforce"]))]
    pub mode: Mode,
    /// Playbooks, or folders of them (every `*.yaml` inside).
    pub playbooks: Vec<PathBuf>,
    /// Who is never hit, beside what is computed.
    pub protected: Protected,
    /// Actions that are carried out in a minute at most.
    pub max_per_minute: u32,
    /// Name of our table in the firewall.
    pub table: String,
    /// Addresses and prefixes that a set of the firewall holds at most.
    pub set_size: u32,
    /// Whether what others removed from the firewall is put back.
    pub repair: bool,
}

/// Who is never hit.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Protected {
    /// Addresses and prefixes.
    #[schemars(with = "Vec<String>")]
    pub also: Vec<Prefix>,
    /// Whether private ranges are protected as a whole.
    pub private: bool,
    /// Local ports whose established peers are people at work.
    pub admin_ports: Vec<u16>,
}

impl Default for Protected {
    fn default() -> Self {
        let wishes = Wishes::default();
        Protected {
            also: wishes.also,
            private: wishes.private,
            admin_ports: wishes.admin_ports,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        let ours = respond::Config::default();
        Config {
            mode: ours.mode,
            playbooks: vec![PathBuf::from("/etc/ratel/playbooks")],
            protected: Protected::default(),
            max_per_minute: ours.max_per_minute,
            table: "ratel".to_owned(),
            set_size: 65_536,
            repair: ours.repair,
        }
    }
}

impl Config {
    /// The same as the crate `respond` has it.
    #[must_use]
    pub fn of_crate(&self, data_dir: &Path) -> respond::Config {
        respond::Config {
            mode: self.mode,
            protected: self.wishes(),
            folder: Some(data_dir.join("respond")),
            max_per_minute: self.max_per_minute,
            repair: self.repair,
            ..respond::Config::default()
        }
    }

    /// What is protected beyond what is computed.
    #[must_use]
    pub fn wishes(&self) -> Wishes {
        Wishes {
            also: self.protected.also.clone(),
            private: self.protected.private,
            admin_ports: self.protected.admin_ports.clone(),
        }
    }
}

/// Names and texts of all playbooks.
///
/// # Errors
/// A file or folder cannot be read, or there are too many.
pub fn playbooks(named: &[PathBuf]) -> Result<Vec<(String, String)>> {
    let mut files = Vec::new();
    for path in named {
        if path.is_dir() {
            let inside = std::fs::read_dir(path).with_context(|| {
                format!("cannot read the folder of playbooks {}", path.display())
            })?;
            let mut inside: Vec<PathBuf> = inside
                .filter_map(|entry| Some(entry.ok()?.path()))
                .filter(|path| {
                    path.extension()
                        .is_some_and(|extension| extension == "yaml" || extension == "yml")
                })
                .collect();
            inside.sort();
            files.append(&mut inside);
        } else if path.extension().is_some() {
            files.push(path.clone());
        }
    }
    anyhow::ensure!(
        files.len() <= MAX_FILES,
        "{} files of playbooks are too many",
        files.len()
    );
    files
        .into_iter()
        .map(|path| {
            let text = std::fs::read_to_string(&path)
                .with_context(|| format!("cannot read the playbook {}", path.display()))?;
            Ok((path.display().to_string(), text))
        })
        .collect()
}
