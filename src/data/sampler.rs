//! The order in which an epoch visits the rows.

use std::sync::Arc;

use crate::seed::{Purpose, Stream};

/// All rows, shuffled anew each epoch; a function of seed and epoch alone.
///
/// ```
/// let order = unisono::data::epoch_order(5, 42, 0);
/// assert_eq!(order, unisono::data::epoch_order(5, 42, 0));
/// ```
pub fn epoch_order(rows: u32, seed: u64, epoch: u32) -> Arc<[u32]> {
    Stream::new(seed, Purpose::Shuffle, epoch, 0)
        .permutation(rows)
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn epochs_and_seeds_differ_and_every_row_comes_once() {
        let order = epoch_order(100, 1, 0);
        assert_ne!(order, epoch_order(100, 1, 1));
        assert_ne!(order, epoch_order(100, 2, 0));
        let mut sorted = order.to_vec();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..100).collect::<Vec<_>>());
    }
}
