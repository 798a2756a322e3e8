//! The dense layer: `Y = X W + b`; `dX = dY W'`; `dW = X' dY`, `db = column sums of dY`.
//!
//! # Shapes
//! X: (R, I), Y: (R, O), W: (I, O), b: (O), where R is rows times positions: a dense layer works on
//! the last axis. In the flat vector b follows W, so that both are one matrix of I + 1 rows, and
//! one product with a row of ones gives both gradients.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::weight::Weight;
use crate::nn::core::{
    BackwardArgs, BlockContext, Build, FactorShape, Fans, Flops, Grads, Init, Layer, Op,
    Properties, Role, Spec, TensorSpec, layer_json, positions,
};
use crate::nn::error::NnError;
use crate::nn::kernel::{Bias, Ones};
use crate::nn::shape::Shape;

/// A dense layer, `y = x W + b` on the last axis: rows (..., I) to rows (..., O).
///
/// ```
/// use unisono::nn::{Dense, Init, Sequential};
/// let model = Sequential::new(3).layer(Dense::new(4).weight(Init::HeNormal).without_bias());
/// assert_eq!(model.layout()?.num_params(), 12);
/// # Ok::<(), unisono::nn::NnError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dense {
    outputs: usize,
    weight: Init,
    bias: Option<Init>,
}

impl Dense {
    /// To `outputs` values a position, at least 1; weights Xavier-uniform, biases zero.
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
            weight: Weight::new(input.channels(), self.outputs, build.arithmetic),
            spec: self.clone(),
            positions: input.positions(),
            output: input.with_channels(self.outputs),
            shards: Vec::new(),
        }))
    }

    fn op(&self) -> Option<Op> {
        Some(Op::Dense {
            has_bias: self.bias.is_some(),
        })
    }

    fn to_json(&self) -> Option<String> {
        layer_json("dense", self)
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
        let fan = Fans {
            inputs: self.weight.inputs,
            outputs: self.weight.outputs,
        };
        let shape = [fan.inputs, fan.outputs];
        let weight = TensorSpec::weight("weight", &shape, self.spec.weight, fan);
        let bias = self
            .spec
            .bias
            .map(|init| TensorSpec::weight("bias", &[fan.outputs], init, fan).role(Role::Bias));
        [Some(weight), bias].into_iter().flatten().collect()
    }

    fn forward(&mut self, _context: &BlockContext<'_>, params: &[f32], x: &[f32], y: &mut [f32]) {
        let (weight, bias) = params.split_at(self.weight.len());
        self.weight.forward(weight, x, y, Bias::columns(bias));
    }

    fn backward(
        &mut self,
        context: &BlockContext<'_>,
        args: BackwardArgs<'_>,
        grads: &mut Grads<'_>,
    ) {
        let ones = if self.spec.bias.is_some() {
            Ones::Row
        } else {
            Ones::None
        };
        positions(context.shards, self.positions, &mut self.shards);
        self.weight
            .gradient(args.x, args.dy, ones, context, &self.shards, grads);
        if let Some(dx) = args.dx {
            self.weight
                .backward(&args.params[..self.weight.len()], args.dy, dx, Bias::Zero);
        }
    }

    fn params_changed(&mut self) {
        self.weight.params_changed();
    }

    fn properties(&self) -> Properties {
        Properties {
            flops: Flops::from(2 * (self.positions * self.weight.len()) as u64),
            factors: Some(FactorShape {
                positions: self.positions,
                inputs: self.weight.inputs,
                outputs: self.weight.outputs,
            }),
            overwrites_gradient: false,
            workspace_per_row: self.positions * self.weight.workspace_per_row(),
            ..Properties::default()
        }
    }
}
