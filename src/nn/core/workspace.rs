//! Memory that the layers of a replica use one after another in backward.
//!
//! # Why this way
//! What backward needs for a moment (packed operands, gradients between layers) is larger than what
//! it keeps. Buffers of each layer's own are cold whenever its turn comes, and all of them together
//! a third of a replica's memory. What was just given back is still near.

use std::ops::Range;

use crate::nn::kernel::{Arithmetic, Buffer, Packed};

/// Buffers to borrow, and the operands of weight gradients.
///
/// ```
/// use unisono::nn::{Workspace, Isa};
/// let mut workspace = Workspace::new(Isa::detect());
/// let mut buffer = workspace.take(3);
/// buffer[..3].fill(1.0);
/// workspace.put_back([buffer]);
/// // The same memory again, as it was left.
/// assert_eq!(workspace.take(2)[..2], [1.0, 1.0]);
/// ```
#[derive(Debug)]
pub struct Workspace {
    pub(in crate::nn) arithmetic: Arithmetic,
    pub(in crate::nn) left: Packed,
    pub(in crate::nn) right: Packed,
    /// Steps of each shard in the packed operands.
    pub(in crate::nn) steps: Vec<Range<usize>>,
    /// Of the shards' gradients, where they are wanted.
    pub(in crate::nn) squares: Vec<f64>,
    pub(in crate::nn) column_squares: Buffer,
    /// Of shards that wait for their neighbours in the tree.
    pub(in crate::nn) levels: Vec<Buffer>,
    free: Vec<Buffer>,
}

impl Workspace {
    /// An empty one, for the kernels of an arithmetic.
    pub fn new(arithmetic: impl Into<Arithmetic>) -> Self {
        let arithmetic = arithmetic.into();
        Self {
            arithmetic,
            left: Packed::new(arithmetic),
            right: Packed::new(arithmetic),
            steps: Vec::new(),
            squares: Vec::new(),
            column_squares: Buffer::default(),
            levels: Vec::new(),
            free: Vec::new(),
        }
    }

    /// A buffer of at least `len` values, whatever they are: the smallest that suffices.
    pub fn take(&mut self, len: usize) -> Buffer {
        let sizes = self.free.iter().map(|free| free.len()).enumerate();
        let best = sizes.clone().filter(|&(_, size)| size >= len);
        let largest = || sizes.clone().max_by_key(|&(_, size)| size);
        let index = best.min_by_key(|&(_, size)| size).or_else(largest);
        let mut buffer = index.map_or_else(Buffer::default, |(at, _)| self.free.swap_remove(at));
        buffer.grow(len);
        buffer
    }

    /// Gives buffers back.
    pub fn put_back(&mut self, buffers: impl IntoIterator<Item = Buffer>) {
        self.free.extend(buffers);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::kernel::Isa;

    #[test]
    fn the_smallest_buffer_that_suffices_is_lent_and_none_is_made_twice() {
        let mut workspace = Workspace::new(Isa::Portable);
        for _ in 0..3 {
            let (a, b, c) = (workspace.take(10), workspace.take(4), workspace.take(7));
            assert_eq!([a.len(), b.len(), c.len()], [10, 4, 7]);
            workspace.put_back([b, a, c]);
        }
        assert_eq!(workspace.free.len(), 3);
        assert_eq!(workspace.take(11).len(), 11);
        assert_eq!(
            workspace.free.iter().map(|free| free.len()).sum::<usize>(),
            11
        );
    }
}
