//! `Trainer`: settings in, a trained network out.

use std::collections::BTreeMap;

use crate::data::Sampling;
use crate::engine::{
    AllReduce, Balance, EngineConfig, Pinning, Shards, Threads, Track, UpdateMode,
};
use crate::nn::{Loss, Network, NnError, Sequential};
use crate::optim::{BatchRule, Optimizer, Plateau, Progress, Schedule};

use super::checkpoints::Checkpoints;
use super::config::{Config, OnNonFinite};
use super::control::Control;
use super::early_stopping::{Early, EarlyStopping};
use super::evaluations::Evaluations;
use super::fit_state::FitState;
use super::state::State;

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
    pub(super) model: Sequential,
    pub(super) config: Config,
    /// What training goes on from: drawn at the first call of `fit`, or given.
    pub(super) network: Option<Network>,
    /// Whether `network` is that of the best epoch, which early stopping has restored.
    pub(super) is_best: bool,
    pub(super) state: Option<State>,
    pub(super) progress: Progress,
    pub(super) control: Option<Control>,
    /// A call of `fit` that the observer ended, or a checkpoint's.
    pub(super) fit_state: Option<FitState>,
    /// The settings that must not change: those of the last call, or of the checkpoint.
    pub(super) settings: BTreeMap<String, String>,
    pub(super) is_resumed: bool,
}

