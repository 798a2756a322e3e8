//! Replica: what the engine asks of a model, and the default fold over shards.
//!
//! # Why this way
//! A replica returns *sums* over rows. The coordinator alone divides, once, by the weight of the
//! global batch: a mean of means is wrong as soon as shards are unequal.

use std::cell::Cell;
use std::ops::Range;
use std::time::Duration;

use super::all_gather::AllGather;
use super::all_reduce::sum::add;
use super::assignment::StepShape;
use super::batch::{Batch, Shard};
use super::factors::{Combination, Factored};
use super::segment::GradBuffer;
use super::shard::Node;
use super::sums::Sums;
use super::timing::{Phase, Stopwatch};
use super::update::squared_norm;

/// A model that the engine can train: parameters in, sums of loss and gradient out.
///
/// Each worker thread has a replica of its own, with all that it computes; the parameters they all
/// read are the engine's. `examples/custom_replica.rs` writes one by hand.
///
/// ```
/// # use unisono::{data::digits, engine::{Batch, Replica}, train::Sources};
/// # use unisono::nn::{Loss, NetworkReplica, ReplicaSettings, Sequential, Isa};
/// # let ((train, test), model) = (digits(), Sequential::new(64).dense(10));
/// # let settings = ReplicaSettings { loss: Loss::SoftmaxCrossEntropy.into(), isa: Isa::detect(), seed: 42 };
/// # let mut replica = NetworkReplica::new(&model, settings, Sources([&train, &test]))?;
/// let batch = Batch::whole((0..10).collect(), 0);
/// let (params, mut whole, mut parts) = ([0.01; 650], [0.0; 650], [0.0; 650]);
/// let sums = replica.add_loss_and_grad(&params, &batch.shard(1, 0), &mut whole);
/// for index in 0..3 { replica.add_loss_and_grad(&params, &batch.shard(3, index), &mut parts); }
/// assert!(whole.iter().zip(&parts).all(|(whole, sum)| (whole - sum).abs() < 1e-4));
/// assert_eq!(sums.weight, 10.0);
/// # Ok::<(), unisono::nn::NnError>(())
/// ```
pub trait Replica: Send {
    /// How many parameters the model has; the same for every replica, and constant.
    fn num_params(&self) -> usize;

    /// The parameters of the next call are not those of the one before: whatever was made of them
    /// (packed weights, say) is to be made anew. The default does nothing.
    fn params_changed(&mut self) {}

