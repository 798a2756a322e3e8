//! Newest weights of a run: which they are, and that they are what was written.
//!
//! # Which
//! `model.safetensors` holds what a training ended with, its checkpoints what it passed on the way.
//! A run that ended and was then gone on with has checkpoints that are further than its model. What
//! counts is the number of updates, never a file's time:
//!
//! | `manifest.json` says | newest |
//! |---|---|
//! | finished | the model |
//! | stopped after so many steps | the checkpoint of this step, unless the model is of the same |
//! | running, killed, failed, nothing | the last checkpoint, unless the model is as far |

use std::path::{Path, PathBuf};

use crate::export::{ExportError, read_metadata, read_safetensors};
use crate::nn::{Network, Sequential};
use crate::train::{Checkpoint, Checkpoints, KeptWeights};

use super::error::RunError;
use super::folder::RunFolder;
use super::manifest::{Manifest, Status};
use super::which::Which;

/// The file of a trained network.
const MODEL: &str = "model.safetensors";

/// The newest weights of a run.
///
/// ```
/// use unisono::run::{RunError, RunWeights};
/// let error = RunWeights::find("no/such/run".as_ref()).unwrap_err();
/// assert!(matches!(error, RunError::NotARun { .. }));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunWeights {
    /// Their file.
    pub file: PathBuf,
    /// Updates that made them, as far as it is known.
    pub step: Option<u64>,
    /// The checkpoint that they are of; `None` for the trained model.
    checkpoint: Option<PathBuf>,
    /// What the manifest says their hash may be; empty where it says nothing.
    hashes: Vec<String>,
    /// Whether the file holds a hash of its own.
    has_hash: bool,
}

impl RunWeights {
    /// Finds them, without reading them.
    ///
    /// # Errors
    /// [`RunError::NotARun`]; [`RunError::NoCheckpoint`] for a run without weights;
    /// [`RunError::Train`] or [`RunError::Export`] for a file that cannot be read.
    pub fn find(folder: &Path) -> Result<Self, RunError> {
        if !RunFolder::is_run(folder) {
            let path = folder.to_owned();
            return Err(RunError::NotARun { path });
        }
        // The trained model, which a finished run ends with.
        let manifest = Manifest::read(folder).ok();
        let trained = trained(folder, manifest.as_ref())?;
        let status = manifest.as_ref().map(|known| (known.status, known.steps));
        if let (Some(trained), Some((Status::Finished, _))) = (&trained, status) {
            return Ok(trained.clone());
        }
        // The newest checkpoint.
        let passed = match status {
            Some((Status::Stopped, steps)) => checkpoint_of(folder, steps)?,
            _ => None,
        };
        let passed = match passed {
            Some(passed) => Some(passed),
            None => last_checkpoint(folder)?,
        };
        // Of both, the one with more updates.
        let none = || RunError::NoCheckpoint {
            path: folder.to_owned(),
        };
        match (trained, passed) {
            (Some(trained), Some(passed)) => {
                let is_as_far = match status {
                    Some((Status::Stopped, _)) => trained.step == passed.step,
                    _ => trained.step >= passed.step,
                };
                Ok(if is_as_far { trained } else { passed })
            }
            (trained, passed) => trained.or(passed).ok_or_else(none),
        }
    }

    /// Finds others than the newest, without reading them.
    ///
    /// # Errors
    /// As [`RunWeights::find`]; [`RunError::NoWeights`] where the run has none of the kind, with the
    /// steps that it has.
    pub fn find_which(folder: &Path, which: Which) -> Result<Self, RunError> {
        let newest = Self::find(folder)?;
        if which == Which::Newest {
            return Ok(newest);
        }
        let checkpoints = folder.join("checkpoints");
        // The model, if it is of the last step, and the checkpoints, as many as there are.
        let (files, best) = match checkpoints.is_dir() {
            true => (
                Checkpoints::all(&checkpoints)?,
                Checkpoints::best(&checkpoints)?,
            ),
            false => (Vec::new(), None),
        };
        let passed = |path: PathBuf| {
            let step = Checkpoints::step_of(&path);
            of_checkpoint(path, step)
        };
        let trained = trained(folder, Manifest::read(folder).ok().as_ref())?;
        let is_of_step = |weights: &RunWeights| {
            read_metadata(&weights.file).is_ok_and(|known| {
                known
                    .get("kept")
                    .is_none_or(|kept| *kept == KeptWeights::LastStep.to_string())
            })
        };
        let trained = trained.filter(is_of_step);
        let of_steps = || files.iter().cloned().map(passed).chain(trained.clone());
        let found = match which {
            Which::Newest => Some(newest),
            Which::Best => best.map(passed),
            // Of equals the last, which is the model.
            Which::Last => of_steps().max_by_key(|weights| weights.step),
            Which::Step(_) => {
                let is_it = |weights: &RunWeights| weights.step.map(Which::Step) == Some(which);
                of_steps().rfind(is_it)
            }
        };
        let steps = || {
            let mut steps: Vec<u64> = of_steps().filter_map(|weights| weights.step).collect();
            steps.dedup();
            steps
        };
        found.ok_or_else(|| RunError::NoWeights {
            path: folder.to_owned(),
            which,
            steps: steps(),
        })
    }

