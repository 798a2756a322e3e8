//! What a training leaves in its run's folder.

use std::path::Path;

use crate::export::write_safetensors;
use crate::nn::NnError;
use crate::run::{Manifest, MetricsLog, Mistakes, RunError, RunFolder, Status, report};
use crate::train::{Checkpoint, Checkpoints, Event, Report, TrainError, Trainer};

use super::config::{CommandError, TrainSettings};
use super::summary::Tested;
use super::task::Task;

/// Writes metrics while a training runs, and what came out at its end.
#[derive(Debug)]
pub(super) struct Keeper {
    run: RunFolder,
    log: MetricsLog,
    manifest: Manifest,
    /// Seconds of the processes before this one.
    seconds_before: f64,
}

impl Keeper {
    /// Goes on from a checkpoint, if there is one; with other data than the run began with only if that is allowed, else all stays as it is.
    pub(super) fn new(
        run: RunFolder,
        (settings, task): (&TrainSettings, &Task),
        from: Option<&Checkpoint>,
        allows: bool,
    ) -> Result<Self, CommandError> {
        let [train, test] = &task.data;
        let model = task.model.to_string();
        let before = Manifest::read(run.path()).ok();
        let mut manifest = Manifest::new(model, &*task.about);
        manifest.seed = settings.seed;
        manifest.num_params = task.model.layout().map_err(TrainError::from)?.num_params();
        manifest.data_sha256 = Manifest::data_sha256([&**train, &**test]);
        let (mut is_same, mut seconds_before) = (false, 0.0);
        if let Some(before) = before {
            let (was, is) = (&before.data_sha256, &manifest.data_sha256);
            is_same = was == is;
            if !is_same && !allows {
                let differences = vec![format!("the data's sha256 was {was}, is {is}")];
                return Err(TrainError::Changed { differences }.into());
            }
            manifest.started = before.started;
            manifest.phases_s = before.phases_s;
            seconds_before = before.wall_time_s;
        }
        if let (Some(preparation), false) = (&task.preparation, is_same) {
            run.write("preparation.json", &preparation.to_json())?;
        }
        Ok(Self {
            log: MetricsLog::open(
                &run,
                from.map_or(0, Checkpoint::step),
                from.map_or(0, Checkpoint::epochs),
            )?,
            run,
            manifest,
            seconds_before,
        })
    }

    /// Keeps the settings that the run goes on with.
    pub(super) fn keep_settings(&self, text: &str) -> Result<(), RunError> {
        self.run.write("config.toml", text.as_bytes())
    }

    pub(super) fn path(&self) -> &Path {
        self.run.path()
    }

    /// Takes down an event.
    pub(super) fn record(&mut self, event: &Event<'_>) -> Result<(), RunError> {
        if let Event::Started(setup) = event {
            self.manifest.set_up(setup);
            self.manifest.write(&self.run)?;
        }
        self.log.record(event)
    }

    /// Takes down that the training ended by an error, which is more important than one of this.
    pub(super) fn fail(&mut self) {
        if self.manifest.threads > 0 {
            self.manifest.status = Status::Failed;
            let _ = self.manifest.write(&self.run);
        }
    }

    /// Writes what came out: of a training that was stopped a checkpoint, of a whole one the weights; the report of both.
    pub(super) fn keep(
        &mut self,
        trainer: &Trainer,
        result: &Report,
        task: &Task,
    ) -> Result<(), CommandError> {
        let network = trainer.network().map_err(TrainError::from)?;
        let manifest = &mut self.manifest;
        if result.is_stopped {
            let file = Checkpoints::in_folder(self.run.checkpoints()).file(result.steps);
            trainer.checkpoint()?.write(&file)?;
            manifest.status = Status::Stopped;
        } else {
            let metadata = [("format", "pt"), ("model", &manifest.model)];
            let file = self.run.path().join("model.safetensors");
            write_safetensors(&file, &network, &metadata)?;
            manifest.status = Status::Finished;
        }
        manifest.steps = result.steps;
        manifest.weights_sha256 = Some(network.weights_sha256());
        manifest.wall_time_s = self.seconds_before + result.wall_time.as_secs_f64();
        manifest.add_phases(&result.phase_times);
        if let Some((loss, accuracy)) = self.log.tested() {
            (manifest.test_loss, manifest.test_accuracy) = (loss, Some(accuracy));
        }
        self.manifest.write(&self.run)?;
        let mistakes = match Mistakes::of(&network, &*task.data[1]) {
            // What a training that diverged takes rows for cannot be told; the rest of its report can.
            Err(NnError::NotANumber { .. }) => None,
            other => other.map_err(TrainError::from)?,
        };
        let mistakes = mistakes.as_ref().filter(|_| !result.is_stopped);
        let names: &[String] = match &task.preparation {
            Some(preparation) => &preparation.class_names,
            None => &[],
        };
        let mistakes = mistakes.map(|mistakes| (mistakes, names));
        Ok(report(&self.run, &self.manifest, mistakes)?)
    }

    /// What the last evaluation gave, NaN before the first.
    pub(super) fn tested(&self) -> Tested {
        Tested {
            loss: self.manifest.test_loss.unwrap_or(f64::NAN),
            accuracy: self.manifest.test_accuracy.unwrap_or(f64::NAN),
        }
    }
}