    /// Adds the gradient of the loss at `params`, summed over the shard's rows, to `grad`, and
    /// returns the sums of the loss.
    ///
    /// The result must be a function of the parameters and the shard alone, or training is not
    /// reproducible.
    fn add_loss_and_grad(&mut self, params: &[f32], shard: &Shard<'_>, grad: &mut [f32]) -> Sums;

    /// The sums of the loss at `params` over the shard's rows, without a gradient and in evaluation
    /// mode.
    fn evaluate(&mut self, params: &[f32], shard: &Shard<'_>) -> Sums;

    /// Writes the gradient of each node of `fold` into its buffer, and the sums of each shard.
    ///
    /// The default calls [`Replica::add_loss_and_grad`] shard by shard. A replica that can compute
    /// several shards at once overrides it, and must then add the shards' gradients in the tree's
    /// order.
    fn fold(&mut self, fold: &mut Fold<'_>) {
        fold.shard_by_shard(self);
    }

    /// Whether the replica keeps a state of its rows for the same positions of the next batch (a
    /// recurrent state that goes on): shards then stay with their workers. No by default.
    fn is_stateful(&self) -> bool {
        false
    }

    /// Ranges of parameters, in ascending order, whose gradients [`Replica::fold`] does not write
    /// in a step of this shape: it gives their factors to [`Fold::publish`] instead, and
    /// [`Replica::combine`] makes the gradients. A function of model and shape, the same on every
    /// worker. None by default.
    fn factored(&mut self, _shape: StepShape<'_>) -> &[Range<usize>] {
        &[]
    }

    /// Writes the whole batch's gradient of a part of a factored range, from what all workers have
    /// published: element by element the tree over the shards, as if it had been folded.
    ///
    /// # Panics
    /// The default does, for a replica that has factored ranges.
    fn combine(&mut self, _part: &Combination<'_>, _grad: &mut [f32]) {
        panic!(
            "the replica calls parameters factored, but does not combine factors: implement Replica::combine"
        );
    }
}

/// One worker's work of a step: its shards, the tree nodes they make up, and where the results go.
///
/// ```
/// use unisono::engine::{Batch, Decision, Engine, EngineConfig};
/// use unisono::engine::{Fold, Replica, Shard, Shards, Sums};
/// use unisono::{optim::Optimizer, train::ChainUpdate};
///
/// struct Counting;
/// impl Replica for Counting {
///     fn fold(&mut self, fold: &mut Fold<'_>) {
///         // Its worker is alone and has all shards, which make up one node: the tree's root.
///         assert_eq!((fold.shards(), fold.nodes()), (0..4, &[0..4][..]));
///         assert_eq!(fold.shard(3).rows, [6, 7]);
///         fold.shard_by_shard(self);
///     }
///     fn num_params(&self) -> usize {
///         1
///     }
///     fn add_loss_and_grad(&mut self, _: &[f32], shard: &Shard<'_>, _: &mut [f32]) -> Sums {
///         Sums { weight: shard.rows.len() as f64, ..Sums::default() }
///     }
///     fn evaluate(&mut self, _: &[f32], _: &Shard<'_>) -> Sums {
///         Sums::default()
///     }
/// }
///
/// let (threads, shards) = (1.into(), Shards::Fixed(4));
/// let config = EngineConfig { threads, shards, ..EngineConfig::default() };
/// let update = ChainUpdate::new(&Optimizer::sgd(0.1), 1)?;
/// let mut engine = Engine::new(config, &[0.0], update, |_| Counting)?;
/// let batch = Batch::whole((0..8).collect(), 0);
/// let reduced = engine.run(|session| session.step(&batch, |_| Decision::Skip))??;
/// assert_eq!(reduced.sums.weight, 8.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Fold<'a> {
    pub(crate) batch: &'a Batch,
    pub(crate) params: &'a [f32],
    pub(crate) factored: Factored<'a>,
    pub(crate) num_shards: usize,
    pub(crate) nodes: &'a [Node],
    pub(crate) grads: &'a mut [GradBuffer],
    pub(crate) sums: &'a mut [Sums],
    /// As `sums`; empty if they are not tracked.
    pub(crate) squares: &'a mut [f64],
    pub(crate) scratch: &'a mut Vec<Vec<f32>>,
    pub(crate) current: &'a mut Range<usize>,
    pub(crate) watch: &'a mut Stopwatch,
    /// What all-gathers have taken since the last lap.
    pub(crate) waited: &'a Cell<Duration>,
    pub(crate) all_gather: &'a dyn AllGather,
}

impl<'a> Fold<'a> {
    /// The batch whose shards these are.
    pub fn batch(&self) -> &'a Batch {
        self.batch
    }

