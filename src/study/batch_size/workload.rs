//! Workload: something that can be trained, above all networks on data.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

use crate::data::{Dataset, Labels, Sampling};
use crate::engine::{Pinning, Threads};
use crate::nn::{Criterion, Loss, Sequential};
use crate::optim::{Optimizer, Schedule};
use crate::train::{Evaluations, Event, OnNonFinite, TrainError, Trainer};

use super::error::StudyError;
use super::pace::Pace;
use super::trial::{Outcome, Target, Trial};

/// When the target is looked for: steps to it are known to this share.
pub(super) const LOOKS: Evaluations = Evaluations::Geometric {
    first: 8,
    ratio: 1.03,
};
/// How many times its first loss a loss must be for the training to be lost.
const LOST: f64 = 20.0;

/// The limit of a trial: steps, threads and pinning.
///
/// Example: [`Training`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Steps, at least 1.
    pub steps: u64,
    /// Threads; more trials than one run side by side if it is 1.
    pub threads: Threads,
    /// Whether those are pinned.
    pub pinning: Pinning,
}

/// Something that can be trained with any batch size, learning rate and momentum.
///
/// What comes of a trial must follow from the trial alone, but for its seconds.
///
/// ```
/// use unisono::study::batch_size::{Limit, Outcome, StudyError, Target, Trial, Workload};
///
/// /// Something that always takes 1,000 examples.
/// struct Examples;
///
/// impl Workload for Examples {
///     fn describe(&self) -> String {
///         "1000 examples".to_owned()
///     }
///
///     fn train(&self, trial: &Trial, _: Target, _: Limit) -> Result<Outcome, StudyError> {
///         let steps = 1000_u64.div_ceil(trial.batch_size as u64);
///         let mut outcome = Outcome::of(trial.clone());
///         (outcome.steps_to_target, outcome.steps) = (Some(steps), (steps, steps));
///         Ok(outcome)
///     }
/// }
///
/// assert_eq!(Examples.rows(), None);
/// ```
pub trait Workload: Sync {
    /// What it is, for reports and to tell one study from another.
    fn describe(&self) -> String;

    /// Trains until the target is reached or the steps are used up.
    ///
    /// # Errors
    /// [`StudyError`] where nothing can be trained; a training that diverges is an outcome.
    fn train(&self, trial: &Trial, target: Target, limit: Limit) -> Result<Outcome, StudyError>;

    /// How fast a trial trains; `None` if that cannot be said beforehand.
    ///
    /// # Errors
    /// [`StudyError`] where nothing can be trained.
    fn pace(&self, _trial: &Trial, _limit: Limit) -> Result<Option<Pace>, StudyError> {
        Ok(None)
    }

    /// Rows of an epoch, if there are epochs.
    fn rows(&self) -> Option<usize> {
        None
    }
}

/// A network on data, by default with plain SGD.
///
/// ```
/// use unisono::{data::digits, nn::Sequential, engine::{Pinning, Threads}};
/// use unisono::study::batch_size::{Limit, Target, Training, Trial, Workload};
/// let (train, test) = digits();
/// let workload = Training::new(Sequential::new(64).dense(32).relu().dense(10), &train, &test);
/// let trial = Trial { batch_size: 32, candidate: 0, repeat: 0, lr: 0.1, momentum: 0.9, schedule: None, seed: 1 };
/// let limit = Limit { steps: 500, threads: Threads::Fixed(1), pinning: Pinning::Off };
/// let outcome = workload.train(&trial, Target::Error(0.1), limit)?;
/// assert!(outcome.steps_to_target.unwrap() < 200);
/// # Ok::<(), unisono::study::batch_size::StudyError>(())
/// ```
pub struct Training<'d> {
    model: Sequential,
    loss: Arc<dyn Criterion>,
    data: [&'d dyn Dataset; 2],
    sampling: Sampling,
    schedule: Schedule,
    optimizer: Optimizer,
    tracks_noise_scale: bool,
    adjust: Box<dyn Fn(Trainer) -> Trainer + Send + Sync + 'd>,
    about: String,
}

