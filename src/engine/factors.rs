//! Sufficient factors: what workers send each other so that the owner of a parameter can compute
//! its whole gradient alone.
//!
//! A dense layer's weight gradient is `x' dy`, summed over the rows of the batch. Where these rows
//! are few and the weight is large, its gradient is much more memory than x and dy, its *sufficient
//! factors* (Xie, Kim, Zhou, Ho, Kumar, Yu, Xing: "Lighter-communication distributed machine
//! learning via sufficient factor broadcasting", UAI 2016). So the workers exchange these, and each
//! computes the whole batch's gradient of the segments that it owns: none is written that another
//! one would have to add. Each element is the same tree over the same shards, so it changes no bit.
//!
//! # Protocol of a step
//! Every worker asks its replica which ranges are factored; all get the same answer. While it
//! folds, the replica publishes the factors of each; then everyone who has shards sends them to
//! everyone, whole or, after a panic, with holes. An owner receives all workers' before it reduces,
//! and releases them before it reports: so they can be written in the next step.

use std::ops::Range;
use std::sync::Arc;

use super::assignment::{Assignment, StepShape};
use super::batch::Batch;
use super::mailbox::{Aborted, AllToAll, Watch};
use super::update::BLOCK;

/// Parameters whose gradients are made at once: 384 KiB, which stay in L2 until their norm is
/// taken. Of a weight with 1,024 columns they are 96 rows, a multiple of the height of every tile.
const RUN: usize = 24 * BLOCK;

/// A part of a factored range, and what its gradient is made of.
///
/// A model whose gradient is row number times parameter number: of a row its number is enough.
/// ```
/// # use std::{ops::Range, sync::Arc};
/// # use unisono::{optim::{Optimizer, StepScalars}, train::ChainUpdate};
/// # use unisono::engine::{Batch, Combination, Decision, Engine, EngineConfig, Fold, Replica, Shard, StepShape, Sums, Threads};
/// const ALL: [Range<usize>; 1] = [0..8192];
/// struct Slopes;
/// impl Replica for Slopes {
///     fn factored(&mut self, _: StepShape<'_>) -> &[Range<usize>] { &ALL }
///     fn fold(&mut self, fold: &mut Fold<'_>) {
///         let rows: Vec<f32> = fold.shards().flat_map(|index| fold.shard(index).rows).map(|&row| row as f32).collect();
///         fold.publish(&ALL[0], &[&rows]);
///     }
///     fn combine(&mut self, part: &Combination<'_>, grad: &mut [f32]) {
///         let rows: f32 = (0..part.shape.workers()).flat_map(|worker| part.factors(worker)).sum();
///         for (grad, number) in grad.iter_mut().zip(part.params.clone()) { *grad = rows * number as f32; }
///     }
/// #   fn num_params(&self) -> usize { 8192 }
/// #   fn add_loss_and_grad(&mut self, _: &[f32], _: &Shard<'_>, _: &mut [f32]) -> Sums { unreachable!() }
/// #   fn evaluate(&mut self, _: &[f32], _: &Shard<'_>) -> Sums { unreachable!() }
/// }
/// # let config = EngineConfig { threads: Threads::Fixed(2), ..EngineConfig::default() };
/// # let update = ChainUpdate::new(&Optimizer::sgd(1.0), 8192)?;
/// let mut engine = Engine::new(config, &[0.0; 8192], update, |_| Slopes)?;
/// let batch = Batch::whole((0..4).collect(), 0);
/// engine.run(|session| session.step(&batch, |_| Decision::Apply(StepScalars::plain(1.0, 1.0, 0))))??;
/// assert_eq!(engine.params()[5000], -(0.0 + 1.0 + 2.0 + 3.0) * 5000.0);
/// # Ok::<(), unisono::TrainError>(())
/// ```
#[derive(Debug)]
pub struct Combination<'a> {
    /// The step's batch.
    pub batch: &'a Batch,
    /// Its shape.
    pub shape: StepShape<'a>,
    /// Which of the factored ranges.
    pub which: usize,
    /// The parameters, counted from the begin of that range.
    pub params: Range<usize>,
    all: &'a [Option<Factors>],
}

impl Combination<'_> {
    /// What worker `worker` has published; empty if it has no rows.
    pub fn factors(&self, worker: usize) -> &[f32] {
        let factors = self.all[worker].as_ref();
        factors.map_or(&[], |factors| &factors[self.which])
    }
}

/// The factors of one worker, a vector for each factored range.
type Factors = Arc<Vec<Vec<f32>>>;

/// The factored ranges of a step, and where one worker writes its factors.
#[derive(Debug)]
pub(crate) struct Factored<'a> {
    pub(crate) ranges: &'a [Range<usize>],
    /// One vector a range.
    pub(crate) factors: &'a mut [Vec<f32>],
}

/// One worker's factors on their way.
#[derive(Debug)]
pub(crate) struct Published {
    worker: usize,
    factors: Factors,
}

