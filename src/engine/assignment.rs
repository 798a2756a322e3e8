//! Assignment: which worker computes which shards.

use std::ops::Range;
use std::sync::Arc;

use super::batch::Batch;
use super::error::EngineError;
use super::shard::part;

/// Contiguous ranges of shards, one a worker, in the workers' order. It changes no bit of what is
/// trained.
///
/// ```
/// use unisono::engine::Assignment;
/// let even = Assignment::even(16, 2);
/// assert_eq!(even.counts().collect::<Vec<_>>(), [8, 8]);
/// let uneven = Assignment::from_counts(&[9, 7]);
/// assert_eq!((uneven.num_shards(), uneven.shards(1)), (16, 9..16));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// The shard after each worker's last.
    ends: Arc<[usize]>,
}

impl Assignment {
    /// The same number of shards for each worker, give or take one.
    pub fn even(num_shards: usize, num_workers: usize) -> Self {
        let ends = (0..num_workers).map(|worker| part(num_shards, num_workers, worker).end);
        Self {
            ends: ends.collect(),
        }
    }

    /// A count of shards for each worker.
    pub fn from_counts(counts: &[usize]) -> Self {
        let ends = counts.iter().scan(0, |end, count| {
            *end = count.saturating_add(*end);
            Some(*end)
        });
        Self {
            ends: ends.collect(),
        }
    }

    /// Shards of a batch.
    pub fn num_shards(&self) -> usize {
        self.ends.last().copied().unwrap_or(0)
    }

    /// Workers.
    pub fn num_workers(&self) -> usize {
        self.ends.len()
    }

    /// The shards of worker `worker`, which may be none.
    ///
    /// # Panics
    /// If there is no such worker.
    pub fn shards(&self, worker: usize) -> Range<usize> {
        let before = worker.checked_sub(1).map_or(0, |before| self.ends[before]);
        before..self.ends[worker]
    }

    /// The worker that has `shard`; `None` beyond the last one.
    pub(crate) fn worker_of(&self, shard: usize) -> Option<usize> {
        let worker = self.ends.partition_point(|&end| end <= shard);
        (worker < self.ends.len()).then_some(worker)
    }

    /// How many shards each worker has.
    pub fn counts(&self) -> impl Iterator<Item = usize> {
        (0..self.num_workers()).map(|worker| self.shards(worker).len())
    }

    /// Workers that have shards.
    pub(crate) fn num_busy(&self) -> usize {
        self.counts().filter(|&count| count > 0).count()
    }

    /// Positions, within a batch of `rows` rows, of the rows of worker `worker`.
    ///
    /// ```
    /// use unisono::engine::Assignment;
    /// let even = Assignment::even(4, 3);
    /// assert_eq!([0, 1, 2].map(|worker| even.rows(worker, 10)), [0..2, 2..5, 5..10]);
    /// ```
    pub fn rows(&self, worker: usize, rows: usize) -> Range<usize> {
        rows_of(self.shards(worker), self.num_shards(), rows)
    }

    /// Whether it fits this many shards and workers.
    pub(crate) fn check(
        &self,
        expected_shards: usize,
        expected_workers: usize,
    ) -> Result<(), EngineError> {
        let (shards, workers) = (self.num_shards(), self.num_workers());
        if shards == expected_shards && workers == expected_workers {
            return Ok(());
        }
        Err(EngineError::Assignment {
            expected_shards,
            expected_workers,
            shards,
            workers,
        })
    }
}

/// Positions, within a batch of `rows` rows in `num_shards` shards, of the rows of some of them.
pub(crate) fn rows_of(shards: Range<usize>, num_shards: usize, rows: usize) -> Range<usize> {
    let start = |shard| part(rows, num_shards.max(1), shard).start;
    start(shards.start)..start(shards.end)
}

/// What a replica decides by which parameters it leaves to their owners.
///
/// ```
/// use unisono::engine::{Assignment, StepShape};
/// let even = Assignment::even(4, 2);
/// let shape = StepShape { rows: 10, assignment: &even };
/// assert_eq!(shape.worker_rows(1), 5..10);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct StepShape<'a> {
    /// Rows of the batch.
    pub rows: usize,
    /// Its shards, and the workers, at least 2.
    pub assignment: &'a Assignment,
}

impl<'a> StepShape<'a> {
    pub(crate) fn new(batch: &Batch, assignment: &'a Assignment) -> Self {
        Self {
            rows: batch.range.len(),
            assignment,
        }
    }

    /// Workers.
    pub fn workers(&self) -> usize {
        self.assignment.num_workers()
    }

    /// Positions of the rows of worker `worker` within the batch.
    pub fn worker_rows(&self, worker: usize) -> Range<usize> {
        self.assignment.rows(worker, self.rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_a_worker_are_those_of_its_shards() {
        for counts in [vec![4, 3], vec![0, 7], vec![7, 0, 0], vec![1, 2, 1, 3]] {
            let assignment = Assignment::from_counts(&counts);
            for rows in [1, 5, 7, 29, 1000] {
                for worker in 0..counts.len() {
                    let shards = assignment.shards(worker);
                    let of_shards: usize = shards.map(|shard| part(rows, 7, shard).len()).sum();
                    assert_eq!(assignment.rows(worker, rows).len(), of_shards);
                }
                let all = (0..counts.len()).map(|worker| assignment.rows(worker, rows));
                assert!(all.clone().next().is_some_and(|first| first.start == 0));
                assert_eq!(all.map(|own| own.len()).sum::<usize>(), rows);
            }
        }
    }
}
