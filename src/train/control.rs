//! Control: schedule, batch policy, plateau and clipping decide on every step; and what they
//! remember from step to step.

use crate::engine::{Decision, Reduced, ShardNorms, Sums};
use crate::optim::{
    BatchBounds, BatchMoments, BatchPolicy, BatchRule, NoiseScale, PlanContext, Plateau,
    PlateauState, Progress, StepOutcome, StepPlan, StepScalars, clip_factor,
};

use super::config::Config;
use super::error::TrainError;
use super::metric::Metric;
use super::state_dict::StateDict;

/// How much of the noise scale's averages a step forgets: 1 %.
const NOISE_DECAY: f64 = 0.99;

/// What later decisions depend on, from step to step.
#[derive(Debug)]
pub(super) struct Control {
    policy: Box<dyn BatchPolicy>,
    plateau: Option<PlateauState>,
    noise: NoiseScale,
    /// Steps left out and batches without a row that counts, over all calls of `fit`.
    skipped: u64,
    /// Updates before the optimiser's state began.
    state_began: u64,
    /// What policy and plateau were built from.
    built_from: Built,
}

/// A step about to be made.
#[derive(Clone, Copy, Debug)]
pub(super) struct PlannedStep {
    /// What the batch policy asked for.
    pub(super) plan: StepPlan,
    /// Rows of its batch, of which the last one of an epoch may have fewer than planned.
    pub(super) rows: usize,
}

/// The settings that [`Control`] is built from.
#[derive(Clone, Debug, PartialEq)]
struct Built {
    batch_size: usize,
    batch_rule: BatchRule,
    plateau: Option<Plateau>,
    watch: Metric,
}

impl Built {
    fn of(config: &Config) -> Self {
        Self {
            batch_size: config.batch_size,
            batch_rule: config.batch_rule.clone(),
            plateau: config.plateau,
            watch: config.watch,
        }
    }
}

impl Clone for Control {
    fn clone(&self) -> Self {
        let Built {
            batch_size,
            batch_rule,
            ..
        } = &self.built_from;
        let started = batch_rule.start(*batch_size);
        let mut policy = started.expect("it has been started before");
        policy.restore(&self.policy.state());
        Self {
            policy,
            built_from: self.built_from.clone(),
            ..*self
        }
    }
}

impl Control {
    /// At the start of a training.
    pub(super) fn new(config: &Config) -> Result<Self, TrainError> {
        Ok(Self {
            policy: config.batch_rule.start(config.batch_size)?,
            plateau: config.plateau.map(|rule| rule.start()),
            noise: NoiseScale::new(NOISE_DECAY),
            skipped: 0,
            state_began: 0,
            built_from: Built::of(config),
        })
    }

    /// Follows settings that have changed since it was built: what they change begins anew.
    pub(super) fn follow(&mut self, config: &Config) -> Result<(), TrainError> {
        let (was, is) = (&self.built_from, Built::of(config));
        if (was.batch_size, &was.batch_rule) != (is.batch_size, &is.batch_rule) {
            self.policy = config.batch_rule.start(config.batch_size)?;
        }
        if (was.plateau, was.watch) != (is.plateau, is.watch) {
            self.restart_plateau(config);
        }
        self.built_from = is;
        Ok(())
    }

    /// The optimiser's state begins anew: its next update is its first.
    pub(super) fn restart_optimizer(&mut self, progress: &Progress) {
        self.state_began = progress.step - self.skipped;
    }

    /// The plateau rule begins anew.
    pub(super) fn restart_plateau(&mut self, config: &Config) {
        self.plateau = config.plateau.map(|rule| rule.start());
    }

