//! `Trainer`: settings in, a trained network out.

use std::ops::ControlFlow;
use std::time::Instant;

use crate::data::Dataset;
use crate::engine::{AllReduce, Engine, Pinning, Shards, Threads, UpdateMode};
use crate::nn::kernel::Isa;
use crate::nn::{Loss, Network, NetworkReplica, NnError, ReplicaSettings, Sequential};
use crate::optim::{Optimizer, Progress, Schedule};

use super::config::{Config, OnNonFinite};
use super::error::TrainError;
use super::metrics::{EpochMetrics, Event, Report, Setup};
use super::source::{ChainUpdate, Sources};
use super::{Loop, run_epoch};

/// Trains a model on data sets.
///
/// ```
/// use unisono::{data::digits, nn::{Loss, Sequential}, optim::Optimizer, train::Trainer};
///
/// let (train, test) = digits();
/// let model = Sequential::new(64).dense(32).relu().dense(10);
/// let mut trainer = Trainer::new(model, Loss::SoftmaxCrossEntropy)
///     .threads(2)
///     .batch_size(32)
///     .optimizer(Optimizer::sgd(0.1).with_momentum(0.9))
///     .epochs(3)
///     .seed(42);
/// let report = trainer.fit(&train, &test)?;
/// assert!(report.test_accuracy() > 0.8);
/// let classes = trainer.network()?.classify(test.inputs())?;
/// assert_eq!(classes.len(), 360);
/// # Ok::<(), unisono::train::TrainError>(())
/// ```
#[derive(Debug)]
pub struct Trainer {
    model: Sequential,
    config: Config,
    /// Drawn at the first call of `fit`, or given.
    network: Option<Network>,
    state: Option<Vec<Vec<f32>>>,
    progress: Progress,
}

impl Trainer {
    /// A trainer of `model`; parameters are drawn from the seed.
    pub fn new(model: Sequential, loss: Loss) -> Self {
        Self {
            model,
            config: Config::new(loss),
            network: None,
            state: None,
            progress: Progress::default(),
        }
    }

    /// A trainer that goes on from a network's parameters.
    ///
    /// ```
    /// use unisono::nn::{Loss, Network, Sequential};
    /// let network = Network::new(Sequential::new(64).dense(10), 7)?;
    /// let trainer = unisono::Trainer::from_network(network.clone(), Loss::SoftmaxCrossEntropy);
    /// assert_eq!(trainer.network()?, network);
    /// # Ok::<(), unisono::nn::NnError>(())
    /// ```
    pub fn from_network(network: Network, loss: Loss) -> Self {
        Self {
            network: Some(network.clone()),
            ..Self::new(network.model().clone(), loss)
        }
    }

    /// Worker threads, at least 1; by default the physical cores that this process may use.
    pub fn threads(mut self, threads: impl Into<Threads>) -> Self {
        self.config.engine.threads = threads.into();
        self
    }

    /// Whether workers are pinned to cores; by default where there is a core for each.
    pub fn pinning(mut self, pinning: Pinning) -> Self {
        self.config.engine.pinning = pinning;
        self
    }

    /// Shards of a batch, at least 1; by default from model and batch size ([`crate::train::model_shards`]).
    pub fn shards(mut self, shards: Shards) -> Self {
        self.config.shards = Some(shards);
        self
    }

    /// The all-reduce algorithm; all give the same bits.
    pub fn all_reduce(mut self, algorithm: &'static dyn AllReduce) -> Self {
        self.config.engine.all_reduce = algorithm;
        self
    }

    /// Who executes the update; both give the same bits.
    pub fn update(mut self, mode: UpdateMode) -> Self {
        self.config.engine.update = mode;
        self
    }

    /// Rows of a global batch, at least 1; by default 32. The last batch of an epoch may be shorter.
    pub fn batch_size(mut self, rows: usize) -> Self {
        self.config.batch_size = rows;
        self
    }

    /// The optimiser; by default momentum 0.9 with a learning rate of 0.1.
    pub fn optimizer(mut self, optimizer: Optimizer) -> Self {
        self.config.optimizer = optimizer;
        self
    }

    /// The learning rate over time; by default constant.
    pub fn schedule(mut self, schedule: Schedule) -> Self {
        self.config.schedule = schedule;
        self
    }

    /// Epochs of one call of [`Trainer::fit`]; by default 10; with 0 nothing is trained.
    pub fn epochs(mut self, epochs: u32) -> Self {
        self.config.epochs = epochs;
        self
    }

    /// The seed of everything random; by default 42.
    pub fn seed(mut self, seed: u64) -> Self {
        self.config.seed = seed;
        self
    }