impl<'d> Training<'d> {
    /// Softmax cross-entropy, plain SGD, a constant learning rate, shuffled epochs.
    pub fn new(model: Sequential, train: &'d dyn Dataset, test: &'d dyn Dataset) -> Self {
        Self {
            about: format!("{model} on {} and {} rows", train.len(), test.len()),
            model,
            loss: Loss::SoftmaxCrossEntropy.into(),
            data: [train, test],
            sampling: Sampling::Shuffle,
            schedule: Schedule::constant(),
            optimizer: Optimizer::sgd(1.0),
            tracks_noise_scale: false,
            adjust: Box::new(|trainer| trainer),
        }
    }

    /// With another loss. Rows that are labelled with values, those of a regression or of a single
    /// logit, have no share classified wrongly here: their target is a [`Target::Loss`].
    ///
    /// ```
    /// use ndarray::array;
    /// use unisono::{data::ArrayDataset, nn::{Loss, MseConvention, Sequential}, engine::{Pinning, Threads}};
    /// use unisono::study::batch_size::{Limit, Target, Training, Trial, Workload};
    /// let line = ArrayDataset::values(array![[0.0], [1.0], [2.0]], array![[1.0], [3.0], [5.0]])?;
    /// let workload = Training::new(Sequential::new(1).dense(1), &line, &line)
    ///     .loss(Loss::Mse(MseConvention::MeanOverAll));
    /// let trial = Trial { batch_size: 3, candidate: 0, repeat: 0, lr: 0.1, momentum: 0.0, schedule: None, seed: 1 };
    /// let limit = Limit { steps: 500, threads: Threads::Fixed(1), pinning: Pinning::Off };
    /// let outcome = workload.train(&trial, Target::Loss(0.01), limit)?;
    /// assert!(outcome.steps_to_target.is_some());
    /// let refused = workload.train(&trial, Target::Error(0.1), limit).unwrap_err();
    /// assert!(refused.to_string().contains("must be a loss"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn loss(mut self, loss: impl Criterion + 'static) -> Self {
        self.about += &format!(", loss {}", loss.name());
        self.loss = Arc::new(loss);
        self
    }

    /// With another optimiser; its learning rate is a trial's, its momentum too where a trial has
    /// one.
    pub fn optimizer(mut self, optimizer: Optimizer) -> Self {
        let lr = format!("lr {}", optimizer.lr());
        let text = optimizer.to_string().replacen(&lr, "lr of the trial", 1);
        self.about += &format!(", {text}");
        self.optimizer = optimizer;
        self
    }

    /// With another schedule, where a trial has none of its own.
    pub fn schedule(mut self, schedule: Schedule) -> Self {
        self.about += &format!(", schedule {schedule}");
        self.schedule = schedule;
        self
    }

    /// With another way to draw an epoch.
    pub fn sampling(mut self, sampling: Sampling) -> Self {
        self.sampling = sampling;
        self
    }

    /// Tracks the noise scale (batches of two shards and more).
    pub fn track_noise_scale(mut self) -> Self {
        self.tracks_noise_scale = true;
        self
    }

    /// Changes every trainer before it trains, such as its shards.
    pub fn adjust(mut self, adjust: impl Fn(Trainer) -> Trainer + Send + Sync + 'd) -> Self {
        self.adjust = Box::new(adjust);
        self
    }

    fn trainer(&self, trial: &Trial, limit: Limit) -> Trainer {
        let rows = self.data[0].len().max(1) as u64;
        let epochs = (limit.steps * trial.batch_size as u64).div_ceil(rows) + 1;
        let mut optimizer = self.optimizer.clone().with_lr(trial.lr as f32);
        if trial.momentum != 0.0 {
            optimizer = optimizer.momentum_set_to(trial.momentum as f32);
        }
        let trainer = Trainer::new(self.model.clone(), Arc::clone(&self.loss))
            .threads(limit.threads)
            .pinning(limit.pinning)
            .batch_size(trial.batch_size)
            .sampling(self.sampling.clone())
            .optimizer(optimizer)
            .schedule(trial.schedule.as_ref().unwrap_or(&self.schedule).clone())
            .epochs(u32::try_from(epochs).unwrap_or(u32::MAX))
            .max_steps(limit.steps)
            .evaluate_at(LOOKS)
            .on_non_finite(OnNonFinite::Stop)
            .seed(trial.seed);
        (self.adjust)(if self.tracks_noise_scale && trial.batch_size >= 2 {
            trainer.track_noise_scale()
        } else {
            trainer
        })
    }
}

