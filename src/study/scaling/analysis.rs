//! Analysis of a measurement: rows, laws and predictions, which tables and charts show.

use super::laws::LawReport;
use super::predict::Prediction;
use super::results::Results;
use super::summary::Row;

/// The analysis of results: computed once, shown in several places.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Analysis {
    /// What each cell came to.
    pub rows: Vec<Row>,
    /// The laws through them.
    pub laws: Vec<LawReport>,
    /// The model of the step.
    pub predictions: Vec<Prediction>,
}

impl Analysis {
    /// Of `results`.
    pub fn of(results: &Results) -> Self {
        Self {
            rows: results.rows(),
            laws: results.laws(),
            predictions: results.predictions(),
        }
    }
}
