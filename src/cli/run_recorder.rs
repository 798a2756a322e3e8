//! Run recorder: writes metrics, manifest, weights and report of a training into its run's folder.

use std::path::Path;

use crate::export::write_safetensors;
use crate::metrics::MultiLabel;
use crate::nn::{Criterion, Network, Sequential};
use crate::run::{
    Findings, Manifest, MetricsLog, Mistakes, ModelFile, RunError, RunFolder, Status,
    label_sets_of, multi_label, report,
};
use crate::train::{Checkpoint, Checkpoints, Event, KeptWeights, Report, TrainError, Trainer};

use super::config::TrainSettings;
use super::error::CommandError;
use super::part_errors::{PartErrors, if_numbers};
use super::task::Task;

/// What checkpoints call the hash of the data.
pub(super) const DATA: &str = "data's sha256";

/// Writes metrics while a training runs, and what came out at its end.
#[derive(Debug)]
pub(super) struct RunRecorder {
    run: RunFolder,
    log: MetricsLog,
    manifest: Manifest,
    model: Sequential,
    /// Seconds of the processes before this one.
    seconds_before: f64,
    /// What the training goes on from, until it does.
    from: Option<Checkpoint>,
}

impl RunRecorder {
    /// Goes on from a checkpoint, if there is one; with other data than the run began with only if
    /// that is allowed, else all stays as it is.
    pub(super) fn new(
        run: RunFolder,
        settings: &TrainSettings,
        task: &Task,
        from: Option<&Checkpoint>,
        allows: bool,
    ) -> Result<Self, CommandError> {
        let model = task.model.to_string();
        // The manifest of this process, then what it takes over from the one before.
        let before = Manifest::read(run.path()).ok();
        let mut manifest = Manifest::new(model, &*task.about);
        manifest.seed = settings.seed;
        manifest.num_params = task.model.layout().map_err(TrainError::from)?.num_params();
        task.data_sha256().clone_into(&mut manifest.data_sha256);
        // A manifest that is lost has left its hash of the data in the checkpoints.
        let known = before.as_ref().map(|before| before.data_sha256.as_str());
        let known = known.or_else(|| from?.dependency(DATA));
        let is = manifest.data_sha256.as_str();
        let is_same = known == Some(is);
        if let Some(was) = known.filter(|_| !is_same && !allows) {
            let differences = vec![format!("the {DATA} was {was}, is {is}")];
            return Err(TrainError::Changed { differences }.into());
        }
        let mut seconds_before = 0.0;
        if let Some(before) = before {
            manifest.model_files = before.models();
            manifest.started = before.started;
            manifest.phases_s = before.phases_s;
            seconds_before = before.wall_time_s;
        }
        // The preparation of the same data is there already.
        if let (Some(preparation), false) = (&task.preparation, is_same) {
            run.write("preparation.json", &preparation.to_json())?;
        }
        let log = MetricsLog::open(
            &run,
            from.map_or(0, Checkpoint::step),
            from.map_or(0, Checkpoint::epochs),
        )?;
        Ok(Self {
            log: match task.units() {
                Some(units) => log.measured_in(units),
                None => log,
            },
            run,
            manifest,
            model: task.model.clone(),
            seconds_before,
            from: from.cloned(),
        })
    }

    /// Keeps the settings that the run goes on with; before, that it is not finished any more: a
    /// process that is killed in between leaves a run that can be gone on with.
    pub(super) fn save_settings(&self, text: &str) -> Result<(), RunError> {
        if let Ok(mut before) = Manifest::read(self.path())
            && before.status == Status::Finished
        {
            before.model_files = before.models();
            before.status = Status::Stopped;
            before.write(&self.run)?;
        }
        self.run.write("config.toml", text.as_bytes())
    }

    pub(super) fn path(&self) -> &Path {
        self.run.path()
    }

    /// Takes down an event.
    pub(super) fn record(&mut self, event: &Event<'_>) -> Result<(), RunError> {
        if let Event::Started(setup) = event {
            self.manifest.set_up(setup);
            // The settings are those of the run, if it is gone on with.
            self.run.describe(&self.model, None)?;
            if let Some(from) = self.from.take() {
                self.begin_line(&from)?;
            }
            self.manifest.write(&self.run)?;
        }
        self.log.record(event)
    }

