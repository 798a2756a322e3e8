//! Training: **the** loop, where data, engine, network, optimiser and schedule meet, and only here.
//!
//! [`Trainer`] holds the settings and the state that a next call of [`Trainer::fit`] goes on from;
//! `run_epoch` is an epoch on one page.

mod auto;
mod checkpoint;
mod checkpoints;
mod config;
mod control;
mod early_stopping;
mod error;
mod evaluate;
mod evaluations;
mod fit;
mod fit_state;
mod kept;
mod metrics;
mod network_engine;
mod range_test;
mod restart;
mod resume;
mod room;
mod setup;
mod source;
mod state;
mod state_dict;
mod trainer;
mod verdict;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

use crate::data::Dataset;
use crate::engine::{Batch, Reduced, Session};
use crate::nn::NetworkReplica;
use crate::optim::Progress;

use checkpoints::Writer;
use config::Config;
use control::{Control, PlannedStep};
use early_stopping::Evaluated;
use fit_state::{FitState, TrainState};
use metrics::{EpochSums, Observer};
use source::{TEST, TRAIN};
use state::State;

pub use auto::{model_shards, resolve_auto, worthwhile_threads};
pub use checkpoint::Checkpoint;
pub use checkpoints::Checkpoints;
pub use config::OnNonFinite;
pub use early_stopping::{EarlyStopping, EarlyStoppingState, Verdict};
pub use error::TrainError;
pub use evaluations::Evaluations;
pub use kept::{Kept, KeptWeights, Scores};
pub use metrics::{EpochMetrics, Event, Report, Setup};
#[cfg(feature = "study")]
pub(crate) use network_engine::{NetworkEngine, network_engine};
pub use range_test::{LrCurve, LrPoint, LrRange};
pub use source::{ChainUpdate, Sources};
pub use trainer::Trainer;

type Workers<'s, 'd> = Session<'s, NetworkReplica<Sources<'d>>, ChainUpdate>;

/// The training loop: settings, position, and who is told of its events.
struct TrainLoop<'a, F> {
    config: &'a Config,
    train: &'a dyn Dataset,
    test_order: Arc<[u32]>,
    progress: &'a mut Progress,
    control: &'a mut Control,
    fit_state: FitState,
    /// State buffers of the optimiser.
    num_buffers: usize,
    /// Which of them holds the average of the parameters.
    average: Option<usize>,
    /// The step that is not made any more.
    last_step: Option<u64>,
    skipped: Skipped,
    saver: Option<Saver<'a>>,
    observer: F,
}

/// Batches of a call of `fit` that gave no update.
#[derive(Clone, Copy, Default)]
struct Skipped {
    /// Loss or gradient was not finite.
    not_finite: u64,
    /// No row counted.
    empty: u64,
}

/// What checkpoints are made with.
struct Saver<'a> {
    rule: &'a Checkpoints,
    writer: Writer,
    layout: Vec<(String, Vec<usize>)>,
    settings: &'a BTreeMap<String, String>,
}

/// One epoch: shuffle; for each batch plan, forward, backward, all-reduce, decide, update;
/// evaluate. `None` if the observer ended it before its end.
fn run_epoch<F: Observer>(
    run: &mut TrainLoop<'_, F>,
    workers: &mut Workers<'_, '_>,
) -> Result<Option<(EpochMetrics, ControlFlow<()>)>, TrainError> {
    let epoch = run.progress.epoch;
    let rows = run.train.len() as u32;
    let order = run.config.sampling.order(rows, run.config.seed, epoch)?;
    let mut started = Instant::now();
    while run.fit_state.position < order.len() && !run.is_over() {
        // Plan the batch; the next one's rows are fetched meanwhile.
        let start = run.fit_state.position;
        run.progress.in_epoch = start as f64 / order.len() as f64;
        let plan = run.control.plan(run.config, run.progress);
        let rows_from =
            |start: usize| start..start.saturating_add(plan.batch_size).min(order.len());
        let range = rows_from(start);
        let end = range.end;
        let step = PlannedStep {
            plan,
            rows: range.len(),
        };
        run.train.prefetch(&order[rows_from(end)]);
        let batch = Batch {
            source: TRAIN,
            order: Arc::clone(&order),
            range,
            epoch,
            step: run.progress.step,
        };
        // The step.
        let reduced = workers.step(&batch, |reduced| {
            run.control.decide(run.config, run.progress, reduced, step)
        })?;
        run.count(&reduced, step)?;
        run.fit_state.position = end;
        run.fit_state.sums.add(&reduced, step);
        // Tell the observer; evaluate and make a checkpoint where they are due.
        let mut flow = run.tell(&reduced, step, workers.part_norms());
        let saves = run.saves(|rule, progress| rule.is_due(progress.step));
        let evaluates = run.evaluates();
        if saves || evaluates || flow.is_break() {
            run.fit_state.sums.time += started.elapsed();
            if evaluates && flow.is_continue() {
                flow = report_loss(run, workers)?;
            }
            if saves {
                run.save(workers)?;
            }
            if flow.is_break() {
                return Ok(None);
            }
            started = Instant::now();
        }
    }
    run.fit_state.sums.time += started.elapsed();
    if run.fit_state.position < order.len() {
        return cut_epoch(run, workers).map(Some);
    }
    end_epoch(run, workers).map(Some)
}

