//! Robust z-score: how far the most unusual features are from their median, in quartiles.

/// Features that count: one alone would be as loud on any odd flow.
const MOST: usize = 5;

/// It has learned nothing but the scaling.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct ZScore;

impl ZScore {
    /// The mean of the largest distances.
    pub(super) fn score(self, inputs: &[f32]) -> f32 {
        let mut largest = [0.0_f32; MOST];
        for input in inputs {
            let mut distance = input.abs();
            for slot in &mut largest {
                if distance > *slot {
                    std::mem::swap(slot, &mut distance);
                }
            }
        }
        largest.iter().sum::<f32>() / MOST as f32
    }
}
