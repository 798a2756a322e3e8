//! Watcher: the value of the metric that chooses, of the weights at hand on the rows that choose.
//!
//! Loss, accuracy and the errors of values are sums that an evaluation has anyway. All other metrics
//! need the outputs of every row, which are computed row by row on all cores: the same bits for any
//! number of threads, and those of `eval`.

use ndarray::{Array2, ArrayView1};

use crate::data::{Dataset, Labels};
use crate::metrics::{Classification, MetricsError, MultiLabel};
use crate::nn::{Network, NnError, Sequential};

use super::blocks::of_rows;
use super::error::TrainError;
use super::kept::{EvaluatedPart, Scores};
use super::metric::{Metric, Watched};
use super::trainer::Trainer;
use super::verdict::r2;

/// A metric, and the rows that it is of.
pub(super) struct Watcher<'d> {
    metric: Metric,
    model: Sequential,
    data: &'d dyn Dataset,
    /// A class whose rows count for nothing.
    ignored: Option<usize>,
    /// What the rows are.
    part: &'static str,
}

impl Trainer {
    /// Lets this metric of the validation part, or of the test part where there is no other, choose
    /// what is chosen: when early stopping ends the training and which epoch it keeps, when a
    /// plateau lowers the rate, which checkpoint is the best. By default the loss chooses.
    ///
    /// What early stopping calls a better value is one that is better by more than
    /// [`crate::train::EarlyStopping::min_delta`]; whether that is a larger or a smaller one is
    /// known by the metric. Bits do not depend on the number of threads.
    ///
    /// ```
    /// use unisono::{Trainer, data::digits, nn::{Loss, Sequential}};
    /// use unisono::train::{EarlyStopping, Metric};
    /// let (train, test) = digits();
    /// let mut trainer = Trainer::new(Sequential::new(64).dense(10), Loss::SoftmaxCrossEntropy)
    ///     .early_stopping(EarlyStopping { patience: 1, ..EarlyStopping::default() })
    ///     .watch(Metric::F1)
    ///     .epochs(8);
    /// let report = trainer.fit(&train, &test)?;
    /// let f1 = |epoch: usize| report.epochs[epoch].watched.unwrap().value;
    /// let best = report.best_epoch.unwrap() as usize - 1;
    /// assert!((0..report.epochs.len()).all(|epoch| f1(epoch) <= f1(best)));
    /// assert_eq!(report.kept.weights_text(), "the whole epoch with the largest test F1");
    /// # Ok::<(), unisono::TrainError>(())
    /// ```
    pub fn watch(mut self, metric: Metric) -> Self {
        self.config.watch = metric;
        self
    }

    /// What tells the metric on these rows; `None` where the loss chooses.
    pub(super) fn watcher<'d>(
        &self,
        data: &'d dyn Dataset,
        part: Option<EvaluatedPart>,
    ) -> Result<Option<Watcher<'d>>, TrainError> {
        let metric = self.config.watch;
        if metric == Metric::Loss {
            return Ok(None);
        }
        let labels = data.labels();
        if !Metric::of_labels(labels).any(|known| known == metric) {
            let known = Metric::of_labels(labels).map(Metric::key);
            return Err(TrainError::Unwatchable {
                metric,
                known: known.collect::<Vec<_>>().join(", "),
            });
        }
        if !metric.is_summed() {
            // Threads that are started by worker 0 would be pinned to its core.
            rayon::current_num_threads();
        }
        let loss = self.config.loss.as_ref();
        Ok(Some(Watcher {
            metric,
            model: self.model.clone(),
            data,
            ignored: loss.and_then(|loss| loss.ignored_class()),
            part: match part {
                Some(EvaluatedPart::Validation) => "validation",
                Some(EvaluatedPart::Test) => "test",
                None => "given",
            },
        }))
    }
}

