//! Warnings at the end: a training that has diverged, or has learned nothing.

use crate::data::{Dataset, Labels, value_variances};
use crate::engine::MeanErrors;

use super::metrics::Report;

/// How many times the loss of guessing, or of the first epoch, a training loss may be.
const FAR: f64 = 2.0;

impl Report {
    /// What is wrong with the result, if anything is: a training loss that has risen, or is above
    /// that of guessing; a test accuracy, or errors of values, that a constant answer has too.
    /// `test` is the data set that was evaluated.
    ///
    /// ```
    /// use unisono::{Trainer, data::digits, nn::{Loss, Sequential}, optim::Optimizer};
    /// let (train, test) = digits();
    /// let fit = |lr| {
    ///     let model = Sequential::new(64).dense(10);
    ///     let mut trainer = Trainer::new(model, Loss::SoftmaxCrossEntropy).optimizer(Optimizer::sgd(lr)).epochs(2);
    ///     trainer.fit(&train, &test).map(|report| report.warnings(&test))
    /// };
    /// assert!(fit(0.1)?.is_empty());
    /// let warnings = fit(1e10)?;
    /// assert!(warnings[0].starts_with("the training loss of the last epoch is "));
    /// # Ok::<(), unisono::TrainError>(())
    /// ```
    pub fn warnings(&self, test: &dyn Dataset) -> Vec<String> {
        let (Some(first), Some(last)) = (self.epochs.first(), self.epochs.last()) else {
            return Vec::new();
        };
        let mut warnings = Vec::new();
        // A loss that has risen, or is worse than guessing.
        let cure = "the training has diverged; lower the learning rate";
        let (loss, guess) = (last.train_loss, loss_of_guessing(test.labels()));
        if guess.is_some_and(|guess| loss > FAR * guess) {
            let guess = guess.unwrap_or_default();
            warnings.push(format!(
                "the training loss of the last epoch is {loss:.4}, that of guessing {guess:.4}: {cure}"
            ));
        } else if loss > FAR * first.train_loss {
            let (from, began) = (first.epoch, first.train_loss);
            warnings.push(format!(
                "the training loss of the last epoch is {loss:.4}, that of epoch {from} was {began:.4}: {cure}"
            ));
        }
        // An accuracy that needs no model.
        let accuracy = self.test_accuracy();
        if let Some(constant) = accuracy_of_a_constant(test)
            && accuracy <= constant
        {
            warnings.push(format!(
                "the test accuracy of {:.2} % is not above the {:.2} % of always answering with the most frequent class: nothing has been learned that the test rows show",
                100.0 * accuracy,
                100.0 * constant
            ));
        }
        // Values that their mean predicts as well.
        let errors = self.kept.test.and_then(|scores| scores.errors);
        if let Some((errors, r2)) = errors.and_then(|errors| Some((errors, r2(errors, test)?)))
            && r2 <= 0.0
        {
            warnings.push(format!(
                "the test R2 of {r2:.4} is not above 0, that of always answering with the mean of the test rows (mean squared error {:.4}): nothing has been learned that the test rows show",
                errors.squared
            ));
        }
        warnings
    }
}

/// The coefficient of determination: 1 less the mean squared error over the variance of the values
/// of `data`, of several together; `None` where the values do not vary.
pub(crate) fn r2(errors: MeanErrors, data: &dyn Dataset) -> Option<f64> {
    let variances = value_variances(data);
    let mean = variances.iter().sum::<f64>() / variances.len() as f64;
    (mean > 0.0).then(|| 1.0 - errors.squared / mean)
}

/// The cross-entropy of giving every class the same probability.
fn loss_of_guessing(labels: Labels) -> Option<f64> {
    match labels {
        Labels::Classes(classes) if classes > 1 => Some(libm::log(classes as f64)),
        // Of sequences the loss may be of a position, or of all of them together.
        _ => None,
    }
}

/// The share of the rows that are of the most frequent class: what always answering with it would
/// reach. `None` of other tasks, and where all rows are of one class.
pub(crate) fn accuracy_of_a_constant(data: &dyn Dataset) -> Option<f64> {
    let Labels::Classes(classes) = data.labels() else {
        return None;
    };
    let rows: Vec<u32> = (0..data.len() as u32).collect();
    let mut labels = vec![0; rows.len()];
    data.gather_classes(&rows, &mut labels);
    let mut counts = vec![0_u64; classes];
    labels.iter().for_each(|&label| counts[label as usize] += 1);
    let most = counts.into_iter().max()?;
    // Where all rows are of one class nothing else can be answered.
    let all = rows.len() as u64;
    (0 < most && most < all).then(|| most as f64 / all as f64)
}
