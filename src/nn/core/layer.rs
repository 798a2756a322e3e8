//! `Spec` and `Layer`: the traits behind every layer of this crate, and behind a user's own.
//!
//! # Protocol of a step, for one layer
//! ```text
//! params_changed          new parameters have arrived
//! forward(context, x, y)  all rows of a block at once; whatever backward will need is kept in the layer
//! backward(context, args) from dy: dx, and for each tree node the gradient of the layer's own parameters
//! ```
//!
//! # Invariants
//! 1. A row's y and dx do not depend on the other rows of the block, except within a shard where
//!    [`Properties::has_cross_row_stats`] says so. So blocks may be cut anywhere between shards.
//! 2. A parameter's gradient is the tree, over the shards of a node, of one sum a shard
//!    ([`Grads::fold`]).
//! 3. In evaluation backward may be asked for the gradient of the input alone: the block then has no
//!    shards and no nodes.
//! 4. Nothing is allocated once the largest block has been seen.

use std::fmt::Debug;
use std::sync::Arc;

use super::context::{BackwardArgs, BlockContext};
use super::grads::Grads;
use super::op::Op;
use super::params::TensorSpec;
use super::properties::Properties;
use crate::nn::error::NnError;
use crate::nn::kernel::Arithmetic;
use crate::nn::shape::Shape;

/// A layer at work, with the memory of one replica.
///
/// Buffers hold `context.rows` rows of the layer's input or output shape, one after another.
///
/// ```
/// use unisono::nn::{BackwardArgs, BlockContext, Grads, Layer, Shape};
///
/// /// y = x², without parameters.
/// #[derive(Debug)]
/// struct Square(Shape);
///
/// impl Layer for Square {
///     fn output(&self) -> &Shape {
///         &self.0
///     }
///
///     fn forward(&mut self, _: &BlockContext<'_>, _: &[f32], x: &[f32], y: &mut [f32]) {
///         y.iter_mut().zip(x).for_each(|(y, x)| *y = x * x);
///     }
///
///     fn backward(&mut self, _: &BlockContext<'_>, args: BackwardArgs<'_>, _: &mut Grads<'_>) {
///         let Some(dx) = args.dx else { return };
///         for ((dx, dy), x) in dx.iter_mut().zip(&*args.dy).zip(args.x) {
///             *dx = 2.0 * x * dy;
///         }
///     }
/// }
///
/// let mut y = [0.0; 2];
/// Square(2.into()).forward(&BlockContext::evaluate(1, 0), &[], &[3.0, -1.0], &mut y);
/// assert_eq!(y, [9.0, 1.0]);
/// ```
pub trait Layer: Send + Debug {
    /// The shape of an output row.
    fn output(&self) -> &Shape;

    /// The layer's parameters, in the order in which `params` and gradients hold them.
    fn tensors(&self) -> Vec<TensorSpec> {
        Vec::new()
    }

