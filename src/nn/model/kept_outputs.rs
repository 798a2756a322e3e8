//! Kept outputs: those of the rows of an evaluation, which each worker writes down as it has them, for
//! metrics that need all of them.

use ndarray::Array2;

use crate::sync::Mutex;

/// Outputs of rows, block by block in the order in which workers came to them.
#[derive(Debug, Default)]
pub(crate) struct KeptOutputs(Mutex<Vec<Block>>);

/// Rows, and their outputs one after another.
#[derive(Debug)]
struct Block {
    rows: Vec<u32>,
    outputs: Vec<f32>,
}

impl KeptOutputs {
    pub(super) fn keep(&self, rows: &[u32], outputs: &[f32]) {
        let (rows, outputs) = (rows.to_vec(), outputs.to_vec());
        self.0.lock().push(Block { rows, outputs });
    }

    /// Those of rows 0 to `rows`, (rows, outputs), and forgets them. A row that was not evaluated has
    /// NaN; of one that was evaluated again, as after a worker's panic, both are the same.
    pub(crate) fn take(&self, rows: usize, width: usize) -> Array2<f32> {
        let blocks = std::mem::take(&mut *self.0.lock());
        let mut all = Array2::from_elem((rows, width), f32::NAN);
        for block in &blocks {
            for (&row, outputs) in block.rows.iter().zip(block.outputs.chunks_exact(width)) {
                let to = all.row_mut(row as usize).into_slice();
                to.expect("rows lie in a piece").copy_from_slice(outputs);
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_in_any_order_are_the_rows_in_theirs() {
        let kept = KeptOutputs::default();
        kept.keep(&[2, 0], &[4.0, 5.0, 0.0, 1.0]);
        kept.keep(&[1], &[2.0, 3.0]);
        let all = kept.take(4, 2);
        let rows: Vec<f32> = all.iter().copied().take(6).collect();
        assert_eq!(rows, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
        assert!(all.row(3).iter().all(|output| output.is_nan()));
        assert!(kept.take(1, 2).iter().all(|output| output.is_nan()));
    }
}
