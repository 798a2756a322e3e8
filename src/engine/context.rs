//! Run context: what all workers of a run share, and only read.

use std::ops::Range;

use super::affinity::Placement;
use super::all_reduce::AllReduce;
use super::batch::Batch;
use super::failure::FailureLatch;
use super::faults::Faults;
use super::mailbox::{Progress, Waiting, Watch};
use super::ranks::group::{Group, SegmentPlace};
use super::ranks::header::{Header, Operation};
use super::ranks::hub::Hub;
use super::timing::Doing;
use super::update::{Track, UpdateMode};
use super::watchdog::Board;

/// What all workers of a run share.
#[derive(Debug)]
pub(crate) struct Shared<'a, U> {
    pub(crate) update: &'a U,
    pub(crate) mode: UpdateMode,
    pub(crate) pool: Option<&'a rayon::ThreadPool>,
    pub(crate) group: &'a Group,
    pub(crate) places: &'a [SegmentPlace],
    /// The connection to other ranks.
    pub(crate) hub: Option<&'a Hub>,
    pub(crate) placement: &'a Placement,
    pub(crate) latch: &'a FailureLatch,
    pub(crate) num_workers: usize,
    pub(crate) num_shards: usize,
    pub(crate) all_reduce: &'a dyn AllReduce,
    pub(crate) track: Track,
    pub(crate) cuts: &'a [Range<usize>],
    /// Whether every worker owns its share of the parameters.
    pub(crate) owners_are_even: bool,
    /// What workers do, where a watchdog looks.
    pub(crate) board: Option<&'a Board>,
    pub(crate) faults: Faults,
}

impl<U> Shared<'_, U> {
    /// Whether gradients may be left to their owners: the owners are many, of this process, and
    /// nobody asks for shards' gradients.
    pub(crate) fn may_factor(&self) -> bool {
        self.num_workers > 1
            && self.hub.is_none()
            && self.owners_are_even
            && self.track == Track::Nothing
    }

    /// What this rank does with `batch`, to be told to others.
    pub(crate) fn header(&self, operation: Operation, batch: &Batch) -> Header {
        let fingerprint = self.hub.map_or(0, |_| batch.fingerprint());
        Header::new(operation, batch.step, fingerprint)
    }

    /// A worker does this from now on.
    pub(crate) fn enter(&self, doing: Doing) {
        if let Some(board) = self.board {
            board.enter(doing);
        }
        self.faults.strike(doing);
    }

    /// How worker `worker` waits.
    pub(crate) fn watch(&self, worker: usize) -> Watch<'_> {
        self.watch_as(self.placement.waiting, worker)
    }

    /// The same in another way.
    pub(crate) fn watch_as(&self, waiting: Waiting, worker: usize) -> Watch<'_> {
        Watch {
            waiting,
            note: self.board.map(|board| board.note(worker)),
            latch: self.latch,
            peers: self.hub.map(|hub| hub as &dyn Progress),
        }
    }
}
