//! The training loop: what it works on, its position, and who is told of its events.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use crate::data::Dataset;
use crate::engine::{Reduced, Replica, Session};
use crate::nn::ParamLayout;
use crate::optim::Progress;

use super::callback::{Callback, StopHandle, View};
use super::checkpoints::{Checkpoints, Writer};
use super::config::{Config, OnNonFinite};
use super::control::{Control, PlannedStep};
use super::error::TrainError;
use super::fit_state::{FitState, TrainState};
use super::kept::EvaluatedPart;
use super::metrics::{EpochSums, Event};
use super::source::ChainUpdate;
use super::state::State;
use super::watcher::Watcher;

/// A running engine with the optimiser's update.
pub(super) type Workers<'s, R> = Session<'s, R, ChainUpdate>;

/// The training loop: settings, position, and who is told of its events.
pub(super) struct TrainLoop<'a> {
    pub(super) config: &'a Config,
    /// Rows of the training set.
    pub(super) rows: u32,
    /// The training set, where rows are fetched ahead.
    pub(super) data: Option<&'a dyn Dataset>,
    /// What is evaluated; no rows without a test set.
    pub(super) evaluated: EvaluatedRows,
    /// What tells the metric that chooses, if it is not the loss.
    pub(super) watcher: Option<&'a Watcher<'a>>,
    pub(super) layout: &'a ParamLayout,
    pub(super) progress: &'a mut Progress,
    pub(super) control: &'a mut Control,
    pub(super) fit_state: FitState,
    /// State buffers of the optimiser.
    pub(super) num_buffers: usize,
    /// Which of them holds the average of the parameters.
    pub(super) average: Option<usize>,
    /// The step that is not made any more.
    pub(super) last_step: Option<u64>,
    pub(super) skipped: Skipped,
    pub(super) saver: Option<Saver<'a>>,
    /// Whether the callback has asked for a checkpoint that is not made yet.
    pub(super) wants_checkpoint: bool,
    /// What this rank asks all ranks for.
    pub(super) asks: u8,
    pub(super) callback: &'a mut dyn Callback,
    pub(super) stop: &'a StopHandle,
}

/// The rows that are evaluated while training goes on.
pub(super) struct EvaluatedRows {
    /// The part that they are.
    pub(super) part: EvaluatedPart,
    pub(super) order: Arc<[u32]>,
}

/// Asks all ranks to end after the same step.
const STOP: u8 = 1;

/// Asks all ranks for a checkpoint, which takes all of them to make.
const CHECKPOINT: u8 = 2;

/// Batches of a call of `fit` that gave no update, or were done again.
#[derive(Clone, Copy, Default)]
pub(super) struct Skipped {
    /// Loss or gradient was not finite.
    pub(super) not_finite: u64,
    /// No row counted.
    pub(super) empty: u64,
    /// Steps and evaluations that were done again.
    pub(super) repeated: u64,
}

/// What checkpoints are made with.
pub(super) struct Saver<'a> {
    pub(super) rule: &'a Checkpoints,
    /// The first rank's.
    pub(super) writer: Option<Writer>,
    pub(super) settings: &'a BTreeMap<String, String>,
}

