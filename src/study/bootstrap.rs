//! Intervals by resampling: the percentile bootstrap.
//!
//! # References
//! Efron, Tibshirani: "An introduction to the bootstrap", 1993, chapter 13.

use serde::{Deserialize, Serialize};

use crate::seed::{Purpose, Stream};

use super::stats::quantile;

/// Draws of a bootstrap, where nothing else is said.
pub const RESAMPLES: usize = 2_000;

/// A value with its 95 % interval.
///
/// ```
/// use unisono::study::Estimate;
/// let estimate = Estimate { value: 1.92, low: 1.88, high: 1.95 };
/// assert_eq!(estimate.to_string(), "1.920 (1.880 to 1.950)");
/// assert!((estimate.half_width() - 0.0182).abs() < 1e-4);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The value of all samples together.
    pub value: f64,
    /// The lower end of the interval.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

impl Estimate {
    /// Half the interval's width, as a share of the value.
    pub fn half_width(&self) -> f64 {
        (self.high - self.low) / (2.0 * self.value.abs())
    }

    /// Whether `value` lies in the interval.
    pub fn contains(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }
}

impl std::fmt::Display for Estimate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { value, low, high } = self;
        write!(f, "{value:.3} ({low:.3} to {high:.3})")
    }
}

/// Resampled rounds: measurements that were made side by side are drawn together, so that what disturbed both cancels in their ratio.
///
/// ```
/// use unisono::study::Bootstrap;
/// let (ours, theirs) = ([1.0, 1.1, 0.9, 1.0], [2.0, 2.2, 1.8, 2.0]);
/// let mean = |of: &[f64], rounds: &[u32]| rounds.iter().map(|&round| of[round as usize]).sum::<f64>();
/// let ratio = Bootstrap::new(4, 500, 42).estimate(|rounds| mean(&theirs, rounds) / mean(&ours, rounds));
/// assert!((ratio.value - 2.0).abs() < 1e-12 && (ratio.high - ratio.low).abs() < 1e-12);
/// ```
#[derive(Clone, Debug)]
pub struct Bootstrap {
    whole: Vec<u32>,
    draws: Vec<Vec<u32>>,
}

impl Bootstrap {
    /// `resamples` draws of `rounds` rounds with replacement, the same for the same `seed`.
    ///
    /// # Panics
    /// If `rounds` is 0.
    pub fn new(rounds: usize, resamples: usize, seed: u64) -> Self {
        assert!(rounds > 0, "a bootstrap needs at least one round, got none");
        let bound = rounds as u32;
        let draw = |index: usize| {
            let mut stream = Stream::new(seed, Purpose::Bootstrap, index as u32, 0);
            (0..rounds).map(|_| stream.below(bound)).collect()
        };
        Self {
            whole: (0..bound).collect(),
            draws: (0..resamples).map(draw).collect(),
        }
    }

    /// `statistic` of all rounds, and the interval of its values over the draws. Draws that have no value (NaN) are left out of the interval.
    pub fn estimate(&self, statistic: impl Fn(&[u32]) -> f64) -> Estimate {
        self.map(statistic).estimate(|value| *value)
    }

    /// The same for a statistic of two independent sets of rounds.
    pub fn estimate_two(
        &self,
        other: &Bootstrap,
        statistic: impl Fn(&[u32], &[u32]) -> f64,
    ) -> Estimate {
        self.map_two(other, statistic).estimate(|value| *value)
    }

    /// Something of all rounds and of every draw, made once for several estimates: a fit, say.
    pub(crate) fn map<T>(&self, make: impl Fn(&[u32]) -> T) -> Resampled<T> {
        Resampled {
            whole: make(&self.whole),
            draws: self.draws.iter().map(|draw| make(draw)).collect(),
        }
    }

    pub(crate) fn map_two<T>(
        &self,
        other: &Bootstrap,
        make: impl Fn(&[u32], &[u32]) -> T,
    ) -> Resampled<T> {
        let pairs = self.draws.iter().zip(&other.draws);
        Resampled {
            whole: make(&self.whole, &other.whole),
            draws: pairs.map(|(one, other)| make(one, other)).collect(),
        }
    }
}

/// Something of all rounds, and of every draw of a bootstrap.
#[derive(Clone, Debug)]
pub(crate) struct Resampled<T> {
    pub(crate) whole: T,
    draws: Vec<T>,
}

impl<T> Resampled<T> {
    pub(crate) fn estimate(&self, of: impl Fn(&T) -> f64) -> Estimate {
        let drawn = self.draws.iter().map(&of);
        let drawn: Vec<f64> = drawn.filter(|value| !value.is_nan()).collect();
        Estimate {
            value: of(&self.whole),
            low: quantile(&drawn, 0.025),
            high: quantile(&drawn, 0.975),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::stats::median_of;

    #[test]
    fn intervals_of_a_median_hold_it_as_often_as_they_say() {
        let mut held = 0;
        for trial in 0..400 {
            let mut stream = Stream::new(7, Purpose::Synthetic, trial, 0);
            // Skewed, as times are: the median of the square of a uniform number is a quarter.
            let samples: Vec<f64> = (0..25)
                .map(|_| (f64::from(stream.below(1 << 20)) / f64::from(1 << 20)).powi(2))
                .collect();
            let bootstrap = Bootstrap::new(samples.len(), 500, u64::from(trial));
            let estimate = bootstrap.estimate(|rounds| median_of(&samples, rounds));
            held += u32::from(estimate.contains(0.25));
        }
        assert!((364..=396).contains(&held), "{held} of 400");
    }
}
