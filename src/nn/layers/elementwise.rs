//! Activations as layers. All work in place: backward needs the output alone, or the derivatives
//! that forward, which has the exponential at hand, left in the layer.

use multiversion::multiversion;

use crate::nn::core::{
    Activation, BackwardArgs, BlockContext, Build, Grads, InPlace, Layer, Op, Properties, Spec,
    forward_with_slopes, layer_json,
};
use crate::nn::error::NnError;
use crate::nn::kernel::Buffer;
use crate::nn::shape::Shape;

impl Spec for Activation {
    fn name(&self) -> &'static str {
        (*self).name()
    }

    fn build(&self, input: &Shape, build: &mut Build) -> Result<Box<dyn Layer>, NnError> {
        match *self {
            Activation::LeakyRelu(a) | Activation::Elu(a) if !(a > 0.0 && a.is_finite()) => {
                Err(build.refuse("a positive slope below 0", a))
            }
            function => Ok(Box::new(Elementwise {
                function,
                shape: input.clone(),
                slopes: Buffer::default(),
            })),
        }
    }

    fn op(&self) -> Option<Op> {
        Some(Op::Activation(*self))
    }

    fn to_json(&self) -> Option<String> {
        layer_json("activation", self)
    }
}

/// An activation at work.
#[derive(Debug)]
struct Elementwise {
    function: Activation,
    shape: Shape,
    /// The derivatives, where the output does not tell them.
    slopes: Buffer,
}

impl Layer for Elementwise {
    fn output(&self) -> &Shape {
        &self.shape
    }

    fn forward(&mut self, context: &BlockContext<'_>, _params: &[f32], x: &[f32], y: &mut [f32]) {
        y.copy_from_slice(x);
        InPlace::forward(self, context, y);
    }

    fn backward(
        &mut self,
        context: &BlockContext<'_>,
        args: BackwardArgs<'_>,
        _grads: &mut Grads<'_>,
    ) {
        if let Some(dx) = args.dx {
            dx.copy_from_slice(args.dy);
            InPlace::backward(self, context, args.y, dx);
        }
    }

    fn in_place(&mut self) -> Option<&mut dyn InPlace> {
        Some(self)
    }

    fn properties(&self) -> Properties {
        let is_told_by_output = self.function.is_told_by_output();
        Properties {
            needs_output: is_told_by_output,
            bytes_per_row: if is_told_by_output {
                0
            } else {
                4 * self.shape.len()
            },
            ..Properties::default()
        }
    }
}

impl InPlace for Elementwise {
    fn forward(&mut self, _context: &BlockContext<'_>, values: &mut [f32]) {
        if self.function.is_told_by_output() {
            self.function.forward(values);
        } else {
            let slopes = self.slopes.grow(values.len());
            forward_with_slopes(self.function, values, slopes);
        }
    }

    fn backward(&mut self, _context: &BlockContext<'_>, y: &[f32], grad: &mut [f32]) {
        if self.function.is_told_by_output() {
            self.function.backward(y, grad);
        } else {
            multiply(grad, &self.slopes);
        }
    }
}

#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
fn multiply(grad: &mut [f32], slopes: &[f32]) {
    grad.iter_mut().zip(slopes).for_each(|(g, s)| *g *= s);
}
