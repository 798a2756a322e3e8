//! Block sizes: how many rows run forward and backward at once.
//!
//! # Why this way
//! A block of all rows is best for the weights' products, but its activations pass through memory
//! layer by layer. Where a few rows' activations outweigh the parameters, nodes of the tree of a
//! few whole shards, which stay near the cache, are faster, though each costs the gradient once
//! more: `lstm` 64 by 1.20, `gpt` 12 by 1.08 (2026-11, Sapphire Rapids, 2 MiB of L2 a core, two
//! threads); 16 MiB instead of 8, `lstm` 256 by 1.12, `gpt` 64 by 1.04 (Zen 3, 32 MiB of L3); 24,
//! `gpt` 12 by 1.02, one block where there were two (Zen 4, 32 MiB of L3); and all of them in less
//! memory. Where parameters outweigh them, it costs: `lenet` 256 a sixth. No bit depends on it,
//! since the tree is the same; only [`Blocks::rows`] must not change with the number of threads, as
//! a shard that is larger is a chain of blocks.

/// Rows of a block, at most.
const ROWS: usize = 2048;

/// Memory that a block's activations may take, where that leaves at least one row.
const BYTES: usize = 256 << 20;

/// The same where activations outweigh the parameters.
const SMALL_BYTES: usize = 64 << 20;

/// The same for nodes near the cache.
const NEAR_BYTES: usize = 24 << 20;

/// Rows whose activations must outweigh the parameters.
const OUTWEIGHING: usize = 4;

/// Limits of a model's blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Blocks {
    /// Rows of any block, at most.
    pub(super) rows: usize,
    /// Rows of a block near the cache, if it is worth it.
    near: Option<usize>,
}

impl Blocks {
    /// For a model whose activations take `bytes` a row, of `params` parameters, that wants
    /// `fewest` rows at once.
    pub(super) fn new(bytes: usize, params: usize, fewest: usize) -> Self {
        let is_worth_it = 4 * params <= OUTWEIGHING * bytes;
        let most = if is_worth_it { SMALL_BYTES } else { BYTES };
        let rows = (most / bytes).max(fewest).clamp(1, ROWS);
        let near = (NEAR_BYTES / bytes).max(fewest).clamp(1, rows);
        Self {
            rows,
            near: is_worth_it.then_some(near),
        }
    }

    /// Rows of a block of several shards, the largest of which has `shard` rows. If that alone does
    /// not stay near the cache, nothing is won.
    pub(super) fn node_rows(&self, shard: usize) -> usize {
        match self.near {
            Some(near) if shard <= near => near,
            _ => self.rows,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_models_with_large_activations_take_few_rows_at_once() {
        let lstm = Blocks::new(700_000, 420_289, 8);
        assert_eq!((lstm.rows, lstm.node_rows(4)), (95, 35));
        assert_eq!(lstm.node_rows(36), 95);
        let wide = Blocks::new(20_000_000, 420_289, 8);
        assert_eq!((wide.rows, wide.node_rows(4)), (8, 8));
        let lenet = Blocks::new(250_000, 3_274_634, 1);
        assert_eq!((lenet.rows, lenet.node_rows(16)), (1_073, 1_073));
        let tiny = Blocks::new(1, 0, 1);
        assert_eq!((tiny.rows, tiny.node_rows(9)), (2_048, 2_048));
    }
}
