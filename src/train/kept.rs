//! Kept weights: which weights a training keeps, and the numbers that belong to them.
//!
//! Three things may be kept: the weights of the last step, those of the epoch with the smallest
//! test loss (early stopping), or the average of the weights. Here, and nowhere else, is decided
//! which. [`Trainer::network`] gives these weights, [`Report::kept`] says which they are and what
//! an evaluation of them gives; summary, JSON, manifest, `list`, `diff` and the report page read it
//! from there.
//!
//! [`Trainer::network`]: crate::Trainer::network
//! [`Report::kept`]: super::Report::kept

use serde::{Deserialize, Serialize};

use crate::engine::{MeanErrors, Sums};

/// Which weights a training keeps.
///
/// ```
/// use unisono::train::KeptWeights;
/// assert_eq!(KeptWeights::BestEpoch.to_string(), "the whole epoch with the smallest test loss");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum KeptWeights {
    /// Those after the last step.
    #[default]
    LastStep,
    /// Those after the whole epoch with the smallest test loss
    /// ([`crate::train::EarlyStopping::restore_best`]).
    BestEpoch,
    /// The average that the optimiser keeps ([`crate::optim::Optimizer::with_average`]), after the
    /// last step.
    Average,
    /// The average as it was after the whole epoch with the smallest test loss.
    AverageOfBestEpoch,
}

impl std::fmt::Display for KeptWeights {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            KeptWeights::LastStep => "the last step",
            KeptWeights::BestEpoch => "the whole epoch with the smallest test loss",
            KeptWeights::Average => "the average of the weights",
            KeptWeights::AverageOfBestEpoch => {
                "the average of the weights at the whole epoch with the smallest test loss"
            }
        })
    }
}

/// What an evaluation of a data set gave.
///
/// ```
/// use unisono::train::Scores;
/// let scores = Scores { loss: 0.25, accuracy: 0.9, errors: None };
/// assert!(scores.accuracy <= 1.0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scores {
    /// Mean loss of a row.
    pub loss: f64,
    /// Share of the rows that were classified correctly, in 0..=1; 0 for losses without classes.
    pub accuracy: f64,
    /// Mean errors of the outputs, for losses of values: as large as the targets that were trained
    /// on.
    pub errors: Option<MeanErrors>,
}

impl Scores {
    pub(super) fn of(sums: &Sums) -> Self {
        Self {
            loss: sums.mean_loss(),
            accuracy: sums.accuracy(),
            errors: sums.errors.means(),
        }
    }
}

/// The weights that a training keeps, and the numbers that are theirs.
///
/// ```
/// use unisono::{Trainer, data::digits, nn::{Loss, Sequential}, optim::Optimizer, train::KeptWeights};
/// let (train, test) = digits();
/// let mut trainer = Trainer::new(Sequential::new(64).dense(10), Loss::SoftmaxCrossEntropy)
///     .optimizer(Optimizer::sgd(0.1).with_average(0.9))
///     .epochs(2);
/// let kept = trainer.fit(&train, &test)?.kept;
/// assert_eq!((kept.weights, kept.epoch, kept.step), (KeptWeights::Average, 2, 90));
/// let (loss, _) = trainer.evaluate(&test)?;
/// assert_eq!(kept.test.map(|test| test.loss), Some(loss));
/// # Ok::<(), unisono::TrainError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// Which weights they are.
    pub weights: KeptWeights,
    /// Whole epochs that had been made; so the number of the last one, counted from 1. Of weights
    /// within an epoch, those before it.
    pub epoch: u32,
    /// Updates that had been made.
    pub step: u64,
    /// What an evaluation of them on the test data gave; `None` of a training that was stopped
    /// where none was made.
    #[serde(skip)]
    pub test: Option<Scores>,
}
