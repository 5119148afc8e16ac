//! Loads rules: which files, what they are read with, what became of each rule.

use crate::bounded;
use crate::cli::Read;
use crate::journal::{Journal, Level};
use crate::listing;
use crate::settings::{Node, Settings};
use crate::wants::Wants;
use anyhow::{Context as _, Result};
use console::web::{RuleState, RuleText};
use engine::detect::datasets::{Datasets, Place};
use engine::detect::{ActionClass, ActionOrder, Ruleset};
use rules::{Context, Parsed, RuleSet, Summary, Variables};
use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Refusals told on standard error by `ratel read`; `ratel rules check` tells all.
const TOLD_REFUSALS: usize = 5;
/// Largest file of rules that is read: eight times the largest open set.
const MAX_RULES_FILE: u64 = 256 << 20;
/// Largest list or dataset that is read: ten million hashes.
const MAX_LIST_FILE: u64 = 1 << 30;

const CLASSES: &str = include_str!("classification.config");
const REFERENCES: &str = include_str!("reference.config");

/// Rules, ready to run, and what became of those that are not.
#[derive(Default)]
pub struct Loaded {
    /// What detection runs.
    pub ruleset: Ruleset,
    /// Verdicts by number.
    pub summary: Summary,
    /// Rules that are wrong: where and why.
    pub refusals: Vec<Refusal>,
    /// Rules that are read but can't match yet, with reasons.
    pub degraded: Vec<(u32, String, u32, Vec<String>)>,
    /// What the rules want computed.
    pub wants: Wants,
    /// What detection makes of each rule, a line of JSON each, where that was asked.
    pub analysis: Vec<u8>,
    /// What was odd about lists and files, a sentence each.
    pub complaints: Vec<String>,
    /// Files without a single rule, which `complaints` has told of in a sentence each.
    pub noises: Vec<String>,
    /// Every rule and what became of it, where that was asked.
    pub listing: Vec<RuleText>,
    /// How long it took.
    pub took: Duration,
}

/// A rule that was refused.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// File it stands in.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Character of that line, from 1; 0 where the whole rule is meant.
    pub column: u32,
    /// Its signature id, where it has one.
    pub sid: Option<u32>,
    /// Why, in words.
    pub reason: String,
    /// The beginning of the rule as written.
    pub text: String,
}

/// Rules are wrong where that ends the run; the first of them, in words.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Fatal(pub String);

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.file, self.line)?;
        if self.column > 0 {
            write!(f, ":{}", self.column)?;
        }
        if let Some(sid) = self.sid {
            write!(f, ": rule {sid}")?;
        }
        write!(f, ": {}", self.reason)
    }
}

impl Loaded {
    /// Loaded, degraded and refused.
    pub fn counts(&self) -> (u64, u64, u64) {
        (
            self.summary.loaded,
            self.summary.degraded,
            self.summary.refused,
        )
    }

    /// The first rule that is wrong, in words.
    pub fn first_error(&self) -> Option<String> {
        self.refusals.first().map(ToString::to_string)
    }

    /// Writes what became of the rules into the journal.
    pub fn tell(&self, files: usize, journal: &mut Journal) {
        for complaint in &self.complaints {
            journal.say(Level::Warning, "detect", complaint);
        }
        for refusal in &self.refusals {
            let (file, line, reason) = (&refusal.file, refusal.line, &refusal.reason);
            journal.say(Level::Error, "detect-parse", reason);
            let message = format!(
                "error parsing signature \"{}\" from file {file} at line {line}",
                refusal.text
            );
            journal.say(Level::Error, "detect", &message);
        }
        let (loaded, degraded, failed) = self.counts();
        let message = format!(
            "{files} rule files processed. {} rules successfully loaded, {failed} rules failed, {} rules skipped",
            loaded + degraded,
            self.summary.skipped,
        );
        journal.say(Level::Info, "detect", &message);
    }

    /// Tells people what was not loaded.
    pub fn warn(&self) {
        for complaint in &self.complaints {
            crate::complain(complaint);
        }
        let is_told = |refusal: &&Refusal| !self.noises.contains(&refusal.file);
        let mut refusals = self.refusals.iter().filter(is_told);
        for refusal in refusals.by_ref().take(TOLD_REFUSALS) {
            crate::complain(&format!("refused {refusal}"));
        }
        if refusals.next().is_some() {
            crate::complain(&format!(
                "{} rules were refused; `ratel rules check` tells each",
                self.summary.refused
            ));
        }
    }
}

