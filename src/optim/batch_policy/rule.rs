//! Batch rules: which policy, as data.

use super::super::error::{OptimError, check};
use super::super::scaling::ScalingRule;
use super::super::schedule::Unit;
use super::BatchPolicy;
use super::ada_scale::AdaScale;
use super::bounds::BatchBounds;
use super::cabs::Cabs;
use super::custom::CustomPolicy;
use super::fixed::Fixed;
use super::noise::NoiseDriven;
use super::staged::{AdaBatch, Staged};

/// A batch-size policy; the batch it starts from is set apart.
///
/// ```
/// use unisono::optim::{BatchRule, ScalingRule};
/// let rule: BatchRule = "noise 32..4096 every 100 steps lr sqrt".parse()?;
/// let expected = BatchRule::Noise { least: 32, most: 4096, every: 100, rule: ScalingRule::SquareRoot };
/// assert_eq!(rule, expected);
/// assert_eq!(rule.to_string(), "noise 32..4096 every 100 steps lr sqrt");
/// # Ok::<(), unisono::optim::OptimError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum BatchRule {
    /// The same batch throughout.
    #[default]
    Fixed,
    /// Where the schedule's shape would cut the rate, the batch grows instead (Smith 2018).
    Staged {
        /// The largest batch.
        most: usize,
    },
    /// The batch grows by a factor every so often, the rate is cut by another (AdaBatch).
    AdaBatch {
        /// What the batch is multiplied by, above 1.
        growth: f32,
        /// How often.
        every: u64,
        /// In what.
        unit: Unit,
        /// What the rate is multiplied by, in (0, 1].
        lr_factor: f32,
        /// The largest batch.
        most: usize,
    },
    /// From learning rate, loss and the gradient's variance (CABS), for SGD without momentum.
    Cabs {
        /// The smallest batch.
        least: usize,
        /// The largest batch.
        most: usize,
    },
    /// The power of two below the noise scale.
    Noise {
        /// The smallest batch.
        least: usize,
        /// The largest batch.
        most: usize,
        /// Steps between changes.
        every: u64,
        /// What a change does to the learning rate.
        rule: ScalingRule,
    },
    /// The batch stays; the rate is that of a schedule for batches of `base` rows, times the gain
    /// (AdaScale).
    AdaScale {
        /// The batch that learning rate and schedule were made for.
        base: usize,
    },
    /// One of a program's own.
    Custom(CustomPolicy),
}

impl BatchRule {
    /// The smallest and the largest batch it may ask for, starting from batches of `initial` rows.
    ///
    /// ```
    /// use unisono::optim::{BatchBounds, BatchRule};
    /// assert_eq!(BatchRule::Fixed.bounds(32), BatchBounds::fixed(32));
    /// assert_eq!(BatchRule::Staged { most: 256 }.bounds(32), BatchBounds { least: 32, most: 256 });
    /// ```
    pub fn bounds(&self, initial: usize) -> BatchBounds {
        match *self {
            BatchRule::Fixed | BatchRule::AdaScale { .. } => BatchBounds::fixed(initial),
            BatchRule::Staged { most } | BatchRule::AdaBatch { most, .. } => BatchBounds {
                least: initial,
                most,
            },
            BatchRule::Cabs { least, most } | BatchRule::Noise { least, most, .. } => {
                BatchBounds { least, most }
            }
            BatchRule::Custom(ref policy) => policy.bounds,
        }
    }

    /// Whether it follows the gradients' moments ([`super::StepOutcome::moments`]), and so needs at
    /// least two shards.
    pub fn needs_moments(&self) -> bool {
        match self {
            BatchRule::Cabs { .. } | BatchRule::Noise { .. } | BatchRule::AdaScale { .. } => true,
            BatchRule::Fixed | BatchRule::Staged { .. } | BatchRule::AdaBatch { .. } => false,
            BatchRule::Custom(policy) => policy.needs_moments,
        }
    }

