//! Group: the workers of all ranks, as one rank sees them.
//!
//! # Vocabulary
//! A *rank* is a process with workers of its own. It knows its own workers one by one, and each
//! other rank as one: the *members* are the ranks before it, its workers, the ranks after it. So
//! shards in order are shards of members in order, and a training in one process is a group whose
//! members are its workers.
//!
//! # Invariants
//! 1. Which shards a rank has depends on the number of ranks alone: they move between its workers,
//!    never to another rank. So nobody needs to know how another rank shares out its own.
//! 2. Every rank cuts the parameters into the same segments.

use std::ops::Range;
use std::sync::Arc;

use crate::engine::assignment::Assignment;
use crate::engine::shard::part;
use crate::engine::update::BLOCK;

/// Blocks of a segment of several ranks at most, 1 MiB: while one is on its way the one before is
/// added.
const SEGMENT_BLOCKS: usize = 64;

/// The members of a training, as rank `rank` sees them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    rank: usize,
    /// Workers of each rank.
    workers: Arc<[usize]>,
}

/// A part of the parameters, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SegmentPlace {
    pub(crate) cut: Range<usize>,
    /// The rank that owns it.
    pub(crate) rank: usize,
    /// Its number among those of its rank.
    pub(crate) index: usize,
}

impl Group {
    /// One process with this many workers.
    pub(crate) fn alone(num_workers: usize) -> Self {
        Self::new(0, [num_workers].into())
    }

    /// Rank `rank` of as many as there are counts of workers.
    pub(crate) fn new(rank: usize, workers: Arc<[usize]>) -> Self {
        debug_assert!(rank < workers.len() && workers.iter().all(|&count| count > 0));
        Self { rank, workers }
    }

    pub(crate) fn rank(&self) -> usize {
        self.rank
    }

    pub(crate) fn num_ranks(&self) -> usize {
        self.workers.len()
    }

    /// Workers of this rank.
    pub(crate) fn num_workers(&self) -> usize {
        self.workers[self.rank]
    }

    /// Workers of all ranks.
    pub(crate) fn num_all_workers(&self) -> usize {
        self.workers.iter().sum()
    }

    /// Workers of this rank, and other ranks.
    pub(crate) fn num_members(&self) -> usize {
        self.num_ranks() - 1 + self.num_workers()
    }

    /// The members that are workers of this rank.
    pub(crate) fn own_members(&self) -> Range<usize> {
        self.rank..self.rank + self.num_workers()
    }

    /// The member that worker `worker` of this rank is.
    pub(crate) fn member(&self, worker: usize) -> usize {
        self.rank + worker
    }

    /// The worker of this rank that member `member` is, if it is one.
    pub(crate) fn worker_of(&self, member: usize) -> Option<usize> {
        let own = self.own_members();
        own.contains(&member).then(|| member - own.start)
    }

    /// The rank of member `member`.
    pub(crate) fn rank_of(&self, member: usize) -> usize {
        let own = self.own_members();
        if member < own.start {
            member
        } else if member < own.end {
            self.rank
        } else {
            member - self.num_workers() + 1
        }
    }

    /// The member that the other rank `rank` is.
    pub(crate) fn member_of(&self, rank: usize) -> usize {
        debug_assert_ne!(rank, self.rank, "this rank is several members");
        if rank < self.rank {
            rank
        } else {
            rank + self.num_workers() - 1
        }
    }

    /// All other ranks.
    pub(crate) fn others(&self) -> impl Iterator<Item = usize> + use<> {
        let own = self.rank;
        (0..self.num_ranks()).filter(move |&rank| rank != own)
    }

    /// The shards of rank `rank`.
    pub(crate) fn shards(&self, num_shards: usize, rank: usize) -> Range<usize> {
        part(num_shards, self.num_ranks(), rank)
    }

    /// The shards of all members, where this rank's workers share out its own as `own` says.
    pub(crate) fn members(&self, num_shards: usize, own: &Assignment) -> Assignment {
        let mut counts = Vec::with_capacity(self.num_members());
        for rank in 0..self.num_ranks() {
            if rank == self.rank {
                counts.extend(own.counts());
            } else {
                counts.push(self.shards(num_shards, rank).len());
            }
        }
        Assignment::from_counts(&counts)
    }