/// How rules are loaded.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Folder of compiled rules; None keeps none.
    pub cache_dir: Option<PathBuf>,
    /// Folder that relative names in rules are looked for in, beside the rules' own.
    pub data_dir: Option<PathBuf>,
    /// Whether it is told what detection makes of each rule (`--engine-analysis`).
    pub explains: bool,
    /// Whether every rule is listed with what became of it.
    pub lists: bool,
    /// Rules that people disabled, by their number.
    pub disabled: HashSet<u32>,
    /// Lines beside those of `threshold.config`.
    pub limits: String,
    /// Rules of somebody whom files are no business of: whatever they name is not read.
    pub is_confined: bool,
}

impl From<&Read> for Options {
    fn from(args: &Read) -> Self {
        let cache_dir = if args.no_cache {
            None
        } else {
            args.cache_dir.clone().or_else(default_cache_dir)
        };
        Options {
            cache_dir,
            data_dir: args.data_dir.clone(),
            explains: args.engine_analysis,
            ..Options::default()
        }
    }
}

/// The user's cache folder for Ratel (XDG Base Directory Specification).
pub fn default_cache_dir() -> Option<PathBuf> {
    let base = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")))?;
    Some(base.join("ratel"))
}

/// The files of rules: `only` these where there are some, else those that the configuration names
/// and `more`.
pub fn files(only: &[PathBuf], more: &[PathBuf], settings: &Settings) -> Vec<PathBuf> {
    if !only.is_empty() {
        return only.to_vec();
    }
    let folder = settings.text("default-rule-path").map(PathBuf::from);
    let named = settings
        .node("rule-files")
        .into_iter()
        .flat_map(Node::items)
        .filter_map(Node::text);
    named
        .map(|name| match &folder {
            Some(folder) if !Path::new(name).is_absolute() => folder.join(name),
            _ => PathBuf::from(name),
        })
        .chain(more.iter().cloned())
        .collect()
}

/// Reads and compiles the rules of `files`.
pub fn load(files: &[PathBuf], settings: &Settings, options: &Options) -> Result<Loaded> {
    let begun = Instant::now();
    let (mut complaints, mut noises) = (Vec::new(), Vec::new());
    let mut context = context(files, settings, &mut complaints)?;
    if options.is_confined {
        context.loader = None;
        context.allow_absolute_dataset_paths = false;
    }
    let mut set = RuleSet::default();
    for path in files {
        let text = bounded::read(path, MAX_RULES_FILE)
            .with_context(|| format!("cannot read the rules {}", path.display()))?;
        let name = path.display().to_string();
        let file = rules::parse_file(&name, &text, &context);
        if let Some(why) = noise(&file) {
            complaints.push(format!("{name} is no file of rules: {why}"));
            noises.push(name);
        }
        set.add(file);
        anyhow::ensure!(
            set.parsed().len() <= rules::MAX_RULES,
            "with {} there are more than {} rules; long lists of names, addresses or hashes belong in datasets",
            path.display(),
            rules::MAX_RULES
        );
    }
    let mut loaded = Loaded {
        summary: set.summary(),
        complaints,
        noises,
        ..Loaded::default()
    };
    for parsed in set.parsed() {
        match parsed {
            Parsed::Refused(refusal) => loaded.refusals.push(Refusal {
                file: refusal.file.to_string(),
                line: refusal.line,
                column: refusal.column,
                sid: refusal.sid,
                reason: refusal.reason.clone(),
                text: refusal.text.clone(),
            }),
            Parsed::Degraded(rule, reasons) => loaded.degraded.push((
                rule.sid,
                rule.origin.file.to_string(),
                rule.origin.line,
                reasons.clone(),
            )),
            Parsed::Loaded(_) | Parsed::Skipped(_) | Parsed::Disabled => {}
        }
    }
    if options.lists {
        loaded.listing = listing::of(&set, &options.disabled);
    }
    let thresholds = thresholds(settings, &options.limits, &context, &mut loaded.complaints)?;
    let build = build_options(files, settings, options, thresholds);
    let is_wanted = |rule: &rules::Rule| !options.disabled.contains(&rule.sid);
    let rules: Vec<_> = set.into_loaded().filter(is_wanted).collect();
    loaded.summary.loaded = loaded.summary.loaded.saturating_sub(
        loaded
            .listing
            .iter()
            .filter(|rule| rule.state == RuleState::Disabled)
            .count() as u64,
    );
    for rule in &rules {
        loaded.wants.add(rule);
    }
    if options.explains {
        loaded.analysis = engine::detect::analysis::explain(&rules);
    }
    let (ruleset, refused) = Ruleset::build(rules, build)?;
    for rule in refused {
        loaded.summary.loaded = loaded.summary.loaded.saturating_sub(1);
        loaded.summary.refused += 1;
        listing::refuse(&mut loaded.listing, rule.sid, &rule.reason);
        loaded.refusals.push(Refusal {
            file: rule.origin.file.to_string(),
            line: rule.origin.line,
            column: 0,
            sid: Some(rule.sid),
            reason: rule.reason,
            text: String::new(),
        });
    }
    loaded.ruleset = ruleset;
    loaded.took = begun.elapsed();
    Ok(loaded)
}

