//! Metrics: measured while training, told to the observer, reported afterwards.

use std::path::Path;
use std::time::Duration;

use crate::engine::{EngineError, MeanErrors, PhaseTimes, Placement, RankPlacement, Sums};

use super::kept::{EvaluatedPart, Evaluation, Kept, Scores};
use super::metric::Watched;

/// One epoch.
///
/// ```
/// use unisono::{Trainer, data::digits, nn::{Loss, Sequential}};
/// let (train, test) = digits();
/// let mut trainer = Trainer::new(Sequential::new(64).dense(10), Loss::SoftmaxCrossEntropy).epochs(2);
/// let epochs = trainer.fit(&train, &test)?.epochs;
/// assert_eq!((epochs.len(), epochs[1].epoch), (2, 2));
/// assert!(epochs[1].train_loss < epochs[0].train_loss);
/// # Ok::<(), unisono::TrainError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct EpochMetrics {
    /// The epoch, from 1.
    pub epoch: u32,
    /// Updates since training began.
    pub step: u64,
    /// Mean loss over the epoch's batches, each before its update.
    pub train_loss: f64,
    /// Share of rows classified correctly in the epoch's batches, each before its update, in 0..=1.
    pub train_accuracy: f64,
    /// Mean loss over the validation set after the epoch; NaN without one.
    pub valid_loss: f64,
    /// Share of the validation set classified correctly, in 0..=1; 0 for losses without classes,
    /// NaN without a validation set.
    pub valid_accuracy: f64,
    /// Mean errors over the validation set, for losses of values.
    pub valid_errors: Option<MeanErrors>,
    /// Mean loss over the test set after the epoch; NaN without one, and where there is a
    /// validation set: the test set is then evaluated once, at the end ([`Kept::test`]).
    pub test_loss: f64,
    /// Share of the test set classified correctly, in 0..=1; 0 for losses without classes, NaN
    /// where [`EpochMetrics::test_loss`] is.
    pub test_accuracy: f64,
    /// Mean errors over the test set, for losses of values.
    pub test_errors: Option<MeanErrors>,
    /// The metric that chooses, where that is not the loss ([`crate::Trainer::watch`]), over the
    /// validation set, or over the test set where there is no other.
    pub watched: Option<Watched>,
    /// Learning rate of the epoch's last step.
    pub lr: f32,
    /// Rows of the epoch's last planned batch.
    pub batch_size: usize,
    /// The gradient noise scale after the epoch, in rows, if it is tracked.
    pub noise_scale: Option<f64>,
    /// Norm of the mean gradient, averaged over the epoch's steps.
    pub grad_norm: f64,
    /// Rows trained on a second, without the evaluation.
    pub throughput_samples_per_s: f64,
    /// Whether all its batches were made. Of an epoch that [`crate::Trainer::max_steps`] cut short
    /// the numbers are those of its batches so far; the call that makes the rest tells of it again.
    pub is_whole: bool,
}

impl EpochMetrics {
    /// What the evaluation after the epoch gave: on the validation set where there is one, else on
    /// the test set.
    pub fn evaluated(&self) -> Scores {
        if self.valid_accuracy.is_nan() {
            Scores {
                loss: self.test_loss,
                accuracy: self.test_accuracy,
                errors: self.test_errors,
                watched: self.watched,
            }
        } else {
            Scores {
                loss: self.valid_loss,
                accuracy: self.valid_accuracy,
                errors: self.valid_errors,
                watched: self.watched,
            }
        }
    }
}

