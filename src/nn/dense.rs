//! The dense layer: `Y = X W + b`; `dX = dY W'`; `dW = X' dY`, `db = column sums of dY`.
//!
//! # Shapes
//! X: (B, I), Y: (B, O), W: (I, O), b: (O). In the flat vector b follows W, so that both are one matrix of I + 1
//! rows, and one product with a row of ones gives both gradients.

use std::ops::Range;

use super::kernel::{Bias, Isa, Ones, Out, Packed, Side, Strided, fold_products, product};

/// A dense layer at work: its weights packed for both directions, once a step.
#[derive(Debug)]
pub struct Dense {
    inputs: usize,
    outputs: usize,
    /// W for forward and for backward; empty until first needed after an update.
    forward_weight: Option<Packed>,
    backward_weight: Option<Packed>,
    spare: Vec<Packed>,
    left: Packed,
    right: Packed,
    isa: Isa,
}

impl Dense {
    /// A layer from `inputs` to `outputs` values a row, computing with `isa`.
    pub fn new(inputs: usize, outputs: usize, isa: Isa) -> Self {
        let new = || Packed::new(isa);
        Self {
            inputs,
            outputs,
            forward_weight: None,
            backward_weight: None,
            spare: vec![new(), new()],
            left: new(),
            right: new(),
            isa,
        }
    }

    /// Values a row in and out.
    pub fn shape(&self) -> (usize, usize) {
        (self.inputs, self.outputs)
    }

    /// Weights and biases.
    pub fn num_params(&self) -> usize {
        (self.inputs + 1) * self.outputs
    }

    /// Forgets the packed weights: the parameters have changed.
    pub fn params_changed(&mut self) {
        self.spare.extend(self.forward_weight.take());
        self.spare.extend(self.backward_weight.take());
    }

    /// Y from X, for as many rows as `x` holds.
    pub fn forward(&mut self, params: &[f32], x: &[f32], y: &mut [f32]) {
        let (weight, bias) = params.split_at(self.inputs * self.outputs);
        let (spare, isa) = (&mut self.spare, self.isa);
        let packed = self.forward_weight.get_or_insert_with(|| {
            let mut packed = spare.pop().unwrap_or_else(|| Packed::new(isa));
            packed.pack(
                Side::Right,
                Strided::across(weight, self.inputs, self.outputs),
                Ones::None,
            );
            packed
        });
        self.left.pack(
            Side::Left,
            Strided::along(x, x.len() / self.inputs, self.inputs),
            Ones::None,
        );
        product(
            Out::dense(y, self.outputs),
            &self.left,
            packed,
            Bias::Columns(bias),
        );
    }

    /// dX from dY.
    pub fn backward(&mut self, params: &[f32], dy: &[f32], dx: &mut [f32]) {
        let weight = &params[..self.inputs * self.outputs];
        let (spare, isa) = (&mut self.spare, self.isa);
        let packed = self.backward_weight.get_or_insert_with(|| {
            let mut packed = spare.pop().unwrap_or_else(|| Packed::new(isa));
            packed.pack(
                Side::Right,
                Strided::along(weight, self.inputs, self.outputs),
                Ones::None,
            );
            packed
        });
        self.left.pack(
            Side::Left,
            Strided::along(dy, dy.len() / self.outputs, self.outputs),
            Ones::None,
        );
        product(Out::dense(dx, self.inputs), &self.left, packed, Bias::Zero);
    }

    /// Packs X and dY for [`Dense::gradient`].
    pub fn pack_gradient(&mut self, x: &[f32], dy: &[f32]) {
        let rows = dy.len() / self.outputs;
        self.left
            .pack(Side::Left, Strided::across(x, rows, self.inputs), Ones::Row);
        self.right.pack(
            Side::Right,
            Strided::across(dy, rows, self.outputs),
            Ones::None,
        );
    }

    /// dW and db of some shards (ranges of the packed rows), folded in the order of the tree.
    pub fn gradient(&self, shards: &[Range<usize>], grad: &mut [f32]) {
        fold_products(grad, &self.left, &self.right, shards);
    }
}
