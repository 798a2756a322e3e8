//! Batch policies of a program's own.

use std::sync::Arc;

use super::super::custom::Named;
use super::BatchPolicy;
use super::bounds::BatchBounds;

/// Makes a policy that starts from batches of so many rows.
pub(super) type MakePolicy = dyn Fn(usize) -> Box<dyn BatchPolicy> + Send + Sync;

/// A batch policy of a program's own.
///
/// ```
/// use unisono::optim::{BatchBounds, BatchPolicy, CustomPolicy, PlanContext, StepPlan};
/// use unisono::{Trainer, data::digits, nn::{Loss, Sequential}};
///
/// /// Twice the rows after each epoch, up to 512.
/// #[derive(Debug)]
/// struct Doubling(usize);
///
/// impl BatchPolicy for Doubling {
///     fn plan(&mut self, context: &PlanContext<'_>) -> StepPlan {
///         let rows = self.0 << context.progress.epoch.min(9);
///         StepPlan { batch_size: rows.min(512), lr: context.scheduled() }
///     }
/// }
///
/// let bounds = BatchBounds { least: 1, most: 512 };
/// let policy = CustomPolicy::new("doubling", bounds, |initial| Box::new(Doubling(initial)));
/// let (train, test) = digits();
/// let mut trainer = Trainer::new(Sequential::new(64).dense(10), Loss::SoftmaxCrossEntropy)
///     .batch_size(128)
///     .batch_policy(policy.into())
///     .epochs(3);
/// let sizes: Vec<usize> = trainer.fit(&train, &test)?.epochs.iter().map(|epoch| epoch.batch_size).collect();
/// assert_eq!(sizes, [128, 256, 512]);
/// # Ok::<(), unisono::TrainError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct CustomPolicy {
    pub(super) named: Named<MakePolicy>,
    pub(super) bounds: BatchBounds,
    pub(super) needs_moments: bool,
}

impl CustomPolicy {
    /// A policy that asks for batches within `bounds`, which shards and memory are planned for;
    /// `start` makes it for a first batch of so many rows. `name` has its parameters too: a
    /// training is not resumed with a policy of another name.
    pub fn new(
        name: impl Into<String>,
        bounds: BatchBounds,
        start: impl Fn(usize) -> Box<dyn BatchPolicy> + Send + Sync + 'static,
    ) -> Self {
        Self {
            named: Named {
                name: name.into(),
                function: Arc::new(start),
            },
            bounds,
            needs_moments: false,
        }
    }

    /// The same, which is told the gradients' moments ([`super::StepOutcome::moments`]); it needs
    /// at least two shards.
    pub fn with_moments(self) -> Self {
        Self {
            needs_moments: true,
            ..self
        }
    }
}
