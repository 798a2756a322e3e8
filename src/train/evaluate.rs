//! Evaluation: the loss on data, without training.

use crate::data::Dataset;
use crate::engine::Batch;

use super::error::TrainError;
use super::source::TEST;
use super::trainer::Trainer;

impl Trainer {
    /// Mean loss, and the share of rows classified correctly (in 0..=1; 0 for losses without
    /// classes), of the network as it is: the bits that an evaluation while training gives, for any
    /// number of threads.
    ///
    /// ```
    /// use unisono::{Trainer, data::digits, nn::{Loss, Sequential}};
    /// let (train, test) = digits();
    /// let mut trainer = Trainer::new(Sequential::new(64).dense(10), Loss::SoftmaxCrossEntropy).epochs(2);
    /// let report = trainer.fit(&train, &test)?;
    /// assert_eq!(trainer.threads(3).evaluate(&test)?, (report.test_loss(), report.test_accuracy()));
    /// # Ok::<(), unisono::TrainError>(())
    /// ```
    ///
    /// # Errors
    /// [`TrainError`]: data that do not fit, or no row of which counts; a panic in them.
    pub fn evaluate(&self, data: &dyn Dataset) -> Result<(f64, f64), TrainError> {
        self.check_data("given", data)?;
        let mut engine = self.network_engine(&self.kept_params()?, [data, data])?;
        let batch = Batch {
            source: TEST,
            ..Batch::whole((0..data.len() as u32).collect(), 0)
        };
        let sums = engine.run(|session| session.evaluate(&batch))??;
        if sums.is_empty() {
            return Err(TrainError::NothingCounts { part: "given" });
        }
        Ok((sums.mean_loss(), sums.accuracy()))
    }
}
