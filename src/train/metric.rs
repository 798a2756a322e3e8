//! Metrics by which a training chooses: when it stops, which epoch is kept, when a rate is cut.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::data::Labels;

/// A metric of an evaluation, by which something can be chosen ([`crate::Trainer::watch`]).
///
/// Names and definitions are those of [`crate::metrics`], and scikit-learn's; of the labels of which
/// a row has any number those without *micro* are means over the labels.
///
/// ```
/// use unisono::train::Metric;
/// let metric: Metric = "ROC AUC".parse()?;
/// assert_eq!((metric, metric.key(), metric.is_larger_better()), (Metric::RocAuc, "roc_auc", true));
/// assert_eq!("f1-macro".parse::<Metric>(), Ok(Metric::F1));
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
#[non_exhaustive]
pub enum Metric {
    /// The mean loss that is trained on.
    #[default]
    Loss,
    /// The share of rows, or of tokens, that are right.
    Accuracy,
    /// The share of rows whose class is among the five most probable.
    Top5,
    /// The mean recall of the classes.
    BalancedAccuracy,
    /// The mean precision of the classes, or of the labels.
    Precision,
    /// The mean recall of the classes, or of the labels.
    Recall,
    /// The mean F1 of the classes, or of the labels.
    F1,
    /// The area under the receiver operating characteristic.
    RocAuc,
    /// The average precision.
    AveragePrecision,
    /// The mean negative logarithm of the probability of a row's own class.
    LogLoss,
    /// The share of single labels that are wrong.
    WrongLabels,
    /// The precision of all labels together.
    PrecisionMicro,
    /// The recall of all labels together.
    RecallMicro,
    /// The F1 of all labels together.
    F1Micro,
    /// The area under the receiver operating characteristic of all labels together.
    RocAucMicro,
    /// The average precision of all labels together.
    AveragePrecisionMicro,
    /// The mean absolute error, over the targets as they are trained on.
    Mae,
    /// The root of the mean squared error, over the targets as they are trained on.
    Rmse,
    /// The coefficient of determination, of several targets together, each by its variance.
    R2,
    /// The exponential of the mean loss of a token.
    Perplexity,
}

/// A metric, its key, and its name in words.
type Entry = (Metric, &'static str, &'static str);

/// All of them.
const TABLE: [Entry; 20] = [
    (Metric::Loss, "loss", "loss"),
    (Metric::Accuracy, "accuracy", "accuracy"),
    (Metric::Top5, "top_5", "top 5"),
    (
        Metric::BalancedAccuracy,
        "balanced_accuracy",
        "balanced accuracy",
    ),
    (Metric::Precision, "precision", "precision"),
    (Metric::Recall, "recall", "recall"),
    (Metric::F1, "f1", "F1"),
    (Metric::RocAuc, "roc_auc", "ROC AUC"),
    (
        Metric::AveragePrecision,
        "average_precision",
        "average precision",
    ),
    (Metric::LogLoss, "log_loss", "log loss"),
    (Metric::WrongLabels, "wrong_labels", "share of wrong labels"),
    (
        Metric::PrecisionMicro,
        "precision_micro",
        "precision (micro)",
    ),
    (Metric::RecallMicro, "recall_micro", "recall (micro)"),
    (Metric::F1Micro, "f1_micro", "F1 (micro)"),
    (Metric::RocAucMicro, "roc_auc_micro", "ROC AUC (micro)"),
    (
        Metric::AveragePrecisionMicro,
        "average_precision_micro",
        "average precision (micro)",
    ),
    (Metric::Mae, "mae", "MAE"),
    (Metric::Rmse, "rmse", "RMSE"),
    (Metric::R2, "r2", "R2"),
    (Metric::Perplexity, "perplexity", "perplexity"),
];

/// Other names of some.
const ALIASES: [(&str, Metric); 6] = [
    ("top5", Metric::Top5),
    ("rocauc", Metric::RocAuc),
    ("auc", Metric::RocAuc),
    ("logloss", Metric::LogLoss),
    ("hamming_loss", Metric::WrongLabels),
    ("share_of_wrong_labels", Metric::WrongLabels),
];

