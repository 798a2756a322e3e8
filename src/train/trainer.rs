//! `Trainer`: settings in, a trained network out.

use std::ops::ControlFlow;
use std::time::Instant;

use crate::data::{Dataset, Sampling};
use crate::engine::{AllReduce, Engine, Pinning, Shards, Threads, UpdateMode};
use crate::nn::kernel::Isa;
use crate::nn::{Loss, Network, NetworkReplica, NnError, ReplicaSettings, Sequential};
use crate::optim::{BatchRule, Optimizer, Plateau, Progress, Schedule};

use super::config::{Config, OnNonFinite};
use super::control::{Control, Early, EarlyStopping};
use super::error::TrainError;
use super::metrics::{EpochMetrics, Event, Report, Setup};
use super::source::{ChainUpdate, Sources};
use super::{Loop, Workers, run_epoch};

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
    pub(super) config: Config,
    /// Drawn at the first call of `fit`, or given.
    network: Option<Network>,
    state: Option<Vec<Vec<f32>>>,
    progress: Progress,
    control: Option<Control>,
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
            control: None,
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

    /// Worker threads, at least 1; by default the physical cores that this process may use, or fewer where a step has
    /// too little work for them ([`crate::train::worthwhile_threads`]).
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

    /// How an epoch draws its rows; shuffled by default.
    pub fn sampling(mut self, sampling: Sampling) -> Self {
        self.config.sampling = sampling;
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

    /// Cuts the learning rate where the test loss no longer falls; by default never.
    pub fn plateau(mut self, rule: Plateau) -> Self {
        self.config.plateau = Some(rule);
        self
    }

    /// How the batch grows from [`Trainer::batch_size`]; by default it stays.
    pub fn batch_policy(mut self, rule: BatchRule) -> Self {
        self.config.batch_rule = rule;
        self
    }

    /// Ends training where the test loss no longer falls; by default after the last epoch.
    pub fn early_stopping(mut self, rule: EarlyStopping) -> Self {
        self.config.early_stopping = Some(rule);
        self
    }

    /// Tracks the gradient noise scale, in [`EpochMetrics::noise_scale`]; needs at least 2 shards.
    pub fn track_noise_scale(mut self) -> Self {
        self.config.tracks_noise_scale = true;
        self
    }

    /// Epochs of one call of [`Trainer::fit`]; by default 10; with 0 nothing is trained.
    pub fn epochs(mut self, epochs: u32) -> Self {
        self.config.epochs = epochs;
        self
    }

    /// Ends a call of [`Trainer::fit`] after so many steps, in the midst of an epoch if need be; by default after the last epoch. The
    /// epoch that is cut short is evaluated and counted like a whole one: a further call begins the next.
    pub fn max_steps(mut self, steps: u64) -> Self {
        self.config.max_steps = Some(steps);
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

    /// The network with the average of the parameters, if the optimiser keeps one and has begun.
    ///
    /// # Errors
    /// [`NnError`] if the model is impossible.
    pub fn average(&self) -> Result<Option<Network>, NnError> {
        let keeps = self.config.optimizer.keeps_average();
        let average = self.state.as_ref().and_then(|state| state.last());
        let average = average.filter(|_| keeps);
        let network = |params: &Vec<f32>| Network::with_params(self.model.clone(), params.clone());
        average.map(network).transpose()
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
        self.config.check_shards(engine.num_shards())?;
        let setup = self.setup(&engine, [train.len(), test.len()]);
        let control = match &mut self.control {
            Some(control) => control,
            none => none.insert(Control::new(&self.config)?),
        };
        let buffers = engine.num_state_buffers();
        let keeps_average = self.config.optimizer.keeps_average();
        let started = Instant::now();
        let last_step = self
            .config
            .max_steps
            .map(|steps| self.progress.step + steps);
        let mut work = Loop {
            config: &self.config,
            train,
            test_order: (0..test.len() as u32).collect(),
            progress: &mut self.progress,
            control,
            average: keeps_average.then(|| buffers - 1),
            last_step,
            skipped: 0,
            early: self.config.early_stopping.map(Early::new),
            observer,
        };
        let (epochs, failure) = engine.run(|workers| run_epochs(&mut work, workers, &setup))?;
        let (wall_time, skipped_steps) = (started.elapsed(), work.skipped);
        let early = work.early.take();
        let (best_epoch, best) = early.map_or((None, None), Early::into_best);
        let params = best.unwrap_or_else(|| engine.params());
        self.network = Some(Network::with_params(self.model.clone(), params)?);
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
            best_epoch,
            wall_time,
            phase_times: engine.phase_times(),
        })
    }

    /// The engine, with the parameters and the optimiser's state so far.
    pub(super) fn engine<'d>(
        &self,
        network: &Network,
        data: [&'d dyn Dataset; 2],
    ) -> Result<Engine<NetworkReplica<Sources<'d>>, ChainUpdate>, TrainError> {
        let update = ChainUpdate::for_model(&self.config.optimizer, network.layout())?;
        let settings = ReplicaSettings {
            loss: self.config.loss.clone(),
            isa: Isa::chosen()?,
            seed: self.config.seed,
        };
        let replica = |_| {
            NetworkReplica::new(&self.model, settings.clone(), Sources(data))
                .expect("the network has been built")
        };
        let mut engine = Engine::new(
            self.config.engine(&self.model, data[0].len())?,
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
        let schedule = self.config.schedule_warning(&self.progress, rows);
        let warnings = placement
            .warning()
            .into_iter()
            .chain(schedule)
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

/// Epoch after epoch, until the last one, a rule, the observer or an error ends it.
fn run_epochs<F: FnMut(&Event<'_>) -> ControlFlow<()>>(
    work: &mut Loop<'_, F>,
    workers: &mut Workers<'_, '_>,
    setup: &Setup,
) -> (Vec<EpochMetrics>, Option<TrainError>) {
    let mut epochs: Vec<EpochMetrics> = Vec::new();
    let mut flow = (work.observer)(&Event::Started(setup));
    while epochs.len() < setup.epochs as usize && flow.is_continue() {
        match run_epoch(work, workers) {
            Ok(metrics) => {
                flow = (work.observer)(&Event::Epoch(&metrics));
                if work.is_over() || work.early.as_ref().is_some_and(|early| early.stops) {
                    flow = ControlFlow::Break(());
                }
                epochs.push(metrics);
            }
            Err(error) => return (epochs, Some(error)),
        }
    }
    (epochs, None)
}

impl From<usize> for Threads {
    fn from(threads: usize) -> Self {
        Threads::Fixed(threads)
    }
}
