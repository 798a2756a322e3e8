//! Moves shards to the workers that are done with them first.
//!
//! Cores are not alike: a hybrid CPU has fast and slow ones, another program takes one for a while, and a guest's core may share its
//! units with a stranger's. A step takes as long as its slowest worker. Which worker computes a shard changes no bit, so the master
//! watches how long each takes for its shards, and moves some where that shortens the step.
//!
//! # Model of a step
//! Worker w with n shards, which make up m nodes of the tree, is done with them after `n c + m k`: its time c for a shard is a median
//! over its last steps, k is a pass over the gradients to be exchanged. What comes after that waits for everyone's, so it is no
//! part of the balance. Shards go one by one to whoever would be done first with one more (optimal for k = 0: list scheduling of
//! equal jobs on uniform machines).
//!
//! # Why this way
//! Whole shards move between steps, not within one: a worker computes all of its shards as one block, and a step has one wait.
//! Moving them costs a plan of the all-reduce and perhaps memory for one more gradient, so nothing moves for a gain that noise explains.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::affinity::Placement;
use super::all_reduce::plan::{Plan, PlanSpec};
use super::assignment::{Assignment, rows_of};
use super::build::{Engine, Shards};
use super::coordinator::Session;
use super::error::EngineError;
use super::mailbox::Waiting;
use super::replica::{Batch, Replica};
use super::shard::{cover_len, part};
use super::update::Update;

/// Steps whose median is believed.
const RECENT: usize = 3;

/// The part of a step that must be gained.
const GAIN: f64 = 0.05;

/// Seconds that one more node costs for each parameter: its gradient is written and read once more, at some 8 GB/s.
const SECONDS_PER_PARAM: f64 = 1.5e-9;

/// The part of the time that may go into moving shards.
const OVERHEAD: f64 = 0.01;

/// Whether shards go where they are done first; it changes no bit.
///
/// ```
/// use unisono::{Trainer, data::digits, engine::Balance, nn::{Loss, Sequential}};
/// let (train, test) = digits();
/// let model = Sequential::new(64).dense(10);
/// let trained = [Balance::Measured, Balance::Even].map(|balance| {
///     let trainer = Trainer::new(model.clone(), Loss::SoftmaxCrossEntropy).epochs(2);
///     trainer.threads(2).balance(balance).fit(&train, &test).map(|report| report.network.params().to_vec())
/// });
/// assert!(trained[0].as_ref().ok() == trained[1].as_ref().ok());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Balance {
    /// As many shards for each worker, up to one.
    Even,
    /// More of them for workers that were faster in the last steps, where each worker has a core and there are more shards than
    /// workers.
    #[default]
    Measured,
}

impl<R: Replica, U: Update> Engine<R, U> {
    /// Who computes which shards, as of the last step.
    pub fn assignment(&self) -> &Assignment {
        &self.channels.assignment
    }

    /// How many times shards have moved from one worker to another.
    pub fn moves(&self) -> usize {
        self.channels.moves
    }
}

