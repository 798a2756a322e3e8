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
use serde_json::{Value, json};

use crate::engine::{MeanErrors, Sums};

use super::metric::{Metric, Watched};

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
    /// Those after the whole epoch with the smallest loss on the part that is evaluated
    /// ([`crate::train::EarlyStopping::restore_best`]).
    BestEpoch,
    /// The average that the optimiser keeps ([`crate::optim::Optimizer::with_average`]), after the
    /// last step.
    Average,
    /// The average as it was after that epoch.
    AverageOfBestEpoch,
}

impl std::fmt::Display for KeptWeights {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.chosen_by(EvaluatedPart::Test))
    }
}

impl KeptWeights {
    /// Them in words, where epochs are evaluated on `part`.
    pub fn chosen_by(self, part: EvaluatedPart) -> &'static str {
        use EvaluatedPart::{Test, Validation};
        match (self, part) {
            (KeptWeights::LastStep, _) => "the last step",
            (KeptWeights::BestEpoch, Test) => "the whole epoch with the smallest test loss",
            (KeptWeights::BestEpoch, Validation) => {
                "the whole epoch with the smallest validation loss"
            }
            (KeptWeights::Average, _) => "the average of the weights",
            (KeptWeights::AverageOfBestEpoch, Test) => {
                "the average of the weights at the whole epoch with the smallest test loss"
            }
            (KeptWeights::AverageOfBestEpoch, Validation) => {
                "the average of the weights at the whole epoch with the smallest validation loss"
            }
        }
    }
}

/// The part that is evaluated while training goes on. By it is chosen what is chosen: when training
/// stops, which epoch is kept, when a plateau lowers the rate.
///
/// ```
/// use unisono::train::EvaluatedPart;
/// assert_eq!(EvaluatedPart::Validation.to_string(), "validation");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EvaluatedPart {
    /// The test part, where there is no other. What was chosen by it, it can no longer test.
    #[default]
    Test,
    /// The validation part. The test part is evaluated once, at the end.
    Validation,
}

/// Names of the metric that chooses, and of its value, in a checkpoint.
const WATCH: &str = "watch";
const WATCHED: &str = "watched";

impl EvaluatedPart {
    /// Names of its loss, accuracy and errors in a checkpoint.
    fn keys(self) -> [&'static str; 3] {
        match self {
            EvaluatedPart::Test => ["test_loss", "test_accuracy", "test_errors"],
            EvaluatedPart::Validation => ["valid_loss", "valid_accuracy", "valid_errors"],
        }
    }

    /// Which value of the metric that chooses is the best.
    fn best(self, metric: Metric) -> String {
        let most = match metric.is_larger_better() {
            true => "largest",
            false => "smallest",
        };
        format!("{most} {self} {metric}")
    }
}

impl std::fmt::Display for EvaluatedPart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            EvaluatedPart::Test => "test",
            EvaluatedPart::Validation => "validation",
        })
    }
}

/// What an evaluation gave, and on which part.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Evaluation {
    pub(super) part: EvaluatedPart,
    pub(super) scores: Scores,
}

impl Evaluation {
    /// The scores, if they are those of `part`.
    pub(super) fn on(self, part: EvaluatedPart) -> Option<Scores> {
        (self.part == part).then_some(self.scores)
    }

    /// Adds it to a checkpoint's body.
    pub(super) fn write_to(self, body: &mut Value) {
        let Scores {
            loss,
            accuracy,
            errors,
            watched,
        } = self.scores;
        let pair = errors.map(|errors| [errors.squared, errors.absolute]);
        let [loss_key, accuracy_key, errors_key] = self.part.keys();
        body[loss_key] = json!(loss);
        body[accuracy_key] = json!(accuracy);
        body[errors_key] = json!(pair);
        if let Some(Watched { metric, value, .. }) = watched {
            (body[WATCH], body[WATCHED]) = (json!(metric), json!(value));
        }
    }

    /// That of a checkpoint's body, if it has one.
    pub(super) fn in_body(body: &Value) -> Option<Self> {
        let metric = serde_json::from_value(body[WATCH].clone()).ok();
        let watched = metric.map(|metric| Watched {
            metric,
            // JSON has no NaN.
            value: body[WATCHED].as_f64().unwrap_or(f64::NAN),
        });
        let on = |part: EvaluatedPart| {
            let [loss, accuracy, errors] = part.keys().map(|key| &body[key]);
            let errors = errors[0].as_f64().zip(errors[1].as_f64());
            let scores = Scores {
                loss: loss.as_f64()?,
                accuracy: accuracy.as_f64()?,
                errors: errors.map(|(squared, absolute)| MeanErrors { squared, absolute }),
                watched,
            };
            Some(Evaluation { part, scores })
        };
        on(EvaluatedPart::Validation).or_else(|| on(EvaluatedPart::Test))
    }
}

/// What an evaluation of a data set gave.
///
/// ```
/// use unisono::train::Scores;
/// let scores = Scores { loss: 0.25, accuracy: 0.9, errors: None, watched: None };
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
    /// The metric that chooses, where that is not the loss ([`crate::Trainer::watch`]).
    pub watched: Option<Watched>,
}

impl Scores {
    pub(super) fn of(sums: &Sums) -> Self {
        Self {
            loss: sums.mean_loss(),
            accuracy: sums.accuracy(),
            errors: sums.errors.means(),
            watched: None,
        }
    }

    /// The value of the metric that chooses, if it is finite and none of the other scores
    /// ([`Metric::is_told`]).
    pub fn told(&self) -> Option<f64> {
        let watched = self.watched.filter(|watched| watched.metric.is_told());
        let value = watched.map(|watched| watched.value);
        value.filter(|value| value.is_finite())
    }

    /// How bad they are by the metric that chooses: the smaller, the better.
    pub(super) fn badness(&self) -> f64 {
        let of = |watched: Watched| watched.metric.badness(watched.value);
        self.watched.map_or(self.loss, of)
    }

    /// The metric that chooses.
    pub(super) fn metric(&self) -> Metric {
        self.watched.map_or(Metric::Loss, |watched| watched.metric)
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
#[non_exhaustive]
pub struct Kept {
    /// Which weights they are.
    pub weights: KeptWeights,
    /// Whole epochs that had been made; so the number of the last one, counted from 1. Of weights
    /// within an epoch, those before it.
    pub epoch: u32,
    /// Updates that had been made.
    pub step: u64,
    /// The part by which something was chosen, if anything was: by early stopping or the plateau
    /// rule. If that is the test part, [`Kept::test`] is better than new rows will be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chosen_on: Option<EvaluatedPart>,
    /// The metric that chose ([`crate::Trainer::watch`]).
    #[serde(default, skip_serializing_if = "is_loss")]
    pub watch: Metric,
    /// What an evaluation of them on the validation data gave, if there are such.
    #[serde(skip)]
    pub valid: Option<Scores>,
    /// What an evaluation of them on the test data gave; `None` of a training that was stopped
    /// where none was made.
    #[serde(skip)]
    pub test: Option<Scores>,
}

impl Kept {
    /// Which weights they are, in words.
    ///
    /// ```
    /// use unisono::train::Kept;
    /// assert_eq!(Kept::default().weights_text(), "the last step");
    /// ```
    pub fn weights_text(&self) -> String {
        let part = self.chosen_on.unwrap_or_default();
        let text = self.weights.chosen_by(part);
        // The texts are those of the loss.
        text.replace(&part.best(Metric::Loss), &part.best(self.watch))
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
fn is_loss(metric: &Metric) -> bool {
    *metric == Metric::Loss
}
