//! Messages of errors, as the program prints them.

use crate::engine::{EngineError, MpiError};
use crate::run::RunError;
use crate::study::batch_size::StudyError;
use crate::study::scaling::ScalingError;
use crate::train::TrainError;

use super::data_options::in_flags;
use super::error::CommandError;

/// What is printed of an error. The library names options of data in backticks; here they are
/// flags, and what is to be done with a run is a flag too.
pub(super) fn message(error: &CommandError) -> String {
    let text = error.to_string();
    match error {
        CommandError::Train(TrainError::Data(_))
        | CommandError::Study(StudyError::Train(TrainError::Data(_)))
        | CommandError::Scaling(ScalingError::Train(TrainError::Data(_))) => in_flags(&text),
        // It tells of the processes itself.
        CommandError::Mpi(alone @ MpiError::Alone { .. }) => alone.to_string(),
        CommandError::Scaling(ScalingError::Train(TrainError::Engine(EngineError::Broken {
            ..
        }))) => text.replace(
            "build a new engine from the last checkpoint",
            "measure again",
        ),
        CommandError::Train(TrainError::Engine(EngineError::Broken { .. })) => text.replace(
            "build a new engine from the last checkpoint",
            "--resume goes on from the last checkpoint of a run",
        ),
        CommandError::Run(RunError::NotEmpty { .. }) => format!("{text} by --resume"),
        CommandError::Run(RunError::NotARun { .. }) => {
            text.replace("that a run was made in", "that --out named")
        }
        CommandError::Run(RunError::Damaged { before, .. }) => {
            format!("{text}: --resume {}", before.display())
        }
        _ => text,
    }
}
