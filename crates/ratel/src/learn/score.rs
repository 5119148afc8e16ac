//! `ratel learn score` and `ratel learn explain`.

use super::inputs::Inputs;
use super::{FINDINGS, Format};
use crate::{Usage, table};
use ::learn::model::Model;
use ::learn::read::Alerted;
use ::learn::table::Table;
use anyhow::Result;
use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::ExitCode;

/// `ratel learn score`.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit status: 0 done, 1 failed, 2 wrong usage, 3 findings where --fail-on asks."
)]
pub struct Score {
    /// The model.
    #[arg(value_name = "MODEL")]
    model: PathBuf,
    #[command(flatten)]
    inputs: Inputs,
    /// All flows, not the findings alone.
    #[arg(long)]
    all: bool,
    /// Findings a day that people will look at, instead of the model's own budget.
    #[arg(long, value_name = "COUNT")]
    incidents_per_day: Option<f32>,
    /// Exit with status 3 where there are findings.
    #[arg(long, value_enum)]
    fail_on: Option<FailOn>,
    /// How flows are printed; JSON is an object a line.
    #[arg(short = 'o', long = "output", value_enum, default_value_t)]
    output: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FailOn {
    /// A flow above the threshold.
    Findings,
}

/// `ratel learn explain`.
#[derive(Debug, Args)]
#[command(after_help = "Exit status: 0 done, 1 failed, 2 wrong usage.")]
pub struct Explain {
    /// The model.
    #[arg(value_name = "MODEL")]
    model: PathBuf,
    #[command(flatten)]
    inputs: Inputs,
    /// The flow, by the line that `ratel learn score` names; without it, the most suspicious one.
    #[arg(long)]
    line: Option<u32>,
    /// The file that the line is of, where there are several: its place, from 1.
    #[arg(long, value_name = "PLACE", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    file: u16,
    /// How the explanation is printed.
    #[arg(short = 'o', long = "output", value_enum, default_value_t)]
    output: Format,
}

pub fn run(args: &Score) -> Result<ExitCode> {
    if args
        .incidents_per_day
        .is_some_and(|count| !(count >= 0.0 && count.is_finite()))
    {
        return Err(Usage("--incidents-per-day is a number, 0 or more".to_owned()).into());
    }
    let model = super::load(&args.model)?;
    let (table, _) = args.inputs.read(Alerted::Keep)?;
    let rows: Vec<usize> = (0..table.len()).collect();
    let scores = model.score(&table, &rows)?;
    let cut = args
        .incidents_per_day
        .map_or(model.manifest.cut, |count| model.cut(count));
    let mut shown = Vec::new();
    let mut findings = 0_usize;
    for (row, score) in rows.iter().zip(&scores) {
        let is_finding = score.suspicion > cut;
        findings += usize::from(is_finding);
        if is_finding || args.all {
            shown.push(flow(&model, &table, *row, score, is_finding));
        }
    }
    match args.output {
        Format::Json => {
            let lines: String = shown.iter().map(|flow| format!("{flow}\n")).collect();
            super::print(&lines)?;
        }
        Format::Text => {
            let keys = ["file", "line", "host", "probability", "anomaly", "class"];
            let cell = |value: &Value| match value {
                Value::String(text) => text.clone(),
                Value::Null => "-".to_owned(),
                other => other.to_string(),
            };
            let cells: Vec<Vec<String>> = shown
                .iter()
                .map(|flow| keys.map(|key| cell(&flow[key])).to_vec())
                .collect();
            let heading = ["FILE", "LINE", "HOST", "PROBABILITY", "ANOMALY", "KIND"];
            super::print(&table::write(&heading, &cells))?;
            super::print(&format!("{findings} findings in {} flows\n", table.len()))?;
        }
    }
    Ok(match (args.fail_on, findings) {
        (Some(FailOn::Findings), 1..) => ExitCode::from(FINDINGS),
        (Some(FailOn::Findings), 0) | (None, _) => ExitCode::SUCCESS,
    })
}

fn flow(
    model: &Model,
    table: &Table,
    row: usize,
    score: &::learn::model::Score,
    is_finding: bool,
) -> Value {
    let known = table.rows.get(row).copied().unwrap_or_default();
    let host = known.host.and_then(|host| table.hosts.get(host as usize));
    let class = score
        .class
        .and_then(|class| model.manifest.classes.get(usize::from(class)));
    let rounded = |value: f32| (f64::from(value) * 1e4).round() / 1e4;
    json!({
        "file": table.sources.get(usize::from(known.source)),
        "line": known.line,
        "at_us": known.at_us,
        "host": host,
        "probability": rounded(score.probability),
        "anomaly": rounded(score.anomaly),
        "suspicion": rounded(score.suspicion),
        "class": class,
        "is_finding": is_finding,
    })
}

pub fn explain(args: &Explain) -> Result<ExitCode> {
    let model = super::load(&args.model)?;
    let (table, _) = args.inputs.read(Alerted::Keep)?;
    let rows: Vec<usize> = (0..table.len()).collect();
    let row = match args.line {
        Some(line) => {
            let is_it = |row: &::learn::table::Row| row.line == line && row.source == args.file - 1;
            let found = table.rows.iter().position(is_it);
            found
                .ok_or_else(|| Usage(format!("no flow is on line {line} of file {}", args.file)))?
        }
        None => {
            let scores = model.score(&table, &rows)?;
            let worst = scores
                .iter()
                .enumerate()
                .max_by(|a, b| a.1.suspicion.total_cmp(&b.1.suspicion));
            worst.map_or(0, |(row, _)| row)
        }
    };
    let explanation = model.explain(&table, &rows, row)?;
    let known = table.rows.get(row).copied().unwrap_or_default();
    match args.output {
        Format::Json => super::print_json(&json!({
            "file": table.sources.get(usize::from(known.source)),
            "line": known.line,
            "explanation": explanation,
        }))?,
        Format::Text => super::print(&format!("line {}: {}\n", known.line, explanation.text))?,
    }
    Ok(ExitCode::SUCCESS)
}
