//! What can be set about one host: `ratel.yaml`, every key optional.

mod file;
pub mod verb;

use crate::up::{answer, engines};
use anyhow::Result;
use respond::feeds::Feed;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

pub use file::PATH;

/// Everything that can be set about one host. Every key is optional.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Site {
    /// Where Ratel keeps what must outlive it.
    pub data_dir: PathBuf,
    /// A file that takes every record as a line of JSON, beside the bus. None: no file.
    pub events_file: Option<PathBuf>,
    /// What is captured.
    pub sensor: sensor::Config,
    /// Rules and how traffic is understood.
    pub rules: engines::Config,
    /// Topics.
    pub bus: bus::Config,
    /// What is done about attacks.
    pub respond: answer::config::Config,
    /// The host's own ruleset, for `ratel harden`; the running Ratel leaves it alone.
    pub harden: respond::harden::HardenConfig,
    /// Threat intelligence: addresses that others have seen at work.
    pub feeds: Vec<Feed>,
    /// What scores flows that no rule knows.
    pub learn: learn::config::Config,
    /// Where events are kept.
    pub store: store::Config,
    /// Where incidents are kept, and what people decide.
    pub state: state::Config,
    /// How events become incidents.
    pub alert: alert::Config,
    /// The dashboard, the control socket and what bouncers ask.
    pub console: console::Config,
}

impl Default for Site {
    fn default() -> Self {
        Site {
            data_dir: PathBuf::from("/var/lib/ratel"),
            events_file: None,
            sensor: sensor::Config::default(),
            rules: engines::Config::default(),
            bus: bus::Config::default(),
            respond: answer::config::Config::default(),
            feeds: Vec::new(),
            harden: respond::harden::HardenConfig::default(),
            learn: learn::config::Config::default(),
            store: store::Config::default(),
            state: state::Config::default(),
            alert: alert::Config::default(),
            console: console::Config::default(),
        }
    }
}

impl Site {
    /// What `path` sets, or the file at its usual place where there is one, with the environment on top.
    ///
    /// # Errors
    /// The file can't be read, or says what can't be: with file, line and reason.
    pub fn read(path: Option<&Path>) -> Result<Self> {
        let mut site: Site = file::read(path, std::env::vars())?;
        // What is kept stands together unless it is told where else.
        if site.bus.dir == bus::Config::default().dir {
            site.bus.dir = site.data_dir.join("bus");
        }
        if site.store.dir == store::Config::default().dir {
            site.store.dir = site.data_dir.join("store");
        }
        if site.state.url == state::config::URL {
            let url = state::Config::sqlite(&site.data_dir.join("state.db")).url;
            site.state.url = url;
        }
        // What scores flows needs their features.
        site.sensor.flow_features |= site.learn.enabled;
        Ok(site)
    }
}
