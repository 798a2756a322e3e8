//! `fit`: the engine comes up, epochs run, what a next call needs is stored.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Instant;

use crate::data::Dataset;
use crate::engine::{Engine, EngineError, Replica};
use crate::nn::ParamLayout;
use crate::optim::Optimizer;

use super::callback::Callback;
use super::checkpoints::Checkpoints;
use super::control::Control;
use super::early_stopping::{Early, Evaluated};
use super::epoch::run_epoch;
use super::error::TrainError;
use super::fit_state::FitState;
use super::kept::{EvaluatedPart, Evaluation, Kept, KeptWeights};
use super::metrics::{EpochMetrics, Event, Report, Setup};
use super::model::Model;
use super::restart::Restart;
use super::rows::RowCounts;
use super::source::ChainUpdate;
use super::state::State;
use super::train_loop::{EvaluatedRows, Saver, Skipped, TrainLoop, Workers};
use super::trainer::Trainer;
use super::watcher::Watcher;

/// A call of `fit` that is ready to run.
pub(super) struct Job<'d, R: Replica> {
    pub(super) engine: Engine<R, ChainUpdate>,
    pub(super) rows: RowCounts,
    /// Rows of the validation set; 0 without one.
    pub(super) valid_rows: usize,
    /// What tells the metric that chooses, if it is not the loss.
    pub(super) watcher: Option<Watcher<'d>>,
    /// The training set, where rows are fetched ahead.
    pub(super) data: Option<&'d dyn Dataset>,
}

impl<M: Model> Trainer<M> {
    /// Runs a job to its end, and reports.
    pub(super) fn run<R: Replica>(
        &mut self,
        mut job: Job<'_, R>,
        callback: &mut dyn Callback,
    ) -> Result<Report, TrainError> {
        let setup = self.follow_settings(&job);
        let setup = self.or_abort(setup)?;
        let started = Instant::now();
        let ended = self.train(&mut job, &setup, callback);
        self.stop.clear();
        let ended = ended?;
        Ok(Report {
            throughput_samples_per_s: mean_throughput(&ended.epochs),
            setup,
            epochs: ended.epochs,
            steps: self.progress.step,
            skipped_steps: ended.skipped.not_finite,
            empty_steps: ended.skipped.empty,
            repeated_steps: ended.skipped.repeated,
            is_stopped: ended.is_stopped,
            best_epoch: ended.best_epoch,
            kept: ended.kept,
            wall_time: started.elapsed(),
            phase_times: job.engine.phase_times(),
        })
    }

    /// Lets the training's state follow the settings, which may have changed since the last call;
    /// tells what the training runs on.
    fn follow_settings<R: Replica>(&mut self, job: &Job<'_, R>) -> Result<Setup, TrainError> {
        self.check_settings(job.engine.num_shards(), job.rows.train)?;
        self.compare_settings()?;
        let mut setup = self.setup(&job.engine, job.rows);
        setup.valid_rows = job.valid_rows;
        if self.config.tracks_layer_norms {
            setup.layers = self.model.tensors()?.layers().0;
        }
        // Policies, a call that was interrupted and the optimiser's state.
        let control = match &mut self.control {
            Some(control) => control,
            none => none.insert(Control::new(&self.config)?),
        };
        control.follow(&self.config)?;
        setup.warnings.extend(self.set_aside()?);
        if let Some(fit_state) = &mut self.fit_state {
            fit_state.follow(&self.config, &self.progress);
        }
        if let Some(state) = &self.state
            && !state.fits(&self.config.optimizer)?
        {
            setup.warnings.push(format!(
                "the optimizer is now {}, which cannot go on from the state that another one has left ({}): it begins anew",
                self.config.optimizer.name(),
                state.names.join(", ")
            ));
            self.reset_optimizer();
        }
        Ok(setup)
    }

    /// Sets aside the checkpoints of another line of the training, which come after where this call
    /// begins; says where they are.
    fn set_aside(&self) -> Result<Option<String>, TrainError> {
        let ranks = self.config.engine.ranks.as_ref();
        let writes = ranks.is_none_or(|ranks| ranks.rank() == 0);
        let rule = self.config.checkpoints.as_ref().filter(|_| writes);
        let Some(Checkpoints { folder, .. }) = rule.filter(|rule| rule.folder.is_dir()) else {
            return Ok(None);
        };
        let step = self.progress.step;
        let aside = Checkpoints::set_aside(folder, step)?;
        Ok(aside.map(|aside| {
            let aside = aside.display();
            format!(
                "the training goes on from step {step}: its later checkpoints are in {aside} now"
            )
        }))
    }

