//! Scores to probabilities, and how far these are off.
//!
//! Isotonic regression by pooling adjacent violators (B. Zadrozny and C. Elkan, "Transforming Classifier Scores
//! into Accurate Multiclass Probability Estimates", 2002), between the pools by straight lines. A little of a
//! curve that always rises is mixed in: of two flows the more suspicious one keeps the higher probability.

use serde::{Deserialize, Serialize};

/// Bins of the expected calibration error.
pub const BINS: usize = 15;
/// Share of the curve that always rises.
const RISING: f32 = 0.004;
/// Scores that span the middle of that curve.
const RISING_UNIT: f32 = 4.0;
/// Pools that are kept at most; neighbours are put together beyond.
const MAX_POOLS: usize = 100;
/// Scores of a pool at least: fewer tell a share too badly.
const MIN_POOL: usize = 8;

/// How a score becomes a probability.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// Scores and the share of attacks there; both rise.
    pub points: Vec<(f32, f32)>,
}

struct Pool {
    scores: f64,
    attacks: f64,
    count: f64,
}

impl Pool {
    fn share(&self) -> f64 {
        self.attacks / self.count
    }
}

impl Calibration {
    /// From scores and whether each was of an attack.
    #[must_use]
    pub fn fit(scores: &[f32], is_attack: &[bool]) -> Self {
        let mut pairs: Vec<(f32, bool)> = scores
            .iter()
            .copied()
            .zip(is_attack.iter().copied())
            .collect();
        pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
        let size = (pairs.len() / MAX_POOLS).max(MIN_POOL);
        let mut pools: Vec<Pool> = Vec::new();
        for chunk in pairs.chunks(size) {
            let mut pool = Pool {
                scores: chunk.iter().map(|pair| f64::from(pair.0)).sum(),
                attacks: chunk.iter().map(|pair| f64::from(u8::from(pair.1))).sum(),
                count: chunk.len() as f64,
            };
            while let Some(last) = pools.pop_if(|last| last.share() >= pool.share()) {
                pool.scores += last.scores;
                pool.attacks += last.attacks;
                pool.count += last.count;
            }
            pools.push(pool);
        }
        #[allow(clippy::cast_possible_truncation)]
        let point = |pool: &Pool| {
            // Half an attack and half a normal flow more: no finite sample proves a probability of 0 or 1.
            let share = (pool.attacks + 0.5) / (pool.count + 1.0);
            ((pool.scores / pool.count) as f32, share as f32)
        };
        let mut points: Vec<(f32, f32)> = pools.iter().map(point).collect();
        for at in 1..points.len() {
            points[at].1 = points[at].1.max(points[at - 1].1);
        }
        Calibration { points }
    }

    /// The probability that goes with a score. It rises with the score.
    #[must_use]
    pub fn probability(&self, score: f32) -> f32 {
        let score = if score.is_nan() { 0.0 } else { score };
        let rising = 0.5 + 0.5 * (score / (RISING_UNIT + score.abs()));
        RISING * rising + (1.0 - RISING) * between(&self.points, score)
    }

    /// Whether all of it are numbers in order.
    #[must_use]
    pub fn is_sane(&self) -> bool {
        let is_fine = |point: &(f32, f32)| point.0.is_finite() && (0.0..=1.0).contains(&point.1);
        let rises = |pair: &[(f32, f32)]| pair[0].0 <= pair[1].0 && pair[0].1 <= pair[1].1;
        self.points.iter().all(is_fine) && self.points.windows(2).all(rises)
    }
}

/// On the straight lines between points; level before the first and behind the last. 0.5 without any.
fn between(points: &[(f32, f32)], at: f32) -> f32 {
    let next = points.partition_point(|point| point.0 <= at);
    match (
        next.checked_sub(1).and_then(|last| points.get(last)),
        points.get(next),
    ) {
        (Some(last), Some(next)) => {
            let part = (at - last.0) / (next.0 - last.0).max(f32::MIN_POSITIVE);
            last.1 + (next.1 - last.1) * part.clamp(0.0, 1.0)
        }
        (Some(only), None) | (None, Some(only)) => only.1,
        (None, None) => 0.5,
    }
}

/// Expected calibration error over [`BINS`] equal bins (C. Guo et al., "On Calibration of Modern Neural
/// Networks", 2017, equation 3); 0 without any flow.
#[must_use]
pub fn expected_error(probabilities: &[f32], is_attack: &[bool]) -> f64 {
    let mut bins = [(0.0_f64, 0.0_f64); BINS];
    for (probability, is_attack) in probabilities.iter().zip(is_attack) {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let bin = (probability * BINS as f32) as usize;
        let bin = &mut bins[bin.min(BINS - 1)];
        bin.0 += f64::from(*probability);
        bin.1 += f64::from(u8::from(*is_attack));
    }
    let off: f64 = bins.iter().map(|bin| (bin.0 - bin.1).abs()).sum();
    off / probabilities.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn scores_that_lie_are_put_right() {
        let mut random = Random::new(3);
        let scores: Vec<f32> = (0..4000).map(|_| (random.normal() * 4.0) as f32).collect();
        // The truth is far less sure than the score: a quarter of it.
        let truth = |score: &f32| 1.0 / (1.0 + (-score / 4.0).exp());
        let is_attack: Vec<bool> = scores
            .iter()
            .map(|score| random.unit() < f64::from(truth(score)))
            .collect();
        let told: Vec<f32> = scores
            .iter()
            .map(|score| 1.0 / (1.0 + (-score).exp()))
            .collect();
        assert!(expected_error(&told, &is_attack) > 0.15);
        let (learn, test) = (2000, 2000..);
        let calibration = Calibration::fit(&scores[..learn], &is_attack[..learn]);
        assert!(calibration.is_sane());
        let put: Vec<f32> = scores[test.clone()]
            .iter()
            .map(|score| calibration.probability(*score))
            .collect();
        let off = expected_error(&put, &is_attack[test]);
        assert!(off < 0.05, "{off}");
    }

    #[test]
    fn a_higher_score_is_always_a_higher_probability() {
        let scores: Vec<f32> = (0_u8..200).map(f32::from).collect();
        let is_attack: Vec<bool> = (0..200).map(|at| at % 3 == 0 || at > 150).collect();
        let calibration = Calibration::fit(&scores, &is_attack);
        // Farther out the numbers of an f32 are too far apart to rise.
        let all: Vec<f32> = (-300_i16..300)
            .map(|score| calibration.probability(f32::from(score) / 5.0))
            .collect();
        assert!(all.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(all.iter().all(|p| (0.0..=1.0).contains(p)));
        assert!((0.0..=1.0).contains(&calibration.probability(f32::NAN)));
    }

    #[test]
    fn nothing_to_learn_from_is_even_odds() {
        assert_eq!(Calibration::fit(&[], &[]).probability(0.0), 0.5);
        assert_eq!(expected_error(&[], &[]), 0.0);
    }
}
