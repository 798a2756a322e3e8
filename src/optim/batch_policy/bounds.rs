//! Bounds of a batch: how small and how large a policy may make it.

/// The smallest and the largest batch that a policy may ask for, in rows.
///
/// ```
/// use unisono::optim::BatchBounds;
/// assert_eq!(BatchBounds::fixed(32), BatchBounds { least: 32, most: 32 });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchBounds {
    /// Of the smallest.
    pub least: usize,
    /// Of the largest.
    pub most: usize,
}

impl BatchBounds {
    /// Those of batches that all have `rows` rows.
    pub fn fixed(rows: usize) -> Self {
        Self {
            least: rows,
            most: rows,
        }
    }

    /// `rows`, or what is next to it within the bounds.
    pub(super) fn clamp(self, rows: usize) -> usize {
        rows.clamp(self.least, self.most)
    }
}