/// Evaluates, reports, and makes a checkpoint if one is due.
fn end_epoch<F: Observer>(
    run: &mut TrainLoop<'_, F>,
    workers: &mut Workers<'_, '_>,
) -> Result<(EpochMetrics, ControlFlow<()>), TrainError> {
    if run.fit_state.sums.steps == 0 && run.fit_state.sums.rows > 0 {
        return Err(TrainError::NothingCounts { part: "training" });
    }
    // First of all: where it fails, a further call begins with it.
    let test = evaluate(run, workers)?;
    run.progress.epoch += 1;
    run.progress.in_epoch = 0.0;
    run.fit_state.position = 0;
    run.fit_state.test = Some(test);
    let sums = std::mem::take(&mut run.fit_state.sums);
    let (Progress { epoch, step, .. }, scale) = (*run.progress, run.control.noise_scale());
    let metrics = sums.metrics(epoch, step, test, scale);
    // Before the checkpoint, so that nothing of what lies before it is lost to a log.
    let flow = (run.observer)(&Event::Epoch(&metrics));
    if run.saves(|rule, progress| rule.is_due_after(progress.epoch)) {
        run.save(workers)?;
    }
    Ok((metrics, flow))
}

/// Evaluates an epoch of which all steps that were asked for are made, and others are left: for the
/// report alone, since a further call makes the rest as if it had never been cut.
fn cut_epoch<F: Observer>(
    run: &mut TrainLoop<'_, F>,
    workers: &mut Workers<'_, '_>,
) -> Result<(EpochMetrics, ControlFlow<()>), TrainError> {
    let test = judged(run, workers, test_scores)?;
    run.fit_state.test = Some(test);
    let (Progress { epoch, step, .. }, scale) = (*run.progress, run.control.noise_scale());
    let metrics = EpochMetrics {
        is_whole: false,
        ..run.fit_state.sums.metrics(epoch + 1, step, test, scale)
    };
    let flow = (run.observer)(&Event::Epoch(&metrics));
    run.save(workers)?;
    Ok((metrics, flow))
}

/// Evaluates between two steps, for the observer alone.
fn report_loss<F: Observer>(
    run: &mut TrainLoop<'_, F>,
    workers: &mut Workers<'_, '_>,
) -> Result<ControlFlow<()>, TrainError> {
    let Scores { loss, accuracy } = judged(run, workers, test_scores)?;
    let step = run.progress.step;
    Ok((run.observer)(&Event::Evaluation {
        step,
        loss,
        accuracy,
    }))
}

/// Evaluates for everything that follows the test loss.
fn evaluate<F: Observer>(
    run: &mut TrainLoop<'_, F>,
    workers: &mut Workers<'_, '_>,
) -> Result<Scores, TrainError> {
    judged(run, workers, |run, workers| {
        let scores = test_scores(run, workers)?;
        run.control.evaluated(scores.loss);
        if let Some(early) = &mut run.fit_state.early {
            let evaluated = Evaluated {
                epoch: run.progress.epoch + 1,
                step: run.progress.step,
                scores,
            };
            early.observe(evaluated, || workers.params().to_vec());
        }
        Ok(scores)
    })
}

