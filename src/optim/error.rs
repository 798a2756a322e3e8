//! Errors of optimisers: hyperparameters out of their range.

use thiserror::Error;

use crate::meant::did_you_mean;

/// An error of an optimiser or schedule.
///
/// ```
/// use unisono::optim::Optimizer;
/// let error = Optimizer::adam(0.001).with_betas(0.9, 1.0).build().unwrap_err();
/// assert_eq!(error.to_string(), "beta2 must be at least 0 and below 1, got 1");
/// ```
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum OptimError {
    /// A hyperparameter outside its range.
    #[error("{name} must be {range}, got {got}")]
    OutOfRange {
        /// Its name.
        name: &'static str,
        /// The values it may take.
        range: &'static str,
        /// What was given.
        got: f64,
    },
    /// A setting of another optimiser.
    #[error(
        "{setting} does not apply to {optimizer}; leave it out, or take an optimiser that has it"
    )]
    NotApplicable {
        /// The setting.
        setting: &'static str,
        /// The optimiser.
        optimizer: String,
    },
    /// A schedule that cannot be read.
    #[error("the schedule \"{text}\" must go on with {expected}, got {got:?}{}", did_you_mean(*meant))]
    Text {
        /// All of it.
        text: String,
        /// What may stand there.
        expected: String,
        /// What stands there.
        got: String,
        /// The word that was probably meant by it.
        meant: Option<&'static str>,
    },
    /// A schedule that changes nothing.
    #[error("the schedule \"{text}\" never changes the rate; write constant, or other numbers")]
    Flat {
        /// All of it.
        text: String,
    },
    /// A batch-size policy that cannot be read.
    #[error(
        "the batch policy must be one of \"fixed\", \"staged to N\", \"adabatch F every N UNIT lr F to N\", \"cabs N..N\", \"noise N..N every N steps [lr RULE]\", \"adascale from N\", got \"{text}\"{}",
        did_you_mean(*meant)
    )]
    Policy {
        /// All of it.
        text: String,
        /// The word that was probably meant by one that does not belong there.
        meant: Option<&'static str>,
    },
    /// A layer's learning rate for no layer.
    #[error("no tensor's name begins with \"{prefix}\"; names are such as {names}")]
    NoSuchTensor {
        /// What was asked for.
        prefix: String,
        /// Some names that there are.
        names: String,
    },
}

/// Accepts `value` if `valid`, else names it.
pub(super) fn check(
    name: &'static str,
    range: &'static str,
    got: f32,
    valid: bool,
) -> Result<(), OptimError> {
    if valid {
        Ok(())
    } else {
        Err(OptimError::OutOfRange {
            name,
            range,
            got: f64::from(got),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_names_value_and_range() {
        let error = check("momentum", "in 0..1", 1.5, false).unwrap_err();
        assert_eq!(error.to_string(), "momentum must be in 0..1, got 1.5");
        assert_eq!(check("momentum", "in 0..1", 0.5, true), Ok(()));
    }
}
