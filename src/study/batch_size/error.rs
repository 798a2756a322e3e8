//! Errors of a study.

use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::nn::NnError;
use crate::optim::OptimError;
use crate::train::TrainError;

/// Why a study was not made, or not gone on with.
///
/// ```
/// use unisono::study::batch_size::StudyError;
/// let error = StudyError::Value { what: "a slice", expected: "K/N with K from 1 to N", got: "9/8".into() };
/// assert_eq!(error.to_string(), "a slice must be K/N with K from 1 to N, got 9/8");
/// ```
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StudyError {
    /// a setting that makes no sense.
    #[error("{what} must be {expected}, got {got}")]
    Value {
        /// Which.
        what: &'static str,
        /// What is accepted.
        expected: &'static str,
        /// What was given.
        got: String,
    },
    /// A folder with another study.
    #[error("the study in {} has other settings: {}; take another folder, or the settings it began with", path.display(), differences.join(", "))]
    Changed {
        /// The folder.
        path: PathBuf,
        /// What was and what is.
        differences: Vec<String>,
    },
    /// A folder that another process works in.
    #[error("the study in {} is open in process {process}; wait for it, or take another folder", path.display())]
    InUse {
        /// The folder.
        path: PathBuf,
        /// The process's number.
        process: String,
    },
    /// A file that is not what it should be.
    #[error("{} is not {expected}: {got}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What it should be.
        expected: &'static str,
        /// What it is.
        got: String,
    },
    /// A file that could not be read or written.
    #[error("cannot {verb} {}: {source}; check the path, its permissions and the space", path.display())]
    Io {
        /// `read` or `write`.
        verb: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The observer ended the study; what is finished is kept.
    #[error("stopped after {trials} trials; the same command goes on")]
    Stopped {
        /// Trials that are finished.
        trials: usize,
    },
    /// Steps to the target that depend on the number of threads, which they must not.
    #[error(
        "batch {batch_size} took {:?} steps to the target in the study and {:?} on {threads} threads, expected the same: a layer or data set of one's own depends on threads, or the number of shards does",
        steps[0], steps[1]
    )]
    Threads {
        /// On how many threads.
        threads: usize,
        /// Rows of a batch.
        batch_size: usize,
        /// Before, and on these threads; `None` where the target was not reached.
        steps: [Option<u64>; 2],
    },
    /// A training itself.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// The optimiser.
    #[error(transparent)]
    Optim(#[from] OptimError),
    /// The model.
    #[error(transparent)]
    Nn(#[from] NnError),
}

impl StudyError {
    pub(super) fn io(verb: &'static str, path: &Path) -> impl Fn(std::io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| StudyError::Io {
            verb,
            path: path.clone(),
            source,
        }
    }
}
