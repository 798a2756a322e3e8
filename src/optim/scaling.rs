//! Scaling rules: hyperparameters for a batch k times as large.
//!
//! | rule | learning rate | else |
//! |---|---|---|
//! | none | - | - |
//! | linear | k | momentum and decay as they are; warm it up |
//! | square root | sqrt(k) | |
//! | Adam | sqrt(k) | beta -> 1 - k (1 - beta), eps / sqrt(k) |
//!
//! In all but `none`, times of the schedule that are counted in steps become 1 / k, so that they
//! are the same rows.
//!
//! # References
//! Goyal et al.: "Accurate, large minibatch SGD", 2017 (linear); Krizhevsky: "One weird trick",
//! 2014, Hoffer et al., 2017 (square root); Malladi et al.: "On the SDEs and scaling rules for
//! adaptive gradient algorithms", NeurIPS 2022 (Adam).

use super::error::{OptimError, check};
use super::recipes::{Optimizer, Rule};
use super::schedule::{Schedule, Unit};

/// A rule.
///
/// ```
/// use unisono::optim::ScalingRule;
/// let rules = [ScalingRule::None, ScalingRule::Linear, ScalingRule::SquareRoot];
/// assert_eq!(rules.map(|rule| rule.lr_factor(16.0)), [1.0, 16.0, 4.0]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ScalingRule {
    /// Everything stays.
    #[default]
    None,
    /// Goyal's.
    Linear,
    /// Krizhevsky's.
    SquareRoot,
    /// Malladi's, for Adam, AdamW and LAMB.
    Adam,
}

impl ScalingRule {
    /// Every rule, for tables of tests.
    pub const ALL: &'static [ScalingRule] = &Self::EACH;

    /// The same, in number.
    pub(crate) const EACH: [ScalingRule; 4] = [
        ScalingRule::None,
        ScalingRule::Linear,
        ScalingRule::SquareRoot,
        ScalingRule::Adam,
    ];

    /// Its name in text.
    pub fn name(self) -> &'static str {
        match self {
            ScalingRule::None => "none",
            ScalingRule::Linear => "linear",
            ScalingRule::SquareRoot => "sqrt",
            ScalingRule::Adam => "adam",
        }
    }

    /// What the learning rate is multiplied by when the batch is multiplied by `k`.
    pub fn lr_factor(self, k: f64) -> f64 {
        match self {
            ScalingRule::None => 1.0,
            ScalingRule::Linear => k,
            ScalingRule::SquareRoot | ScalingRule::Adam => k.sqrt(),
        }
    }

    /// `optimizer` for batches `k` times as large.
    ///
    /// ```
    /// use unisono::optim::{Optimizer, ScalingRule};
    /// let adam = Optimizer::adam(0.001).with_betas(0.875, 0.9375);
    /// let scaled = ScalingRule::Adam.optimizer(&adam, 4.0)?;
    /// assert_eq!(scaled, Optimizer::adam(0.002).with_betas(0.5, 0.75).with_eps(5e-9));
    /// # Ok::<(), unisono::optim::OptimError>(())
    /// ```
    ///
    /// # Errors
    /// [`OptimError::OutOfRange`] if k is not positive, or a beta would fall below 0;
    /// [`OptimError::NotApplicable`] for Adam's rule with another optimiser.
    pub fn optimizer(self, optimizer: &Optimizer, k: f64) -> Result<Optimizer, OptimError> {
        let is_valid = k.is_finite() && k > 0.0;
        check(
            "the factor of the batch size",
            "above 0",
            k as f32,
            is_valid,
        )?;
        let lr = (f64::from(optimizer.lr()) * self.lr_factor(k)) as f32;
        let mut scaled = optimizer.clone().with_lr(lr);
        if self == ScalingRule::Adam {
            let (Rule::Adam(adam) | Rule::Lamb(adam)) = &mut scaled.rule else {
                return Err(OptimError::NotApplicable {
                    setting: "Adam's scaling rule",
                    optimizer: optimizer.name().to_owned(),
                });
            };
            let beta = |beta: f32| (1.0 - k * (1.0 - f64::from(beta))) as f32;
            (adam.beta1, adam.beta2) = (beta(adam.beta1), beta(adam.beta2));
            adam.eps = (f64::from(adam.eps) / k.sqrt()) as f32;
        }
        scaled.build()?;
        Ok(scaled)
    }

    /// `schedule` for batches `k` times as large: the same rows, in fewer steps.
    ///
    /// ```
    /// use unisono::optim::{Schedule, ScalingRule};
    /// let schedule: Schedule = "warmup 100 steps, cosine to 0 over 1000 steps".parse()?;
    /// let scaled = ScalingRule::Linear.schedule(&schedule, 4.0);
    /// assert_eq!(scaled.to_string(), "warmup 25 steps, cosine to 0 over 250 steps");
    /// # Ok::<(), unisono::optim::OptimError>(())
    /// ```
    pub fn schedule(self, schedule: &Schedule, k: f64) -> Schedule {
        let mut scaled = schedule.clone();
        if self == ScalingRule::None {
            return scaled;
        }
        let shorter = |len: u64| ((len as f64 / k).round() as u64).max(1);
        if let Some(warmup) = &mut scaled.warmup
            && warmup.unit == Unit::Steps
        {
            warmup.over = shorter(warmup.over);
        }
        if scaled.unit == Unit::Steps {
            scaled.shape.for_times(&mut |time| *time = shorter(*time));
        }
        scaled
    }
}
