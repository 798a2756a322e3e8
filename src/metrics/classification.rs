//! Classification: what a classifier's probabilities are worth, of all rows and by class.

use ndarray::{Array2, ArrayView1, ArrayView2};
use rayon::iter::{IntoParallelIterator, ParallelIterator};
use serde::Serialize;

use super::error::MetricsError;
use super::ranking::Ranking;

/// The places among which [`Classification::top_5`] looks for the class.
const TOP: usize = 5;

/// What a classifier's probabilities are worth.
///
/// Means over classes are those of classes that occur, among the rows or the predictions; all
/// classes count alike (macro averages). Where a ratio would divide by 0 it is 0, as in
/// scikit-learn.
///
/// ```
/// use ndarray::array;
/// use unisono::metrics::Classification;
/// let probabilities = array![[0.8, 0.2], [0.6, 0.4], [0.3, 0.7], [0.1, 0.9]];
/// let metrics = Classification::of(&[0, 1, 1, 1], probabilities.view())?;
/// assert_eq!((metrics.accuracy, metrics.majority), (0.75, 0.75));
/// assert_eq!((metrics.classes[1].precision, metrics.classes[1].recall), (1.0, 2.0 / 3.0));
/// assert_eq!(metrics.roc_auc, Some(1.0));
/// # Ok::<(), unisono::metrics::MetricsError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Classification {
    /// Rows that were classified.
    pub rows: usize,
    /// Share of rows whose most probable class is theirs, in 0..=1; the first of equals.
    pub accuracy: f64,
    /// The accuracy of a guess that knows the most frequent class alone: its share of the rows.
    pub majority: f64,
    /// Mean recall of the classes of the rows, in 0..=1.
    pub balanced_accuracy: f64,
    /// Mean precision of the classes, in 0..=1.
    pub precision: f64,
    /// Mean recall of the classes, in 0..=1.
    pub recall: f64,
    /// Mean F1 of the classes, in 0..=1.
    pub f1: f64,
    /// Share of rows whose class is among the five most probable, in 0..=1; none for five classes or
    /// fewer.
    pub top_5: Option<f64>,
    /// Mean negative logarithm of the probability of a row's own class, in nats. Probabilities below
    /// the distance of 1 from the next number (2.2e-16) count as that.
    pub log_loss: f64,
    /// The area under the receiver operating characteristic ([`Ranking::roc_auc`]): of two classes
    /// that of the second, of more the mean of each against the rest. None where no class can be
    /// ranked.
    pub roc_auc: Option<f64>,
    /// The average precision ([`Ranking::average_precision`]), in the same way.
    pub average_precision: Option<f64>,
    /// Each class for itself.
    pub classes: Vec<ClassMetrics>,
    /// Rows of class i (down) that were taken for class j (across).
    #[serde(serialize_with = "as_rows")]
    pub confusion: Array2<usize>,
}

/// What a classifier is worth for one class.
///
/// ```
/// use ndarray::array;
/// use unisono::metrics::Classification;
/// let metrics = Classification::of(&[0, 0, 1], array![[0.9, 0.1], [0.4, 0.6], [0.2, 0.8]].view())?;
/// let first = &metrics.classes[0];
/// assert_eq!((first.rows, first.precision, first.recall), (2, 1.0, 0.5));
/// # Ok::<(), unisono::metrics::MetricsError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ClassMetrics {
    /// Rows of the class.
    pub rows: usize,
    /// Of the rows taken for the class, the share that is of it; 0 where there are none.
    pub precision: f64,
    /// Of the rows of the class, the share taken for it; 0 where there are none.
    pub recall: f64,
    /// The harmonic mean of both; 0 where both are 0.
    pub f1: f64,
    /// Its rows against all others; none where they cannot be ranked.
    pub roc_auc: Option<f64>,
    /// Its rows against all others; none where they cannot be ranked.
    pub average_precision: Option<f64>,
}

