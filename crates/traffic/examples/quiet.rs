//! What is found of the quiet attacks at 1 and at 5 false alarms a day, by models that know less and less of them:
//! the one that ships, one each that never saw the kind, one that never saw any attack. `quiet SHIPPED [NORMAL]`: the
//! last is written to NORMAL.
//!
//! Judged on offices that none of them was trained on. An attack is found where one of its flows is above the
//! threshold; a false alarm is a host of an office without attacks that has an hour with a flow above it.
#![allow(clippy::print_stdout)]

mod rows;

use anyhow::{Context as _, Result, bail};
use learn::model::Model;
use learn::threshold::INCIDENT_US;
use learn::train::{Labels, Settings};
use rows::{Instance, Rows, Told};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use traffic::Attack;

/// Offices to learn from, hours of each: those of the model that ships.
const LEARNED: (u64, u64) = (6, 8);
/// Offices under attack to be judged on.
const ATTACKED: (u64, u64) = (5, 8);
/// Offices in peace.
const PEACEFUL: (u64, u64) = (5, 24);
/// False alarms a day.
const BUDGETS: [f32; 2] = [1.0, 5.0];

fn main() -> Result<()> {
    let mut args = std::env::args_os().skip(1);
    let Some(shipped) = args.next() else {
        bail!("usage: quiet SHIPPED [NORMAL]");
    };
    let rows_of = |first: u64, (offices, hours): (u64, u64), has_attacks| -> Result<Rows> {
        let mut rows = Rows::new()?;
        for office in 0..offices {
            rows.office(first + office, office * hours, hours, has_attacks)?;
        }
        Ok(rows)
    };
    let learned = rows_of(1000, LEARNED, true)?;
    let attacked = rows_of(2000, ATTACKED, true)?;
    let peaceful = rows_of(3000, PEACEFUL, false)?;
    println!(
        "{} flows to learn from; judged on {} flows under attack and {} in peace",
        learned.table.len(),
        attacked.table.len(),
        peaceful.table.len()
    );
    let model = Model::load(Path::new(&shipped))?;
    judge("ships", &model, &attacked, &peaceful, &Attack::ALL)?;
    let settings = Settings {
        hidden: 32,
        members: 1,
        folds: 2,
        epochs: 10,
        windows_per_epoch: 30_000,
        ..Settings::default()
    };
    let normal = Settings {
        name: "normal".to_owned(),
        labels: Labels::Ignore,
        ..settings.clone()
    };
    let model = Model::train(&learned.table, &learned.clean(), &normal, &mut Told)?;
    judge("saw none", &model, &attacked, &peaceful, &Attack::ALL)?;
    if let Some(path) = args.next() {
        model
            .save(Path::new(&path))
            .context("the model cannot be written")?;
    }
    for kind in Attack::ALL {
        let is_other = |row: &usize| learned.instances[*row].is_none_or(|(_, _, of)| of != kind);
        let all: Vec<usize> = learned.clean().into_iter().filter(is_other).collect();
        let model = Model::train(&learned.table, &all, &settings, &mut Told)?;
        judge("saw others", &model, &attacked, &peaceful, &[kind])?;
    }
    Ok(())
}

/// Prints what a model finds of some kinds.
fn judge(
    name: &str,
    model: &Model,
    attacked: &Rows,
    peaceful: &Rows,
    kinds: &[Attack],
) -> Result<()> {
    let score = |rows: &Rows| -> Result<Vec<f32>> {
        let all: Vec<usize> = (0..rows.table.len()).collect();
        let scores = model.score(&rows.table, &all)?;
        Ok(scores.into_iter().map(|score| score.suspicion).collect())
    };
    let (scores, peace) = (score(attacked)?, score(peaceful)?);
    #[allow(clippy::cast_precision_loss)]
    let days = (PEACEFUL.0 * PEACEFUL.1) as f64 / 24.0;
    for budget in BUDGETS {
        let cut = model.cut(budget);
        let mut alarms = BTreeSet::new();
        for (row, score) in peaceful.table.rows.iter().zip(&peace) {
            if *score > cut {
                alarms.insert((row.host, row.at_us.div_euclid(INCIDENT_US)));
            }
        }
        let mut found: BTreeMap<Instance, bool> = BTreeMap::new();
        for (instance, score) in attacked.instances.iter().zip(&scores) {
            if let Some(instance) = instance {
                *found.entry(*instance).or_default() |= *score > cut;
            }
        }
        #[allow(clippy::cast_precision_loss)]
        let alarms = alarms.len() as f64 / days;
        println!("{name}: budget {budget} a day, {alarms:.1} false alarms a day in peace");
        for kind in kinds {
            let of_kind: Vec<bool> = found
                .iter()
                .filter(|((_, _, of), _)| of == kind)
                .map(|(_, found)| *found)
                .collect();
            let count = of_kind.iter().filter(|found| **found).count();
            println!("  {:<18} {count} of {}", kind.name(), of_kind.len());
        }
    }
    Ok(())
}