/// Runs `part` with the weights that evaluations judge: where the optimiser keeps an average, that
/// changes places with the parameters meanwhile, and back whatever happens.
fn judged<F: Observer, T>(
    run: &mut TrainLoop<'_, F>,
    workers: &mut Workers<'_, '_>,
    part: impl FnOnce(&mut TrainLoop<'_, F>, &mut Workers<'_, '_>) -> Result<T, TrainError>,
) -> Result<T, TrainError> {
    let Some(average) = run.average else {
        return part(run, workers);
    };
    workers.swap_params(average)?;
    let result = part(run, workers);
    workers.swap_params(average)?;
    result
}

/// The loss over the test set, spread over the workers.
fn test_scores<F: Observer>(
    run: &mut TrainLoop<'_, F>,
    workers: &mut Workers<'_, '_>,
) -> Result<Scores, TrainError> {
    let order = Arc::clone(&run.test_order);
    let range = 0..order.len();
    let batch = Batch {
        source: TEST,
        order,
        range,
        epoch: run.progress.epoch,
        step: run.progress.step,
    };
    let sums = workers.evaluate(&batch)?;
    if sums.is_empty() {
        return Err(TrainError::NothingCounts { part: "test" });
    }
    Ok(Scores {
        loss: sums.mean_loss(),
        accuracy: sums.accuracy(),
    })
}

impl<F: Observer> TrainLoop<'_, F> {
    /// Whether the test part is evaluated after the step that was just made.
    fn evaluates(&self) -> bool {
        let step = self.progress.step;
        self.config
            .evaluations
            .is_some_and(|evaluations| evaluations.is_due(step))
    }

    /// Whether all steps that were asked for have been made.
    fn is_over(&self) -> bool {
        self.last_step
            .is_some_and(|last| self.progress.step >= last)
    }

    /// Tells the observer of a step; of a batch without a row that counts there is nothing to tell.
    fn tell(
        &mut self,
        reduced: &Reduced,
        step: PlannedStep,
        layer_norms: &[f64],
    ) -> ControlFlow<()> {
        if reduced.sums.is_empty() {
            return ControlFlow::Continue(());
        }
        (self.observer)(&Event::Step {
            epoch: self.progress.epoch + 1,
            examples: self.fit_state.position,
            loss: reduced.sums.mean_loss(),
            accuracy: reduced.sums.accuracy(),
            step: self.progress.step,
            lr: step.plan.lr,
            batch_size: step.rows,
            grad_norm: reduced.grad_norm,
            layer_norms,
            noise_scale: self.control.noise_scale(),
        })
    }

    /// Counts a step, or reports one that was left out.
    fn count(&mut self, reduced: &Reduced, step: PlannedStep) -> Result<(), TrainError> {
        if reduced.sums.is_empty() {
            self.skipped.empty += 1;
        } else if !reduced.is_finite() {
            self.skipped.not_finite += 1;
            if self.config.on_non_finite == OnNonFinite::Stop {
                return Err(TrainError::NonFinite {
                    step: self.progress.step,
                    epoch: self.progress.epoch + 1,
                    loss: reduced.sums.mean_loss(),
                    grad_norm: reduced.grad_norm,
                });
            }
        }
        self.control.observe(reduced, step.plan.lr);
        self.fit_state.test = None;
        self.progress.step += 1;
        self.progress.examples += step.rows as u64;
        Ok(())
    }

    /// Whether checkpoints are kept and one is due.
    fn saves(&self, is_due: impl Fn(&Checkpoints, &Progress) -> bool) -> bool {
        let saver = self.saver.as_ref();
        saver.is_some_and(|saver| is_due(saver.rule, self.progress))
    }

    /// Makes a checkpoint.
    fn save(&mut self, workers: &mut Workers<'_, '_>) -> Result<(), TrainError> {
        let Some(saver) = &mut self.saver else {
            return Ok(());
        };
        let step = self.progress.step;
        let path = saver.rule.file(step);
        // The training is where it is whatever the observer answers: the next step asks again.
        let _ = (self.observer)(&Event::Checkpoint { step, path: &path });
        let params = workers.params().to_vec();
        let mut state = Vec::new();
        for buffer in 0..self.num_buffers {
            workers.swap_params(buffer)?;
            state.push(workers.params().to_vec());
            workers.swap_params(buffer)?;
        }
        let train_state = TrainState {
            progress: self.progress,
            control: self.control,
            fit_state: &self.fit_state,
            settings: saver.settings,
        };
        let layout = saver.layout.clone();
        let state = State::of(&self.config.optimizer, state)?;
        saver
            .writer
            .write(train_state.checkpoint(layout, params, state))
    }
}

impl EpochSums {
    fn add(&mut self, reduced: &Reduced, step: PlannedStep) {
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
