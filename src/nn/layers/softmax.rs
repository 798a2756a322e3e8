//! Softmax over the last axis: `y = exp(x) / sum exp(x)`; `dx = y (dy - sum dy y)`.
//!
//! For a classifier's last layer use the fused loss instead: it takes logits.

use serde::{Deserialize, Serialize};

use crate::nn::core::{
    BackwardArgs, BlockContext, Build, Grads, Layer, Op, Properties, Spec, layer_json,
};
use crate::nn::error::NnError;
use crate::nn::kernel::softmax::{softmax_rows, softmax_rows_backward};
use crate::nn::shape::Shape;

/// Softmax over the channels of each position, for rows (..., C), which keep their shape.
///
/// ```
/// use ndarray::array;
/// use unisono::nn::{Init, Dense, Network, Sequential, Softmax};
/// let identity = Dense::new(3).weight(Init::Orthogonal(1.0));
/// let network = Network::new(Sequential::new(3).layer(identity).layer(Softmax), 1)?;
/// let y = network.predict(array![[1.0, 2.0, 3.0]].view())?;
/// assert!((y.sum() - 1.0).abs() < 1e-6);
/// # Ok::<(), unisono::nn::NnError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Softmax;

impl Spec for Softmax {
    fn name(&self) -> &'static str {
        "softmax"
    }

    fn build(&self, input: &Shape, _build: &mut Build) -> Result<Box<dyn Layer>, NnError> {
        Ok(Box::new(SoftmaxLayer(input.clone())))
    }

    fn op(&self) -> Option<Op> {
        Some(Op::Softmax)
    }

    fn to_json(&self) -> Option<String> {
        layer_json("softmax", self)
    }
}

#[derive(Debug)]
struct SoftmaxLayer(Shape);

impl Layer for SoftmaxLayer {
    fn output(&self) -> &Shape {
        &self.0
    }

    fn forward(&mut self, _context: &BlockContext<'_>, _params: &[f32], x: &[f32], y: &mut [f32]) {
        y.copy_from_slice(x);
        softmax_rows(y, self.0.channels());
    }

    fn backward(
        &mut self,
        _context: &BlockContext<'_>,
        args: BackwardArgs<'_>,
        _grads: &mut Grads<'_>,
    ) {
        if let Some(dx) = args.dx {
            dx.copy_from_slice(args.dy);
            softmax_rows_backward(dx, args.y, self.0.channels());
        }
    }

    fn properties(&self) -> Properties {
        Properties {
            needs_output: true,
            ..Properties::default()
        }
    }
}
