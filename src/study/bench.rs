//! Benchmark of training steps: a reference model on synthetic data in memory.

use crate::data::{ArrayDataset, DataError, free_memory};
use crate::engine::{Assignment, EngineConfig, LinkCosts, Phase, Placement, RankPlacement, Ranks};
use crate::nn::presets::Preset;
use crate::nn::{Flops, Network};
use crate::stats::quantile;
use crate::train::TrainError;

use super::bench_runner::{BenchRunner, phases_ms};
use super::peak::measured_peak_flops;
use super::synthetic::synthetic_data;

/// Batches of synthetic data, used in turn.
const BATCHES: usize = 4;

/// A benchmark of training steps.
///
/// ```
/// use unisono::{engine::{EngineConfig, Threads}, nn::presets, study::Bench};
/// let bench = Bench {
///     preset: presets::by_name("mlp_small").unwrap(),
///     batch_size: 32,
///     steps: 10,
///     warmup: 2,
///     seed: 42,
///     engine: EngineConfig { threads: Threads::Fixed(2), ..EngineConfig::default() },
/// };
/// let report = bench.run()?;
/// assert_eq!((report.step_times_ms.len(), report.num_params), (10, 2410));
/// # Ok::<(), unisono::TrainError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Bench {
    /// The model.
    pub preset: Preset,
    /// Rows of a global batch, at least 1.
    pub batch_size: usize,
    /// Steps that are timed, at least 1.
    pub steps: usize,
    /// Steps before them that are not.
    pub warmup: usize,
    /// The seed of parameters and data.
    pub seed: u64,
    /// Threads, pinning, shards, all-reduce, update and balance.
    pub engine: EngineConfig,
}

/// The report of a benchmark.
///
/// ```
/// # use unisono::{engine::EngineConfig, nn::presets, study::Bench};
/// # let (preset, engine) = (presets::by_name("mlp_small").unwrap(), EngineConfig::default());
/// let bench = Bench { preset, batch_size: 32, steps: 10, warmup: 2, seed: 42, engine };
/// let report = bench.run()?;
/// assert!(report.step_time_ms(0.9) >= report.step_time_ms(0.5));
/// assert_eq!(report.flops_per_row.counted, 2 * 2 * (64 * 32) + 3 * 2 * (32 * 10));
/// # Ok::<(), unisono::TrainError>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct BenchReport {
    /// Threads and cores.
    pub placement: Placement,
    /// Each rank's host, threads and cores; empty for a process alone.
    pub ranks: Vec<RankPlacement>,
    /// Bytes that this rank has sent to others in a step.
    pub sent_bytes: u64,
    /// What messages between the ranks cost, measured after the steps, if there are several.
    pub link: Option<LinkCosts>,
    /// Shards of a batch.
    pub shards: usize,
    /// Who computed which of them in the last step.
    pub assignment: Assignment,
    /// How many times shards moved to another worker.
    pub moves: usize,
    /// Trained parameters.
    pub num_params: usize,
    /// Each timed step, in milliseconds.
    pub step_times_ms: Vec<f64>,
    /// Rows of a batch.
    pub batch_size: usize,
    /// Multiplications and additions of training on a row.
    pub flops_per_row: Flops,
    /// What all threads together could do, measured: multiplications and additions a second.
    pub peak_flops: f64,
    /// Milliseconds a step in each phase, the mean over workers.
    pub phases_ms: Vec<(&'static str, f64)>,
    /// The loss of the first and the last batch.
    pub losses: (f64, f64),
    /// The process's largest resident memory, in bytes, if the system tells.
    pub peak_memory_bytes: Option<u64>,
    /// Resident bytes a worker added: replica, activations, workspaces, gradients and its part of
    /// the optimiser's state.
    pub worker_memory_bytes: Option<u64>,
    /// The fingerprint of the weights after the last step.
    pub weights_sha256: String,
}

impl BenchReport {
    /// The `q`-quantile of the step times, in milliseconds.
    pub fn step_time_ms(&self, q: f64) -> f64 {
        quantile(&self.step_times_ms, q)
    }

    /// Rows a second at the median step.
    pub fn throughput_samples_per_s(&self) -> f64 {
        self.batch_size as f64 / self.step_time_ms(0.5) * 1e3
    }

    /// Multiplications and additions a second at the median step, as the algorithms execute them:
    /// the share of the peak is of these.
    pub fn flops(&self) -> f64 {
        self.flops_per_row.executed as f64 * self.throughput_samples_per_s()
    }

    /// The same as everybody counts them: more where convolutions go by Winograd's algorithm.
    pub fn counted_flops(&self) -> f64 {
        self.flops_per_row.counted as f64 * self.throughput_samples_per_s()
    }
}

