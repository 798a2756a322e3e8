//! Metrics log: records of a run, as JSON lines and for TensorBoard.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::output;
use crate::train::{EpochMetrics, Event};

use super::error::RunError;
use super::folder::RunFolder;
use super::regression::{ErrorUnits, UnitErrors};
use super::tensorboard::EventFile;

/// Steps of an epoch that are recorded, about.
const STEPS_OF_AN_EPOCH: u64 = 50;

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
        /// Mean loss over the test rows.
        test_loss: Option<f64>,
        /// Share of the test rows classified correctly, in 0..=1; `None` of a regression.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        test_accuracy: Option<f64>,
        /// Errors of a regression over the test rows, in the units of its target.
        #[serde(flatten)]
        test_errors: UnitErrors,
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
        let finite = |value: f64| Some(value).filter(|value| value.is_finite());
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
            Event::Epoch(&EpochMetrics {
                epoch,
                step,
                train_loss,
                train_accuracy,
                test_loss,
                test_accuracy,
                test_errors,
                lr,
                batch_size,
                noise_scale,
                grad_norm,
                throughput_samples_per_s,
                is_whole,
            }) => Some(Record::Epoch {
                step,
                epoch,
                train_loss: finite(train_loss),
                train_accuracy: finite(train_accuracy).filter(|_| test_errors.is_none()),
                test_loss: finite(test_loss),
                test_accuracy: finite(test_accuracy).filter(|_| test_errors.is_none()),
                test_errors: UnitErrors::default(),
                lr,
                batch_size,
                grad_norm: finite(grad_norm),
                noise_scale,
                throughput_samples_per_s,
                is_cut: !is_whole,
            }),
            _ => None,
        }
    }

    /// The same with the errors of a regression, in units.
    #[must_use]
    pub fn measured(mut self, event: &Event<'_>, units: ErrorUnits) -> Self {
        if let (Record::Epoch { test_errors, .. }, Event::Epoch(metrics)) = (&mut self, event) {
            let errors = metrics.test_errors.map(|means| units.errors(means));
            *test_errors = errors.unwrap_or_default();
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
    fn evaluated(&self) -> Option<LastEpoch> {
        match *self {
            Record::Step { .. } => None,
            Record::Epoch {
                epoch,
                step,
                test_loss,
                test_accuracy,
                test_errors,
                ..
            } => Some(LastEpoch {
                epoch,
                step,
                test_loss,
                test_accuracy,
                test_r2: test_errors.r2,
            }),
        }
    }

    /// Names and values for TensorBoard.
    fn scalars(&self) -> Vec<(&'static str, f64)> {
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
                test_loss,
                test_accuracy,
                test_errors,
                noise_scale,
                throughput_samples_per_s,
                ..
            } => {
                let mut scalars = vec![
                    ("loss/train", train_loss.unwrap_or(f64::NAN)),
                    ("loss/test", test_loss.unwrap_or(f64::NAN)),
                ];
                let measured = [
                    ("accuracy/train", train_accuracy),
                    ("accuracy/test", test_accuracy),
                    ("RMSE/test", test_errors.rmse),
                    ("MAE/test", test_errors.mae),
                    ("R2/test", test_errors.r2),
                ];
                let measured = measured.into_iter();
                scalars.extend(measured.filter_map(|(name, value)| Some((name, value?))));
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
/// let last = LastEpoch { epoch: 3, step: 135, test_loss: Some(0.25), test_accuracy: Some(0.9), test_r2: None };
/// assert_eq!(serde_json::to_value(last)?["epoch"], 3);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LastEpoch {
    /// The epoch, from 1.
    pub epoch: u32,
    /// Updates after it.
    pub step: u64,
    /// Mean loss over the test rows; `None` if it is not finite.
    pub test_loss: Option<f64>,
    /// Share of the test rows classified correctly, in 0..=1; `None` of a regression.
    #[serde(default)]
    pub test_accuracy: Option<f64>,
    /// The coefficient of determination of a regression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_r2: Option<f64>,
}

/// Writes records: every epoch, and some fifty steps of each.
#[derive(Debug)]
pub struct MetricsLog {
    path: PathBuf,
    lines: File,
    events: EventFile,
    /// Steps between two that are recorded.
    every: u64,
    last_epoch: Option<LastEpoch>,
    /// Of a regression.
    units: Option<ErrorUnits>,
}

impl MetricsLog {
    /// Goes on after `step` updates and `epochs` whole epochs: what was recorded later will be made
    /// again.
    ///
    /// # Errors
    /// [`RunError::Read`], [`RunError::Write`].
    pub fn open(run: &RunFolder, step: u64, epochs: u32) -> Result<Self, RunError> {
        let path = run.path().join("metrics.jsonl");
        let failed = RunError::write(&path);
        let (mut kept, mut last_epoch) = (String::new(), None);
        for record in Self::read(run.path())? {
            // A checkpoint after an epoch's last step may have been made before its evaluation.
            let is_behind = match record {
                Record::Step { step: at, .. } => at <= step,
                Record::Epoch { epoch, .. } => epoch <= epochs,
            };
            if is_behind {
                kept += &line(&record);
                last_epoch = record.evaluated().or(last_epoch);
            }
        }
        run.write("metrics.jsonl", kept.as_bytes())?;
        let lines = output::grow(&path).map_err(failed)?;
        Ok(Self {
            lines,
            events: EventFile::begin(run.path()).map_err(RunError::write(run.path()))?,
            every: 1,
            last_epoch,
            units: None,
            path,
        })
    }

    /// The same of a regression, whose errors are recorded in these units.
    #[must_use]
    pub fn measured_in(self, units: ErrorUnits) -> Self {
        Self {
            units: Some(units),
            ..self
        }
    }

    /// The records in a run's folder; a line that was cut by a kill is left out.
    ///
    /// # Errors
    /// [`RunError::Read`].
    pub fn read(folder: &Path) -> Result<Vec<Record>, RunError> {
        let path = folder.join("metrics.jsonl");
        let failed = RunError::read(&path);
        let file = match fs::File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed(error)),
        };
        let lines = BufReader::new(file).lines();
        let lines = lines.collect::<Result<Vec<_>, _>>().map_err(failed)?;
        let records = lines.iter().map(|line| serde_json::from_str(line));
        Ok(records.filter_map(Result::ok).collect())
    }

    /// The last epoch that was evaluated, if there was one, in this process or one before.
    pub fn last_epoch(&self) -> Option<LastEpoch> {
        self.last_epoch
    }

    /// Records an event, if it is one to record.
    ///
    /// # Errors
    /// [`RunError::Write`].
    pub fn record(&mut self, event: &Event<'_>) -> Result<(), RunError> {
        match event {
            Event::Started(setup) => {
                let steps = setup.rows.div_ceil(setup.batch_size.max(1)) as u64;
                self.every = steps.div_ceil(STEPS_OF_AN_EPOCH).max(1);
                return Ok(());
            }
            Event::Step { step, .. } if !step.is_multiple_of(self.every) => return Ok(()),
            _ => {}
        }
        let Some(mut record) = Record::of(event) else {
            return Ok(());
        };
        if let Some(units) = self.units {
            record = record.measured(event, units);
        }
        let failed = RunError::write(&self.path);
        self.last_epoch = record.evaluated().or(self.last_epoch);
        let text = line(&record);
        self.lines.write_all(text.as_bytes()).map_err(failed)?;
        let written = self.events.scalars(record.step(), &record.scalars());
        written.map_err(failed)
    }
}

fn line(record: &Record) -> String {
    serde_json::to_string(record).expect("records are plain values") + "\n"
}