impl<R: Replica, U: Update> Session<'_, R, U> {
    /// Who computes which shards.
    pub fn assignment(&self) -> &Assignment {
        &self.channels.assignment
    }

    /// Gives workers these shards from the next step on. It changes no bit; with [`Balance::Measured`] they may move again.
    ///
    /// ```
    /// # use unisono::{data::digits, optim::{Optimizer, StepScalars}, train::{ChainUpdate, Sources}};
    /// # use unisono::engine::{Assignment, Balance, Batch, Decision, Engine, EngineConfig, Shards, Threads};
    /// # use unisono::nn::{Loss, NetworkReplica, ReplicaSettings, Sequential, kernel::Isa};
    /// # let (train, test) = digits();
    /// # let model = Sequential::new(64).dense(10);
    /// # let settings = ReplicaSettings { loss: Loss::SoftmaxCrossEntropy, isa: Isa::detect(), seed: 42 };
    /// # let replica = |_| NetworkReplica::new(&model, settings.clone(), Sources([&train, &test])).unwrap();
    /// # let update = ChainUpdate::new(&Optimizer::sgd(0.1), 650)?;
    /// let config = EngineConfig { threads: Threads::Fixed(2), shards: Shards::Fixed(16), balance: Balance::Even, ..EngineConfig::default() };
    /// let mut engine = Engine::new(config, &[0.0; 650], update, replica)?;
    /// let batch = Batch::whole((0..64).collect(), 0);
    /// engine.run(|session| {
    ///     session.assign(Assignment::from_counts(&[11, 5]))?;
    ///     session.step(&batch, |_| Decision::Apply(StepScalars::plain(0.1, 64.0, 0)))?;
    ///     assert_eq!(session.assignment().shards(1), 11..16);
    ///     assert!(session.assign(Assignment::from_counts(&[16])).is_err());
    ///     Ok::<(), unisono::engine::EngineError>(())
    /// })??;
    /// # Ok::<(), unisono::TrainError>(())
    /// ```
    ///
    /// # Errors
    /// [`EngineError::Assignment`] if it is for another number of shards or workers.
    pub fn assign(&mut self, assignment: Assignment) -> Result<(), EngineError> {
        assignment.check(self.shared.num_shards, self.shared.num_workers)?;
        self.channels.chosen = Some(assignment);
        Ok(())
    }

    /// The plan of the next step, if shards are to move.
    pub(super) fn next_plan(&mut self, batch: &Batch) -> Option<Arc<Plan>> {
        let (began, shared) = (Instant::now(), self.shared);
        let num_params = shared.cuts.last().map_or(0, |cut| cut.end);
        let exchanged = num_params - self.worker.links.exchange.num_factored();
        let next = self
            .channels
            .next_assignment(batch.range.len(), exchanged)?;
        let spec = PlanSpec {
            assignment: &next,
            num_params,
            update: shared.mode,
        };
        let plan = Plan::new(shared.all_reduce, spec);
        self.channels.assignment = next;
        self.channels.moves += 1;
        let balancer = self.channels.balancer.iter_mut();
        balancer.for_each(|balancer| balancer.moved(began));
        Some(Arc::new(plan))
    }
}

/// What a worker took for a row in its last steps, in seconds.
type Recent = [f64; RECENT];

/// What workers are believed to take, in seconds.
#[derive(Debug)]
struct Costs {
    /// Each worker, for a row.
    row: Vec<f64>,
    /// Rows of a batch.
    rows: usize,
    /// For a node of the tree.
    node: f64,
}

/// The master's memory of its workers' times.
#[derive(Debug)]
pub(crate) struct Balancer {
    workers: Vec<Recent>,
    /// Steps since the last change.
    steps: usize,
    changed: Instant,
    /// How long the last change took.
    took: Duration,
    costs: Costs,
    counts: Vec<usize>,
}

impl Balancer {
    /// One for this engine, if its shards may move.
    pub(crate) fn new(
        balance: Balance,
        (shards, num_shards): (Shards, usize),
        placement: &Placement,
    ) -> Option<Self> {
        let workers = placement.num_threads;
        let may_move = balance == Balance::Measured
            && shards != Shards::PerWorker
            && placement.waiting == Waiting::Spin
            && (2..num_shards).contains(&workers);
        may_move.then(|| Self::of(workers))
    }

    fn of(workers: usize) -> Self {
        Self {
            workers: vec![[0.0; RECENT]; workers],
            steps: 0,
            changed: Instant::now(),
            took: Duration::ZERO,
            costs: Costs {
                row: Vec::with_capacity(workers),
                rows: 0,
                node: 0.0,
            },
            counts: Vec::with_capacity(workers),
        }
    }

