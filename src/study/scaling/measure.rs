//! Rounds of a measurement: one sample of every cell, in an order drawn for each round.

use std::time::{Duration, Instant};

use crate::data::ArrayDataset;
use crate::nn::Network;
use crate::report::Machine;
use crate::seed::{Purpose, Stream};
use crate::stats::{Bootstrap, FEWEST};
use crate::stats::{median_of, quantile};
use crate::study::bench_runner::{BenchRunner, phases_ms};
use crate::study::disturbance::Counters;
use crate::study::{check_rows, measured_bandwidth, measured_peak_flops, synthetic_data};
use crate::train::TrainError;

use super::error::ScalingError;
use super::measured_costs::message_cost;
use super::peer::{PeerSample, PeerTask, ask};
use super::plan::{Cell, Kind, Scaling};
use super::results::{Results, SCHEMA, Sample};

/// Rounds that are made at least, if the time allows, so that there are intervals; and at most.
const ROUNDS: (usize, usize) = (FEWEST, 200);
/// Rounds in which other programs are asked: each has to start anew.
const PEER_ROUNDS: usize = 5;
/// Seconds that a sample takes, about.
const SAMPLE_S: (f64, f64) = (0.02, 0.5);
/// Steps of a sample.
const STEPS: (usize, usize) = (3, 20_000);
/// Rows of synthetic data: so many batches.
const BATCHES: usize = 2;
/// Resamples with which is asked whether it is enough.
const RESAMPLES: usize = 400;

/// An engine and how many steps a sample of it takes.
struct Bench<'d> {
    runner: BenchRunner<'d>,
    steps: usize,
}

impl Scaling {
    /// Measures. `observe` hears after every round how many there were and the widest interval's
    /// half, as a share.
    ///
    /// ```no_run
    /// use unisono::{nn::presets, study::scaling::Scaling};
    /// let scaling = Scaling { threads: vec![1, 2], ..Scaling::new(presets::by_name("mlp").unwrap()) };
    /// let results = scaling.run(|round, half_width| eprintln!("round {round}: {half_width:.3}"))?;
    /// println!("{}", results.rows()[1].step_ms);
    /// # Ok::<(), unisono::study::scaling::ScalingError>(())
    /// ```
    ///
    /// # Errors
    /// [`ScalingError`] for settings that make no sense, a peer that fails, a time too short for one
    /// round.
    pub fn run(&self, mut observe: impl FnMut(usize, f64)) -> Result<Results, ScalingError> {
        let cells = self.cells()?;
        let started = Instant::now();
        let model = &self.preset.model;
        let network = Network::new(model.clone(), self.seed).map_err(TrainError::from)?;
        let most_rows = cells.iter().map(|cell| cell.batch_size).max().unwrap_or(1);
        check_rows(&self.preset, BATCHES.saturating_mul(most_rows))?;
        let data = synthetic_data(&self.preset, BATCHES * most_rows, self.seed);
        let mut benches = self.prepare(&cells, &network, &data)?;
        let (mut samples, mut peers) = (Vec::new(), Vec::new());
        let mut spent = Duration::ZERO;
        // Rounds, until the intervals are narrow enough or the time is up.
        for round in 0..ROUNDS.1 {
            let began = Instant::now();
            let order = Stream::new(self.seed, Purpose::Measure, round as u32, 0);
            for cell in order.clone().permutation(cells.len() as u32) {
                let bench = &mut benches[cell as usize];
                samples.push(bench.sample(cell as usize, round, started)?);
            }
            spent += began.elapsed();
            if round < PEER_ROUNDS {
                self.ask_peers(&cells, round, &mut peers)?;
            }
            let widest = widest(&samples, cells.len(), round + 1);
            observe(round + 1, widest);
            let is_enough = round + 1 >= ROUNDS.0 && widest <= self.half_width;
            let is_over = spent + began.elapsed() > self.budget;
            if is_enough || is_over {
                break;
            }
        }
        // In order of rounds and cells, and what is measured once.
        samples.sort_by_key(|sample: &Sample| (sample.round, sample.cell));
        drop(benches);
        let several = self.threads.iter().copied().filter(|&count| count > 1);
        let message_s = match several.min() {
            Some(threads) => Some((threads, message_cost(threads)?)),
            None => None,
        };
        let bandwidth = |&threads: &usize| (threads, measured_bandwidth(threads));
        Ok(Results {
            schema: SCHEMA,
            command: String::new(),
            started: humantime::format_rfc3339_seconds(std::time::SystemTime::now()).to_string(),
            machine: Machine::this(),
            preset: self.preset.name.to_owned(),
            num_params: network.layout().num_params(),
            batch_size: self.batch_size,
            seed: self.seed,
            half_width: self.half_width,
            flops_per_row: model.training_flops().map_err(TrainError::from)?.executed as f64,
            activation_bytes_per_row: model.activation_bytes().map_err(TrainError::from)? as f64,
            peak_flops: measured_peak_flops(model.products()),
            bandwidth: self.threads.iter().map(bandwidth).collect(),
            clock_reading_s: clock_reading_s(),
            message_s,
            cells,
            samples,
            peers,
        })
    }

