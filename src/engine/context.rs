//! Run context: what all workers of a run share, and only read.

use std::ops::Range;

use super::affinity::Placement;
use super::all_reduce::AllReduce;
use super::failure::FailureLatch;
use super::update::{Track, UpdateMode};

/// What all workers of a run share.
#[derive(Debug)]
pub(crate) struct Shared<'a, U> {
    pub(crate) update: &'a U,
    pub(crate) mode: UpdateMode,
    pub(crate) pool: Option<&'a rayon::ThreadPool>,
    pub(crate) placement: &'a Placement,
    pub(crate) latch: &'a FailureLatch,
    pub(crate) num_workers: usize,
    pub(crate) num_shards: usize,
    pub(crate) all_reduce: &'a dyn AllReduce,
    pub(crate) track: Track,
    pub(crate) cuts: &'a [Range<usize>],
    /// Whether every worker owns its share of the parameters.
    pub(crate) owners_are_even: bool,
}

impl<U> Shared<'_, U> {
    /// Whether gradients may be left to their owners: the owners are many, and nobody asks for
    /// shards' gradients.
    pub(crate) fn may_factor(&self) -> bool {
        self.num_workers > 1 && self.owners_are_even && self.track == Track::Nothing
    }
}
