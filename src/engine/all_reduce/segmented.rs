//! Segmented all-reduce: each segment is added by a worker of its own, all at the same time.

use super::AllReduce;

/// Each segment is added by a worker of its own, so that all workers add at the same time.
///
/// ```
/// use unisono::engine::all_reduce::{AllReduce, Segmented};
/// let adders: Vec<usize> = (0..4).map(|segment| Segmented.adder(1, segment, 2)).collect();
/// assert_eq!(adders, [0, 1, 0, 1]);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Segmented;

impl AllReduce for Segmented {
    fn name(&self) -> &str {
        "segmented"
    }

    fn adder(&self, _left: usize, segment: usize, num_workers: usize) -> usize {
        segment % num_workers
    }
}