/// What the observer of a training sees.
///
/// ```
/// use unisono::{Trainer, data::digits, nn::{Loss, Sequential}, train::Event};
/// let ((train, test), mut steps) = (digits(), 0);
/// let mut trainer = Trainer::new(Sequential::new(64).dense(10), Loss::SoftmaxCrossEntropy).epochs(2);
/// trainer.fit_observed(&train, &test, |event| {
///     steps += u32::from(matches!(event, Event::Step { .. }));
///     std::ops::ControlFlow::Continue(())
/// })?;
/// assert_eq!(steps, 2 * 45);
/// # Ok::<(), unisono::TrainError>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// The engine is up.
    Started(&'a Setup),
    /// A step was made. Sent after every step, on worker 0's thread: be quick. Not sent for a batch
    /// without a row that counts.
    Step {
        /// The epoch, from 1.
        epoch: u32,
        /// Rows of the epoch so far.
        examples: usize,
        /// The batch's mean loss, before the update.
        loss: f64,
        /// Share of its rows classified correctly before the update, in 0..=1.
        accuracy: f64,
        /// Updates since training began, this one among them.
        step: u64,
        /// The learning rate of the step.
        lr: f32,
        /// Rows of its batch.
        batch_size: usize,
        /// The norm of its mean gradient.
        grad_norm: f64,
        /// The norm of each layer's part of it, if they are tracked
        /// ([`crate::Trainer::track_layer_norms`]).
        layer_norms: &'a [f64],
        /// The gradient noise scale so far, in rows, if it is tracked.
        noise_scale: Option<f64>,
    },
    /// The validation part, or the test part where there is no other, was evaluated between two
    /// steps ([`crate::Trainer::evaluate_at`]).
    Evaluation {
        /// Updates since training began.
        step: u64,
        /// Mean loss over its rows.
        loss: f64,
        /// Share of its rows classified correctly, in 0..=1.
        accuracy: f64,
    },
    /// An epoch is over and evaluated, or was cut short ([`EpochMetrics::is_whole`]).
    Epoch(&'a EpochMetrics),
    /// A worker panicked in a step or an evaluation, which is now done again
    /// ([`crate::train::OnWorkerPanic::Retry`]).
    Repeated {
        /// Which worker, and in which shards and step.
        error: &'a EngineError,
    },
    /// A checkpoint was taken and is being written.
    Checkpoint {
        /// Updates since training began.
        step: u64,
        /// Its file, whole once the training's own thread has written it.
        path: &'a Path,
    },
}

/// What a training runs on.
///
/// ```
/// use unisono::{Trainer, data::digits, nn::{Loss, Sequential}};
/// let (train, test) = digits();
/// let trainer = Trainer::new(Sequential::new(64).dense(10), Loss::SoftmaxCrossEntropy);
/// let setup = trainer.epochs(0).batch_size(2_000).fit(&train, &test)?.setup;
/// assert_eq!((setup.rows, setup.test_rows, setup.shards), (1_437, 360, 16));
/// assert!(setup.warnings.iter().any(|warning| warning.contains("larger than the 1437 rows")));
/// # Ok::<(), unisono::TrainError>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Setup {
    /// Threads asked for and used, and their cores.
    pub placement: Placement,
    /// Each rank's host, threads and cores; empty for a process alone.
    pub ranks: Vec<RankPlacement>,
    /// Shards of a batch.
    pub shards: usize,
    /// Rows of the training set.
    pub rows: usize,
    /// Rows of the validation set; 0 without one.
    pub valid_rows: usize,
    /// Rows of the test set; 0 without one.
    pub test_rows: usize,
    /// The layers whose gradients' norms are tracked.
    pub layers: Vec<String>,
    /// Epochs to come.
    pub epochs: u32,
    /// Rows of the first batch.
    pub batch_size: usize,
    /// What the user should know: idle workers, more threads than cores, a batch larger than the
    /// data.
    pub warnings: Vec<String>,
}

