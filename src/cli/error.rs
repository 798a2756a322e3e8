//! Errors of the program, and the exit code of each.

use std::error::Error;
use std::path::{Path, PathBuf};

use crate::export::ExportError;
use crate::meant::{did_you_mean, nearest};
use crate::run::RunError;
use crate::study::batch_size::StudyError;
use crate::study::scaling::ScalingError;
use crate::train::TrainError;

use super::signals;

/// An invalid argument.
#[derive(Debug, thiserror::Error)]
pub(super) enum ArgError {
    /// Not one of the values that there are.
    #[error("--{flag} must be {expected}, got {got:?}{}", did_you_mean(meant.as_ref()))]
    Value {
        flag: &'static str,
        expected: String,
        got: String,
        /// The name that was probably meant.
        meant: Option<String>,
    },
    /// A text that cannot be read.
    #[error("--{flag}: {message}")]
    Text { flag: &'static str, message: String },
    /// A key of a file with an impossible value.
    #[error("{}: {key} {problem}", path.display())]
    Key {
        path: PathBuf,
        key: String,
        problem: String,
    },
    /// A file that is no configuration.
    #[error("{}, line {line}, column {column}: {problem}", path.display())]
    File {
        path: PathBuf,
        line: usize,
        column: usize,
        problem: String,
    },
    /// Something that would not be done.
    #[error("{what} does not apply to {to}: {why}; leave it out")]
    Unused {
        what: String,
        to: String,
        why: &'static str,
    },
    /// Two sources that take precedence over the file.
    #[error("{key} is set twice, by --set and by --set or --{flag}; leave one out")]
    Twice { key: String, flag: String },
}

impl ArgError {
    pub(super) fn text(flag: &'static str, message: &str) -> Self {
        ArgError::Text {
            flag,
            message: message.to_owned(),
        }
    }
}

/// Why a command ended before its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum CommandError {
    #[error(transparent)]
    Args(ArgError),
    #[error(transparent)]
    Train(#[from] TrainError),
    #[error("cannot read {}: {source}; check the path and its permissions", path.display())]
    Read {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error(transparent)]
    Run(#[from] RunError),
    /// What a training that runs or has run could not write.
    #[error(transparent)]
    Recording(RunError),
    #[error(transparent)]
    Export(#[from] ExportError),
    #[error(transparent)]
    Scaling(#[from] ScalingError),
    #[error(transparent)]
    Study(#[from] StudyError),
    /// A signal asked a study to stop.
    #[error(
        "stopped by signal {signal} after {trials} trials; the same command goes on where --out keeps them"
    )]
    StudyStopped { signal: i32, trials: usize },
    /// Processes that a launcher has started together.
    #[error(
        "{processes} processes were started together ({name}), and each would do all of it; {remedy}, or set UNISONO_RANKS=none if each is to be on its own"
    )]
    Several {
        name: &'static str,
        processes: usize,
        remedy: &'static str,
    },
    /// Several processes cannot reach each other.
    #[error(
        "several processes were started together, but {0}; or start one, whose --threads share the work, or set UNISONO_RANKS=none if each is to be on its own"
    )]
    Mpi(#[from] crate::engine::MpiError),
    #[error("cannot listen for signals: {source}")]
    Signals { source: std::io::Error },
    /// A signal asked to stop.
    #[error("stopped after step {steps} by signal {signal}; {}", goes_on(run.as_deref()))]
    Stopped {
        signal: i32,
        steps: u64,
        run: Option<PathBuf>,
    },
    #[error("the run in {} is finished after {steps} steps; raise --epochs or --max-steps to go on", folder.display())]
    Finished { folder: PathBuf, steps: u64 },
    /// A file that would be lost.
    #[error("{} {what}; choose another file, or add --force to replace it", path.display())]
    Exists { path: PathBuf, what: &'static str },
    /// A folder that would be mixed up.
    #[error("{} is not empty; choose a new folder, or add --force to write into it beside what is there", path.display())]
    NotEmpty { path: PathBuf },
    #[error("cannot write {}: {source}; choose another place", path.display())]
    Write {
        path: PathBuf,
        source: std::io::Error,
    },
}

impl CommandError {
    /// The same where a training runs or has run.
    pub(super) fn while_running(self) -> Self {
        match self {
            CommandError::Run(error) => CommandError::Recording(error),
            CommandError::Export(error) => CommandError::Recording(error.into()),
            other => other,
        }
    }
}

/// How a stopped run goes on.
fn goes_on(run: Option<&Path>) -> String {
    match run {
        Some(folder) => format!("go on with --resume {}", folder.display()),
        None => "nothing was kept, --out DIR keeps a run".to_owned(),
    }
}

pub(super) fn refused(flag: &'static str, expected: impl Into<String>, got: &str) -> ArgError {
    ArgError::Value {
        flag,
        expected: expected.into(),
        got: got.to_owned(),
        meant: None,
    }
}

/// The same of `name`, in or as what was given, where `known` are the names that there are.
pub(super) fn refused_name<'n>(
    refused: ArgError,
    name: &str,
    known: impl IntoIterator<Item = &'n str>,
) -> ArgError {
    let nearest = nearest(name, known).map(str::to_owned);
    match refused {
        ArgError::Value {
            flag,
            expected,
            got,
            ..
        } => ArgError::Value {
            flag,
            expected,
            got,
            meant: nearest,
        },
        other => other,
    }
}