impl TrainLoop<'_> {
    /// The rows of the epoch at hand, in its order.
    pub(super) fn order(&self) -> Result<Arc<[u32]>, TrainError> {
        let Config { sampling, seed, .. } = self.config;
        Ok(sampling.order(self.rows, *seed, self.progress.epoch)?)
    }

    /// Lets the training set fetch rows ahead.
    pub(super) fn prefetch(&self, rows: &[u32]) {
        if let Some(data) = self.data {
            data.prefetch(rows);
        }
    }

    /// Tells the callback of an event; ends the training where it, or the handle, says so. Of several
    /// ranks, where that of any rank does.
    pub(super) fn notify<R: Replica>(
        &mut self,
        workers: &mut Workers<'_, R>,
        event: &Event<'_>,
    ) -> ControlFlow<()> {
        let flow = self.notify_own(workers, event);
        if workers.num_ranks() == 1 || matches!(event, Event::Checkpoint { .. }) {
            return flow;
        }
        self.ask(flow);
        workers.wish(self.asks);
        // A rank that is lost is an error of the run.
        let agreed = workers.vote(self.progress.step).unwrap_or(STOP);
        self.follow(agreed)
    }

    /// Takes note of what this rank asks all ranks for.
    fn ask(&mut self, flow: ControlFlow<()>) {
        self.asks |= if flow.is_break() { STOP } else { 0 };
        self.asks |= if self.wants_checkpoint { CHECKPOINT } else { 0 };
    }

    /// Follows what any rank has asked for.
    fn follow(&mut self, agreed: u8) -> ControlFlow<()> {
        self.asks &= !agreed;
        self.wants_checkpoint = agreed & CHECKPOINT != 0;
        if agreed & STOP == 0 {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    }

    /// Tells the callback of this rank.
    pub(super) fn notify_own<R: Replica>(
        &mut self,
        workers: &Workers<'_, R>,
        event: &Event<'_>,
    ) -> ControlFlow<()> {
        let wants_checkpoint = Cell::new(self.wants_checkpoint);
        let view = View {
            params: workers.params(),
            layout: self.layout,
            progress: self.progress,
            wants_checkpoint: self.saver.is_some().then_some(&wants_checkpoint),
        };
        let flow = self.callback.on(event, &view);
        self.wants_checkpoint = wants_checkpoint.get();
        if self.stop.is_asked() {
            return ControlFlow::Break(());
        }
        flow
    }

    /// Whether the training is to end before an evaluation is through, which several ranks finish.
    pub(super) fn is_interrupted<R: Replica>(&self, workers: &Workers<'_, R>) -> bool {
        workers.num_ranks() == 1 && self.stop.is_asked()
    }

    /// Whether all steps are made and the epoch is cut, but not evaluated yet.
    pub(super) fn owes_evaluation(&self) -> bool {
        let FitState {
            position,
            evaluation,
            ..
        } = &self.fit_state;
        *position > 0 && evaluation.is_none() && !self.evaluated.order.is_empty()
    }

    /// Compares the parameters of all ranks, if that is due.
    pub(super) fn compare_replicas<R: Replica>(
        &self,
        workers: &mut Workers<'_, R>,
    ) -> Result<(), TrainError> {
        let step = self.progress.step;
        match self.config.check_replicas {
            Some(every) if step.is_multiple_of(every.get()) => Ok(workers.compare_replicas(step)?),
            _ => Ok(()),
        }
    }

    /// Whether an evaluation is made after the step that was just made.
    pub(super) fn evaluates(&self) -> bool {
        let step = self.progress.step;
        self.config
            .evaluations
            .is_some_and(|evaluations| evaluations.is_due(step))
    }

    /// Whether all steps that were asked for have been made.
    pub(super) fn is_over(&self) -> bool {
        self.last_step
            .is_some_and(|last| self.progress.step >= last)
    }

    /// Tells of a step; of a batch without a row that counts there is nothing to tell. What ranks
    /// ask for then reaches all with the next step, so that all end after the same one.
    pub(super) fn tell<R: Replica>(
        &mut self,
        workers: &Workers<'_, R>,
        reduced: &Reduced,
        step: PlannedStep,
    ) -> ControlFlow<()> {
        if reduced.sums.is_empty() {
            return ControlFlow::Continue(());
        }
        let event = Event::Step {
            epoch: self.progress.epoch + 1,
            examples: self.fit_state.position,
            loss: reduced.sums.mean_loss(),
            accuracy: reduced.sums.accuracy(),
            step: self.progress.step,
            lr: step.plan.lr,
            batch_size: step.rows,
            grad_norm: reduced.grad_norm,
            layer_norms: workers.part_norms(),
            noise_scale: self.control.noise_scale(),
        };
        let flow = self.notify_own(workers, &event);
        if workers.num_ranks() == 1 {
            return flow;
        }
        self.ask(flow);
        self.follow(workers.agreed())
    }

    /// Counts a step, or reports one that was left out.
    pub(super) fn count(&mut self, reduced: &Reduced, step: PlannedStep) -> Result<(), TrainError> {
        if reduced.sums.is_empty() {
            self.skipped.empty += 1;
        } else if !reduced.is_finite() {
            self.skipped.not_finite += 1;
            if self.config.on_non_finite == OnNonFinite::Stop {
                return Err(TrainError::NonFinite {
                    step: self.progress.step,
                    epoch: self.progress.epoch + 1,
                    loss: reduced.sums.mean_loss(),
                    criterion: self.config.loss.as_ref().map(|loss| loss.name()),
                    grad_norm: reduced.grad_norm,
                });
            }
        }
        self.control.observe(reduced, step.plan.lr);
        self.fit_state.evaluation = None;
        self.progress.step += 1;
        self.progress.examples += step.rows as u64;
        Ok(())
    }

    /// Whether checkpoints are kept and one is due, by the rule or because it was asked for.
    pub(super) fn saves(&self, is_due: impl Fn(&Checkpoints, &Progress) -> bool) -> bool {
        let saver = self.saver.as_ref();
        let by_rule = saver.is_some_and(|saver| is_due(saver.rule, self.progress));
        by_rule || self.wants_checkpoint
    }

    /// Makes a checkpoint.
    pub(super) fn save<R: Replica>(
        &mut self,
        workers: &mut Workers<'_, R>,
    ) -> Result<(), TrainError> {
        let Some(saver) = &self.saver else {
            return Ok(());
        };
        let step = self.progress.step;
        let path = saver.rule.file(step);
        // The training is where it is whatever the callback answers: the next step asks again.
        let _ = self.notify(workers, &Event::Checkpoint { step, path: &path });
        self.wants_checkpoint = false;
        // The weights and the optimiser's buffers.
        let params = workers.params().to_vec();
        let mut state = Vec::new();
        for buffer in 0..self.num_buffers {
            workers.swap_params(buffer)?;
            state.push(workers.params().to_vec());
            workers.swap_params(buffer)?;
        }
        let state = State::of(&self.config.optimizer, state)?;
        // All else that the next step depends on.
        let Some(Saver {
            writer: Some(writer),
            settings,
            ..
        }) = &mut self.saver
        else {
            return Ok(());
        };
        let train_state = TrainState {
            progress: self.progress,
            control: self.control,
            fit_state: &self.fit_state,
            settings,
        };
        let checkpoint = train_state.checkpoint(shapes(self.layout), params, state);
        writer.write(checkpoint)
    }
}