impl ClassMetrics {
    /// Of so many rows of the class, rows taken for it, and those of them that are of it.
    pub(super) fn of_counts(
        rows: usize,
        taken: usize,
        correct: usize,
        ranking: Option<Ranking>,
    ) -> Self {
        let ratio = |part: usize, whole: usize| match whole {
            0 => 0.0,
            _ => part as f64 / whole as f64,
        };
        Self {
            rows,
            precision: ratio(correct, taken),
            recall: ratio(correct, rows),
            f1: ratio(2 * correct, rows + taken),
            roc_auc: ranking.map(|ranking| ranking.roc_auc),
            average_precision: ranking.map(|ranking| ranking.average_precision),
        }
    }

    /// The names of what [`ClassMetrics::listed`] gives.
    pub const NAMES: &[&str] = &[
        "rows",
        "precision",
        "recall",
        "F1",
        "ROC AUC",
        "average precision",
    ];

    /// Its values to show; empty where there is none.
    ///
    /// ```
    /// use ndarray::array;
    /// use unisono::metrics::Classification;
    /// let metrics = Classification::of(&[0, 0], array![[0.8, 0.2], [0.6, 0.4]].view())?;
    /// assert_eq!(metrics.classes[0].listed(), ["2", "1.0000", "1.0000", "1.0000", "", ""]);
    /// # Ok::<(), unisono::metrics::MetricsError>(())
    /// ```
    pub fn listed(&self) -> [String; 6] {
        let plain = |value: f64| format!("{value:.4}");
        let or_empty = |value: Option<f64>| value.map_or(String::new(), plain);
        [
            self.rows.to_string(),
            plain(self.precision),
            plain(self.recall),
            plain(self.f1),
            or_empty(self.roc_auc),
            or_empty(self.average_precision),
        ]
    }
}

impl Classification {
    /// Of the class of each row and the probabilities of all classes, (rows, classes).
    ///
    /// # Errors
    /// [`MetricsError`] for no rows, another number of rows, a class without a column, a probability
    /// that is none.
    pub fn of(classes: &[usize], probabilities: ArrayView2<'_, f64>) -> Result<Self, MetricsError> {
        Self::with(classes, probabilities, true)
    }

    /// The same but for the metrics of a ranking, which are none: they take longer than all others.
    pub(crate) fn counted(
        classes: &[usize],
        probabilities: ArrayView2<'_, f64>,
    ) -> Result<Self, MetricsError> {
        Self::with(classes, probabilities, false)
    }

    fn with(
        classes: &[usize],
        probabilities: ArrayView2<'_, f64>,
        is_ranked: bool,
    ) -> Result<Self, MetricsError> {
        check(classes, probabilities)?;
        let rows = classes.len();
        // Rows by class and prediction.
        let mut confusion = Array2::zeros((probabilities.ncols(), probabilities.ncols()));
        let (mut in_top, mut log_loss) = (0, 0.0);
        for (&class, row) in classes.iter().zip(probabilities.rows()) {
            confusion[[class, first_largest(row)]] += 1;
            in_top += usize::from(place(row, class) < TOP);
            log_loss -= libm::log(row[class].max(f64::EPSILON));
        }
        // Each class against the rest, on all cores.
        let of_class = |class| {
            let ranking = is_ranked.then(|| ranking(class, classes, probabilities));
            of_class(class, &confusion, ranking.flatten())
        };
        let each = (0..probabilities.ncols()).into_par_iter();
        let by_class: Vec<ClassMetrics> = each.map(of_class).collect();
        let taken = confusion.sum_axis(ndarray::Axis(0));
        let occurs = |class: &usize| by_class[*class].rows + taken[*class] > 0;
        let occurring: Vec<usize> = (0..by_class.len()).filter(occurs).collect();
        let over = |value: fn(&ClassMetrics) -> f64| {
            let values = occurring.iter().map(|&class| value(&by_class[class]));
            values.sum::<f64>() / occurring.len() as f64
        };
        let of_rows = |correct: usize| correct as f64 / rows as f64;
        Ok(Self {
            rows,
            accuracy: of_rows(confusion.diag().sum()),
            majority: of_rows(by_class.iter().map(|class| class.rows).max().unwrap_or(0)),
            balanced_accuracy: {
                let present = by_class.iter().filter(|class| class.rows > 0);
                mean(present.map(|class| class.recall)).expect("there are rows")
            },
            precision: over(|class| class.precision),
            recall: over(|class| class.recall),
            f1: over(|class| class.f1),
            top_5: (by_class.len() > TOP).then(|| of_rows(in_top)),
            log_loss: log_loss / rows as f64,
            roc_auc: ranked(&by_class, |class| class.roc_auc),
            average_precision: ranked(&by_class, |class| class.average_precision),
            classes: by_class,
            confusion,
        })
    }

