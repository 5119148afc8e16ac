//! `ratel learn train`.

use super::evaluate::text;
use super::inputs::Inputs;
use super::progress::Bar;
use super::{Apart, Format, Training};
use crate::Usage;
use ::learn::model::SUFFIX;
use ::learn::read::Alerted;
use ::learn::train::checkpoint;
use ::learn::trial;
use anyhow::Result;
use clap::Args;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

/// `ratel learn train`.
#[derive(Debug, Args)]
#[command(after_help = "Exit status: 0 trained, 1 failed, 2 wrong usage.")]
pub struct Train {
    #[command(flatten)]
    inputs: Inputs,
    #[command(flatten)]
    training: Training,
    #[command(flatten)]
    apart: Apart,
    /// Where the model goes.
    #[arg(long, value_name = "FILE", default_value = "flows.ratel-model")]
    to: PathBuf,
    /// Go on where a training that was killed stopped; without it, one begins anew.
    #[arg(long)]
    resume: bool,
    /// How what came out is printed.
    #[arg(short = 'o', long = "output", value_enum, default_value_t)]
    output: Format,
    /// No progress bar.
    #[arg(short = 'q', long)]
    quiet: bool,
}

pub fn run(args: &Train) -> Result<ExitCode> {
    if args.to.extension().is_none_or(|suffix| suffix != SUFFIX) {
        return Err(Usage(format!(
            "{}: a model's name ends with .{SUFFIX}",
            args.to.display()
        ))
        .into());
    }
    let mut settings = args.training.settings()?;
    let folder = args.to.with_extension("checkpoints");
    let kept = settings
        .checkpoints
        .clone()
        .unwrap_or_else(|| folder.clone());
    if !args.resume {
        checkpoint::remove(&kept, |_| true)?;
    }
    settings.checkpoints = Some(kept);
    let (table, reports) = args.inputs.read(Alerted::LeaveOut)?;
    let (rows, held, duplicates) = match args.apart.is_asked_for() {
        true => {
            let split = args.apart.split(&table)?;
            (split.train, split.test, split.duplicates)
        }
        false => ((0..table.len()).collect(), Vec::new(), 0),
    };
    let began = Instant::now();
    let mut bar = Bar::new(args.quiet || args.output == Format::Json);
    let model = trial::train(args.training.model, &table, &rows, &settings, &mut bar)?;
    drop(bar);
    model.save(&args.to)?;
    model.forget_checkpoint();
    // It is empty now; where it is not, somebody keeps something there.
    let _ = fs::remove_dir(&folder);
    let secs = began.elapsed().as_secs_f64();
    let outcome = match held.is_empty() {
        true => None,
        false => Some(trial::judge(
            &model,
            &table,
            &held,
            trial::usual_threshold(&model),
        )?),
    };
    match args.output {
        Format::Json => super::print_json(&serde_json::json!({
            "model": args.to, "kind": args.training.model.name(), "seconds": secs,
            "trained": model.manifest.trained, "is_supervised": model.manifest.is_supervised,
            "held_back": model.manifest.metrics, "duplicates": duplicates,
            "files": reports, "outcome": outcome,
        }))?,
        Format::Text => {
            let trained = &model.manifest.trained;
            let held = match trained.held_back == trained.learned {
                true => "each part judged by a model of the others".to_owned(),
                false => format!("{} held back to calibrate", trained.held_back),
            };
            super::print(&format!(
                "{}: {} learned from {} flows, {held}, in {secs:.1} s\n",
                args.to.display(),
                args.training.model.name(),
                trained.learned,
            ))?;
            if let Some(outcome) = outcome {
                let words = args.apart.words();
                super::print(&format!(
                    "{words}; {duplicates} of the flows held out equal one that was learned from.\n\n{}",
                    text(&outcome)
                ))?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
