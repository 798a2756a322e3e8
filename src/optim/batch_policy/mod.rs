//! Batch-size policies: how large the next batch is, and what that does to the learning rate.
//!
//! | file | policy | what drives it |
//! |---|---|---|
//! | `fixed` | always the same | - |
//! | `staged` | Smith's: larger where the schedule would cut the rate; AdaBatch: larger every so often | the clock |
//! | `cabs` | CABS: coupled to rate and loss | the gradient's variance |
//! | `noise` | the noise scale, in powers of two | variance and mean of the gradient |
//! | `ada_scale` | AdaScale: the batch stays, the rate follows | variance and mean of the gradient |
//! | `custom` | one of a program's own | |
//! | `rule` | which policy, as data: its bounds, what it needs | |
//! | `text` | a rule as it is written | |
//!
//! A policy sees the shards' gradients alone, so it works on one thread, and decides the same for
//! any number of them.

mod ada_scale;
mod bounds;
mod cabs;
mod custom;
mod fixed;
mod noise;
mod rule;
mod staged;
mod text;

use std::fmt::Debug;

use super::noise_scale::BatchMoments;
use super::schedule::{Progress, Schedule};

pub use bounds::BatchBounds;
pub use custom::CustomPolicy;
pub use rule::BatchRule;

/// The next step.
///
/// Example: [`BatchPolicy`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepPlan {
    /// Rows of the batch, at least 1; the last batch of an epoch may be shorter.
    pub batch_size: usize,
    /// The learning rate, at least 0.
    pub lr: f32,
}

/// What a policy plans with.
///
/// ```
/// use unisono::optim::{PlanContext, Progress, Schedule, Unit};
/// let schedule = Schedule::step(0.5, 10, Unit::Epochs);
/// let progress = Progress { epoch: 20, ..Progress::default() };
/// let context = PlanContext { progress: &progress, schedule: &schedule, lr: 0.4 };
/// assert_eq!(context.scheduled(), 0.1);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct PlanContext<'a> {
    /// How far training has come.
    pub progress: &'a Progress,
    /// The schedule.
    pub schedule: &'a Schedule,
    /// The base learning rate, at least 0: what the schedule multiplies.
    pub lr: f32,
}

impl PlanContext<'_> {
    /// The scheduled learning rate.
    pub fn scheduled(&self) -> f32 {
        self.schedule.lr(self.lr, self.progress)
    }
}

/// What a step showed.
///
/// ```
/// use unisono::optim::{BatchPolicy, PlanContext, StepOutcome, StepPlan};
///
/// /// Larger batches once the loss is small.
/// #[derive(Debug, Default)]
/// struct ByLoss(f64);
///
/// impl BatchPolicy for ByLoss {
///     fn plan(&mut self, context: &PlanContext<'_>) -> StepPlan {
///         StepPlan { batch_size: if self.0 < 0.5 { 256 } else { 32 }, lr: context.scheduled() }
///     }
///     fn observe(&mut self, outcome: &StepOutcome) {
///         self.0 = outcome.loss;
///     }
/// }
///
/// let mut policy = ByLoss::default();
/// policy.observe(&StepOutcome { lr: 0.1, loss: 0.7, moments: None });
/// assert_eq!(policy.0, 0.7);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepOutcome {
    /// The learning rate it was made with.
    pub lr: f32,
    /// The batch's mean loss.
    pub loss: f64,
    /// What the shards' gradients tell; `None` if they are not tracked.
    pub moments: Option<BatchMoments>,
}

/// Decides on every batch before it is drawn. [`CustomPolicy`] gives one to a trainer.
///
/// ```
/// use unisono::optim::{BatchPolicy, PlanContext, StepPlan};
///
/// /// Small batches in the first epoch.
/// #[derive(Debug)]
/// struct Careful(usize);
///
/// impl BatchPolicy for Careful {
///     fn plan(&mut self, context: &PlanContext<'_>) -> StepPlan {
///         let batch_size = if context.progress.epoch == 0 { self.0 } else { 8 * self.0 };
///         StepPlan { batch_size, lr: context.scheduled() }
///     }
/// }
///
/// assert!(Careful(32).state().is_empty() && Careful(32).restore(&[]));
/// ```
pub trait BatchPolicy: Debug + Send {
    /// The next batch and its learning rate.
    fn plan(&mut self, context: &PlanContext<'_>) -> StepPlan;

    /// Takes note of a step.
    fn observe(&mut self, _outcome: &StepOutcome) {}

    /// All that its next decision depends on.
    fn state(&self) -> Vec<f64> {
        Vec::new()
    }

    /// Takes over what [`BatchPolicy::state`] gave; state of another length is ignored and `false`
    /// returned.
    fn restore(&mut self, state: &[f64]) -> bool {
        state.is_empty()
    }
}
