//! What a model's scores are worth.
//!
//! Rows of which nobody knows what they are don't count. An attack counts as found where its score reaches
//! the threshold. At a rate of false positives, the threshold is the lowest at which no larger share of the
//! normal rows reaches it.

mod classes;
mod curves;

#[cfg(test)]
mod tests;

pub use classes::{ClassMeasure, Classes};
pub use curves::{Bin, Curves, Point};

use serde::Serialize;

/// Bins of the expected calibration error (C. Guo et al., "On Calibration of Modern Neural Networks", 2017).
pub const BINS: usize = 15;

/// One row: what the model says, and what is so.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judged {
    /// From 0 to 1; NaN counts as 0.
    pub score: f32,
    /// Its class, by place in the table's classes.
    pub class: u16,
}

impl Judged {
    fn is_attack(self) -> bool {
        self.class != crate::table::NORMAL
    }

    fn tidy(self) -> Self {
        let score = if self.score.is_nan() { 0.0 } else { self.score };
        Judged {
            score: score.clamp(0.0, 1.0),
            ..self
        }
    }
}

/// Rows by what is said and what is so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Confusion {
    /// Attacks that are found.
    pub true_positives: u64,
    /// Normal rows that are taken for attacks.
    pub false_positives: u64,
    /// Normal rows that are left in peace.
    pub true_negatives: u64,
    /// Attacks that are missed.
    pub false_negatives: u64,
}

/// What a model is worth on some rows. Rates are shares from 0 to 1; one that has nothing to count, such as
/// the precision of a model that finds nothing, is 0.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Measures {
    /// Rows with a label.
    pub rows: u64,
    /// Attacks among them.
    pub attacks: u64,
    /// The score from which a row counts as an attack.
    pub threshold: f32,
    /// At that threshold.
    pub confusion: Confusion,
    /// Rows that are told right.
    pub accuracy: f64,
    /// Attacks among what is told to be one.
    pub precision: f64,
    /// Attacks that are found.
    pub recall: f64,
    /// Harmonic mean of the last two.
    pub f1: f64,
    /// Mean of the F1 of attacks and that of normal rows.
    pub macro_f1: f64,
    /// Normal rows that are taken for attacks.
    pub false_positive_rate: f64,
    /// The probability that an attack has a higher score than a normal row.
    pub roc_auc: f64,
    /// Average precision over all thresholds.
    pub pr_auc: f64,
    /// Attacks found where 1 % of the normal rows are false positives.
    pub detection_at_1: f64,
    /// Attacks found where 5 % of the normal rows are false positives.
    pub detection_at_5: f64,
    /// Expected calibration error.
    pub ece: f64,
    /// Every kind of traffic by itself.
    pub kinds: Vec<Kind>,
}

/// How one kind of attack fares; of normal traffic, how much of it is taken for an attack.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Kind {
    /// Its name.
    pub name: String,
    /// Rows.
    pub rows: u64,
    /// None of them was there to learn from.
    pub is_unseen: bool,
    /// Share that reaches the threshold.
    pub detected: f64,
    /// Share found at 1 % false positives.
    pub detected_at_1: f64,
    /// Share found at 5 % false positives.
    pub detected_at_5: f64,
}

impl Measures {
    /// Measures scores. `names` are the table's classes, `unseen` those that were not there to learn from.
    #[must_use]
    pub fn new(judged: &[Judged], threshold: f32, names: &[String], unseen: &[u16]) -> Self {
        let judged = sorted(judged);
        let confusion = Confusion::new(&judged, threshold);
        let (at_1, at_5) = (budget(&judged, 0.01), budget(&judged, 0.05));
        let Confusion {
            true_positives: tp,
            false_positives: fp,
            true_negatives: tn,
            false_negatives: fn_,
        } = confusion;
        let all = Confusion::new(&judged, at_1);
        let some = Confusion::new(&judged, at_5);
        Measures {
            rows: judged.len() as u64,
            attacks: tp + fn_,
            threshold,
            confusion,
            accuracy: ratio(tp + tn, judged.len() as u64),
            precision: ratio(tp, tp + fp),
            recall: ratio(tp, tp + fn_),
            f1: ratio(2 * tp, 2 * tp + fp + fn_),
            macro_f1: f64::midpoint(
                ratio(2 * tp, 2 * tp + fp + fn_),
                ratio(2 * tn, 2 * tn + fp + fn_),
            ),
            false_positive_rate: ratio(fp, fp + tn),
            roc_auc: curves::roc_auc(&judged),
            pr_auc: curves::pr_auc(&judged),
            detection_at_1: ratio(all.true_positives, tp + fn_),
            detection_at_5: ratio(some.true_positives, tp + fn_),
            ece: curves::ece(&judged),
            kinds: kinds(&judged, [threshold, at_1, at_5], names, unseen),
        }
    }
}