    /// Reads them for `model`, if they are the bits that were written.
    ///
    /// ```no_run
    /// use unisono::{nn::Sequential, run::{RunError, RunWeights}};
    /// let weights = RunWeights::find("runs/first".as_ref())?;
    /// let network = weights.read(Sequential::new(64).dense(64).relu().dense(10))?;
    /// println!("{} after {:?} steps", weights.file.display(), weights.step);
    /// # Ok::<(), RunError>(())
    /// ```
    ///
    /// # Errors
    /// [`RunError::Hash`] for other weights than the run's manifest tells of; [`RunError::Train`]
    /// for a checkpoint that is not as it was written; [`RunError::Export`] for weights of another
    /// model, or not as they were written.
    pub fn read(&self, model: Sequential) -> Result<Network, RunError> {
        if let Some(checkpoint) = &self.checkpoint {
            return Ok(Checkpoint::network(checkpoint, model)?);
        }
        let network = read_safetensors(&self.file, model)?;
        let got = network.weights_sha256();
        if self.hashes.is_empty() || self.hashes.contains(&got) {
            return Ok(network);
        }
        Err(RunError::Hash {
            path: self.file.clone(),
            expected: self.hashes.join(" or "),
            got,
        })
    }

    /// Whether they are a checkpoint's, not those that a training has kept at its end.
    #[cfg(feature = "cli")]
    pub(crate) fn is_of_checkpoint(&self) -> bool {
        self.checkpoint.is_some()
    }

    /// Whether there is a hash that [`RunWeights::read`] compares them with: runs of older
    /// versions, and folders that have lost their manifest, may have none.
    pub fn is_checked(&self) -> bool {
        self.checkpoint.is_some() || self.has_hash || !self.hashes.is_empty()
    }
}

/// The trained model, if there is one.
fn trained(folder: &Path, manifest: Option<&Manifest>) -> Result<Option<RunWeights>, RunError> {
    let file = folder.join(MODEL);
    if !file.is_file() {
        return Ok(None);
    }
    let metadata = read_metadata(&file)?;
    let models = manifest.map(Manifest::models).unwrap_or_default();
    let of_file = metadata.get("step").and_then(|step| step.parse().ok());
    let of_manifest = models.last().map(|model| model.step);
    Ok(Some(RunWeights {
        step: of_file.or(of_manifest),
        checkpoint: None,
        has_hash: metadata.contains_key(ExportError::HASH),
        hashes: models
            .into_iter()
            .map(|model| model.weights_sha256)
            .collect(),
        file,
    }))
}

fn of_checkpoint(path: PathBuf, step: Option<u64>) -> RunWeights {
    RunWeights {
        file: path.with_extension("safetensors"),
        step,
        checkpoint: Some(path),
        hashes: Vec::new(),
        has_hash: true,
    }
}

fn checkpoint_of(folder: &Path, step: u64) -> Result<Option<RunWeights>, RunError> {
    let path = Checkpoints::in_folder(folder.join("checkpoints")).file(step);
    Ok(path.is_file().then(|| of_checkpoint(path, Some(step))))
}

fn last_checkpoint(folder: &Path) -> Result<Option<RunWeights>, RunError> {
    let checkpoints = folder.join("checkpoints");
    if !checkpoints.is_dir() {
        return Ok(None);
    }
    let latest = Checkpoints::latest(&checkpoints)?;
    Ok(latest.map(|path| {
        let step = Checkpoints::step_of(&path);
        of_checkpoint(path, step)
    }))
}
