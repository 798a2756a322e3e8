//! `BlockContext`: a block of rows on its way through the model, in training or evaluation, with
//! its shards and tree nodes. `BackwardArgs`: what a layer's backward reads and writes.

use std::ops::Range;

use crate::engine::AllGather;

/// Whether a block is part of a training step.
///
/// ```
/// use unisono::nn::{BlockContext, Build, Dropout, Isa, Layer, Mode, Spec};
/// let mut dropout = Dropout::new(0.5).build(&64.into(), &mut Build::new(Isa::detect()))?;
/// let mut kept = |mode| {
///     let (mut context, mut y) = (BlockContext::evaluate(1, 0), [1.0; 64]);
///     context.mode = mode;
///     match dropout.in_place() {
///         Some(layer) => layer.forward(&context, &mut y),
///         None => dropout.forward(&context, &[], &[1.0; 64], &mut y),
///     }
///     y.iter().filter(|&&value| value != 0.0).count()
/// };
/// assert_eq!(kept(Mode::Evaluate), 64);
/// assert!(kept(Mode::Train) < 64);
/// # Ok::<(), unisono::nn::NnError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mode {
    /// Dropout is active; batch norm uses the statistics of its rows.
    Train,
    /// Dropout does nothing; batch norm uses its running statistics.
    Evaluate,
}

/// A block of rows on its way through the model.
///
/// ```
/// use unisono::nn::{BlockContext, Mode};
/// let context = BlockContext::evaluate(8, 16);
/// assert_eq!((context.mode, context.rows, context.first), (Mode::Evaluate, 8, 16));
/// assert!(context.nodes.is_empty()); // no gradient of parameters is wanted
/// ```
#[derive(Clone, Copy, Debug)]
pub struct BlockContext<'a> {
    /// Training or evaluation.
    pub mode: Mode,
    /// Rows of the block.
    pub rows: usize,
    /// Position of the first row in the batch: with `seed` and `step`, the place of its random
    /// numbers.
    pub first: usize,
    /// The rows of each shard of the block.
    pub shards: &'a [Range<usize>],
    /// The shards of each tree node of the block.
    pub nodes: &'a [Range<usize>],
    /// The training's seed.
    pub seed: u64,
    /// The step, from 0.
    pub step: u64,
    /// The epoch, from 0.
    pub epoch: u32,
    /// The exchange of values with the other workers, while training in an engine.
    pub all_gather: Option<&'a dyn AllGather>,
    /// For each position of each row, whether it is padding; `None` if the model knows no padding.
    pub mask: Option<&'a [bool]>,
}

impl BlockContext<'_> {
    /// `rows` rows from position `first` on, evaluated, without a gradient.
    pub fn evaluate(rows: usize, first: usize) -> Self {
        Self {
            mode: Mode::Evaluate,
            rows,
            first,
            shards: &[],
            nodes: &[],
            seed: 0,
            step: 0,
            epoch: 0,
            all_gather: None,
            mask: None,
        }
    }

    /// The mask, if it is of sequences of `length` positions.
    pub(in crate::nn) fn mask_of(&self, length: usize) -> Option<&[bool]> {
        self.mask.filter(|mask| mask.len() == self.rows * length)
    }
}

/// What backward sees of forward, and where it writes the gradient of the input.
///
/// Example: [`Layer`](super::Layer).
#[derive(Debug)]
pub struct BackwardArgs<'a> {
    /// The layer's own parameters.
    pub params: &'a [f32],
    /// Its input.
    pub x: &'a [f32],
    /// Its output; something else if the layer does not [need it](super::Properties::needs_output).
    pub y: &'a [f32],
    /// Gradient of the loss with respect to the output; the layer may overwrite it if it
    /// [says so](super::Properties::overwrites_gradient).
    pub dy: &'a mut [f32],
    /// Where the gradient with respect to the input goes; `None` if nobody wants it.
    pub dx: Option<&'a mut [f32]>,
}
