//! One position of a recurrent layer: from the gates' arguments to the new state, and back.

use std::fmt::Debug;
use std::ops::Range;

use crate::nn::core::RecurrentCell;

/// What forward reads and writes at one position of one row; slices of H values, gates of G H.
#[derive(Debug)]
pub(super) struct Forward<'a> {
    /// The input's part of the gates' arguments (all of them, where the hidden part is not
    /// separate); left as backward will need it.
    pub(super) gates: &'a mut [f32],
    /// The hidden part, where it is separate; left as backward will need it.
    pub(super) hidden_gates: &'a mut [f32],
    /// The state before.
    pub(super) h_before: &'a [f32],
    pub(super) c_before: &'a [f32],
    /// The new state.
    pub(super) h: &'a mut [f32],
    pub(super) c: &'a mut [f32],
}

/// What backward reads and writes at one position of one row.
#[derive(Debug)]
pub(super) struct Backward<'a> {
    /// As forward left them; become the gradients of the arguments.
    pub(super) gates: &'a mut [f32],
    pub(super) hidden_gates: &'a mut [f32],
    pub(super) h_before: &'a [f32],
    pub(super) c_before: &'a [f32],
    pub(super) h: &'a [f32],
    pub(super) c: &'a [f32],
    /// Gradient of h; becomes what h_before gets besides the hidden product.
    pub(super) dh: &'a mut [f32],
    /// Gradient of c from the position after; becomes that of c_before.
    pub(super) dc: &'a mut [f32],
}

/// A recurrent cell.
pub(super) trait Cell: Send + Sync + Debug {
    /// Its name.
    fn name(&self) -> &'static str;

    /// Which one it is.
    fn kind(&self) -> RecurrentCell;

    /// Gates, each as wide as the state.
    fn num_gates(&self) -> usize;

    /// Whether the hidden part of the gates is kept apart from the input's.
    fn has_separate_hidden_gates(&self) -> bool {
        false
    }

    /// The new state.
    fn forward(&self, at: Forward<'_>);

    /// The gradients.
    fn backward(&self, at: Backward<'_>);
}

/// The slice `own`, to be written, and the slice of the same length at `before`, to be read.
pub(super) fn with_before(
    data: &mut [f32],
    own: Range<usize>,
    before: Option<usize>,
) -> (Option<&[f32]>, &mut [f32]) {
    let len = own.len();
    match before {
        None => (None, &mut data[own]),
        Some(before) if before < own.start => {
            let (left, right) = data.split_at_mut(own.start);
            (Some(&left[before..before + len]), &mut right[..len])
        }
        Some(before) => {
            let (left, right) = data.split_at_mut(before);
            (Some(&right[..len]), &mut left[own])
        }
    }
}
