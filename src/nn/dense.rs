//! The dense layer: `Y = X W + b`; `dX = dY W'`; `dW = X' dY`, `db = column sums of dY`.
//!
//! # Shapes
//! X: (R, I), Y: (R, O), W: (I, O), b: (O), where R is rows times positions: a dense layer works on the last axis. In the
//! flat vector b follows W, so that both are one matrix of I + 1 rows, and one product with a row of ones gives both
//! gradients.

use std::ops::Range;

use super::Init;
use super::error::NnError;
use super::kernel::{
    Bias, Isa, Ones, Out, Packed, PackedOnce, Rows, Side, Strided, fold_products, product_of_rows,
};
use super::layer::{Build, Grads, Layer, Pass, Spec, Tape, TensorSpec};
use super::params::Role;
use super::shape::Shape;

/// A dense layer.
///
/// ```
/// use unisono::nn::{Dense, Init, Sequential};
/// let model = Sequential::new(3).layer(Dense::new(4).weight(Init::HeNormal).without_bias());
/// assert_eq!(model.layout()?.num_params(), 12);
/// # Ok::<(), unisono::nn::NnError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Dense {
    outputs: usize,
    weight: Init,
    bias: Option<Init>,
}

impl Dense {
    /// To `outputs` values a position; weights Xavier-uniform, biases zero.
    pub fn new(outputs: usize) -> Self {
        Self {
            outputs,
            weight: Init::XavierUniform,
            bias: Some(Init::Zeros),
        }
    }

    /// With other initial weights.
    pub fn weight(self, init: Init) -> Self {
        Self {
            weight: init,
            ..self
        }
    }

    /// With other initial biases.
    pub fn bias(self, init: Init) -> Self {
        Self {
            bias: Some(init),
            ..self
        }
    }

    /// Without biases.
    pub fn without_bias(self) -> Self {
        Self { bias: None, ..self }
    }
}

impl Spec for Dense {
    fn name(&self) -> &'static str {
        "dense"
    }

    fn build(&self, input: &Shape, build: &mut Build) -> Result<Box<dyn Layer>, NnError> {
        if self.outputs == 0 {
            return Err(build.refuse("at least 1 output", self.outputs));
        }
        Ok(Box::new(DenseLayer {
            weight: Weight::new((input.channels(), self.outputs), build.isa),
            spec: self.clone(),
            positions: input.positions(),
            output: input.with_channels(self.outputs),
            shards: Vec::new(),
        }))
    }
}

/// A dense layer at work.
#[derive(Debug)]
struct DenseLayer {
    spec: Dense,
    weight: Weight,
    positions: usize,
    output: Shape,
    shards: Vec<Range<usize>>,
}

impl Layer for DenseLayer {
    fn output(&self) -> &Shape {
        &self.output
    }

    fn tensors(&self) -> Vec<TensorSpec> {
        let fan = self.weight.shape;
        let weight = TensorSpec::weight("weight", &[fan.0, fan.1], self.spec.weight, fan);
        let bias = self
            .spec
            .bias
            .map(|init| TensorSpec::weight("bias", &[fan.1], init, fan).role(Role::Bias));
        [Some(weight), bias].into_iter().flatten().collect()
    }

    fn forward(&mut self, _pass: &Pass<'_>, params: &[f32], x: &[f32], y: &mut [f32]) {
        let (weight, bias) = params.split_at(self.weight.len());
        self.weight.forward(weight, x, y, Bias::columns(bias));
    }

    fn backward(&mut self, pass: &Pass<'_>, tape: Tape<'_>, grads: &mut Grads<'_>) {
        let ones = if self.spec.bias.is_some() {
            Ones::Row
        } else {
            Ones::None
        };
        positions(pass.shards, self.positions, &mut self.shards);
        self.weight
            .gradient((tape.x, tape.dy), (ones, pass, &self.shards), grads);
        if let Some(dx) = tape.dx {
            self.weight
                .backward(&tape.params[..self.weight.len()], tape.dy, dx, Bias::Zero);
        }
    }

    fn params_changed(&mut self) {
        self.weight.params_changed();
    }

    fn flops(&self) -> u64 {
        2 * (self.positions * self.weight.len()) as u64
    }
}

/// Row ranges of shards as ranges of positions.
pub(super) fn positions(shards: &[Range<usize>], factor: usize, into: &mut Vec<Range<usize>>) {
    into.clear();
    into.extend(
        shards
            .iter()
            .map(|shard| shard.start * factor..shard.end * factor),
    );
}

/// A matrix of parameters at work: packed for both directions, once a step. Dense and recurrent layers are made of it.
#[derive(Debug)]
pub(super) struct Weight {
    /// Rows (inputs) and columns (outputs).
    pub(super) shape: (usize, usize),
    forward: PackedOnce,
    backward: PackedOnce,
    left: Packed,
    right: Packed,
}

impl Weight {
    pub(super) fn new(shape: (usize, usize), isa: Isa) -> Self {
        Self {
            shape,
            forward: PackedOnce::new(isa),
            backward: PackedOnce::new(isa),
            left: Packed::new(isa),
            right: Packed::new(isa),
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
        let weight = Strided::along(weight, inputs, outputs);
        let packed = self
            .backward
            .get(|packed| packed.pack(Side::Right, weight, Ones::None));
        product_of_rows(dx, dy, packed, bias);
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
        for (which, node) in pass.nodes.iter().enumerate() {
            let to = grads.node(which);
            fold_products(to, &self.left, &self.right, &shards[node.clone()]);
        }
    }
}
