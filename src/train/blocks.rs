//! Outputs of a network for rows of a data set, block by block on all cores.

use ndarray::{ArrayView1, ArrayView2};
use rayon::iter::ParallelIterator;
use rayon::slice::ParallelSlice;

use crate::data::Dataset;
use crate::nn::{Network, NnError};

/// Rows that are predicted at a time.
const BLOCK: usize = 256;

/// What `of_row` makes of each row: its place in the block and its outputs. `labels` reads those of
/// a block's rows. Results are in the order of the rows.
pub(crate) fn of_rows<L, T: Send>(
    network: &Network,
    data: &dyn Dataset,
    rows: &[u32],
    labels: impl Fn(&[u32]) -> L + Sync,
    of_row: impl Fn(Row<'_, L>) -> Result<T, NnError> + Sync,
) -> Result<Vec<T>, NnError> {
    let predictor = network.predictor()?;
    let of_block = |rows: &[u32]| -> Result<Vec<T>, NnError> {
        let mut inputs = vec![0.0; rows.len() * data.input_len()];
        data.gather_inputs(rows, &mut inputs);
        let inputs = ArrayView2::from_shape((rows.len(), data.input_len()), &inputs)
            .expect("a row after another");
        let outputs = predictor.predict(inputs)?;
        let labels = labels(rows);
        let each = rows.iter().zip(outputs.rows()).enumerate();
        let each = each.map(|(place, (&row, outputs))| {
            of_row(Row {
                row: row as usize,
                place,
                labels: &labels,
                outputs,
            })
        });
        each.collect()
    };
    let blocks: Result<Vec<Vec<T>>, NnError> = rows.par_chunks(BLOCK).map(of_block).collect();
    Ok(blocks?.into_iter().flatten().collect())
}

/// A row in its block. Without runs only its outputs are asked for.
#[cfg_attr(not(feature = "run"), allow(dead_code))]
pub(crate) struct Row<'a, L> {
    /// Its number.
    pub(crate) row: usize,
    /// Its place in the block.
    pub(crate) place: usize,
    /// The labels of the block.
    pub(crate) labels: &'a L,
    /// What the network gives for it.
    pub(crate) outputs: ArrayView1<'a, f32>,
}
