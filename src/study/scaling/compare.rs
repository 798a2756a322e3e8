//! Comparison of two results, by a test for a shift of each cell.

use serde::Serialize;

use crate::stats::median_of;
use crate::stats::{Bootstrap, Estimate, RESAMPLES, mann_whitney};

use super::error::ScalingError;
use super::plan::Cell;
use super::results::Results;

/// Below which p-value two sets of samples differ.
const SIGNIFICANT: f64 = 0.01;

/// A cell of both results.
///
/// Example: [`Results`].
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CellComparison {
    /// The cell.
    pub cell: Cell,
    /// The second's throughput, of the first's.
    pub ratio: Estimate,
    /// The p-value of Mann and Whitney's test; `None` of a single sample on a side.
    pub p: Option<f64>,
    /// Whether the samples are so many that the test could show a difference at all.
    pub is_enough: bool,
}

impl CellComparison {
    /// Whether they differ: the interval of the ratio leaves out 1, and the test agrees (p below
    /// 0.01).
    pub fn differs(&self) -> bool {
        !self.ratio.contains(1.0) && self.p.is_some_and(|p| p < SIGNIFICANT)
    }

    /// The same in words.
    pub fn verdict(&self) -> &'static str {
        match (self.differs(), self.is_enough) {
            (true, _) => "differs",
            (_, true) => "no difference shown",
            (_, false) => "too few samples to tell",
        }
    }
}

/// Compares the cells that both have.
///
/// Example: [`Results`].
///
/// # Errors
/// [`ScalingError::Scenario`] if they are of different models or have no cell in common.
pub fn compare(first: &Results, second: &Results) -> Result<Vec<CellComparison>, ScalingError> {
    if first.preset != second.preset {
        return Err(ScalingError::Scenario {
            what: "the two results",
            expected: "of the same preset".to_owned(),
            got: format!("{} and {}", first.preset, second.preset),
        });
    }
    // Cells that both have; the rounds of two results are not paired.
    let draws = |results: &Results, seed| Bootstrap::new(results.rounds(), RESAMPLES, seed);
    let (one, other) = (draws(first, 1), draws(second, 2));
    let cells = first.cells.iter().enumerate();
    let both: Vec<CellComparison> = cells
        .filter_map(|(index, cell)| {
            let same = second.cells.iter().position(|other| other == cell)?;
            let (before, after) = (first.times_ms(index), second.times_ms(same));
            let ratio = one.estimate_two(&other, |one, other| {
                median_of(&before, one) / median_of(&after, other)
            });
            Some(CellComparison {
                cell: cell.clone(),
                ratio,
                p: Some(mann_whitney(&before, &after)).filter(|p| !p.is_nan()),
                is_enough: least_p(before.len(), after.len()) < SIGNIFICANT,
            })
        })
        .collect();
    if both.is_empty() {
        return Err(ScalingError::Scenario {
            what: "the two results",
            expected: "with a cell in common (threads, batch, shards)".to_owned(),
            got: "none".to_owned(),
        });
    }
    Ok(both)
}

/// The smallest p-value that so many samples can have: where no sample of one side lies above any
/// of the other.
fn least_p(one: usize, other: usize) -> f64 {
    let (few, all) = (one.min(other), one + other);
    let choices: f64 = (0..few)
        .map(|k| (all - k) as f64 / (k + 1) as f64)
        .product();
    2.0 / choices
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_samples_a_side_show_no_difference_at_one_percent_and_five_may() {
        assert!((least_p(4, 4) - 2.0 / 70.0).abs() < 1e-12);
        assert!(least_p(4, 4) > SIGNIFICANT && least_p(5, 5) < SIGNIFICANT);
        assert!(least_p(1, 1) >= 1.0 && least_p(0, 5) >= 1.0);
    }
}
