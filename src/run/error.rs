//! Errors of a run's folder.

use std::path::{Path, PathBuf};

use thiserror::Error;

use super::which::Which;
use crate::export::ExportError;
use crate::train::TrainError;

/// Why a run cannot be made, opened or written.
///
/// ```
/// use unisono::run::{RunError, RunFolder};
/// let error = RunFolder::open("no/such/run").unwrap_err();
/// assert!(matches!(error, RunError::NotARun { .. }));
/// assert!(error.to_string().contains("no/such/run is no run's folder"));
/// ```
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RunError {
    /// A file or folder cannot be read.
    #[error("cannot read {}: {source}; check the path and its permissions", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A file or folder cannot be written.
    #[error("cannot write {}: {source}; make room, or choose another place", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The folder holds something already.
    #[error("{} is not empty; choose a new folder, or go on with the run in it", path.display())]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// A file lies where the run's folder would be made.
    #[error("{} is a file; a run is a folder: choose a new one", path.display())]
    NotAFolder {
        /// The file.
        path: PathBuf,
    },
    /// Something lies in the folder under the name of a file of the run's, and is none.
    #[error("{} is a link or a device: a run writes files of its own alone; remove it, or put the file itself there", path.display())]
    NotPlain {
        /// What lies there.
        path: PathBuf,
    },
    /// The folder holds no run.
    #[error("{} is no run's folder: it has no config.toml; give the folder that a run was made in", path.display())]
    NotARun {
        /// The folder.
        path: PathBuf,
    },
    /// Another process has it open.
    #[error("the run in {} is open in process {process}; wait until that ends, or stop it", path.display())]
    InUse {
        /// The folder.
        path: PathBuf,
        /// The number of the process, as far as it is known.
        process: String,
    },
    /// There is nothing to go on from.
    #[error("the run in {} has no checkpoint; train anew", path.display())]
    NoCheckpoint {
        /// The folder.
        path: PathBuf,
    },
    /// It keeps no such weights.
    #[error("the run in {} keeps no weights {which}, only those of {}; name one of these, or keep more checkpoints (--keep)", path.display(), steps_text(steps))]
    NoWeights {
        /// The folder.
        path: PathBuf,
        /// What was asked for.
        which: Which,
        /// The steps whose weights it has.
        steps: Vec<u64>,
    },
    /// Nothing in the folder says what its weights are the weights of.
    #[error("the run in {} does not say what its model is: it has no model.json, as runs of older versions; give the model too", path.display())]
    NoModel {
        /// The folder.
        path: PathBuf,
    },
    /// The newest checkpoint is damaged, an older one is not.
    #[error("{problem}; the one before it is whole: {}; go on from that", before.display())]
    Damaged {
        /// What is wrong with the newest.
        problem: TrainError,
        /// The newest one that is whole.
        before: PathBuf,
    },
    /// A file is not as it was written.
    #[error("{}: expected {expected}, got {got}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What would have been right.
        expected: String,
        /// What is there.
        got: String,
    },
    /// Weights that are not those which the run's manifest tells of.
    #[error("{} holds weights with sha256 {got}, the run's manifest says {expected}: the file was changed, or is another run's; put the run's own back, or remove it to use the last checkpoint", path.display())]
    Hash {
        /// The file.
        path: PathBuf,
        /// What the manifest says.
        expected: String,
        /// What is there.
        got: String,
    },
    /// The trained weights cannot be used.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// A checkpoint cannot be used.
    #[error(transparent)]
    Train(#[from] TrainError),
}

impl RunError {
    pub(super) fn read(path: &Path) -> impl Fn(std::io::Error) -> Self + Copy + '_ {
        |source| RunError::Read {
            path: path.to_owned(),
            source,
        }
    }

    pub(super) fn write(path: &Path) -> impl Fn(std::io::Error) -> Self + Copy + '_ {
        |source| RunError::Write {
            path: path.to_owned(),
            source,
        }
    }
}

fn steps_text(steps: &[u64]) -> String {
    let steps: Vec<String> = steps.iter().map(u64::to_string).collect();
    match steps.len() {
        0 => "no known step".to_owned(),
        _ => format!("step {}", steps.join(", ")),
    }
}
