//! Which worker computes which shards.

use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use super::affinity::Placement;
use super::all_reduce::plan::{Plan, PlanSpec};
use super::balance::Balancer;
use super::build::{Engine, EngineConfig};
use super::coordinator::Session;
use super::error::EngineError;
use super::replica::{Batch, Replica};
use super::shard::part;
use super::update::Update;

/// Contiguous ranges of shards, one a worker, in the workers' order. It changes no bit of what is
/// trained.
///
/// ```
/// use unisono::engine::Assignment;
/// let even = Assignment::even(16, 2);
/// assert_eq!(even.counts().collect::<Vec<_>>(), [8, 8]);
/// let uneven = Assignment::from_counts(&[9, 7]);
/// assert_eq!((uneven.num_shards(), uneven.shards(1)), (16, 9..16));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// The shard after each worker's last.
    ends: Arc<[usize]>,
}

impl Assignment {
    /// As many shards for each worker, up to one.
    pub fn even(num_shards: usize, num_workers: usize) -> Self {
        let ends = (0..num_workers).map(|worker| part(num_shards, num_workers, worker).end);
        Self {
            ends: ends.collect(),
        }
    }

    /// So many shards for each worker.
    pub fn from_counts(counts: &[usize]) -> Self {
        let ends = counts.iter().scan(0, |end, count| {
            *end = count.saturating_add(*end);
            Some(*end)
        });
        Self {
            ends: ends.collect(),
        }
    }

    /// Shards of a batch.
    pub fn num_shards(&self) -> usize {
        self.ends.last().copied().unwrap_or(0)
    }

    /// Workers.
    pub fn num_workers(&self) -> usize {
        self.ends.len()
    }

    /// The shards of worker `worker`, which may be none.
    ///
    /// # Panics
    /// If there is no such worker.
    pub fn shards(&self, worker: usize) -> Range<usize> {
        let before = worker.checked_sub(1).map_or(0, |before| self.ends[before]);
        before..self.ends[worker]
    }

    /// How many shards each worker has.
    pub fn counts(&self) -> impl Iterator<Item = usize> {
        (0..self.num_workers()).map(|worker| self.shards(worker).len())
    }

    /// Positions, within a batch of `rows` rows, of the rows of worker `worker`.
    ///
    /// ```
    /// use unisono::engine::Assignment;
    /// let even = Assignment::even(4, 3);
    /// assert_eq!([0, 1, 2].map(|worker| even.rows(worker, 10)), [0..2, 2..5, 5..10]);
    /// ```
    pub fn rows(&self, worker: usize, rows: usize) -> Range<usize> {
        rows_of(self.shards(worker), self.num_shards(), rows)
    }

    /// Whether it fits this many shards and workers.
    pub(crate) fn check(&self, num_shards: usize, num_workers: usize) -> Result<(), EngineError> {
        let got = (self.num_shards(), self.num_workers());
        if got == (num_shards, num_workers) {
            return Ok(());
        }
        Err(EngineError::Assignment {
            expected: (num_shards, num_workers),
            got,
        })
    }
}

/// Positions, within a batch of `rows` rows in `num_shards` shards, of the rows of some of them.
pub(crate) fn rows_of(shards: Range<usize>, num_shards: usize, rows: usize) -> Range<usize> {
    let start = |shard| part(rows, num_shards.max(1), shard).start;
    start(shards.start)..start(shards.end)
}

impl<R: Replica, U: Update> Engine<R, U> {
    /// Who computes which shards, as of the last step.
    pub fn assignment(&self) -> &Assignment {
        &self.channels.shards.now
    }

    /// How many times, between two steps, shards have moved from one worker to another.
    pub fn moves(&self) -> usize {
        self.channels.shards.moves
    }
}