    /// What to do when loss or gradient is not finite; by default stop.
    pub fn on_non_finite(mut self, action: OnNonFinite) -> Self {
        self.config.on_non_finite = action;
        self
    }

    /// The network as trained so far.
    ///
    /// # Errors
    /// [`NnError`] if the model is impossible.
    pub fn network(&self) -> Result<Network, NnError> {
        match &self.network {
            Some(network) => Ok(network.clone()),
            None => Network::new(self.model.clone(), self.config.seed),
        }
    }

    /// Trains for the set number of epochs, evaluating `test` after each. A further call goes on where this one
    /// ended.
    ///
    /// # Errors
    /// [`TrainError`]: settings or data that do not fit, before anything runs; a loss that is not finite, or a
    /// panic in a data set, while it runs. The network is then that of the last whole step.
    pub fn fit(&mut self, train: &dyn Dataset, test: &dyn Dataset) -> Result<Report, TrainError> {
        self.fit_observed(train, test, |_| ControlFlow::Continue(()))
    }

    /// Like [`Trainer::fit`], telling `observer` what happens. `ControlFlow::Break` after an epoch ends training.
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
    pub fn fit_observed(
        &mut self,
        train: &dyn Dataset,
        test: &dyn Dataset,
        observer: impl FnMut(&Event<'_>) -> ControlFlow<()> + Send,
    ) -> Result<Report, TrainError> {
        let network = self.network()?;
        self.config.check(&network, [train, test])?;
        let mut engine = self.engine(&network, [train, test])?;
        let setup = self.setup(&engine, [train.len(), test.len()]);
        let started = Instant::now();
        let mut work = Loop {
            config: &self.config,
            rows: train.len() as u32,
            test_order: (0..test.len() as u32).collect(),
            progress: &mut self.progress,
            skipped: 0,
            observer,
        };
        let (epochs, failure) = engine.run(|workers| {
            let mut epochs: Vec<EpochMetrics> = Vec::new();
            let mut flow = (work.observer)(&Event::Started(&setup));
            while epochs.len() < setup.epochs as usize && flow.is_continue() {
                match run_epoch(&mut work, workers) {
                    Ok(metrics) => {
                        flow = (work.observer)(&Event::Epoch(&metrics));
                        epochs.push(metrics);
                    }
                    Err(error) => return (epochs, Some(error)),
                }
            }
            (epochs, None)
        })?;
        let (wall_time, skipped_steps) = (started.elapsed(), work.skipped);
        self.network = Some(Network::with_params(self.model.clone(), engine.params())?);
        self.state = Some(engine.state());
        if let Some(error) = failure {
            return Err(error);
        }
        let train_time: f64 = epochs
            .iter()
            .map(|e| train.len() as f64 / e.throughput_samples_per_s)
            .sum();
        Ok(Report {
            throughput_samples_per_s: (train.len() * epochs.len()) as f64 / train_time,
            setup,
            epochs,
            steps: self.progress.step,
            skipped_steps,
            wall_time,
            phase_times: engine.phase_times(),
        })
    }

    /// The engine, with the parameters and the optimiser's state so far.
    fn engine<'d>(
        &self,
        network: &Network,
        data: [&'d dyn Dataset; 2],
    ) -> Result<Engine<NetworkReplica<Sources<'d>>, ChainUpdate>, TrainError> {
        let update = ChainUpdate::new(&self.config.optimizer)?.with_statistics(network.layout());
        let settings = ReplicaSettings {
            loss: self.config.loss.clone(),
            isa: Isa::detect(),
            seed: self.config.seed,
        };
        let replica = |_| {
            NetworkReplica::new(&self.model, settings.clone(), Sources(data))
                .expect("the network has been built")
        };
        let mut engine = Engine::new(
            self.config.engine(&self.model, data[0].len()),
            network.params(),
            update,
            replica,
        )?;
        if let Some(state) = &self.state {
            engine.set_state(state)?;
        }
        Ok(engine)
    }

    fn setup(
        &self,
        engine: &Engine<NetworkReplica<Sources<'_>>, ChainUpdate>,
        [rows, test_rows]: [usize; 2],
    ) -> Setup {
        let placement = engine.placement().clone();
        let batch_size = self.config.batch_size;
        let short = (batch_size > rows).then(|| {
            format!("the batch of {batch_size} rows is larger than the {rows} rows of the training set: every epoch is one short batch")
        });
        let warnings = placement
            .warning()
            .into_iter()
            .chain(engine.warning())
            .chain(short)
            .collect();
        Setup {
            placement,
            shards: engine.num_shards(),
            rows,
            test_rows,
            epochs: self.config.epochs,
            warnings,
        }
    }
}

impl From<usize> for Threads {
    fn from(threads: usize) -> Self {
        Threads::Fixed(threads)
    }
}