/// Refuses a number above `most`.
pub(super) fn at_most(flag: &'static str, got: usize, most: usize) -> Result<usize, ArgError> {
    if got <= most {
        Ok(got)
    } else {
        Err(ArgError::text(
            flag,
            &format!("must be at most {most}, got {got}"),
        ))
    }
}

impl From<ArgError> for CommandError {
    fn from(error: ArgError) -> Self {
        CommandError::Args(error)
    }
}

/// Whether the reader of what was written has gone.
pub(super) fn is_closed_pipe(error: &CommandError) -> bool {
    let source = match error {
        CommandError::Write { source, .. } => source,
        CommandError::Export(ExportError::Write { source, .. }) => source,
        _ => return false,
    };
    source.kind() == std::io::ErrorKind::BrokenPipe
}

/// 2 for what the user can fix in the arguments, 1 for what happened while running.
pub(super) fn exit_code(error: &CommandError) -> u8 {
    use crate::engine::EngineError as Engine;
    // Errors of the program itself; the others stand in those of training.
    let trained = match error {
        CommandError::Train(error) => error,
        CommandError::Stopped { signal, .. } => return signals::exit_code(*signal),
        CommandError::StudyStopped { signal, .. } => return signals::exit_code(*signal),
        CommandError::Signals { .. }
        | CommandError::Recording(_)
        | CommandError::Scaling(ScalingError::Peer { .. }) => return 1,
        CommandError::Scaling(ScalingError::Train(error)) => error,
        CommandError::Study(StudyError::Train(error)) => error,
        other => return code_of_system(other),
    };
    match trained {
        TrainError::NonFinite { .. } | TrainError::Write { .. } => 1,
        TrainError::Engine(
            Engine::WorkerPanicked { .. }
            | Engine::WorkerFailed { .. }
            | Engine::EvaluationFailed { .. }
            | Engine::EvaluationPanicked { .. }
            | Engine::Broken { .. }
            | Engine::SumDiffers { .. }
            | Engine::Spawn { .. },
        ) => 1,
        _ => 2,
    }
}

/// Whether what the system refused lies in the path that was given, or in the machine: a full disk,
/// a device that fails.
fn code_of_system(error: &CommandError) -> u8 {
    use std::io::ErrorKind as Kind;
    let (mut reason, mut kind) = (Some(error as &(dyn Error + 'static)), None);
    while let Some(error) = reason {
        let system = error.downcast_ref::<std::io::Error>();
        kind = system.map(std::io::Error::kind).or(kind);
        reason = error.source();
    }
    let is_of_path = |kind| {
        matches!(
            kind,
            Kind::NotFound
                | Kind::PermissionDenied
                | Kind::AlreadyExists
                | Kind::NotADirectory
                | Kind::IsADirectory
                | Kind::ReadOnlyFilesystem
                | Kind::InvalidInput
                | Kind::InvalidFilename
                | Kind::InvalidData
                | Kind::UnexpectedEof
                | Kind::ConnectionRefused
        )
    };
    match kind {
        Some(kind) if !is_of_path(kind) => 1,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::ErrorKind;

    #[test]
    fn what_the_system_refuses_is_the_users_where_the_path_is_to_blame() {
        let cases = [
            (ErrorKind::AlreadyExists, 2),
            (ErrorKind::NotADirectory, 2),
            (ErrorKind::NotFound, 2),
            (ErrorKind::PermissionDenied, 2),
            (ErrorKind::StorageFull, 1),
            (ErrorKind::Other, 1),
        ];
        for (kind, code) in cases {
            let failed = || std::io::Error::from(kind);
            let path = || PathBuf::from("a");
            let errors = [
                CommandError::Read {
                    path: path(),
                    source: failed(),
                },
                CommandError::Write {
                    path: path(),
                    source: failed(),
                },
                RunError::Read {
                    path: path(),
                    source: failed(),
                }
                .into(),
                RunError::Write {
                    path: path(),
                    source: failed(),
                }
                .into(),
                RunError::from(ExportError::Write {
                    path: path(),
                    source: failed(),
                })
                .into(),
            ];
            for error in errors {
                assert_eq!(exit_code(&error), code, "{kind:?}: {error}");
            }
            let late = RunError::Write {
                path: path(),
                source: failed(),
            };
            assert_eq!(exit_code(&CommandError::Recording(late)), 1);
        }
    }
}
