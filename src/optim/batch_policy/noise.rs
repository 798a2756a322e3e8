//! Noise-scale policy: the batch is the power of two next below `B_simple` within bounds, changed
//! at most every so many steps; the rate follows the batch by a scaling rule, relative to the first
//! batch.
//!
//! # References
//! McCandlish, Kaplan, Amodei, 2018, section 2.2: a batch of about the noise scale trades time and
//! examples evenly.

use super::super::noise_scale::NoiseScale;
use super::super::scaling::ScalingRule;
use super::bounds::BatchBounds;
use super::{BatchPolicy, PlanContext, StepOutcome, StepPlan};

/// Noise-scale driven.
#[derive(Clone, Copy, Debug)]
pub(super) struct NoiseDriven {
    initial: usize,
    bounds: BatchBounds,
    every: u64,
    rule: ScalingRule,
    current: usize,
    /// Steps since the last change, or the last look.
    since: u64,
    scale: NoiseScale,
}

impl NoiseDriven {
    pub(super) fn new(initial: usize, bounds: BatchBounds, every: u64, rule: ScalingRule) -> Self {
        let initial = bounds.clamp(initial);
        Self {
            initial,
            bounds,
            every,
            rule,
            current: initial,
            since: 0,
            scale: NoiseScale::new(0.98),
        }
    }
}

impl BatchPolicy for NoiseDriven {
    fn plan(&mut self, context: &PlanContext<'_>) -> StepPlan {
        if let (Some(scale), true) = (self.scale.value(), self.since >= self.every) {
            let BatchBounds { least, most } = self.bounds;
            let doublings = libm::log2(scale.clamp(least as f64, most as f64));
            let wanted = libm::exp2(doublings.floor());
            self.current = self.bounds.clamp(wanted as usize);
            self.since = 0;
        }
        let k = self.current as f64 / self.initial as f64;
        StepPlan {
            batch_size: self.current,
            lr: (f64::from(context.scheduled()) * self.rule.lr_factor(k)) as f32,
        }
    }

    fn observe(&mut self, outcome: &StepOutcome) {
        self.since += 1;
        if let Some(moments) = &outcome.moments {
            self.scale.observe(moments);
        }
    }

    fn state(&self) -> Vec<f64> {
        let own = [self.current as f64, self.since as f64];
        own.into_iter().chain(self.scale.state()).collect()
    }

    fn restore(&mut self, state: &[f64]) -> bool {
        let &[current, since, a, b, c, d] = state else {
            return false;
        };
        self.current = self.bounds.clamp(current as usize);
        self.since = since as u64;
        self.scale.restore([a, b, c, d]);
        true
    }
}
