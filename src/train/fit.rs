//! `fit`: the engine comes up, epochs run, what a next call needs is stored.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Instant;

use crate::data::Dataset;
use crate::nn::kernel::Isa;
use crate::nn::{Network, ReplicaSettings};

use super::checkpoints::Writer;
use super::config::Config;
use super::control::Control;
use super::early_stopping::{Early, Evaluated};
use super::error::TrainError;
use super::fit_state::FitState;
use super::kept::{Kept, KeptWeights, Scores};
use super::metrics::{EpochMetrics, Event, Observer, Report, Setup};
use super::network_engine::{NetworkEngine, network_engine};
use super::restart::Restart;
use super::source::ChainUpdate;
use super::state::State;
use super::trainer::Trainer;
use super::{Saver, Skipped, TrainLoop, Workers, run_epoch};

impl Trainer {
    /// Trains for the set number of epochs, evaluating `test` after each. A further call goes on
    /// where this one ended: if that was before its end, by the observer, an error or a panic, it
    /// finishes the epochs of that call, with the bits of an unbroken one. Settings may be changed
    /// between two calls: the next one follows them all.
    ///
    /// # Errors
    /// [`TrainError`]: settings or data that do not fit, before anything runs; a loss that is not
    /// finite, or a panic in a data set, while it runs; a checkpoint that cannot be written. The
    /// network is then that of the last whole step.
    pub fn fit(&mut self, train: &dyn Dataset, test: &dyn Dataset) -> Result<Report, TrainError> {
        self.fit_observed(train, test, |_| ControlFlow::Continue(()))
    }

