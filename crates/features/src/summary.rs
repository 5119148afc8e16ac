//! Count, sum, mean, spread and extremes of a series, one value at a time in constant memory.

/// Running figures of a series.
///
/// Mean and spread are updated as B. P. Welford describes (Technometrics, 1962), which does not
/// lose digits where values are large and close together.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Summary {
    count: u64,
    sum: f64,
    mean: f64,
    /// Sum of squared distances from the mean.
    distances: f64,
    min: f64,
    max: f64,
}

impl Summary {
    /// Takes one value.
    pub fn add(&mut self, value: f64) {
        (self.min, self.max) = match self.count {
            0 => (value, value),
            _ => (self.min.min(value), self.max.max(value)),
        };
        self.count += 1;
        self.sum += value;
        let before = value - self.mean;
        self.mean += before / self.count as f64;
        self.distances += before * (value - self.mean);
    }

    /// Number of values.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Their sum; 0 where there are none, as all that follows.
    #[must_use]
    pub fn sum(&self) -> f64 {
        self.sum
    }

    /// Their mean.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.mean
    }

    /// The smallest.
    #[must_use]
    pub fn min(&self) -> f64 {
        self.min
    }

    /// The largest.
    #[must_use]
    pub fn max(&self) -> f64 {
        self.max
    }

    /// The sample's variance (divided by n - 1); 0 below two values.
    #[must_use]
    pub fn variance(&self) -> f64 {
        match self.count {
            0 | 1 => 0.0,
            n => self.distances / (n - 1) as f64,
        }
    }

    /// The sample's standard deviation.
    #[must_use]
    pub fn deviation(&self) -> f64 {
        self.variance().sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_figures_of_a_series_are_those_of_the_textbook() {
        let mut summary = Summary::default();
        for value in [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0] {
            summary.add(value);
        }
        assert_eq!(summary.count(), 8);
        assert!((summary.mean() - 5.0).abs() < 1e-12);
        assert!((summary.variance() - 32.0 / 7.0).abs() < 1e-12);
        assert_eq!(
            (summary.min(), summary.max(), summary.sum()),
            (2.0, 9.0, 40.0)
        );
    }

    #[test]
    fn one_value_has_no_spread_and_none_has_no_mean() {
        let mut summary = Summary::default();
        assert_eq!(
            (summary.mean(), summary.deviation(), summary.min()),
            (0.0, 0.0, 0.0)
        );
        summary.add(-3.0);
        assert_eq!(
            (summary.mean(), summary.deviation(), summary.max()),
            (-3.0, 0.0, -3.0)
        );
    }
}
