//! A batch: the rows of one step, and the shards that it is cut into.

use std::ops::Range;
use std::sync::Arc;

use super::shard::part;

/// The rows of one step: positions `range` of `order`, which lists row numbers of data set
/// `source`.
///
/// ```
/// use unisono::engine::Batch;
/// let epoch: std::sync::Arc<[u32]> = (0..10).rev().collect();
/// let batch = Batch { range: 4..8, ..Batch::whole(epoch, 1) };
/// assert_eq!(batch.rows(), [5, 4, 3, 2]);
/// ```
#[derive(Clone, Debug)]
pub struct Batch {
    /// Which of the replica's data sets the rows belong to; `train` uses 0 to train and 1 to
    /// evaluate.
    pub source: usize,
    /// Row numbers, usually those of a whole epoch.
    pub order: Arc<[u32]>,
    /// The part of `order` that this batch takes.
    pub range: Range<usize>,
    /// The epoch, from 0, for the replica's counter-based randomness.
    pub epoch: u32,
    /// The step, from 0, counted over the whole training.
    pub step: u64,
}

impl Batch {
    /// All rows of `order`, from data set 0, as step `step` of epoch 0.
    ///
    /// ```
    /// use unisono::engine::Batch;
    /// let batch = Batch::whole((0..10).collect(), 3);
    /// assert_eq!(batch.shard(4, 3).rows, [7, 8, 9]);
    /// ```
    pub fn whole(order: Arc<[u32]>, step: u64) -> Self {
        Self {
            source: 0,
            range: 0..order.len(),
            order,
            epoch: 0,
            step,
        }
    }

    /// The batch's row numbers.
    pub fn rows(&self) -> &[u32] {
        &self.order[self.range.clone()]
    }

    /// What tells it from other batches: of its rows, their order, its source and its epoch.
    pub(crate) fn fingerprint(&self) -> u64 {
        let mix = |hash: u64, value: u64| (hash ^ value).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let place = [
            self.source as u64,
            u64::from(self.epoch),
            self.range.len() as u64,
        ];
        let start = place.into_iter().fold(0, mix);
        let rows = self.rows().iter().map(|&row| u64::from(row));
        rows.fold(start, |hash, row| mix(hash.rotate_left(23), row))
    }

    /// Shard `index`, below `num_shards`, of this batch; shards differ by at most one row.
    pub fn shard(&self, num_shards: usize, index: usize) -> Shard<'_> {
        let range = part(self.range.len(), num_shards, index);
        Shard {
            batch: self,
            index,
            rows: &self.rows()[range.clone()],
            first: range.start,
        }
    }
}

/// Some consecutive rows of a batch.
///
/// ```
/// use unisono::engine::Batch;
/// let batch = Batch::whole((10..15).collect(), 0);
/// let shard = batch.shard(2, 1);
/// assert_eq!((shard.rows, shard.first), (&[12, 13, 14][..], 2));
/// assert!(batch.shard(8, 0).rows.is_empty());
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Shard<'a> {
    /// The batch it was cut from.
    pub batch: &'a Batch,
    /// Its number in the batch.
    pub index: usize,
    /// Its row numbers; empty where the batch has fewer rows than shards.
    pub rows: &'a [u32],
    /// The position of its first row in the batch.
    pub first: usize,
}