    /// Builds every cell's engine, warms it up and sees how long its steps are.
    fn prepare<'d>(
        &self,
        cells: &[Cell],
        network: &Network,
        data: &'d ArrayDataset,
    ) -> Result<Vec<Bench<'d>>, ScalingError> {
        let share = self.budget.as_secs_f64() / (cells.len() * 15) as f64;
        let seconds = share.clamp(SAMPLE_S.0, SAMPLE_S.1);
        let mut benches = Vec::new();
        let mut round = 0.0;
        // A few steps of each tell how many make up a sample.
        for cell in cells {
            let mut runner = self.bench(cell).runner(network, data)?;
            runner.steps(1)?;
            let timed = runner.steps(STEPS.0)?;
            let one = timed.iter().map(|step| step.0.as_secs_f64());
            let one = one.fold(f64::INFINITY, f64::min);
            let steps = ((seconds / one) as usize).clamp(STEPS.0, STEPS.1);
            round += one * (steps + warmup(steps)) as f64;
            benches.push(Bench { runner, steps });
        }
        if round > self.budget.as_secs_f64() {
            return Err(ScalingError::Budget {
                budget: self.budget,
                needed: Duration::from_secs_f64(round),
                cells: cells.len(),
            });
        }
        Ok(benches)
    }

    fn ask_peers(
        &self,
        cells: &[Cell],
        round: usize,
        peers: &mut Vec<PeerSample>,
    ) -> Result<(), ScalingError> {
        for cell in cells.iter().filter(|cell| cell.kind == Kind::Strong) {
            for command in &self.peers {
                let task = PeerTask {
                    preset: self.preset.name,
                    threads: cell.threads,
                    batch_size: cell.batch_size,
                    round,
                };
                peers.push(ask(command, task)?);
            }
        }
        Ok(())
    }
}

/// Steps before those of a sample that are not timed: caches and threads are cold.
fn warmup(steps: usize) -> usize {
    (steps / 10).max(1)
}

impl Bench<'_> {
    fn sample(
        &mut self,
        cell: usize,
        round: usize,
        started: Instant,
    ) -> Result<Sample, ScalingError> {
        let begin = Counters::read();
        let at_s = started.elapsed().as_secs_f64();
        let before_warmup = self.runner.engine.phase_times();
        let warm = warmup(self.steps);
        let steps = self.runner.steps(warm + self.steps)?;
        let end = Counters::read();
        let after = self.runner.engine.phase_times();
        let all_ms: f64 = steps.iter().map(|step| step.0.as_secs_f64() * 1e3).sum();
        let timed: Vec<f64> = steps[warm..]
            .iter()
            .map(|step| step.0.as_secs_f64() * 1e3)
            .collect();
        // A disturbed sample is flagged, and stays.
        let disturbance = end.since(&begin);
        Ok(Sample {
            cell,
            round,
            at_s,
            steps: timed.len(),
            warmup: warm,
            step_ms: quantile(&timed, 0.5),
            step_ms_p10: quantile(&timed, 0.1),
            step_ms_p90: quantile(&timed, 0.9),
            step_ms_mean: all_ms / steps.len() as f64,
            phases_ms: phases_ms(&before_warmup, &after, steps.len())
                .iter()
                .map(|phases| phases.to_vec())
                .collect(),
            disturbed: disturbance.reason(),
            disturbance,
        })
    }
}

/// The widest interval of the cells' medians: its half, as a share of the median.
fn widest(samples: &[Sample], cells: usize, rounds: usize) -> f64 {
    let bootstrap = Bootstrap::new(rounds, RESAMPLES, 0);
    let half_width = |cell: usize| {
        let of_cell = samples.iter().filter(|sample| sample.cell == cell);
        let times: Vec<f64> = of_cell.map(|sample| sample.step_ms).collect();
        bootstrap
            .estimate(|rounds| median_of(&times, rounds))
            .half_width()
    };
    (0..cells).map(half_width).fold(0.0, f64::max)
}

/// What the clock of the phases costs: seconds a reading.
fn clock_reading_s() -> f64 {
    const READINGS: u32 = 100_000;
    let started = Instant::now();
    for _ in 0..READINGS {
        std::hint::black_box(Instant::now());
    }
    started.elapsed().as_secs_f64() / f64::from(READINGS)
}
