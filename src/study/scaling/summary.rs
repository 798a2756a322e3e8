//! Summary of each cell: step time, throughput, speed-up, efficiency, split of the step.

use std::time::Duration;

use serde::Serialize;

use crate::engine::{Phase, clock_readings};
use crate::stats::{Bootstrap, Estimate, RESAMPLES};
use crate::stats::{median_of, quantile};

use super::plan::{Cell, Kind};
use super::results::Results;

/// Bytes that a step moves for each parameter, whatever the rows: on each worker the weights are
/// read in both directions and the gradient is written; the all-reduce reads it; once, the reduced
/// gradient, parameter and momentum are read and the two written; each worker copies.
const BYTES: (f64, f64) = (4.0 * 6.0, 4.0 * 5.0);

/// A phase of the step: milliseconds over the workers.
///
/// Example: [`Analysis`](super::Analysis).
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PhaseSplit {
    /// Its name.
    pub name: &'static str,
    /// The least of the workers.
    pub min_ms: f64,
    /// The median worker.
    pub median_ms: f64,
    /// The most of the workers.
    pub max_ms: f64,
}

/// The summary of a cell.
///
/// Example: [`Analysis`](super::Analysis).
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Row {
    /// The cell.
    pub cell: Cell,
    /// Milliseconds a step: the median of the samples.
    pub step_ms: Estimate,
    /// Rows a second.
    pub throughput: Estimate,
    /// Rows a second, of those of the base.
    pub speedup: Estimate,
    /// Speed-up, of the number of threads of all ranks.
    pub efficiency: Estimate,
    /// Thread-seconds spent beyond those of the base, as a share of them.
    pub overhead: f64,
    /// GFLOP/s, of those that the cores reach together.
    pub peak_share: f64,
    /// The time that the bytes which must move need at the measured bandwidth, of the step: 1 would
    /// mean that memory is the limit.
    pub bandwidth_share: Option<f64>,
    /// Milliseconds in each phase.
    pub phases: Vec<PhaseSplit>,
    /// The phases together, of the step: 1 up to what lies between two steps.
    pub phases_share: f64,
    /// What reading the clock for the phases costs, of the step.
    pub clock_share: f64,
    /// Samples, and those of them that were disturbed.
    pub samples: (usize, usize),
    /// Whether there are more threads than cores.
    pub is_oversubscribed: bool,
}

/// The base, which speed-ups are of.
struct Base {
    /// The medians of its samples, by round.
    times_ms: Vec<f64>,
    /// Rows of its batch.
    rows: f64,
}

/// Phases of a step that are timed: each once, and waiting once a task of the all-reduce.
const READINGS: f64 = 12.0;

impl Results {
    /// Each cell's row, in order; ratios pair the rounds.
    pub fn rows(&self) -> Vec<Row> {
        let bootstrap = Bootstrap::new(self.rounds(), RESAMPLES, self.seed);
        let base = Base {
            times_ms: self.times_ms(0),
            rows: self.cells[0].batch_size as f64,
        };
        (0..self.cells.len())
            .map(|cell| self.row(cell, &base, &bootstrap))
            .collect()
    }

    /// Each peer's command and threads, and how many times longer its step takes than that of
    /// strong scaling in the same rounds.
    pub fn peer_rows(&self) -> Vec<(String, usize, Estimate)> {
        let mut rows = Vec::new();
        for (index, cell) in self.cells.iter().enumerate() {
            if cell.kind != Kind::Strong || cell.ranks > 1 {
                continue;
            }
            let ours = self.times_ms(index);
            let here = self
                .peers
                .iter()
                .filter(|peer| peer.threads == cell.threads);
            let mut commands: Vec<&str> = here.clone().map(|peer| &*peer.command).collect();
            commands.sort_unstable();
            commands.dedup();
            for command in commands {
                let theirs = here.clone().filter(|peer| peer.command == command);
                let ratios: Vec<f64> = theirs.map(|peer| peer.step_ms / ours[peer.round]).collect();
                let bootstrap = Bootstrap::new(ratios.len(), RESAMPLES, self.seed);
                let ratio = bootstrap.estimate(|rounds| median_of(&ratios, rounds));
                rows.push((command.to_owned(), cell.threads, ratio));
            }
        }
        rows
    }

