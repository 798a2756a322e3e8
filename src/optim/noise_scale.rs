//! Gradient noise scale: how large a batch may be before it stops paying.
//!
//! A shard of n rows has the gradient sum `g_s`, with `E norm2(g_s) = n² norm2(mu) + n tr S`, where
//! mu is the mean gradient of a row and S its covariance. With `A` the sum of `norm2(g_s)` over
//! shards, `N2` the sum of their `n²`, `B` that of their n, and G the sum of their gradients:
//!
//! ```text
//! norm2(mu) = (norm2(G) - A) / (B² - N2)          unbiased for any sizes of the shards
//! tr S      = (A - N2 norm2(mu)) / B
//! B_simple  = EMA(tr S) / EMA(norm2(mu))          never an EMA of ratios
//! ```
//!
//! For equal shards these are McCandlish's estimators with `B_small = B / S` and `B_big = B`.
//!
//! # References
//! McCandlish, Kaplan, Amodei: "An empirical model of large-batch training", 2018, appendix A.1.

/// What one batch's shards tell of the gradient's distribution.
///
/// ```
/// use unisono::optim::BatchMoments;
/// // Two shards of one row each, with the gradients 3 and 1: the mean is 2, the unbiased variance 2.
/// let moments = BatchMoments { weight: 2.0, weight_squares: 2.0, squares: 10.0, whole: 16.0 };
/// assert_eq!((moments.mean_square(), moments.variance()), (Some(3.0), Some(2.0)));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct BatchMoments {
    /// B: the sum of the shards' weights, usually rows.
    pub weight: f64,
    /// N2: the sum of the squares of the weights.
    pub weight_squares: f64,
    /// A: the sum of the squares of the shards' gradient norms.
    pub squares: f64,
    /// The square of the norm of the batch's gradient sum.
    pub whole: f64,
}

impl BatchMoments {
    /// An unbiased estimate of norm2(mu), which may be negative; `None` for fewer than two shards
    /// that are not empty.
    pub fn mean_square(&self) -> Option<f64> {
        let pairs = self.weight * self.weight - self.weight_squares;
        (pairs > 0.0).then(|| (self.whole - self.squares) / pairs)
    }

    /// An unbiased estimate of tr S: the variance of a row's gradient, summed over parameters.
    pub fn variance(&self) -> Option<f64> {
        let mean_square = self.mean_square()?;
        Some((self.squares - self.weight_squares * mean_square) / self.weight)
    }
}

/// A moving average that is not biased towards its start.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Ema {
    pub(super) decay: f64,
    pub(super) sum: f64,
    pub(super) weight: f64,
}

impl Ema {
    pub(super) fn new(decay: f64) -> Self {
        Self {
            decay,
            sum: 0.0,
            weight: 0.0,
        }
    }

    pub(super) fn add(&mut self, value: f64) {
        self.sum = self.decay * self.sum + (1.0 - self.decay) * value;
        self.weight = self.decay * self.weight + (1.0 - self.decay);
    }

    pub(super) fn value(&self) -> Option<f64> {
        (self.weight > 0.0).then(|| self.sum / self.weight)
    }
}

/// The noise scale over training: averages of numerator and denominator apart.
///
/// ```
/// use unisono::optim::{BatchMoments, NoiseScale};
/// let mut scale = NoiseScale::new(0.9);
/// assert_eq!(scale.value(), None);
/// scale.observe(&BatchMoments { weight: 2.0, weight_squares: 2.0, squares: 10.0, whole: 16.0 });
/// assert!((scale.value().unwrap() - 2.0 / 3.0).abs() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NoiseScale {
    variance: Ema,
    mean_square: Ema,
}

impl NoiseScale {
    /// With averages that forget a share of `1 - decay` a step; decay in 0..1.
    pub fn new(decay: f64) -> Self {
        Self {
            variance: Ema::new(decay),
            mean_square: Ema::new(decay),
        }
    }

    /// Takes a batch's moments; one with fewer than two shards tells nothing.
    pub fn observe(&mut self, moments: &BatchMoments) {
        if let (Some(variance), Some(mean_square)) = (moments.variance(), moments.mean_square()) {
            self.variance.add(variance);
            self.mean_square.add(mean_square);
        }
    }

    /// The average variance of a row's gradient.
    pub fn variance(&self) -> Option<f64> {
        self.variance.value()
    }

    /// The average square of the mean gradient's norm.
    pub fn mean_square(&self) -> Option<f64> {
        self.mean_square.value()
    }

    /// B_simple, in rows; infinite where the mean gradient drowns in noise, `None` before the first
    /// batch.
    pub fn value(&self) -> Option<f64> {
        let (variance, mean_square) = (self.variance()?, self.mean_square()?);
        Some(if mean_square > 0.0 {
            (variance / mean_square).max(0.0)
        } else {
            f64::INFINITY
        })
    }

    /// All that the next value depends on.
    pub(crate) fn state(&self) -> [f64; 4] {
        let (v, m) = (self.variance, self.mean_square);
        [v.sum, v.weight, m.sum, m.weight]
    }

    pub(crate) fn restore(&mut self, [v, v_weight, m, m_weight]: [f64; 4]) {
        (self.variance.sum, self.variance.weight) = (v, v_weight);
        (self.mean_square.sum, self.mean_square.weight) = (m, m_weight);
    }
}
