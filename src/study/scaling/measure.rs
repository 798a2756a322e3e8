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
use crate::sys::machine;
use crate::train::TrainError;

use super::error::ScalingError;
use super::launch::{Crew, Launch};
use super::measured_costs::message_cost;
use super::peer::{PeerSample, PeerTask, ask};
use super::plan::{Cell, Kind, Scaling};
use super::results::{RankHost, Results, SCHEMA, Sample};

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
    /// The ranks that make them together.
    crew: Crew,
}

/// A cell's engine, and what its first steps told.
struct Prepared<'d> {
    bench: Bench<'d>,
    /// Seconds of a step.
    step_s: f64,
    weights_sha256: String,
}

/// What the rounds came to.
#[derive(Default)]
struct Taken {
    samples: Vec<Sample>,
    peers: Vec<PeerSample>,
    /// Of each cell after its first steps.
    weights_sha256: Vec<String>,
}

impl Scaling {
    /// Measures. `observe` hears after every round how many there were and the widest interval's
    /// half, as a share; of several ranks that of the first hears it. All ranks must call it, and
    /// have the same results.
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
    /// round, ranks that differ or are lost.
    pub fn run(&self, observe: impl FnMut(usize, f64)) -> Result<Results, ScalingError> {
        let results = self.measure(observe);
        // An error of one rank ends all.
        if let (Err(error), Some(ranks)) = (&results, &self.launched) {
            ranks.abort(&error.to_string());
        }
        results
    }

    fn measure(&self, observe: impl FnMut(usize, f64)) -> Result<Results, ScalingError> {
        let cells = self.cells()?;
        let launch = Launch::of(self)?;
        let network = Network::new(self.preset.model.clone(), self.seed);
        let network = network.map_err(TrainError::from)?;
        let most_rows = cells.iter().map(|cell| cell.batch_size).max().unwrap_or(1);
        check_rows(&self.preset, BATCHES.saturating_mul(most_rows))?;
        let data = synthetic_data(&self.preset, BATCHES * most_rows, self.seed);
        let taken = self.rounds(&launch, &cells, &network, &data, observe)?;
        let hosts = launch.hosts()?;
        // What is measured once, by the first while the others wait.
        let own = match launch.is_first() {
            true => Some(self.results(cells, taken, &network, hosts)?),
            false => None,
        };
        launch.broadcast(own)
    }

    /// Rounds, until the intervals are narrow enough or the time is up.
    fn rounds(
        &self,
        launch: &Launch<'_>,
        cells: &[Cell],
        network: &Network,
        data: &ArrayDataset,
        mut observe: impl FnMut(usize, f64),
    ) -> Result<Taken, ScalingError> {
        let started = Instant::now();
        let mut taken = Taken::default();
        let mut benches = self.prepare(launch, cells, network, data, &mut taken)?;
        let (mut spent, mut is_over) = (Duration::ZERO, false);
        for round in 0..ROUNDS.1 {
            if launch.barrier(is_over)? {
                break;
            }
            let began = Instant::now();
            let order = Stream::new(self.seed, Purpose::Measure, round as u32, 0);
            for cell in order.clone().permutation(cells.len() as u32) {
                launch.barrier(false)?;
                if let Some(bench) = &mut benches[cell as usize] {
                    let sample = bench.sample(cell as usize, round, started)?;
                    taken.samples.push(sample);
                }
            }
            spent += began.elapsed();
            if !launch.is_first() {
                continue;
            }
            // The first alone has all samples.
            if round < PEER_ROUNDS {
                self.ask_peers(cells, round, &mut taken.peers)?;
            }
            let widest = widest(&taken.samples, cells.len(), round + 1);
            observe(round + 1, widest);
            let is_enough = round + 1 >= ROUNDS.0 && widest <= self.half_width;
            is_over = is_enough || spent + began.elapsed() > self.budget;
        }
        // In order of rounds and cells.
        taken
            .samples
            .sort_by_key(|sample: &Sample| (sample.round, sample.cell));
        Ok(taken)
    }

    /// What the rounds came to, and what is measured once.
    fn results(
        &self,
        cells: Vec<Cell>,
        taken: Taken,
        network: &Network,
        ranks: Vec<RankHost>,
    ) -> Result<Results, ScalingError> {
        let model = &self.preset.model;
        let several = self.threads.iter().copied().filter(|&count| count > 1);
        let message_s = match several.min() {
            Some(threads) => Some((threads, message_cost(threads)?)),
            None => None,
        };
        let bandwidth = |&threads: &usize| (threads, measured_bandwidth(threads));
        Ok(Results {
            schema: SCHEMA,
            command: String::new(),
            started: humantime::format_rfc3339_seconds(machine::now()).to_string(),
            machine: Machine::this(),
            weights_sha256: match ranks.is_empty() {
                true => Vec::new(),
                false => taken.weights_sha256,
            },
            ranks,
            preset: self.preset.name.to_owned(),
            precision: model.products(),
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
            samples: taken.samples,
            peers: taken.peers,
        })
    }

