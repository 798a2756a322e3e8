//! Sizes of a recurrent layer, its settings, and where its positions lie.

use super::state::Start;
use crate::nn::core::Init;
use crate::nn::kernel::Rows;

/// The sizes of a recurrent layer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    /// T.
    pub(super) length: usize,
    /// C.
    pub(super) channels: usize,
    /// H.
    pub(super) hidden: usize,
    /// G H.
    pub(super) gates: usize,
}

impl Sizes {
    /// Parameters of the input's part; the hidden states' follow.
    pub(super) fn input_params(self) -> usize {
        (self.channels + 1) * self.gates
    }
}

/// How a recurrent layer starts, and which way it runs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    /// Of all its parameters.
    pub(super) init: Init,
    /// Whether it runs from the last position to the first.
    pub(super) is_reversed: bool,
    /// The state before the first position.
    pub(super) start: Start,
}

/// A position, and the one before it in the layer's direction.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) position: usize,
    pub(super) before: Option<usize>,
}

impl Step {
    /// Step number `index` over `length` positions, from the last on if `is_reversed`.
    pub(super) fn new(index: usize, length: usize, is_reversed: bool) -> Self {
        if is_reversed {
            let position = length - 1 - index;
            let before = (index > 0).then_some(position + 1);
            Self { position, before }
        } else {
            Self {
                position: index,
                before: index.checked_sub(1),
            }
        }
    }
}

/// What all positions of a block leave in forward.
#[derive(Debug)]
pub(super) struct Activations<'a> {
    pub(super) gates: &'a mut [f32],
    pub(super) hidden_gates: &'a mut [f32],
    pub(super) c: &'a mut [f32],
    pub(super) h: &'a mut [f32],
}

/// Sequences (B, T, width).
#[derive(Clone, Copy, Debug)]
pub(super) struct Sequences<'a> {
    pub(super) data: &'a [f32],
    pub(super) rows: usize,
    pub(super) length: usize,
    pub(super) width: usize,
}

impl<'a> Sequences<'a> {
    /// Position `position` of every row, as a matrix of B rows.
    pub(super) fn at(self, position: usize) -> Rows<'a> {
        Rows {
            data: &self.data[position * self.width..],
            count: self.rows,
            depth: self.width,
            stride: self.length * self.width,
        }
    }
}
