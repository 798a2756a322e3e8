//! Parts of the data of a training: rows to train on, rows to choose by, rows to test with.

use std::fmt;
use std::ops::ControlFlow;

use crate::data::Dataset;

use super::callback::{Callback, Observing};
use super::error::TrainError;
use super::kept::Scores;
use super::metrics::{Event, Report};
use super::trainer::Trainer;

/// The parts of the data of a training.
///
/// Epochs are evaluated on the validation part, and by it alone is chosen what is chosen: early
/// stopping, the plateau rule, the best epoch. The test part is then evaluated once, at the end,
/// with the weights that are kept. Without a validation part, the test part takes its place.
///
/// ```
/// use unisono::{Trainer, data::{Subset, digits}, nn::{Loss, Sequential}, train::{EarlyStopping, EvaluatedPart, Parts}};
/// let (all, test) = digits();
/// let train = Subset::new(&all, (0..1_200).collect::<Vec<_>>())?;
/// let valid = Subset::new(&all, (1_200..1_437).collect::<Vec<_>>())?;
/// let mut trainer = Trainer::new(Sequential::new(64).dense(10), Loss::SoftmaxCrossEntropy)
///     .early_stopping(EarlyStopping::default())
///     .epochs(3);
/// let report = trainer.fit_parts(Parts::new(&train).valid(&valid).test(&test))?;
/// assert_eq!(report.kept.chosen_on, Some(EvaluatedPart::Validation));
/// assert!(report.epochs[2].test_loss.is_nan() && report.epochs[2].valid_loss < 0.5);
/// assert_eq!((report.test_loss(), report.test_accuracy()), trainer.evaluate(&test)?);
/// # Ok::<(), unisono::TrainError>(())
/// ```
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Parts<'d> {
    /// Rows to train on.
    pub train: &'d dyn Dataset,
    /// Rows to choose by.
    pub valid: Option<&'d dyn Dataset>,
    /// Rows to test with.
    pub test: Option<&'d dyn Dataset>,
}

impl fmt::Debug for Parts<'_> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = |data: Option<&dyn Dataset>| data.map_or(0, Dataset::len);
        to.debug_struct("Parts")
            .field("train", &rows(Some(self.train)))
            .field("valid", &rows(self.valid))
            .field("test", &rows(self.test))
            .finish()
    }
}

impl<'d> Parts<'d> {
    /// Rows to train on, and no others.
    pub fn new(train: &'d dyn Dataset) -> Self {
        Self {
            train,
            valid: None,
            test: None,
        }
    }

    /// With these rows to choose by.
    pub fn valid(mut self, valid: &'d dyn Dataset) -> Self {
        self.valid = Some(valid);
        self
    }

    /// With these rows to test with.
    pub fn test(mut self, test: &'d dyn Dataset) -> Self {
        self.test = Some(test);
        self
    }
}

impl Trainer {
    /// Like [`Trainer::fit`], with a validation part: [`Parts`] says what is done with each, and
    /// has an example.
    ///
    /// # Errors
    /// As [`Trainer::fit`].
    pub fn fit_parts(&mut self, parts: Parts<'_>) -> Result<Report, TrainError> {
        self.fit_parts_observed(parts, |_| ControlFlow::Continue(()))
    }

    /// Like [`Trainer::fit_observed`], with a validation part.
    ///
    /// # Errors
    /// As [`Trainer::fit`].
    ///
    /// # Panics
    /// If `observer` panics; the trainer stays at the last whole step.
    pub fn fit_parts_observed(
        &mut self,
        parts: Parts<'_>,
        observer: impl FnMut(&Event<'_>) -> ControlFlow<()> + Send,
    ) -> Result<Report, TrainError> {
        self.fit_parts_with(parts, &mut Observing(observer))
    }

    /// Like [`Trainer::fit_with`], with a validation part.
    ///
    /// # Errors
    /// As [`Trainer::fit`].
    ///
    /// # Panics
    /// If `callback` panics; the trainer stays at the last whole step.
    pub fn fit_parts_with(
        &mut self,
        parts: Parts<'_>,
        callback: &mut dyn Callback,
    ) -> Result<Report, TrainError> {
        let job = self.prepared(parts);
        let job = self.or_abort(job)?;
        let mut report = self.run(job, callback)?;
        if report.is_stopped {
            return Ok(report);
        }
        // Where no evaluation belongs to the weights that are kept, one is made: of the test part
        // the only one, if there is a validation part.
        let scores = |known: Option<Scores>, data: Option<&dyn Dataset>| match (known, data) {
            (None, Some(data)) => Ok(Some(self.scores(data)?)),
            (known, _) => Ok::<_, TrainError>(known),
        };
        report.kept.valid = scores(report.kept.valid, parts.valid)?;
        report.kept.test = scores(report.kept.test, parts.test)?;
        Ok(report)
    }
}
