//! Outcomes of trials, and which are the best.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::train::Metric;

/// What came of a trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Tried {
    pub(super) trial: usize,
    pub(super) values: Map<String, Value>,
    /// The metric on the rows that choose; none of a training that diverged.
    pub(super) value: Option<f64>,
    pub(super) loss: Option<f64>,
    /// The epoch that is kept.
    pub(super) epoch: u32,
    pub(super) steps: u64,
    pub(super) seconds: f64,
    /// How far a search by halving let it come.
    #[serde(flatten)]
    pub(super) reached: Option<Reached>,
}

/// How far a trial of a search by halving came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Reached {
    /// The last rung, from 1.
    pub(super) rung: usize,
    /// The epochs of that rung.
    pub(super) epochs: u32,
    /// Whether it ended of itself: by its last epoch or step, early stopping, or as it diverged.
    pub(super) is_whole: bool,
}

/// The best first; of equals the earlier one. Those that came further are before others, those that
/// diverged last.
pub(super) fn ranked(mut outcomes: Vec<Tried>, metric: Metric) -> Vec<Tried> {
    let badness = |tried: &Tried| {
        tried
            .value
            .map_or(f64::INFINITY, |value| metric.badness(value))
    };
    let rung = |tried: &Tried| match tried.value {
        Some(_) => tried.reached.map_or(1, |reached| reached.rung),
        None => 0,
    };
    outcomes.sort_by(|one, other| {
        let further = rung(other).cmp(&rung(one));
        further.then(badness(one).total_cmp(&badness(other)))
    });
    outcomes
}
