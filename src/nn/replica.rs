//! A network as the engine sees it: one replica a worker.
//!
//! # How a worker's shards are folded
//! All of them run forward and backward as one block; each layer's weight gradient is folded shard by shard in
//! cache (`kernel::fold`). Where they are more than [`BLOCK_ROWS`] rows, nodes of the tree are computed one
//! after another and added whole, and a shard that is larger by itself is a chain of blocks: memory does not grow
//! with the batch. What is cut where depends on the shards alone, so it changes no bit between thread counts.

use std::ops::Range;

use crate::engine::{Fold, Replica, Shard, Sums, part};

use super::kernel::Isa;
use super::loss::{Loss, TargetKind, Targets, TargetsMut};
use super::spec::Sequential;
use super::stages::{Destinations, Stages};

/// Rows that run forward and backward at once.
const BLOCK_ROWS: usize = 2048;

/// Where a replica gets its rows from; `train` implements it over data sets.
pub trait RowSource: Send + Sync {
    /// Writes the rows of data set `source`, one after another, to `inputs`, and their targets to `targets`.
    fn gather(&self, source: usize, rows: &[u32], inputs: &mut [f32], targets: TargetsMut<'_>);
}

impl<S: RowSource + ?Sized> RowSource for std::sync::Arc<S> {
    fn gather(&self, source: usize, rows: &[u32], inputs: &mut [f32], targets: TargetsMut<'_>) {
        (**self).gather(source, rows, inputs, targets);
    }
}

/// A network with parameters of its own and rows from `S`.
#[derive(Debug)]
pub struct NetworkReplica<S> {
    source: S,
    loss: Loss,
    params: Vec<f32>,
    stages: Stages,
    width: usize,
    classes: Vec<u32>,
    values: Vec<f32>,
    /// Row ranges of the block's shards, and shard ranges of its nodes.
    cuts: Vec<Range<usize>>,
    nodes: Vec<Range<usize>>,
    levels: Vec<Vec<f32>>,
}

impl<S: RowSource> NetworkReplica<S> {
    /// A replica of `model` with `num_params` parameters, computing with `isa`.
    pub fn new(model: &Sequential, num_params: usize, (loss, source, isa): (Loss, S, Isa)) -> Self {
        Self {
            source,
            loss,
            params: vec![0.0; num_params],
            stages: Stages::new(model, isa),
            width: model.outputs(),
            classes: Vec::new(),
            values: Vec::new(),
            cuts: Vec::new(),
            nodes: Vec::new(),
            levels: Vec::new(),
        }
    }

    /// Gathers rows and runs them forward.
    fn forward(&mut self, source: usize, rows: &[u32]) {
        let inputs = self.stages.input(rows.len());
        let targets = match self.loss.target_kind(self.width) {
            TargetKind::Classes(_) => {
                self.classes.resize(rows.len(), 0);
                TargetsMut::Classes(&mut self.classes)
            }
            TargetKind::Values(width) => {
                self.values.resize(rows.len() * width, 0.0);
                TargetsMut::Values(&mut self.values)
            }
        };
        self.source.gather(source, rows, inputs, targets);
        self.stages.forward(&self.params);
    }

    /// The loss of rows `rows` of the block, with or without its gradient.
    fn loss(&mut self, rows: Range<usize>, gradient: Gradient) -> Sums {
        let width = self.width;
        let outputs = rows.start * width..rows.end * width;
        let targets = match self.loss {
            Loss::SoftmaxCrossEntropy => Targets::Classes(&self.classes[rows]),
            Loss::Mse(_) => Targets::Values(&self.values[outputs.clone()]),
        };
        match gradient {
            Gradient::Wanted => {
                let (y, grad) = self.stages.output_and_grad();
                self.loss.sums(
                    &y[outputs.clone()],
                    width,
                    targets,
                    Some(&mut grad[outputs]),
                )
            }
            Gradient::No => self
                .loss
                .sums(&self.stages.output()[outputs], width, targets, None),
        }
    }

    /// Computes the nodes listed in `self.nodes` (ranges of shards of the block `shards`) at once.
    fn block(&mut self, fold: &mut Fold<'_>, shards: Range<usize>, to: Option<&mut [f32]>) {
        fold.enter(shards.clone());
        let batch = fold.batch();
        let (first, last) = (fold.shard(shards.start), fold.shard(shards.end - 1));
        let positions = first.first..last.first + last.rows.len();
        self.forward(batch.source, &batch.rows()[positions.clone()]);
        self.cuts.clear();
        for index in shards {
            let shard = fold.shard(index);
            let start = shard.first - positions.start;
            self.cuts.push(start..start + shard.rows.len());
            let sums = self.loss(start..start + shard.rows.len(), Gradient::Wanted);
            fold.set_sums(index, sums);
        }
        let parts = (&self.cuts[..], &self.nodes[..]);
        match to {
            Some(grad) => self.stages.backward(&self.params, parts, &mut Single(grad)),
            None => self.stages.backward(&self.params, parts, &mut Own(fold)),
        }
    }

