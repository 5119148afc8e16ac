//! Any model on any rows: trained, judged, and put beside the others.

#[cfg(test)]
mod tests;

use serde::Serialize;

use crate::baseline::{self, Baseline};
use crate::detector::Detector;
use crate::measure::{Classes, Curves, Judged, Measures, Spread};
use crate::model::{Calibrated, Model};
use crate::scale::Missing;
use crate::table::Table;
use crate::train::{Error, Settings, Watch};

/// A model by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The convolutional LSTM.
    Clstm,
    /// Something simpler.
    Baseline(baseline::Which),
}

impl Which {
    /// All of them, the CLSTM first.
    #[must_use]
    pub fn all() -> Vec<Which> {
        let baselines = baseline::Which::ALL.into_iter().map(Which::Baseline);
        std::iter::once(Which::Clstm).chain(baselines).collect()
    }

    /// Its name in `--model`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Which::Clstm => "clstm",
            Which::Baseline(which) => which.name(),
        }
    }

    /// Reads that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Which::all().into_iter().find(|which| which.name() == name)
    }
}

/// Trains a model on these rows.
///
/// # Errors
/// Settings that can't be, or rows that nothing can be learned from.
pub fn train(
    which: Which,
    table: &Table,
    rows: &[usize],
    settings: &Settings,
    watch: &mut dyn Watch,
) -> Result<Model, Error> {
    let Which::Baseline(which) = which else {
        return Model::train(table, rows, settings, watch);
    };
    let labels = |wanted: bool| rows.iter().any(|row| table.is_attack(*row) == Some(wanted));
    let has_both = labels(true) && labels(false);
    if which.needs_labels() && !has_both {
        return Err(one_class(table, rows));
    }
    Model::of_detector(table, rows, settings, has_both, |table, rows, seed| {
        match Baseline::fit(which, table, rows, seed) {
            Ok(baseline) => Ok(Box::new(baseline) as Box<dyn Detector>),
            // What is held back may have had all of one side.
            Err(_) => Err(one_class(table, rows)),
        }
    })
}

fn one_class(table: &Table, rows: &[usize]) -> Error {
    let class = rows.first().and_then(|row| table.rows.get(*row)?.class);
    let name = class.and_then(|class| table.classes.get(usize::from(class)));
    Error::OneClass(name.cloned().unwrap_or_else(|| "nothing".to_owned()))
}

/// What a model is worth on some rows.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// Attack or not.
    pub measures: Measures,
    /// Which kind, where the model says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub classes: Option<Classes>,
    /// For drawing.
    pub curves: Curves,
    /// Shares of attacks and of normal flows above the model's own threshold, that of its budget.
    pub at_budget: (f64, f64),
}

/// The probability from which a flow counts as an attack where nobody says: even odds. Without labels a
/// probability is how rare a flow is: then one of a hundred.
#[must_use]
pub fn usual_threshold(model: &Model) -> f32 {
    match model.manifest.calibrated {
        Calibrated::Labels(_) => 0.5,
        Calibrated::Rareness => 0.99,
    }
}

/// Judges a model on the labelled ones of these rows; all of them are there as history.
///
/// # Errors
/// Columns that the model was trained on and that the table lacks.
pub fn judge(
    model: &Model,
    table: &Table,
    rows: &[usize],
    threshold: f32,
) -> Result<Outcome, Missing> {
    let scores = model.score(table, rows)?;
    let class = |row: &usize| table.rows.get(*row).and_then(|row| row.class);
    let labelled = || {
        rows.iter()
            .zip(&scores)
            .filter_map(|(row, score)| Some((class(row)?, score)))
    };
    let judged: Vec<Judged> = labelled()
        .map(|(class, score)| Judged {
            score: score.probability,
            class,
        })
        .collect();
    let learned = &model.manifest.trained.classes;
    let is_unseen = |name: &String| !learned.contains_key(name);
    let places = (0_u16..).zip(&table.classes);
    let unseen: Vec<u16> = places
        .filter(|(_, name)| is_unseen(name))
        .map(|(at, _)| at)
        .collect();
    Ok(Outcome {
        measures: Measures::new(&judged, threshold, &table.classes, &unseen),
        classes: classes(
            model,
            table,
            labelled().map(|(class, score)| (class, score.class)),
        ),
        curves: Curves::new(&judged),
        at_budget: at_budget(labelled().map(|(class, score)| (class, model.is_finding(score)))),
    })
}

/// Kinds by name: the model's places need not be the table's.
fn classes(
    model: &Model,
    table: &Table,
    rows: impl Iterator<Item = (u16, Option<u16>)>,
) -> Option<Classes> {
    let mut names = table.classes.clone();
    let mut places = Vec::with_capacity(model.manifest.classes.len());
    for class in &model.manifest.classes {
        let known = names.iter().position(|name| name == class);
        let place = known.unwrap_or_else(|| {
            names.push(class.clone());
            names.len() - 1
        });
        places.push(u16::try_from(place).unwrap_or(u16::MAX));
    }
    let said = rows.map(|(is, said)| Some((is, *places.get(usize::from(said?))?)));
    let said: Vec<(u16, u16)> = said.collect::<Option<_>>()?;
    (!said.is_empty()).then(|| Classes::new(&names, said))
}

fn at_budget(rows: impl Iterator<Item = (u16, bool)>) -> (f64, f64) {
    let mut counts = [[0_u64; 2]; 2];
    for (class, is_finding) in rows {
        counts[usize::from(class == crate::table::NORMAL)][usize::from(is_finding)] += 1;
    }
    let share = |[not, found]: [u64; 2]| found as f64 / (not + found).max(1) as f64;
    (share(counts[0]), share(counts[1]))
}

/// One model over all seeds.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    /// Its name.
    pub model: String,
    /// One outcome for each seed.
    pub outcomes: Vec<Outcome>,
}

/// A measure by its name, and whether more is better.
pub struct Figure {
    /// Its name.
    pub name: &'static str,
    /// More is better.
    pub is_gain: bool,
    /// Where it stands.
    pub of: fn(&Measures) -> f64,
}

/// What models are compared by.
pub const FIGURES: [Figure; 8] = [
    figure("accuracy", |m| m.accuracy),
    figure("F1", |m| m.f1),
    figure("macro F1", |m| m.macro_f1),
    figure("ROC-AUC", |m| m.roc_auc),
    figure("PR-AUC", |m| m.pr_auc),
    figure("detection at 1 %", |m| m.detection_at_1),
    figure("detection at 5 %", |m| m.detection_at_5),
    Figure {
        name: "ECE",
        is_gain: false,
        of: |m| m.ece,
    },
];

const fn figure(name: &'static str, of: fn(&Measures) -> f64) -> Figure {
    Figure {
        name,
        is_gain: true,
        of,
    }
}

impl Entry {
    /// A figure's mean and spread over the seeds.
    #[must_use]
    pub fn spread(&self, figure: &Figure) -> Spread {
        Spread::of(
            self.outcomes
                .iter()
                .map(|outcome| (figure.of)(&outcome.measures)),
        )
    }
}