    /// Takes in one step's loads. The first after a change does not count: memory may be touched for the first time. Nor does a step
    /// in which someone had no row, or was not timed.
    pub(crate) fn record(
        &mut self,
        loads: impl Iterator<Item = Option<Duration>> + Clone,
        (assignment, rows): (&Assignment, usize),
    ) {
        let rows_of = |worker| assignment.rows(worker, rows).len();
        let is_idle = |worker| rows_of(worker) == 0;
        if loads.clone().any(|load| load.is_none()) || (0..self.workers.len()).any(is_idle) {
            return;
        }
        self.steps += 1;
        let Some(at) = self.steps.checked_sub(2) else {
            return;
        };
        for (worker, load) in loads.flatten().enumerate() {
            self.workers[worker][at % RECENT] = load.as_secs_f64() / rows_of(worker) as f64;
        }
    }

    /// A better assignment for steps of `rows` rows, whose all-reduce exchanges `params` gradients. Allocates nothing unless there is
    /// one.
    pub(crate) fn propose(
        &mut self,
        assignment: &Assignment,
        (rows, params): (usize, usize),
    ) -> Option<Assignment> {
        let has_idle = |assignment: &Assignment| {
            let mut workers = 0..assignment.num_workers();
            workers.any(|worker| assignment.rows(worker, rows).is_empty())
        };
        if has_idle(assignment) {
            // Whoever has no row is not measured. Batches may have become smaller.
            let even = Assignment::even(assignment.num_shards(), assignment.num_workers());
            return Some(even).filter(|even| !has_idle(even));
        }
        if self.steps <= RECENT || self.changed.elapsed().mul_f64(OVERHEAD) < self.took {
            return None;
        }
        self.costs.row.clear();
        let seconds = self.workers.iter().map(|recent| median(*recent));
        self.costs.row.extend(seconds);
        self.costs.rows = rows;
        self.costs.node = SECONDS_PER_PARAM * params as f64;
        better(&self.costs, assignment, &mut self.counts)
    }

    /// Notes that shards were moved, from `began` on.
    pub(crate) fn moved(&mut self, began: Instant) {
        self.steps = 0;
        self.changed = Instant::now();
        self.took = self.changed - began;
    }
}

fn median(mut values: [f64; RECENT]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[RECENT / 2]
}

/// The assignment that is predicted to be the fastest, if it is enough faster than `current`; `counts` is scratch.
fn better(costs: &Costs, current: &Assignment, counts: &mut Vec<usize>) -> Option<Assignment> {
    let (shards, workers) = (current.num_shards(), costs.row.len());
    let most = (1.0 - GAIN) * seconds(costs, current.counts(), shards);
    proportional(costs, shards, counts);
    let uneven = seconds(costs, counts.iter().copied(), shards);
    let even = (0..workers).map(|worker| part(shards, workers, worker).len());
    let even = seconds(costs, even, shards);
    match even <= uneven {
        true => (even < most).then(|| Assignment::even(shards, workers)),
        false => (uneven < most).then(|| Assignment::from_counts(counts)),
    }
}

/// What the slowest worker is predicted to take, each having so many shards; no assignment leaves one without a row.
fn seconds(costs: &Costs, counts: impl Iterator<Item = usize>, num_shards: usize) -> f64 {
    let (mut start, mut slowest) = (0, 0.0_f64);
    for (row, count) in costs.row.iter().zip(counts) {
        let shards = start..start + count;
        let rows = rows_of(shards.clone(), num_shards, costs.rows).len();
        if rows == 0 {
            return f64::INFINITY;
        }
        let nodes = cover_len(num_shards, shards);
        slowest = slowest.max(rows as f64 * row + nodes as f64 * costs.node);
        start += count;
    }
    slowest
}

