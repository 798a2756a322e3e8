//! A trial: a training with values of its own, or what its file has of it.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::cli::config::TrainSettings;
use crate::cli::error::CommandError;
use crate::cli::options::TrainArgs;
use crate::cli::side_by_side::Training;
use crate::cli::task::{first_trainer, task};
use crate::cli::watch::check_watch;
use crate::input;
use crate::output;
use crate::train::{Parts, StopHandle, TrainError};

/// A training that is tried.
pub(super) struct Trial {
    /// Its number, from 1.
    pub(super) number: usize,
    pub(super) args: TrainArgs,
    /// What of the settings is its own.
    pub(super) values: Map<String, Value>,
    /// Where what comes of it is kept.
    pub(super) file: Option<PathBuf>,
    /// Whether no other runs beside it, so that it has all threads.
    pub(super) is_alone: bool,
}

/// What came of a trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Tried {
    pub(super) trial: usize,
    pub(super) values: Map<String, Value>,
    /// The metric on the rows that choose; none of a training that diverged.
    pub(super) value: Option<f64>,
    pub(super) loss: Option<f64>,
    /// The epoch that is kept.
    pub(super) epoch: u32,
    pub(super) steps: u64,
    pub(super) seconds: f64,
}

impl Training for Trial {
    type Outcome = Tried;

    fn outcome(&self, begun: impl FnOnce(StopHandle)) -> Result<Option<Tried>, CommandError> {
        if let Some(known) = self.found() {
            return Ok(Some(known));
        }
        let Some(tried) = self.tried(begun)? else {
            return Ok(None);
        };
        if let Some(file) = &self.file {
            let line = serde_json::to_string(&tried).expect("outcomes are plain values") + "\n";
            output::write(file, line).map_err(|source| CommandError::Write {
                path: file.clone(),
                source,
            })?;
        }
        Ok(Some(tried))
    }
}

impl Trial {
    /// What its file has of the same values.
    fn found(&self) -> Option<Tried> {
        let text = input::read(self.file.as_deref()?).ok()?;
        let known: Tried = serde_json::from_slice(&text).ok()?;
        (known.trial == self.number && known.values == self.values).then_some(known)
    }

    fn tried(&self, begun: impl FnOnce(StopHandle)) -> Result<Option<Tried>, CommandError> {
        let started = Instant::now();
        let mut settings = TrainSettings::try_from(self.args.clone())?;
        settings.check_batches()?;
        if !self.is_alone {
            settings.take_one_thread();
        }
        let task = task(&settings)?;
        check_watch(&settings, &task)?;
        // The rows that choose; the test part is not read where there are others.
        let Parts { train, valid, test } = task.parts();
        let parts = match (valid, test) {
            (Some(valid), _) => Parts::new(train).valid(valid),
            (None, Some(test)) => Parts::new(train).test(test),
            (None, None) => Parts::new(train),
        };
        let trainer = first_trainer(
            &settings,
            task.model.clone(),
            task.loss.clone(),
            task.preparation.as_ref(),
        )?;
        let mut trainer = trainer.sampling(task.sampling.clone());
        begun(trainer.stop_handle());
        let tried = |value: Option<f64>, loss: Option<f64>| {
            let finite = |value: Option<f64>| value.filter(|value| value.is_finite());
            Tried {
                trial: self.number,
                values: self.values.clone(),
                value: finite(value),
                loss: finite(loss),
                epoch: 0,
                steps: 0,
                seconds: started.elapsed().as_secs_f64(),
            }
        };
        let report = match trainer.fit_parts_observed(parts, |_| ControlFlow::Continue(())) {
            // A training that diverges is an outcome.
            Err(TrainError::NonFinite { .. }) => return Ok(Some(tried(None, None))),
            report => report?,
        };
        if report.is_stopped {
            return Ok(None);
        }
        let scores = report.kept.valid.or(report.kept.test);
        let value =
            scores.map(|scores| scores.watched.map_or(scores.loss, |watched| watched.value));
        Ok(Some(Tried {
            epoch: report.kept.epoch,
            steps: report.kept.step,
            ..tried(value, scores.map(|scores| scores.loss))
        }))
    }
}
