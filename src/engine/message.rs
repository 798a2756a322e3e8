//! Messages: what workers and coordinator send each other.
//!
//! # Messages of a step
//! | message | from | to | carries |
//! |---|---|---|---|
//! | `Command` | master | every other worker | the batch, and the plan if shards have moved; or "evaluate", "swap", "stop" |
//! | `Gradient` | a maker of a value | its adder | a segment |
//! | `Published` | every worker | every other one | the factors of its rows, if any parameters are factored |
//! | `Return` | an adder | the worker whose buffer it is | the same segment, to be filled again |
//! | `Report` | every worker | master | sums of its shards, norms of its segments, a failure, its handle of the parameters |
//! | `Reply` | master | every worker | the decision, the report's memory back, and its segments of the parameters to update |
//! | `Report`, `Reply` again | | | for an update in two halves: norms of the directions, then trust ratios |
//! | `RingMessage` | every worker, round the ring | the next worker | values of its shards, inside a pass |
//! | `Updated` | an owner | master | a segment of the new parameters |
//! | `Arrived` | the hub | master | a part of what another rank tells, or of what was sent to all |
//! | `Params` | master | every worker | a handle of all of them |

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use super::all_reduce::plan::{Home, Plan};
use super::batch::Batch;
use super::error::EngineError;
use super::params::Params;
use super::segment::Segment;
use super::sums::Sums;
use super::update::{Norms, PartSquare, Track, Update};

/// What the master tells the other workers to do.
#[derive(Clone, Debug)]
pub(crate) enum Command {
    /// With the plan, if shards have moved.
    Step(Batch, Option<Arc<Plan>>),
    Evaluate(Batch),
    /// The parameters change places with a state buffer.
    SwapParams(usize),
    Stop,
}

/// An input of a task on its way.
#[derive(Debug)]
pub(crate) struct Gradient {
    pub(crate) to: usize,
    pub(crate) segment: Segment,
}

/// A segment of a gradient buffer on its way home.
#[derive(Debug)]
pub(crate) struct Return {
    pub(crate) home: Home,
    pub(crate) segment: Segment,
}

/// What a worker tells the master.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) worker: usize,
    /// One entry a shard of the worker.
    pub(crate) sums: Vec<Sums>,
    /// Sums of squares of the blocks of the worker's owned segments, in order.
    pub(crate) squares: Vec<f64>,
    /// The square of each shard's gradient norm, if they are tracked; as `sums`.
    pub(crate) shard_squares: Vec<f64>,
    /// Of the owned segments, where parts' norms are wanted.
    pub(crate) part_squares: Vec<PartSquare>,
    /// From the first half of an update in two.
    pub(crate) norms: Vec<Norms>,
    /// On the way back: what the second half takes.
    pub(crate) trust_ratios: Vec<f32>,
    pub(crate) failure: Option<Failure>,
    /// Compute time of the worker's shards in a step that is timed, without waiting.
    pub(crate) load: Option<Duration>,
    /// The worker's handle of the parameters, which comes back unless they are updated.
    pub(crate) params: Params,
    /// On the way back: the segments that the worker is to update.
    pub(crate) segments: Vec<Segment>,
}

impl Report {
    /// Makes room for the sums of a pass over `num_shards` shards.
    pub(crate) fn begin(&mut self, num_shards: usize, track: Track) {
        self.sums.clear();
        self.sums.resize(num_shards, Sums::default());
        self.shard_squares.clear();
        if track == Track::ShardNorms {
            self.shard_squares.resize(num_shards, 0.0);
        }
    }

    /// The norms of a block of the reduced gradient, from position `offset` on.
    pub(crate) fn take_norms<U: Update>(&mut self, update: &U, offset: usize, block: &[f32]) {
        let square = update.sum_of_squares(offset, block);
        self.squares.push(square);
        if update.num_parts() > 0 {
            let each = &mut |part| self.part_squares.push(part);
            update.part_squares(offset, block, square, each);
        }
    }
}

/// A panic of a replica, or an error that it reported.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    /// The worker, of its rank.
    pub(crate) worker: usize,
    pub(crate) shards: Range<usize>,
    pub(crate) message: String,
    /// Whether it was reported by [`fail`](super::fail).
    pub(crate) is_reported: bool,
    /// Whether it only follows from another worker's.
    pub(crate) follows: bool,
}

impl Failure {
    /// The error of the step that it ends.
    pub(crate) fn error(self, step: u64) -> EngineError {
        let Self {
            worker,
            shards,
            message,
            ..
        } = self;
        if self.is_reported {
            EngineError::WorkerFailed {
                worker,
                shards,
                step,
                message,
            }
        } else {
            EngineError::WorkerPanicked {
                worker,
                shards,
                step,
                message,
            }
        }
    }
}

/// The master's decision, with the report's memory.
#[derive(Debug)]
pub(crate) struct Reply<S> {
    /// Whether a replica panicked in this step.
    pub(crate) has_failed: bool,
    pub(crate) decision: Decision<S>,
    pub(crate) report: Report,
}

/// What is to be done with the reduced gradient.
///
/// ```
/// use unisono::engine::{Decision, Reduced, Sums};
/// let decide = |at: &Reduced| if at.is_finite() { Decision::Apply(0.1) } else { Decision::Skip };
/// let sums = Sums { loss: 64.0, weight: 32.0, rows: 32.0, correct: 8.0, ..Sums::default() };
/// assert_eq!(decide(&Reduced { sums, grad_norm: 1.5, shards: None }), Decision::Apply(0.1));
/// assert_eq!(decide(&Reduced { sums, grad_norm: f64::NAN, shards: None }), Decision::Skip);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision<S> {
    /// Update the parameters with these scalars.
    Apply(S),
    /// Leave the parameters as they are.
    Skip,
}

/// A segment of new parameters.
#[derive(Debug)]
pub(crate) struct Updated {
    pub(crate) index: usize,
    pub(crate) segment: Segment,
}
