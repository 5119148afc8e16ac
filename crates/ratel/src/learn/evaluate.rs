//! `ratel learn evaluate`.

use super::Format;
use super::inputs::Inputs;
use crate::{Usage, table};
use ::learn::explain;
use ::learn::read::Alerted;
use ::learn::trial::{self, FIGURES, Outcome};
use anyhow::Result;
use clap::Args;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

/// `ratel learn evaluate`.
#[derive(Debug, Args)]
#[command(after_help = "Exit status: 0 done, 1 failed, 2 wrong usage.")]
pub struct Evaluate {
    /// The model.
    #[arg(value_name = "MODEL")]
    model: PathBuf,
    #[command(flatten)]
    inputs: Inputs,
    /// The probability from which a flow counts as an attack: 0.5, or 0.99 of a model without labels.
    #[arg(long)]
    threshold: Option<f32>,
    /// Explains so many of the findings, takes away what was named, and tells how much more that counts than as
    /// many features at random.
    #[arg(long, value_name = "FINDINGS", default_value_t = 0)]
    prove: usize,
    /// How the measures are printed.
    #[arg(short = 'o', long = "output", value_enum, default_value_t)]
    output: Format,
}

pub fn run(args: &Evaluate) -> Result<ExitCode> {
    if args
        .threshold
        .is_some_and(|threshold| !(0.0..=1.0).contains(&threshold))
    {
        return Err(Usage("--threshold is a probability: from 0 to 1".to_owned()).into());
    }
    let model = super::load(&args.model)?;
    let (table, reports) = args.inputs.read(Alerted::Keep)?;
    if table.rows.iter().all(|row| row.class.is_none()) {
        anyhow::bail!(
            "no flow has a label: there is nothing to judge the model by (--alerted attack: flows of eve.json and the store \
             that an alert is about are attacks)"
        );
    }
    let rows: Vec<usize> = (0..table.len()).collect();
    let threshold = args
        .threshold
        .unwrap_or_else(|| trial::usual_threshold(&model));
    let outcome = trial::judge(&model, &table, &rows, threshold)?;
    let proof = match args.prove {
        0 => None,
        most => Some(explain::prove(&model, &table, &rows, most)?),
    };
    match args.output {
        Format::Json => super::print_json(&serde_json::json!({
            "model": args.model, "files": reports, "outcome": outcome, "explanations": proof,
        }))?,
        Format::Text => {
            super::print(&text(&outcome))?;
            if let Some(proof) = proof {
                super::print(&format!("\n{}\n", proof.text()))?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Measures as tables.
pub fn text(outcome: &Outcome) -> String {
    let measures = &outcome.measures;
    let mut out = String::new();
    // Writing to memory does not fail, here and below.
    let _ = writeln!(
        out,
        "{} flows with labels, {} attacks; told an attack from probability {:.2}\n",
        measures.rows, measures.attacks, measures.threshold
    );
    let row = |name: &str, value: f64| vec![name.to_owned(), format!("{value:.4}")];
    let mut rows: Vec<Vec<String>> = FIGURES
        .iter()
        .map(|figure| row(figure.name, (figure.of)(measures)))
        .collect();
    rows.push(row("precision", measures.precision));
    rows.push(row("recall", measures.recall));
    rows.push(row("false positives", measures.false_positive_rate));
    rows.push(row("found at the model's budget", outcome.at_budget.0));
    rows.push(row("false positives there", outcome.at_budget.1));
    out.push_str(&table::write(&["MEASURE", "VALUE"], &rows));
    let c = measures.confusion;
    let _ = writeln!(
        out,
        "\n{} attacks found, {} missed; {} normal flows taken for attacks, {} not\n",
        c.true_positives, c.false_negatives, c.false_positives, c.true_negatives
    );
    let kinds: Vec<Vec<String>> = measures
        .kinds
        .iter()
        .map(|kind| {
            let mut row = vec![kind.name.clone(), kind.rows.to_string()];
            row.push(if kind.is_unseen { "no" } else { "yes" }.to_owned());
            let shares = [kind.detected, kind.detected_at_1, kind.detected_at_5];
            row.extend(shares.map(|share| format!("{share:.4}")));
            row
        })
        .collect();
    let heading = ["KIND", "FLOWS", "LEARNED", "FOUND", "AT 1 %", "AT 5 %"];
    out.push_str(&table::write(&heading, &kinds));
    if let Some(classes) = &outcome.classes {
        let _ = writeln!(
            out,
            "\nThe kind is named right for {:.4} of the flows, mean F1 of the kinds {:.4}.",
            classes.accuracy, classes.macro_f1
        );
    }
    out
}
