//! What decides on every step: schedule, batch policy, plateau, clipping; and what it remembers from step to step.

use crate::engine::{Decision, Reduced, ShardNorms, Sums};
use crate::optim::{
    BatchMoments, BatchPolicy, NoiseScale, PlanContext, PlateauState, Progress, StepOutcome,
    StepPlan, StepScalars, clip_factor,
};

use super::config::Config;
use super::error::TrainError;
use super::memory::Memory;

/// How much of the noise scale's averages a step forgets: 1 %.
const NOISE_DECAY: f64 = 0.99;

/// The master's memory between steps.
#[derive(Debug)]
pub(super) struct Control {
    policy: Box<dyn BatchPolicy>,
    plateau: Option<PlateauState>,
    noise: NoiseScale,
    /// Steps left out and batches without a row that counts, over all calls of `fit`.
    skipped: u64,
}

impl Control {
    /// At the start of a training.
    pub(super) fn new(config: &Config) -> Result<Self, TrainError> {
        Ok(Self {
            policy: config.batch_rule.start(config.batch_size)?,
            plateau: config.plateau.map(|rule| rule.start()),
            noise: NoiseScale::new(NOISE_DECAY),
            skipped: 0,
        })
    }

    /// The next batch and its learning rate.
    pub(super) fn plan(&mut self, config: &Config, progress: &Progress) -> StepPlan {
        let mut plan = self.policy.plan(&PlanContext {
            progress,
            schedule: &config.schedule,
            lr: config.optimizer.lr(),
        });
        if let Some(plateau) = &self.plateau {
            plan.lr *= plateau.scale();
        }
        plan
    }

    /// The update's scalars: the mean gradient, clipped, with the planned rate; or no update at all.
    pub(super) fn decide(
        &self,
        (config, progress): (&Config, &Progress),
        reduced: &Reduced,
        (lr, rows): (f32, usize),
    ) -> Decision<StepScalars> {
        if !reduced.is_usable() {
            return Decision::Skip;
        }
        let update = progress.step - self.skipped;
        let mut scalars = StepScalars::plain(lr, reduced.sums.weight, update);
        scalars.row_scale = 1.0 / rows as f32;
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
        let moments = reduced
            .shards
            .as_ref()
            .map(|shards| moments(shards, &reduced.sums));
        if let Some(moments) = &moments {
            self.noise.observe(moments);
        }
        self.policy.observe(&StepOutcome {
            lr,
            loss: reduced.sums.mean_loss(),
            moments,
        });
    }

    /// Takes note of an evaluation.
    pub(super) fn evaluated(&mut self, test_loss: f64) {
        if let Some(plateau) = &mut self.plateau {
            plateau.observe(test_loss);
        }
    }

    /// Writes down all that later decisions depend on.
    pub(super) fn remember(&self, memory: &mut Memory) {
        memory.set("skipped", [self.skipped]);
        memory.set_reals("noise", self.noise.state());
        memory.set_reals("policy", self.policy.state());
        if let Some(plateau) = &self.plateau {
            memory.set_reals("plateau", plateau.state());
        }
    }

    /// Takes over what [`Control::remember`] wrote; `None` if it does not fit.
    pub(super) fn restore(&mut self, memory: &Memory) -> Option<()> {
        [self.skipped] = memory.get("skipped")?;
        self.noise.restore(memory.get_reals("noise")?);
        if let Some(plateau) = &mut self.plateau {
            plateau.restore(memory.get_reals("plateau")?);
        }
        let policy = memory.reals("policy")?;
        self.policy.restore(&policy).then_some(())
    }

    /// The noise scale so far, in rows, if the shards' norms are tracked.
    pub(super) fn noise_scale(&self) -> Option<f64> {
        self.noise.value()
    }
}

/// In rows whatever their weights: each row's gradient is taken by its weight over the mean weight, as in the mean gradient.
fn moments(shards: &ShardNorms, sums: &Sums) -> BatchMoments {
    let scale = sums.rows / sums.weight;
    BatchMoments {
        weight: sums.rows,
        weight_squares: shards.row_squares,
        squares: scale * scale * shards.squares,
        whole: scale * scale * shards.whole,
    }
}