impl Bench {
    /// Trains and measures.
    ///
    /// # Errors
    /// [`TrainError`] for an empty batch or threads and shards that are 0.
    pub fn run(&self) -> Result<BenchReport, TrainError> {
        if self.batch_size == 0 {
            return Err(TrainError::EmptyBatch);
        }
        check_rows(&self.preset, BATCHES.saturating_mul(self.batch_size))?;
        let model = &self.preset.model;
        let network = Network::new(model.clone(), self.seed)?;
        let data = synthetic_data(&self.preset, BATCHES * self.batch_size, self.seed);
        let memory_before = memory_bytes(Memory::Resident);
        // The steps, and what the process took for them.
        let mut runner = self.runner(&network, &data)?;
        let first = runner.steps(self.warmup)?;
        let before = runner.engine.phase_times();
        let sent = || self.engine.ranks.as_ref().map_or(0, Ranks::sent_bytes);
        let sent_before = sent();
        let timed = runner.steps(self.steps.max(1))?;
        let sent_bytes = (sent() - sent_before) / timed.len() as u64;
        // What they came to.
        let engine = runner.engine;
        let placement = engine.placement().clone();
        let added = memory_bytes(Memory::Resident)
            .zip(memory_before)
            .map(|(after, before)| after.saturating_sub(before));
        let workers = phases_ms(&before, &engine.phase_times(), timed.len());
        let phases_ms = Phase::EACH.map(|phase| (phase.name(), mean_of(&workers, phase)));
        let trained = Network::with_params(model.clone(), engine.params())?;
        let mut losses = first.iter().chain(&timed).map(|step| step.1);
        let ranks = engine.rank_placements().to_vec();
        let several = self.engine.ranks.as_ref().filter(|_| ranks.len() > 1);
        let link = several.map(|ranks| ranks.link_costs(placement.waiting));
        let running = match ranks.len() {
            0 => placement.num_running(),
            _ => ranks.iter().map(|rank| rank.threads).sum(),
        };
        Ok(BenchReport {
            ranks,
            sent_bytes,
            link: link.transpose()?,
            shards: engine.num_shards(),
            assignment: engine.assignment().clone(),
            moves: engine.moves(),
            num_params: network.layout().num_params(),
            batch_size: self.batch_size,
            flops_per_row: model.training_flops()?,
            peak_flops: measured_peak_flops(model.products()) * running as f64,
            phases_ms: phases_ms.into(),
            losses: (
                losses.clone().next().unwrap_or(f64::NAN),
                losses.next_back().unwrap_or(f64::NAN),
            ),
            step_times_ms: timed
                .iter()
                .map(|step| step.0.as_secs_f64() * 1e3)
                .collect(),
            peak_memory_bytes: memory_bytes(Memory::Peak),
            worker_memory_bytes: added.map(|bytes| bytes / placement.num_running() as u64),
            weights_sha256: trained.weights_sha256(),
            placement,
        })
    }
}

impl Bench {
    /// The engine that is measured, of `network` on `data`.
    pub(crate) fn runner<'d>(
        &self,
        network: &Network,
        data: &'d ArrayDataset,
    ) -> Result<BenchRunner<'d>, TrainError> {
        BenchRunner::new(
            &self.preset,
            self.engine.clone(),
            self.batch_size,
            self.seed,
            network,
            data,
        )
    }
}

/// Refuses more synthetic rows than can be counted, or than the memory holds.
pub(crate) fn check_rows(preset: &Preset, rows: usize) -> Result<(), TrainError> {
    if u32::try_from(rows).is_err() {
        return Err(DataError::TooManyRows { rows }.into());
    }
    let needed = 4 * preset.model.inputs() as u64 * rows as u64;
    match free_memory().filter(|&free| needed > free) {
        None => Ok(()),
        Some(free) => Err(TrainError::Memory {
            params: preset.model.layout()?.num_params() as u64,
            shard_rows: rows,
            needed,
            free,
        }),
    }
}

fn mean_of(workers: &[[f64; Phase::EACH.len()]], phase: Phase) -> f64 {
    let total: f64 = workers.iter().map(|worker| worker[phase as usize]).sum();
    total / workers.len().max(1) as f64
}

/// A figure of the process's memory.
enum Memory {
    /// What is resident now.
    Resident,
    /// The most that ever was.
    Peak,
}

/// In bytes (Linux).
fn memory_bytes(which: Memory) -> Option<u64> {
    let key = match which {
        Memory::Resident => "VmRSS:",
        Memory::Peak => "VmHWM:",
    };
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with(key))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024)
}
