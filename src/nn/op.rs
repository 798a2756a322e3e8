//! A layer's formula as data, for programs that read models: what it computes when it is evaluated.

use super::Activation;
use super::shape::Shape;
use super::spec::Sequential;

/// What a layer computes in evaluation, on rows (..., C). Parameters follow in the order of the layer's tensors.
///
/// ```
/// use unisono::nn::{Dense, Op, Spec};
/// assert_eq!(Dense::new(3).without_bias().op(), Some(Op::Dense { has_bias: false }));
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Op {
    /// Nothing: dropout.
    Identity,
    /// x W + b on the last axis.
    Dense {
        /// Whether there is a b.
        has_bias: bool,
    },
    /// A convolution of images (H, W, C), or of sequences (T, C).
    Conv {
        /// Whether rows are sequences; heights are then 1, and their padding 0.
        is_sequence: bool,
        /// Height and width of the kernel.
        kernel: (usize, usize),
        /// Steps between windows.
        stride: (usize, usize),
        /// Zeros on every side.
        padding: (usize, usize),
        /// Steps between a window's values.
        dilation: (usize, usize),
        /// Groups of channels.
        groups: usize,
        /// Whether there are biases.
        has_bias: bool,
    },
    /// Maxima or averages (padding counted) of square windows of images, or of windows of sequences.
    Pool {
        /// Maxima; else averages.
        is_max: bool,
        /// Edge of a window.
        kernel: usize,
        /// Steps between windows.
        stride: usize,
        /// Padding on every side.
        padding: usize,
    },
    /// The average of each channel over all positions.
    GlobalAverage,
    /// (x - mean) / sqrt(variance + eps) times weight plus bias, by the running statistics.
    BatchNorm {
        /// Added to the variance.
        eps: f32,
    },
    /// Layer norm over the last axis.
    LayerNorm {
        /// Added to the variance.
        eps: f32,
        /// Whether there are biases.
        has_bias: bool,
    },
    /// An activation.
    Activation(Activation),
    /// Softmax over the last axis.
    Softmax,
    /// Other axes, of the same values; a single one if `None`.
    Reshape(Option<Shape>),
    /// Every `stride`-th position of an image, channels padded with zeros.
    Subsample {
        /// Steps between positions.
        stride: usize,
        /// Zero channels before and after.
        padding: usize,
    },
    /// The sum of branches that all get the input.
    Sum(Vec<Sequential>),
    /// Branches that all get the input, side by side on the last axis.
    Concat(Vec<Sequential>),
}
