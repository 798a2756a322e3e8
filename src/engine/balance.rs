//! Load balance: moves shards to the workers that are done with them first.
//!
//! Cores are not alike: a hybrid CPU has fast and slow ones, another program takes one for a while,
//! and a guest's core may share its units with a stranger's. A step takes as long as its slowest
//! worker. Which worker computes a shard changes no bit, so the master watches how long each takes
//! for its shards, and moves some where that shortens the step.
//!
//! # Model of a step
//! Worker w with n shards, which make up m nodes of the tree, is done with them after `n c + m k`:
//! its time c for a shard is a median over its last steps, k is a pass over the gradients to be
//! exchanged. What comes after that waits for everyone's, so it is no part of the balance. Shards
//! go one by one to the worker that would be done first with one more (optimal for k = 0: list
//! scheduling of equal jobs on uniform machines).
//!
//! # Why this way
//! Whole shards move between steps, not within one: a worker computes all of its shards as one
//! block, and a step has one wait. Moving them costs a plan of the all-reduce and perhaps memory
//! for a few more gradients, so nothing moves for a gain that noise explains, and what was no gain
//! after all is taken back.

use std::time::{Duration, Instant};

use super::affinity::Placement;
use super::assignment::{Assignment, StepShape, rows_of};
use super::config::{Balance, EngineConfig, Shards};
use super::mailbox::Waiting;
use super::shard::{cover, part};

/// Steps whose median is believed.
const RECENT: usize = 3;

/// The part of a step that must be gained.
const GAIN: f64 = 0.05;

/// Timed steps without a change after one that did not pay off: at first, and at most, as they
/// double.
const PAUSE: usize = 4;
const LONGEST_PAUSE: usize = 1024;

/// Seconds that one more node costs for each parameter: its gradient is written and read once more,
/// at some 8 GB/s.
const SECONDS_PER_PARAM: f64 = 1.5e-9;

/// The part of the time that may go into moving shards.
const OVERHEAD: f64 = 0.01;

/// What a worker took in its last steps.
#[derive(Clone, Copy, Debug, Default)]
struct Recent {
    /// Seconds for a row of its own.
    per_row: [f64; RECENT],
    /// Steps since the last change that were timed.
    seen: usize,
}

/// Estimated costs of workers, in seconds.
#[derive(Debug, Default)]
struct Costs {
    /// Each worker, for a row, without what its nodes take.
    per_row: Vec<f64>,
    /// Rows of a batch.
    rows: usize,
    /// For a node of the tree.
    node: f64,
}

/// A change that has to prove its worth.
#[derive(Debug)]
struct Trial {
    before: Assignment,
    after: Assignment,
    /// What the slowest worker took before, in seconds for a row of the batch.
    slowest: f64,
}

/// The workers' times, as the coordinator has seen them.
#[derive(Debug)]
pub(crate) struct Balancer {
    workers: Vec<Recent>,
    /// Whether anything was timed since the last proposal.
    is_fresh: bool,
    /// Steps in a row in which some worker had no row.
    idle_steps: usize,
    trial: Option<Trial>,
    /// Timed steps without a change after the last one that did not pay off, and how many of them
    /// are left.
    pause: (usize, usize),
    changed: Instant,
    /// How long the last change took.
    took: Duration,
    costs: Costs,
    counts: Vec<usize>,
}

impl Balancer {
    /// One for this engine, if its shards may move.
    pub(crate) fn new(
        config: &EngineConfig,
        num_shards: usize,
        placement: &Placement,
    ) -> Option<Self> {
        let workers = placement.num_threads;
        let may_move = config.balance == Balance::Measured
            && config.shards != Shards::PerWorker
            && placement.waiting == Waiting::Spin
            && (2..num_shards).contains(&workers);
        may_move.then(|| Self::of(workers))
    }

    fn of(workers: usize) -> Self {
        Self {
            workers: vec![Recent::default(); workers],
            is_fresh: false,
            idle_steps: 0,
            trial: None,
            pause: (0, 0),
            changed: Instant::now(),
            took: Duration::ZERO,
            costs: Costs::default(),
            counts: Vec::with_capacity(workers),
        }
    }

    /// Takes in one step's loads, of the workers that were timed. The first after a change does not
    /// count: memory may be touched for the first time. Nor does a step in which someone had no
    /// row.
    pub(crate) fn record(
        &mut self,
        loads: impl Iterator<Item = Option<Duration>>,
        shape: StepShape<'_>,
    ) {
        let rows_of = |worker| shape.worker_rows(worker).len();
        if (0..self.workers.len()).any(|worker| rows_of(worker) == 0) {
            self.idle_steps += 1;
            return;
        }
        self.idle_steps = 0;
        for (worker, load) in loads.enumerate() {
            let (recent, Some(load)) = (&mut self.workers[worker], load) else {
                continue;
            };
            if let Some(at) = recent.seen.checked_sub(1) {
                recent.per_row[at % RECENT] = load.as_secs_f64() / rows_of(worker) as f64;
                self.is_fresh = true;
            }
            recent.seen += 1;
        }
    }

