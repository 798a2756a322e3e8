//! Dropout, inverted and counter-based: the same mask for any number of threads.
//!
//! `y = x / (1 - p)` with probability 1 - p, else 0; `y = x` in evaluation. Whether an element is
//! kept is a function of (seed, layer, step, position of the row in the batch, element): 16 bits of
//! a Philox block for each, so p is rounded to a multiple of 1/65,536.
//!
//! # References
//! Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov: "Dropout", 2014.

use serde::{Deserialize, Serialize};

use crate::nn::core::{
    BackwardArgs, BlockContext, Build, Grads, InPlace, Layer, Mode, Op, Spec, layer_json,
};
use crate::nn::error::NnError;
use crate::nn::shape::Shape;
use crate::seed::{Purpose, philox4x32_10};

/// Dropout: in training a value is 0 or divided by `1 - rate`, in evaluation it stays as it is.
/// Rows of any shape.
///
/// ```
/// use unisono::nn::{Dropout, Sequential};
/// let model = Sequential::new(8).dense(32).relu().layer(Dropout::new(0.5)).dense(2);
/// assert!(model.layout().is_ok());
/// assert!(Sequential::new(8).layer(Dropout::new(1.0)).dense(1).layout().is_err());
/// # Ok::<(), unisono::nn::NnError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dropout {
    rate: f32,
}

impl Dropout {
    /// Drops values with probability `rate`, in 0..1.
    pub fn new(rate: f32) -> Self {
        Self { rate }
    }
}

impl Spec for Dropout {
    fn name(&self) -> &'static str {
        "dropout"
    }

    fn build(&self, input: &Shape, build: &mut Build) -> Result<Box<dyn Layer>, NnError> {
        if !(0.0..1.0).contains(&self.rate) {
            return Err(build.refuse("a rate of at least 0 and below 1", self.rate));
        }
        Ok(Box::new(DropoutLayer {
            threshold: ((self.rate * 65_536.0).round() as u32).min(65_535),
            layer: build.random_layer(),
            shape: input.clone(),
        }))
    }

    fn op(&self) -> Option<Op> {
        Some(Op::Identity)
    }

    fn to_json(&self) -> Option<String> {
        layer_json("dropout", self)
    }
}

/// Dropout at work.
#[derive(Debug)]
struct DropoutLayer {
    /// Draws below it are dropped; draws are uniform below 65,536.
    threshold: u32,
    layer: u16,
    shape: Shape,
}

impl DropoutLayer {
    fn apply(&self, context: &BlockContext<'_>, values: &mut [f32]) {
        if context.mode == Mode::Evaluate || self.threshold == 0 {
            return;
        }
        let scale = 65_536.0 / (65_536 - self.threshold) as f32;
        let key = [context.seed as u32, (context.seed >> 32) as u32];
        let place = (Purpose::Dropout as u32) << 16 | u32::from(self.layer);
        for (row, values) in values.chunks_exact_mut(self.shape.len()).enumerate() {
            let row = (context.first + row) as u32;
            for (block, values) in values.chunks_mut(8).enumerate() {
                let counter = [block as u32, row, context.step as u32, place];
                let words = philox4x32_10(counter, key);
                for (at, value) in values.iter_mut().enumerate() {
                    let draw = words[at / 2] >> (16 * (at % 2)) & 0xFFFF;
                    *value = if draw < self.threshold {
                        0.0
                    } else {
                        *value * scale
                    };
                }
            }
        }
    }
}

impl Layer for DropoutLayer {
    fn output(&self) -> &Shape {
        &self.shape
    }

    fn forward(&mut self, context: &BlockContext<'_>, _params: &[f32], x: &[f32], y: &mut [f32]) {
        y.copy_from_slice(x);
        self.apply(context, y);
    }

    fn backward(
        &mut self,
        context: &BlockContext<'_>,
        args: BackwardArgs<'_>,
        _grads: &mut Grads<'_>,
    ) {
        if let Some(dx) = args.dx {
            dx.copy_from_slice(args.dy);
            self.apply(context, dx);
        }
    }

    fn in_place(&mut self) -> Option<&mut dyn InPlace> {
        Some(self)
    }
}

impl InPlace for DropoutLayer {
    fn forward(&mut self, context: &BlockContext<'_>, values: &mut [f32]) {
        self.apply(context, values);
    }

    fn backward(&mut self, context: &BlockContext<'_>, _y: &[f32], grad: &mut [f32]) {
        self.apply(context, grad);
    }
}
