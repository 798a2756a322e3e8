//! The reduced step: sums over the whole batch, the gradient's norm, norms over its shards.

use super::sums::Sums;

/// What the master sees before it decides.
///
/// ```
/// use unisono::engine::{Reduced, Sums};
/// let sums = Sums { loss: f64::INFINITY, weight: 32.0, rows: 32.0, correct: 0.0, ..Sums::default() };
/// assert!(!Reduced { sums, grad_norm: 1.5, shards: None }.is_finite());
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reduced {
    /// Sums over the whole batch.
    pub sums: Sums,
    /// The L2 norm of the mean gradient; 0 where no row counts.
    pub grad_norm: f64,
    /// What the shards' own gradients tell, if they are tracked ([`super::Track::ShardNorms`]).
    pub shards: Option<ShardNorms>,
}

/// Sums over the shards of a batch, of which each has rows that count and a gradient (their sum).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ShardNorms {
    /// Shards that are not empty.
    pub count: usize,
    /// The sum of the squares of the gradients' L2 norms.
    pub squares: f64,
    /// The sum of the squares of the numbers of rows.
    pub row_squares: f64,
    /// The square of the L2 norm of the whole batch's gradient.
    pub whole: f64,
}

impl ShardNorms {
    /// Counts a shard.
    pub(crate) fn add(&mut self, rows: f64, square: f64) {
        self.count += usize::from(rows > 0.0);
        self.squares += square;
        self.row_squares += rows * rows;
    }
}

impl Reduced {
    /// Whether loss and gradient are finite, so that an update makes sense.
    pub fn is_finite(&self) -> bool {
        self.sums.loss.is_finite() && self.grad_norm.is_finite()
    }

    /// Whether there is a mean to make a step by: some row counts, loss and gradient are finite.
    pub fn is_usable(&self) -> bool {
        !self.sums.is_empty() && self.is_finite()
    }
}