impl Metric {
    /// All of them, the loss first.
    ///
    /// ```
    /// use unisono::train::Metric;
    /// assert!(Metric::all().all(|metric| metric.key().parse() == Ok(metric)));
    /// ```
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|(metric, ..)| *metric)
    }

    /// Its name in JSON and in files, such as `roc_auc`.
    pub fn key(self) -> &'static str {
        self.entry().1
    }

    /// Whether a larger value is a better one.
    pub fn is_larger_better(self) -> bool {
        use Metric::{LogLoss, Loss, Mae, Perplexity, Rmse, WrongLabels};
        !matches!(self, Loss | LogLoss | WrongLabels | Mae | Rmse | Perplexity)
    }

    /// How bad a value is: the smaller, the better.
    ///
    /// ```
    /// use unisono::train::Metric;
    /// assert_eq!((Metric::Loss.badness(0.25), Metric::F1.badness(0.25)), (0.25, -0.25));
    /// ```
    pub fn badness(self, value: f64) -> f64 {
        if self.is_larger_better() {
            -value
        } else {
            value
        }
    }

    /// Whether evaluations tell it anyway, by their sums: it takes no predictions.
    pub fn is_summed(self) -> bool {
        use Metric::{Accuracy, Loss, Mae, Perplexity, R2, Rmse};
        matches!(self, Loss | Accuracy | Perplexity | Mae | Rmse | R2)
    }

    /// Whether it goes by the order of the probabilities.
    pub(super) fn is_ranked(self) -> bool {
        matches!(self, Metric::RocAuc | Metric::AveragePrecision)
    }

    /// Whether it is told beside loss, accuracy and the errors of values, being none of them.
    pub fn is_told(self) -> bool {
        !self.is_summed() || self == Metric::Perplexity
    }

    /// Those that rows with such labels have: of values those of a regression and those of labels
    /// in any number.
    ///
    /// ```
    /// use unisono::{data::Labels, train::Metric};
    /// let of_three: Vec<Metric> = Metric::of_labels(Labels::Classes(3)).collect();
    /// assert!(of_three.contains(&Metric::F1) && !of_three.contains(&Metric::Top5));
    /// assert!(Metric::of_labels(Labels::Values(1)).any(|metric| metric == Metric::R2));
    /// ```
    pub fn of_labels(labels: Labels) -> impl Iterator<Item = Self> {
        Self::all().filter(move |metric| metric.is_of(labels))
    }

    fn is_of(self, labels: Labels) -> bool {
        use Metric::{
            Accuracy, AveragePrecision, BalancedAccuracy, F1, LogLoss, Loss, Mae, Perplexity,
            Precision, R2, Recall, Rmse, RocAuc, Top5,
        };
        match labels {
            Labels::Classes(classes) => match self {
                Top5 => classes > 5,
                Loss | Accuracy | BalancedAccuracy | Precision | Recall | F1 | RocAuc
                | AveragePrecision | LogLoss => true,
                _ => false,
            },
            Labels::Sequence { .. } => matches!(self, Loss | Accuracy | Perplexity),
            Labels::Values(_) => match self {
                Mae | Rmse | R2 => true,
                Perplexity | Top5 | BalancedAccuracy | LogLoss => false,
                _ => true,
            },
            Labels::None => false,
        }
    }

    fn entry(self) -> &'static Entry {
        let found = TABLE.iter().find(|entry| entry.0 == self);
        found.expect("every metric is in the table")
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(self.entry().2)
    }
}

impl FromStr for Metric {
    type Err = String;

    /// Reads a key or a name, whatever its capitals and signs: `F1, mean`, `f1-macro` and `f1` are
    /// one.
    fn from_str(text: &str) -> Result<Self, String> {
        let lower = text.to_lowercase();
        let words = lower.split(|sign: char| !sign.is_alphanumeric());
        let words: Vec<&str> = words
            .filter(|word| !["", "mean", "macro"].contains(word))
            .collect();
        let name = words.join("_");
        let known = TABLE.iter().find(|entry| entry.1 == name);
        let other = ALIASES.iter().find(|alias| alias.0 == name);
        let metric = known.map(|entry| entry.0).or(other.map(|alias| alias.1));
        metric.ok_or_else(|| format!("expected a metric such as f1, got {text}"))
    }
}

impl From<Metric> for String {
    fn from(metric: Metric) -> Self {
        metric.key().to_owned()
    }
}

impl TryFrom<String> for Metric {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// The value of the metric that chooses, in an evaluation.
///
/// ```
/// use unisono::train::{Metric, Watched};
/// let watched = Watched::new(Metric::F1, 0.75);
/// assert_eq!(watched.metric.badness(watched.value), -0.75);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Watched {
    /// Which one.
    pub metric: Metric,
    /// Its value; NaN where outputs are no numbers.
    pub value: f64,
}

impl Watched {
    /// Of a metric.
    pub fn new(metric: Metric, value: f64) -> Self {
        Self { metric, value }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_printed_kept_and_typed() {
        for (metric, key, name) in TABLE {
            let dashes = key.replace('_', "-");
            for text in [key, name, &dashes, &name.to_uppercase()] {
                assert_eq!(text.parse(), Ok(metric), "{text}");
            }
            let json = serde_json::to_string(&metric).unwrap();
            assert_eq!(json, format!("\"{key}\""));
            assert_eq!(serde_json::from_str::<Metric>(&json).unwrap(), metric);
        }
        for (text, metric) in [
            ("F1, mean", Metric::F1),
            ("average precision, micro", Metric::AveragePrecisionMicro),
            ("roc-auc-macro", Metric::RocAuc),
        ] {
            assert_eq!(text.parse(), Ok(metric));
        }
        for odd in ["", "f2", "mean", "accuracy rate"] {
            assert!(odd.parse::<Metric>().is_err(), "{odd}");
        }
    }
}
