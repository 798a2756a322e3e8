//! Watcher: the value of the metric that chooses, of the weights at hand on the rows that choose.
//!
//! Loss, accuracy and the errors of values are sums that an evaluation has anyway. All other metrics
//! need the outputs of every row, which the workers leave behind as they evaluate them. Several ranks
//! have the outputs of their own rows alone: there each computes all rows once more, on all cores. In
//! both cases they are the same bits for any number of threads, and those of `eval`.

use std::sync::Arc;

use ndarray::{Array2, ArrayView1, Axis};
use rayon::iter::{IntoParallelIterator, ParallelIterator};

use crate::data::{Dataset, Labels};
use crate::metrics::{Classification, MetricsError, MultiLabel};
use crate::nn::{KeptOutputs, Network, NnError, Sequential};

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
    /// The outputs of an evaluation, if it leaves some, and how many a row has.
    kept: Option<Arc<KeptOutputs>>,
    outputs: usize,
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
        let has_all_rows = !metric.is_summed() && self.config.engine.ranks.is_none();
        Ok(Some(Watcher {
            kept: has_all_rows.then(Arc::default),
            outputs: self.model.output_shape()?.len(),
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
    /// Where an evaluation is to leave its outputs.
    pub(super) fn kept(&self) -> Option<Arc<KeptOutputs>> {
        self.kept.clone()
    }

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
            _ => match self.data.labels() {
                Labels::Values(width) => self.of_label_sets(&self.outputs(params)?, width)?,
                _ => self.of_classes(&self.outputs(params)?)?,
            },
        })
    }

    /// The outputs of all rows, (rows, outputs).
    fn outputs(&self, params: &[f32]) -> Result<Array2<f32>, NnError> {
        let count = self.data.len();
        if let Some(kept) = &self.kept {
            return Ok(kept.take(count, self.outputs));
        }
        let network = Network::with_params(self.model.clone(), params.to_vec())?;
        let all: Vec<u32> = (0..count as u32).collect();
        let rows = of_rows(
            &network,
            self.data,
            &all,
            |_| (),
            |row| Ok(row.outputs.to_vec()),
        )?;
        let outputs = Array2::from_shape_vec((count, self.outputs), rows.concat());
        Ok(outputs.expect("rows of the same outputs"))
    }

    fn of_classes(&self, outputs: &Array2<f32>) -> Result<Option<f64>, NnError> {
        let all: Vec<u32> = (0..self.data.len() as u32).collect();
        let mut labels = vec![0; all.len()];
        self.data.gather_classes(&all, &mut labels);
        let mut shares = probabilities(outputs, softmax)?;
        let mut classes: Vec<usize> = labels.into_iter().map(|class| class as usize).collect();
        if let Some(ignored) = self.ignored {
            let counted: Vec<usize> = (0..all.len())
                .filter(|&row| classes[row] != ignored)
                .collect();
            shares = shares.select(Axis(0), &counted);
            classes.retain(|&class| class != ignored);
        }
        let found = match self.metric.is_ranked() {
            true => Classification::of(&classes, shares.view()),
            false => Classification::counted(&classes, shares.view()),
        };
        let found = match found {
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

    fn of_label_sets(&self, outputs: &Array2<f32>, width: usize) -> Result<Option<f64>, NnError> {
        let all: Vec<u32> = (0..self.data.len() as u32).collect();
        let mut values = vec![0.0; all.len() * width];
        self.data.gather_values(&all, &mut values);
        let has = values.iter().map(|value| *value > 0.5).collect();
        let has = Array2::from_shape_vec((all.len(), width), has).expect("rows of the same labels");
        let shares = probabilities(outputs, sigmoids)?;
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

/// The probabilities that `of_row` makes of the outputs of each row, on all cores.
fn probabilities(
    outputs: &Array2<f32>,
    of_row: fn(ArrayView1<'_, f32>, usize) -> Result<Vec<f64>, NnError>,
) -> Result<Array2<f64>, NnError> {
    let rows = (0..outputs.nrows()).into_par_iter();
    let rows: Result<Vec<Vec<f64>>, NnError> = rows.map(|at| of_row(outputs.row(at), at)).collect();
    let shares = Array2::from_shape_vec(outputs.raw_dim(), rows?.concat());
    Ok(shares.expect("a probability for each output"))
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
