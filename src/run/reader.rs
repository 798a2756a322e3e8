//! A run as it is read: beside the training that goes on in it, by any number of readers.
//!
//! # Why this way
//! Nothing is locked. A training replaces its files one by one, each at once or not at all, and
//! removes old checkpoints; what does not fit together is looked for once more.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::data::Preparation;
use crate::export::{ExportError, read_metadata};
use crate::input;
use crate::nn::{Network, NnError, Sequential};
use crate::train::TrainError;

use super::error::RunError;
use super::folder::{MODEL, PREPARATION, RunFolder};
use super::manifest::Manifest;
use super::weights::RunWeights;
use super::which::Which;

/// How often the newest weights are looked for, and the pause before each time but the first.
const TRIES: u32 = 4;
const PAUSE: Duration = Duration::from_millis(50);

/// A run that is only read: its network, and how files become its rows.
///
/// ```
/// use unisono::{Trainer, data::digits, nn::{Loss, Sequential}};
/// use unisono::{run::RunFolder, train::Checkpoints};
/// let folder = std::env::temp_dir().join(format!("unisono-read-{}", std::process::id()));
/// let (train, test) = digits();
/// let model = Sequential::new(64).dense(10);
/// // The run is open in this process all the time.
/// let run = RunFolder::create(&folder, "")?;
/// run.describe(&model, None)?;
/// let mut trainer = Trainer::new(model, Loss::SoftmaxCrossEntropy)
///     .epochs(1)
///     .checkpoints(Checkpoints::in_folder(run.checkpoints()));
/// trainer.fit(&train, &test)?;
/// assert_eq!(RunFolder::read_only(&folder)?.network()?, trainer.network()?);
/// # std::fs::remove_dir_all(folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunReader {
    path: PathBuf,
}

impl RunFolder {
    /// A run that is only read: no lock is taken, so that others may read it at the same time, and
    /// a training may go on in it.
    ///
    /// # Errors
    /// [`RunError::NotARun`].
    pub fn read_only(path: impl Into<PathBuf>) -> Result<RunReader, RunError> {
        let path = path.into();
        if RunFolder::is_run(&path) {
            Ok(RunReader { path })
        } else {
            Err(RunError::NotARun { path })
        }
    }
}

impl RunReader {
    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it ran on, and what has come out so far.
    ///
    /// # Errors
    /// Those of [`Manifest::read`].
    pub fn manifest(&self) -> Result<Manifest, RunError> {
        Manifest::read(&self.path)
    }

    /// How files become its rows; `None` where its rows are not of files.
    ///
    /// # Errors
    /// [`RunError::Train`] for a file that cannot be read, or is no preparation.
    pub fn preparation(&self) -> Result<Option<Preparation>, RunError> {
        let file = self.path.join(PREPARATION);
        if !file.exists() {
            return Ok(None);
        }
        let read = Preparation::read(&file).map_err(TrainError::from)?;
        Ok(Some(read))
    }

    /// What it trains: as [`RunFolder::describe`] kept it, or as the file of its trained weights
    /// says.
    ///
    /// # Errors
    /// [`RunError::NoModel`] for a run of an older version; [`RunError::Read`] and
    /// [`RunError::File`] for a file that cannot be read, or holds no model; [`RunError::Train`]
    /// for a model with a layer of its author's own, which no file holds
    /// ([`RunReader::network_of`] takes it).
    pub fn model(&self) -> Result<Sequential, RunError> {
        let (file, text) = self.kept_model()?.ok_or_else(|| RunError::NoModel {
            path: self.path.clone(),
        })?;
        Sequential::from_json(&text).map_err(|error| refused(&file, error))
    }

    /// The network with the newest weights that the training keeps, checked by their hash.
    ///
    /// # Errors
    /// As [`RunReader::model`] and [`RunReader::network_of`].
    pub fn network(&self) -> Result<Network, RunError> {
        self.network_of(self.model()?)
    }

    /// The same for a model at hand, which must be the run's.
    ///
    /// # Errors
    /// [`RunError::File`] for a model that computes something else than the run's;
    /// [`RunError::NoCheckpoint`] for a run without weights; those of [`RunWeights::read`].
    pub fn network_of(&self, model: Sequential) -> Result<Network, RunError> {
        self.newest(model).map(|(_, network)| network)
    }

    /// The same, with where the weights were found.
    ///
    /// # Errors
    /// As [`RunReader::network_of`].
    pub fn newest(&self, model: Sequential) -> Result<(RunWeights, Network), RunError> {
        self.weights(Which::Newest, model)
    }

    /// The same with other weights of the run.
    ///
    /// # Errors
    /// As [`RunReader::network_of`] and [`RunWeights::find_which`].
    pub fn weights(
        &self,
        which: Which,
        model: Sequential,
    ) -> Result<(RunWeights, Network), RunError> {
        if let Some((file, text)) = self.kept_model()?
            && let Some(difference) = model
                .difference(&text)
                .map_err(|error| refused(&file, error))?
        {
            return Err(RunError::File {
                path: file,
                expected: format!("a model with {}", difference.expected),
                got: difference.got,
            });
        }
        let read = || {
            let weights = RunWeights::find_which(&self.path, which)?;
            let network = weights.read(model.clone())?;
            Ok((weights, network))
        };
        // A training beside may have removed or replaced what was found.
        let mut last = read();
        for _ in 1..TRIES {
            let is_final = matches!(
                &last,
                Ok(_) | Err(RunError::NoCheckpoint { .. } | RunError::NoWeights { .. })
            );
            if is_final {
                break;
            }
            std::thread::sleep(PAUSE);
            last = read();
        }
        last
    }

    /// The text of the model, and the file that holds it.
    fn kept_model(&self) -> Result<Option<(PathBuf, String)>, RunError> {
        let file = self.path.join(MODEL);
        if file.is_file() {
            let text = input::read_text(&file).map_err(RunError::read(&file))?;
            return Ok(Some((file, text)));
        }
        let weights = match RunWeights::find(&self.path) {
            Ok(weights) => weights.file,
            Err(RunError::NoCheckpoint { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let known = read_metadata(&weights)?.remove(ExportError::ARCHITECTURE);
        Ok(known.map(|text| (weights, text)))
    }
}

/// The error of a file that holds no model.
fn refused(file: &Path, error: NnError) -> RunError {
    match error {
        NnError::Json { problem } => RunError::File {
            path: file.to_owned(),
            expected: "a model, as it was written".to_owned(),
            got: problem,
        },
        other => RunError::Train(other.into()),
    }
}