impl<R: Replica, U: Update> Session<'_, R, U> {
    /// Who computes which shards, as of the last step.
    pub fn assignment(&self) -> &Assignment {
        &self.channels.shards.now
    }

    /// Gives workers these shards from the next step on. It changes no bit; with
    /// [`crate::engine::Balance::Measured`] they may move again.
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
    /// [`EngineError::Assignment`] if it is for another number of shards or workers,
    /// [`EngineError::CarriesRows`] if the model carries a state of its rows from step to step.
    pub fn assign(&mut self, assignment: Assignment) -> Result<(), EngineError> {
        assignment.check(self.shared.num_shards, self.shared.num_workers)?;
        if self.channels.shards.carries_rows {
            return Err(EngineError::CarriesRows);
        }
        self.channels.shards.next = Some(assignment);
        Ok(())
    }

    /// The plan of the next step, if shards are to move.
    pub(super) fn next_plan(&mut self, batch: &Batch) -> Option<Arc<Plan>> {
        let shared = self.shared;
        let num_params = shared.cuts.last().map_or(0, |cut| cut.end);
        let exchanged = num_params - self.worker.links.exchange.num_factored();
        let next = self.channels.shards.next(batch.range.len(), exchanged)?;
        let began = Instant::now();
        let spec = PlanSpec {
            assignment: &next,
            num_params,
            update: shared.mode,
        };
        let plan = Plan::new(shared.all_reduce, spec);
        self.channels.shards.now = next;
        self.channels.shards.moves += 1;
        let balancer = self.channels.shards.balancer.iter_mut();
        balancer.for_each(|balancer| balancer.moved(began));
        Some(Arc::new(plan))
    }
}

/// Who computes which shards, and who is to: on the master's desk.
#[derive(Debug)]
pub(crate) struct ShardDesk {
    pub(crate) now: Assignment,
    /// From the next step on, by the driver's choice.
    next: Option<Assignment>,
    /// Watches the workers' times, if shards may move by themselves.
    pub(crate) balancer: Option<Balancer>,
    /// Whether they must stay where they are.
    carries_rows: bool,
    /// How often they have moved.
    moves: usize,
}

impl ShardDesk {
    pub(crate) fn new(now: Assignment) -> Self {
        Self {
            now,
            next: None,
            balancer: None,
            carries_rows: false,
            moves: 0,
        }
    }

    /// Lets shards move by themselves, if they are to and the model does not carry a state of its
    /// rows.
    pub(crate) fn balance(
        &mut self,
        carries_rows: bool,
        (config, placement): (&EngineConfig, &Placement),
    ) {
        self.carries_rows = carries_rows;
        if !carries_rows {
            let shards = (config.shards, self.now.num_shards());
            self.balancer = Balancer::new(config.balance, shards, placement);
        }
    }

    /// The assignment of a step of `rows` rows that exchanges `params` gradients, if it is not the
    /// one before.
    fn next(&mut self, rows: usize, params: usize) -> Option<Assignment> {
        let measured = || self.balancer.as_mut()?.propose(&self.now, (rows, params));
        let next = self.next.take().or_else(measured);
        next.filter(|next| *next != self.now)
    }
}

/// What a replica decides by which parameters it leaves to their owners.
///
/// ```
/// use unisono::engine::{Assignment, StepShape};
/// let even = Assignment::even(4, 2);
/// let shape = StepShape { rows: 10, assignment: &even };
/// assert_eq!(shape.worker_rows(1), 5..10);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct StepShape<'a> {
    /// Rows of the batch.
    pub rows: usize,
    /// Its shards, and the workers, at least 2.
    pub assignment: &'a Assignment,
}

impl<'a> StepShape<'a> {
    pub(crate) fn new(batch: &Batch, assignment: &'a Assignment) -> Self {
        Self {
            rows: batch.range.len(),
            assignment,
        }
    }

    /// Workers.
    pub fn workers(&self) -> usize {
        self.assignment.num_workers()
    }

    /// Positions of the rows of worker `worker` within the batch.
    pub fn worker_rows(&self, worker: usize) -> Range<usize> {
        self.assignment.rows(worker, self.rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_a_worker_are_those_of_its_shards() {
        for counts in [vec![4, 3], vec![0, 7], vec![7, 0, 0], vec![1, 2, 1, 3]] {
            let assignment = Assignment::from_counts(&counts);
            for rows in [1, 5, 7, 29, 1000] {
                for worker in 0..counts.len() {
                    let shards = assignment.shards(worker);
                    let of_shards: usize = shards.map(|shard| part(rows, 7, shard).len()).sum();
                    assert_eq!(assignment.rows(worker, rows).len(), of_shards);
                }
                let all = (0..counts.len()).map(|worker| assignment.rows(worker, rows));
                assert!(all.clone().next().is_some_and(|first| first.start == 0));
                assert_eq!(all.map(|own| own.len()).sum::<usize>(), rows);
            }
        }
    }
}
