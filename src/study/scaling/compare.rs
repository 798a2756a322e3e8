//! Whether two results differ.

use serde::Serialize;

use crate::study::stats::median_of;
use crate::study::{Bootstrap, Estimate, RESAMPLES, mann_whitney};

use super::error::ScalingError;
use super::plan::Cell;
use super::results::Results;

/// Below which p-value two sets of samples differ.
const SIGNIFICANT: f64 = 0.01;

/// A cell of both results.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// The cell.
    pub cell: Cell,
    /// The second's throughput, of the first's.
    pub ratio: Estimate,
    /// The p-value of Mann and Whitney's test.
    pub p: f64,
}

impl Comparison {
    /// Whether they differ: the interval of the ratio leaves out 1, and the test agrees (p below 0.01).
    pub fn differs(&self) -> bool {
        !self.ratio.contains(1.0) && self.p < SIGNIFICANT
    }
}

/// Compares the cells that both have.
///
/// # Errors
/// [`ScalingError::Scenario`] if they are of different models or have no cell in common.
pub fn compare(first: &Results, second: &Results) -> Result<Vec<Comparison>, ScalingError> {
    if first.preset != second.preset {
        return Err(ScalingError::Scenario {
            what: "the two results",
            expected: "of the same preset",
            got: format!("{} and {}", first.preset, second.preset),
        });
    }
    let draws = |results: &Results, seed| Bootstrap::new(results.rounds(), RESAMPLES, seed);
    let (one, other) = (draws(first, 1), draws(second, 2));
    let cells = first.cells.iter().enumerate();
    let both: Vec<Comparison> = cells
        .filter_map(|(index, cell)| {
            let same = second.cells.iter().position(|other| other == cell)?;
            let (before, after) = (first.times_ms(index), second.times_ms(same));
            let ratio = one.estimate_two(&other, |one, other| {
                median_of(&before, one) / median_of(&after, other)
            });
            Some(Comparison {
                cell: cell.clone(),
                ratio,
                p: mann_whitney(&before, &after),
            })
        })
        .collect();
    if both.is_empty() {
        return Err(ScalingError::Scenario {
            what: "the two results",
            expected: "with a cell in common (threads, batch, shards)",
            got: "none".to_owned(),
        });
    }
    Ok(both)
}