    /// Computes `y` from `x`; both hold `context.rows` rows.
    fn forward(&mut self, context: &BlockContext<'_>, params: &[f32], x: &[f32], y: &mut [f32]);

    /// Writes the gradient of the input, and adds up that of the parameters.
    fn backward(
        &mut self,
        context: &BlockContext<'_>,
        args: BackwardArgs<'_>,
        grads: &mut Grads<'_>,
    );

    /// The parameters have changed since the last pass.
    fn params_changed(&mut self) {}

    /// What it costs, and what the layers around it must know. Asked for when the model is built;
    /// it must not change afterwards.
    fn properties(&self) -> Properties {
        Properties::default()
    }

    /// The elementwise form of this layer, if it has one: it then works in place, and backward sees
    /// its output but not its input.
    fn in_place(&mut self) -> Option<&mut dyn InPlace> {
        None
    }
}

/// A layer that overwrites its input.
///
/// ```
/// use unisono::nn::{BlockContext, InPlace};
///
/// /// y = -x.
/// struct Negate;
///
/// impl InPlace for Negate {
///     fn forward(&mut self, _: &BlockContext<'_>, values: &mut [f32]) {
///         values.iter_mut().for_each(|value| *value = -*value);
///     }
///
///     fn backward(&mut self, _: &BlockContext<'_>, _y: &[f32], grad: &mut [f32]) {
///         grad.iter_mut().for_each(|grad| *grad = -*grad);
///     }
/// }
///
/// let mut values = [1.0, -2.0];
/// Negate.forward(&BlockContext::evaluate(1, 0), &mut values);
/// assert_eq!(values, [-1.0, 2.0]);
/// ```
pub trait InPlace {
    /// Replaces the values of `context.rows` rows.
    fn forward(&mut self, context: &BlockContext<'_>, values: &mut [f32]);

    /// Turns the gradient of the outputs `y` into that of the inputs.
    fn backward(&mut self, context: &BlockContext<'_>, y: &[f32], grad: &mut [f32]);
}

/// A layer as data: what it is, before it has parameters or memory. `examples/custom_layer.rs`
/// writes one.
///
/// ```
/// use unisono::nn::{Build, Dense, BlockContext, Spec, Isa};
/// let (mut layer, mut y) = (Dense::new(1).build(&2.into(), &mut Build::new(Isa::detect()))?, [0.0]);
/// layer.forward(&BlockContext::evaluate(1, 0), &[2.0, 3.0, 0.5], &[1.0, 2.0], &mut y);
/// assert_eq!(y, [8.5]);
/// # Ok::<(), unisono::nn::NnError>(())
/// ```
pub trait Spec: Debug + Send + Sync {
    /// Its name in messages and parameter names, such as `dense`.
    fn name(&self) -> &'static str;

    /// A layer for rows of shape `input`.
    ///
    /// # Errors
    /// [`NnError`] if the layer cannot take such rows; [`Build::refuse`] makes one.
    fn build(&self, input: &Shape, build: &mut Build) -> Result<Box<dyn Layer>, NnError>;

    /// What it computes, for programs that read models; `None` (the default) for a layer that is
    /// code alone.
    fn op(&self) -> Option<Op> {
        None
    }

    /// The layer with its settings as JSON, in the form of [`Sequential::to_json`]; `None` (the
    /// default) for a layer of one's own, which no file can hold.
    ///
    /// [`Sequential::to_json`]: crate::nn::Sequential::to_json
    fn to_json(&self) -> Option<String> {
        None
    }

    /// The layers that it is made of, where [`Spec::op`] combines others ([`Op::is_combination`]):
    /// for each branch its layers, from the first to the last.
    ///
    /// ```
    /// use unisono::nn::{Residual, Sequential, Spec};
    /// let residual = Residual::new(Sequential::part().dense(8).relu());
    /// let branches = residual.branches();
    /// assert_eq!(branches.iter().map(Vec::len).collect::<Vec<_>>(), [2, 0]);
    /// assert_eq!(branches[0][1].name(), "relu");
    /// ```
    fn branches(&self) -> Vec<Vec<Arc<dyn Spec>>> {
        Vec::new()
    }
}

/// What a layer is built with.
///
/// Example: [`Spec`].
#[derive(Clone, Debug)]
pub struct Build {
    /// The arithmetic of its products.
    pub arithmetic: Arithmetic,
    /// Where the layer stands, for messages: `3 (conv2d)`.
    pub(in crate::nn) place: String,
    random_layers: u16,
}

impl Build {
    /// For the kernels of an arithmetic.
    pub fn new(arithmetic: impl Into<Arithmetic>) -> Self {
        Self {
            arithmetic: arithmetic.into(),
            place: String::new(),
            random_layers: 0,
        }
    }

    /// A number for the layer's random stream, of its own.
    pub fn random_layer(&mut self) -> u16 {
        self.random_layers += 1;
        self.random_layers
    }

    /// The error of a layer that cannot take rows of shape `got`.
    pub fn refuse(&self, expected: impl Into<String>, got: impl std::fmt::Display) -> NnError {
        NnError::Layer {
            place: self.place.clone(),
            expected: expected.into(),
            got: got.to_string(),
        }
    }
}
