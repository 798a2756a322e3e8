//! Records of a training: what is logged of a step, and of an epoch.

use serde::{Deserialize, Serialize};

use crate::engine::MeanErrors;
use crate::train::{EpochMetrics, Event};

use super::regression::{ErrorUnits, UnitErrors, ValidErrors};

/// A line of `metrics.jsonl`.
///
/// ```
/// use unisono::run::Record;
/// let line = r#"{"event":"step","step":7,"epoch":1,"loss":2.25,"lr":0.1,"batch_size":32,"grad_norm":1.5}"#;
/// let record: Record = serde_json::from_str(line)?;
/// assert_eq!((record.step(), serde_json::to_string(&record)?.as_str()), (7, line));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Record {
    /// A step.
    Step {
        /// Updates so far.
        step: u64,
        /// The epoch, from 1.
        epoch: u32,
        /// The batch's mean loss, before the update; `None` if it is not finite.
        loss: Option<f64>,
        /// The learning rate.
        lr: f32,
        /// Rows of the batch.
        batch_size: usize,
        /// The norm of the mean gradient; `None` if it is not finite.
        grad_norm: Option<f64>,
        /// The norm of each layer's part of it, in the order of [`crate::run::Manifest::layers`].
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        layer_grad_norms: Vec<Option<f64>>,
    },
    /// An epoch, evaluated at its end or where it was cut.
    Epoch {
        /// Updates so far.
        step: u64,
        /// The epoch, from 1.
        epoch: u32,
        /// Mean loss over the epoch's batches.
        train_loss: Option<f64>,
        /// Share classified correctly in the epoch's batches, in 0..=1; `None` of a regression.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        train_accuracy: Option<f64>,
        /// Mean loss over the validation rows, if there are such; the test rows are then evaluated
        /// at the end alone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        valid_loss: Option<f64>,
        /// Share of the validation rows classified correctly, in 0..=1; `None` of a regression.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        valid_accuracy: Option<f64>,
        /// Errors of a regression over the validation rows, in the units of its target.
        #[serde(flatten, with = "ValidErrors")]
        valid_errors: UnitErrors,
        /// Mean loss over the test rows.
        test_loss: Option<f64>,
        /// Share of the test rows classified correctly, in 0..=1; `None` of a regression.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        test_accuracy: Option<f64>,
        /// Errors of a regression over the test rows, in the units of its target.
        #[serde(flatten)]
        test_errors: UnitErrors,
        /// The metric that chooses, over the same rows, where it is none of the others.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        watched: Option<f64>,
        /// Learning rate of the last step.
        lr: f32,
        /// Rows of the last planned batch.
        batch_size: usize,
        /// Norm of the mean gradient, averaged over the epoch's steps.
        grad_norm: Option<f64>,
        /// The gradient noise scale in rows, if it is tracked.
        noise_scale: Option<f64>,
        /// Rows trained on a second.
        throughput_samples_per_s: f64,
        /// Whether the training ended within it, after the last step that was asked for; a run that
        /// goes on records the whole epoch instead.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        is_cut: bool,
    },
}

impl Record {
    /// The record of an event, if there is one for it.
    pub fn of(event: &Event<'_>) -> Option<Self> {
        match *event {
            Event::Step {
                epoch,
                loss,
                step,
                lr,
                batch_size,
                grad_norm,
                layer_norms,
                ..
            } => Some(Record::Step {
                step,
                epoch,
                loss: finite(loss),
                lr,
                batch_size,
                grad_norm: finite(grad_norm),
                layer_grad_norms: layer_norms.iter().map(|&norm| finite(norm)).collect(),
            }),
            Event::Epoch(metrics) => Some(Self::of_epoch(metrics)),
            _ => None,
        }
    }

    fn of_epoch(metrics: &EpochMetrics) -> Self {
        let classifies = metrics.valid_errors.or(metrics.test_errors).is_none();
        let share = |value: f64| finite(value).filter(|_| classifies);
        Record::Epoch {
            step: metrics.step,
            epoch: metrics.epoch,
            train_loss: finite(metrics.train_loss),
            train_accuracy: share(metrics.train_accuracy),
            valid_loss: finite(metrics.valid_loss),
            valid_accuracy: share(metrics.valid_accuracy),
            valid_errors: UnitErrors::default(),
            test_loss: finite(metrics.test_loss),
            test_accuracy: share(metrics.test_accuracy),
            test_errors: UnitErrors::default(),
            watched: metrics.evaluated().told(),
            lr: metrics.lr,
            batch_size: metrics.batch_size,
            grad_norm: finite(metrics.grad_norm),
            noise_scale: metrics.noise_scale,
            throughput_samples_per_s: metrics.throughput_samples_per_s,
            is_cut: !metrics.is_whole,
        }
    }

    /// The same with the errors of a regression, in units.
    #[must_use]
    pub fn measured(mut self, event: &Event<'_>, units: ErrorUnits) -> Self {
        let in_units = |means: Option<MeanErrors>| means.map(|means| units.errors(means));
        if let (
            Record::Epoch {
                valid_errors,
                test_errors,
                ..
            },
            Event::Epoch(metrics),
        ) = (&mut self, event)
        {
            *valid_errors = in_units(metrics.valid_errors).unwrap_or_default();
            *test_errors = in_units(metrics.test_errors).unwrap_or_default();
        }
        self
    }