/// A worker's part in the exchange of factors.
#[derive(Debug)]
pub(crate) struct FactorExchange {
    links: AllToAll<Published>,
    /// Of this step.
    ranges: Vec<Range<usize>>,
    /// One place a worker, from the first factored step on; only this one's own is kept.
    all: Vec<Option<Factors>>,
    /// Whether this worker has shards in this step, and how many others have.
    has_shards: bool,
    awaited: usize,
}

impl FactorExchange {
    pub(crate) fn new(links: AllToAll<Published>) -> Self {
        Self {
            links,
            ranges: Vec::new(),
            all: Vec::new(),
            has_shards: false,
            awaited: 0,
        }
    }

    /// Begins a step with these factored ranges; `worker` is whose exchange this is.
    pub(crate) fn begin(
        &mut self,
        worker: usize,
        ranges: &[Range<usize>],
        assignment: &Assignment,
    ) -> Factored<'_> {
        self.ranges.clear();
        self.ranges.extend_from_slice(ranges);
        if ranges.is_empty() {
            return Factored {
                ranges: &self.ranges,
                factors: &mut [],
            };
        }
        self.all.resize(self.links.to.len(), None);
        self.has_shards = !assignment.shards(worker).is_empty();
        self.awaited = assignment.num_busy() - usize::from(self.has_shards);
        let own = Arc::make_mut(self.all[worker].get_or_insert_default());
        own.resize_with(ranges.len(), Vec::new);
        own.iter_mut().for_each(Vec::clear);
        Factored {
            ranges: &self.ranges,
            factors: own,
        }
    }

    /// Sends the worker's own factors to all others.
    pub(crate) fn send(&self, worker: usize) {
        if self.ranges.is_empty() || !self.has_shards {
            return;
        }
        if let Some(factors) = &self.all[worker] {
            let addresses = self.links.to.iter().enumerate();
            for (_, address) in addresses.filter(|(to, _)| *to != worker) {
                let factors = Arc::clone(factors);
                address.send(Published { worker, factors });
            }
        }
    }

    /// Waits for everyone's.
    pub(crate) fn receive(&mut self, watch: Watch<'_>) -> Result<(), Aborted> {
        let awaited = if self.ranges.is_empty() {
            0
        } else {
            self.awaited
        };
        for _ in 0..awaited {
            let Published { worker, factors } = self.links.from.receive(watch)?;
            self.all[worker] = Some(factors);
        }
        Ok(())
    }

    /// Releases the others'.
    pub(crate) fn release(&mut self, worker: usize) {
        let others = self.all.iter_mut().enumerate();
        others
            .filter(|(other, _)| *other != worker)
            .for_each(|(_, factors)| *factors = None);
    }

    /// Whether there are factored ranges, and every worker that has rows has published.
    pub(crate) fn is_whole(&self, shape: StepShape<'_>) -> bool {
        !self.ranges.is_empty()
            && (0..shape.workers()).all(|worker| {
                let is_whole = |factors: &Factors| factors.iter().all(|own| !own.is_empty());
                shape.worker_rows(worker).is_empty()
                    || self.all[worker].as_ref().is_some_and(is_whole)
            })
    }

    /// How many parameters are factored in this step.
    pub(crate) fn num_factored(&self) -> usize {
        self.ranges.iter().map(Range::len).sum()
    }

    /// Whether the gradient of all of `range` is made from factors.
    pub(crate) fn covers(&self, range: &Range<usize>) -> bool {
        let holds = |own: &Range<usize>| own.start <= range.start && range.end <= own.end;
        self.ranges.iter().any(holds)
    }

    /// Up to where gradients are made at once from the begin of block `place` on: to its end, or,
    /// if all of it is factored, to the end of the last such block within [`RUN`].
    pub(crate) fn run_end(&self, place: &Range<usize>, end: usize) -> usize {
        let longest = (place.start..end.min(place.start + RUN)).step_by(BLOCK);
        let ends = longest.map(|start| (start + BLOCK).min(end));
        let all = |to: &usize| self.covers(&(place.start..*to));
        ends.take_while(all).last().unwrap_or(place.end)
    }

    /// The factored parts of the parameters `cut`.
    pub(crate) fn within<'a>(
        &'a self,
        cut: &Range<usize>,
        batch: &'a Batch,
        shape: StepShape<'a>,
    ) -> impl Iterator<Item = (Range<usize>, Combination<'a>)> {
        let cut = cut.clone();
        let ranges = self.ranges.iter().enumerate();
        ranges.filter_map(move |(which, range)| {
            let common = range.start.max(cut.start)..range.end.min(cut.end);
            let combination = Combination {
                batch,
                shape,
                which,
                params: common.start.checked_sub(range.start)?
                    ..common.end.checked_sub(range.start)?,
                all: &self.all,
            };
            (!common.is_empty()).then_some((common, combination))
        })
    }
}
