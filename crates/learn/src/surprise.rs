//! How rare a value is among normal flows: one scale for signals that have nothing else in common.
//!
//! 2 means that one of 100 normal flows is as high, 3 one of 1,000. Beyond the flows that were seen the scale goes
//! on as an exponential tail does: by the mean excess over a high quantile (the peaks-over-threshold method with
//! shape 0, J. Pickands, "Statistical Inference Using Extreme Order Statistics", 1975).

use serde::{Deserialize, Serialize};

/// Points that are kept.
const POINTS: usize = 64;
/// Flows beyond the last point, at least: they tell how the tail goes on.
const TAIL: usize = 20;

/// A signal's scale, learned from normal flows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Surprise {
    /// Values and how rare each is; both rise.
    pub points: Vec<(f32, f32)>,
    /// By how much rareness rises per unit of the signal behind the last point.
    pub slope: f32,
    /// The same before the first point.
    pub first_slope: f32,
}

impl Surprise {
    /// Learns from the values of normal flows.
    #[must_use]
    pub fn fit(values: impl Iterator<Item = f32>) -> Self {
        let mut values: Vec<f32> = values.filter(|value| value.is_finite()).collect();
        values.sort_unstable_by(f32::total_cmp);
        if values.is_empty() {
            return Surprise {
                points: vec![(0.0, 0.0)],
                slope: 1.0,
                first_slope: 1.0,
            };
        }
        let count = values.len();
        let last = (count as f64 / TAIL as f64).max(1.0).log10();
        let mut points: Vec<(f32, f32)> = Vec::with_capacity(POINTS);
        for at in 0..POINTS {
            let rareness = last * at as f64 / (POINTS - 1) as f64;
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let place = (count as f64 * (1.0 - 10_f64.powf(-rareness))) as usize;
            let value = values[place.min(count - 1)];
            #[allow(clippy::cast_possible_truncation)]
            let rareness = rareness as f32;
            match points.last_mut() {
                // Equal values are as rare as the rarest of them is common.
                Some(point) if value <= point.0 => {}
                _ => points.push((value, rareness)),
            }
        }
        let high = points.last().map_or(0.0, |point| point.0);
        let beyond: Vec<f32> = values
            .iter()
            .filter(|value| **value > high)
            .map(|value| value - high)
            .collect();
        let span = (high - points[0].0).max(1e-3);
        #[allow(clippy::cast_precision_loss)]
        let excess = beyond.iter().sum::<f32>() / beyond.len().max(1) as f32;
        let excess = excess.max(0.05 * span);
        Surprise {
            slope: std::f32::consts::LOG10_E / excess,
            first_slope: 0.1 / span,
            points,
        }
    }

    /// How rare a value is, and how fast that rises there.
    #[must_use]
    pub fn of(&self, value: f32) -> (f32, f32) {
        let next = self.points.partition_point(|point| point.0 <= value);
        let last = next.checked_sub(1).and_then(|last| self.points.get(last));
        match (last, self.points.get(next)) {
            (Some(last), Some(next)) => {
                let slope = (next.1 - last.1) / (next.0 - last.0).max(f32::MIN_POSITIVE);
                (last.1 + (value - last.0) * slope, slope)
            }
            (Some(last), None) => (last.1 + (value - last.0) * self.slope, self.slope),
            (None, Some(first)) => {
                let rareness = first.1 + (value - first.0) * self.first_slope;
                (rareness, self.first_slope)
            }
            (None, None) => (0.0, 0.0),
        }
    }

    /// Whether all of it are numbers in order.
    #[must_use]
    pub fn is_sane(&self) -> bool {
        let is_fine = |point: &(f32, f32)| point.0.is_finite() && point.1.is_finite();
        let rises = |pair: &[(f32, f32)]| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1;
        let slopes = [self.slope, self.first_slope];
        !self.points.is_empty()
            && slopes.iter().all(|slope| slope.is_finite() && *slope > 0.0)
            && self.points.iter().all(is_fine)
            && self.points.windows(2).all(rises)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_of_a_hundred_is_a_surprise_of_two() {
        let surprise = Surprise::fit((0_u16..10_000).map(f32::from));
        for (value, expected) in [(0.0, 0.0), (9_000.0, 1.0), (9_900.0, 2.0)] {
            let given = surprise.of(value).0;
            assert!((given - expected).abs() < 0.05, "{value}: {given}");
        }
        assert!(surprise.of(20_000.0).0 > surprise.of(10_000.0).0 + 1.0);
        assert!(surprise.of(-5.0).0 < 0.0);
    }

    proptest! {
        #[test]
        fn it_always_rises(values in prop::collection::vec(-1e6_f32..1e6, 0..200), a in -1e6_f32..1e6, b in -1e6_f32..1e6) {
            let surprise = Surprise::fit(values.into_iter());
            prop_assert!(surprise.is_sane());
            let (low, high) = (a.min(b), a.max(b));
            prop_assert!(surprise.of(low).0 <= surprise.of(high).0 + 1e-4);
        }
    }
}