    /// Updates so far.
    pub fn step(&self) -> u64 {
        match self {
            Record::Step { step, .. } | Record::Epoch { step, .. } => *step,
        }
    }

    /// An epoch's number and evaluation.
    pub(crate) fn evaluated(&self) -> Option<LastEpoch> {
        match *self {
            Record::Step { .. } => None,
            Record::Epoch {
                epoch,
                step,
                valid_loss,
                valid_accuracy,
                valid_errors,
                test_loss,
                test_accuracy,
                test_errors,
                ..
            } => Some(LastEpoch {
                epoch,
                step,
                valid_loss,
                valid_accuracy,
                valid_r2: valid_errors.r2,
                test_loss,
                test_accuracy,
                test_r2: test_errors.r2,
            }),
        }
    }

    /// Names and values for TensorBoard.
    pub(super) fn scalars(&self) -> Vec<(&'static str, f64)> {
        match *self {
            Record::Step {
                loss,
                lr,
                batch_size,
                grad_norm,
                ..
            } => vec![
                ("step/loss", loss.unwrap_or(f64::NAN)),
                ("step/learning rate", f64::from(lr)),
                ("step/batch size", batch_size as f64),
                ("step/gradient norm", grad_norm.unwrap_or(f64::NAN)),
            ],
            Record::Epoch {
                train_loss,
                train_accuracy,
                valid_loss,
                valid_accuracy,
                valid_errors,
                test_loss,
                test_accuracy,
                test_errors,
                watched,
                noise_scale,
                throughput_samples_per_s,
                ..
            } => {
                let has_valid = valid_loss.or(valid_accuracy).is_some();
                let (loss, measured) = match has_valid {
                    true => (
                        ("loss/valid", valid_loss),
                        valid_scalars(valid_accuracy, valid_errors),
                    ),
                    false => (
                        ("loss/test", test_loss),
                        test_scalars(test_accuracy, test_errors),
                    ),
                };
                let real = |value: Option<f64>| value.unwrap_or(f64::NAN);
                let mut scalars = vec![("loss/train", real(train_loss)), (loss.0, real(loss.1))];
                let measured = [("accuracy/train", train_accuracy)]
                    .into_iter()
                    .chain(measured);
                scalars.extend(measured.filter_map(|(name, value)| Some((name, value?))));
                scalars.extend(watched.map(|value| ("watched/metric", value)));
                scalars.push(("throughput/samples a second", throughput_samples_per_s));
                scalars.extend(noise_scale.map(|scale| ("noise scale/rows", scale)));
                scalars
            }
        }
    }
}

/// The last epoch that a run has evaluated, whole or cut short, and what that gave. Its weights may be
/// others than those that are kept.
///
/// ```
/// use unisono::run::LastEpoch;
/// let last = LastEpoch { epoch: 3, step: 135, test_loss: Some(0.25), ..LastEpoch::default() };
/// assert_eq!(serde_json::to_value(last)?["epoch"], 3);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LastEpoch {
    /// The epoch, from 1.
    pub epoch: u32,
    /// Updates after it.
    pub step: u64,
    /// Mean loss over the validation rows; `None` without such, or if it is not finite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_loss: Option<f64>,
    /// Share of the validation rows classified correctly, in 0..=1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_accuracy: Option<f64>,
    /// The coefficient of determination of a regression on the validation rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_r2: Option<f64>,
    /// Mean loss over the test rows; `None` if it is not finite, and where there are validation
    /// rows.
    pub test_loss: Option<f64>,
    /// Share of the test rows classified correctly, in 0..=1; `None` of a regression.
    #[serde(default)]
    pub test_accuracy: Option<f64>,
    /// The coefficient of determination of a regression on the test rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_r2: Option<f64>,
}

fn valid_scalars(accuracy: Option<f64>, errors: UnitErrors) -> [(&'static str, Option<f64>); 4] {
    [
        ("accuracy/valid", accuracy),
        ("RMSE/valid", errors.rmse),
        ("MAE/valid", errors.mae),
        ("R2/valid", errors.r2),
    ]
}

fn test_scalars(accuracy: Option<f64>, errors: UnitErrors) -> [(&'static str, Option<f64>); 4] {
    [
        ("accuracy/test", accuracy),
        ("RMSE/test", errors.rmse),
        ("MAE/test", errors.mae),
        ("R2/test", errors.r2),
    ]
}

/// JSON has no other numbers.
fn finite(value: f64) -> Option<f64> {
    Some(value).filter(|value| value.is_finite())
}

/// The points of lines over the steps: for each of `wanted`, an event and a field of it, the steps of
/// the records that have a number there, and the numbers.
pub(crate) fn points(records: &[Record], wanted: &[(&str, &str)]) -> Vec<Vec<(f64, f64)>> {
    let mut found = vec![Vec::new(); wanted.len()];
    // One record at a time as a document: all those of a long training would fill the memory.
    for record in records {
        let record = serde_json::to_value(record).expect("records are plain values");
        for (&(event, field), points) in wanted.iter().zip(&mut found) {
            let place = (record["step"].as_f64(), record[field].as_f64());
            if record["event"] == event
                && let (Some(step), Some(value)) = place
            {
                points.push((step, value));
            }
        }
    }
    found
}
