//! The part of the demo without signatures: an office that never was, an hour of its ordinary traffic, then attacks
//! that no rule matches, all through the engine and the model of the running system, as fast as they go.

use super::say;
use crate::up::roles::SHIPPED;
use anyhow::{Context as _, Result};
use engine::detect::Ruleset;
use engine::output::Output;
use engine::pipeline::Engine;
use event::Timestamp;
use learn::config::Config;
use learn::model::Model;
use learn::record::Flow;
use learn::score::Scorer;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use traffic::{Attack, Hour, Plan, Traffic, play};

/// Workstations of the office.
const PEOPLE: u8 = 12;
/// Other people and other attackers than those that the model was trained on.
const SEED: u64 = 77;
/// The first moment: a Tuesday, 2025-09-16T08:00:00Z.
const START: i64 = 1_758_009_600;
/// Flows that are scored at once, as the role does.
const BATCH: usize = 512;

/// Plays it; whether all was as it should be.
pub fn play() -> Result<bool> {
    say(
        "\nWhat no rule knows: an hour of an office's ordinary traffic, then five quiet attacks, made up packet by packet.",
    )?;
    let plan = Plan {
        seed: SEED,
        people: PEOPLE,
        start: Timestamp::new(START, 0),
        has_attacks: false,
    };
    let mut watch = Watch::new()?;
    let budget = Config::default().budget_per_day;
    let told = watch.hour(&Traffic::new(plan).hour())?;
    let flows = watch.seen;
    let is_quiet = told.len() as f32 <= budget;
    say(&format!(
        "  ordinary  {flows} flows: {} found, {budget} a day are allowed",
        super::counted(told.len() as u64, "incident")
    ))?;
    let mut went_well = is_quiet;
    for (number, attack) in (1..).zip(Attack::ALL) {
        let plan = Plan {
            seed: SEED + number,
            // The hosts' history goes on: the office works while it is attacked.
            start: Timestamp::new(START + 3600 * i64::try_from(number)?, 0),
            ..plan
        };
        let mut hour = Traffic::new(plan).hour();
        let quiet = Hour::of_attack(attack, &plan);
        let from = quiet
            .attacks
            .keys()
            .next()
            .map(|ends| IpAddr::V4(ends.source));
        hour.frames.extend(quiet.frames);
        hour.frames.sort_by_key(|frame| frame.time);
        let told = watch.hour(&hour)?;
        let found = told.iter().find(|finding| Some(finding.0) == from);
        match found {
            Some((_, text)) => say(&format!("  {:<18} found: {text}", attack.name()))?,
            None => say(&format!("  {:<18} NOT found", attack.name()))?,
        }
        went_well &= found.is_some();
    }
    say(&format!(
        "  {} of rules: nothing of this matches one",
        super::counted(watch.alerts, "alert")
    ))?;
    Ok(went_well && watch.alerts == 0)
}

/// The engine with the demo's rules, and the model behind it.
struct Watch {
    engine: Engine,
    scorer: Scorer,
    number: u64,
    seen: u64,
    alerts: u64,
}

impl Watch {
    fn new() -> Result<Self> {
        let model = Model::from_bytes(Path::new("the model that ships with the program"), SHIPPED)?;
        let known = features::columns::names(features::Definition::Corrected, true);
        let scorer = Scorer::new(model, &Config::default(), &known)?;
        let engine = play::engine(Some(rules()?));
        Ok(Watch {
            engine,
            scorer,
            number: 0,
            seen: 0,
            alerts: 0,
        })
    }

    /// Shows an hour to both; hosts that were found, once each, and why.
    fn hour(&mut self, hour: &Hour) -> Result<Vec<(IpAddr, String)>> {
        let mut taken = Taken {
            scorer: &self.scorer,
            flows: Vec::new(),
            alerts: 0,
        };
        play::play(&mut self.engine, &hour.frames, self.number + 1, &mut taken);
        self.number += hour.frames.len() as u64;
        let Taken { flows, alerts, .. } = taken;
        self.alerts += alerts;
        self.seen += flows.len() as u64;
        let mut told: Vec<(IpAddr, String)> = Vec::new();
        for batch in flows.chunks(BATCH) {
            let scored = self.scorer.score(batch).context("the model does not fit")?;
            for finding in scored.findings {
                let Some(record) = finding.record else {
                    continue;
                };
                if told.iter().all(|(host, _)| *host != finding.host) {
                    let text = record["ratel"]["model"]["text"].as_str();
                    told.push((finding.host, text.unwrap_or_default().to_owned()));
                }
            }
        }
        Ok(told)
    }
}

/// The demo's rules.
fn rules() -> Result<Arc<Ruleset>> {
    let folder = std::env::temp_dir().join(format!("ratel-demo-rules-{}", std::process::id()));
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot make {}", folder.display()))?;
    let file = folder.join("demo.rules");
    let read = std::fs::write(&file, include_str!("demo.rules"))
        .context("the demo's rules cannot be written")
        .and_then(|()| {
            let wanted = crate::up::engines::Config {
                files: vec![file],
                cache_dir: Some(folder.clone()),
                ..Default::default()
            };
            crate::up::engines::Recipe::read(&wanted, &folder, &[])
        });
    let _ = std::fs::remove_dir_all(&folder);
    Ok(read?.rules.ruleset)
}

/// Flows and alerts as they come out of the engine.
struct Taken<'a> {
    scorer: &'a Scorer,
    flows: Vec<Flow>,
    alerts: u64,
}

impl Output for Taken<'_> {
    fn record(&mut self, _log: usize, kind: &'static str, line: &[u8]) {
        self.alerts += u64::from(kind == "alert");
        if kind == "flow"
            && let Ok(record) = serde_json::from_slice(line)
        {
            self.flows.extend(self.scorer.columns().flow(&record));
        }
    }
}
