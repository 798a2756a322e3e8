//! The learning rate over time.

use super::error::{OptimError, check};

/// How far training has come, before the step at hand.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Progress {
    /// Updates so far.
    pub step: u64,
    /// Whole epochs so far.
    pub epoch: u32,
    /// Rows seen so far.
    pub examples: u64,
}

/// What a schedule counts. Examples survive a change of the batch size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Updates.
    Steps,
    /// Whole epochs.
    Epochs,
    /// Rows.
    Examples,
}

impl Unit {
    fn of(self, progress: Progress) -> u64 {
        match self {
            Unit::Steps => progress.step,
            Unit::Epochs => u64::from(progress.epoch),
            Unit::Examples => progress.examples,
        }
    }
}

/// What the base learning rate is multiplied by.
///
/// ```
/// use unisono::optim::{Progress, Schedule, Unit};
/// let schedule = Schedule::Step { every: 10, unit: Unit::Epochs, factor: 0.5 };
/// let late = Progress { epoch: 25, ..Progress::default() };
/// assert_eq!(schedule.lr(0.4, late), 0.1);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Schedule {
    /// lr0.
    #[default]
    Constant,
    /// lr0 factor^floor(t / every).
    Step {
        /// How long each stage lasts.
        every: u64,
        /// In what.
        unit: Unit,
        /// What the rate is multiplied by after each stage, in (0, 1].
        factor: f32,
    },
    /// lr0 gamma^(t / every), smoothly.
    Exponential {
        /// After how long the rate is gamma times what it was.
        every: u64,
        /// In what.
        unit: Unit,
        /// In (0, 1].
        gamma: f32,
    },
}

impl Schedule {
    /// The learning rate at `progress`.
    pub fn lr(&self, base: f32, progress: Progress) -> f32 {
        match *self {
            Schedule::Constant => base,
            Schedule::Step {
                every,
                unit,
                factor,
            } => base * power(factor, (unit.of(progress) / every) as f64),
            Schedule::Exponential { every, unit, gamma } => {
                base * power(gamma, unit.of(progress) as f64 / every as f64)
            }
        }
    }

    /// Checks the ranges.
    ///
    /// # Errors
    /// [`OptimError::OutOfRange`] for a period of 0 or a factor outside (0, 1].
    pub fn check(&self) -> Result<(), OptimError> {
        let (every, factor) = match *self {
            Schedule::Constant => return Ok(()),
            Schedule::Step { every, factor, .. } => (every, factor),
            Schedule::Exponential { every, gamma, .. } => (every, gamma),
        };
        check(
            "the schedule's period",
            "at least 1",
            every as f32,
            every > 0,
        )?;
        check(
            "the schedule's factor",
            "above 0 and at most 1",
            factor,
            factor > 0.0 && factor <= 1.0,
        )
    }
}

fn power(factor: f32, exponent: f64) -> f32 {
    f64::from(factor).powf(exponent) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(step: u64) -> Progress {
        Progress {
            step,
            epoch: step as u32 / 10,
            examples: step * 32,
        }
    }

    #[test]
    fn schedules_follow_their_formulas_in_every_unit() {
        let step = |unit, every| Schedule::Step {
            every,
            unit,
            factor: 0.5,
        };
        for (unit, every) in [(Unit::Steps, 20), (Unit::Epochs, 2), (Unit::Examples, 640)] {
            let rates = [0, 19, 20, 40].map(|t| step(unit, every).lr(1.0, at(t)));
            assert_eq!(rates, [1.0, 1.0, 0.5, 0.25], "{unit:?}");
        }
        let smooth = Schedule::Exponential {
            every: 10,
            unit: Unit::Steps,
            gamma: 0.25,
        };
        assert_eq!([0, 5, 10].map(|t| smooth.lr(2.0, at(t))), [2.0, 1.0, 0.5]);
        assert_eq!(Schedule::Constant.lr(0.3, at(99)), 0.3);
    }

    #[test]
    fn impossible_schedules_are_refused() {
        let refused = |every, factor| {
            Schedule::Step {
                every,
                unit: Unit::Steps,
                factor,
            }
            .check()
            .unwrap_err()
            .to_string()
        };
        assert_eq!(
            refused(0, 0.5),
            "the schedule's period must be at least 1, got 0"
        );
        assert_eq!(
            refused(1, 0.0),
            "the schedule's factor must be above 0 and at most 1, got 0"
        );
        assert!(refused(1, f32::NAN).contains("NaN"));
        assert_eq!(Schedule::Constant.check(), Ok(()));
    }
}
