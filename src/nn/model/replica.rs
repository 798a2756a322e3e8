//! A network as the engine sees it: one replica a worker.
//!
//! # How a worker's shards are folded
//! All of them run forward and backward as one block; each layer's weight gradient is folded shard
//! by shard in cache (`kernel::fold`). Where they are more rows than a block holds (2,048, or fewer
//! where their activations would take more than 64 or 256 MiB; see `blocks`), nodes of the tree are
//! computed one after another and added whole, and a shard that is larger by itself is a chain of
//! blocks: memory does not grow with the batch. What is cut where depends on the shards alone, so
//! it changes no bit between thread counts. A shard whose rows depend on each other (batch norm) is
//! never cut.

use std::ops::Range;
use std::sync::Arc;

use crate::engine::{Combination, Fold, Phase, Replica, Shard, StepShape, Sums, part, split_point};
use crate::nn::core::{BlockContext, Layer, Mode, TensorSpec, Workspace};
use crate::nn::error::NnError;
use crate::nn::layers::Sequential;

use super::blocks::Blocks;
use super::destinations::{Own, Single, trained_square};
use super::factored::Factored;
use super::kept_outputs::KeptOutputs;
use super::model_state::{Gradient, ModelState};
use super::row_source::RowSource;
use crate::nn::kernel::{Buffer, Isa, elementwise::add};
use crate::nn::loss::{Criterion, TargetKind, TargetsMut, odd_sums};
use crate::sync::{AtomicBool, Ordering};

/// What a replica computes besides its model.
///
/// Example: [`NetworkReplica`].
#[derive(Clone, Debug)]
pub struct ReplicaSettings {
    /// The loss.
    pub loss: Arc<dyn Criterion>,
    /// The instruction set of the kernels.
    pub isa: Isa,
    /// The seed of dropout.
    pub seed: u64,
}

/// A network with rows from `S`, and memory for what it computes.
///
/// ```
/// # use unisono::{data::digits, engine::Replica, train::Sources};
/// # use unisono::nn::{Loss, NetworkReplica, ReplicaSettings, Sequential, Isa};
/// let ((train, test), model) = (digits(), Sequential::new(64).dense(10));
/// let settings = ReplicaSettings { loss: Loss::SoftmaxCrossEntropy.into(), isa: Isa::detect(), seed: 42 };
/// let replica = NetworkReplica::new(&model, settings, Sources([&train, &test]))?;
/// assert_eq!(replica.num_params(), 650);
/// # Ok::<(), unisono::nn::NnError>(())
/// ```
#[derive(Debug)]
pub struct NetworkReplica<S> {
    source: S,
    settings: ReplicaSettings,
    num_params: usize,
    state: ModelState,
    blocks: Blocks,
    factored: Factored,
    nodes: Vec<Range<usize>>,
    cuts: Vec<Range<usize>>,
    levels: Vec<Buffer>,
    squares: Vec<f64>,
    statistics: Vec<Range<usize>>,
    /// Whoever ends a training sets it, evaluations read it. It publishes nothing.
    stop: Option<Arc<AtomicBool>>,
    /// Where evaluations leave the outputs of their rows.
    kept: Option<Arc<KeptOutputs>>,
}

impl<S: RowSource> NetworkReplica<S> {
    /// A replica of `model` that reads its rows from `source`.
    ///
    /// # Errors
    /// Those of [`Sequential::layout`].
    pub fn new(model: &Sequential, settings: ReplicaSettings, source: S) -> Result<Self, NnError> {
        let layer = model.build_layer(settings.isa)?;
        let widths = (model.inputs(), layer.output().len());
        let len = layer.tensors().iter().map(TensorSpec::len).sum();
        let kind = settings.loss.target_kind(layer.output());
        // What a row takes decides how many go at once.
        let properties = layer.properties();
        let own_bytes = properties.bytes_per_row + properties.workspace_per_row;
        let bytes = own_bytes + 4 * (widths.0 + 2 * widths.1);
        let arithmetic = model.arithmetic(settings.isa);
        let workspace = Workspace::new(arithmetic);
        Ok(Self {
            source,
            settings,
            num_params: len,
            blocks: Blocks::new(bytes, len, properties.fewest_rows),
            factored: Factored::new(layer.factors(), len, arithmetic),
            state: ModelState {
                kind,
                layer,
                workspace,
                widths,
                x: Buffer::default(),
                y: Buffer::default(),
                dy: Buffer::default(),
                classes: Vec::new(),
                values: Buffer::default(),
                weights: Vec::new(),
                is_weighted: false,
                model: model.clone(),
                mask: Vec::new(),
            },
            nodes: Vec::new(),
            cuts: Vec::new(),
            levels: Vec::new(),
            squares: Vec::new(),
            statistics: model.layout()?.statistics().collect(),
            stop: None,
            kept: None,
        })
    }

    /// Lets evaluations end within a block of rows once `stop` is set: nobody may use their sums. They
    /// leave the outputs of their rows in `kept`.
    pub(crate) fn evaluating(
        mut self,
        stop: Option<Arc<AtomicBool>>,
        kept: Option<Arc<KeptOutputs>>,
    ) -> Self {
        (self.stop, self.kept) = (stop, kept);
        self
    }

