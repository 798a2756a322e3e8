//! A check that more threads are never slower than fewer.

use std::time::Duration;

use serde::Serialize;

use crate::engine::{Pinning, Placement, Threads};
use crate::nn::presets::Preset;
use crate::stats::median_of;
use crate::stats::{Bootstrap, Estimate};
use crate::train::{TrainError, worthwhile_threads};

use super::error::ScalingError;
use super::plan::{Kind, Mode, Scaling};

/// The throughput that more threads must have, of the best of fewer.
const NEVER_BELOW: f64 = 0.98;

/// Every preset at every batch size on every number of threads.
///
/// ```no_run
/// use std::time::Duration;
/// use unisono::{nn::presets, study::scaling::{NeverSlower, SLOWER_HEAD, slower_table}};
/// let cases = vec![(presets::by_name("mlp_small").unwrap(), vec![32, 128])];
/// let budget = Duration::from_secs(60);
/// let study = NeverSlower { cases, threads: vec![1, 2, 4], budget, seed: 42 };
/// let rows = study.run(|row| eprintln!("{} threads: {}", row.threads, row.ratio))?;
/// assert_eq!(slower_table(&rows)[0].len(), SLOWER_HEAD.len());
/// assert!(rows.iter().all(|row| row.is_kept()));
/// # Ok::<(), unisono::study::scaling::ScalingError>(())
/// ```
#[derive(Clone, Debug)]
pub struct NeverSlower {
    /// Models, and the batch sizes of each.
    pub cases: Vec<(Preset, Vec<usize>)>,
    /// Numbers of threads, 1 among them.
    pub threads: Vec<usize>,
    /// The time for all of it.
    pub budget: Duration,
    /// The seed.
    pub seed: u64,
}

/// A preset at a batch size on a number of threads, against the best of fewer.
///
/// Example: [`NeverSlower`].
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SlowerRow {
    /// The model.
    pub preset: String,
    /// Rows of a batch.
    pub batch_size: usize,
    /// Threads.
    pub threads: usize,
    /// The throughput, of the best of fewer threads.
    pub ratio: Estimate,
    /// Threads that `auto` takes on this machine.
    pub auto: usize,
}

impl SlowerRow {
    /// Whether it keeps the promise: not slower, or not what `auto` takes.
    pub fn is_kept(&self) -> bool {
        self.ratio.value >= NEVER_BELOW || self.auto < self.threads
    }
}

impl NeverSlower {
    /// Measures; `observe` hears of every row.
    ///
    /// # Errors
    /// Those of [`Scaling::run`].
    pub fn run(&self, mut observe: impl FnMut(&SlowerRow)) -> Result<Vec<SlowerRow>, ScalingError> {
        let count: usize = self.cases.iter().map(|(_, batches)| batches.len()).sum();
        let mut rows = Vec::new();
        for (preset, batches) in &self.cases {
            for &batch_size in batches {
                let scaling = Scaling {
                    threads: self.threads.clone(),
                    modes: vec![Mode::Strong],
                    batch_size,
                    budget: self.budget / count.max(1) as u32,
                    seed: self.seed,
                    ..Scaling::new(preset.clone())
                };
                for row in one(&scaling)? {
                    observe(&row);
                    rows.push(row);
                }
            }
        }
        Ok(rows)
    }
}

fn one(scaling: &Scaling) -> Result<Vec<SlowerRow>, ScalingError> {
    let results = scaling.run(|_, _| ())?;
    let bootstrap = Bootstrap::new(results.rounds(), 1_000, scaling.seed);
    let model = &scaling.preset.model;
    let auto =
        worthwhile_threads(Threads::Auto, model, scaling.batch_size).map_err(TrainError::from)?;
    let auto = Placement::of_process(auto, Pinning::Auto).map_err(TrainError::from)?;
    // Times of strong scaling, by threads.
    let cells = results.cells.iter().enumerate();
    let strong = cells.filter(|(_, cell)| cell.kind == Kind::Strong);
    let mut strong: Vec<(usize, Vec<f64>)> = strong
        .map(|(index, cell)| (cell.threads, results.times_ms(index)))
        .collect();
    strong.sort_by_key(|known| known.0);
    let row = |at: usize| {
        let (threads, times) = &strong[at];
        let ratio = bootstrap.estimate(|rounds| {
            let fewer = strong[..at]
                .iter()
                .map(|(_, times)| median_of(times, rounds));
            fewer.fold(f64::INFINITY, f64::min) / median_of(times, rounds)
        });
        SlowerRow {
            preset: results.preset.clone(),
            batch_size: scaling.batch_size,
            threads: *threads,
            ratio,
            auto: auto.num_threads,
        }
    };
    Ok((1..strong.len()).map(row).collect())
}
