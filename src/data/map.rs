//! Rows whose inputs are changed by a function.

use std::convert::Infallible as Sure;

use super::dataset::{Dataset, Labels, LabelsMut};
use super::error::DataError;
use super::scratch::{VALUES, with_scratch};

/// The rows of a data set with their inputs changed by a function, row by row.
///
/// ```
/// use unisono::data::{DataError, Dataset, MapDataset, digits};
/// let (train, _) = digits();
/// // Halves of the pictures, upper and lower, as their sums.
/// let halves = MapDataset::new(&train, [2], |pixels, sums| {
///     sums[0] = pixels[..32].iter().sum::<f32>();
///     sums[1] = pixels[32..].iter().sum::<f32>();
/// })?;
/// let mut sums = [0.0; 2];
/// halves.gather_inputs(&[5], &mut sums);
/// assert_eq!(sums[0] + sums[1], train.inputs().row(5).iter().sum::<f32>());
/// # Ok::<(), DataError>(())
/// ```
#[derive(Clone)]
pub struct MapDataset<D, F> {
    data: D,
    shape: Vec<usize>,
    map: F,
}

impl<D: Dataset, F: Fn(&[f32], &mut [f32]) + Send + Sync> MapDataset<D, F> {
    /// Rows of `shape`, each written by `map` from a row's inputs. It must always write the same
    /// for the same inputs.
    ///
    /// # Errors
    /// [`DataError::NoInputs`] for a shape without values.
    pub fn new(data: D, shape: impl Into<Vec<usize>>, map: F) -> Result<Self, DataError> {
        let shape = shape.into();
        if shape.iter().product::<usize>() == 0 {
            return Err(DataError::NoInputs);
        }
        Ok(Self { data, shape, map })
    }

    /// Calls `write` with memory for the rows as they were, then maps them.
    fn mapped<E>(
        &self,
        rows: usize,
        inputs: &mut [f32],
        write: impl FnOnce(&mut [f32]) -> Result<(), E>,
    ) -> Result<(), E> {
        let (from, to) = (self.data.input_len(), self.input_len());
        with_scratch(&VALUES, |plain| {
            plain.resize(rows * from, 0.0);
            write(plain)?;
            let pairs = plain.chunks_exact(from).zip(inputs.chunks_exact_mut(to));
            pairs.for_each(|(from, to)| (self.map)(from, to));
            Ok(())
        })
    }
}

impl<D: Dataset, F: Fn(&[f32], &mut [f32]) + Send + Sync> Dataset for MapDataset<D, F> {
    fn len(&self) -> usize {
        self.data.len()
    }

    fn input_len(&self) -> usize {
        self.shape.iter().product()
    }

    fn input_shape(&self) -> Vec<usize> {
        self.shape.clone()
    }

    fn labels(&self) -> Labels {
        self.data.labels()
    }

    fn gather_inputs(&self, rows: &[u32], inputs: &mut [f32]) {
        let Ok(()) = self.mapped::<Sure>(rows.len(), inputs, |plain| {
            self.data.gather_inputs(rows, plain);
            Ok(())
        });
    }

    fn gather_classes(&self, rows: &[u32], classes: &mut [u32]) {
        self.data.gather_classes(rows, classes);
    }

    fn gather_values(&self, rows: &[u32], values: &mut [f32]) {
        self.data.gather_values(rows, values);
    }

    fn has_weights(&self) -> bool {
        self.data.has_weights()
    }

    fn gather_weights(&self, rows: &[u32], weights: &mut [f32]) {
        self.data.gather_weights(rows, weights);
    }

    fn prefetch(&self, rows: &[u32]) {
        self.data.prefetch(rows);
    }

    fn draw(&self, epoch: u32, rows: &[u32], inputs: &mut [f32], labels: LabelsMut<'_>) {
        let Ok(()) = self.mapped::<Sure>(rows.len(), inputs, |plain| {
            self.data.draw(epoch, rows, plain, labels);
            Ok(())
        });
    }

    fn try_draw(
        &self,
        epoch: Option<u32>,
        rows: &[u32],
        inputs: &mut [f32],
        labels: LabelsMut<'_>,
    ) -> Result<(), DataError> {
        self.mapped(rows.len(), inputs, |plain| {
            self.data.try_draw(epoch, rows, plain, labels)
        })
    }
}

impl<D, F> std::fmt::Debug for MapDataset<D, F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("MapDataset").field(&self.shape).finish()
    }
}
