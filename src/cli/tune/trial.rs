//! A trial: a training with values of its own, or what its file has of it.

use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::{Map, Value};

use crate::cli::config::TrainSettings;
use crate::cli::error::CommandError;
use crate::cli::options::TrainArgs;
use crate::cli::side_by_side::Training;
use crate::cli::task::{Task, first_trainer, task, trainer};
use crate::cli::watch::check_watch;
use crate::input;
use crate::output;
use crate::train::{Checkpoint, Checkpoints, Parts, StopHandle, TrainError, Trainer};

use super::standing::Standing;
use super::tried::{Reached, Tried};

/// A training that is tried.
#[derive(Clone)]
pub(super) struct Trial {
    /// Its number, from 1.
    pub(super) number: usize,
    pub(super) args: TrainArgs,
    /// What of the settings is its own.
    pub(super) values: Map<String, Value>,
    /// Where what comes of it is kept.
    pub(super) folder: Option<PathBuf>,
    /// Whether no other runs beside it, so that it has all threads.
    pub(super) is_alone: bool,
    /// Its part of a search by halving; all of it in other searches.
    pub(super) stage: Option<Stage>,
}

/// A rung of a search by halving, as a trial comes to it.
#[derive(Clone)]
pub(super) struct Stage {
    /// The rung, from 1.
    pub(super) rung: usize,
    /// Epochs from the first one on, after which the trial is compared with others.
    pub(super) epochs: u32,
    /// What came of it on the rung before.
    pub(super) before: Option<Tried>,
}

impl Training for Trial {
    type Outcome = Tried;

    fn outcome(&self, begun: impl FnOnce(StopHandle)) -> Result<Option<Tried>, CommandError> {
        if let Some(known) = self.ended_before().or_else(|| self.found()) {
            return Ok(Some(known));
        }
        let Some(tried) = self.tried(begun)? else {
            return Ok(None);
        };
        if let Some(file) = self.file() {
            let line = serde_json::to_string(&tried).expect("outcomes are plain values") + "\n";
            output::write(&file, line)
                .map_err(|source| CommandError::Write { path: file, source })?;
        }
        Ok(Some(tried))
    }
}

impl Trial {
    /// The file of its outcome, or of its rung's.
    fn file(&self) -> Option<PathBuf> {
        let rung = self.stage.as_ref();
        let rung = rung.map_or(String::new(), |stage| format!("-epochs-{}", stage.epochs));
        let name = format!("trial-{:05}{rung}.json", self.number);
        Some(self.folder.as_deref()?.join(name))
    }

    /// The folder of the checkpoint that its next rung goes on from.
    fn checkpoints(&self) -> Option<PathBuf> {
        self.stage.as_ref()?;
        let name = format!("trial-{:05}", self.number);
        Some(self.folder.as_deref()?.join(name))
    }

    /// Removes the checkpoint of a trial that does not go on, as far as there is one.
    pub(super) fn forget(&self) -> Result<(), CommandError> {
        let Some(folder) = self.checkpoints().filter(|folder| folder.is_dir()) else {
            return Ok(());
        };
        Checkpoints::remove(&checkpoint_in(&folder))?;
        // What somebody else has put there stays.
        let _ = output::remove_folder(&folder);
        Ok(())
    }

    /// What its file has of the same values.
    fn found(&self) -> Option<Tried> {
        let text = input::read(&self.file()?).ok()?;
        let known: Tried = serde_json::from_slice(&text).ok()?;
        let epochs = known.reached.map(|reached| reached.epochs);
        let is_own = (known.trial, epochs) == (self.number, self.epochs());
        (is_own && known.values == self.values).then(|| self.on_this_rung(known))
    }

    /// The outcome of a trial that ended of itself on an earlier rung.
    fn ended_before(&self) -> Option<Tried> {
        let before = self.stage.as_ref()?.before.as_ref()?;
        let is_whole = before.reached.is_some_and(|reached| reached.is_whole);
        is_whole.then(|| self.on_this_rung(before.clone()))
    }

    fn on_this_rung(&self, mut tried: Tried) -> Tried {
        if let (Some(reached), Some(stage)) = (&mut tried.reached, &self.stage) {
            reached.rung = stage.rung;
        }
        tried
    }

    /// Epochs after which its rung ends.
    fn epochs(&self) -> Option<u32> {
        self.stage.as_ref().map(|stage| stage.epochs)
    }

    /// Where an earlier rung has left it. What cannot be read is trained again.
    fn checkpoint(&self) -> Option<Checkpoint> {
        let file = checkpoint_in(&self.checkpoints()?);
        let checkpoint = Checkpoint::read(&file).ok()?;
        (checkpoint.epochs() < self.epochs()?).then_some(checkpoint)
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
        let (mut trainer, is_resumed) = self.trainer(&settings, &task)?;
        begun(trainer.stop_handle());
        // Training, until its rung or all of it is over.
        let before = self.stage.as_ref().and_then(|stage| stage.before.as_ref());
        let before_seconds = before
            .filter(|_| is_resumed)
            .map_or(0.0, |before| before.seconds);
        let mut standing = Standing::new(&settings, self.epochs());
        if let Some(before) = before {
            standing.begin_with(before);
        }
        let report = trainer.fit_parts_observed(choosing(&task), |event| standing.see(event));
        let seconds = before_seconds + started.elapsed().as_secs_f64();
        // A training that diverges is an outcome.
        let (ended, is_whole) = match report {
            Err(TrainError::NonFinite { .. }) => (Standing::default(), true),
            Ok(report) if report.is_stopped && standing.ends_rung() => (standing, false),
            Ok(report) if report.is_stopped => return Ok(None),
            report => (Standing::of(&report?.kept), true),
        };
        if let (false, Some(folder)) = (is_whole, self.checkpoints()) {
            trainer.checkpoint()?.write(&checkpoint_in(&folder))?;
        }
        let reached = self.stage.as_ref().map(|stage| Reached {
            rung: stage.rung,
            epochs: stage.epochs,
            is_whole,
        });
        Ok(Some(Tried {
            trial: self.number,
            values: self.values.clone(),
            value: ended.value,
            loss: ended.loss,
            epoch: ended.epoch,
            steps: ended.steps,
            seconds,
            reached,
        }))
    }

    /// The trainer before its first step, or where the rung before has left it, which is told.
    fn trainer(
        &self,
        settings: &TrainSettings,
        task: &Task,
    ) -> Result<(Trainer, bool), CommandError> {
        let (model, loss) = (task.model.clone(), task.loss.clone());
        let Some(checkpoint) = self.checkpoint() else {
            let trainer = first_trainer(settings, model, loss, task.preparation.as_ref())?;
            return Ok((trainer.sampling(task.sampling.clone()), false));
        };
        let mut trainer = trainer(settings, model, loss).sampling(task.sampling.clone());
        trainer.resume(checkpoint)?;
        Ok((trainer, true))
    }
}

fn checkpoint_in(folder: &Path) -> PathBuf {
    folder.join("checkpoint.json")
}

/// The rows to train on and those that choose; the test part is not read where there are others.
fn choosing(task: &Task) -> Parts<'_> {
    let Parts { train, valid, test } = task.parts();
    match (valid, test) {
        (Some(valid), _) => Parts::new(train).valid(valid),
        (None, Some(test)) => Parts::new(train).test(test),
        (None, None) => Parts::new(train),
    }
}