    /// The next batch and its learning rate.
    pub(super) fn plan(
        &mut self,
        config: &Config,
        progress: &Progress,
    ) -> Result<StepPlan, TrainError> {
        let mut plan = self.policy.plan(&PlanContext {
            progress,
            schedule: &config.schedule,
            lr: config.optimizer.lr(),
        });
        if let Some(plateau) = &self.plateau {
            plan.lr *= plateau.scale();
        }
        let StepPlan { batch_size, lr } = plan;
        let BatchBounds { least, most } = config.batch_rule.bounds(config.batch_size);
        let is_possible =
            (least.max(1)..=most).contains(&batch_size) && lr.is_finite() && lr >= 0.0;
        if is_possible {
            return Ok(plan);
        }
        Err(TrainError::Plan {
            step: progress.step,
            policy: config.batch_rule.to_string(),
            schedule: config.schedule.to_string(),
            rows: batch_size,
            lr,
            least,
            most,
        })
    }

    /// The update's scalars: the mean gradient, clipped, with the planned rate; or no update at
    /// all.
    pub(super) fn decide(
        &self,
        config: &Config,
        progress: &Progress,
        reduced: &Reduced,
        step: PlannedStep,
    ) -> Decision<StepScalars> {
        if !reduced.is_usable() {
            return Decision::Skip;
        }
        let update = progress.step - self.skipped - self.state_began;
        let mut scalars = StepScalars::plain(step.plan.lr, reduced.sums.weight, update);
        scalars.row_scale = 1.0 / step.rows as f32;
        if let Some(limit) = config.optimizer.clip_norm() {
            scalars.grad_scale *= clip_factor(reduced.grad_norm, limit);
        }
        Decision::Apply(scalars)
    }

    /// Takes note of a step that was made, or left out.
    pub(super) fn observe(&mut self, reduced: &Reduced, lr: f32) {
        if !reduced.is_usable() {
            self.skipped += 1;
            return;
        }
        let shards = reduced.shards.as_ref();
        let moments = shards.map(|shards| moments(shards, &reduced.sums));
        if let Some(moments) = &moments {
            self.noise.observe(moments);
        }
        self.policy.observe(&StepOutcome {
            lr,
            loss: reduced.sums.mean_loss(),
            moments,
        });
    }

    /// Takes note of an evaluation: its loss, or how bad the metric that chooses is.
    pub(super) fn evaluated(&mut self, badness: f64) {
        if let Some(plateau) = &mut self.plateau {
            plateau.observe(badness);
        }
    }

    /// Stores all that later decisions depend on.
    pub(super) fn store_state(&self, dict: &mut StateDict) {
        dict.set("skipped", [self.skipped]);
        dict.set("optimizer began", [self.state_began]);
        dict.set_reals("noise", self.noise.state());
        dict.set_reals("policy", self.policy.state());
        if let Some(plateau) = &self.plateau {
            dict.set_reals("plateau", plateau.state());
        }
    }

    /// Takes over what [`Control::store_state`] wrote; `None` if it does not fit.
    pub(super) fn restore(&mut self, dict: &StateDict) -> Option<()> {
        [self.skipped] = dict.get("skipped")?;
        // Checkpoints of older versions do not say: nothing ever began anew.
        [self.state_began] = dict.get("optimizer began").unwrap_or([0]);
        self.noise.restore(dict.get_reals("noise")?);
        if let Some(plateau) = &mut self.plateau {
            plateau.restore(dict.get_reals("plateau")?);
        }
        let policy = dict.reals("policy")?;
        self.policy.restore(&policy).then_some(())
    }

    /// The noise scale so far, in rows, if the shards' norms are tracked.
    pub(super) fn noise_scale(&self) -> Option<f64> {
        self.noise.value()
    }
}

/// In rows whatever their weights: each row's gradient is taken by its weight over the mean weight,
/// as in the mean gradient.
fn moments(shards: &ShardNorms, sums: &Sums) -> BatchMoments {
    let scale = sums.rows / sums.weight;
    BatchMoments {
        weight: sums.rows,
        weight_squares: shards.row_squares,
        squares: scale * scale * shards.squares,
        whole: scale * scale * shards.whole,
    }
}
