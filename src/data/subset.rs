//! Some rows of a data set.

use super::dataset::{Dataset, Labels, LabelsMut};
use super::error::DataError;
use super::scratch::{ROWS, with_scratch};

/// Some rows of a data set, in an order of their own (PyTorch's `Subset`); nothing is copied.
///
/// ```
/// use unisono::data::{DataError, Dataset, Subset, digits};
/// let (train, _) = digits();
/// let part = Subset::new(&train, [7, 3, 3])?;
/// let mut inputs = vec![0.0; 64];
/// part.gather_inputs(&[1], &mut inputs);
/// assert_eq!((part.len(), inputs), (3, train.inputs().row(3).to_vec()));
/// assert!(Subset::new(&train, [1_000_000]).is_err());
/// # Ok::<(), DataError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Subset<D> {
    data: D,
    rows: Vec<u32>,
}

impl<D: Dataset> Subset<D> {
    /// The rows numbered by `rows` of `data`.
    ///
    /// # Errors
    /// [`DataError::Empty`] for none; [`DataError::Combination`] for one that `data` has not.
    pub fn new(data: D, rows: impl Into<Vec<u32>>) -> Result<Self, DataError> {
        let (rows, count) = (rows.into(), data.len());
        if rows.is_empty() {
            return Err(DataError::Empty);
        }
        match rows.iter().find(|&&row| row as usize >= count) {
            Some(&row) => Err(DataError::Combination {
                what: "a subset",
                expected: format!("rows below {count}"),
                got: format!("row {row}"),
            }),
            None => Ok(Self { data, rows }),
        }
    }

    /// Calls `with` with the numbers that these rows have in the data set.
    fn inner<T>(&self, rows: &[u32], with: impl FnOnce(&[u32]) -> T) -> T {
        with_scratch(&ROWS, |inner| {
            inner.extend(rows.iter().map(|&row| self.rows[row as usize]));
            with(inner)
        })
    }
}

impl<D: Dataset> Dataset for Subset<D> {
    fn len(&self) -> usize {
        self.rows.len()
    }

    fn input_len(&self) -> usize {
        self.data.input_len()
    }

    fn input_shape(&self) -> Vec<usize> {
        self.data.input_shape()
    }

    fn labels(&self) -> Labels {
        self.data.labels()
    }

    fn gather_inputs(&self, rows: &[u32], inputs: &mut [f32]) {
        self.inner(rows, |rows| self.data.gather_inputs(rows, inputs));
    }

    fn gather_classes(&self, rows: &[u32], classes: &mut [u32]) {
        self.inner(rows, |rows| self.data.gather_classes(rows, classes));
    }

    fn gather_values(&self, rows: &[u32], values: &mut [f32]) {
        self.inner(rows, |rows| self.data.gather_values(rows, values));
    }

    fn has_weights(&self) -> bool {
        self.data.has_weights()
    }

    fn gather_weights(&self, rows: &[u32], weights: &mut [f32]) {
        self.inner(rows, |rows| self.data.gather_weights(rows, weights));
    }

    fn prefetch(&self, rows: &[u32]) {
        self.inner(rows, |rows| self.data.prefetch(rows));
    }

    fn draw(&self, epoch: u32, rows: &[u32], inputs: &mut [f32], labels: LabelsMut<'_>) {
        self.inner(rows, |rows| self.data.draw(epoch, rows, inputs, labels));
    }

    fn try_draw(
        &self,
        epoch: Option<u32>,
        rows: &[u32],
        inputs: &mut [f32],
        labels: LabelsMut<'_>,
    ) -> Result<(), DataError> {
        self.inner(rows, |rows| self.data.try_draw(epoch, rows, inputs, labels))
    }
}
