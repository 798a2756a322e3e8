//! Studies of the batch size: steps to a target, the critical batch size, comparisons of recipes.
//!
//! # How steps to a target are measured
//! For every batch size a search over learning rate and momentum finds the trial that needs the
//! fewest steps; runs of it with fresh seeds give the value and its interval, so that the winner's
//! luck is not in it. A trial that never gets there is *censored*: it is reported as such, never
//! dropped. Everything follows from the seed, whatever runs side by side, and a finished trial is
//! never repeated.
//!
//! | file | what |
//! |---|---|
//! | `trial` | [`Trial`], [`Space`], [`Search`]: what is tried; [`Outcome`] |
//! | `workload` | [`Workload`]: what trains; [`Training`]: networks on data |
//! | `quadratic` | [`NoisyQuadratic`]: a workload whose answer is known |
//! | `steps` | [`StepsToTarget`]: search, fresh seeds, abandonment |
//! | `pace` | [`Pace`]: how fast something trains |
//! | `cost_estimate` | [`CostEstimate`]: what a study will take |
//! | `runner` | trials of all four studies: found or made, kept, observed, stopped |
//! | `slice` | [`Slice`]: a part of a study |
//! | `store` | [`Store`]: a study's folder |
//! | `analysis` | [`Curve`]: steps by batch size, the hyperbola, the regimes |
//! | `time`, `time_report` | [`TimeToTarget`]: seconds by threads and batch size, the true speed-up |
//! | `comparison`, `comparison_summary`, `comparison_report` | [`Comparison`]: recipes side by side |
//! | `branches`, `branch_points`, `branch_report` | [`Branches`]: the critical batch size while a network learns |
//! | `recipes` | ready-made recipes: large batches, adaptive batches, the generalisation gap |
//! | `sharpness` | how the loss rises around a minimum |
//! | `report` | charts, page |
//! | `overlay` | [`Published`]: curves from elsewhere beside one's own |
//!
//! # References
//! Shallue, Lee, Antognini, Sohl-Dickstein, Frostig, Dahl: "Measuring the effects of data
//! parallelism on neural network training", JMLR 20, 2019. McCandlish, Kaplan, Amodei: "An
//! empirical model of large-batch training", 2018.

mod analysis;
mod branch_points;
mod branch_report;
mod branches;
mod comparison;
mod comparison_report;
mod comparison_summary;
mod cost_estimate;
mod error;
mod overlay;
mod pace;
mod quadratic;
mod recipes;
mod report;
mod runner;
mod sharpness;
mod slice;
mod steps;
mod store;
mod time;
mod time_report;
mod trial;
mod workload;

pub use analysis::{BatchPoint, Curve, Regime};
pub use branch_points::BranchPoint;
pub use branch_report::{BRANCH_CHARTS, branch_charts, branch_report, branch_table};
pub use branches::{BranchOutcome, BranchPlan, Branches};
pub use comparison::{Comparison, Recipe, RecipeOutcome};
pub use comparison_report::{COMPARISON_CHARTS, comparison_charts, comparison_report};
pub use comparison_summary::RecipeSummary;
pub use cost_estimate::CostEstimate;
pub use error::StudyError;
pub use overlay::{Figure, Published};
pub use pace::Pace;
pub use quadratic::NoisyQuadratic;
pub use recipes::{BatchPair, adaptive_batches, generalisation_gap, large_batches};
pub use report::{CURVE_CHARTS, curve_charts, curve_report};
pub use sharpness::{Direction, Sharpness};
pub use slice::Slice;
pub use steps::{StepsToTarget, StudyEvent};
pub use store::{Store, merge};
pub use time::{TimePoint, TimeToTarget};
pub use time_report::{TIME_CHARTS, TIME_HEAD, time_charts, time_report, time_table};
pub use trial::{Outcome, Range, Search, Space, Target, Trial};
pub use workload::{Limit, Training, Workload};
