//! `RowSource`: where a replica gets its rows from.

use crate::nn::loss::TargetsMut;

/// Where a replica gets its rows from; `train` implements it over data sets. One that cannot give a
/// row ends the step by [`fail`](crate::engine::fail).
///
/// ```
/// use unisono::nn::{RowSource, TargetsMut};
///
/// /// Row number i is the number i, and so is its target.
/// struct Numbers;
///
/// impl RowSource for Numbers {
///     fn gather(&self, _source: usize, _epoch: u32, rows: &[u32], inputs: &mut [f32], targets: TargetsMut<'_>) {
///         let TargetsMut::Values(values) = targets else { panic!("numbers are values") };
///         for ((&row, input), value) in rows.iter().zip(inputs).zip(values) {
///             (*input, *value) = (row as f32, row as f32);
///         }
///     }
/// }
///
/// let (mut inputs, mut values) = ([0.0; 2], [0.0; 2]);
/// Numbers.gather(0, 0, &[7, 2], &mut inputs, TargetsMut::Values(&mut values));
/// assert_eq!((inputs, values), ([7.0, 2.0], [7.0, 2.0]));
/// ```
pub trait RowSource: Send + Sync {
    /// Writes the rows, one after another, to `inputs`, and their targets to `targets`; both are
    /// exactly as long as these rows. `source` is the number of the data set.
    fn gather(
        &self,
        source: usize,
        epoch: u32,
        rows: &[u32],
        inputs: &mut [f32],
        targets: TargetsMut<'_>,
    );

    /// Writes how much each row counts in the loss, a finite number of at least 0, and says whether
    /// rows have such weights: by default they have none, and count alike.
    fn weigh(&self, _source: usize, _rows: &[u32], _weights: &mut [f32]) -> bool {
        false
    }
}

impl<S: RowSource + ?Sized> RowSource for std::sync::Arc<S> {
    fn gather(
        &self,
        source: usize,
        epoch: u32,
        rows: &[u32],
        inputs: &mut [f32],
        targets: TargetsMut<'_>,
    ) {
        (**self).gather(source, epoch, rows, inputs, targets);
    }

    fn weigh(&self, source: usize, rows: &[u32], weights: &mut [f32]) -> bool {
        (**self).weigh(source, rows, weights)
    }
}
