//! What is found of the quiet attacks at 1 and at 5 false alarms a day: `quiet [SHIPPED]`.
//!
//! `own`: models that saw an office's own ordinary days and no attack at all, judged on its next days, for each kind
//! of model that learns so. `ships`: the model that ships, on offices that it never saw. `others`: models trained like
//! it on all kinds of attack but the one they are judged on.
//!
//! An attack is found where one of its flows is above the threshold. A false alarm is a host that has, in an office
//! without attacks, an hour with a flow above it.
#![allow(clippy::print_stdout)]

mod rows;

use anyhow::Result;
use learn::model::Model;
use learn::threshold::INCIDENT_US;
use learn::train::{Labels, Settings};
use learn::trial::{self, Which};
use rows::{Instance, Rows, Told};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use traffic::Attack;

/// Offices that are judged, and the hours of each that are learned from, are under attack, are in peace.
const OFFICES: u64 = 3;
const LEARNED: u64 = 96;
const ATTACKED: u64 = 12;
const PEACEFUL: u64 = 48;
/// False alarms a day.
const BUDGETS: [f32; 2] = [1.0, 5.0];
/// What learns from ordinary days alone.
const UNSUPERVISED: [&str; 6] = [
    "clstm",
    "isolation-forest",
    "knn",
    "pca",
    "rarity",
    "z-score",
];

/// What came out, by budget: found and all by kind of attack, false alarms.
#[derive(Default)]
struct Tally {
    kinds: BTreeMap<Attack, (usize, usize)>,
    alarms: usize,
}

type Tallies = [Tally; BUDGETS.len()];

fn main() -> Result<()> {
    let mut own: BTreeMap<&str, Tallies> = BTreeMap::new();
    let mut days = Vec::new();
    for office in 0..OFFICES {
        let seed = 2000 + office;
        let of = |hours, has_attacks| -> Result<Rows> {
            let mut rows = Rows::new()?;
            rows.office(seed, 0, hours, has_attacks)?;
            Ok(rows)
        };
        let learned = of(0..LEARNED, false)?;
        let under = LEARNED..LEARNED + ATTACKED;
        let after = under.end..under.end + PEACEFUL;
        let (attacked, peaceful) = (of(under, true)?, of(after, false)?);
        let all: Vec<usize> = (0..learned.table.len()).collect();
        for name in UNSUPERVISED {
            let which = Which::parse(name).unwrap_or(Which::Clstm);
            let settings = settings(Labels::Ignore);
            let model = trial::train(which, &learned.table, &all, &settings, &mut Told)?;
            judge(&model, &attacked, &peaceful, own.entry(name).or_default())?;
        }
        days.push((attacked, peaceful));
    }
    for (name, tallies) in &own {
        print(&format!("own {name}"), tallies);
    }
    if let Some(path) = std::env::args_os().nth(1) {
        let model = Model::load(Path::new(&path))?;
        let mut tallies = Tallies::default();
        for (attacked, peaceful) in &days {
            judge(&model, attacked, peaceful, &mut tallies)?;
        }
        print("ships", &tallies);
    }
    let mut learned = Rows::new()?;
    for office in 0..rows::OFFICES {
        learned.office(1000 + office, office * rows::HOURS, 0..rows::HOURS, true)?;
    }
    for kind in Attack::ALL {
        let is_other = |row: &usize| learned.instances[*row].is_none_or(|(_, _, of)| of != kind);
        let all: Vec<usize> = learned.clean().into_iter().filter(is_other).collect();
        let model = Model::train(&learned.table, &all, &rows::settings(), &mut Told)?;
        let mut tallies = Tallies::default();
        for (attacked, peaceful) in &days {
            judge(&model, attacked, peaceful, &mut tallies)?;
        }
        for tally in &mut tallies {
            tally.kinds.retain(|of, _| *of == kind);
        }
        print("others", &tallies);
    }
    Ok(())
}

fn settings(labels: Labels) -> Settings {
    Settings {
        labels,
        ..rows::settings()
    }
}

/// Adds what a model finds.
fn judge(model: &Model, attacked: &Rows, peaceful: &Rows, into: &mut Tallies) -> Result<()> {
    let score = |rows: &Rows| -> Result<Vec<f32>> {
        let all: Vec<usize> = (0..rows.table.len()).collect();
        let scores = model.score(&rows.table, &all)?;
        Ok(scores.into_iter().map(|score| score.suspicion).collect())
    };
    let (scores, peace) = (score(attacked)?, score(peaceful)?);
    for (budget, tally) in BUDGETS.into_iter().zip(into) {
        let cut = model.cut(budget);
        let mut alarms = BTreeSet::new();
        for (row, score) in peaceful.table.rows.iter().zip(&peace) {
            if *score > cut {
                alarms.insert((row.host, row.at_us.div_euclid(INCIDENT_US)));
            }
        }
        tally.alarms += alarms.len();
        let mut found: BTreeMap<Instance, bool> = BTreeMap::new();
        for (instance, score) in attacked.instances.iter().zip(&scores) {
            if let Some(instance) = instance {
                *found.entry(*instance).or_default() |= *score > cut;
            }
        }
        for ((_, _, kind), is_found) in found {
            let counts = tally.kinds.entry(kind).or_default();
            counts.0 += usize::from(is_found);
            counts.1 += 1;
        }
    }
    Ok(())
}

fn print(name: &str, tallies: &Tallies) {
    for (budget, tally) in BUDGETS.into_iter().zip(tallies) {
        #[allow(clippy::cast_precision_loss)]
        let alarms = tally.alarms as f64 / (OFFICES * PEACEFUL) as f64 * 24.0;
        print!("{name:<22} {budget} a day, {alarms:4.1} came:");
        for (kind, (found, all)) in &tally.kinds {
            print!("  {} {found}/{all}", kind.name());
        }
        println!();
    }
}
