//! Numbers of rows that a training goes over.

/// Rows of a training set and of a test set.
///
/// ```
/// use unisono::train::RowCounts;
/// assert_eq!(RowCounts::training(100), RowCounts { train: 100, test: 0 });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowCounts {
    /// Those that are trained on, at least 1.
    pub train: usize,
    /// Those that are evaluated after each epoch; 0 for none.
    pub test: usize,
}

impl RowCounts {
    /// Rows to train on, none to evaluate.
    pub fn training(train: usize) -> Self {
        Self { train, test: 0 }
    }
}
