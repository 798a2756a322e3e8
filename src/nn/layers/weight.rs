//! A matrix of parameters at work, in both directions: dense, recurrent and attention layers and
//! tied embeddings are made of it.
//!
//! # Why this way
//! A weight that meets many rows in a step, or some in many products, is packed once for each
//! direction and kept. One that meets fewer in one product is packed a few columns at a time, which
//! stay in L2, while the product before asks for them: every worker packs all weights, which took a
//! fifth of the step of `mlp` at batch 128 on two threads, and most of it is waiting for memory
//! (2026-11, Zen 4). Of very few rows the backward product takes the weights as the left operand,
//! read where they lie, and transposes the rows instead: `dX' = W dY'`. How many it will meet it
//! takes from the step before. The bits are the same: each element is the same chain.

use std::ops::Range;

use crate::nn::core::{BlockContext, Grads, blocks};
use crate::nn::kernel::{
    Arithmetic, Bias, Buffer, Ones, OperandRows, Out, Packed, PackedOnce, Part, Precision,
    Rounding, RowPair, Rows, Side, Strided, product_of_rows, transpose,
};

/// More rows in a step than these pay for packing the whole weight.
const MANY_ROWS: usize = 512;

/// And more products in each direction.
const FEW_PRODUCTS: usize = 2;

/// Up to as many are transposed rather than the weight.
const FEW_ROWS: usize = 256;

/// Columns that are packed at a time: 64 x 1024 values are 256 KiB.
const COLUMNS: usize = 64;

/// A matrix of parameters at work.
#[derive(Debug)]
pub(super) struct Weight {
    /// Its rows.
    pub(super) inputs: usize,
    /// Its columns.
    pub(super) outputs: usize,
    forward: PackedOnce,
    backward: PackedOnce,
    forward_use: Use,
    backward_use: Use,
    /// A few columns of the weight, or the few rows.
    part: Packed,
    transposed: Buffer,
    /// The rows that it meets, in the precision of its products.
    rounding: Rounding,
    precision: Precision,
}

/// How much a direction is used while the parameters stay, now and before: rows, and products.
#[derive(Debug, Default)]
struct Use {
    now: Met,
    before: Met,
}

/// Rows that a weight has met, in so many products.
#[derive(Clone, Copy, Debug, Default)]
struct Met {
    rows: usize,
    products: usize,
}

impl Use {
    /// There are `rows` more, in one more product.
    fn add(&mut self, rows: usize) {
        self.now.rows += rows;
        self.now.products += 1;
    }

    /// Whether they are at most `most` rows and few products.
    fn is_small(&self, most: usize) -> bool {
        let rows = self.now.rows.max(self.before.rows);
        let products = self.now.products.max(self.before.products);
        rows <= most && products <= FEW_PRODUCTS
    }

    fn params_changed(&mut self) {
        if self.now.products > 0 {
            self.before = std::mem::take(&mut self.now);
        }
    }
}

impl Weight {
    pub(super) fn new(inputs: usize, outputs: usize, arithmetic: impl Into<Arithmetic>) -> Self {
        let arithmetic = arithmetic.into();
        Self {
            inputs,
            outputs,
            forward: PackedOnce::new(arithmetic),
            backward: PackedOnce::new(arithmetic),
            forward_use: Use::default(),
            backward_use: Use::default(),
            part: Packed::new(arithmetic),
            transposed: Buffer::default(),
            rounding: Rounding::new(arithmetic),
            precision: arithmetic.precision,
        }
    }

    /// Its number of parameters.
    pub(super) fn len(&self) -> usize {
        self.inputs * self.outputs
    }

    /// Bytes that [`Weight::gradient`] borrows for a row.
    pub(super) fn workspace_per_row(&self) -> usize {
        4 * (self.inputs + self.outputs)
    }

    /// Forgets the packed weights.
    pub(super) fn params_changed(&mut self) {
        self.forward.outdate();
        self.backward.outdate();
        self.forward_use.params_changed();
        self.backward_use.params_changed();
    }

    /// `y = bias + x W`, for as many rows as `x` holds.
    pub(super) fn forward(&mut self, weight: &[f32], x: &[f32], y: &mut [f32], bias: Bias<'_>) {
        let (inputs, outputs) = (self.inputs, self.outputs);
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
        let (inputs, outputs) = (self.inputs, self.outputs);
        let weight = Strided::across(weight, inputs, outputs);
        self.forward_use.add(x.count);
        if self.forward_use.is_small(MANY_ROWS) {
            return self.by_columns(weight, x, y, bias);
        }
        let packed = self
            .forward
            .get(|packed| packed.pack(Side::Right, weight, Ones::None));
        product_of_rows(y, self.rounding.rows(x), packed, bias);
    }

    /// `dx = bias + dy W'`.
    pub(super) fn backward(&mut self, weight: &[f32], dy: &[f32], dx: &mut [f32], bias: Bias<'_>) {
        let (inputs, outputs) = (self.inputs, self.outputs);
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
        let (inputs, outputs) = (self.inputs, self.outputs);
        let most = FEW_ROWS.min(inputs / 2);
        self.backward_use.add(dy.count);
        let is_read_in_place = self.precision == Precision::F32 && matches!(bias, Bias::Zero);
        if self.backward_use.is_small(most) && is_read_in_place {
            return self.backward_transposed(weight, dy, dx);
        }
        let weight = Strided::along(weight, inputs, outputs);
        if self.backward_use.is_small(MANY_ROWS) {
            return self.by_columns(weight, dy, dx, bias);
        }
        let packed = self
            .backward
            .get(|packed| packed.pack(Side::Right, weight, Ones::None));
        product_of_rows(dx, self.rounding.rows(dy), packed, bias);
    }

