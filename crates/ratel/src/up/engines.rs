//! Makes engines for the sensor: one for each worker, all on the same rules and settings.

use crate::config::{self, outputs::Outputs, policies::Policies};
use crate::ruleset::{self, Loaded, Refusal};
use crate::settings::Settings;
use anyhow::{Context, Result, bail};
use console::web::{RuleChange, RuleText};
use engine::config::RulesLoaded;
use engine::records::config::EveConfig;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Rules, and how traffic is understood.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Files of rules, or folders of them (every `*.rules` inside).
    pub files: Vec<PathBuf>,
    /// A `suricata.yaml`: variables, stream, decoder, application and EVE settings are taken from it.
    pub suricata: Option<PathBuf>,
    /// Single keys of it, as `--set` of `ratel read` has them.
    pub set: Vec<String>,
    /// Folder of compiled rules.
    pub cache_dir: Option<PathBuf>,
    /// Whether alerts tell which bytes made their rule match, as `ratel.matches`.
    pub explain: bool,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            files: vec![PathBuf::from("/etc/ratel/rules")],
            suricata: None,
            set: Vec::new(),
            cache_dir: None,
            explain: true,
        }
    }
}

/// Alerts of one second and worker that tell why; in a storm the others say the same. Telling costs
/// about as much again as finding.
const EXPLAINED_PER_SEC: u32 = 500;
/// No folder of rules has more files.
const MAX_FILES: usize = 10_000;

/// What the sensor makes its engines from.
pub struct Recipe {
    /// Settings of engines.
    pub config: engine::config::Config,
    /// Settings of detection.
    pub detection: engine::detect::Settings,
    /// The EVE output that becomes events.
    pub eve: EveConfig,
    /// The rules.
    pub rules: sensor::Rules,
    /// Every rule and what became of it.
    pub listing: Vec<RuleText>,
}

impl Recipe {
    /// Reads settings and rules. A rule that is wrong is told and fails no other.
    ///
    /// # Errors
    /// A file that cannot be read, a `suricata.yaml` that is none.
    pub fn read(wanted: &Config, data_dir: &Path, changes: &[RuleChange]) -> Result<Self> {
        Recipe::of(wanted, data_dir, changes, None)
    }

    /// The same with the rules of this file alone, which somebody wrote whom our files are no business of.
    ///
    /// # Errors
    /// As [`Recipe::read`].
    pub fn test(wanted: &Config, data_dir: &Path, file: &Path) -> Result<(Self, Vec<Refusal>)> {
        let mut refusals = Vec::new();
        let recipe = Recipe::of(wanted, data_dir, &[], Some((file, &mut refusals)))?;
        Ok((recipe, refusals))
    }

    fn of(
        wanted: &Config,
        data_dir: &Path,
        changes: &[RuleChange],
        alone: Option<(&Path, &mut Vec<Refusal>)>,
    ) -> Result<Self> {
        let mut settings = match &wanted.suricata {
            Some(path) => Settings::load(path)?,
            None => {
                Settings::parse(config::DEFAULTS).context("the built-in defaults are broken")?
            }
        };
        for assignment in &wanted.set {
            settings.set(assignment)?;
        }
        let policies = Policies::new(&settings, false)?;
        let eves = config::eve::outputs(&settings);
        let outputs = Outputs::new(&settings);
        let files = match &alone {
            Some((file, _)) => vec![file.to_path_buf()],
            None => ruleset::files(&files(&wanted.files)?, &[], &settings),
        };
        if files.is_empty() {
            tracing::warn!("there are no rules: nothing will alert (rules.files)");
        }
        let cache = wanted.cache_dir.clone();
        let cache = cache.unwrap_or_else(|| data_dir.join("cache"));
        let lines = changes.iter().flat_map(|change| &change.lines);
        let options = ruleset::Options {
            cache_dir: alone.is_none().then_some(cache),
            data_dir: Some(data_dir.to_owned()),
            explains: false,
            lists: alone.is_none(),
            disabled: changes
                .iter()
                .filter(|change| !change.enabled)
                .map(|change| change.sid)
                .collect(),
            limits: lines.fold(String::new(), |text, line| text + line + "\n"),
            is_confined: alone.is_some(),
        };
        let mut loaded = ruleset::load(&files, &settings, &options)?;
        match alone {
            Some((_, refusals)) => *refusals = std::mem::take(&mut loaded.refusals),
            None => tell(&loaded),
        }
        let listing = std::mem::take(&mut loaded.listing);
        let (whole, degraded, failed) = loaded.counts();
        let mut config = config::engine::config(&settings, &eves, &outputs, loaded.wants);
        policies.apply(&mut config);
        config.rules = RulesLoaded {
            loaded: whole + degraded,
            failed,
            skipped: loaded.summary.skipped,
        };
        if wanted.suricata.is_some() {
            config::warn(&settings);
        }
        let Some(eve) = eves.into_iter().next() else {
            bail!("the suricata.yaml writes no EVE records (outputs, eve-log)");
        };
        let rules = sensor::Rules {
            ruleset: Arc::new(loaded.ruleset),
            loaded: config.rules,
            app: Some(config.app.clone()),
        };
        let detection = engine::detect::Settings {
            traces_per_sec: wanted.explain.then_some(EXPLAINED_PER_SEC),
            ..config::engine::detection(&settings)
        };
        Ok(Recipe {
            config,
            detection,
            eve: eve.config,
            rules,
            listing,
        })
    }
}

fn tell(loaded: &Loaded) {
    let (whole, degraded, refused) = loaded.counts();
    for complaint in &loaded.complaints {
        tracing::warn!("{complaint}");
    }
    if let Some(first) = loaded.first_error() {
        tracing::warn!("{refused} rules were refused, the first: {first}");
    }
    tracing::info!(
        whole,
        degraded,
        refused,
        "rules loaded in {:?}",
        loaded.took
    );
}

/// The files that are named, those of folders in the order of their names.
fn files(named: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut all = Vec::new();
    for path in named {
        if !path.is_dir() {
            // A folder that is not there holds no rules; a file that is not there is a mistake.
            if path.extension().is_some() {
                all.push(path.clone());
            }
            continue;
        }
        let inside = std::fs::read_dir(path)
            .with_context(|| format!("cannot read the folder of rules {}", path.display()))?;
        let mut inside: Vec<PathBuf> = inside
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| {
                path.extension()
                    .is_some_and(|extension| extension == "rules")
            })
            .collect();
        inside.sort();
        all.append(&mut inside);
    }
    if all.len() > MAX_FILES {
        bail!("{} files of rules are too many", all.len());
    }
    Ok(all)
}
