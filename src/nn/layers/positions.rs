//! Learned positions: `y[t] = x[t] + p[t]`.
//!
//! # Shapes
//! X, Y: (B, T, C); p: (T, C).

use serde::{Deserialize, Serialize};

use crate::nn::core::{
    BackwardArgs, BlockContext, Build, Fans, Grads, Init, Layer, Op, Spec, TensorSpec, layer_json,
};
use crate::nn::error::NnError;
use crate::nn::kernel::elementwise::add;
use crate::nn::shape::Shape;

/// Adds a learned vector to each position of rows (T, C), which keep their shape.
///
/// ```
/// use unisono::nn::{Embedding, Positions, Sequential};
/// let model = Sequential::new([16]).layer(Embedding::new(65, 8)).layer(Positions::new());
/// assert_eq!(model.layout()?.num_params(), 65 * 8 + 16 * 8);
/// # Ok::<(), unisono::nn::NnError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Positions {
    weight: Init,
}

impl Positions {
    /// Vectors as long as the input's channels; normal, deviation 1.
    #[expect(
        clippy::new_without_default,
        reason = "layers are named, not defaulted"
    )]
    pub fn new() -> Self {
        Self {
            weight: Init::Normal(1.0),
        }
    }

    /// With other initial vectors.
    pub fn weight(self, init: Init) -> Self {
        Self { weight: init }
    }
}

impl Spec for Positions {
    fn name(&self) -> &'static str {
        "positions"
    }

    fn build(&self, input: &Shape, build: &mut Build) -> Result<Box<dyn Layer>, NnError> {
        match input.axes() {
            [_, _] => Ok(Box::new(PositionsLayer {
                weight: self.weight,
                shape: input.clone(),
            })),
            _ => Err(build.refuse("rows of shape TxC", input)),
        }
    }

    fn op(&self) -> Option<Op> {
        Some(Op::Positions)
    }

    fn to_json(&self) -> Option<String> {
        layer_json("positions", self)
    }
}

/// Positions at work.
#[derive(Debug)]
struct PositionsLayer {
    weight: Init,
    shape: Shape,
}

impl Layer for PositionsLayer {
    fn output(&self) -> &Shape {
        &self.shape
    }

    fn tensors(&self) -> Vec<TensorSpec> {
        let axes = self.shape.axes();
        vec![TensorSpec::weight(
            "weight",
            axes,
            self.weight,
            Fans {
                inputs: axes[0],
                outputs: axes[1],
            },
        )]
    }

    fn forward(&mut self, _context: &BlockContext<'_>, params: &[f32], x: &[f32], y: &mut [f32]) {
        y.copy_from_slice(x);
        y.chunks_exact_mut(params.len())
            .for_each(|row| add(row, params));
    }

    fn backward(
        &mut self,
        context: &BlockContext<'_>,
        args: BackwardArgs<'_>,
        grads: &mut Grads<'_>,
    ) {
        let len = self.shape.len();
        grads.fold(context, |rows, leaf| {
            let dy = &args.dy[rows.start * len..rows.end * len];
            dy.chunks_exact(len).for_each(|row| add(leaf, row));
        });
        if let Some(dx) = args.dx {
            dx.copy_from_slice(args.dy);
        }
    }
}