    /// The shards of this rank's workers, counted from its first one.
    pub(crate) fn own(&self, members: &Assignment) -> Assignment {
        let counts = self
            .own_members()
            .map(|member| members.shards(member).len());
        Assignment::from_counts(&counts.collect::<Vec<_>>())
    }

    /// The segments of `num_params` parameters: one a worker, and of several ranks more of large
    /// ones. Some are empty where there are fewer blocks.
    pub(crate) fn segments(&self, num_params: usize) -> Vec<SegmentPlace> {
        let blocks = num_params.div_ceil(BLOCK);
        let mut places = Vec::new();
        for rank in 0..self.num_ranks() {
            let own = part(blocks, self.num_ranks(), rank);
            let each = self.pieces(rank, own.len());
            places.extend((0..each).map(|index| {
                let range = part(own.len(), each, index);
                let position = |block: usize| ((own.start + block) * BLOCK).min(num_params);
                SegmentPlace {
                    cut: position(range.start)..position(range.end),
                    rank,
                    index,
                }
            }));
        }
        places
    }

    /// How many segments the `blocks` blocks of a rank make.
    fn pieces(&self, rank: usize, blocks: usize) -> usize {
        let workers = self.workers[rank];
        if self.num_ranks() == 1 {
            workers
        } else {
            workers * blocks.div_ceil(workers * SEGMENT_BLOCKS).max(1)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(rank: usize, workers: &[usize]) -> Group {
        Group::new(rank, workers.into())
    }

    #[test]
    fn members_are_the_ranks_before_the_own_workers_and_the_ranks_after() {
        let middle = group(1, &[2, 3, 1, 4]);
        assert_eq!(middle.num_members(), 6);
        assert_eq!(middle.own_members(), 1..4);
        let ranks: Vec<usize> = (0..6).map(|member| middle.rank_of(member)).collect();
        assert_eq!(ranks, [0, 1, 1, 1, 2, 3]);
        for rank in middle.others() {
            assert_eq!(middle.rank_of(middle.member_of(rank)), rank);
        }
        assert_eq!(middle.worker_of(3), Some(2));
        assert_eq!(middle.worker_of(4), None);
        assert_eq!(Group::alone(5).own_members(), 0..5);
    }

    #[test]
    fn members_have_all_shards_in_order_and_ranks_keep_theirs() {
        let all = [2, 3, 1];
        for rank in 0..3 {
            let group = group(rank, &all);
            let own = group.shards(16, rank);
            let even = Assignment::even(own.len(), all[rank]);
            let members = group.members(16, &even);
            assert_eq!(members.num_shards(), 16);
            assert_eq!(group.own(&members), even);
            assert_eq!(members.shards(group.member(0)).start, own.start);
            for other in group.others() {
                assert_eq!(
                    members.shards(group.member_of(other)),
                    group.shards(16, other)
                );
            }
        }
    }

    #[test]
    fn every_rank_cuts_the_parameters_into_the_same_blocks() {
        for num_params in [0, 1, BLOCK, 5 * BLOCK + 1, 1000 * BLOCK + 7] {
            let all = [2, 3, 1];
            let segments = group(0, &all).segments(num_params);
            assert_eq!(segments, group(2, &all).segments(num_params));
            let mut next = 0;
            for place in &segments {
                assert_eq!(place.cut.start, next);
                assert!(place.cut.is_empty() || place.cut.start % BLOCK == 0);
                assert!(place.cut.len() <= SEGMENT_BLOCKS * BLOCK);
                next = place.cut.end;
            }
            assert_eq!(next, num_params);
        }
    }

    #[test]
    fn one_process_has_a_segment_a_worker() {
        let places = Group::alone(3).segments(5 * BLOCK + 1);
        let cuts: Vec<_> = places.into_iter().map(|place| place.cut).collect();
        assert_eq!(
            cuts,
            [0..2 * BLOCK, 2 * BLOCK..4 * BLOCK, 4 * BLOCK..5 * BLOCK + 1]
        );
    }
}