/// When to stop before the last epoch.
///
/// ```
/// use unisono::train::EarlyStopping;
/// let rule = EarlyStopping { patience: 2, ..EarlyStopping::default() };
/// let mut state = rule.start();
/// let stops: Vec<bool> = [1.0, 0.8, 0.8, 0.9].map(|loss| state.observe(loss).stops).to_vec();
/// assert_eq!(stops, [false, false, false, true]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EarlyStopping {
    /// Evaluations without improvement that end training, at least 1.
    pub patience: u32,
    /// How much smaller a test loss must be than the best so far.
    pub min_delta: f64,
    /// Whether the network is that of the best evaluation at the end.
    pub restore_best: bool,
}

impl Default for EarlyStopping {
    /// After 10 evaluations without any improvement; the best network is restored.
    fn default() -> Self {
        Self {
            patience: 10,
            min_delta: 0.0,
            restore_best: true,
        }
    }
}

impl EarlyStopping {
    /// Before the first evaluation.
    pub fn start(self) -> EarlyStoppingState {
        EarlyStoppingState {
            rule: self,
            best: f64::INFINITY,
            bad: 0,
        }
    }
}

/// An early-stopping rule at work.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EarlyStoppingState {
    rule: EarlyStopping,
    best: f64,
    bad: u32,
}

/// What an evaluation means to an early-stopping rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// It was the best so far.
    pub is_best: bool,
    /// Training ends.
    pub stops: bool,
}

/// Early stopping in a call of `fit`: the rule, and the best parameters.
#[derive(Debug)]
pub(super) struct Early {
    state: EarlyStoppingState,
    evaluations: usize,
    pub(super) best: Option<(usize, Vec<f32>)>,
    pub(super) stops: bool,
}

impl Early {
    pub(super) fn new(rule: EarlyStopping) -> Self {
        Self {
            state: rule.start(),
            evaluations: 0,
            best: None,
            stops: false,
        }
    }

    pub(super) fn observe(&mut self, loss: f64, params: impl FnOnce() -> Vec<f32>) {
        let verdict = self.state.observe(loss);
        if verdict.is_best {
            self.best = Some((self.evaluations, params()));
        }
        self.stops = verdict.stops;
        self.evaluations += 1;
    }

    /// Writes down all but the best parameters.
    pub(super) fn remember(&self, memory: &mut Memory) {
        let best = self.best.as_ref().map_or(0, |(at, _)| *at as u64);
        let numbers = [self.state.best.to_bits(), u64::from(self.state.bad)];
        let more = [self.evaluations as u64, best];
        memory.set("early", numbers.into_iter().chain(more));
    }

    /// Takes over what [`Early::remember`] wrote, and the best parameters.
    pub(super) fn restore(&mut self, memory: &Memory, params: Option<Vec<f32>>) -> Option<()> {
        let [best, bad, evaluations, at] = memory.get("early")?;
        self.state.best = f64::from_bits(best);
        self.state.bad = bad as u32;
        self.evaluations = evaluations as usize;
        self.best = params.map(|params| (at as usize, params));
        Some(())
    }

    /// The best parameters, if they are to be restored.
    pub(super) fn into_best(self) -> (Option<usize>, Option<Vec<f32>>) {
        let restores = self.state.rule.restore_best;
        match self.best {
            Some((epoch, params)) => (Some(epoch), restores.then_some(params)),
            None => (None, None),
        }
    }
}

impl EarlyStoppingState {
    /// Takes an evaluation's loss.
    pub fn observe(&mut self, loss: f64) -> Verdict {
        let is_best = loss < self.best - self.rule.min_delta;
        if is_best {
            self.best = loss;
            self.bad = 0;
        } else {
            self.bad += 1;
        }
        Verdict {
            is_best,
            stops: self.bad >= self.rule.patience,
        }
    }
}