    /// Runs the epochs, and stores what a next call goes on from, however they end.
    fn train<R: Replica>(
        &mut self,
        job: &mut Job<'_, R>,
        setup: &Setup,
        callback: &mut dyn Callback,
    ) -> Result<Ended, TrainError> {
        let engine = &mut job.engine;
        let (num_buffers, layout) = (engine.num_state_buffers(), self.model.tensors()?);
        // First of all: where it fails, a call that was interrupted is left as it is.
        let saver = Saver::start(&self.config, &self.settings)?;
        let fit_state = FitState::or_new(self.fit_state.take(), &self.config, &self.progress);
        let control = self.control.as_mut().expect("it has been made");
        let before = Restart::of(&self.progress, control, &fit_state);
        let mut work = TrainLoop {
            config: &self.config,
            rows: job.rows.train as u32,
            data: job.data,
            evaluated: evaluated_rows(job.rows, job.valid_rows),
            watcher: job.watcher.as_ref(),
            layout: &layout,
            progress: &mut self.progress,
            control,
            last_step: fit_state.last_step(&self.config),
            fit_state,
            num_buffers,
            average: average_buffer(&self.config.optimizer, num_buffers),
            skipped: Skipped::default(),
            saver,
            wants_checkpoint: false,
            asks: 0,
            callback,
            stop: &self.stop,
        };
        let last_epoch = work.fit_state.begun.epoch + self.config.epochs;
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            engine.run(|workers| run_epochs(&mut work, workers, setup, last_epoch))
        }));
        let written = work.saver.take().map_or(Ok(()), Saver::finish);
        let (skipped, fit_state, part) = (work.skipped, work.fit_state, work.evaluated.part);
        if engine.is_broken() {
            // Some parameters may be a step ahead of others: none of them is taken over.
            before.restore(self)?;
            outcome.unwrap_or_else(|panic| resume_unwind(panic))?.1?;
            unreachable!("an engine that broke has not run to an end");
        }
        // The training is stored first, and an error or a panic reported then.
        let ending = ending(&outcome);
        let stored = self.store(engine, fit_state, ending, part);
        let (epochs, ended) = outcome.unwrap_or_else(|panic| resume_unwind(panic))?;
        ended.and(written)?;
        let (kept, best_epoch) = stored?;
        Ok(Ended {
            epochs,
            is_stopped: ending == Ending::Stopped,
            skipped,
            kept,
            best_epoch,
        })
    }

    /// Stores what the next call goes on from. Gives which weights are kept and, under early
    /// stopping, the best epoch.
    fn store<R: Replica>(
        &mut self,
        engine: &Engine<R, ChainUpdate>,
        mut fit_state: FitState,
        ending: Ending,
        part: EvaluatedPart,
    ) -> Result<(Kept, Option<u32>), TrainError> {
        self.state = Some(State::of(&self.config.optimizer, engine.state()?)?);
        // At the end of a call early stopping gives back the best weights; where more epochs would
        // follow, those of the last step stay beside them.
        fit_state.is_cut = ending == Ending::Cut;
        let early = fit_state
            .early
            .as_ref()
            .filter(|_| ending != Ending::Stopped);
        let best = early.and_then(Early::best_epoch);
        let restored = early.and_then(Early::restored);
        let best_kept = best.filter(|_| restored.is_some());
        let kept = self.kept(&fit_state, best_kept, part);
        self.is_best = restored.is_some() && !fit_state.is_cut;
        self.params = Some(match restored {
            Some(best) if self.is_best => best.to_vec(),
            _ => engine.params(),
        });
        self.fit_state = (ending != Ending::Whole).then_some(fit_state);
        Ok((kept, best.map(|best| best.epoch)))
    }

    /// Which weights are kept: those of `best` if they are restored, else those of the last step,
    /// or the average after it.
    fn kept(&self, fit_state: &FitState, best: Option<Evaluated>, part: EvaluatedPart) -> Kept {
        let averages = self.config.optimizer.keeps_average();
        let chooses = self.config.early_stopping.is_some() || self.config.plateau.is_some();
        let evaluation = match best {
            Some(Evaluated { scores, .. }) => Some(Evaluation { part, scores }),
            None => fit_state.evaluation,
        };
        let on = |part| evaluation.and_then(|evaluation| evaluation.on(part));
        let (valid, test) = (on(EvaluatedPart::Validation), on(EvaluatedPart::Test));
        let chosen_on = chooses.then_some(part);
        let watch = self.config.watch;
        match best {
            Some(best) => Kept {
                weights: if averages {
                    KeptWeights::AverageOfBestEpoch
                } else {
                    KeptWeights::BestEpoch
                },
                epoch: best.epoch,
                step: best.step,
                chosen_on,
                watch,
                valid,
                test,
            },
            None => Kept {
                weights: if averages {
                    KeptWeights::Average
                } else {
                    KeptWeights::LastStep
                },
                epoch: self.progress.epoch,
                step: self.progress.step,
                chosen_on,
                watch,
                valid,
                test,
            },
        }
    }

    /// The engine of a training on `rows` rows, with the parameters and the optimiser's state so
    /// far.
    pub(super) fn build_engine<R: Replica>(
        &self,
        rows: usize,
        params: &[f32],
        replica: impl FnMut(usize) -> R,
    ) -> Result<Engine<R, ChainUpdate>, TrainError> {
        let layout = self.model.tensors()?;
        let config = self.config.engine(self.model.layers(), rows)?;
        let update = self.chain_update(&layout)?;
        let mut engine = Engine::new(config, params, update, replica)?;
        // What another optimiser has left is none of this one's.
        let known = match &self.state {
            Some(state) if state.fits(&self.config.optimizer)? => Some(&state.buffers),
            _ => None,
        };
        if let Some(buffers) = known {
            engine.set_state(buffers)?;
        } else if self.config.optimizer.keeps_average() {
            // Before the first step the average is that of the weights it starts from.
            let mut buffers = engine.state()?;
            if let Some(average) = buffers.last_mut() {
                average.copy_from_slice(params);
            }
            engine.set_state(&buffers)?;
        }
        Ok(engine)
    }

    /// The optimiser as the engine applies it.
    fn chain_update(&self, layout: &ParamLayout) -> Result<ChainUpdate, TrainError> {
        let update = ChainUpdate::for_model(&self.config.optimizer, layout)?;
        Ok(if self.config.tracks_layer_norms {
            update.with_layer_norms(layout)
        } else {
            update
        })
    }
}