    /// Computes one node of the tree into `to`, in as many blocks as it takes.
    fn node(&mut self, fold: &mut Fold<'_>, node: Range<usize>, to: &mut [f32]) {
        let rows: usize = node.clone().map(|index| fold.shard(index).rows.len()).sum();
        if rows <= BLOCK_ROWS {
            self.nodes.clear();
            self.nodes.push(0..node.len());
            self.block(fold, node, Some(to));
        } else if node.len() == 1 {
            fold.enter(node.clone());
            let sums = self.whole_shard(&fold.shard(node.start), to);
            fold.set_sums(node.start, sums);
        } else {
            let middle = node.start + node.len().next_power_of_two() / 2;
            self.node(fold, node.start..middle, to);
            let mut right = self.levels.pop().unwrap_or_default();
            right.resize(to.len(), 0.0);
            self.node(fold, middle..node.end, &mut right);
            add(to, &right);
            self.levels.push(right);
        }
    }

    /// One shard's gradient into `to`: a chain of blocks, if it takes more than one.
    fn whole_shard(&mut self, shard: &Shard<'_>, to: &mut [f32]) -> Sums {
        let blocks = shard.rows.len().div_ceil(BLOCK_ROWS).max(1);
        let mut sums = Sums::default();
        let mut more = self.levels.pop().unwrap_or_default();
        for block in 0..blocks {
            let rows = &shard.rows[part(shard.rows.len(), blocks, block)];
            self.forward(shard.batch.source, rows);
            sums += self.loss(0..rows.len(), Gradient::Wanted);
            let whole = 0..rows.len();
            let parts = (std::slice::from_ref(&whole), std::slice::from_ref(&(0..1)));
            if block == 0 {
                self.stages.backward(&self.params, parts, &mut Single(to));
            } else {
                more.resize(to.len(), 0.0);
                self.stages
                    .backward(&self.params, parts, &mut Single(&mut more));
                add(to, &more);
            }
        }
        self.levels.push(more);
        sums
    }
}

impl<S: RowSource> Replica for NetworkReplica<S> {
    fn num_params(&self) -> usize {
        self.params.len()
    }

    fn load_params(&mut self, offset: usize, values: &[f32]) {
        self.params[offset..offset + values.len()].copy_from_slice(values);
        self.stages.params_changed();
    }

    fn add_loss_and_grad(&mut self, shard: &Shard<'_>, grad: &mut [f32]) -> Sums {
        let mut own = self.levels.pop().unwrap_or_default();
        own.resize(grad.len(), 0.0);
        let sums = self.whole_shard(shard, &mut own);
        add(grad, &own);
        self.levels.push(own);
        sums
    }

    fn evaluate(&mut self, shard: &Shard<'_>) -> Sums {
        let mut sums = Sums::default();
        for rows in shard.rows.chunks(BLOCK_ROWS) {
            self.forward(shard.batch.source, rows);
            sums += self.loss(0..rows.len(), Gradient::No);
        }
        sums
    }

    fn fold(&mut self, fold: &mut Fold<'_>) {
        let shards = fold.shards();
        let rows: usize = shards
            .clone()
            .map(|index| fold.shard(index).rows.len())
            .sum();
        let nodes = fold.nodes();
        if shards.is_empty() {
        } else if rows <= BLOCK_ROWS {
            self.nodes.clear();
            self.nodes.extend(
                nodes
                    .iter()
                    .map(|node| node.start - shards.start..node.end - shards.start),
            );
            self.block(fold, shards, None);
        } else {
            for (which, node) in nodes.iter().enumerate() {
                let mut grad = self.levels.pop().unwrap_or_default();
                grad.resize(self.params.len(), 0.0);
                self.node(fold, node.clone(), &mut grad);
                fold.grad(which).copy_from_slice(&grad);
                self.levels.push(grad);
            }
        }
    }
}

/// Whether the loss's gradient is computed too.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Gradient {
    Wanted,
    No,
}

/// A single node's gradient.
struct Single<'a>(&'a mut [f32]);

impl Destinations for Single<'_> {
    fn grad(&mut self, _which: usize) -> &mut [f32] {
        self.0
    }
}

/// The worker's own gradient buffers.
struct Own<'f, 'a>(&'f mut Fold<'a>);

impl Destinations for Own<'_, '_> {
    fn grad(&mut self, which: usize) -> &mut [f32] {
        self.0.grad(which)
    }
}

fn add(left: &mut [f32], right: &[f32]) {
    left.iter_mut().zip(right).for_each(|(l, r)| *l += r);
}
