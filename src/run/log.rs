//! Metrics log: records of a run, as JSON lines and for TensorBoard.

use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::input;
use crate::output::{self, Written};
use crate::train::Event;

use super::error::RunError;
use super::folder::RunFolder;
use super::record::{LastEpoch, Record};
use super::regression::ErrorUnits;
use super::tensorboard::EventFile;

/// Steps of an epoch that are recorded, about.
const STEPS_OF_AN_EPOCH: u64 = 50;

/// Writes records: every epoch, and some fifty steps of each.
///
/// ```
/// use std::ops::ControlFlow;
/// use unisono::{Trainer, data::digits, nn::{Loss, Sequential}};
/// use unisono::{run::{MetricsLog, RunFolder}, train::{Event, View}};
/// let folder = std::env::temp_dir().join(format!("unisono-log-{}", std::process::id()));
/// let (train, test) = digits();
/// let trainer = Trainer::new(Sequential::new(64).dense(10), Loss::SoftmaxCrossEntropy);
/// let mut trainer = trainer.epochs(1);
/// let mut log = MetricsLog::open(&RunFolder::create(&folder, "")?, 0, 0)?;
/// trainer.fit_with(&train, &test, &mut |event: &Event<'_>, _: &View<'_>| {
///     log.record(event).expect("the disk has room");
///     ControlFlow::Continue(())
/// })?;
/// // 45 steps of 32 rows, then the epoch.
/// let records = MetricsLog::read(&folder)?;
/// assert_eq!((records.len(), records[44].step(), log.last_epoch().unwrap().step), (46, 45, 45));
/// # std::fs::remove_dir_all(folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct MetricsLog {
    path: PathBuf,
    lines: Written,
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

    /// The records in a run's folder; a line that a kill has cut, or that is none, is left out.
    ///
    /// # Errors
    /// [`RunError::Read`].
    pub fn read(folder: &Path) -> Result<Vec<Record>, RunError> {
        let path = folder.join("metrics.jsonl");
        let failed = RunError::read(&path);
        let bytes = match input::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed(error)),
        };
        let lines = bytes.split(|&byte| byte == b'\n');
        let records = lines.map(serde_json::from_slice);
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