impl Trainer {
    /// A trainer of `model`; parameters are drawn from the seed.
    pub fn new(model: Sequential, loss: Loss) -> Self {
        Self {
            model,
            config: Config::new(loss),
            network: None,
            is_best: false,
            state: None,
            progress: Progress::default(),
            control: None,
            fit_state: None,
            settings: BTreeMap::new(),
            is_resumed: false,
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

    /// The whole engine: threads, pinning, shards, all-reduce, update, balance, and whether the
    /// noise scale is tracked.
    ///
    /// ```
    /// use unisono::{Trainer, engine::{EngineConfig, Threads}, nn::{Loss, Sequential}};
    /// let engine = EngineConfig { threads: Threads::Fixed(2), ..EngineConfig::default() };
    /// let model = Sequential::new(64).dense(10);
    /// let trainer = Trainer::new(model, Loss::SoftmaxCrossEntropy).engine(engine);
    /// ```
    pub fn engine(mut self, config: EngineConfig) -> Self {
        self.config.tracks_noise_scale = config.track == Track::ShardNorms;
        self.config.engine = config;
        self
    }

    /// Worker threads, at least 1; by default the physical cores that this process may use, or
    /// fewer where a step has too little work for them ([`crate::train::worthwhile_threads`]).
    pub fn threads(mut self, threads: impl Into<Threads>) -> Self {
        self.config.engine.threads = threads.into();
        self
    }

    /// Whether workers are pinned to cores; by default where there is a core for each.
    pub fn pinning(mut self, pinning: Pinning) -> Self {
        self.config.engine.pinning = pinning;
        self
    }

    /// Shards of a batch; by default [`Shards::Auto`].
    pub fn shards(mut self, shards: Shards) -> Self {
        self.config.engine.shards = shards;
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

    /// Whether faster workers get more shards; by default they do. It changes no bit ([`Balance`]
    /// has an example).
    pub fn balance(mut self, balance: Balance) -> Self {
        self.config.engine.balance = balance;
        self
    }

    /// Makes checkpoints while it trains; none by default.
    pub fn checkpoints(mut self, rule: Checkpoints) -> Self {
        self.config.checkpoints = Some(rule);
        self
    }

    /// How an epoch draws its rows; shuffled by default.
    pub fn sampling(mut self, sampling: Sampling) -> Self {
        self.config.sampling = sampling;
        self
    }

    /// Rows of a global batch, at least 1; by default 32. The last batch of an epoch may be
    /// shorter.
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

    /// Tracks the gradient noise scale, in [`crate::train::EpochMetrics::noise_scale`]; needs at
    /// least 2 shards.
    pub fn track_noise_scale(mut self) -> Self {
        self.config.tracks_noise_scale = true;
        self
    }

    /// Tells the norm of each layer's gradient with every step, in [`crate::train::Event::Step`];
    /// [`crate::train::Setup::layers`] names them.
    pub fn track_layer_norms(mut self) -> Self {
        self.config.tracks_layer_norms = true;
        self
    }

    /// Epochs of one call of [`Trainer::fit`]; by default 10; with 0 nothing is trained.
    pub fn epochs(mut self, epochs: u32) -> Self {
        self.config.epochs = epochs;
        self
    }

    /// Ends a call of [`Trainer::fit`] after `steps` steps, in the middle of an epoch if need be;
    /// by default after the last epoch. The weights are evaluated there, for the report alone: a
    /// further call first makes the rest of that epoch, which counts as one of its epochs. A
    /// checkpoint at the cut, resumed, ends in the bits of a training that was never cut.
    ///
    /// ```
    /// use unisono::{Trainer, data::digits, nn::{Loss, Sequential}};
    /// let (train, test) = digits();
    /// let new = || Trainer::new(Sequential::new(64).dense(10), Loss::SoftmaxCrossEntropy).epochs(2);
    /// let mut cut = new().max_steps(70);
    /// let report = cut.fit(&train, &test)?;
    /// assert_eq!((report.steps, report.epochs[1].is_whole), (70, false));
    /// // The same training, resumed without the limit, and one that never had it.
    /// let (mut resumed, mut whole) = (new(), new());
    /// resumed.resume(cut.checkpoint()?)?;
    /// assert_eq!(resumed.fit(&train, &test)?.steps, 90);
    /// whole.fit(&train, &test)?;
    /// assert_eq!(resumed.network()?.weights_sha256(), whole.network()?.weights_sha256());
    /// # Ok::<(), unisono::TrainError>(())
    /// ```
    pub fn max_steps(mut self, steps: u64) -> Self {
        self.config.max_steps = Some(steps);
        self
    }

    /// Evaluates the test part at some steps too ([`crate::train::Event::Evaluation`]), which
    /// changes nothing in the training; by default only after epochs.
    ///
    /// ```
    /// use unisono::{Trainer, data::digits, nn::{Loss, Sequential}, train::{Evaluations, Event}};
    /// let ((train, test), mut steps) = (digits(), Vec::new());
    /// let trainer = Trainer::new(Sequential::new(64).dense(10), Loss::SoftmaxCrossEntropy).epochs(1);
    /// trainer.evaluate_at(Evaluations::Every(20)).fit_observed(&train, &test, |event| {
    ///     if let Event::Evaluation { step, .. } = event { steps.push(*step); }
    ///     std::ops::ControlFlow::Continue(())
    /// })?;
    /// assert_eq!(steps, [20, 40]);
    /// # Ok::<(), unisono::TrainError>(())
    /// ```
    pub fn evaluate_at(mut self, steps: Evaluations) -> Self {
        self.config.evaluations = Some(steps);
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

    /// The network that training keeps, to which the numbers of [`crate::train::Report::kept`]
    /// belong: that of the best epoch where early stopping has restored it, else with the average
    /// of the weights where the optimiser keeps one, else as trained so far.
    ///
    /// # Errors
    /// [`NnError`] if the model is impossible.
    pub fn network(&self) -> Result<Network, NnError> {
        let cut = self.fit_state.as_ref().filter(|fit_state| fit_state.is_cut);
        let early = cut.and_then(|fit_state| fit_state.early.as_ref());
        if let Some(best) = early.and_then(Early::restored) {
            return Network::with_params(self.model.clone(), best.to_vec());
        }
        match self.average()? {
            Some(average) if !self.is_best => Ok(average),
            _ => self.last_network(),
        }
    }

    /// The network that a further call of [`Trainer::fit`] goes on from: that of the last step, or,
    /// of a training that ended with an epoch, of the best one where early stopping has restored
    /// it; never the average.
    ///
    /// ```
    /// use unisono::{Trainer, data::digits, nn::{Loss, Sequential}, optim::Optimizer};
    /// let (train, test) = digits();
    /// let mut trainer = Trainer::new(Sequential::new(64).dense(10), Loss::SoftmaxCrossEntropy)
    ///     .optimizer(Optimizer::sgd(0.1).with_average(0.9))
    ///     .epochs(1);
    /// trainer.fit(&train, &test)?;
    /// assert_eq!(Some(trainer.network()?), trainer.average()?);
    /// assert_ne!(trainer.network()?, trainer.last_network()?);
    /// # Ok::<(), unisono::TrainError>(())
    /// ```
    ///
    /// # Errors
    /// [`NnError`] if the model is impossible.
    pub fn last_network(&self) -> Result<Network, NnError> {
        match &self.network {
            Some(network) => Ok(network.clone()),
            None => Network::new(self.model.clone(), self.config.seed),
        }
    }

    /// The network with the average of the weights after the last step, if the optimiser keeps one
    /// and has begun.
    ///
    /// # Errors
    /// [`NnError`] if the model is impossible.
    pub fn average(&self) -> Result<Option<Network>, NnError> {
        let average = self.state.as_ref().and_then(State::average);
        let network = |params: &[f32]| Network::with_params(self.model.clone(), params.to_vec());
        average.map(network).transpose()
    }

    /// Lets the optimiser begin anew at the next call of [`Trainer::fit`]: momenta, moments and
    /// averages so far are forgotten. A call with an optimiser that keeps other buffers than the
    /// last one's does the same by itself, with a warning.
    ///
    /// ```
    /// use unisono::{Trainer, data::digits, nn::{Loss, Sequential}};
    /// let (train, test) = digits();
    /// let mut trainer = Trainer::new(Sequential::new(64).dense(10), Loss::SoftmaxCrossEntropy).epochs(1);
    /// trainer.fit(&train, &test)?;
    /// trainer.reset_optimizer();
    /// assert!(trainer.fit(&train, &test)?.test_accuracy() > 0.8);
    /// # Ok::<(), unisono::TrainError>(())
    /// ```
    pub fn reset_optimizer(&mut self) {
        self.state = None;
        if let Some(control) = &mut self.control {
            control.restart_optimizer(&self.progress);
        }
    }
}

impl From<usize> for Threads {
    fn from(threads: usize) -> Self {
        Threads::Fixed(threads)
    }
}
