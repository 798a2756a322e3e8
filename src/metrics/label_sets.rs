//! Label sets: what probabilities of labels are worth, of which a row has any number.

use std::collections::HashMap;

use ndarray::ArrayView2;
use rayon::iter::{IntoParallelIterator, ParallelIterator};
use serde::Serialize;

use super::classification::{ClassMetrics, mean};
use super::error::MetricsError;
use super::ranking::Ranking;

/// What probabilities of labels are worth, of which each row has any number.
///
/// A label is predicted where its probability is above a half. Where a ratio would divide by 0 it
/// is 0, as in scikit-learn.
///
/// ```
/// use ndarray::array;
/// use unisono::metrics::MultiLabel;
/// let labels = array![[true, false], [true, true], [false, true]];
/// let probabilities = array![[0.9, 0.1], [0.8, 0.4], [0.3, 0.7]];
/// let metrics = MultiLabel::of(labels.view(), probabilities.view())?;
/// assert_eq!((metrics.subset_accuracy, metrics.hamming_loss), (2.0 / 3.0, 1.0 / 6.0));
/// assert_eq!((metrics.micro.precision, metrics.micro.recall), (1.0, 0.75));
/// assert_eq!((metrics.labels[0].f1, metrics.labels[1].recall), (1.0, 0.5));
/// # Ok::<(), unisono::metrics::MetricsError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct MultiLabel {
    /// Rows that were predicted.
    pub rows: usize,
    /// Share of rows all of whose labels are right, in 0..=1.
    pub subset_accuracy: f64,
    /// The subset accuracy of a guess that knows the most frequent set of labels alone.
    pub majority: f64,
    /// Share of single labels that are wrong, in 0..=1.
    pub hamming_loss: f64,
    /// Of all labels of all rows together.
    pub micro: LabelAverages,
    /// Means over the labels, which count alike.
    #[serde(rename = "macro")]
    pub macro_: LabelAverages,
    /// Each label for itself.
    pub labels: Vec<ClassMetrics>,
}

/// Averages over labels.
///
/// ```
/// use ndarray::array;
/// use unisono::metrics::MultiLabel;
/// let labels = array![[true, false], [false, true]];
/// let metrics = MultiLabel::of(labels.view(), array![[0.9, 0.6], [0.2, 0.8]].view())?;
/// assert_eq!((metrics.micro.precision, metrics.macro_.precision), (2.0 / 3.0, 0.75));
/// # Ok::<(), unisono::metrics::MetricsError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct LabelAverages {
    /// Of what was predicted, the share that is right.
    pub precision: f64,
    /// Of what there is, the share that was predicted.
    pub recall: f64,
    /// The harmonic mean of both, or its mean over the labels.
    pub f1: f64,
    /// [`Ranking::roc_auc`]; a mean is over the labels that can be ranked.
    pub roc_auc: Option<f64>,
    /// [`Ranking::average_precision`], in the same way.
    pub average_precision: Option<f64>,
}

impl MultiLabel {
    /// Of which labels rows have, and the probability of each, both (rows, labels).
    ///
    /// # Errors
    /// [`MetricsError`] for no rows, another shape, a probability that is none.
    pub fn of(
        labels: ArrayView2<'_, bool>,
        probabilities: ArrayView2<'_, f64>,
    ) -> Result<Self, MetricsError> {
        check(labels, probabilities)?;
        let (rows, width) = labels.dim();
        let of_label = |at: usize| {
            let has = labels.column(at).to_vec();
            counted(&has, &probabilities.column(at).to_vec())
        };
        let by_label = (0..width).into_par_iter().map(of_label);
        let by_label: Vec<ClassMetrics> = by_label.collect();
        // All together: a label of a row is one like any other.
        let has: Vec<bool> = labels.iter().copied().collect();
        let shares: Vec<f64> = probabilities.iter().copied().collect();
        let all = counted(&has, &shares);
        // Whole rows.
        let (mut right_rows, mut wrong_labels) = (0, 0);
        let mut sets: HashMap<Vec<bool>, usize> = HashMap::new();
        for (row, shares) in labels.rows().into_iter().zip(probabilities.rows()) {
            let wrong = row.iter().zip(shares).filter(|(has, share)| {
                let is_taken = **share > 0.5;
                is_taken != **has
            });
            let wrong = wrong.count();
            right_rows += usize::from(wrong == 0);
            wrong_labels += wrong;
            *sets.entry(row.to_vec()).or_default() += 1;
        }
        let of_rows = |count: usize| count as f64 / rows as f64;
        Ok(Self {
            rows,
            subset_accuracy: of_rows(right_rows),
            majority: of_rows(sets.into_values().max().unwrap_or(0)),
            hamming_loss: wrong_labels as f64 / has.len() as f64,
            micro: LabelAverages {
                precision: all.precision,
                recall: all.recall,
                f1: all.f1,
                roc_auc: all.roc_auc,
                average_precision: all.average_precision,
            },
            macro_: LabelAverages::over(&by_label),
            labels: by_label,
        })
    }

