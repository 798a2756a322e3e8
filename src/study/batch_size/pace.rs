//! The pace of a training: a few of its steps and an evaluation, timed.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use crate::data::Dataset;
use crate::train::{Evaluations, Event, Setup, TrainError, Trainer};

use super::error::StudyError;

/// How long steps are timed, if three of them take no longer.
const TIMED: Duration = Duration::from_millis(40);
/// Steps that are timed at least, after a first one.
const LEAST_STEPS: u32 = 2;

/// One evaluation after the second step.
const LOOK: Evaluations = Evaluations::Geometric {
    first: LEAST_STEPS as u64,
    ratio: 1e9,
};

/// The pace of a training: seconds of a step and of an evaluation.
///
/// ```
/// use unisono::{Trainer, data::digits, nn::{Loss, Sequential}, study::batch_size::Pace};
/// let (train, test) = digits();
/// let trainer = || Trainer::new(Sequential::new(64).dense(10), Loss::SoftmaxCrossEntropy).threads(1);
/// let pace = Pace::of(trainer().batch_size(32), [&train, &test])?;
/// assert!(pace.step > 0.0 && pace.evaluation > 0.0);
/// # Ok::<(), unisono::study::batch_size::StudyError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Pace {
    /// Of a step.
    pub step: f64,
    /// Of an evaluation of the test part.
    pub evaluation: f64,
}

impl Pace {
    /// Times a few steps of a trainer, and an evaluation.
    ///
    /// # Errors
    /// [`StudyError::Train`] where nothing can be trained; a training that diverges has been timed
    /// until then.
    pub fn of(trainer: Trainer, data: [&dyn Dataset; 2]) -> Result<Self, StudyError> {
        Ok(timed(trainer, data)?.0)
    }
}

/// The pace, and what was trained.
pub(super) fn timed(
    trainer: Trainer,
    data: [&dyn Dataset; 2],
) -> Result<(Pace, Setup), StudyError> {
    let mut trainer = trainer.evaluate_at(LOOK);
    let (mut setup, mut before) = (None, None::<Instant>);
    let mut evaluation = Duration::MAX;
    let (mut first, mut steps, mut total) = (None, 0, Duration::ZERO);
    let trained = trainer.fit_observed(data[0], data[1], |event| {
        let now = Instant::now();
        match event {
            Event::Started(started) => setup = Some((*started).clone()),
            Event::Step { .. } => {
                if let (Some(before), Some(_)) = (before, first) {
                    (steps, total) = (steps + 1, total + (now - before));
                }
                // What comes before the first step is more than a step; it counts where there is no
                // other.
                first = first.or(before.map(|before| now - before));
            }
            Event::Evaluation { .. } | Event::Epoch(_) => {
                let took = before.map_or(evaluation, |before| now - before);
                evaluation = evaluation.min(took);
            }
            _ => {}
        }
        before = Some(now);
        if steps >= LEAST_STEPS && total >= TIMED {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    });
    match trained {
        Ok(_) | Err(TrainError::NonFinite { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    let step = match steps {
        0 => first.unwrap_or_default(),
        _ => total / steps,
    };
    let pace = Pace {
        step: step.as_secs_f64(),
        // A training that diverges before the first of them has none.
        evaluation: match evaluation {
            Duration::MAX => 0.0,
            known => known.as_secs_f64(),
        },
    };
    Ok((pace, setup.expect("a training that ends has begun")))
}