/// Why a file is no file of rules: none of its many lines is one.
fn noise(file: &rules::RuleFile) -> Option<String> {
    let summary = file.summary();
    let first = summary.refusals.first()?;
    let is_noise = summary.refused == summary.total()
        && summary.disabled == 0
        && summary.refused > TOLD_REFUSALS as u64;
    is_noise.then(|| {
        format!(
            "all {} lines were refused, line {} because {}",
            summary.refused, first.line, first.reason
        )
    })
}

/// What rules are read with: variables and lists of the configuration.
fn context(
    files: &[PathBuf],
    settings: &Settings,
    complaints: &mut Vec<String>,
) -> Result<Context> {
    let mut context = Context::default();
    for (key, group) in [
        ("vars.address-groups", &mut context.addresses),
        ("vars.port-groups", &mut context.ports),
    ] {
        let Some(node) = settings.node(key) else {
            continue;
        };
        *group = Variables::default();
        for (name, value) in node.entries() {
            match value {
                Node::Text(text) => group.set(name, text),
                Node::List(items) => {
                    let texts: Vec<&str> = items.iter().filter_map(Node::text).collect();
                    group.set(name, format!("[{}]", texts.join(",")));
                }
                Node::Empty | Node::Map(_) => {}
            }
        }
    }
    let beside = files
        .first()
        .and_then(|path| path.parent().map(Path::to_path_buf));
    let classes = list(
        settings,
        "classification-file",
        &beside,
        "classification.config",
        CLASSES,
    )?;
    let (classes, wrong) = rules::lists::Classes::parse(&classes);
    complaints.extend(
        wrong
            .into_iter()
            .map(|(line, why)| format!("classification.config:{line}: {why}")),
    );
    context.classes = classes;
    let references = list(
        settings,
        "reference-config-file",
        &beside,
        "reference.config",
        REFERENCES,
    )?;
    let (references, wrong) = rules::lists::References::parse(&references);
    complaints.extend(
        wrong
            .into_iter()
            .map(|(line, why)| format!("reference.config:{line}: {why}")),
    );
    context.references = references;
    context.protocols = decode::app::PROTOCOLS
        .iter()
        .map(|entry| entry.protocol)
        .collect();
    context.has_ja3 = fingerprints(settings, "ja3");
    context.has_ja4 = fingerprints(settings, "ja4");
    context.allow_absolute_dataset_paths = settings
        .flag("datasets.rules.allow-absolute-filenames")
        .unwrap_or(false);
    context.loader = Some(Box::new(move |name: &str| {
        let path = Path::new(name);
        let path = match &beside {
            Some(folder) if path.is_relative() => folder.join(path),
            _ => path.to_owned(),
        };
        bounded::read(&path, MAX_LIST_FILE)
            .map_err(|error| format!("{} can't be read: {error}", path.display()))
    }));
    Ok(context)
}

/// Whether fingerprints of a kind are computed: `no` alone turns them off.
fn fingerprints(settings: &Settings, kind: &str) -> bool {
    settings
        .text(&format!("app-layer.protocols.tls.{kind}-fingerprints"))
        .is_none_or(|text| text != "no" && text != "false")
}

