//! A matrix of parameters at work, in both directions: dense, recurrent and attention layers and tied embeddings are
//! made of it.
//!
//! # Why this way
//! A weight that meets many rows in a step is packed once for each direction and kept. One that meets few costs more to
//! pack than to use: packing took a fifth of the step of `mlp` at batch 128 on two threads, since every worker packs
//! all of it (2026-11, Zen 4). So its forward product packs a few columns at a time, which stay in L2, and its backward
//! product takes the weights as the left operand, read where they lie, and transposes the few rows instead: `dX' = W dY'`.
//! How many rows it will meet it takes from the step before. The bits are the same: each element is the same chain.

use std::ops::Range;

use super::grads::Grads;
use super::kernel::{
    Bias, Isa, Ones, Out, Packed, PackedOnce, Rows, Side, Strided, product_of_rows, transpose,
};
use super::layer::{Pass, blocks};

/// More rows in a step than these pay for packing the whole weight.
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
    forward_rows: RowsMet,
    backward_rows: RowsMet,
    /// A few columns of the weight, or the few rows.
    part: Packed,
    transposed: Vec<f32>,
}

/// How many rows a direction meets while the parameters stay.
#[derive(Debug, Default)]
struct RowsMet {
    now: usize,
    before: usize,
}

impl RowsMet {
    /// Whether they are at most `most`, by what came so far and before, with `count` more.
    fn are_few(&mut self, count: usize, most: usize) -> bool {
        self.now += count;
        self.now.max(self.before) <= most
    }

    fn params_changed(&mut self) {
        if self.now > 0 {
            (self.before, self.now) = (self.now, 0);
        }
    }
}

impl Weight {
    pub(super) fn new(shape: (usize, usize), isa: Isa) -> Self {
        Self {
            shape,
            forward: PackedOnce::new(isa),
            backward: PackedOnce::new(isa),
            forward_rows: RowsMet::default(),
            backward_rows: RowsMet::default(),
            part: Packed::new(isa),
            transposed: Vec::new(),
        }
    }

    /// Its number of parameters.
    pub(super) fn len(&self) -> usize {
        self.shape.0 * self.shape.1
    }

    /// Bytes that [`Weight::gradient`] borrows for a row.
    pub(super) fn workspace_per_row(&self) -> usize {
        4 * (self.shape.0 + self.shape.1)
    }

    /// Forgets the packed weights.
    pub(super) fn params_changed(&mut self) {
        self.forward.outdate();
        self.backward.outdate();
        self.forward_rows.params_changed();
        self.backward_rows.params_changed();
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
        if self.forward_rows.are_few(x.count, FEW_ROWS) {
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
        let most = FEW_ROWS.min(inputs / 2);
        if self.backward_rows.are_few(dy.count, most) && matches!(bias, Bias::Zero) {
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
            self.part.pack(Side::Right, block, Ones::None);
            let bias = match bias {
                Bias::Columns(values) => Bias::Columns(&values[columns]),
                bias => bias,
            };
            let part = Out {
                data: &mut y.data[first..],
                stride: y.stride,
            };
            product_of_rows(part, x, &self.part, bias);
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
        self.part.pack(Side::Right, lanes, Ones::None);
        self.transposed.resize(inputs * dy.count, 0.0);
        let weight = Rows::dense(weight, outputs);
        let transposed = Out::dense(&mut self.transposed, dy.count);
        product_of_rows(transposed, weight, &self.part, Bias::Zero);
        transpose(dx, &self.transposed, dy.count);
    }

    /// `dW = x' dy`, and with a row of ones the column sums of dy behind it, for every node; `shards` are ranges of
    /// the rows of `x` and `dy`.
    pub(super) fn gradient(
        &self,
        (x, dy): (&[f32], &[f32]),
        parts: (Ones, &Pass<'_>, &[Range<usize>]),
        grads: &mut Grads<'_>,
    ) {
        let (inputs, outputs) = self.shape;
        let rows = dy.len() / outputs;
        let (x, dy) = (
            Strided::across(x, rows, inputs),
            Strided::across(dy, rows, outputs),
        );
        grads.fold_products((x, dy), parts);
    }
}
