//! Tree all-reduce: whole gradients climb a binary tree, the worker of the left part adds.

use super::AllReduce;

/// Whole gradients climb a binary tree: the worker of the left part adds.
///
/// ```
/// use unisono::engine::all_reduce::{AllReduce, Tree};
/// let adders: Vec<usize> = (0..4).map(|segment| Tree.adder(1, segment, 2)).collect();
/// assert_eq!(adders, [1, 1, 1, 1]);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Tree;

impl AllReduce for Tree {
    fn name(&self) -> &str {
        "tree"
    }

    fn adder(&self, left: usize, _segment: usize, _num_workers: usize) -> usize {
        left
    }
}