    /// The metrics of all rows as names and values to show, in the order in which they are read,
    /// beside the accuracy.
    ///
    /// ```
    /// use ndarray::array;
    /// use unisono::metrics::Classification;
    /// let metrics = Classification::of(&[0, 1], array![[0.8, 0.2], [0.6, 0.4]].view())?;
    /// assert_eq!(metrics.listed()[0], ("most frequent class", "50.00 %".to_owned()));
    /// # Ok::<(), unisono::metrics::MetricsError>(())
    /// ```
    pub fn listed(&self) -> Vec<(&'static str, String)> {
        let percent = |share: f64| Some(format!("{:.2} %", 100.0 * share));
        let plain = |value: f64| Some(format!("{value:.4}"));
        let all = [
            ("most frequent class", percent(self.majority)),
            ("balanced accuracy", percent(self.balanced_accuracy)),
            ("top 5", self.top_5.and_then(percent)),
            ("precision, mean", plain(self.precision)),
            ("recall, mean", plain(self.recall)),
            ("F1, mean", plain(self.f1)),
            ("ROC AUC", self.roc_auc.and_then(plain)),
            ("average precision", self.average_precision.and_then(plain)),
            ("log loss", plain(self.log_loss)),
        ];
        let known = |(name, value): (&'static str, Option<String>)| Some((name, value?));
        all.into_iter().filter_map(known).collect()
    }
}

fn check(classes: &[usize], probabilities: ArrayView2<'_, f64>) -> Result<(), MetricsError> {
    let (expected, got) = (classes.len(), probabilities.nrows());
    if expected != got {
        return Err(MetricsError::Rows { expected, got });
    }
    if expected == 0 {
        return Err(MetricsError::NoRows);
    }
    for (row, (&got, shares)) in classes.iter().zip(probabilities.rows()).enumerate() {
        let classes = shares.len();
        if got >= classes {
            return Err(MetricsError::Class { row, classes, got });
        }
        if let Some(&got) = shares.iter().find(|share| !(0.0..=1.0).contains(*share)) {
            return Err(MetricsError::Probability { row, got });
        }
    }
    Ok(())
}

/// The most probable class, the first of equals.
fn first_largest(row: ArrayView1<'_, f64>) -> usize {
    (1..row.len()).fold(0, |best, at| if row[at] > row[best] { at } else { best })
}

/// How many classes are more probable than `class`; of equals the first is.
fn place(row: ArrayView1<'_, f64>, class: usize) -> usize {
    let is_before =
        |(at, &share): (usize, &f64)| share > row[class] || (share == row[class] && at < class);
    row.iter()
        .enumerate()
        .filter(|&entry| is_before(entry))
        .count()
}

fn of_class(class: usize, confusion: &Array2<usize>, ranking: Option<Ranking>) -> ClassMetrics {
    let correct = confusion[[class, class]];
    let (rows, taken) = (confusion.row(class).sum(), confusion.column(class).sum());
    ClassMetrics::of_counts(rows, taken, correct, ranking)
}

/// The rows of a class against all others.
fn ranking(class: usize, classes: &[usize], probabilities: ArrayView2<'_, f64>) -> Option<Ranking> {
    let is_positive: Vec<bool> = classes.iter().map(|&of_row| of_row == class).collect();
    Ranking::of(&probabilities.column(class).to_vec(), &is_positive)
}

/// Of two classes the second's value, of more the mean of those that have one.
fn ranked(classes: &[ClassMetrics], value: fn(&ClassMetrics) -> Option<f64>) -> Option<f64> {
    match classes {
        [_, second] => value(second),
        _ => mean(classes.iter().filter_map(value)),
    }
}

/// The mean of some values, added in their order.
pub(super) fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / f64::from(count))
}

fn as_rows<S: serde::Serializer>(matrix: &Array2<usize>, to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(matrix.rows().into_iter().map(|row| row.to_vec()))
}