    /// `y = bias + x W`, a few columns of W, or of its transpose, packed at a time while the
    /// product of those before asks for them.
    fn by_columns(&mut self, weight: Strided<'_>, x: Rows<'_>, y: Out<'_>, bias: Bias<'_>) {
        let block = |columns: &Range<usize>| Strided {
            data: &weight.data[columns.start * weight.lane_stride..],
            lanes: columns.len(),
            ..weight
        };
        let x: OperandRows<'_> = self.rounding.rows(x);
        let mut all = blocks(weight.lanes, COLUMNS).peekable();
        while let Some(columns) = all.next() {
            self.part.pack(Side::Right, block(&columns), Ones::None);
            let mut part = Part::from(&self.part);
            if let Some(next) = all.peek() {
                part = part.prefetching(block(next));
            }
            let out = Out {
                data: &mut y.data[columns.start..],
                stride: y.stride,
            };
            product_of_rows(out, x, part, bias.part(columns));
        }
    }

    /// `dx = (W dy')'`.
    fn backward_transposed(&mut self, weight: &[f32], dy: Rows<'_>, dx: Out<'_>) {
        let (inputs, outputs) = (self.inputs, self.outputs);
        let lanes = Strided {
            data: dy.data,
            lanes: dy.count,
            depth: outputs,
            lane_stride: dy.stride,
            depth_stride: 1,
        };
        self.part.pack(Side::Right, lanes, Ones::None);
        let weight = Rows::dense(weight, outputs);
        let transposed = self.transposed.grow(inputs * dy.count);
        let product = Out::dense(transposed, dy.count);
        product_of_rows(product, weight, &self.part, Bias::Zero);
        transpose(dx, transposed, dy.count);
    }

    /// `dW = x' dy`, and with a row of ones the column sums of dy behind it, for every node;
    /// `shards` are ranges of the rows of `x` and `dy`.
    pub(super) fn gradient(
        &self,
        x: &[f32],
        dy: &[f32],
        ones: Ones,
        context: &BlockContext<'_>,
        shards: &[Range<usize>],
        grads: &mut Grads<'_>,
    ) {
        grads.fold_products(&[self.product(x, dy)], ones, context, shards);
    }

    /// That gradient as one of several.
    pub(super) fn product<'a>(&self, x: &'a [f32], dy: &'a [f32]) -> RowPair<'a> {
        RowPair {
            x: Rows::dense(x, self.inputs),
            dy: Rows::dense(dy, self.outputs),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::kernel::Isa;

    /// Both directions of a 140 x 90 weight, of `rows` rows at a time, in steps of `uses` blocks
    /// each; of the last block.
    fn outputs(arithmetic: Arithmetic, rows: usize, uses: usize) -> Vec<f32> {
        let values = |len: usize| -> Vec<f32> {
            let value = |i: usize| (i * 7919 % 1013) as f32 / 500.0 - 1.0;
            (0..len).map(value).collect()
        };
        let (matrix, x, dy) = (values(140 * 90), values(rows * 140), values(rows * 90));
        let mut weight = Weight::new(140, 90, arithmetic);
        let (mut y, mut dx) = (vec![0.0; rows * 90], vec![0.0; rows * 140]);
        for _step in 0..2 {
            weight.params_changed();
            weight.params_changed();
            for _ in 0..uses {
                weight.forward(&matrix, &x, &mut y, Bias::Columns(&matrix[..90]));
                weight.backward(&matrix, &dy, &mut dx, Bias::Zero);
            }
        }
        y.append(&mut dx);
        y
    }

    #[test]
    fn what_a_weight_gives_does_not_depend_on_how_many_rows_a_step_meets() {
        for (isa, &precision) in Isa::available()
            .into_iter()
            .flat_map(|isa| Precision::ALL.iter().map(move |precision| (isa, precision)))
        {
            let arithmetic = Arithmetic { isa, precision };
            // Of 60 rows the backward product transposes them, of 100 it packs the weight by
            // columns.
            for rows in [60, 100] {
                let once = outputs(arithmetic, rows, 1);
                assert!(once.iter().all(|value| value.is_finite()));
                // The third block is the first that finds many; in the second step all do.
                assert_eq!(once, outputs(arithmetic, rows, 3));
            }
        }
    }

    #[test]
    fn a_use_is_small_by_this_step_and_the_one_before() {
        let is_small = |use_: &mut Use, rows: usize| {
            use_.add(rows);
            use_.is_small(256)
        };
        let mut of_rows = Use::default();
        assert!(is_small(&mut of_rows, 200) && !is_small(&mut of_rows, 57));
        of_rows.params_changed();
        of_rows.params_changed();
        assert!(!is_small(&mut of_rows, 1));
        of_rows.params_changed();
        assert!(is_small(&mut of_rows, 1));
        let mut of_products = Use::default();
        assert!(is_small(&mut of_products, 1) && is_small(&mut of_products, 1));
        assert!(!is_small(&mut of_products, 1));
    }
}