    /// Like [`Trainer::fit`], telling `observer` what happens. `ControlFlow::Break` after a step or
    /// an epoch ends training. It runs on worker 0's thread, which may be pinned to a core
    /// ([`crate::engine::Pinning`]): start threads of your own before this call, not in it.
    ///
    /// ```
    /// # use std::ops::ControlFlow;
    /// use unisono::{Trainer, data::digits, nn::{Loss, Sequential}, train::Event};
    /// let (train, test) = digits();
    /// let mut trainer = Trainer::new(Sequential::new(64).dense(10), Loss::SoftmaxCrossEntropy).epochs(9);
    /// let report = trainer.fit_observed(&train, &test, |event| match event {
    ///     Event::Epoch(_) => ControlFlow::Break(()),
    ///     _ => ControlFlow::Continue(()),
    /// })?;
    /// assert_eq!(report.epochs.len(), 1);
    /// # Ok::<(), unisono::TrainError>(())
    /// ```
    ///
    /// # Errors
    /// As [`Trainer::fit`].
    ///
    /// # Panics
    /// If `observer` panics; the trainer stays at the last whole step.
    pub fn fit_observed(
        &mut self,
        train: &dyn Dataset,
        test: &dyn Dataset,
        observer: impl FnMut(&Event<'_>) -> ControlFlow<()> + Send,
    ) -> Result<Report, TrainError> {
        let data = [train, test];
        let (mut engine, setup) = self.prepare(data)?;
        let started = Instant::now();
        let ended = self.train(data, &mut engine, &setup, observer)?;
        let mut report = Report {
            throughput_samples_per_s: mean_throughput(&ended.epochs),
            setup,
            epochs: ended.epochs,
            steps: self.progress.step,
            skipped_steps: ended.skipped.not_finite,
            empty_steps: ended.skipped.empty,
            is_stopped: ended.is_stopped,
            best_epoch: ended.best_epoch,
            kept: ended.kept,
            wall_time: started.elapsed(),
            phase_times: engine.phase_times(),
        };
        if !ended.is_stopped && report.kept.test.is_none() {
            let (loss, accuracy) = self.evaluate(test)?;
            report.kept.test = Some(Scores { loss, accuracy });
        }
        Ok(report)
    }

    /// Checks all that can be checked, brings the engine up, and lets the training's state follow
    /// the settings.
    fn prepare<'d>(
        &mut self,
        data: [&'d dyn Dataset; 2],
    ) -> Result<(NetworkEngine<'d>, Setup), TrainError> {
        // What can be checked without an engine, and what cannot.
        self.config.check_room(&self.model, data[0].len())?;
        let network = self.last_network()?;
        self.config.check(&network, data)?;
        let engine = self.build_engine(&network, data)?;
        self.check_settings(engine.num_shards(), data[0].len())?;
        let [rows, test_rows] = data.map(Dataset::len);
        let mut setup = self.setup(&engine, rows, test_rows);
        if self.config.tracks_layer_norms {
            setup.layers = network.layout().layers().0;
        }
        // Policies, a call that was interrupted and the optimiser's state follow the settings.
        let control = match &mut self.control {
            Some(control) => control,
            none => none.insert(Control::new(&self.config)?),
        };
        control.follow(&self.config)?;
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
        Ok((engine, setup))
    }

    /// Runs the epochs, and stores what a next call goes on from, however they end.
    fn train(
        &mut self,
        [train, test]: [&dyn Dataset; 2],
        engine: &mut NetworkEngine<'_>,
        setup: &Setup,
        observer: impl FnMut(&Event<'_>) -> ControlFlow<()> + Send,
    ) -> Result<Ended, TrainError> {
        let num_buffers = engine.num_state_buffers();
        let saver = {
            // Not kept while the training runs: it is as large as the parameters.
            let network = self.last_network()?;
            Saver::start(&self.config, &network, &self.settings)?
        };
        let fit_state = self.fit_state.take();
        let fit_state = fit_state.unwrap_or_else(|| FitState::new(&self.config, &self.progress));
        let begun = fit_state.begun;
        let control = self.control.as_mut().expect("it has been made");
        let before = Restart::of(&self.progress, control, &fit_state);
        let keeps_average = self.config.optimizer.keeps_average();
        let mut work = TrainLoop {
            config: &self.config,
            train,
            test_order: (0..test.len() as u32).collect(),
            progress: &mut self.progress,
            control,
            fit_state,
            num_buffers,
            average: keeps_average.then(|| num_buffers - 1),
            last_step: self.config.max_steps.map(|steps| begun.step + steps),
            skipped: Skipped::default(),
            saver,
            observer,
        };
        // A panic of the observer goes on once the training is stored.
        let last_epoch = begun.epoch + self.config.epochs;
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            engine.run(|workers| run_epochs(&mut work, workers, setup, last_epoch))
        }));
        let skipped = work.skipped;
        let written = work.saver.take().map_or(Ok(()), Saver::finish);
        let fit_state = work.fit_state;
        if engine.is_broken() {
            // Some parameters may be a step ahead of others: none of them is taken over.
            before.restore(self)?;
            outcome.unwrap_or_else(|panic| resume_unwind(panic))?.1?;
            unreachable!("an engine that broke has not run to an end");
        }
        // The training is stored first, and an error or a panic reported then.
        let is_whole = matches!(&outcome, Ok(Ok((_, Ok(Ending::Whole)))));
        let (kept, best_epoch) = self.store(engine, fit_state, is_whole)?;
        let (epochs, ending) = outcome.unwrap_or_else(|panic| resume_unwind(panic))?;
        let is_stopped = matches!(ending?, Ending::Stopped);
        written?;
        Ok(Ended {
            epochs,
            is_stopped,
            skipped,
            kept,
            best_epoch,
        })
    }

    /// Stores what the next call goes on from. Gives which weights are kept and, under early
    /// stopping, the best epoch.
    fn store(
        &mut self,
        engine: &NetworkEngine<'_>,
        mut fit_state: FitState,
        is_whole: bool,
    ) -> Result<(Kept, Option<u32>), TrainError> {
        self.state = Some(State::of(&self.config.optimizer, engine.state())?);
        // At the end of a call early stopping gives back the best weights; within an epoch, those
        // of the last step stay beside them.
        fit_state.is_cut = is_whole && fit_state.position > 0;
        let early = fit_state.early.as_ref().filter(|_| is_whole);
        let best = early.and_then(Early::best_epoch);
        let restored = early.and_then(Early::restored);
        let kept = self.kept(&fit_state, best.filter(|_| restored.is_some()));
        self.is_best = restored.is_some() && !fit_state.is_cut;
        let params = match restored {
            Some(best) if self.is_best => best.to_vec(),
            _ => engine.params(),
        };
        self.network = Some(Network::with_params(self.model.clone(), params)?);
        self.fit_state = (!is_whole || fit_state.is_cut).then_some(fit_state);
        Ok((kept, best.map(|best| best.epoch)))
    }

    /// Which weights are kept: those of `best` if they are restored, else those of the last step,
    /// or the average after it.
    fn kept(&self, fit_state: &FitState, best: Option<Evaluated>) -> Kept {
        let averages = self.config.optimizer.keeps_average();
        match best {
            Some(best) => Kept {
                weights: if averages {
                    KeptWeights::AverageOfBestEpoch
                } else {
                    KeptWeights::BestEpoch
                },
                epoch: best.epoch,
                step: best.step,
                test: Some(best.scores),
            },
            None => Kept {
                weights: if averages {
                    KeptWeights::Average
                } else {
                    KeptWeights::LastStep
                },
                epoch: self.progress.epoch,
                step: self.progress.step,
                test: fit_state.test,
            },
        }
    }

    /// The engine, with the parameters and the optimiser's state so far.
    pub(super) fn build_engine<'d>(
        &self,
        network: &Network,
        data: [&'d dyn Dataset; 2],
    ) -> Result<NetworkEngine<'d>, TrainError> {
        let mut update = ChainUpdate::for_model(&self.config.optimizer, network.layout())?;
        if self.config.tracks_layer_norms {
            update = update.with_layer_norms(network.layout());
        }
        let settings = ReplicaSettings {
            loss: self.config.loss.clone(),
            isa: Isa::chosen()?,
            seed: self.config.seed,
        };
        let config = self.config.engine(&self.model, data[0].len())?;
        let mut engine = network_engine(config, network, update, &settings, data)?;
        // What another optimiser has left is none of this one's.
        let known = match &self.state {
            Some(state) if state.fits(&self.config.optimizer)? => Some(&state.buffers),
            _ => None,
        };
        if let Some(buffers) = known {
            engine.set_state(buffers)?;
        } else if self.config.optimizer.keeps_average() {
            // Before the first step the average is that of the weights it starts from.
            let mut buffers = engine.state();
            if let Some(average) = buffers.last_mut() {
                average.copy_from_slice(network.params());
            }
            engine.set_state(&buffers)?;
        }
        Ok(engine)
    }
}

