//! `ratel learn card`.

use super::inputs::Inputs;
use super::progress::Bar;
use super::{Apart, Format, Training};
use crate::table;
use ::learn::read::Alerted;
use ::learn::split::Split;
use ::learn::table::Table;
use ::learn::train::Settings;
use ::learn::trial::{self, Entry, FIGURES, Which};
use anyhow::{Context as _, Result};
use clap::Args;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

/// `ratel learn card`.
#[derive(Debug, Args)]
#[command(after_help = "Exit status: 0 done, 1 failed, 2 wrong usage.")]
pub struct Card {
    #[command(flatten)]
    inputs: Inputs,
    #[command(flatten)]
    training: Training,
    #[command(flatten)]
    apart: Apart,
    /// Seeds: so often every model is trained.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=100))]
    seeds: u64,
    /// The models beside it: a list with commas. Default: all.
    #[arg(long, value_delimiter = ',', value_parser = super::which)]
    against: Vec<Which>,
    /// The folder that CARD.md and its drawings go to; nowhere without.
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
    /// How what came out is printed.
    #[arg(short = 'o', long = "output", value_enum, default_value_t)]
    output: Format,
    /// No progress bar.
    #[arg(short = 'q', long)]
    quiet: bool,
}

pub fn run(args: &Card) -> Result<ExitCode> {
    let settings = args.training.settings()?;
    let (table, reports) = args.inputs.read(Alerted::LeaveOut)?;
    let split = args.apart.split(&table)?;
    let mut models = vec![args.training.model];
    let others = match args.against.is_empty() {
        true => Which::all(),
        false => args.against.clone(),
    };
    models.extend(
        others
            .into_iter()
            .filter(|which| *which != args.training.model),
    );
    let mut entries = Vec::with_capacity(models.len());
    let mut limits = Vec::new();
    for (at, which) in models.into_iter().enumerate() {
        match entry(args, which, &table, &split, &settings) {
            Ok(entry) => entries.push(entry),
            // The model that the card is about must be there; of the others some need labels.
            Err(error) if at == 0 => return Err(error),
            Err(error) => limits.push(format!("{} is not there: {error:#}", which.name())),
        }
    }
    let card = ::learn::card::Card {
        name: args.training.model.name(),
        version: env!("CARGO_PKG_VERSION"),
        data: &reports,
        split: &args.apart.words(),
        rows: (split.train.len(), split.test.len(), split.duplicates),
        settings: &serde_yaml_ng::to_string(&settings)?,
        entries: &entries,
        limits: &limits,
    };
    if let Some(folder) = &args.to {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        for file in card.files() {
            let path = folder.join(file.name);
            fs::write(&path, file.text)
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
    }
    match args.output {
        Format::Json => super::print_json(&serde_json::json!({
            "files": reports, "split": args.apart.words(), "learned": split.train.len(),
            "judged": split.test.len(), "duplicates": split.duplicates, "settings": settings,
            "verdict": card.verdict(), "models": entries.iter().map(summary).collect::<Vec<_>>(),
        }))?,
        Format::Text => super::print(&format!("{}\n{}\n", text(&entries), card.verdict()))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn entry(
    args: &Card,
    which: Which,
    table: &Table,
    split: &Split,
    settings: &Settings,
) -> Result<Entry> {
    let mut outcomes = Vec::new();
    for seed in 0..args.seeds {
        let settings = Settings {
            seed: settings.seed.wrapping_add(seed),
            ..settings.clone()
        };
        let mut bar = Bar::new(args.quiet || args.output == Format::Json);
        let model = trial::train(which, table, &split.train, &settings, &mut bar)?;
        let threshold = trial::usual_threshold(&model);
        outcomes.push(trial::judge(&model, table, &split.test, threshold)?);
    }
    Ok(Entry {
        model: which.name().to_owned(),
        outcomes,
    })
}

/// The figures of a model, and of its first seed every kind of traffic.
fn summary(entry: &Entry) -> serde_json::Value {
    let figures = FIGURES.iter().map(|figure| {
        (
            figure.name.to_owned(),
            serde_json::json!(entry.spread(figure)),
        )
    });
    let first = entry.outcomes.first();
    serde_json::json!({
        "model": entry.model,
        "figures": figures.collect::<serde_json::Map<_, _>>(),
        "first_seed": first.map(|outcome| &outcome.measures),
        "classes": first.and_then(|outcome| outcome.classes.as_ref()),
    })
}

fn text(entries: &[Entry]) -> String {
    let mut heading = vec!["MODEL"];
    heading.extend(FIGURES.iter().map(|figure| figure.name));
    let row = |entry: &Entry| {
        let spread = |figure: &trial::Figure| {
            let spread = entry.spread(figure);
            format!("{:.3} ± {:.3}", spread.mean, spread.deviation)
        };
        let mut row = vec![entry.model.clone()];
        row.extend(FIGURES.iter().map(spread));
        row
    };
    table::write(&heading, &entries.iter().map(row).collect::<Vec<_>>())
}
