//! AdaScale: steps of a batch k times as large as the schedule was made for are worth r of its
//! steps, with 1 <= r <= k.
//!
//! With `s2 = tr S / B1` the variance of a gradient over the base batch of B1 rows,
//! `m2 = norm2(mu)`, `k = B / B1`: `r = (s2 + m2) / (s2 / k + m2)`; the rate is `r lr(tau)`, and
//! `tau += r`, where tau counts steps of the base batch. Moving averages of s2 and m2 with
//! `max(1 - k / 1000, 0)`.
//!
//! # References
//! Johnson, Agrawal, Gu, Guestrin: "AdaScale SGD", ICML 2020, algorithm 1 and section 3.

use super::super::noise_scale::NoiseScale;
use super::super::schedule::Progress;
use super::{BatchPolicy, PlanContext, StepOutcome, StepPlan};

/// AdaScale.
#[derive(Clone, Copy, Debug)]
pub(super) struct AdaScale {
    batch_size: usize,
    base: usize,
    scale: NoiseScale,
    tau: f64,
    gain: f64,
}

impl AdaScale {
    pub(super) fn new(batch_size: usize, base: usize) -> Self {
        let k = batch_size as f64 / base as f64;
        Self {
            batch_size,
            base,
            scale: NoiseScale::new((1.0 - k / 1000.0).max(0.0)),
            tau: 0.0,
            gain: 1.0,
        }
    }

    /// The gain of the next step.
    fn next_gain(&self) -> f64 {
        let k = self.batch_size as f64 / self.base as f64;
        let (Some(variance), Some(mean)) = (self.scale.variance(), self.scale.mean_square()) else {
            return 1.0;
        };
        let (s2, m2) = (variance.max(0.0) / self.base as f64, mean.max(0.0));
        if s2 + m2 > 0.0 {
            ((s2 + m2) / (s2 / k + m2)).clamp(1.0, k.max(1.0))
        } else {
            1.0
        }
    }
}

impl BatchPolicy for AdaScale {
    fn plan(&mut self, context: &PlanContext<'_>) -> StepPlan {
        self.gain = self.next_gain();
        let real = context.progress;
        // The clock of the base batch: all times at the pace of tau.
        let examples = self.tau * self.base as f64;
        let pace = examples / (real.examples as f64).max(1.0);
        let epochs = (f64::from(real.epoch) + real.in_epoch) * pace;
        let progress = Progress {
            step: self.tau as u64,
            epoch: epochs as u32,
            examples: examples as u64,
            in_epoch: epochs.fract(),
        };
        let scheduled = context.schedule.factor(&progress) * f64::from(context.lr);
        StepPlan {
            batch_size: self.batch_size,
            lr: (scheduled * self.gain) as f32,
        }
    }

    fn observe(&mut self, outcome: &StepOutcome) {
        self.tau += self.gain;
        if let Some(moments) = &outcome.moments {
            self.scale.observe(moments);
        }
    }

    fn state(&self) -> Vec<f64> {
        [self.tau].into_iter().chain(self.scale.state()).collect()
    }

    fn restore(&mut self, state: &[f64]) -> bool {
        let &[tau, a, b, c, d] = state else {
            return false;
        };
        self.tau = tau;
        self.scale.restore([a, b, c, d]);
        true
    }
}
