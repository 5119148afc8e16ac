//! Measures over all thresholds, and the curves behind them.

use super::{BINS, Judged, ratio, sorted};
use serde::Serialize;

/// Points that a curve is drawn with.
const MAX_POINTS: usize = 200;

/// A point of a curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Point {
    /// False positives of the ROC curve, recall of the other.
    pub x: f64,
    /// Recall of the ROC curve, precision of the other.
    pub y: f64,
}

/// Rows whose scores are near each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Bin {
    /// Rows.
    pub rows: u64,
    /// Their mean score.
    pub score: f64,
    /// The share of attacks among them.
    pub attacks: f64,
}

/// What a card draws.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Curves {
    /// Receiver operating characteristic.
    pub roc: Vec<Point>,
    /// Precision by recall.
    pub pr: Vec<Point>,
    /// Reliability: equal widths of score.
    pub reliability: Vec<Bin>,
}

impl Curves {
    /// The curves of some rows.
    #[must_use]
    pub fn new(judged: &[Judged]) -> Self {
        let judged = sorted(judged);
        let (attacks, normal) = sides(&judged);
        let steps: Vec<(u64, u64)> = steps(&judged).collect();
        let mut roc = vec![Point { x: 0.0, y: 0.0 }];
        roc.extend(steps.iter().map(|(tp, fp)| Point {
            x: ratio(*fp, normal),
            y: ratio(*tp, attacks),
        }));
        let pr = steps.iter().map(|(tp, fp)| Point {
            x: ratio(*tp, attacks),
            y: ratio(*tp, tp + fp),
        });
        Curves {
            roc: thinned(roc),
            pr: thinned(pr.collect()),
            reliability: bins(&judged).to_vec(),
        }
    }
}

/// The first and the last point, and every so many between.
fn thinned(points: Vec<Point>) -> Vec<Point> {
    let every = points.len().div_ceil(MAX_POINTS).max(1);
    let last = points.len().saturating_sub(1);
    let is_kept = |at: usize| at.is_multiple_of(every) || at == last;
    let points = points.into_iter().enumerate();
    points
        .filter(|(at, _)| is_kept(*at))
        .map(|(_, point)| point)
        .collect()
}

/// Attacks and normal rows.
fn sides(judged: &[Judged]) -> (u64, u64) {
    let attacks = judged.iter().filter(|one| one.is_attack()).count() as u64;
    (attacks, judged.len() as u64 - attacks)
}

/// True and false positives at each threshold, from the highest down; rows of one score count together.
fn steps(judged: &[Judged]) -> impl Iterator<Item = (u64, u64)> {
    let alike = judged.chunk_by(|a, b| a.score.total_cmp(&b.score).is_eq());
    alike.scan((0, 0), |(tp, fp), rows| {
        let (attacks, normal) = sides(rows);
        *tp += attacks;
        *fp += normal;
        Some((*tp, *fp))
    })
}

/// The area under the ROC curve by trapezoids, which counts rows of one score as half; 0.5 where one side is
/// empty.
pub(super) fn roc_auc(judged: &[Judged]) -> f64 {
    let (attacks, normal) = sides(judged);
    if attacks == 0 || normal == 0 {
        return 0.5;
    }
    let mut area = 0.0;
    let mut before = (0, 0);
    for (tp, fp) in steps(judged) {
        area += (fp - before.1) as f64 * f64::midpoint(tp as f64, before.0 as f64);
        before = (tp, fp);
    }
    area / (attacks as f64 * normal as f64)
}

/// Average precision: the precision at each threshold, weighted by what recall it adds.
pub(super) fn pr_auc(judged: &[Judged]) -> f64 {
    let (attacks, _) = sides(judged);
    let mut area = 0.0;
    let mut before = 0;
    for (tp, fp) in steps(judged) {
        area += ratio(tp - before, attacks) * ratio(tp, tp + fp);
        before = tp;
    }
    area
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn bins(judged: &[Judged]) -> [Bin; BINS] {
    let mut sums = [(0_u64, 0.0_f64, 0_u64); BINS];
    for one in judged {
        let at = ((f64::from(one.score) * BINS as f64) as usize).min(BINS - 1);
        if let Some((rows, score, attacks)) = sums.get_mut(at) {
            *rows += 1;
            *score += f64::from(one.score);
            *attacks += u64::from(one.is_attack());
        }
    }
    sums.map(|(rows, score, attacks)| Bin {
        rows,
        score: score / rows.max(1) as f64,
        attacks: ratio(attacks, rows),
    })
}

/// The distance between score and share of attacks in each bin, weighted by its rows.
pub(super) fn ece(judged: &[Judged]) -> f64 {
    let bins = bins(judged);
    let weighted = bins
        .iter()
        .map(|bin| bin.rows as f64 * (bin.score - bin.attacks).abs());
    weighted.sum::<f64>() / judged.len().max(1) as f64
}
