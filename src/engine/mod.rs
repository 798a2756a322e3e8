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
//!  reply    ────────────────────────────────►
//!  [LARS, LAMB: directions, norms in, trust ratios out: report and reply once more]
//!  update own segments                        update own segments
//!  new segments in  ◄────────────────────────
//!  parameters to read  ─────────────────────►
//! ```
//!
//! Of several processes ([`Ranks`]) each has such workers. Sums of a rank's gradients go to the owner
//! of their segment, whichever rank it is of; the masters exchange their reports and take the same
//! decision; new segments go to all ranks.
//!
//! # Files, from the bottom up; none imports one from a layer above its own
//! | layer | files |
//! |---|---|
//! | values | `error`, `failure`, `timing`, `shard`, `sums`, `batch`, `assignment`, `update`, `reduced`, `ranks/group` |
//! | memory | `segment`, `params`, `owned` |
//! | who adds what | `all_reduce` |
//! | settings | `watchdog`, `faults`, `mailbox`, `affinity`, `config`, `context` |
//! | protocol | `message`, `ranks`, `all_gather`, `factors`, `links` |
//! | workers | `replica`, `worker`, `reduce` |
//! | control | `balance`, `scheduler`, `coordinator_state`, `exchange`, `coordinator`, `session_ranks`, `roles`, `build`, `engine_state`, `run` |
//! | measuring | `network` |
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
mod all_gather;
pub mod all_reduce;
mod assignment;
mod balance;
mod batch;
mod build;
mod config;
mod context;
mod coordinator;
mod coordinator_state;
mod engine_state;
mod error;
mod exchange;
mod factors;
mod failure;
pub(crate) mod faults;
mod links;
mod mailbox;
mod message;
mod network;
mod owned;
mod params;
pub(crate) mod ranks;
mod reduce;
mod reduced;
mod replica;
mod roles;
mod run;
mod scheduler;
mod segment;
mod session_ranks;
mod shard;
mod sums;
mod timing;
mod update;
mod watchdog;
mod worker;

pub use affinity::{Pinning, Placement, Threads};
pub use all_gather::{AllGather, RingAllGather};
pub use all_reduce::AllReduce;
pub use assignment::{Assignment, StepShape};
pub use batch::{Batch, Shard};
pub use build::Engine;
pub use config::{Balance, EngineConfig, Shards};
pub use coordinator::Session;
pub use error::{EngineError, RankDifference, fail};
pub use factors::Combination;
pub use mailbox::Waiting;
pub use message::Decision;
pub use network::{NetworkBench, NetworkRow};
pub use ranks::{LinkCosts, MpiError, PeerError, RankPlacement, Ranks};
pub use reduced::{Reduced, ShardNorms};
pub use replica::{Fold, Replica};
pub use shard::{Node, default_shards, fold_depth, part, split_point};
pub use sums::{ErrorSums, MeanErrors, Sums};
#[cfg(feature = "study")]
pub(crate) use timing::clock_readings;
pub use timing::{Phase, PhaseTimes};
pub use update::{
    BLOCK, DirectionBlock, Norms, PartSquare, Track, Update, UpdateBlock, UpdateMode, squared_norm,
    sum_of_squares,
};
pub use watchdog::{Stalled, Watchdog};
