//! Shards, and the one binary tree in which their gradients are added.
//!
//! A batch of B rows is cut into S shards of consecutive rows, whose sizes differ by at most one.
//! The gradient of the batch is a fixed tree of additions over the shards `0..S`: a node over n > 1
//! shards splits at the largest power of two below n. Workers own contiguous ranges of shards.
//!
//! ```text
//!              0..7                 S = 7 on 3 workers: 0..3, 3..5, 5..7
//!          ┌─────┴─────┐
//!         0..4        4..7          a worker folds the nodes wholly in its range (its *cover*):
//!       ┌──┴──┐     ┌──┴──┐           0: 0..2, 2..3   1: 3..4, 4..5   2: 5..6, 6..7
//!      0..2  2..4  4..6   6         the nodes above are the all-reduce
//! ```
//!
//! # Invariants
//! 1. The tree is a function of S alone; which worker adds what never changes a bit.
//! 2. A binary counter (push a leaf, merge once for each trailing one of its index, merge what is
//!    left from the right) performs exactly the additions of this tree.
//! 3. An empty shard (B < S) is a leaf of exact zeros, and is added like any other.

use std::ops::Range;

/// A node of the tree: the shards it adds up.
///
/// ```
/// use unisono::engine::{Node, split_point};
/// let root: Node = 0..7;
/// let middle = root.start + split_point(root.len());
/// assert_eq!([root.start..middle, middle..root.end], [0..4, 4..7]);
/// ```
pub type Node = Range<usize>;

/// Part `index` of `len` things in `parts` contiguous parts whose sizes differ by at most one.
///
/// The larger ones are spread evenly, so that any contiguous parts together have their share, too:
/// with all of them in front the worker of the first shards had twice the rows of the last (`gpt`,
/// 24 rows in 16 shards on two threads: 35.7 ms a step, 27.8 ms with equal shards, 2026-11-25).
///
/// ```
/// use unisono::engine::part;
/// assert_eq!(part(100, 7, 6), 85..100);
/// assert_eq!([0, 1, 2, 3].map(|index| part(6, 4, index).len()), [1, 2, 1, 2]);
/// ```
pub fn part(len: usize, parts: usize, index: usize) -> Range<usize> {
    index * len / parts..(index + 1) * len / parts
}

/// The default number of shards for a batch: `min(B, max(4, min(16, positions / 64)))`, at least 1.
///
/// `positions_per_row` is 1 for dense nets, else the sequence length or the number of image
/// positions. Folding after fewer than 64 positions costs a measurable share of the weight gradient
/// (`benches/step.rs`).
///
/// ```
/// use unisono::engine::default_shards;
/// assert_eq!([2, 32, 1024].map(|rows| default_shards(rows, 1)), [2, 4, 16]);
/// assert_eq!(default_shards(8, 64), 8);
/// ```
pub fn default_shards(batch_size: usize, positions_per_row: usize) -> usize {
    let positions = batch_size.saturating_mul(positions_per_row);
    batch_size.min((positions / 64).clamp(4, 16)).max(1)
}

/// Where a node over `len > 1` leaves splits: the largest power of two below `len`.
///
/// ```
/// use unisono::engine::split_point;
/// assert_eq!([2, 3, 4, 5, 16].map(split_point), [1, 2, 2, 4, 8]);
/// ```
pub fn split_point(len: usize) -> usize {
    len.next_power_of_two() / 2
}

/// The largest nodes of the tree over `0..num_shards` that lie wholly within `range`, in order.
pub(crate) fn cover(num_shards: usize, range: Range<usize>) -> impl Iterator<Item = Node> {
    let mut from = range.start;
    std::iter::from_fn(move || {
        if from >= range.end {
            return None;
        }
        // The largest node that begins at `from` and ends within the range.
        let mut node = 0..num_shards;
        while node.start < from || node.end > range.end {
            let middle = node.start + split_point(node.len());
            node = if from < middle {
                node.start..middle
            } else {
                middle..node.end
            };
        }
        from = node.end;
        Some(node)
    })
}

