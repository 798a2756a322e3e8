//! Dense layers whose weight gradients are left to the workers that own their parameters.
//!
//! # Why this way
//! With 64 rows a worker, the gradient of a 1024 x 1024 weight is 32 times the memory of the rows
//! that it is made of, and each worker would write all of it, for others to read and add. From
//! everyone's rows an owner makes its part at once, with as many multiplications. A layer is
//! factored where that moves less memory, and only if nearly all parameters are: owners of others
//! would have nothing to compute meanwhile.

use std::ops::Range;

use crate::engine::{Combination, StepShape, part};
use crate::nn::core::FactorShape;

use super::blocks::Blocks;
use crate::nn::kernel::{
    Arithmetic, Buffer, Ones, Packed, Precision, Side, Strided, fold_products,
};

/// A gradient must be so many times as large as its factors.
const TIMES: usize = 2;

/// Fewer parameters are not worth the messages.
const FEWEST: usize = 1 << 16;

/// A model's layers that can be factored, and the work of an owner.
#[derive(Debug)]
pub(super) struct Factored {
    layers: Vec<(Range<usize>, FactorShape)>,
    num_params: usize,
    /// Of the step at hand.
    ranges: Vec<Range<usize>>,
    shapes: Vec<FactorShape>,
    /// The range whose dy is packed.
    packed: Option<usize>,
    arithmetic: Arithmetic,
    left: Packed,
    right: Packed,
    /// Of the step at hand: each shard's positions, and its steps in the operands.
    shards: Vec<Range<usize>>,
    steps: Vec<Range<usize>>,
    /// What is packed together: all that a worker has, or where no pair may have values of two
    /// shards, a shard.
    cuts: Vec<Cut>,
    row: Buffer,
}

impl Factored {
    pub(super) fn new(
        layers: Vec<(Range<usize>, FactorShape)>,
        num_params: usize,
        arithmetic: Arithmetic,
    ) -> Self {
        Self {
            layers,
            num_params,
            ranges: Vec::new(),
            shapes: Vec::new(),
            packed: None,
            arithmetic,
            left: Packed::new(arithmetic),
            right: Packed::new(arithmetic),
            shards: Vec::new(),
            steps: Vec::new(),
            cuts: Vec::new(),
            row: Buffer::default(),
        }
    }

    /// The ranges that are factored in a step.
    pub(super) fn choose(&mut self, shape: StepShape<'_>, blocks: &Blocks) -> &[Range<usize>] {
        self.packed = None;
        self.ranges.clear();
        self.shapes.clear();
        for (range, layer) in &self.layers {
            let factors = shape.rows * layer.positions * (layer.inputs + layer.outputs);
            if range.len() >= FEWEST.max(TIMES * factors) {
                self.ranges.push(range.clone());
                self.shapes.push(*layer);
            }
        }
        let chosen: usize = self.ranges.iter().map(Range::len).sum();
        // Layers see all rows of a worker at once only if these are one block.
        let largest = shape.rows.div_ceil(shape.assignment.num_shards());
        let most = shape.assignment.counts().max().unwrap_or(0) * largest;
        if 10 * chosen < 9 * self.num_params || most > blocks.node_rows(largest) {
            self.ranges.clear();
        }
        &self.ranges
    }

    /// Writes the gradient of a part of a range.
    pub(super) fn combine(&mut self, part: &Combination<'_>, mut grad: &mut [f32]) {
        let outputs = self.shapes[part.which].outputs;
        self.pack_right(part);
        let mut at = part.params.start;
        while at < part.params.end {
            let (row, column) = (at / outputs, at % outputs);
            let rows = (part.params.end - at) / outputs;
            let own = if column == 0 && rows > 0 {
                let own = grad.split_off_mut(..rows * outputs).expect("whole rows");
                self.fold(part, row..row + rows, own);
                own
            } else {
                let columns = column..outputs.min(column + part.params.end - at);
                let own = grad.split_off_mut(..columns.len()).expect("a part of one");
                let mut whole = std::mem::take(&mut self.row);
                self.fold(part, row..row + 1, whole.grow(outputs));
                own.copy_from_slice(&whole[columns]);
                self.row = whole;
                own
            };
            at += own.len();
        }
    }

