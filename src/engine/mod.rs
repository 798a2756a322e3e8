//! Data-parallel steps over pinned workers: the same bits for any number of threads.
//!
//! The engine knows no layers, no optimiser's formula and no files. It trains anything that
//! implements [`Replica`], with any elementwise [`Update`].
//!
//! # Protocol of a step
//! ```text
//!  worker 0 (master)                          worker 1 .. T-1
//!  ─────────────────                          ───────────────
//!  command: the batch, and shards if they move ►
//!  gather own gradient buffers                gather own gradient buffers
//!  forward, backward, fold own shards         forward, backward, fold own shards
//!  [few rows, large dense layers: rows to all, and gradients of own segments from all rows]
//!  all-reduce: add own segments  ◄──────────► all-reduce: add own segments
//!  reports: sums, norms, failures  ◄─────────
//!  decide: lr, scale, or skip
//!  verdict  ────────────────────────────────►
//!  [LARS, LAMB: directions, norms in, factors out: report and verdict once more]
//!  update own segments                        update own segments
//!  new segments in  ◄────────────────────────
//!  parameters to read  ─────────────────────►
//! ```
//!
//! # Invariants
//! 1. Shards and the tree over them belong to the configuration, never to the number of workers.
//! 2. Replicas return sums; the coordinator divides once, by the weight of the whole batch.
//! 3. Nobody shares a buffer that anyone writes: segments of gradients and parameters change owners
//!    through channels, and the parameters are read by all while they have none. No lock is taken
//!    and, after the first step, nothing is allocated on the way unless shards move to other
//!    workers.
//! 4. A panic in a replica skips the step on every worker: all of them still send, receive and
//!    return everything.

pub mod affinity;
pub mod all_reduce;
mod assignment;
mod balance;
mod build;
mod coordinator;
mod desk;
mod error;
mod factors;
mod failure;
mod mailbox;
mod meeting;
mod message;
mod owned;
mod params;
mod reduce;
mod replica;
mod segment;
mod shard;
mod sums;
mod timing;
mod update;
mod worker;

pub use affinity::{Pinning, Placement, Threads};
pub use all_reduce::AllReduce;
pub use assignment::{Assignment, StepShape};
pub use balance::Balance;
pub use build::{Engine, EngineConfig, Shards};
pub use coordinator::Session;
pub use error::EngineError;
pub use factors::Combination;
pub use mailbox::Waiting;
pub use meeting::{Gather, Meeting};
pub use message::Decision;
pub use replica::{Batch, Fold, Replica, Shard};
pub use shard::{Node, default_shards, fold_depth, part, split_point};
pub use sums::Sums;
#[cfg(feature = "study")]
pub(crate) use timing::clock_readings;
pub use timing::{Phase, PhaseTimes};
pub use update::{
    BLOCK, DirectBlock, Norms, PartSquare, Track, Update, UpdateBlock, UpdateMode, squared_norm,
    sum_of_squares,
};

/// What the master sees before it decides.
///
/// ```
/// use unisono::engine::{Reduced, Sums};
/// let sums = Sums { loss: f64::INFINITY, weight: 32.0, rows: 32.0, correct: 0.0 };
/// assert!(!Reduced { sums, grad_norm: 1.5, shards: None }.is_finite());
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reduced {
    /// Sums over the whole batch.
    pub sums: Sums,
    /// The L2 norm of the mean gradient; 0 where no row counts.
    pub grad_norm: f64,
    /// What the shards' own gradients tell, if they are tracked ([`Track::ShardNorms`]).
    pub shards: Option<ShardNorms>,
}

/// Sums over the shards of a batch, of which each has rows that count and a gradient (their sum).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ShardNorms {
    /// Shards that are not empty.
    pub count: usize,
    /// The sum of the squares of the gradients' L2 norms.
    pub squares: f64,
    /// The sum of the squares of the numbers of rows.
    pub row_squares: f64,
    /// The square of the L2 norm of the whole batch's gradient.
    pub whole: f64,
}

impl ShardNorms {
    /// Counts a shard.
    fn add(&mut self, rows: f64, square: f64) {
        self.count += usize::from(rows > 0.0);
        self.squares += square;
        self.row_squares += rows * rows;
    }
}

impl Reduced {
    /// Whether loss and gradient are finite, so that an update makes sense.
    pub fn is_finite(&self) -> bool {
        self.sums.loss.is_finite() && self.grad_norm.is_finite()
    }

    /// Whether there is a mean to make a step by: some row counts, loss and gradient are finite.
    pub fn is_usable(&self) -> bool {
        !self.sums.is_empty() && self.is_finite()
    }
}
