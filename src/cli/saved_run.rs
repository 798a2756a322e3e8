//! A saved run: its settings, its preparation of rows and its newest weights, or others of it.

use std::path::{Path, PathBuf};

use crate::data::{Dataset, Preparation, RealTargets};
use crate::nn::{Loss, Network};
use crate::run::{RunError, RunFolder, RunWeights};
use crate::train::TrainError;

use super::choices::PARTS;
use super::config::TrainSettings;
use super::config_file::read;
use super::document::ResolvedConfig;
use super::error::{CommandError, refused, refused_name};
use super::loss::loss;
use super::options::TrainArgs;
use super::task::{model, task};

/// A run's settings and weights.
pub(super) struct SavedRun {
    folder: PathBuf,
    pub(super) settings: TrainSettings,
    preparation: Option<Preparation>,
    pub(super) network: Network,
    pub(super) weights: RunWeights,
}

impl SavedRun {
    /// Opens a run without its data: its newest weights, or others that are named behind an `@`.
    pub(super) fn open(named: &Path) -> Result<Self, CommandError> {
        let got = || named.display().to_string();
        let expected = "a run's folder, with @best, @last or @STEP behind it for other weights";
        let (folder, which) = RunFolder::named(named).map_err(|_| {
            let got = got();
            let which = got.rsplit('@').next().unwrap_or_default();
            refused_name(refused("run", expected, &got), which, ["best", "last"])
        })?;
        let folder = folder.as_path();
        let args = settings(folder)?;
        let resolved = ResolvedConfig::stored(args, folder.join("config.toml"));
        let settings = resolved.settings()?;
        let file = folder.join("preparation.json");
        // Synthetic rows have none.
        let preparation = if settings.data.is_some() || file.exists() {
            Some(Preparation::read(&file).map_err(TrainError::from)?)
        } else {
            None
        };
        let model = model(&settings, preparation.as_ref())?;
        let (weights, network) = RunFolder::read_only(folder)?.weights(which, model)?;
        let file = weights.file.display();
        match (weights.step, weights.is_of_checkpoint()) {
            (Some(step), true) => note!("weights: {file}, of step {step}"),
            // Early stopping may have kept weights of an earlier step.
            (Some(steps), false) => note!("weights: {file}, of a training of {steps} steps"),
            (None, _) => note!("weights: {file}"),
        }
        if !weights.is_checked() {
            note!(
                "warning: the weights are not checked: no hash of them is known, neither in manifest.json nor in the file"
            );
        }
        Ok(Self {
            folder: folder.to_owned(),
            settings,
            preparation,
            network,
            weights,
        })
    }

    /// How files become its rows.
    pub(super) fn preparation(&self) -> Result<&Preparation, CommandError> {
        self.preparation.as_ref().ok_or_else(|| {
            let expected = "trained on files or the digits, whose kind other files can have";
            let got = format!("{}, on synthetic rows", self.folder.display());
            refused("run", expected, &got).into()
        })
    }

    /// The targets of a regression.
    pub(super) fn targets(&self) -> Option<&RealTargets> {
        self.preparation.as_ref()?.targets.as_ref()
    }

    /// Whether its rows have any number of labels.
    pub(super) fn is_multi_label(&self) -> bool {
        let known = self.preparation.as_ref();
        known.is_some_and(|known| known.is_multi_label)
    }

    /// The name of a class or label.
    pub(super) fn class(&self, class: usize) -> String {
        let known = self.preparation.as_ref();
        known.map_or_else(|| class.to_string(), |preparation| preparation.class(class))
    }

    /// A part of the run's own data.
    pub(super) fn part(&self, part: &str) -> Result<Box<dyn Dataset>, CommandError> {
        Ok(self.part_and_loss(part)?.0)
    }

    /// The same, and what was minimised.
    pub(super) fn part_and_loss(
        &self,
        part: &str,
    ) -> Result<(Box<dyn Dataset>, Loss), CommandError> {
        PARTS.of(part)?;
        let task = task(&self.settings)?;
        let [train, test] = task.data;
        let data = match part {
            "train" => train,
            "test" => test,
            _ => task.valid.ok_or_else(|| {
                let expected = "train or test: the run has no validation part";
                refused("part", expected, part)
            })?,
        };
        Ok((data, task.loss))
    }

    /// The rows of other files, which have labels, and what was minimised.
    pub(super) fn labelled_and_loss(
        &self,
        path: &Path,
    ) -> Result<(Box<dyn Dataset>, Loss), CommandError> {
        let preparation = self.preparation()?;
        let new = preparation.labelled(path).map_err(TrainError::from)?;
        for line in &new.notes {
            note!("{line}");
        }
        // Balanced weights of classes are those of the training rows.
        let loss = match self.settings.loss.class_weights.as_deref() {
            Some("balanced") => self.part_and_loss("train")?.1,
            _ => loss(&self.settings.loss, Some(preparation), &*new.data)?,
        };
        Ok((new.data, loss))
    }

    /// That its rows have no class each.
    pub(super) fn no_classifier(&self) -> CommandError {
        let expected = "of a classifier: each row has one class";
        refused("run", expected, &self.folder.display().to_string()).into()
    }
}

/// The settings of the run in `folder`.
pub(super) fn settings(folder: &Path) -> Result<TrainArgs, CommandError> {
    if !RunFolder::is_run(folder) {
        let path = folder.to_owned();
        return Err(RunError::NotARun { path }.into());
    }
    let table = read(&folder.join("config.toml"))?;
    Ok(table.try_into().expect("it has been read as such"))
}
