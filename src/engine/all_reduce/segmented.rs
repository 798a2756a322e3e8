//! Each segment is added by a worker of its own, so that all workers add at the same time.

use super::AllReduce;

/// Each segment is added by a worker of its own, so that all workers add at the same time.
#[derive(Clone, Copy, Debug, Default)]
pub struct Segmented;

impl AllReduce for Segmented {
    fn name(&self) -> &'static str {
        "segmented"
    }

    fn adder(&self, _left: usize, segment: usize, num_workers: usize) -> usize {
        segment % num_workers
    }
}
