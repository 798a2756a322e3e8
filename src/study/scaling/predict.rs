//! Predictions: the model of the step for any number of threads.

use serde::Serialize;

use crate::stats::{Bootstrap, Estimate, RESAMPLES};
use crate::stats::{median_of, quantile};

use super::costs::StepCosts;
use super::laws::with_powers;
use super::plan::Kind;
use super::results::Results;
use super::scenario::Scenario;

/// By how much a constant is changed to see what it does.
const NUDGE: f64 = 1e-3;

/// Strong scaling to a number of threads.
///
/// Example: [`Analysis`](super::Analysis).
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Prediction {
    /// Threads.
    pub threads: usize,
    /// The simulated step, in milliseconds.
    pub step_ms: Estimate,
    /// The base's step, of it.
    pub speedup: Estimate,
    /// The measured step in milliseconds, if there is one.
    pub measured_ms: Option<f64>,
}

impl Results {
    /// Simulated steps of 1 to 1,024 threads, as far as there are rows, with the intervals of the
    /// constants; what was measured beside it. Empty where the constants cannot be had: they need
    /// strong scaling on one thread and on several.
    pub fn predictions(&self) -> Vec<Prediction> {
        let batch_size = self.batch_size;
        let strong: Vec<(usize, Vec<f64>)> = (0..self.cells.len())
            .filter(|&cell| self.cells[cell].kind == Kind::Strong && self.cells[cell].ranks == 1)
            .map(|cell| (self.cells[cell].threads, self.times_ms(cell)))
            .collect();
        let shards = self.cells.iter().find(|cell| cell.kind == Kind::Strong);
        let shards = shards.and_then(|cell| cell.shards).unwrap_or(1);
        let base = self.times_ms(0);
        let bootstrap = Bootstrap::new(self.rounds(), RESAMPLES, self.seed);
        // The constants and the base's step, once a draw for all numbers of threads.
        let drawn = bootstrap.map(|rounds| {
            let costs = self.costs(rounds).map(StepCosts::to_array);
            (costs, median_of(&base, rounds))
        });
        let Some(costs) = drawn.whole.0 else {
            return Vec::new();
        };
        let predict = |threads: usize| {
            let scenario = Scenario {
                threads,
                shards: shards.max(threads),
                rows: batch_size,
                params: self.num_params,
                ..Scenario::default()
            };
            let slopes = slopes(&scenario, &costs);
            let step_ms = |costs: &Option<[f64; 6]>| {
                let parts = costs.iter().flatten().zip(&slopes);
                let all = parts.map(|(cost, slope)| cost * slope).sum::<f64>();
                costs.map_or(f64::NAN, |_| 1e3 * all)
            };
            let measured = strong.iter().find(|known| known.0 == threads);
            Prediction {
                threads,
                step_ms: drawn.estimate(|(costs, _)| step_ms(costs)),
                speedup: drawn.estimate(|(costs, base)| base / step_ms(costs)),
                measured_ms: measured.map(|(_, times)| quantile(times, 0.5)),
            }
        };
        let threads = with_powers(strong.iter().map(|known| known.0));
        let has_rows = |threads: &usize| *threads <= batch_size;
        threads.into_iter().filter(has_rows).map(predict).collect()
    }
}

/// What the step takes for a unit of each constant. It is made of sums and maxima of multiples of
/// the constants, so near them it is their weighted sum, and with resampled constants there is
/// nothing to simulate again.
fn slopes(scenario: &Scenario, costs: &[f64]) -> Vec<f64> {
    let step = |costs: &[f64]| {
        let step = scenario.simulate(&StepCosts::from_array(costs));
        step.map_or(f64::NAN, |step| step.step_s)
    };
    let at = step(costs);
    let slope = |index: usize| {
        let mut nudged = costs.to_vec();
        let by = (NUDGE * nudged[index]).max(1e-12);
        nudged[index] += by;
        (step(&nudged) - at) / by
    };
    (0..costs.len()).map(slope).collect()
}
