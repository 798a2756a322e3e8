//! Errors of metrics: predictions that do not fit their classes.

use std::fmt;

/// Predictions of which no metric can be told.
///
/// ```
/// use ndarray::array;
/// use unisono::metrics::Classification;
/// let error = Classification::of(&[0, 2], array![[0.9, 0.1], [0.2, 0.8]].view()).unwrap_err();
/// assert_eq!(error.to_string(), "row 1: expected a class below 2, got 2");
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum MetricsError {
    /// There is no row.
    NoRows,
    /// Another number of predictions than of classes.
    Rows {
        /// Rows that have a class.
        expected: usize,
        /// Rows that have a prediction.
        got: usize,
    },
    /// Another number of labels a row than is predicted.
    Labels {
        /// Labels of each row.
        expected: usize,
        /// Labels that are predicted.
        got: usize,
    },
    /// A class that predictions have no column for.
    Class {
        /// The row, from 0.
        row: usize,
        /// Classes that are predicted.
        classes: usize,
        /// The class of the row.
        got: usize,
    },
    /// A probability that is none.
    Probability {
        /// The row, from 0.
        row: usize,
        /// What was found.
        got: f64,
    },
}

impl fmt::Display for MetricsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRows => write!(f, "expected at least one row, got none"),
            Self::Rows { expected, got } => {
                write!(f, "expected predictions of {expected} rows, got {got}")
            }
            Self::Labels { expected, got } => {
                write!(
                    f,
                    "expected predictions of {expected} labels a row, got {got}"
                )
            }
            Self::Class { row, classes, got } => {
                write!(f, "row {row}: expected a class below {classes}, got {got}")
            }
            Self::Probability { row, got } => {
                write!(f, "row {row}: expected a probability in 0..=1, got {got}")
            }
        }
    }
}

impl std::error::Error for MetricsError {}