    /// Makes `from` the first checkpoint of the run's line, if it was another's, whose own are set
    /// aside; sets weights aside that come later.
    fn begin_line(&mut self, from: &Checkpoint) -> Result<(), RunError> {
        let checkpoints = self.run.checkpoints();
        let file = Checkpoints::in_folder(&checkpoints).file(from.step());
        let is_there = Checkpoint::read(&file).is_ok_and(|known| known == *from);
        if !is_there {
            Checkpoints::set_aside(&checkpoints, 0)?;
            from.write(&file)?;
        }
        let models = &mut self.manifest.model_files;
        if models.iter().any(|model| model.step > from.step()) {
            models.clear();
            self.run.set_weights_aside()?;
        }
        Ok(())
    }

    /// Takes down that the training ended by an error, which is more important than one of this.
    pub(super) fn fail(&mut self) {
        if self.manifest.threads > 0 {
            self.manifest.status = Status::Failed;
            let _ = self.manifest.write(&self.run);
        }
    }

    /// Writes what came out: of a training that was stopped a checkpoint, of a whole one the
    /// weights; the report of both. Gives the errors of a regression, which it is about as well.
    pub(super) fn keep(
        &mut self,
        trainer: &Trainer,
        result: &Report,
        task: &Task,
    ) -> Result<PartErrors, CommandError> {
        let network = trainer.network().map_err(TrainError::from)?;
        let manifest = &mut self.manifest;
        if result.is_stopped {
            let file = Checkpoints::in_folder(self.run.checkpoints()).file(result.steps);
            trainer.checkpoint()?.write(&file)?;
            manifest.status = Status::Stopped;
        } else {
            write_model(&self.run, manifest, trainer, result, &network)?;
            manifest.status = Status::Finished;
        }
        manifest.steps = result.steps;
        manifest.set_weights(result.kept, network.weights_sha256(), self.log.last_epoch());
        let errors = PartErrors::of(&network, task, result)?;
        manifest.valid_targets.clone_from(&errors.valid);
        manifest.targets.clone_from(&errors.test);
        manifest.wall_time_s = self.seconds_before + result.wall_time.as_secs_f64();
        manifest.add_phases(&result.phase_times);
        let found = match result.is_stopped {
            // The test part is looked at when all is over.
            true => None,
            false => Found::of(&network, task)?,
        };
        let names: &[String] = match &task.preparation {
            Some(preparation) => &preparation.class_names,
            None => &[],
        };
        let found = found.as_ref().map(|found| (found.findings(), names));
        report(&self.run, &self.manifest, found)?;
        // Last: a run that says that it is finished has all that it is to have.
        self.manifest.write(&self.run)?;
        Ok(errors)
    }
}

/// What predictions of the test part came to.
enum Found {
    Mistakes(Mistakes),
    Labels(MultiLabel),
}

impl Found {
    fn of(network: &Network, task: &Task) -> Result<Option<Self>, TrainError> {
        let test = &*task.data[1];
        if task.is_multi_label() {
            let rows = if_numbers(label_sets_of(network, test))?;
            return Ok(rows.and_then(|rows| multi_label(&rows)).map(Self::Labels));
        }
        let ignored = task.loss.ignored_class();
        let mistakes = if_numbers(Mistakes::of(network, test, ignored))?;
        Ok(mistakes.map(Self::Mistakes))
    }

    fn findings(&self) -> Findings<'_> {
        match self {
            Found::Mistakes(mistakes) => Findings::Classes(mistakes),
            Found::Labels(metrics) => Findings::Labels(metrics),
        }
    }
}

/// Writes the trained weights; the manifest knows them before they are there, so that a kill in
/// between leaves a file with one of its hashes.
fn write_model(
    run: &RunFolder,
    manifest: &mut Manifest,
    trainer: &Trainer,
    result: &Report,
    network: &Network,
) -> Result<(), CommandError> {
    let model = ModelFile {
        step: result.steps,
        weights_sha256: network.weights_sha256(),
    };
    manifest.model_files.push(model.clone());
    manifest.write(run)?;
    // The weights that are kept; with an average, those of the last step beside them.
    let steps = result.steps.to_string();
    let write = |name: &str, network: &Network, kept: &str| {
        let metadata = [
            ("format", "pt"),
            ("model", &*manifest.model),
            ("kept", kept),
            ("step", &*steps),
        ];
        write_safetensors(&run.path().join(name), network, &metadata)
    };
    write("model.safetensors", network, &result.kept.weights_text())?;
    let last = trainer.last_network().map_err(TrainError::from)?;
    if result.kept.weights == KeptWeights::Average {
        write(
            "last.safetensors",
            &last,
            &KeptWeights::LastStep.to_string(),
        )?;
    }
    // Both are there: the manifest tells of the new one alone.
    manifest.model_files = vec![model];
    Ok(())
}
