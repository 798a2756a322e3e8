//! Destinations of a replica's gradients: the worker's own buffers, or a node's of the replica.

use std::ops::Range;

use crate::engine::{Fold, squared_norm};
use crate::nn::core::Destinations;

/// A single node's gradient, and the squares of its shards', if any are wanted.
pub(super) struct Single<'a>(pub(super) &'a mut [f32], pub(super) &'a mut [f64]);

impl Destinations for Single<'_> {
    fn grad(&mut self, _which: usize) -> &mut [f32] {
        self.0
    }

    fn squares(&mut self) -> Option<&mut [f64]> {
        (!self.1.is_empty()).then_some(&mut *self.1)
    }
}

/// The worker's own gradient buffers, and the squares of its shards', if any are wanted; or its
/// part of factored gradients.
pub(super) struct Own<'f, 'a>(pub(super) &'f mut Fold<'a>, pub(super) &'f mut [f64]);

impl Destinations for Own<'_, '_> {
    fn grad(&mut self, which: usize) -> &mut [f32] {
        self.0.grad(which)
    }

    fn publish(&mut self, range: &Range<usize>, factors: &[&[f32]]) -> bool {
        self.0.publish(range, factors)
    }

    fn squares(&mut self) -> Option<&mut [f64]> {
        (!self.1.is_empty()).then_some(&mut *self.1)
    }
}

/// The square of a gradient's norm, running statistics left out.
pub(super) fn trained_square(grad: &[f32], statistics: &[Range<usize>]) -> f64 {
    let (mut sum, mut start) = (0.0, 0);
    for range in statistics {
        sum += squared_norm(&grad[start..range.start]);
        start = range.end;
    }
    sum + squared_norm(&grad[start..])
}
