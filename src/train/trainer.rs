//! `Trainer`: settings in, a trained network out.

use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::sync::Arc;

use crate::data::Sampling;
use crate::engine::{
    AllReduce, Balance, EngineConfig, Pinning, Ranks, Shards, Threads, Track, UpdateMode, Watchdog,
};
use crate::nn::{Criterion, NnError, Sequential};
use crate::optim::{BatchRule, Optimizer, Plateau, Progress, Schedule};

use super::callback::StopHandle;
use super::checkpoints::Checkpoints;
use super::config::{Config, OnNonFinite, OnWorkerPanic};
use super::control::Control;
use super::early_stopping::{Early, EarlyStopping};
use super::evaluations::Evaluations;
use super::fit_state::FitState;
use super::model::Model;
use super::state::State;

/// Trains a model on data sets; or, with [`Trainer::of_replicas`], one of your own.
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
#[derive(Clone, Debug)]
pub struct Trainer<M: Model = Sequential> {
    pub(super) model: M,
    pub(super) config: Config,
    /// What training goes on from: drawn at the first call of `fit`, or given.
    pub(super) params: Option<Vec<f32>>,
    /// Whether `params` are those of the best epoch, which early stopping has restored.
    pub(super) is_best: bool,
    pub(super) state: Option<State>,
    pub(super) progress: Progress,
    pub(super) control: Option<Control>,
    /// A call of `fit` that was interrupted or cut, or a checkpoint's.
    pub(super) fit_state: Option<FitState>,
    /// The settings that must not change: those of the last call, or of the checkpoint.
    pub(super) settings: BTreeMap<String, String>,
    pub(super) is_resumed: bool,
    pub(super) stop: StopHandle,
}

impl<M: Model> Trainer<M> {
    /// A trainer of any model.
    pub(super) fn of(model: M, loss: Option<Arc<dyn Criterion>>) -> Self {
        Self {
            model,
            config: Config::new(loss),
            params: None,
            is_best: false,
            state: None,
            progress: Progress::default(),
            control: None,
            fit_state: None,
            settings: BTreeMap::new(),
            is_resumed: false,
            stop: StopHandle::new(),
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

    /// The all-reduce algorithm, one of [`crate::engine::all_reduce`] or one's own; all give the same
    /// bits.
    pub fn all_reduce(mut self, algorithm: impl AllReduce + 'static) -> Self {
        self.config.engine.all_reduce = Arc::new(algorithm);
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

    /// Trains together with other processes, all of which make the same trainer and call the same
    /// methods; by default this one trains alone. It changes no bit ([`Ranks`] has an example).
    /// Only the first rank writes checkpoints.
    pub fn ranks(mut self, ranks: Ranks) -> Self {
        self.config.engine.ranks = Some(ranks);
        self
    }

    /// Compares the parameters of all ranks after every so many steps, and ends the training if one
    /// has others, as broken memory would: the error names the rank. Without ranks there is nothing
    /// to compare.
    ///
    /// ```
    /// use unisono::{Trainer, data::digits, engine::Ranks, nn::{Loss, Sequential}};
    /// let (train, test) = digits();
    /// let fit = |ranks: Ranks| {
    ///     let trainer = Trainer::new(Sequential::new(64).dense(10), Loss::SoftmaxCrossEntropy);
    ///     let mut trainer = trainer.epochs(1).threads(1).ranks(ranks).check_replicas(10.try_into().unwrap());
    ///     trainer.fit(&train, &test).unwrap().steps
    /// };
    /// std::thread::scope(|scope| {
    ///     for ranks in Ranks::in_process(2) {
    ///         scope.spawn(move || assert_eq!(fit(ranks), 45));
    ///     }
    /// });
    /// ```
    pub fn check_replicas(mut self, every: NonZeroU64) -> Self {
        self.config.check_replicas = Some(every);
        self
    }

    /// Tells of a worker that stalls; by default nobody is told ([`Watchdog`] has an example).
    pub fn watchdog(mut self, watchdog: Watchdog) -> Self {
        self.config.engine.watchdog = Some(watchdog);
        self
    }

    /// What to do when a worker panics; by default stop.
    pub fn on_worker_panic(mut self, action: OnWorkerPanic) -> Self {
        self.config.on_worker_panic = action;
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

    /// The optimiser; by default momentum 0.9 with a learning rate of 0.1. One of your own is made by
    /// [`Optimizer::custom`].
    pub fn optimizer(mut self, optimizer: Optimizer) -> Self {
        self.config.optimizer = optimizer;
        self
    }

    /// The learning rate over time; by default constant. A shape of your own is a
    /// [`crate::optim::CustomShape`].
    pub fn schedule(mut self, schedule: Schedule) -> Self {
        self.config.schedule = schedule;
        self
    }

    /// Cuts the learning rate where the loss of the part that is evaluated no longer falls
    /// ([`crate::train::Parts`]); by default never.
    pub fn plateau(mut self, rule: Plateau) -> Self {
        self.config.plateau = Some(rule);
        self
    }

    /// How the batch grows from [`Trainer::batch_size`]; by default it stays. One of your own is a
    /// [`crate::optim::CustomPolicy`].
    pub fn batch_policy(mut self, rule: BatchRule) -> Self {
        self.config.batch_rule = rule;
        self
    }

    /// Ends training where the loss of the part that is evaluated no longer falls
    /// ([`crate::train::Parts`]); by default after the last epoch.
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

    /// Evaluates at some steps too, as after epochs ([`crate::train::Event::Evaluation`]), which
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

    /// Ends a call of `fit` from another thread; a clone of the trainer has the same handle.
    pub fn stop_handle(&self) -> StopHandle {
        self.stop.clone()
    }

    /// The parameters that a further call of `fit` goes on from, tensor after tensor: the first
    /// ones before any.
    ///
    /// ```
    /// use unisono::train::ReplicaModel;
    /// let trainer = unisono::Trainer::of_replicas(ReplicaModel::new("a line", vec![0.5, 2.0]));
    /// assert_eq!(trainer.last_params()?, [0.5, 2.0]);
    /// # Ok::<(), unisono::nn::NnError>(())
    /// ```
    ///
    /// # Errors
    /// [`NnError`] if the model is impossible.
    pub fn last_params(&self) -> Result<Vec<f32>, NnError> {
        match &self.params {
            Some(params) => Ok(params.clone()),
            None => self.model.first_params(self.config.seed),
        }
    }

    /// The parameters that training keeps, to which the numbers of [`crate::train::Report::kept`]
    /// belong: those of the best epoch where early stopping restores it, else their average where
    /// the optimiser keeps one, else those of the last step.
    ///
    /// # Errors
    /// [`NnError`] if the model is impossible.
    pub fn kept_params(&self) -> Result<Vec<f32>, NnError> {
        let cut = self.fit_state.as_ref().filter(|fit_state| fit_state.is_cut);
        let early = cut.and_then(|fit_state| fit_state.early.as_ref());
        if let Some(best) = early.and_then(Early::restored) {
            return Ok(best.to_vec());
        }
        let average = self.state.as_ref().and_then(State::average);
        match average.filter(|_| !self.is_best) {
            Some(average) => Ok(average.to_vec()),
            None => self.last_params(),
        }
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