    /// Every cell's engine, warmed up, where this rank is in it.
    fn prepare<'d>(
        &self,
        launch: &Launch<'_>,
        cells: &[Cell],
        network: &Network,
        data: &'d ArrayDataset,
        taken: &mut Taken,
    ) -> Result<Vec<Option<Bench<'d>>>, ScalingError> {
        let share = self.budget.as_secs_f64() / (cells.len() * 15) as f64;
        let seconds = share.clamp(SAMPLE_S.0, SAMPLE_S.1);
        let mut benches = Vec::new();
        let mut round = 0.0;
        for cell in cells {
            launch.barrier(false)?;
            let Some(crew) = launch.crew(cell.ranks) else {
                benches.push(None);
                continue;
            };
            let Prepared {
                mut bench,
                step_s,
                weights_sha256,
            } = self.prepare_cell(cell, crew, network, data)?;
            bench.steps = ((seconds / step_s) as usize).clamp(STEPS.0, STEPS.1);
            round += step_s * (bench.steps + warmup(bench.steps)) as f64;
            taken.weights_sha256.push(weights_sha256);
            benches.push(Some(bench));
        }
        if launch.is_first() && round > self.budget.as_secs_f64() {
            return Err(ScalingError::Budget {
                budget: self.budget,
                needed: Duration::from_secs_f64(round),
                cells: cells.len(),
            });
        }
        Ok(benches)
    }

    /// Builds a cell's engine, warms it up and sees how long its steps are, and what they came to.
    fn prepare_cell<'d>(
        &self,
        cell: &Cell,
        crew: Crew,
        network: &Network,
        data: &'d ArrayDataset,
    ) -> Result<Prepared<'d>, TrainError> {
        let mut runner = self
            .bench(cell, crew.ranks().cloned())
            .runner(network, data)?;
        runner.steps(1)?;
        let timed = runner.steps(STEPS.0)?;
        let one = timed.iter().map(|step| step.0.as_secs_f64());
        // All make as many steps as the first rank's time says.
        let step_s = crew.all(one.fold(f64::INFINITY, f64::min))?[0];
        let model = network.model().clone();
        let trained = Network::with_params(model, runner.engine.params())?;
        Ok(Prepared {
            bench: Bench {
                runner,
                steps: STEPS.0,
                crew,
            },
            step_s,
            weights_sha256: trained.weights_sha256(),
        })
    }

    fn ask_peers(
        &self,
        cells: &[Cell],
        round: usize,
        peers: &mut Vec<PeerSample>,
    ) -> Result<(), ScalingError> {
        let is_asked = |cell: &&Cell| cell.kind == Kind::Strong && cell.ranks == 1;
        for cell in cells.iter().filter(is_asked) {
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
        // Together: some were asleep until now.
        self.crew.all(())?;
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
        // What the other ranks here did is no disturbance; a disturbed sample is flagged, and stays.
        let disturbance = end.since(&begin, self.ticks_of_others(end.own_since(&begin))?);
        let sample = Sample {
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
        };
        Ok(self.with_others(sample)?)
    }

    /// Processor time that the other ranks of this host took, of which this one took `own`.
    fn ticks_of_others(&self, own: u64) -> Result<u64, TrainError> {
        let crew = &self.crew;
        let all = crew.all(own)?;
        let others = (0..all.len()).filter(|&rank| rank != crew.rank());
        let here = others.filter(|&rank| crew.host(rank) == crew.host(crew.rank()));
        Ok(here.map(|rank| all[rank]).sum())
    }

    /// The first rank's sample, with the phases of all ranks' workers, and what disturbed any of
    /// them.
    fn with_others(&self, own: Sample) -> Result<Sample, TrainError> {
        let mut all = self.crew.all(own)?.into_iter();
        let mut first = all.next().expect("a crew has a first rank");
        for (rank, other) in (1..).zip(all) {
            first.phases_ms.extend(other.phases_ms);
            let reason = other.disturbed;
            let reason = reason.map(|reason| format!("{}: {reason}", self.crew.name(rank)));
            first.disturbed = first.disturbed.take().or(reason);
        }
        Ok(first)
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
