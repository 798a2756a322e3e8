//! Staged batches: they grow with time.
//!
//! Smith: where the schedule's shape has fallen to a share f, the batch is `B0 / f` rows instead,
//! up to the largest; beyond it the rate falls, so that `lr / B` is what the schedule would have
//! made it. AdaBatch: every so often the batch is multiplied by a factor and the rate by another.
//!
//! # References
//! Smith, Kindermans, Ying, Le: "Don't decay the learning rate, increase the batch size", ICLR
//! 2018; Devarakonda, Naumov, Garland: "AdaBatch", 2017.

use super::super::schedule::Unit;
use super::{BatchPolicy, PlanContext, StepPlan};

/// Smith's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Staged {
    pub(super) initial: usize,
    pub(super) most: usize,
}

impl BatchPolicy for Staged {
    fn plan(&mut self, context: &PlanContext<'_>) -> StepPlan {
        let first = self.initial as f64;
        let fallen = context.schedule.shape_factor(context.progress);
        let rows = (first / fallen).round().clamp(1.0, self.most as f64);
        let warmup = context.schedule.warmup_factor(context.progress);
        StepPlan {
            batch_size: rows as usize,
            lr: (f64::from(context.lr) * warmup * fallen * rows / first) as f32,
        }
    }
}

/// AdaBatch.
#[derive(Clone, Copy, Debug)]
pub(super) struct AdaBatch {
    pub(super) initial: usize,
    pub(super) most: usize,
    pub(super) growth: f32,
    pub(super) lr_factor: f32,
    pub(super) every: u64,
    pub(super) unit: Unit,
}

impl BatchPolicy for AdaBatch {
    fn plan(&mut self, context: &PlanContext<'_>) -> StepPlan {
        let stage = (self.unit.of(context.progress) / self.every as f64).floor();
        let rows = self.initial as f64 * libm::pow(f64::from(self.growth), stage);
        let cut = libm::pow(f64::from(self.lr_factor), stage);
        StepPlan {
            batch_size: rows.round().clamp(1.0, self.most as f64) as usize,
            lr: (f64::from(context.scheduled()) * cut) as f32,
        }
    }
}