    fn is_stopped(&self) -> bool {
        // Relaxed: a flag that publishes nothing; whoever asked for the sums reads it once more.
        let is_set = |stop: &Arc<AtomicBool>| stop.load(Ordering::Relaxed);
        self.stop.as_ref().is_some_and(is_set)
    }

    /// Gathers rows and runs them forward.
    fn forward(&mut self, params: &[f32], source: usize, rows: &[u32], context: &BlockContext<'_>) {
        let state = &mut self.state;
        let n = rows.len();
        let inputs = state.x.grow(n * state.widths.0);
        let targets = match state.kind {
            TargetKind::Classes { per_row, .. } => {
                state.classes.resize(n * per_row, 0);
                TargetsMut::Classes(&mut state.classes)
            }
            TargetKind::Values(width) => TargetsMut::Values(state.values.grow(n * width)),
        };
        self.source
            .gather(source, context.epoch, rows, inputs, targets);
        state.weights.resize(n, 1.0);
        state.is_weighted = self.source.weigh(source, rows, &mut state.weights);
        let x = &state.x[..n * state.widths.0];
        let y = state.y.grow(n * state.widths.1);
        state.model.mask(x, &mut state.mask);
        let context = BlockContext {
            mask: state.model.has_padding().then_some(&state.mask),
            ..*context
        };
        state.layer.forward(&context, params, x, y);
    }

    /// The loss of rows `rows` of the block; with `Gradient::Wanted`, its gradient is left in `dy`.
    fn loss(&mut self, rows: Range<usize>, gradient: Gradient) -> Sums {
        let criterion = &*self.settings.loss;
        let sums = self.state.loss(criterion, rows, gradient);
        if let Some(problem) = odd_sums(&sums) {
            panic!("the loss {} {problem}", criterion.name());
        }
        sums
    }

    /// `rows` rows from where `shard` begins in the step's batch.
    fn context<'p>(
        &self,
        shard: &Shard<'_>,
        rows: usize,
        shards: &'p [Range<usize>],
        nodes: &'p [Range<usize>],
    ) -> BlockContext<'p> {
        BlockContext {
            mode: Mode::Train,
            rows,
            first: shard.first,
            shards,
            nodes,
            seed: self.settings.seed,
            step: shard.batch.step,
            epoch: shard.batch.epoch,
            all_gather: None,
            mask: None,
        }
    }

    /// Computes the nodes listed in `self.nodes` (ranges of shards of the block `shards`) at once.
    fn block(&mut self, fold: &mut Fold<'_>, shards: Range<usize>, to: Option<&mut [f32]>) {
        fold.enter(shards.clone());
        let batch = fold.batch();
        let first = fold.shard(shards.start);
        let rows: usize = shards
            .clone()
            .map(|index| fold.shard(index).rows.len())
            .sum();
        let positions = first.first..first.first + rows;
        let (mut cuts, nodes) = (
            std::mem::take(&mut self.cuts),
            std::mem::take(&mut self.nodes),
        );
        // The shards' rows within the block.
        cuts.clear();
        cuts.extend(shards.clone().map(|index| {
            let shard = fold.shard(index);
            let start = shard.first - positions.start;
            start..start + shard.rows.len()
        }));
        let context = BlockContext {
            all_gather: Some(fold.all_gather()),
            ..self.context(&first, positions.len(), &cuts, &nodes)
        };
        // Forward, and each shard's loss.
        let params = fold.params();
        self.forward(params, batch.source, &batch.rows()[positions], &context);
        fold.lap(Phase::Forward);
        let own = shards.clone();
        for (rows, index) in cuts.iter().zip(shards) {
            let sums = self.loss(rows.clone(), Gradient::Wanted);
            fold.set_sums(index, sums);
        }
        // Backward, with the squares of the shards' gradients where they are wanted.
        let mut squares = std::mem::take(&mut self.squares);
        squares.clear();
        squares.resize(if fold.tracks_squares() { cuts.len() } else { 0 }, 0.0);
        match to {
            Some(grad) => self
                .state
                .backward(params, &context, &mut Single(grad, &mut squares)),
            None => {
                let own = &mut Own(fold, &mut squares);
                self.state.backward(params, &context, own);
            }
        }
        for (&square, index) in squares.iter().zip(own) {
            fold.set_grad_square(index, square);
        }
        self.squares = squares;
        fold.lap(Phase::Backward);
        (self.cuts, self.nodes) = (cuts, nodes);
    }

    /// Computes one node of the tree into `to`, in as many blocks of at most `most` rows as it
    /// takes.
    fn node(&mut self, fold: &mut Fold<'_>, node: Range<usize>, most: usize, to: &mut [f32]) {
        let rows: usize = node.clone().map(|index| fold.shard(index).rows.len()).sum();
        if rows <= most || (node.len() == 1 && rows <= self.blocks.rows) {
            self.nodes.clear();
            self.nodes.push(0..node.len());
            self.block(fold, node, Some(to));
        } else if node.len() == 1 {
            fold.enter(node.clone());
            let shard = fold.shard(node.start);
            let params = fold.params();
            let sums = self.whole_shard(params, &shard, to, &mut |phase| fold.lap(phase));
            if fold.tracks_squares() {
                fold.set_grad_square(node.start, trained_square(to, &self.statistics));
            }
            fold.set_sums(node.start, sums);
        } else {
            let middle = node.start + split_point(node.len());
            self.node(fold, node.start..middle, most, to);
            let mut right = self.levels.pop().unwrap_or_default();
            let own = right.grow(to.len());
            self.node(fold, middle..node.end, most, own);
            add(to, own);
            fold.lap(Phase::Fold);
            self.levels.push(right);
        }
    }

    /// One shard's gradient into `to`: a chain of blocks, if it takes more than one. Tells `lap`
    /// what is over.
    fn whole_shard(
        &mut self,
        params: &[f32],
        shard: &Shard<'_>,
        to: &mut [f32],
        lap: &mut dyn FnMut(Phase),
    ) -> Sums {
        let blocks = if self.state.layer.properties().has_cross_row_stats {
            1
        } else {
            shard.rows.len().div_ceil(self.blocks.rows).max(1)
        };
        // The first block writes the gradient, the others add theirs.
        let mut sums = Sums::default();
        let mut more = self.levels.pop().unwrap_or_default();
        for block in 0..blocks {
            let range = part(shard.rows.len(), blocks, block);
            let rows = &shard.rows[range.clone()];
            let (whole, one) = (0..rows.len(), 0..1);
            let (shards, nodes) = (std::slice::from_ref(&whole), std::slice::from_ref(&one));
            let mut context = self.context(shard, rows.len(), shards, nodes);
            context.first += range.start;
            self.forward(params, shard.batch.source, rows, &context);
            lap(Phase::Forward);
            sums += self.loss(0..rows.len(), Gradient::Wanted);
            if block == 0 {
                self.state
                    .backward(params, &context, &mut Single(to, &mut []));
            } else {
                let more = more.grow(to.len());
                self.state
                    .backward(params, &context, &mut Single(more, &mut []));
                add(to, more);
            }
            lap(Phase::Backward);
        }
        self.levels.push(more);
        sums
    }
}