    /// A better assignment than that of `shape`, for steps of as many rows whose all-reduce
    /// exchanges `num_exchanged` gradients. Allocates nothing unless there is one.
    pub(crate) fn propose(
        &mut self,
        shape: StepShape<'_>,
        num_exchanged: usize,
    ) -> Option<Assignment> {
        let assignment = shape.assignment;
        // A worker that got no row would never be timed again.
        if self.idle_steps > RECENT {
            return back_to_even(shape);
        }
        // Nothing is decided before there are times, nor soon after a change that took long.
        if !std::mem::take(&mut self.is_fresh)
            || self.workers.iter().any(|recent| recent.seen <= RECENT)
            || self.changed.elapsed().mul_f64(OVERHEAD) < self.took
        {
            return None;
        }
        // A change that was no gain is taken back.
        let slowest = self.cost(shape, num_exchanged);
        if let Some(trial) = self.trial.take().filter(|trial| trial.after == *assignment) {
            if slowest >= trial.slowest {
                let pause = (2 * self.pause.0).clamp(PAUSE, LONGEST_PAUSE);
                self.pause = (pause, pause);
                return Some(trial.before);
            }
            self.pause = (0, 0);
        }
        if let Some(left) = self.pause.1.checked_sub(1) {
            self.pause.1 = left;
            return None;
        }
        // What is predicted to gain enough is tried.
        let after = better(&self.costs, assignment, &mut self.counts)?;
        self.trial = Some(Trial {
            before: assignment.clone(),
            after: after.clone(),
            slowest,
        });
        Some(after)
    }

    /// Makes up the costs; what the slowest worker took, in seconds for a row of the batch.
    fn cost(&mut self, shape: StepShape<'_>, num_exchanged: usize) -> f64 {
        let StepShape { rows, assignment } = shape;
        self.costs.rows = rows;
        self.costs.node = SECONDS_PER_PARAM * num_exchanged as f64;
        self.costs.per_row.clear();
        let mut slowest = 0.0_f64;
        for (worker, recent) in self.workers.iter().enumerate() {
            let own = shape.worker_rows(worker).len() as f64;
            let all = median(recent.per_row) * own;
            let nodes = cover(assignment.num_shards(), assignment.shards(worker)).count();
            // An estimate must not eat up what was measured.
            let without = (all - nodes as f64 * self.costs.node).max(0.5 * all);
            self.costs.per_row.push(without / own.max(1.0));
            slowest = slowest.max(all / rows as f64);
        }
        slowest
    }

    /// Notes that shards were moved, from `began` on.
    pub(crate) fn moved(&mut self, began: Instant) {
        self.workers.iter_mut().for_each(|recent| recent.seen = 0);
        self.idle_steps = 0;
        self.is_fresh = false;
        self.changed = Instant::now();
        self.took = self.changed - began;
    }
}

/// The even assignment, if it leaves no worker without rows.
fn back_to_even(current: StepShape<'_>) -> Option<Assignment> {
    let (shards, workers) = (current.assignment.num_shards(), current.workers());
    let has_rows =
        |worker| !rows_of(part(shards, workers, worker), shards, current.rows).is_empty();
    let all = (0..workers).all(has_rows);
    all.then(|| Assignment::even(shards, workers))
}

fn median(mut values: [f64; RECENT]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[RECENT / 2]
}

/// The assignment that is predicted to be the fastest, if it is enough faster than `current`;
/// `counts` is scratch.
fn better(costs: &Costs, current: &Assignment, counts: &mut Vec<usize>) -> Option<Assignment> {
    let (shards, workers) = (current.num_shards(), costs.per_row.len());
    let threshold = (1.0 - GAIN) * seconds(costs, current.counts(), shards);
    proportional(costs, shards, counts);
    let uneven = seconds(costs, counts.iter().copied(), shards);
    let even = (0..workers).map(|worker| part(shards, workers, worker).len());
    let even = seconds(costs, even, shards);
    if even <= uneven {
        (even < threshold).then(|| Assignment::even(shards, workers))
    } else {
        (uneven < threshold).then(|| Assignment::from_counts(counts))
    }
}

/// What the slowest worker is predicted to take with these counts of shards; no assignment leaves
/// one without a row.
fn seconds(costs: &Costs, counts: impl Iterator<Item = usize>, num_shards: usize) -> f64 {
    let (mut start, mut slowest) = (0, 0.0_f64);
    for (row, count) in costs.per_row.iter().zip(counts) {
        let shards = start..start + count;
        let rows = rows_of(shards.clone(), num_shards, costs.rows).len();
        if rows == 0 {
            return f64::INFINITY;
        }
        let nodes = cover(num_shards, shards).count();
        slowest = slowest.max(rows as f64 * row + nodes as f64 * costs.node);
        start += count;
    }
    slowest
}

/// One shard for each worker (so that all stay measured), and each other one for the worker that is
/// done with it first.
fn proportional(costs: &Costs, num_shards: usize, counts: &mut Vec<usize>) {
    counts.clear();
    counts.resize(costs.per_row.len(), 1);
    for _ in counts.len()..num_shards {
        let done = |worker: usize| (counts[worker] + 1) as f64 * costs.per_row[worker];
        let first = (0..counts.len()).min_by(|&a, &b| done(a).total_cmp(&done(b)));
        if let Some(worker) = first {
            counts[worker] += 1;
        }
    }
}

#[cfg(test)]
mod tests;
