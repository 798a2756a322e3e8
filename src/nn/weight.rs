//! A matrix of parameters at work, in both directions: dense, recurrent and attention layers and tied embeddings are
//! made of it.
//!
//! # Why this way
//! A weight that many products of a step use is packed once for each direction and kept. One that meets its rows once a
//! step, and few of them, costs more to pack than to use: packing took a fifth of the step of `mlp` at batch 128 on two
//! threads, since every worker packs all of it (2026-11, Zen 4). So its forward product packs a few columns at a time,
//! which stay in L2, and its backward product takes the weights as the left operand, read where they lie, and
//! transposes the few rows instead: `dX' = W dY'`. The bits are the same: each element is the same chain.

use std::ops::Range;

use super::grads::Grads;
use super::kernel::{
    Bias, Isa, Ones, Out, Packed, PackedOnce, Rows, Side, Strided, fold_products,
    fold_products_with_squares, product_of_rows, transpose,
};
use super::layer::{Pass, blocks};

/// More rows than these pay for packing the whole weight.
const FEW_ROWS: usize = 256;

/// Columns that are packed at a time: 128 x 1024 values are 512 KiB.
const COLUMNS: usize = 128;

/// A matrix of parameters at work.
#[derive(Debug)]
pub(super) struct Weight {
    /// Rows (inputs) and columns (outputs).
    pub(super) shape: (usize, usize),
    forward: PackedOnce,
    backward: PackedOnce,
    left: Packed,
    right: Packed,
    is_used_once: bool,
    transposed: Vec<f32>,
    /// Of the shards' gradients, where they are wanted.
    squares: Vec<f64>,
    column_squares: Vec<f32>,
}

impl Weight {
    pub(super) fn new(shape: (usize, usize), isa: Isa) -> Self {
        Self {
            shape,
            forward: PackedOnce::new(isa),
            backward: PackedOnce::new(isa),
            left: Packed::new(isa),
            right: Packed::new(isa),
            is_used_once: false,
            transposed: Vec::new(),
            squares: Vec::new(),
            column_squares: Vec::new(),
        }
    }

    /// Says that one product in each direction is all that a step asks for.
    pub(super) fn used_once(self) -> Self {
        Self {
            is_used_once: true,
            ..self
        }
    }

    /// Its number of parameters.
    pub(super) fn len(&self) -> usize {
        self.shape.0 * self.shape.1
    }

    /// Forgets the packed weights.
    pub(super) fn params_changed(&mut self) {
        self.forward.outdate();
        self.backward.outdate();
    }

    /// `y = bias + x W`, for as many rows as `x` holds.
    pub(super) fn forward(&mut self, weight: &[f32], x: &[f32], y: &mut [f32], bias: Bias<'_>) {
        let (inputs, outputs) = self.shape;
        let x = Rows::dense(x, inputs);
        self.forward_strided(weight, x, Out::dense(y, outputs), bias);
    }

    /// The same for rows that lie apart.
    pub(super) fn forward_strided(
        &mut self,
        weight: &[f32],
        x: Rows<'_>,
        y: Out<'_>,
        bias: Bias<'_>,
    ) {
        let (inputs, outputs) = self.shape;
        let weight = Strided::across(weight, inputs, outputs);
        if self.is_used_once && x.count <= FEW_ROWS {
            return self.forward_by_columns(weight, x, y, bias);
        }
        let packed = self
            .forward
            .get(|packed| packed.pack(Side::Right, weight, Ones::None));
        product_of_rows(y, x, packed, bias);
    }

    /// `dx = bias + dy W'`.
    pub(super) fn backward(&mut self, weight: &[f32], dy: &[f32], dx: &mut [f32], bias: Bias<'_>) {
        let (inputs, outputs) = self.shape;
        let dy = Rows::dense(dy, outputs);
        self.backward_strided(weight, dy, Out::dense(dx, inputs), bias);
    }

    /// The same for rows that lie apart.
    pub(super) fn backward_strided(
        &mut self,
        weight: &[f32],
        dy: Rows<'_>,
        dx: Out<'_>,
        bias: Bias<'_>,
    ) {
        let (inputs, outputs) = self.shape;
        let is_small = dy.count <= FEW_ROWS.min(inputs / 2);
        if self.is_used_once && is_small && matches!(bias, Bias::Zero) {
            return self.backward_transposed(weight, dy, dx);
        }
        let weight = Strided::along(weight, inputs, outputs);
        let packed = self
            .backward
            .get(|packed| packed.pack(Side::Right, weight, Ones::None));
        product_of_rows(dx, dy, packed, bias);
    }

    /// `y = bias + x W`, a few columns of W packed at a time.
    fn forward_by_columns(&mut self, weight: Strided<'_>, x: Rows<'_>, y: Out<'_>, bias: Bias<'_>) {
        for columns in blocks(weight.lanes, COLUMNS) {
            let first = columns.start;
            let block = Strided {
                data: &weight.data[first..],
                lanes: columns.len(),
                ..weight
            };
            self.right.pack(Side::Right, block, Ones::None);
            let bias = match bias {
                Bias::Columns(values) => Bias::Columns(&values[columns]),
                bias => bias,
            };
            let part = Out {
                data: &mut y.data[first..],
                stride: y.stride,
            };
            product_of_rows(part, x, &self.right, bias);
        }
    }

    /// `dx = (W dy')'`.
    fn backward_transposed(&mut self, weight: &[f32], dy: Rows<'_>, dx: Out<'_>) {
        let (inputs, outputs) = self.shape;
        let lanes = Strided {
            data: dy.data,
            lanes: dy.count,
            depth: outputs,
            lane_stride: dy.stride,
            depth_stride: 1,
        };
        self.right.pack(Side::Right, lanes, Ones::None);
        self.transposed.resize(inputs * dy.count, 0.0);
        let weight = Rows::dense(weight, outputs);
        let transposed = Out::dense(&mut self.transposed, dy.count);
        product_of_rows(transposed, weight, &self.right, Bias::Zero);
        transpose(dx, &self.transposed, dy.count);
    }

    /// `dW = x' dy`, and with a row of ones the column sums of dy behind it, for every node; `shards` are ranges of
    /// the rows of `x` and `dy`.
    pub(super) fn gradient(
        &mut self,
        (x, dy): (&[f32], &[f32]),
        (ones, pass, shards): (Ones, &Pass<'_>, &[Range<usize>]),
        grads: &mut Grads<'_>,
    ) {
        let (inputs, outputs) = self.shape;
        let rows = dy.len() / outputs;
        self.left
            .pack(Side::Left, Strided::across(x, rows, inputs), ones);
        self.right
            .pack(Side::Right, Strided::across(dy, rows, outputs), Ones::None);
        let operands = (&self.left, &self.right);
        for (which, node) in pass.nodes.iter().enumerate() {
            let own = &shards[node.clone()];
            if !grads.wants_squares() {
                fold_products(grads.node(which), operands.0, operands.1, own);
                continue;
            }
            self.squares.clear();
            self.squares.resize(own.len(), 0.0);
            let squares = (&mut self.squares[..], &mut self.column_squares);
            fold_products_with_squares(grads.node(which), operands, own, squares);
            for (shard, &square) in node.clone().zip(&self.squares) {
                grads.add_square(shard, || square);
            }
        }
    }
}
