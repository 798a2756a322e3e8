//! Changes of shape, which move nothing: `flatten`, `reshape`; and the copy, which only moves.

use serde::{Deserialize, Serialize};

use crate::nn::core::{
    BackwardArgs, BlockContext, Build, Grads, Layer, Op, Properties, Spec, layer_json,
};
use crate::nn::error::NnError;
use crate::nn::shape::Shape;

/// The same values under other axes.
///
/// ```
/// use unisono::nn::{Reshape, Sequential};
/// let model = Sequential::new([4, 4]).layer(Reshape::to([2, 8])).dense(3);
/// assert_eq!(model.output_shape()?.axes(), [2, 3]);
/// # Ok::<(), unisono::nn::NnError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reshape(Option<Shape>);

impl Reshape {
    /// One axis.
    pub fn flatten() -> Self {
        Self(None)
    }

    /// The axes of `shape`, which must hold as many values.
    pub fn to(shape: impl Into<Shape>) -> Self {
        Self(Some(shape.into()))
    }
}

impl Spec for Reshape {
    fn name(&self) -> &'static str {
        match self.0 {
            None => "flatten",
            Some(_) => "reshape",
        }
    }

    fn build(&self, input: &Shape, build: &mut Build) -> Result<Box<dyn Layer>, NnError> {
        let shape = self.0.clone().unwrap_or_else(|| input.len().into());
        if shape.len() != input.len() {
            let expected = format!("rows of {} values for shape {shape}", shape.len());
            return Err(build.refuse(expected, input));
        }
        Ok(Box::new(View(shape)))
    }

    fn op(&self) -> Option<Op> {
        Some(Op::Reshape(self.0.clone()))
    }

    fn to_json(&self) -> Option<String> {
        layer_json("reshape", self)
    }
}

#[derive(Debug)]
struct View(Shape);

impl Layer for View {
    fn output(&self) -> &Shape {
        &self.0
    }

    fn forward(&mut self, _context: &BlockContext<'_>, _params: &[f32], x: &[f32], y: &mut [f32]) {
        y.copy_from_slice(x);
    }

    fn backward(
        &mut self,
        _context: &BlockContext<'_>,
        args: BackwardArgs<'_>,
        _grads: &mut Grads<'_>,
    ) {
        if let Some(dx) = args.dx {
            dx.copy_from_slice(args.dy);
        }
    }

    fn properties(&self) -> Properties {
        Properties {
            is_view: true,
            ..Properties::default()
        }
    }
}

/// The identity, into another buffer.
#[derive(Debug)]
pub(super) struct Copy(View);

impl Copy {
    pub(super) fn new(shape: Shape) -> Self {
        Self(View(shape))
    }
}

impl Layer for Copy {
    fn output(&self) -> &Shape {
        self.0.output()
    }

    fn forward(&mut self, context: &BlockContext<'_>, params: &[f32], x: &[f32], y: &mut [f32]) {
        self.0.forward(context, params, x, y);
    }

    fn backward(
        &mut self,
        context: &BlockContext<'_>,
        args: BackwardArgs<'_>,
        grads: &mut Grads<'_>,
    ) {
        self.0.backward(context, args, grads);
    }
}
