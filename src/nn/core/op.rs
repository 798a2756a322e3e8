//! A layer's formula as plain data, for programs that read models: what it computes when it is
//! evaluated. Of a layer made of others it says how these are joined; which they are is told by
//! `Spec::branches`.

use serde::{Deserialize, Serialize};

use super::activation::Activation;
use crate::nn::shape::Shape;

/// What a layer computes in evaluation, on rows (..., C). Parameters follow in the order of the
/// layer's tensors.
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
        /// Zeros on every side; of a causal one only before the first position.
        padding: (usize, usize),
        /// Whether there are no zeros behind the last position of a sequence.
        is_causal: bool,
        /// Steps between a window's values.
        dilation: (usize, usize),
        /// Groups of channels.
        groups: usize,
        /// Whether there are biases.
        has_bias: bool,
    },
    /// Maxima or averages (padding counted) of square windows of images, or of windows of
    /// sequences.
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
    /// x / sqrt(mean(x²) + eps) times weight, over the last axis.
    RmsNorm {
        /// Added to the mean.
        eps: f32,
        /// Whether there are biases.
        has_bias: bool,
    },
    /// As layer norm, over all positions of each group of channels.
    GroupNorm {
        /// Groups of channels.
        groups: usize,
        /// Added to the variance.
        eps: f32,
        /// Whether there are biases.
        has_bias: bool,
    },
    /// The average of each of so many windows on each axis of positions: window i from floor(i n /
    /// outputs) to ceil((i + 1) n / outputs).
    AdaptiveAverage {
        /// Outputs on the axis of rows; 1 for sequences.
        height: usize,
        /// Outputs on the axis of columns, or of positions.
        width: usize,
    },
    /// Rows of a table (V, C), by whole numbers.
    Embedding,
    /// The same, then the body, which is its one branch, then the table transposed as the weight of
    /// a last dense layer without biases. The table is the first tensor.
    TiedEmbedding,
    /// x plus a vector for each position.
    Positions,
    /// Multi-head self-attention: weights (C, 3 C) for q, k, v and (C, C) for the output, each with
    /// a bias behind it if there are any.
    Attention {
        /// Heads, of equal size.
        heads: usize,
        /// Whether a position sees only itself and those before it.
        is_causal: bool,
        /// Whether there are biases.
        has_bias: bool,
    },
    /// A recurrent layer in one direction, from a state of zeros: weights (C, G H), biases, hidden
    /// weights (H, G H), biases; gates in PyTorch's order.
    Recurrent {
        /// Its cell.
        cell: RecurrentCell,
        /// Whether it runs from the last position to the first.
        is_reversed: bool,
    },
    /// Layers one after another: those of its one branch.
    Chain,
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
    Sum,
    /// Branches that all get the input, side by side on the last axis.
    Concat,
}

impl Op {
    /// Whether it combines other layers, which [`Spec::branches`](super::Spec::branches) gives.
    ///
    /// ```
    /// use unisono::nn::Op;
    /// assert!(Op::Sum.is_combination() && !Op::Softmax.is_combination());
    /// ```
    pub fn is_combination(&self) -> bool {
        matches!(self, Op::TiedEmbedding | Op::Chain | Op::Sum | Op::Concat)
    }
}

/// The cell of a recurrent layer.
///
/// ```
/// use unisono::nn::{Op, Recurrent, RecurrentCell, Spec};
/// let op = Recurrent::gru(8).reversed().op();
/// assert_eq!(op, Some(Op::Recurrent { cell: RecurrentCell::Gru, is_reversed: true }));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RecurrentCell {
    /// tanh(W x + b + U h + c).
    Tanh,
    /// max(W x + b + U h + c, 0).
    Relu,
    /// Gates r, z, n.
    Gru,
    /// Gates i, f, g, o.
    Lstm,
}
