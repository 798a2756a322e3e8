//! Errors of a measurement of scaling.

use std::path::{Path, PathBuf};
use std::time::Duration;

use thiserror::Error;

use crate::engine::EngineError;
use crate::train::TrainError;

/// Why nothing was measured, or not read.
///
/// ```
/// use unisono::study::scaling::ScalingError;
/// let error = ScalingError::Repeated { what: "threads", count: 4 };
/// assert_eq!(error.to_string(), "the list of threads has 4 twice; name each number once");
/// ```
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ScalingError {
    /// A number of threads that is 0, or none at all.
    #[error("threads must be numbers of at least 1, such as 1,2,4; got {got}")]
    Threads {
        /// What was given.
        got: String,
    },
    /// A number of ranks that is 0, or more than were launched, or none at all.
    #[error("ranks must be {}; got {got}; start more with mpirun -n", ranks_that_fit(*launched))]
    Ranks {
        /// Processes that were started together.
        launched: usize,
        /// What was given.
        got: String,
    },
    /// The same number twice.
    #[error("the list of {what} has {count} twice; name each number once")]
    Repeated {
        /// `threads` or `ranks`.
        what: &'static str,
        /// The number.
        count: usize,
    },
    /// Fewer rows than threads.
    #[error(
        "a batch of {batch_size} rows cannot feed {threads} threads; use a larger batch or fewer threads"
    )]
    Batch {
        /// Rows of the batch.
        batch_size: usize,
        /// Threads.
        threads: usize,
    },
    /// The time is up before there is a sample of everything.
    #[error(
        "a round of all {cells} cells needs {needed:.1?}, the time is {budget:.1?}; allow more time, or fewer threads and modes"
    )]
    Budget {
        /// What was allowed.
        budget: Duration,
        /// What one round takes.
        needed: Duration,
        /// Cells of a round.
        cells: usize,
    },
    /// Another program that did not give a line of JSON.
    #[error("the peer `{command}` {problem}")]
    Peer {
        /// The command.
        command: String,
        /// What went wrong, with what it wrote to stderr.
        problem: String,
    },
    /// A file that is not what it should be.
    #[error("{} is not {expected}: {got}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What it should be.
        expected: String,
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
    /// A simulation that makes no sense.
    #[error("{what} must be {expected}, got {got}")]
    Scenario {
        /// Which value.
        what: &'static str,
        /// What is accepted.
        expected: String,
        /// What was given.
        got: String,
    },
    /// An all-reduce that is none.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The training itself.
    #[error(transparent)]
    Train(#[from] TrainError),
}

fn ranks_that_fit(launched: usize) -> String {
    match launched {
        1 => "1, as this process was started alone".to_owned(),
        _ => format!("numbers from 1 to {launched}, the processes that were started together"),
    }
}

impl ScalingError {
    pub(crate) fn read(path: &Path) -> impl Fn(std::io::Error) -> Self + use<> {
        Self::io("read", path)
    }

    pub(crate) fn write(path: &Path) -> impl Fn(std::io::Error) -> Self + use<> {
        Self::io("write", path)
    }

    fn io(verb: &'static str, path: &Path) -> impl Fn(std::io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| ScalingError::Io {
            verb,
            path: path.clone(),
            source,
        }
    }
}