/// How many partial sums the fold of a node over `len` leaves holds at once.
///
/// ```
/// use unisono::engine::fold_depth;
/// assert_eq!([1, 2, 4, 8].map(fold_depth), [1, 2, 3, 4]);
/// assert_eq!(fold_depth(7), fold_depth(8));
/// ```
pub fn fold_depth(len: usize) -> usize {
    len.next_power_of_two().trailing_zeros() as usize + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_contiguous_and_differ_by_at_most_one() {
        for (len, parts) in [(100, 7), (5, 16), (0, 3), (16, 16), (1, 1)] {
            let mut next = 0;
            for index in 0..parts {
                let range = part(len, parts, index);
                assert_eq!(range.start, next);
                assert!(range.len() == len / parts || range.len() == len / parts + 1);
                next = range.end;
            }
            assert_eq!(next, len);
        }
    }

    #[test]
    fn workers_have_the_same_rows_up_to_one_and_their_shards() {
        for (rows, shards, workers) in [(24, 16, 2), (100, 16, 3), (29, 4, 2), (1000, 64, 7)] {
            let of_worker = |w: usize| -> usize {
                let own = part(shards, workers, w);
                own.map(|shard| part(rows, shards, shard).len()).sum()
            };
            let all: Vec<usize> = (0..workers).map(of_worker).collect();
            let spread = all.iter().max().unwrap() - all.iter().min().unwrap();
            // A shard more or less is what whole shards allow.
            let most = 1 + usize::from(shards % workers > 0) * rows.div_ceil(shards);
            assert!(spread <= most, "{rows} rows, {shards} shards: {all:?}");
        }
    }

    #[test]
    fn the_default_grows_with_the_batch_from_4_to_16() {
        let expected = [
            (1, 1),
            (3, 3),
            (32, 4),
            (256, 4),
            (512, 8),
            (1024, 16),
            (65_536, 16),
        ];
        for (batch_size, shards) in expected {
            assert_eq!(default_shards(batch_size, 1), shards, "batch {batch_size}");
        }
        assert_eq!(default_shards(64, 28 * 28), 16);
    }

    #[test]
    fn covers_tile_the_range_with_nodes_of_the_tree() {
        for num_shards in 1..40 {
            for workers in 1..=num_shards {
                let mut next = 0;
                for w in 0..workers {
                    for node in cover(num_shards, part(num_shards, workers, w)) {
                        assert_eq!(node.start, next);
                        assert!(cover(num_shards, node.clone()).eq([node.clone()]));
                        next = node.end;
                    }
                }
                assert_eq!(next, num_shards);
            }
        }
    }

    #[test]
    fn a_binary_counter_adds_in_the_order_of_the_tree() {
        fn by_tree(leaves: Range<usize>) -> String {
            if leaves.len() == 1 {
                return leaves.start.to_string();
            }
            let middle = leaves.start + split_point(leaves.len());
            format!(
                "({}+{})",
                by_tree(leaves.start..middle),
                by_tree(middle..leaves.end)
            )
        }
        for len in 1..40_usize {
            let mut stack: Vec<String> = Vec::new();
            let mut deepest = 0;
            let merge = |stack: &mut Vec<String>| {
                let right = stack.pop().unwrap();
                let left = stack.pop().unwrap();
                stack.push(format!("({left}+{right})"));
            };
            for leaf in 0..len {
                stack.push(leaf.to_string());
                deepest = deepest.max(stack.len());
                (0..leaf.trailing_ones()).for_each(|_| merge(&mut stack));
            }
            while stack.len() > 1 {
                merge(&mut stack);
            }
            assert_eq!(stack[0], by_tree(0..len));
            assert!(deepest <= fold_depth(len), "{len} leaves: {deepest} deep");
        }
    }
}
