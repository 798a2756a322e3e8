//! What training asks of a data set.

/// What a row is labelled with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Labels {
    /// One class, a number below this.
    Classes(usize),
    /// A class below `classes` for each of `len` positions of the row.
    Sequence {
        /// Classes below this number.
        classes: usize,
        /// Positions of a row.
        len: usize,
    },
    /// So many values.
    Values(usize),
}

/// Rows of equal width, each with a label. Workers call it at the same time, each for its own rows.
pub trait Dataset: Send + Sync {
    /// The number of rows.
    fn len(&self) -> usize;

    /// Whether there are no rows.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Values in a row's input.
    fn input_len(&self) -> usize;

    /// What rows are labelled with.
    fn labels(&self) -> Labels;

    /// Writes the inputs of `rows` one after another.
    fn gather_inputs(&self, rows: &[u32], inputs: &mut [f32]);

    /// Writes the classes of `rows`, for sequences all positions of a row after another. Called only if
    /// [`Dataset::labels`] says classes or sequence.
    fn gather_classes(&self, rows: &[u32], classes: &mut [u32]);

    /// Writes the label values of `rows` one after another. Called only if [`Dataset::labels`] says values.
    fn gather_values(&self, rows: &[u32], values: &mut [f32]);
}
