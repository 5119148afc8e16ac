//! Trains the model that ships with the program: `make model`. The same program makes the same file.

mod rows;

use anyhow::{Context as _, Result, bail};
use learn::model::Model;
use learn::train::Settings;
use rows::{Rows, Told};
use std::path::Path;

/// Offices that the model sees, each with other people and habits, and hours of each.
const OFFICES: u64 = 6;
const HOURS: u64 = 8;

fn main() -> Result<()> {
    let Some(path) = std::env::args_os().nth(1) else {
        bail!("usage: model FILE");
    };
    let mut rows = Rows::new()?;
    for office in 0..OFFICES {
        rows.office(1000 + office, office * HOURS, HOURS, true)?;
    }
    let (table, all) = (&rows.table, rows.clean());
    let attacks = rows.instances.iter().flatten().count();
    eprintln!(
        "{} flows of {} hosts, {attacks} of attacks",
        table.len(),
        table.hosts.len()
    );
    let settings = Settings {
        name: "default".to_owned(),
        seed: 1,
        // Small enough to ship, and to be trained in some minutes.
        hidden: 32,
        members: 1,
        folds: 2,
        epochs: 10,
        windows_per_epoch: 30_000,
        ..Settings::default()
    };
    let model = Model::train(table, &all, &settings, &mut Told)?;
    model
        .save(Path::new(&path))
        .context("the model cannot be written")?;
    for (name, value) in &model.manifest.metrics {
        eprintln!("{name} {value:.4}");
    }
    Ok(())
}
