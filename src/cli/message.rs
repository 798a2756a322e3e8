//! Messages of errors, as the program prints them.

use crate::study::batch_size::StudyError;
use crate::study::scaling::ScalingError;
use crate::train::TrainError;

use super::data_options::in_flags;
use super::error::CommandError;

/// What is printed of an error. The library names options of data in backticks; here they are
/// flags.
pub(super) fn message(error: &CommandError) -> String {
    let text = error.to_string();
    match error {
        CommandError::Train(TrainError::Data(_))
        | CommandError::Study(StudyError::Train(TrainError::Data(_)))
        | CommandError::Scaling(ScalingError::Train(TrainError::Data(_))) => in_flags(&text),
        _ => text,
    }
}
