//! Coupled adaptive batch size: `B = lr xi / F`, xi the variance of a row's gradient summed over
//! parameters, F the loss; moving averages of both with 0.95. For SGD without momentum.
//!
//! # References
//! Balles, Romero, Hennig: "Coupling adaptive batch sizes with learning rates", UAI 2017, eq. 10
//! and algorithm 1.

use super::super::noise_scale::Ema;
use super::bounds::BatchBounds;
use super::{BatchPolicy, PlanContext, StepOutcome, StepPlan};

/// CABS.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cabs {
    bounds: BatchBounds,
    current: usize,
    variance: Ema,
    loss: Ema,
}

impl Cabs {
    pub(super) fn new(initial: usize, bounds: BatchBounds) -> Self {
        Self {
            bounds,
            current: bounds.clamp(initial),
            variance: Ema::new(0.95),
            loss: Ema::new(0.95),
        }
    }
}

impl BatchPolicy for Cabs {
    fn plan(&mut self, context: &PlanContext<'_>) -> StepPlan {
        let lr = context.scheduled();
        if let (Some(variance), Some(loss)) = (self.variance.value(), self.loss.value()) {
            let rows = f64::from(lr) * variance / loss;
            let BatchBounds { least, most } = self.bounds;
            // A loss of 0 asks for as many as there may be; NaN, of 0 by 0, for no change.
            if !rows.is_nan() {
                self.current = rows.round().clamp(least as f64, most as f64) as usize;
            }
        }
        StepPlan {
            batch_size: self.current,
            lr,
        }
    }

    fn observe(&mut self, outcome: &StepOutcome) {
        if let Some(variance) = outcome.moments.and_then(|moments| moments.variance()) {
            self.variance.add(variance.max(0.0));
            self.loss.add(outcome.loss);
        }
    }

    fn state(&self) -> Vec<f64> {
        let (v, l) = (self.variance, self.loss);
        vec![self.current as f64, v.sum, v.weight, l.sum, l.weight]
    }

    fn restore(&mut self, state: &[f64]) -> bool {
        let &[current, v, v_weight, l, l_weight] = state else {
            return false;
        };
        self.current = self.bounds.clamp(current as usize);
        (self.variance.sum, self.variance.weight) = (v, v_weight);
        (self.loss.sum, self.loss.weight) = (l, l_weight);
        true
    }
}