/// Rows a second over epochs of as many rows each.
fn mean_throughput(epochs: &[EpochMetrics]) -> f64 {
    let seconds_a_row = epochs.iter().map(|e| e.throughput_samples_per_s.recip());
    epochs.len() as f64 / seconds_a_row.sum::<f64>()
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
enum Ending {
    /// At its last epoch or step, or by a rule.
    Whole,
    /// The observer ended it before that.
    Stopped,
}

/// Epoch after epoch, until the last one, a rule, the observer or an error ends it.
fn run_epochs<F: Observer>(
    work: &mut TrainLoop<'_, F>,
    workers: &mut Workers<'_, '_>,
    setup: &Setup,
    last_epoch: u32,
) -> (Vec<EpochMetrics>, Result<Ending, TrainError>) {
    let mut epochs: Vec<EpochMetrics> = Vec::new();
    let mut flow = (work.observer)(&Event::Started(setup));
    while work.progress.epoch < last_epoch && !work.is_over() {
        if flow.is_break() {
            return (epochs, Ok(Ending::Stopped));
        }
        match run_epoch(work, workers) {
            Ok(Some((metrics, next))) => {
                flow = next;
                epochs.push(metrics);
                if work
                    .fit_state
                    .early
                    .as_ref()
                    .is_some_and(|early| early.stops)
                {
                    break;
                }
            }
            Ok(None) => return (epochs, Ok(Ending::Stopped)),
            Err(error) => return (epochs, Err(error)),
        }
    }
    (epochs, Ok(Ending::Whole))
}

impl<'a> Saver<'a> {
    /// Starts the writer, if checkpoints are to be made.
    fn start(
        config: &'a Config,
        network: &Network,
        settings: &'a BTreeMap<String, String>,
    ) -> Result<Option<Self>, TrainError> {
        let start = |rule| {
            Ok(Self {
                writer: Writer::start(rule)?,
                rule,
                layout: layout(network),
                settings,
            })
        };
        config.checkpoints.as_ref().map(start).transpose()
    }

    /// Waits until all are written.
    fn finish(mut self) -> Result<(), TrainError> {
        self.writer.finish()
    }
}

/// Name and shape of each tensor.
pub(super) fn layout(network: &Network) -> Vec<(String, Vec<usize>)> {
    let tensors = network.layout().tensors().iter();
    tensors
        .map(|tensor| (tensor.name.clone(), tensor.shape.clone()))
        .collect()
}
