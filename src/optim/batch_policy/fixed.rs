//! Fixed batches: always of the same size.

use super::{BatchPolicy, PlanContext, StepPlan};

/// Batches of one size.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fixed(pub(super) usize);

impl BatchPolicy for Fixed {
    fn plan(&mut self, context: &PlanContext<'_>) -> StepPlan {
        StepPlan {
            batch_size: self.0,
            lr: context.scheduled(),
        }
    }
}