    /// The metrics of all rows as names and values to show, beside the subset accuracy.
    ///
    /// ```
    /// use ndarray::array;
    /// use unisono::metrics::MultiLabel;
    /// let labels = array![[true, false], [false, true]];
    /// let metrics = MultiLabel::of(labels.view(), array![[0.9, 0.1], [0.2, 0.8]].view())?;
    /// assert_eq!(metrics.listed()[0], ("most frequent set of labels", "50.00 %".to_owned()));
    /// # Ok::<(), unisono::metrics::MetricsError>(())
    /// ```
    pub fn listed(&self) -> Vec<(&'static str, String)> {
        let percent = |share: f64| Some(format!("{:.2} %", 100.0 * share));
        let plain = |value: f64| Some(format!("{value:.4}"));
        let Self { micro, macro_, .. } = self;
        let all = [
            ("most frequent set of labels", percent(self.majority)),
            ("wrong labels", percent(self.hamming_loss)),
            ("precision, macro", plain(macro_.precision)),
            ("recall, macro", plain(macro_.recall)),
            ("F1, macro", plain(macro_.f1)),
            ("ROC AUC, macro", macro_.roc_auc.and_then(plain)),
            (
                "average precision, macro",
                macro_.average_precision.and_then(plain),
            ),
            ("precision, micro", plain(micro.precision)),
            ("recall, micro", plain(micro.recall)),
            ("F1, micro", plain(micro.f1)),
            ("ROC AUC, micro", micro.roc_auc.and_then(plain)),
            (
                "average precision, micro",
                micro.average_precision.and_then(plain),
            ),
        ];
        let known = |(name, value): (&'static str, Option<String>)| Some((name, value?));
        all.into_iter().filter_map(known).collect()
    }
}

impl LabelAverages {
    /// Means over the labels.
    fn over(labels: &[ClassMetrics]) -> Self {
        let of_all = |value: fn(&ClassMetrics) -> f64| mean(labels.iter().map(value));
        let of_some = |value: fn(&ClassMetrics) -> Option<f64>| {
            let values = labels.iter().filter_map(value);
            mean(values)
        };
        Self {
            precision: of_all(|label| label.precision).unwrap_or(0.0),
            recall: of_all(|label| label.recall).unwrap_or(0.0),
            f1: of_all(|label| label.f1).unwrap_or(0.0),
            roc_auc: of_some(|label| label.roc_auc),
            average_precision: of_some(|label| label.average_precision),
        }
    }
}

/// What probabilities are worth where something is there or not.
fn counted(has: &[bool], shares: &[f64]) -> ClassMetrics {
    let count = |is: fn(bool, bool) -> bool| {
        let pairs = has.iter().zip(shares);
        let counted = pairs.filter(|(has, share)| is(**has, **share > 0.5));
        counted.count()
    };
    ClassMetrics::of_counts(
        count(|has, _| has),
        count(|_, is_taken| is_taken),
        count(|has, is_taken| has && is_taken),
        Ranking::of(shares, has),
    )
}

fn check(
    labels: ArrayView2<'_, bool>,
    probabilities: ArrayView2<'_, f64>,
) -> Result<(), MetricsError> {
    let (expected, got) = (labels.nrows(), probabilities.nrows());
    if expected != got {
        return Err(MetricsError::Rows { expected, got });
    }
    let (expected, got) = (labels.ncols(), probabilities.ncols());
    if expected != got {
        return Err(MetricsError::Labels { expected, got });
    }
    if labels.is_empty() {
        return Err(MetricsError::NoRows);
    }
    for (row, shares) in probabilities.rows().into_iter().enumerate() {
        if let Some(&got) = shares.iter().find(|share| !(0.0..=1.0).contains(*share)) {
            return Err(MetricsError::Probability { row, got });
        }
    }
    Ok(())
}