    /// Packs everyone's dy, unless it is.
    fn pack_right(&mut self, part: &Combination<'_>) {
        if self.packed.replace(part.which) == Some(part.which) {
            return;
        }
        let layer = self.shapes[part.which];
        let (inputs, outputs) = (layer.inputs, layer.outputs);
        let num_shards = part.shape.assignment.num_shards();
        let shards = (0..num_shards).map(|shard| {
            let rows = self::part(part.shape.rows, num_shards, shard);
            rows.start * layer.positions..rows.end * layer.positions
        });
        self.shards.clear();
        self.shards.extend(shards);
        self.arithmetic.steps_of(&self.shards, &mut self.steps);
        self.cut(part, layer.positions);
        let pieces = pieces(part, layer.positions, &self.cuts);
        let mut dy = pieces.map(|piece| {
            let first = piece.all * inputs + piece.rows.start * outputs;
            Strided::across(&piece.factors[first..], piece.rows.len(), outputs)
        });
        let depth = num_steps(&self.steps);
        self.right
            .pack_stacked(Side::Right, outputs, depth, &mut dy, Ones::None);
    }

    /// Cuts the positions of all workers.
    fn cut(&mut self, part: &Combination<'_>, positions: usize) {
        self.cuts.clear();
        for worker in 0..part.shape.workers() {
            let rows = part.shape.worker_rows(worker);
            let own = rows.start * positions..rows.end * positions;
            let cut = |positions| Cut { worker, positions };
            match self.arithmetic.precision {
                Precision::F32 => self.cuts.push(cut(own)),
                _ => {
                    let shards = self.shards.iter().cloned();
                    let lies_within =
                        |shard: &Range<usize>| own.start <= shard.start && shard.end <= own.end;
                    self.cuts.extend(shards.filter(lies_within).map(cut));
                }
            }
        }
        self.cuts.retain(|cut| !cut.positions.is_empty());
    }

    /// Rows `rows` of the gradient, of which the last one belongs to the bias.
    fn fold(&mut self, part: &Combination<'_>, rows: Range<usize>, to: &mut [f32]) {
        let layer = self.shapes[part.which];
        let lanes = rows.end.min(layer.inputs) - rows.start;
        let pieces = pieces(part, layer.positions, &self.cuts);
        let mut x = pieces.map(|piece| Strided {
            data: &piece.factors[piece.rows.start * layer.inputs + rows.start..],
            lanes,
            depth: piece.rows.len(),
            lane_stride: 1,
            depth_stride: layer.inputs,
        });
        let ones = if rows.end > layer.inputs {
            Ones::Row
        } else {
            Ones::None
        };
        let depth = num_steps(&self.steps);
        self.left
            .pack_stacked(Side::Left, lanes, depth, &mut x, ones);
        fold_products(to, &self.left, &self.right, &self.steps);
    }
}

/// Steps of all shards.
fn num_steps(steps: &[Range<usize>]) -> usize {
    steps.last().map_or(0, |last| last.end)
}

/// Positions whose factors are packed together: of one worker.
#[derive(Debug)]
struct Cut {
    worker: usize,
    /// Among the batch's.
    positions: Range<usize>,
}

/// Factors of a cut's positions.
struct Piece<'a> {
    /// The worker's inputs, row by row, and behind them the gradients of its outputs.
    factors: &'a [f32],
    /// All its positions.
    all: usize,
    /// Those that are meant.
    rows: Range<usize>,
}

/// The factors of each of `cuts`.
fn pieces<'a>(
    part: &'a Combination<'_>,
    positions: usize,
    cuts: &'a [Cut],
) -> impl Iterator<Item = Piece<'a>> {
    cuts.iter().map(move |cut| {
        let own = part.shape.worker_rows(cut.worker);
        let first = own.start * positions;
        Piece {
            factors: part.factors(cut.worker),
            all: own.len() * positions,
            rows: cut.positions.start - first..cut.positions.end - first,
        }
    })
}
