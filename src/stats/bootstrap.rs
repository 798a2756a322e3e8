//! Intervals by resampling: the percentile bootstrap; of fewer samples than [`FEWEST`] their range.
//!
//! A percentile bootstrap of three samples covers three quarters where it says 95 %, of five 93.5
//! %: so few have a range instead, and a single one nothing.
//!
//! # References
//! Efron, Tibshirani: "An introduction to the bootstrap", 1993, chapter 13.

use crate::seed::{Purpose, Stream};

use super::estimate::{Estimate, FEWEST};
use super::quantile::quantile;

/// Draws of a bootstrap, where nothing else is said.
///
/// ```
/// use unisono::stats::{Bootstrap, RESAMPLES, quantile};
/// let times = [1.0, 1.2, 1.1, 0.9, 1.0, 1.3, 1.1, 1.0];
/// let median = Bootstrap::new(times.len(), RESAMPLES, 42).estimate(|rounds| {
///     let drawn: Vec<f64> = rounds.iter().map(|&round| times[round as usize]).collect();
///     quantile(&drawn, 0.5)
/// });
/// let (low, high) = median.bounds().unwrap();
/// assert!(0.9 <= low && low <= 1.05 && 1.05 <= high && high <= 1.3);
/// ```
pub const RESAMPLES: usize = 2_000;

/// Resampled rounds: measurements that were made side by side are drawn together, so that what
/// disturbed both cancels in their ratio.
///
/// ```
/// use unisono::stats::Bootstrap;
/// let (ours, theirs) = ([1.0, 1.1, 0.9, 1.0], [2.0, 2.2, 1.8, 2.0]);
/// let mean = |of: &[f64], rounds: &[u32]| rounds.iter().map(|&round| of[round as usize]).sum::<f64>();
/// let ratio = Bootstrap::new(4, 500, 42).estimate(|rounds| mean(&theirs, rounds) / mean(&ours, rounds));
/// assert!((ratio.value - 2.0).abs() < 1e-12);
/// let (low, high) = ratio.bounds().unwrap();
/// assert!((high - low).abs() < 1e-12);
/// // Four rounds bear no interval, but a range.
/// assert_eq!(ratio.to_string(), "2.000 (range of 4: 2.000 to 2.000)");
/// ```
#[derive(Clone, Debug)]
pub struct Bootstrap {
    whole: Vec<u32>,
    draws: Vec<Vec<u32>>,
}

impl Bootstrap {
    /// `resamples` draws of `rounds` rounds with replacement, the same for the same `seed`; of
    /// fewer than six rounds, each round alone.
    ///
    /// # Panics
    /// If `rounds` is 0.
    pub fn new(rounds: usize, resamples: usize, seed: u64) -> Self {
        assert!(rounds > 0, "a bootstrap needs at least one round, got none");
        if rounds < FEWEST {
            return Self::one_by_one(rounds);
        }
        Self::with_replacement(rounds, resamples, seed)
    }

    /// Draws with replacement however few rounds there are: for what is resampled beside them.
    pub(crate) fn with_replacement(rounds: usize, resamples: usize, seed: u64) -> Self {
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

    /// Each round alone.
    pub(crate) fn one_by_one(rounds: usize) -> Self {
        Self {
            whole: (0..rounds as u32).collect(),
            draws: (0..rounds as u32).map(|round| vec![round]).collect(),
        }
    }

    /// `statistic` of all rounds, and the interval of its values over the draws, or their range.
    /// Draws that have no value (NaN) are left out.
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
            samples: self.whole.len(),
            whole: make(&self.whole),
            draws: self.draws.iter().map(|draw| make(draw)).collect(),
        }
    }

    /// The same of every draw with one of `other`, of which nothing is known but what it brings in:
    /// the samples are these rounds alone.
    pub(crate) fn map_beside<T>(
        &self,
        other: &Bootstrap,
        make: impl Fn(&[u32], &[u32]) -> T,
    ) -> Resampled<T> {
        let pairs = self.draws.iter().zip(&other.draws);
        Resampled {
            samples: self.whole.len(),
            whole: make(&self.whole, &other.whole),
            draws: pairs.map(|(one, other)| make(one, other)).collect(),
        }
    }

    fn map_two<T>(&self, other: &Bootstrap, make: impl Fn(&[u32], &[u32]) -> T) -> Resampled<T> {
        let samples = self.whole.len().min(other.whole.len());
        let draws = if samples < FEWEST {
            // Every one with every other: a range has no draws to pair.
            let mut draws = Vec::new();
            for one in &self.draws {
                draws.extend(other.draws.iter().map(|other| make(one, other)));
            }
            draws
        } else {
            let pairs = self.draws.iter().zip(&other.draws);
            pairs.map(|(one, other)| make(one, other)).collect()
        };
        Resampled {
            samples,
            whole: make(&self.whole, &other.whole),
            draws,
        }
    }
}

/// Something of all rounds, and of every draw of a bootstrap.
#[derive(Clone, Debug)]
pub(crate) struct Resampled<T> {
    samples: usize,
    pub(crate) whole: T,
    draws: Vec<T>,
}

impl<T> Resampled<T> {
    pub(crate) fn estimate(&self, of: impl Fn(&T) -> f64) -> Estimate {
        let drawn = self.draws.iter().map(&of);
        let drawn: Vec<f64> = drawn.filter(|value| !value.is_nan()).collect();
        let value = of(&self.whole);
        let bounds = if self.samples < FEWEST {
            let low = drawn.iter().copied().fold(value, f64::min);
            let high = drawn.iter().copied().fold(value, f64::max);
            low..=high
        } else {
            quantile(&drawn, 0.025)..=quantile(&drawn, 0.975)
        };
        Estimate::new(value, bounds, self.samples)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::median_of;

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