/// The rows that are evaluated while training goes on: those of the validation set, if it has any.
fn evaluated_rows(rows: RowCounts, valid_rows: usize) -> EvaluatedRows {
    let (part, rows) = match valid_rows {
        0 => (EvaluatedPart::Test, rows.test),
        rows => (EvaluatedPart::Validation, rows),
    };
    EvaluatedRows {
        part,
        order: (0..rows as u32).collect(),
    }
}

/// Rows a second over epochs of as many rows each.
fn mean_throughput(epochs: &[EpochMetrics]) -> f64 {
    let seconds_a_row = epochs.iter().map(|e| e.throughput_samples_per_s.recip());
    epochs.len() as f64 / seconds_a_row.sum::<f64>()
}

/// What the epochs came to: their metrics, and how they ended.
type Epochs = (Vec<EpochMetrics>, Result<Ending, TrainError>);

/// How the epochs ended; an error or a panic has stopped them.
fn ending<P>(outcome: &Result<Result<Epochs, EngineError>, P>) -> Ending {
    match outcome {
        Ok(Ok((_, Ok(ending)))) => *ending,
        _ => Ending::Stopped,
    }
}

/// Which of the state buffers holds the average of the parameters.
fn average_buffer(optimizer: &Optimizer, num_buffers: usize) -> Option<usize> {
    optimizer.keeps_average().then(|| num_buffers - 1)
}

/// The result of a call of `fit`.
struct Ended {
    epochs: Vec<EpochMetrics>,
    is_stopped: bool,
    skipped: Skipped,
    kept: Kept,
    best_epoch: Option<u32>,
}

/// How a call of `fit` ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// At its last epoch, or by a rule.
    Whole,
    /// At its last step, before its last epoch was over.
    Cut,
    /// The callback ended it before that.
    Stopped,
}

/// Epoch after epoch, until the last one, a rule, the callback or an error ends it.
fn run_epochs<R: Replica>(
    work: &mut TrainLoop<'_>,
    workers: &mut Workers<'_, R>,
    setup: &Setup,
    last_epoch: u32,
) -> Epochs {
    let mut epochs: Vec<EpochMetrics> = Vec::new();
    let mut flow = work.notify(workers, &Event::Started(setup));
    while work.progress.epoch < last_epoch && (!work.is_over() || work.owes_evaluation()) {
        if flow.is_break() {
            return (epochs, Ok(Ending::Stopped));
        }
        match run_epoch(work, workers) {
            Ok(Some((metrics, next))) => {
                flow = next;
                epochs.push(metrics);
                let early = work.fit_state.early.as_ref();
                if early.is_some_and(|early| early.stops) {
                    return (epochs, Ok(Ending::Whole));
                }
            }
            Ok(None) => return (epochs, Ok(Ending::Stopped)),
            Err(error) => return (epochs, Err(error)),
        }
    }
    let is_whole = work.progress.epoch >= last_epoch;
    (
        epochs,
        Ok(if is_whole { Ending::Whole } else { Ending::Cut }),
    )
}