impl Watcher<'_> {
    /// The same evaluation with the metric's value for the weights `params`.
    ///
    /// # Errors
    /// [`TrainError::NoValue`] where the rows have none, such as a ranking of rows of one class.
    pub(super) fn watched(&self, scores: Scores, params: &[f32]) -> Result<Scores, TrainError> {
        let value = match self.value(scores, params) {
            // Where a training has diverged there is nothing to rank or to count.
            Err(TrainError::Model(NnError::NotANumber { .. })) => f64::NAN,
            value => value?.ok_or(TrainError::NoValue {
                metric: self.metric,
                part: self.part,
            })?,
        };
        Ok(Scores {
            watched: Some(Watched::new(self.metric, value)),
            ..scores
        })
    }

    fn value(&self, scores: Scores, params: &[f32]) -> Result<Option<f64>, TrainError> {
        let errors = scores.errors;
        Ok(match self.metric {
            Metric::Loss => Some(scores.loss),
            Metric::Accuracy => Some(scores.accuracy),
            Metric::Perplexity => Some(libm::exp(scores.loss)),
            Metric::Mae => errors.map(|errors| errors.absolute),
            Metric::Rmse => errors.map(|errors| errors.squared.sqrt()),
            Metric::R2 => errors.and_then(|errors| r2(errors, self.data)),
            _ => {
                let network = Network::with_params(self.model.clone(), params.to_vec())?;
                match self.data.labels() {
                    Labels::Values(width) => self.of_label_sets(&network, width)?,
                    _ => self.of_classes(&network)?,
                }
            }
        })
    }

    fn of_classes(&self, network: &Network) -> Result<Option<f64>, NnError> {
        let all: Vec<u32> = (0..self.data.len() as u32).collect();
        let labels = |rows: &[u32]| {
            let mut classes = vec![0; rows.len()];
            self.data.gather_classes(rows, &mut classes);
            classes
        };
        let mut rows = of_rows(network, self.data, &all, labels, |row| {
            let class = row.labels[row.place] as usize;
            Ok((class, softmax(row.outputs, row.row)?))
        })?;
        rows.retain(|(class, _)| Some(*class) != self.ignored);
        let (classes, shares): (Vec<usize>, Vec<Vec<f64>>) = rows.into_iter().unzip();
        let width = shares.first().map_or(0, Vec::len);
        let shares = Array2::from_shape_vec((classes.len(), width), shares.concat());
        let shares = shares.expect("rows of the same classes");
        let found = match Classification::of(&classes, shares.view()) {
            Err(MetricsError::NoRows) => return Ok(None),
            found => found.expect("rows have a class and probabilities"),
        };
        Ok(match self.metric {
            Metric::Top5 => found.top_5,
            Metric::BalancedAccuracy => Some(found.balanced_accuracy),
            Metric::Precision => Some(found.precision),
            Metric::Recall => Some(found.recall),
            Metric::F1 => Some(found.f1),
            Metric::RocAuc => found.roc_auc,
            Metric::AveragePrecision => found.average_precision,
            Metric::LogLoss => Some(found.log_loss),
            _ => None,
        })
    }

    fn of_label_sets(&self, network: &Network, width: usize) -> Result<Option<f64>, NnError> {
        let all: Vec<u32> = (0..self.data.len() as u32).collect();
        let labels = |rows: &[u32]| {
            let mut values = vec![0.0; rows.len() * width];
            self.data.gather_values(rows, &mut values);
            values
        };
        let rows = of_rows(network, self.data, &all, labels, |row| {
            let values = &row.labels[row.place * width..][..width];
            let has: Vec<bool> = values.iter().map(|value| *value > 0.5).collect();
            Ok((has, sigmoids(row.outputs, row.row)?))
        })?;
        let (has, shares): (Vec<Vec<bool>>, Vec<Vec<f64>>) = rows.into_iter().unzip();
        let shape = (has.len(), width);
        let has = Array2::from_shape_vec(shape, has.concat());
        let shares = Array2::from_shape_vec(shape, shares.concat());
        let (has, shares) = has.ok().zip(shares.ok()).expect("rows of the same labels");
        let found = match MultiLabel::of(has.view(), shares.view()) {
            Err(MetricsError::NoRows) => return Ok(None),
            found => found.expect("rows have labels and probabilities"),
        };
        let (micro, means) = (found.micro, found.macro_);
        Ok(match self.metric {
            Metric::WrongLabels => Some(found.hamming_loss),
            Metric::Precision => Some(means.precision),
            Metric::Recall => Some(means.recall),
            Metric::F1 => Some(means.f1),
            Metric::RocAuc => means.roc_auc,
            Metric::AveragePrecision => means.average_precision,
            Metric::PrecisionMicro => Some(micro.precision),
            Metric::RecallMicro => Some(micro.recall),
            Metric::F1Micro => Some(micro.f1),
            Metric::RocAucMicro => micro.roc_auc,
            Metric::AveragePrecisionMicro => micro.average_precision,
            _ => None,
        })
    }
}

/// The probability of each class, in double precision.
///
/// # Errors
/// [`NnError::NotANumber`], of row `row`, if a logit is NaN or the largest one infinite.
pub(crate) fn softmax(logits: ArrayView1<'_, f32>, row: usize) -> Result<Vec<f64>, NnError> {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    if largest.is_infinite() || logits.iter().any(|logit| logit.is_nan()) {
        return Err(NnError::NotANumber { row });
    }
    let power = |logit: &f32| libm::exp(f64::from(logit - largest));
    let mut powers: Vec<f64> = logits.iter().map(power).collect();
    let sum: f64 = powers.iter().sum();
    powers.iter_mut().for_each(|power| *power /= sum);
    Ok(powers)
}

/// The probability of each label, in double precision.
///
/// # Errors
/// [`NnError::NotANumber`], of row `row`, if a logit is NaN.
pub(crate) fn sigmoids(logits: ArrayView1<'_, f32>, row: usize) -> Result<Vec<f64>, NnError> {
    if logits.iter().any(|logit| logit.is_nan()) {
        return Err(NnError::NotANumber { row });
    }
    let share = |logit: &f32| 1.0 / (1.0 + libm::exp(-f64::from(*logit)));
    Ok(logits.iter().map(share).collect())
}