    fn row(&self, index: usize, base: &Base, bootstrap: &Bootstrap) -> Row {
        let cell = &self.cells[index];
        let times = self.times_ms(index);
        let (rows, threads) = (cell.batch_size as f64, cell.workers() as f64);
        let step_ms = bootstrap.estimate(|rounds| median_of(&times, rounds));
        let throughput = bootstrap.estimate(|rounds| rows / median_of(&times, rounds) * 1e3);
        // Against the base, round by round.
        let gain = |rounds: &[u32]| {
            let base = base.rows / median_of(&base.times_ms, rounds);
            (rows / median_of(&times, rounds)) / base
        };
        let speedup = bootstrap.estimate(gain);
        let cores = self.cores(cell.ranks).into_iter();
        let running: f64 = cores.map(|cores| cores.min(cell.threads as f64)).sum();
        let flops = self.flops_per_row * throughput.value;
        // Shares of the step: phases, bytes that must move, disturbed samples.
        let phases = self.phases(index);
        let mean_step = self.of_cell(index).map(|sample| sample.step_ms_mean);
        let mean_step = quantile(&mean_step.collect::<Vec<_>>(), 0.5);
        let bytes = self.num_params as f64 * (BYTES.0 * threads + BYTES.1);
        // Of one rank: others' memory may be another one's.
        let measured = self.bandwidth.iter().filter(|_| cell.ranks == 1);
        let bandwidth = { measured }.find(|known| known.0 == cell.threads);
        let disturbed = self
            .of_cell(index)
            .filter(|sample| sample.disturbed.is_some());
        Row {
            step_ms,
            throughput,
            speedup,
            efficiency: bootstrap.estimate(|rounds| gain(rounds) / threads),
            overhead: threads / speedup.value - 1.0,
            peak_share: flops / (self.peak_flops * running),
            bandwidth_share: bandwidth
                .map(|(_, bandwidth)| bytes / bandwidth / (step_ms.value / 1e3)),
            phases_share: self.phases_sum(index) / mean_step,
            clock_share: {
                let step = Duration::from_secs_f64(step_ms.value / 1e3);
                clock_readings(step, READINGS) * self.clock_reading_s / step.as_secs_f64()
            },
            phases,
            samples: (times.len(), disturbed.count()),
            is_oversubscribed: self.is_oversubscribed(cell),
            cell: cell.clone(),
        }
    }

    /// The medians over samples of the workers' least, median and most.
    fn phases(&self, cell: usize) -> Vec<PhaseSplit> {
        let split = |phase: Phase| {
            let over_workers = |q: f64| {
                let of_sample = |workers: &Vec<Vec<f64>>| {
                    let times: Vec<f64> = workers
                        .iter()
                        .map(|worker| worker[phase as usize])
                        .collect();
                    quantile(&times, q)
                };
                let samples = self
                    .of_cell(cell)
                    .map(|sample| of_sample(&sample.phases_ms));
                quantile(&samples.collect::<Vec<_>>(), 0.5)
            };
            PhaseSplit {
                name: phase.name(),
                min_ms: over_workers(0.0),
                median_ms: over_workers(0.5),
                max_ms: over_workers(1.0),
            }
        };
        Phase::EACH.map(split).into()
    }

    /// The median over samples of the mean over workers of all phases together.
    fn phases_sum(&self, cell: usize) -> f64 {
        let of_sample = |workers: &Vec<Vec<f64>>| {
            let all: f64 = workers.iter().flatten().sum();
            all / workers.len().max(1) as f64
        };
        let samples = self
            .of_cell(cell)
            .map(|sample| of_sample(&sample.phases_ms));
        quantile(&samples.collect::<Vec<_>>(), 0.5)
    }
}