    /// The parameters.
    pub fn params(&self) -> &'a [f32] {
        self.params
    }

    /// Gives the factors of `range` away: `parts`, one after another; or says no, if it is not one
    /// of those that are factored in this step. A fold that leaves one out while it has rows fails
    /// the step.
    pub fn publish(&mut self, range: &Range<usize>, parts: &[&[f32]]) -> bool {
        let Factored { ranges, factors } = &mut self.factored;
        let Some(which) = ranges.iter().position(|own| own == range) else {
            return false;
        };
        factors[which].clear();
        for part in parts {
            factors[which].extend_from_slice(part);
        }
        true
    }

    /// Whether all factors are published, if there are any rows to make them of.
    ///
    /// # Panics
    /// If not: where they were needed, gradients would be made of nothing.
    pub(crate) fn check_published(&self) {
        let has_rows = self
            .shards()
            .any(|index| !self.shard(index).rows.is_empty());
        let missing = self.factored.factors.iter().position(Vec::is_empty);
        if let Some(which) = missing.filter(|_| has_rows) {
            panic!(
                "the replica calls range {which} factored, but its fold has not published the factors: call Fold::publish"
            );
        }
    }

    /// The nodes to fold; together they are a contiguous range of shards.
    pub fn nodes(&self) -> &'a [Node] {
        self.nodes
    }

    /// All shards of this worker.
    pub fn shards(&self) -> Range<usize> {
        match (self.nodes.first(), self.nodes.last()) {
            (Some(first), Some(last)) => first.start..last.end,
            _ => 0..0,
        }
    }

    /// Shard `index` of the batch.
    pub fn shard(&self, index: usize) -> Shard<'a> {
        self.batch.shard(self.num_shards, index)
    }

    /// Notes which shards are being computed, so that a panic can be reported with their numbers.
    pub fn enter(&mut self, shards: Range<usize>) {
        *self.current = shards;
    }

    /// The exchange of values with the other workers in the middle of a pass.
    pub fn all_gather(&self) -> &'a dyn AllGather {
        self.all_gather
    }

    /// Books the time since the last call (or the begin of the work) to `phase`.
    pub fn lap(&mut self, phase: Phase) {
        self.watch.lap_with_wait(phase, self.waited.take());
    }

    /// Records the sums of shard `index`.
    pub fn set_sums(&mut self, index: usize, sums: Sums) {
        let first = self.shards().start;
        self.sums[index - first] = sums;
    }

    /// Whether the squares of the shards' gradient norms are tracked: a replica with a fold of its
    /// own must then give them to [`Fold::set_grad_square`].
    pub fn tracks_squares(&self) -> bool {
        !self.squares.is_empty()
    }

    /// Records the square of the L2 norm of shard `index`'s gradient (the sum over its rows, not
    /// their mean).
    ///
    /// # Panics
    /// If squares are not tracked.
    pub fn set_grad_square(&mut self, index: usize, square: f64) {
        let first = self.shards().start;
        self.squares[index - first] = square;
    }

    /// The gradient buffer of node number `which` of [`Fold::nodes`]; whatever it held before is to
    /// be overwritten.
    pub fn grad(&mut self, which: usize) -> &mut [f32] {
        self.grads[which].as_mut_slice()
    }

    /// Folds shard by shard with a binary counter of whole gradients.
    pub fn shard_by_shard<R: Replica + ?Sized>(&mut self, replica: &mut R) {
        for which in 0..self.nodes.len() {
            let node = self.nodes[which].clone();
            let mut depth = 0;
            for (position, index) in node.clone().enumerate() {
                // The leaf, on top of the counter.
                self.enter(index..index + 1);
                let shard = self.shard(index);
                let params = self.params;
                let leaf = self.level(which, depth);
                leaf.fill(0.0);
                let sums = replica.add_loss_and_grad(params, &shard, leaf);
                if self.tracks_squares() {
                    let square = squared_norm(self.level(which, depth));
                    self.set_grad_square(index, square);
                }
                self.set_sums(index, sums);
                self.lap(Phase::Backward);
                // A merge for each trailing one of its number.
                depth += 1;
                for _ in 0..position.trailing_ones() {
                    depth -= 1;
                    self.merge(which, depth);
                }
                self.lap(Phase::Fold);
            }
            // What is left, from the right.
            while depth > 1 {
                depth -= 1;
                self.merge(which, depth);
            }
            self.lap(Phase::Fold);
        }
    }

    /// Level `depth` of the counter: the node's own buffer at the bottom, scratch above.
    fn level(&mut self, which: usize, depth: usize) -> &mut [f32] {
        if depth == 0 {
            return self.grad(which);
        }
        let len = self.grad(which).len();
        if self.scratch.len() < depth {
            self.scratch.resize_with(depth, || vec![0.0; len]);
        }
        &mut self.scratch[depth - 1]
    }

    /// Adds level `depth` to the level below it.
    fn merge(&mut self, which: usize, depth: usize) {
        let (below, above) = self.scratch.split_at_mut(depth - 1);
        let left = match below.last_mut() {
            Some(level) => level.as_mut_slice(),
            None => self.grads[which].as_mut_slice(),
        };
        add(left, &above[0]);
    }
}