/// The result of a training.
///
/// ```
/// use unisono::{Trainer, data::digits, nn::{Loss, Sequential}};
/// let (train, test) = digits();
/// let mut trainer = Trainer::new(Sequential::new(64).dense(10), Loss::SoftmaxCrossEntropy).epochs(2);
/// let report = trainer.fit(&train, &test)?;
/// assert_eq!((report.steps, report.skipped_steps), (90, 0));
/// assert_eq!(report.test_accuracy(), report.epochs[1].test_accuracy);
/// # Ok::<(), unisono::TrainError>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Report {
    /// What it ran on.
    pub setup: Setup,
    /// One entry an epoch, of this call of `fit`.
    pub epochs: Vec<EpochMetrics>,
    /// Updates made so far, over all calls of `fit`.
    pub steps: u64,
    /// Steps left out because loss or gradient was not finite.
    pub skipped_steps: u64,
    /// Batches of this call without a row that counts, all labels being ignored or of classes of
    /// weight 0: no step was made.
    pub empty_steps: u64,
    /// Steps and evaluations of this call that were done again, since a worker panicked
    /// ([`crate::train::OnWorkerPanic::Retry`]).
    pub repeated_steps: u64,
    /// Whether the observer ended it before its end; a further call finishes it.
    pub is_stopped: bool,
    /// The epoch with the smallest loss, or the best value of the metric that chooses, on the part
    /// that is evaluated, from 1 like [`EpochMetrics::epoch`], if early stopping was asked for.
    pub best_epoch: Option<u32>,
    /// Which weights are kept ([`crate::Trainer::network`]), and the numbers that are theirs.
    pub kept: Kept,
    /// Wall time of this call, evaluation included.
    pub wall_time: Duration,
    /// Rows trained on a second, without evaluation.
    pub throughput_samples_per_s: f64,
    /// Where each worker's time went.
    pub phase_times: Vec<PhaseTimes>,
}

impl Report {
    /// Test accuracy of the weights that are kept ([`Report::kept`]), in 0..=1; NaN of a training
    /// that was stopped within an epoch.
    pub fn test_accuracy(&self) -> f64 {
        self.kept.test.map_or(f64::NAN, |test| test.accuracy)
    }

    /// Validation loss and accuracy of the weights that are kept, if there is a validation set.
    pub fn valid(&self) -> Option<Scores> {
        self.kept.valid
    }

    /// Test loss of the weights that are kept ([`Report::kept`]); NaN of a training that was
    /// stopped within an epoch.
    pub fn test_loss(&self) -> f64 {
        self.kept.test.map_or(f64::NAN, |test| test.loss)
    }
}

/// Sums over an epoch in the making.
#[derive(Clone, Debug, Default)]
pub(super) struct EpochSums {
    pub(super) sums: Sums,
    /// Rows of its batches, whatever they weigh.
    pub(super) rows: u64,
    pub(super) norms: f64,
    pub(super) steps: u64,
    pub(super) lr: f32,
    pub(super) batch_size: usize,
    pub(super) time: Duration,
}

impl EpochSums {
    /// The metrics of epoch `epoch`, from 1, at `step`.
    pub(super) fn metrics(
        &self,
        epoch: u32,
        step: u64,
        evaluation: Option<Evaluation>,
        noise_scale: Option<f64>,
    ) -> EpochMetrics {
        let on = |part| evaluation.and_then(|evaluation| evaluation.on(part));
        let (valid, test) = (on(EvaluatedPart::Validation), on(EvaluatedPart::Test));
        let loss = |scores: Option<Scores>| scores.map_or(f64::NAN, |scores| scores.loss);
        let accuracy = |scores: Option<Scores>| scores.map_or(f64::NAN, |scores| scores.accuracy);
        EpochMetrics {
            is_whole: true,
            batch_size: self.batch_size,
            noise_scale,
            epoch,
            step,
            train_loss: self.sums.mean_loss(),
            train_accuracy: self.sums.accuracy(),
            valid_loss: loss(valid),
            valid_accuracy: accuracy(valid),
            valid_errors: valid.and_then(|valid| valid.errors),
            test_loss: loss(test),
            test_accuracy: accuracy(test),
            test_errors: test.and_then(|test| test.errors),
            watched: evaluation.and_then(|evaluation| evaluation.scores.watched),
            lr: self.lr,
            grad_norm: self.norms / self.steps as f64,
            throughput_samples_per_s: self.rows as f64 / self.time.as_secs_f64(),
        }
    }
}
