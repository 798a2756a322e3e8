//! Naive all-reduce: one worker adds everything, in the order of the tree; the oracle.

use super::AllReduce;

/// One worker adds everything, in the order of the tree: the oracle.
///
/// ```
/// use unisono::engine::all_reduce::{AllReduce, Naive};
/// let adders: Vec<usize> = (0..4).map(|segment| Naive.adder(1, segment, 2)).collect();
/// assert_eq!(adders, [0, 0, 0, 0]);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Naive;

impl AllReduce for Naive {
    fn name(&self) -> &str {
        "naive"
    }

    fn adder(&self, _left: usize, _segment: usize, _num_workers: usize) -> usize {
        0
    }
}
