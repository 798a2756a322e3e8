//! Evaluation: the loss on data, without training.

use std::sync::Arc;

use crate::data::Dataset;
use crate::engine::Batch;
use crate::nn::KeptOutputs;

use super::error::TrainError;
use super::kept::Scores;
use super::network_engine::Evaluations;
use super::source::TEST;
use super::trainer::Trainer;
use super::watcher::Watcher;

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
        let scores = self.sums(data, &self.kept_params()?, None)?;
        Ok((scores.loss, scores.accuracy))
    }

    /// All that an evaluation gives: of a loss of values the mean errors too, and the metric that
    /// chooses ([`Trainer::watch`]), where the rows have a value of it.
    ///
    /// ```
    /// use ndarray::array;
    /// use unisono::{Trainer, data::ArrayDataset, nn::{Loss, MseConvention, Sequential}};
    /// let line = ArrayDataset::values(array![[0.0], [1.0], [2.0]], array![[1.0], [3.0], [5.0]])?;
    /// let loss = Loss::Mse(MseConvention::MeanOverAll);
    /// let mut trainer = Trainer::new(Sequential::new(1).dense(1), loss).epochs(200);
    /// trainer.fit(&line, &line)?;
    /// assert!(trainer.scores(&line)?.errors.unwrap().absolute < 0.01);
    /// # Ok::<(), unisono::TrainError>(())
    /// ```
    ///
    /// # Errors
    /// As [`Trainer::evaluate`].
    pub fn scores(&self, data: &dyn Dataset) -> Result<Scores, TrainError> {
        let params = self.kept_params()?;
        self.check_data("given", data)?;
        let watcher = self.watcher(data, None)?;
        let kept = watcher.as_ref().and_then(Watcher::kept);
        let scores = self.sums(data, &params, kept)?;
        match watcher.map(|watcher| watcher.watched(scores, &params)) {
            None | Some(Err(TrainError::NoValue { .. })) => Ok(scores),
            Some(watched) => watched,
        }
    }

    /// What the sums of an evaluation of these weights give; outputs are left in `kept`.
    fn sums(
        &self,
        data: &dyn Dataset,
        params: &[f32],
        kept: Option<Arc<KeptOutputs>>,
    ) -> Result<Scores, TrainError> {
        self.check_data("given", data)?;
        let mut engine =
            self.network_engine(params, [data, data], &Evaluations { stop: None, kept })?;
        let batch = Batch {
            source: TEST,
            ..Batch::whole((0..data.len() as u32).collect(), 0)
        };
        let sums = engine.run(|session| session.evaluate(&batch))??;
        if sums.is_empty() {
            return Err(TrainError::NothingCounts { part: "given" });
        }
        Ok(Scores::of(&sums))
    }
}
