//! Errors and classes that are found by predicting the parts of a training's data, and what a guess
//! would reach.

use crate::data::{Dataset, RealTargets};
use crate::nn::{Network, NnError};
use crate::run::TargetErrors;
use crate::train::{Report, TrainError, accuracy_of_a_constant};

use super::task::Task;

/// The errors of the weights that are kept, by target; none of other tasks. Of classes what a guess
/// would reach.
pub(super) struct PartErrors {
    /// On the validation part, if there is one.
    pub(super) valid: Vec<TargetErrors>,
    /// On the test part. With a validation part it is looked at when all is over, so a training
    /// that was stopped has none.
    pub(super) test: Vec<TargetErrors>,
    /// The test accuracy of always answering with the most frequent class.
    pub(super) guess: Option<f64>,
}

impl PartErrors {
    pub(super) fn of(network: &Network, task: &Task, report: &Report) -> Result<Self, TrainError> {
        let on = |part: &dyn Dataset| errors(network, part, task.targets());
        let valid = match &task.valid {
            Some(valid) => on(&**valid)?,
            None => Vec::new(),
        };
        let (test, guess) = match report.is_stopped && task.valid.is_some() {
            true => (Vec::new(), None),
            false => (on(&*task.data[1])?, accuracy_of_a_constant(&*task.data[1])),
        };
        Ok(Self { valid, test, guess })
    }
}

/// The errors of a regression on a part, by target; none of other tasks.
pub(super) fn errors(
    network: &Network,
    part: &dyn Dataset,
    targets: Option<&RealTargets>,
) -> Result<Vec<TargetErrors>, TrainError> {
    let Some(targets) = targets else {
        return Ok(Vec::new());
    };
    let errors = TargetErrors::of(network, part, targets)?;
    Ok(errors.unwrap_or_default())
}

/// What was found by predictions; nothing where they are no numbers: of a training that diverged it
/// cannot be told what rows are taken for, but all else can.
pub(super) fn if_numbers<T>(found: Result<Option<T>, NnError>) -> Result<Option<T>, TrainError> {
    match found {
        Err(NnError::NotANumber { .. }) => Ok(None),
        other => Ok(other?),
    }
}
