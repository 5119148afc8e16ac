//! What a host's last flows say together.
//!
//! One odd flow in a day is nothing; who scans, guesses or tunnels has several within its last ones. So a model that
//! learned without labels tells how rare a flow is together with the most suspicious of those before it.

use serde::{Deserialize, Serialize};

use crate::largest::largest;
use crate::surprise::Surprise;

/// Flows that count: the one that is told of and the most suspicious before it. Where there are fewer, the others
/// count as not suspicious.
pub const TOP: usize = 3;

/// What a flow's own suspicion counts for at least, however ordinary the others are: 10,000 to one alone is as much as
/// 100 to one three times. With 0.75 single flows of ordinary days used up the budget.
const ALONE: f32 = 0.5;

/// How several suspicions become one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recent {
    /// Flows of a host that are looked at, the one that is told of among them.
    pub flows: usize,
    /// How rare the mean is among those of normal traffic.
    pub scale: Surprise,
}

impl Recent {
    /// Learns from the means of normal flows.
    #[must_use]
    pub fn fit(flows: usize, means: impl Iterator<Item = f32>) -> Self {
        Recent {
            flows: flows.max(1),
            scale: Surprise::fit(means),
        }
    }

    /// The suspicion of a flow and those of its host before it, its own first.
    #[must_use]
    pub fn of(&self, last: impl Iterator<Item = f32>) -> f32 {
        self.scale.of(mean(last.take(self.flows))).0
    }

    /// Whether all of it are numbers that can be.
    #[must_use]
    pub fn is_sane(&self) -> bool {
        (1..=crate::window::MAX_LENGTH).contains(&self.flows) && self.scale.is_sane()
    }
}

/// The mean of the first and the highest others, or half of the first.
#[must_use]
pub fn mean(mut last: impl Iterator<Item = f32>) -> f32 {
    let own = last.next().unwrap_or(0.0).max(0.0);
    let highest: [f32; TOP - 1] = largest(last);
    let together = (own + highest.iter().sum::<f32>()) / TOP as f32;
    together.max(alone(own))
}

/// What a flow counts for by itself.
#[must_use]
pub fn alone(own: f32) -> f32 {
    ALONE * own
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flow_counts_with_the_two_most_suspicious_before_it() {
        assert_eq!(mean([3.0, -1.0, 0.5].into_iter()), 1.5);
        assert_eq!(mean([3.0, 2.0, 1.0].into_iter()), 2.0);
        assert_eq!(mean([3.0, 6.0, 1.0, 3.0].into_iter()), 4.0);
        assert_eq!(mean([-9.0, 6.0, 6.0, 6.0].into_iter()), 4.0);
        let recent = Recent::fit(2, (0..1000_u16).map(|n| f32::from(n) / 1000.0));
        let (one, more) = ([9.0, 0.0, 9.0, 9.0], [9.0, 9.0, 0.0]);
        assert!(recent.of(more.into_iter()) > recent.of(one.into_iter()));
    }
}
