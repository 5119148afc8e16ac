//! `ratel learn`: models of flows, trained on one's own traffic, out of captures or the store, or on labelled files.

mod card;
mod evaluate;
mod inputs;
mod progress;
mod score;
mod stored;
mod train;

pub use crate::cli::Format;

use crate::Usage;
use ::learn::trial::Which;
use anyhow::{Context as _, Result};
use clap::{Args, Subcommand, ValueEnum};
use std::fmt::Display;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Exit status where `--fail-on findings` was asked for and there are some.
const FINDINGS: u8 = 3;
/// Longest settings or mapping file.
const MAX_YAML: u64 = 1 << 20;

/// `ratel learn …`.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Train a model on captures, on eve.json, on what the store holds, or on labelled files.
    Train(Box<train::Train>),
    /// Tell what a model is worth on labelled files that it has not seen.
    Evaluate(evaluate::Evaluate),
    /// Score flows, and print those that are findings.
    Score(score::Score),
    /// Tell why a flow has its score.
    Explain(score::Explain),
    /// Train a model and all baselines with several seeds, and write down what came out: a model card.
    Card(Box<card::Card>),
}

/// Does what the command line says.
pub fn run(verb: &Verb) -> Result<ExitCode> {
    match verb {
        Verb::Train(args) => train::run(args),
        Verb::Evaluate(args) => evaluate::run(args),
        Verb::Score(args) => score::run(args),
        Verb::Explain(args) => score::explain(args),
        Verb::Card(args) => card::run(args),
    }
}

/// How rows are kept apart to be judged on.
#[derive(Debug, Args)]
pub struct Apart {
    /// A kind of attack that stays out of training and is only judged on. May be given more than once, or
    /// as a list with commas.
    #[arg(long, value_name = "KIND", value_delimiter = ',')]
    leave_out: Vec<String>,
    /// What is held out besides: the last file, the last part of the time, or blocks of neighbouring flows.
    #[arg(long, value_enum)]
    hold_out: Option<HoldOut>,
    /// The share of the flows that is held out by time or by blocks.
    #[arg(long, value_name = "SHARE", default_value_t = 0.3)]
    held_share: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum HoldOut {
    /// The last file that was named.
    File,
    /// What comes last.
    Time,
    /// Every so many of twenty blocks of each file.
    Blocks,
}

/// Which model, and how it is trained.
#[derive(Debug, Args)]
pub struct Training {
    /// Which model: clstm, isolation-forest, knn, logistic, boosting, forest, pca, z-score,
    /// rarity.
    #[arg(long, default_value = "clstm", value_parser = which)]
    model: Which,
    /// Whether labels are learned from: where there are any, always, or never.
    #[arg(long, value_enum, default_value_t)]
    kind: Kind,
    /// Settings of the training: a YAML file, every key optional (docs/learn.md).
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
    /// All chance comes from here.
    #[arg(long)]
    seed: Option<u64>,
    /// Rounds at most.
    #[arg(long)]
    epochs: Option<usize>,
    /// Findings a day that people will look at: the threshold's budget.
    #[arg(long, value_name = "COUNT")]
    incidents_per_day: Option<f32>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Labels are learned from where there are both attacks and normal flows.
    #[default]
    Auto,
    /// Labels must be there.
    Supervised,
    /// Normal flows alone: those that are labelled as attacks are left out.
    Unsupervised,
}

fn which(name: &str) -> Result<Which, String> {
    let names = || {
        Which::all()
            .into_iter()
            .map(Which::name)
            .collect::<Vec<_>>()
            .join(", ")
    };
    Which::parse(name).ok_or_else(|| format!("there are {}", names()))
}

impl Training {
    /// The settings, with the command line on top of the file.
    fn settings(&self) -> Result<::learn::train::Settings> {
        let mut settings = match &self.settings {
            Some(path) => {
                let text = yaml(path)?;
                serde_yaml_ng::from_str(&text)
                    .map_err(|error| Usage(format!("{}: {error}", path.display())))?
            }
            None => ::learn::train::Settings::default(),
        };
        settings.seed = self.seed.unwrap_or(settings.seed);
        settings.epochs = self.epochs.unwrap_or(settings.epochs);
        settings.incidents_per_day = self.incidents_per_day.unwrap_or(settings.incidents_per_day);
        settings.labels = match self.kind {
            Kind::Auto => settings.labels,
            Kind::Supervised => ::learn::train::Labels::Use,
            Kind::Unsupervised => ::learn::train::Labels::Ignore,
        };
        settings.check().map_err(usage)?;
        Ok(settings)
    }
}

impl Apart {
    fn is_asked_for(&self) -> bool {
        self.hold_out.is_some() || !self.leave_out.is_empty()
    }

    /// Keeps the rows apart.
    fn split(&self, table: &::learn::table::Table) -> Result<::learn::split::Split> {
        use ::learn::split::Hold;
        let last = u16::try_from(table.sources.len().saturating_sub(1))?;
        let hold = match self.hold_out {
            Some(HoldOut::File) => Hold::Files(vec![last]),
            Some(HoldOut::Time) => Hold::Time(self.held_share),
            Some(HoldOut::Blocks) => Hold::Blocks(self.held_share),
            // Kinds alone would leave no normal flow to judge false positives on.
            None => Hold::Blocks(self.held_share),
        };
        ::learn::split::Split::new(table, &self.leave_out, &hold).map_err(usage)
    }

    /// The same in words.
    fn words(&self) -> String {
        let share = self.held_share * 100.0;
        let held = match self.hold_out {
            Some(HoldOut::File) => "The last file is held out".to_owned(),
            Some(HoldOut::Time) => format!("The last {share:.0} % of the flows are held out"),
            Some(HoldOut::Blocks) | None => {
                format!("{share:.0} % of the flows are held out, in blocks of neighbours")
            }
        };
        match self.leave_out.is_empty() {
            true => held,
            false => format!(
                "{held}; these kinds are not learned from at all: {}",
                self.leave_out.join(", ")
            ),
        }
    }
}

fn usage(error: impl Display) -> anyhow::Error {
    anyhow::Error::new(Usage(error.to_string()))
}

fn yaml(path: &Path) -> Result<String> {
    crate::bounded::read_text(path, MAX_YAML)
        .with_context(|| format!("cannot read {}", path.display()))
}

fn load(path: &Path) -> Result<::learn::model::Model> {
    Ok(::learn::model::Model::load(path)?)
}

/// Prints to standard output; a reader that went away has seen enough.
fn print(text: &str) -> Result<()> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Prints an object as JSON, one line.
fn print_json(value: &impl serde::Serialize) -> Result<()> {
    print(&format!("{}\n", serde_json::to_string(value)?))
}
