//! Training of one fold: all rows but its own; or the training that its folder has.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use crate::cli::before_training::keeping;
use crate::cli::config::TrainSettings;
use crate::cli::config_file::read;
use crate::cli::document::{commented, differences};
use crate::cli::error::{ArgError, CommandError};
use crate::cli::options::TrainArgs;
use crate::cli::resume::{HARMLESS, newest};
use crate::cli::run_recorder::RunRecorder;
use crate::cli::side_by_side::Training;
use crate::cli::task::{Task, first_trainer, task, trainer, trainer_from};
use crate::cli::unreached::unreached;
use crate::cli::watch::check_watch;
use crate::nn::Network;
use crate::run::{Manifest, RunFolder, Status, Which};
use crate::train::{Checkpoint, Event, StopHandle, TrainError, Trainer};

use super::outcome::FoldOutcome;

/// The training without one fold.
pub(super) struct FoldTraining {
    /// Its settings, the fold among them.
    pub(super) args: TrainArgs,
    /// The fold, from 1.
    pub(super) number: usize,
    /// Where its run is kept.
    pub(super) folder: Option<PathBuf>,
    /// Whether no other runs beside it, so that it has all threads.
    pub(super) is_alone: bool,
}

impl Training for FoldTraining {
    type Outcome = FoldOutcome;

    fn outcome(&self, begun: impl FnOnce(StopHandle)) -> Result<Option<FoldOutcome>, CommandError> {
        let mut settings = TrainSettings::try_from(self.args.clone())?;
        if !self.is_alone {
            settings.take_one_thread();
        }
        let task = task(&settings)?;
        check_watch(&settings, &task)?;
        let found = self.found(&task)?;
        let is_found = found.is_some();
        let network = match found {
            Some(network) => Some(network),
            None => self.trained(&settings, &task, begun)?,
        };
        let Some(network) = network else {
            return Ok(None);
        };
        // Of a training that was found as of a new one.
        let evaluated = trainer_from(&settings, network.clone(), task.loss.clone());
        let scores = evaluated.scores(&*task.data[1])?;
        let mut outcome = FoldOutcome::of(self.number, &task, &network, scores)?;
        outcome.is_found = is_found;
        Ok(Some(outcome))
    }
}

impl FoldTraining {
    /// The weights of a run that is finished.
    fn found(&self, task: &Task) -> Result<Option<Network>, CommandError> {
        let Some(folder) = self
            .folder
            .as_deref()
            .filter(|folder| RunFolder::is_run(folder))
        else {
            return Ok(None);
        };
        self.check_settings(folder)?;
        let Ok(manifest) = Manifest::read(folder) else {
            return Ok(None);
        };
        if manifest.status != Status::Finished {
            return Ok(None);
        }
        if manifest.data_sha256 != task.data_sha256() {
            return Err(other(folder, "on other data"));
        }
        let run = RunFolder::read_only(folder)?;
        let (_, network) = run.weights(Which::Newest, task.model.clone())?;
        Ok(Some(network))
    }

    /// Refuses a run of other settings, as far as they change what it comes to.
    fn check_settings(&self, folder: &Path) -> Result<(), CommandError> {
        let stored = read(&folder.join("config.toml"))?;
        let before: TrainArgs = stored.try_into().expect("it has been read as such");
        let changes = differences(&before, &self.args);
        let lengths = ["run.epochs", "run.max_steps"];
        let change = changes
            .iter()
            .find(|(key, ..)| !HARMLESS.contains(&key.as_str()) || lengths.contains(&key.as_str()));
        match change {
            None => Ok(()),
            Some((key, was, is)) => Err(other(folder, &format!("with {key} = {was}, not {is}"))),
        }
    }

    /// The weights that training comes to; nothing if it was stopped.
    fn trained(
        &self,
        settings: &TrainSettings,
        task: &Task,
        begun: impl FnOnce(StopHandle),
    ) -> Result<Option<Network>, CommandError> {
        let run = self.folder.as_deref().map(|folder| self.run(folder));
        let (run, checkpoint) = run.transpose()?.unzip();
        let checkpoint = checkpoint.flatten();
        let mut trainer = self.trainer(settings, task, checkpoint.is_some())?;
        if run.is_some() {
            trainer = keeping(trainer, settings, task, run.as_ref());
        }
        let from = checkpoint.as_ref();
        let recorder = run.map(|run| RunRecorder::new(run, settings, task, from, false));
        let mut recorder = recorder.transpose()?;
        if let Some(checkpoint) = checkpoint {
            trainer.resume(checkpoint)?;
        }
        begun(trainer.stop_handle());
        // Training, which is recorded.
        let mut failed = None;
        let report = trainer.fit_parts_observed(task.parts(), |event| {
            if let (Event::Started(setup), 1) = (event, self.number) {
                setup
                    .warnings
                    .iter()
                    .for_each(|warning| note!("warning: {warning}"));
            }
            if let Some(recorder) = &mut recorder
                && let Err(error) = recorder.record(event)
            {
                failed = Some(error);
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        });
        if let (Err(_), Some(recorder)) = (&report, &mut recorder) {
            recorder.fail();
        }
        if let Some(error) = failed {
            return Err(CommandError::Recording(error));
        }
        let report = report?;
        if let Some(recorder) = &mut recorder {
            let kept = recorder.keep(&trainer, &report, task);
            kept.map_err(CommandError::while_running)?;
        }
        let network = trainer.network().map_err(TrainError::from)?;
        Ok((!report.is_stopped).then_some(network))
    }

    /// The trainer before its first step, or before it goes on.
    fn trainer(
        &self,
        settings: &TrainSettings,
        task: &Task,
        resumes: bool,
    ) -> Result<Trainer, CommandError> {
        if let (1, Some(warning)) = (self.number, unreached(settings, task.data[0].len())) {
            note!("warning: {warning}");
        }
        let (model, loss) = (task.model.clone(), task.loss.clone());
        let trainer = match resumes {
            true => trainer(settings, model, loss),
            false => first_trainer(settings, model, loss, task.preparation.as_ref())?,
        };
        Ok(trainer.sampling(task.sampling.clone()))
    }

    /// The run in `folder`, which is made if there is none, and what it goes on from.
    fn run(&self, folder: &Path) -> Result<(RunFolder, Option<Checkpoint>), CommandError> {
        if !RunFolder::is_run(folder) {
            let run = RunFolder::create(folder, &commented(&self.args))?;
            return Ok((run, None));
        }
        let run = RunFolder::open(folder)?;
        let checkpoint = newest(&run)?;
        Ok((run, checkpoint))
    }
}

fn other(folder: &Path, how: &str) -> CommandError {
    let folder = folder.display();
    let message = format!("{folder} was trained {how}; take another folder");
    ArgError::text("out", &message).into()
}