/// One shard for each worker (so that all stay measured), and each other one for whoever is done with it first.
fn proportional(costs: &Costs, num_shards: usize, counts: &mut Vec<usize>) {
    counts.clear();
    counts.resize(costs.row.len(), 1);
    for _ in counts.len()..num_shards {
        let done = |worker: usize| (counts[worker] + 1) as f64 * costs.row[worker];
        let first = (0..counts.len()).min_by(|&a, &b| done(a).total_cmp(&done(b)));
        first.into_iter().for_each(|worker| counts[worker] += 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn better_counts(row: &[f64], current: &[usize], node: f64) -> Option<Vec<usize>> {
        let current = Assignment::from_counts(current);
        let costs = Costs {
            row: row.to_vec(),
            rows: current.num_shards(),
            node,
        };
        let next = better(&costs, &current, &mut Vec::new())?;
        assert_eq!(next.num_shards(), current.num_shards());
        Some(next.counts().collect())
    }

    #[test]
    fn shards_go_to_the_faster_and_come_back_when_both_are_alike() {
        let next = |shard: [f64; 2], current: [usize; 2]| better_counts(&shard, &current, 0.01);
        assert_eq!(next([1.0, 1.35], [8, 8]), Some(vec![9, 7]));
        assert_eq!(next([1.35, 1.0], [9, 7]), Some(vec![7, 9]));
        assert_eq!(next([1.0, 1.0], [9, 7]), Some(vec![8, 8]));
        // Four performance cores and four efficient ones, half as fast.
        let hybrid = [1.0, 1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 2.0];
        let next = better_counts(&hybrid, &[8; 8], 0.01);
        assert_eq!(next, Some(vec![11, 11, 11, 11, 5, 5, 5, 5]));
    }

    #[test]
    fn nothing_moves_for_less_than_noise_or_for_more_nodes_than_it_saves() {
        assert_eq!(better_counts(&[1.0, 1.1], &[8, 8], 0.01), None);
        assert_eq!(better_counts(&[1.0; 3], &[5, 5, 6], 0.01), None);
        assert_eq!(better_counts(&[1.0, 1.35], &[8, 8], 1.0), None);
    }

    #[test]
    fn rows_decide_where_they_are_fewer_than_shards() {
        // The ninth of sixteen shards has no row: nothing would be gained by giving it away.
        let costs = Costs {
            row: vec![1.0, 1.2],
            rows: 12,
            node: 0.0,
        };
        let better = better(&costs, &Assignment::even(16, 2), &mut Vec::new());
        assert_eq!(better, None);
        // Batches have become so small that a worker has no row, and is not measured: it gets some.
        let uneven = Assignment::from_counts(&[15, 1]);
        let propose = |rows| Balancer::of(2).propose(&uneven, (rows, 0));
        assert_eq!(propose(16), None);
        assert_eq!(propose(4), None);
        let uneven = Assignment::from_counts(&[1, 15]);
        let next = Balancer::of(2).propose(&uneven, (4, 0));
        assert_eq!(next, Some(Assignment::even(16, 2)));
    }

    #[test]
    fn everyone_keeps_a_shard() {
        let next = better_counts(&[1.0, 100.0], &[8, 8], 0.01);
        assert_eq!(next, Some(vec![15, 1]));
    }

    #[test]
    fn medians_of_steps_after_the_first_decide() {
        let even = Assignment::even(16, 2);
        let mut balancer = Balancer::of(2);
        let step = |balancer: &mut Balancer, millis: [u64; 2]| {
            let load = |pass| Some(Duration::from_millis(pass));
            balancer.record(millis.into_iter().map(load), (&even, 160));
            balancer.propose(&even, (160, 0))
        };
        // The first is not counted, and one of three that is slow is noise.
        for millis in [[10, 90], [10, 10], [10, 90], [10, 10]] {
            assert_eq!(step(&mut balancer, millis), None);
        }
        let next = step(&mut balancer, [10, 20]);
        assert_eq!(next, Some(Assignment::from_counts(&[11, 5])));
        // Not again before a hundred times the time that a move takes.
        balancer.moved(Instant::now() - Duration::from_secs(10));
        for _ in 0..8 {
            assert_eq!(step(&mut balancer, [10, 20]), None);
        }
        balancer.record([None, None].into_iter(), (&even, 160));
        balancer.record([Some(Duration::ZERO); 2].into_iter(), (&even, 0));
        assert_eq!(balancer.steps, 8);
    }
}