impl<'a> Saver<'a> {
    /// Starts the writer, if checkpoints are to be made.
    pub(super) fn start(
        config: &'a Config,
        settings: &'a BTreeMap<String, String>,
    ) -> Result<Option<Self>, TrainError> {
        let ranks = config.engine.ranks.as_ref();
        let writes = ranks.is_none_or(|ranks| ranks.rank() == 0);
        let start = |rule| {
            Ok(Self {
                writer: writes.then(|| Writer::start(rule)).transpose()?,
                rule,
                settings,
            })
        };
        config.checkpoints.as_ref().map(start).transpose()
    }

    /// Waits until all are written.
    pub(super) fn finish(mut self) -> Result<(), TrainError> {
        self.writer.as_mut().map_or(Ok(()), Writer::finish)
    }
}

/// Name and shape of each tensor.
pub(super) fn shapes(layout: &ParamLayout) -> Vec<(String, Vec<usize>)> {
    let tensors = layout.tensors().iter();
    tensors
        .map(|tensor| (tensor.name.clone(), tensor.shape.clone()))
        .collect()
}

impl EpochSums {
    /// Adds a step.
    pub(super) fn add(&mut self, reduced: &Reduced, step: PlannedStep) {
        self.rows += step.rows as u64;
        if reduced.sums.is_empty() {
            return;
        }
        self.sums += reduced.sums;
        self.norms += reduced.grad_norm;
        self.steps += 1;
        (self.lr, self.batch_size) = (step.plan.lr, step.plan.batch_size);
    }
}
