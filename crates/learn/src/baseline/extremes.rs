//! How odd the oddest features of a flow are; nothing is learned but the scaling.

use crate::largest::largest;

/// Distances from the middle that count: one alone would be as loud on any odd flow.
pub(super) const DISTANCES: usize = 5;
/// Rare features that count. Many tell nearly the same, so what is odd is odd in several.
pub(super) const RARE: usize = 10;

/// The mean of the `MOST` inputs that are furthest from 0.
pub(super) fn score<const MOST: usize>(inputs: &[f32]) -> f32 {
    let furthest: [f32; MOST] = largest(inputs.iter().map(|input| input.abs()));
    furthest.iter().sum::<f32>() / MOST as f32
}