/// By score, highest first.
fn sorted(judged: &[Judged]) -> Vec<Judged> {
    let mut sorted: Vec<Judged> = judged.iter().map(|one| one.tidy()).collect();
    sorted.sort_by(|a, b| b.score.total_cmp(&a.score));
    sorted
}

impl Confusion {
    fn new(judged: &[Judged], threshold: f32) -> Self {
        let mut confusion = Confusion::default();
        for one in judged {
            let count = match (one.score >= threshold, one.is_attack()) {
                (true, true) => &mut confusion.true_positives,
                (true, false) => &mut confusion.false_positives,
                (false, true) => &mut confusion.false_negatives,
                (false, false) => &mut confusion.true_negatives,
            };
            *count += 1;
        }
        confusion
    }
}

/// The lowest threshold that at most this share of the normal rows reaches. Rows of one score are found
/// together or not at all. `judged` is sorted, highest score first.
#[must_use]
fn budget(judged: &[Judged], share: f64) -> f32 {
    let normal = judged.iter().filter(|one| !one.is_attack()).count();
    let mut threshold = f32::INFINITY;
    let mut false_positives = 0;
    for alike in judged.chunk_by(|a, b| a.score.total_cmp(&b.score).is_eq()) {
        false_positives += alike.iter().filter(|one| !one.is_attack()).count();
        if false_positives as f64 > share * normal as f64 {
            break;
        }
        threshold = alike.first().map_or(threshold, |one| one.score);
    }
    threshold
}

fn kinds(judged: &[Judged], thresholds: [f32; 3], names: &[String], unseen: &[u16]) -> Vec<Kind> {
    let mut counts = vec![[0_u64; 4]; names.len()];
    for one in judged {
        let Some([rows, found @ ..]) = counts.get_mut(usize::from(one.class)) else {
            continue;
        };
        *rows += 1;
        for (count, threshold) in found.iter_mut().zip(thresholds) {
            *count += u64::from(one.score >= threshold);
        }
    }
    let kind = |((name, [rows, detected, at_1, at_5]), class): ((&String, [u64; 4]), u16)| Kind {
        name: name.clone(),
        rows,
        is_unseen: unseen.contains(&class),
        detected: ratio(detected, rows),
        detected_at_1: ratio(at_1, rows),
        detected_at_5: ratio(at_5, rows),
    };
    let kinds = names.iter().zip(counts).zip(0_u16..).map(kind);
    kinds.filter(|kind| kind.rows > 0).collect()
}

#[allow(clippy::cast_precision_loss)]
fn ratio(part: u64, whole: u64) -> f64 {
    match whole {
        0 => 0.0,
        whole => part as f64 / whole as f64,
    }
}

/// Mean and spread of one measure over seeds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Spread {
    /// The mean.
    pub mean: f64,
    /// The sample's standard deviation; 0 of a single value.
    pub deviation: f64,
}

impl Spread {
    /// Of some values.
    #[must_use]
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let values: Vec<f64> = values.into_iter().collect();
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count.max(1.0);
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        Spread {
            mean,
            deviation: match values.len() {
                0 | 1 => 0.0,
                _ => (squares / (count - 1.0)).sqrt(),
            },
        }
    }
}