impl<S: RowSource> Replica for NetworkReplica<S> {
    fn num_params(&self) -> usize {
        self.num_params
    }

    fn params_changed(&mut self) {
        self.state.layer.params_changed();
    }

    fn add_loss_and_grad(&mut self, params: &[f32], shard: &Shard<'_>, grad: &mut [f32]) -> Sums {
        let mut level = self.levels.pop().unwrap_or_default();
        let own = level.grow(grad.len());
        let sums = self.whole_shard(params, shard, own, &mut |_| ());
        add(grad, own);
        self.levels.push(level);
        sums
    }

    fn evaluate(&mut self, params: &[f32], shard: &Shard<'_>) -> Sums {
        let mut sums = Sums::default();
        for rows in shard.rows.chunks(self.blocks.rows) {
            if self.is_stopped() {
                break;
            }
            let mut context = self.context(shard, rows.len(), &[], &[]);
            context.mode = Mode::Evaluate;
            self.forward(params, shard.batch.source, rows, &context);
            let outputs = &self.state.y[..rows.len() * self.state.widths.1];
            self.kept.iter().for_each(|kept| kept.keep(rows, outputs));
            sums += self.loss(0..rows.len(), Gradient::No);
        }
        sums
    }

    fn is_stateful(&self) -> bool {
        self.state.layer.properties().is_stateful
    }

    fn factored(&mut self, shape: StepShape<'_>) -> &[Range<usize>] {
        self.factored.choose(shape, &self.blocks)
    }

    fn combine(&mut self, part: &Combination<'_>, grad: &mut [f32]) {
        self.factored.combine(part, grad);
    }

    fn fold(&mut self, fold: &mut Fold<'_>) {
        let shards = fold.shards();
        let sizes = shards.clone().map(|index| fold.shard(index).rows.len());
        let most = self.blocks.node_rows(sizes.clone().max().unwrap_or(0));
        let rows: usize = sizes.sum();
        let nodes = fold.nodes();
        let has_batch_stats = self.state.layer.properties().has_batch_stats;
        if shards.is_empty() && !has_batch_stats {
            return;
        }
        if rows <= most || has_batch_stats {
            // All nodes at once.
            self.nodes.clear();
            self.nodes.extend(
                nodes
                    .iter()
                    .map(|node| node.start - shards.start..node.end - shards.start),
            );
            self.block(fold, shards, None);
        } else {
            // One node after another.
            for (which, node) in nodes.iter().enumerate() {
                let mut level = self.levels.pop().unwrap_or_default();
                let grad = level.grow(self.num_params);
                self.node(fold, node.clone(), most, grad);
                fold.grad(which).copy_from_slice(grad);
                fold.lap(Phase::Fold);
                self.levels.push(level);
            }
        }
    }
}
