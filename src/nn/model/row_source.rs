//! `RowSource`: where a replica gets its rows from.

use crate::nn::loss::TargetsMut;

/// Where a replica gets its rows from; `train` implements it over data sets.
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
}