    /// Checks the rule, and that it may start from batches of `initial` rows.
    ///
    /// ```
    /// use unisono::optim::BatchRule;
    /// let rule: BatchRule = "cabs 32..4096".parse()?;
    /// assert!(rule.check(64).is_ok() && rule.check(16).is_err());
    /// # Ok::<(), unisono::optim::OptimError>(())
    /// ```
    ///
    /// # Errors
    /// [`OptimError::OutOfRange`] for sizes of 0, bounds that are reversed, leave no choice or do not
    /// hold the first batch, and factors outside their range.
    pub fn check(&self, initial: usize) -> Result<(), OptimError> {
        self.check_sizes(initial)?;
        match *self {
            BatchRule::Fixed => Ok(()),
            BatchRule::Staged { most } => check_growth(initial, most),
            BatchRule::AdaBatch {
                growth,
                every,
                lr_factor,
                most,
                ..
            } => {
                check_growth(initial, most)?;
                check_period(every)?;
                let grows = growth.is_finite() && growth > 1.0;
                check("the policy's growth", "above 1", growth, grows)?;
                let range = "above 0 and at most 1";
                let cuts = lr_factor > 0.0 && lr_factor <= 1.0;
                check("the policy's factor of the rate", range, lr_factor, cuts)
            }
            BatchRule::Cabs { .. } | BatchRule::Custom(_) => {
                check_start(initial, self.bounds(initial))
            }
            BatchRule::Noise { every, .. } => {
                check_start(initial, self.bounds(initial))?;
                check_period(every)
            }
            BatchRule::AdaScale { base } => {
                let range = "at least 1 and below the batch size";
                let is_within = (1..initial).contains(&base);
                check("AdaScale's base batch", range, base as f32, is_within)
            }
        }
    }

    /// Refuses batches without rows, and of more than can be counted.
    fn check_sizes(&self, initial: usize) -> Result<(), OptimError> {
        check("the batch size", "at least 1", initial as f32, initial > 0)?;
        let largest = self.bounds(initial).most.max(initial);
        let is_counted = u32::try_from(largest).is_ok();
        check(
            "a batch",
            "at most 4294967295 rows",
            largest as f32,
            is_counted,
        )
    }

    /// The policy, starting from batches of `initial` rows.
    ///
    /// # Errors
    /// Those of [`BatchRule::check`].
    pub fn start(&self, initial: usize) -> Result<Box<dyn BatchPolicy>, OptimError> {
        self.check(initial)?;
        let bounds = self.bounds(initial);
        Ok(match *self {
            BatchRule::Fixed => Box::new(Fixed(initial)),
            BatchRule::Staged { most } => Box::new(Staged { initial, most }),
            BatchRule::AdaBatch {
                growth,
                every,
                unit,
                lr_factor,
                most,
            } => Box::new(AdaBatch {
                initial,
                most,
                growth,
                lr_factor,
                every,
                unit,
            }),
            BatchRule::Cabs { .. } => Box::new(Cabs::new(initial, bounds)),
            BatchRule::Noise { every, rule, .. } => {
                Box::new(NoiseDriven::new(initial, bounds, every, rule))
            }
            BatchRule::AdaScale { base } => Box::new(AdaScale::new(initial, base)),
            BatchRule::Custom(ref policy) => (policy.named.function)(initial),
        })
    }
}

impl From<CustomPolicy> for BatchRule {
    fn from(policy: CustomPolicy) -> Self {
        BatchRule::Custom(policy)
    }
}

fn check_start(initial: usize, bounds: BatchBounds) -> Result<(), OptimError> {
    let BatchBounds { least, most } = bounds;
    let is_within = least > 0 && (least..=most).contains(&initial);
    let range = "within the policy's bounds";
    check("the batch size", range, initial as f32, is_within)?;
    let range = "above its smallest";
    check(
        "the policy's largest batch",
        range,
        most as f32,
        least < most,
    )
}

/// Refuses a policy whose batches cannot grow.
fn check_growth(initial: usize, most: usize) -> Result<(), OptimError> {
    let range = "above the batch size";
    check(
        "the policy's largest batch",
        range,
        most as f32,
        most > initial,
    )
}

fn check_period(every: u64) -> Result<(), OptimError> {
    check("the policy's period", "at least 1", every as f32, every > 0)
}
