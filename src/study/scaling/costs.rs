//! Costs of the parts of a step: the constants of the model.

use serde::{Deserialize, Serialize};

/// Costs of the parts of a step, in seconds.
///
/// ```
/// use unisono::study::scaling::{Scenario, StepCosts};
/// let costs = StepCosts { row_s: 1e-5, crowded_row_s: 1e-5, fixed_s: 0.0, message_s: 0.0, add_s: 0.0, update_s: 0.0 };
/// let step = Scenario { threads: 4, shards: 8, rows: 80, params: 1000, ..Scenario::default() }.simulate(&costs)?;
/// assert!((step.step_s - 20.0 * 1e-5).abs() < 1e-9);
/// # Ok::<(), unisono::study::scaling::ScalingError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepCosts {
    /// Forward, backward and fold of a row, on one thread.
    pub row_s: f64,
    /// The same on several, which share memory and power.
    pub crowded_row_s: f64,
    /// What every step takes besides, on the master.
    pub fixed_s: f64,
    /// From sending a message to its being received.
    pub message_s: f64,
    /// Adding a parameter's gradient to another.
    pub add_s: f64,
    /// Updating a parameter.
    pub update_s: f64,
}

impl StepCosts {
    /// All of them, in the order of the fields.
    pub(super) fn to_array(self) -> [f64; 6] {
        let Self {
            row_s,
            crowded_row_s,
            fixed_s,
            message_s,
            add_s,
            update_s,
        } = self;
        [row_s, crowded_row_s, fixed_s, message_s, add_s, update_s]
    }

    pub(super) fn from_array(costs: &[f64]) -> Self {
        Self {
            row_s: costs[0],
            crowded_row_s: costs[1],
            fixed_s: costs[2],
            message_s: costs[3],
            add_s: costs[4],
            update_s: costs[5],
        }
    }
}