/// A list from the configured file, or from beside the rules, or the built-in one.
fn list(
    settings: &Settings,
    key: &str,
    beside: &Option<PathBuf>,
    name: &str,
    built_in: &str,
) -> Result<Vec<u8>> {
    if let Some(path) = settings.text(key)
        && let Ok(text) = bounded::read(Path::new(path), MAX_LIST_FILE)
    {
        return Ok(text);
    }
    if let Some(text) = beside
        .as_ref()
        .and_then(|folder| bounded::read(&folder.join(name), MAX_LIST_FILE).ok())
    {
        return Ok(text);
    }
    Ok(built_in.as_bytes().to_vec())
}

/// The lines of `threshold.config`.
fn thresholds(
    settings: &Settings,
    more: &str,
    context: &Context,
    complaints: &mut Vec<String>,
) -> Result<rules::Thresholds> {
    let path = settings.text("threshold-file");
    let mut text = match path {
        Some(path) => bounded::read(Path::new(path), MAX_LIST_FILE)
            .with_context(|| format!("cannot read the thresholds {path}"))?,
        None if more.is_empty() => return Ok(rules::Thresholds::default()),
        None => Vec::new(),
    };
    let path = path.unwrap_or("what people changed");
    text.push(b'\n');
    text.extend_from_slice(more.as_bytes());
    let thresholds = rules::Thresholds::parse(&text, &context.addresses);
    complaints.extend(
        thresholds
            .wrong
            .iter()
            .map(|(line, why)| format!("{path}:{line}: {why}")),
    );
    Ok(thresholds)
}

/// Writes the sets that rules fill and that are to be kept for the next run. Names are relative to
/// the data folder, or where there is none to the current one.
pub fn save_datasets(ruleset: &Ruleset, data_dir: Option<&Path>) {
    ruleset.datasets.save(|name, bytes| {
        let path = data_dir.map_or_else(|| PathBuf::from(name), |folder| folder.join(name));
        if let Err(error) = fs::write(&path, bytes) {
            crate::complain(&format!(
                "the dataset {} can't be saved: {error}",
                path.display()
            ));
        }
    });
}

fn build_options(
    files: &[PathBuf],
    settings: &Settings,
    options: &Options,
    thresholds: rules::Thresholds,
) -> engine::detect::Options {
    let beside = files
        .first()
        .and_then(|path| path.parent().map(Path::to_path_buf));
    let (data_dir, is_confined) = (options.data_dir.clone(), options.is_confined);
    let folder = settings.text("default-rule-path").map(PathBuf::from);
    let reader = move |name: &str, place: Place| {
        if is_confined {
            return Err("files are not read here".to_owned());
        }
        let candidates = match place {
            Place::Rules => [beside.clone(), folder.clone(), data_dir.clone()],
            Place::State => [data_dir.clone(), beside.clone(), None],
        };
        let path = Path::new(name);
        if path.is_absolute() {
            return match bounded::read(path, MAX_LIST_FILE) {
                Ok(text) => Ok(Some(text)),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
                Err(error) => Err(error.to_string()),
            };
        }
        for folder in candidates.into_iter().flatten() {
            if let Ok(text) = bounded::read(&folder.join(path), MAX_LIST_FILE) {
                return Ok(Some(text));
            }
        }
        Ok(None)
    };
    let mut build = engine::detect::Options {
        cache_folder: options.cache_dir.clone(),
        thresholds,
        ..engine::detect::Options::default()
    };
    build.resources.datasets = Datasets::new(Box::new(reader));
    build.action_order = action_order(settings);
    if let Some(limit) = settings.number("pcre.match-limit") {
        build.resources.pcre.calls = limit;
    }
    build
}

/// `action-order`: actions that it leaves out keep their place after those that it names.
fn action_order(settings: &Settings) -> ActionOrder {
    let mut order = Vec::with_capacity(4);
    for item in settings
        .node("action-order")
        .into_iter()
        .flat_map(Node::items)
    {
        let class = match item.text() {
            Some("pass") => ActionClass::Pass,
            Some("drop") => ActionClass::Drop,
            Some("reject") => ActionClass::Reject,
            Some("alert") => ActionClass::Alert,
            other => {
                let text = other.unwrap_or_default();
                settings.complain(format!(
                    "action-order: {text:?} is none of pass, drop, reject and alert"
                ));
                continue;
            }
        };
        if !order.contains(&class) {
            order.push(class);
        }
    }
    for class in ActionOrder::default().0 {
        if !order.contains(&class) {
            order.push(class);
        }
    }
    match order.try_into() {
        Ok(all) => ActionOrder(all),
        Err(_) => ActionOrder::default(),
    }
}
