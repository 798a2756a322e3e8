//! Scaling: throughput by ranks and threads, measured side by side, with intervals, laws, a model of
//! the step and its simulation.
//!
//! # How it is measured
//! 1. A *cell* is a configuration whose steps are timed: ranks, threads, batch, shards, algorithm.
//!    The base is the fastest program of one thread: one shard, no all-reduce.
//! 2. A *round* takes one sample of every cell, in an order drawn for it. Ratios compare what was
//!    measured in the same rounds.
//! 3. A *sample* is a handful of steps after some that are not timed; its value is the median step.
//!    Disturbed samples are flagged, not dropped.
//! 4. Rounds go on until every cell's median has a 95 % interval as narrow as was asked for, or the
//!    time is up.
//!
//! | file | what |
//! |---|---|
//! | `plan` | [`Scaling`]: what is asked for; its cells |
//! | `launch` | the processes that measure together, and the barriers between cells |
//! | `measure` | the rounds |
//! | `peer` | other programs, measured between ours |
//! | `results` | [`Results`]: samples, files |
//! | `summary` | [`Row`]: what each cell came to |
//! | `laws` | the laws' constants with intervals |
//! | `costs`, `measured_costs` | [`StepCosts`]: the constants of the model; from samples |
//! | `predict` | [`Prediction`]: the model of the step, for any number of threads |
//! | `scenario` | [`Scenario`]: ranks, threads, stragglers |
//! | `work`, `ports` | what each worker of each rank does; how messages leave and enter a rank |
//! | `simulate` | a step as a sequence of events |
//! | `compare` | whether two results differ |
//! | `slower` | whether more threads are ever slower |
//! | `analysis` | [`Analysis`]: rows, laws and predictions together |
//! | `charts` | speed-up, efficiency, split of the step, roofline, prediction |
//! | `report` | tables, page |
//!
//! # References
//! Hoefler, Belli: "Scientific benchmarking of parallel computing systems", SC'15.

mod analysis;
mod charts;
mod compare;
mod costs;
mod error;
mod launch;
mod laws;
mod measure;
mod measured_costs;
mod peer;
mod plan;
mod ports;
mod predict;
mod report;
mod results;
mod scenario;
mod simulate;
mod slower;
mod summary;
#[cfg(test)]
mod tests;
mod work;

pub use analysis::Analysis;
pub use charts::{Captioned, charts};
pub use compare::{CellComparison, compare};
pub use costs::StepCosts;
pub use error::ScalingError;
pub use launch::threads_with_cores;
pub use laws::LawReport;
pub use peer::PeerSample;
pub use plan::{Cell, Kind, Mode, Scaling};
pub use predict::Prediction;
pub use report::{SLOWER_HEAD, html_report, slower_table, table, table_head, weights_text};
pub use results::{RankHost, Results, Sample};
pub use scenario::{Scenario, StepTimeline};
pub use slower::{NeverSlower, SlowerRow};
pub use summary::{PhaseSplit, Row};