impl std::fmt::Debug for Training<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Training").field(&self.about).finish()
    }
}

/// Evaluations of a trial, as its observer remembers them.
#[derive(Default)]
struct Seen {
    first_loss: Option<f64>,
    reached: Option<u64>,
    best: f64,
    is_lost: bool,
}

impl Seen {
    /// Whether to go on after an evaluation.
    fn evaluated(&mut self, target: Target, step: u64, loss: f64, error: f64) -> bool {
        let (value, wanted) = match target {
            Target::Error(wanted) => (error, wanted),
            Target::Loss(wanted) => (loss, wanted),
        };
        self.best = self.best.min(value);
        let first = *self.first_loss.get_or_insert(loss);
        self.is_lost |= !loss.is_finite() || loss > LOST * first.max(1.0);
        if value < wanted {
            self.reached = Some(step);
        }
        self.reached.is_none() && !self.is_lost
    }
}

impl Workload for Training<'_> {
    fn describe(&self) -> String {
        self.about.clone()
    }

    fn pace(&self, trial: &Trial, limit: Limit) -> Result<Option<Pace>, StudyError> {
        Pace::of(self.trainer(trial, limit), self.data).map(Some)
    }

    fn rows(&self) -> Option<usize> {
        Some(self.data[0].len())
    }

    fn train(&self, trial: &Trial, target: Target, limit: Limit) -> Result<Outcome, StudyError> {
        let measures = matches!(self.data[1].labels(), Labels::Values(_));
        if measures && matches!(target, Target::Error(_)) {
            return Err(StudyError::Value {
                what: "the target of rows that are labelled with values",
                expected: "a loss",
                got: "an error".to_owned(),
            });
        }
        let started = Instant::now();
        let mut trainer = self.trainer(trial, limit);
        let mut seen = Seen {
            best: f64::INFINITY,
            ..Seen::default()
        };
        // Train, and look for the target at every evaluation.
        let mut noise_scale = None;
        let mut threads = 1;
        let result = trainer.fit_observed(self.data[0], self.data[1], |event| {
            let goes_on = match *event {
                Event::Started(setup) => {
                    threads = setup.placement.num_threads;
                    true
                }
                Event::Evaluation {
                    step,
                    loss,
                    accuracy,
                } => seen.evaluated(target, step, loss, 1.0 - accuracy),
                Event::Epoch(metrics) => {
                    noise_scale = metrics.noise_scale.or(noise_scale);
                    let error = 1.0 - metrics.test_accuracy;
                    seen.evaluated(target, metrics.step, metrics.test_loss, error)
                }
                _ => true,
            };
            if goes_on {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        });
        // A training that diverges is an outcome.
        let (steps, diverged) = match result {
            Ok(report) => (report.steps, seen.is_lost),
            Err(TrainError::NonFinite { step, .. }) => (step, true),
            Err(error) => return Err(error.into()),
        };
        Ok(Outcome {
            trial: trial.clone(),
            steps_to_target: seen.reached,
            steps: (steps, limit.steps),
            best: Some(seen.best).filter(|best| best.is_finite()),
            diverged,
            seconds: started.elapsed().as_secs_f64(),
            threads,
            noise_scale,
        })
    }
}
