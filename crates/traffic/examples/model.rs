//! Trains the model that ships with the program: `make model`. The same program makes the same file.

mod rows;

use anyhow::{Context as _, Result, bail};
use learn::model::Model;
use rows::{HOURS, OFFICES, Rows, Told};
use std::path::Path;

fn main() -> Result<()> {
    let Some(path) = std::env::args_os().nth(1) else {
        bail!("usage: model FILE");
    };
    let mut rows = Rows::new()?;
    for office in 0..OFFICES {
        rows.office(1000 + office, office * HOURS, 0..HOURS, true)?;
    }
    let (table, all) = (&rows.table, rows.clean());
    let attacks = rows.instances.iter().flatten().count();
    eprintln!(
        "{} flows of {} hosts, {attacks} of attacks",
        table.len(),
        table.hosts.len()
    );
    let model = Model::train(table, &all, &rows::settings(), &mut Told)?;
    model
        .save(Path::new(&path))
        .context("the model cannot be written")?;
    for (name, value) in &model.manifest.metrics {
        eprintln!("{name} {value:.4}");
    }
    Ok(())
}
