//! Errors of the engine.

use std::ops::Range;

use thiserror::Error;

/// An error of the engine.
///
/// ```
/// use unisono::engine::{EngineError, Pinning, Placement, Threads};
/// let error = Placement::of_process(Threads::Fixed(0), Pinning::Auto).unwrap_err();
/// assert!(matches!(error, EngineError::NoThreads));
/// ```
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EngineError {
    /// No workers were asked for.
    #[error("threads must be at least 1, got 0; use 1 or more, or auto for the physical cores")]
    NoThreads,
    /// No shards were asked for.
    #[error("shards must be at least 1, got 0; use 1 or more, or per-worker")]
    NoShards,
    /// More threads or shards than an engine is planned for.
    #[error("{what} must be at most {most}, got {got}; use fewer")]
    TooMany {
        /// `threads` or `shards`.
        what: &'static str,
        /// The bound.
        most: usize,
        /// What was asked for.
        got: usize,
    },
    /// A batch without rows.
    #[error(
        "step {step} got a batch of 0 rows, expected at least 1; check the rows handed to the engine"
    )]
    EmptyBatch {
        /// The step, from 0.
        step: u64,
    },
    /// A replica of another size than the parameters.
    #[error(
        "the replica of worker {worker} has {got} parameters, expected {expected}; build every replica from the same model"
    )]
    ReplicaSize {
        /// The worker whose replica it is.
        worker: usize,
        /// The number of parameters given to the engine.
        expected: usize,
        /// The replica's own.
        got: usize,
    },
    /// Parameters or optimiser state of another length.
    #[error(
        "{name} has {got} values, expected {expected}; it belongs to another model or optimiser"
    )]
    Length {
        /// What was given.
        name: &'static str,
        /// The length it should have.
        expected: usize,
        /// The length it has.
        got: usize,
    },
    /// A replica panicked; the step was not applied, and the parameters are those of the last whole
    /// step.
    #[error("worker {worker} panicked in step {step}, shard {}: {message}; the step was not applied", shards_text(.shards))]
    WorkerPanicked {
        /// The worker.
        worker: usize,
        /// The shards it was working on: one, or all of its own if they were computed together.
        shards: Range<usize>,
        /// The step, from 0.
        step: u64,
        /// The panic's message.
        message: String,
    },
    /// A replica reported an error ([`fail`]), such as one of its rows; the step was not applied,
    /// and the parameters are those of the last whole step.
    #[error("worker {worker} could not go on in step {step}, shard {}: {message}; the step was not applied", shards_text(.shards))]
    WorkerFailed {
        /// The worker.
        worker: usize,
        /// The shards it was working on: one, or all of its own if they were computed together.
        shards: Range<usize>,
        /// The step, from 0.
        step: u64,
        /// The error's text.
        message: String,
    },
    /// A replica reported an error in an evaluation; nothing has changed.
    #[error("worker {worker} could not go on in an evaluation after {step} steps, shard {}: {message}", shards_text(.shards))]
    EvaluationFailed {
        /// The worker.
        worker: usize,
        /// The shards it was working on.
        shards: Range<usize>,
        /// The step that the batch names: those made before.
        step: u64,
        /// The error's text.
        message: String,
    },
    /// A worker died outside the guarded part of a step, so that the engine's state is no longer
    /// whole.
    #[error("the engine broke down: {reason}; build a new engine from the last checkpoint")]
    Broken {
        /// What happened first.
        reason: String,
    },
    /// `MPI_Allreduce` gives a sum that rounding does not explain.
    #[error(
        "MPI_Allreduce gives {got} as sum {at}, expected {expected} but for rounding; the MPI library or the network changes values: try another one"
    )]
    SumDiffers {
        /// Position of the sum.
        at: usize,
        /// The sum of all ranks' values.
        expected: f32,
        /// MPI's.
        got: f32,
    },
    /// A replica panicked in an evaluation, as its data may make it; nothing has changed.
    #[error("worker {worker} panicked in an evaluation after {step} steps, shard {}: {message}; check the rows that were evaluated", shards_text(.shards))]
    EvaluationPanicked {
        /// The worker.
        worker: usize,
        /// The shards it was working on.
        shards: Range<usize>,
        /// The step that the batch names: those made before.
        step: u64,
        /// The panic's message.
        message: String,
    },
    /// An all-reduce that leaves additions to a worker that there is not.
    #[error(
        "the all-reduce {algorithm} leaves additions to worker {got}, expected one below {num_workers}; its `adder` must answer within the workers"
    )]
    Adder {
        /// Its name.
        algorithm: String,
        /// Its answer.
        got: usize,
        /// Workers.
        num_workers: usize,
    },
    /// A rank without a shard.
    #[error(
        "{shards} shards are too few for {ranks} ranks: use at least as many shards, best a power of two for each rank, or fewer ranks"
    )]
    FewShards {
        /// Shards of a batch.
        shards: usize,
        /// Processes.
        ranks: usize,
    },
    /// Parameters of a rank that are not those of the others.
    #[error(
        "the parameters {} to {} of {ranks} are not those of the other ranks after step {step}: a machine computes or keeps wrong values; test its memory, leave it out and resume from a checkpoint before",
        params.start,
        params.end - 1
    )]
    ReplicaDiffers {
        /// The ranks, with their hosts; all where there is no majority.
        ranks: String,
        /// Where they first differ.
        params: Range<usize>,
        /// Steps made.
        step: u64,
    },
    /// Ranks that do not train the same.
    #[error(transparent)]
    RanksDiffer(#[from] Box<RankDifference>),
    /// Shards for another number of workers, or another number of shards.
    #[error(
        "the assignment is one of {shards} shards to {workers} workers, expected {expected_shards} shards and {expected_workers} workers; give each worker a count, and all shards away"
    )]
    Assignment {
        /// The engine's shards.
        expected_shards: usize,
        /// The engine's workers.
        expected_workers: usize,
        /// Shards of the assignment.
        shards: usize,
        /// Workers of the assignment.
        workers: usize,
    },
    /// Shards were to move, of a model that must not be parted from its rows.
    #[error(
        "shards cannot move between workers: the model keeps a state of its rows from step to step; leave the assignment even"
    )]
    StatefulModel,
    /// The system refused a thread.
    #[error("worker {worker} got no thread: {source}; use fewer threads")]
    Spawn {
        /// The worker.
        worker: usize,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The pool of the update by the master could not be built.
    #[error(
        "the thread pool of the master's update could not be built: {reason}; use the fused update"
    )]
    Pool {
        /// The pool's reason.
        reason: String,
    },
}

/// What a rank has otherwise than this one.
///
/// ```
/// use unisono::engine::{EngineError, Ranks};
/// std::thread::scope(|scope| {
///     for ranks in Ranks::in_process(2) {
///         scope.spawn(move || {
///             let seed = [("the seed", ranks.rank().to_string())];
///             let Err(EngineError::RanksDiffer(difference)) = ranks.compare(&seed) else { panic!() };
///             assert_eq!((difference.what.as_str(), &difference.here), ("the seed", &seed[0].1));
///         });
///     }
/// });
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{rank} has {what} {there}, this rank has {here}: all ranks must run the same program with the same settings and data"
)]
#[non_exhaustive]
pub struct RankDifference {
    /// The other rank, with its host.
    pub rank: String,
    /// What is not the same.
    pub what: String,
    /// The other rank's.
    pub there: String,
    /// This rank's.
    pub here: String,
}

impl EngineError {
    /// The same of an evaluation, which has no step to apply.
    pub(crate) fn in_evaluation(self) -> Self {
        match self {
            EngineError::WorkerPanicked {
                worker,
                shards,
                step,
                message,
            } => EngineError::EvaluationPanicked {
                worker,
                shards,
                step,
                message,
            },
            EngineError::WorkerFailed {
                worker,
                shards,
                step,
                message,
            } => EngineError::EvaluationFailed {
                worker,
                shards,
                step,
                message,
            },
            other => other,
        }
    }
}

/// An error that a replica reported.
pub(super) struct Reported(String);

/// Ends the step, or the evaluation, that a replica is in: [`EngineError::WorkerFailed`] or
/// [`EngineError::EvaluationFailed`] with this reason, and the weights of the last whole step. For
/// what a replica cannot help, such as a row that cannot be read; nothing is printed, as a panic
/// would. Only for what an engine runs.
///
/// ```
/// # use unisono::engine::{AllReduce, Batch, Decision, Engine, EngineConfig, EngineError, Replica, Shard, Sums};
/// # use unisono::{engine::fail, optim::Optimizer, train::ChainUpdate};
/// struct Unreadable;
/// impl Replica for Unreadable {
///     fn num_params(&self) -> usize {
///         1
///     }
///     fn add_loss_and_grad(&mut self, _: &[f32], shard: &Shard<'_>, _: &mut [f32]) -> Sums {
///         match shard.rows {
///             [row, ..] => fail(format!("row {row} cannot be read")),
///             [] => Sums::default(),
///         }
///     }
///     fn evaluate(&mut self, _: &[f32], _: &Shard<'_>) -> Sums {
///         Sums::default()
///     }
/// }
/// let config = EngineConfig { threads: 1.into(), ..EngineConfig::default() };
/// let update = ChainUpdate::new(&Optimizer::sgd(0.1), 1)?;
/// let mut engine = Engine::new(config, &[0.0], update, |_| Unreadable)?;
/// let outcome = engine.run(|session| session.step(&Batch::whole([7].into(), 0), |_| Decision::Skip).map(|_| ()));
/// assert!(outcome?.unwrap_err().to_string().contains("row 7 cannot be read"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn fail(reason: impl std::fmt::Display) -> ! {
    std::panic::resume_unwind(Box::new(Reported(reason.to_string())))
}

fn shards_text(shards: &Range<usize>) -> String {
    match shards.len() {
        0 | 1 => shards.start.to_string(),
        _ => format!("{} to {}", shards.start, shards.end - 1),
    }
}

/// Refuses more of `what` than there may be.
pub(super) fn at_most(what: &'static str, got: usize, most: usize) -> Result<usize, EngineError> {
    if got <= most {
        Ok(got)
    } else {
        Err(EngineError::TooMany { what, most, got })
    }
}

/// What a caught panic carries.
pub(super) type PanicPayload = dyn std::any::Any + Send;

/// The message of a caught panic.
pub(crate) fn panic_message(payload: &PanicPayload) -> String {
    let text = payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned())
        .or_else(|| payload.downcast_ref().map(|Reported(text)| text.clone()))
        .unwrap_or_else(|| "a panic without a message".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_name_the_thing_what_was_expected_and_what_to_do() {
        let error = |shards| EngineError::WorkerPanicked {
            worker: 1,
            shards,
            step: 7,
            message: "boom".into(),
        };
        let one = "worker 1 panicked in step 7, shard 3: boom; the step was not applied";
        assert_eq!(error(3..4).to_string(), one);
        assert!(error(3..6).to_string().contains("shard 3 to 5: boom"));
        let size = EngineError::ReplicaSize {
            worker: 2,
            expected: 10,
            got: 9,
        };
        assert!(
            size.to_string()
                .contains("worker 2 has 9 parameters, expected 10")
        );
        let length = EngineError::Length {
            name: "momentum",
            expected: 3,
            got: 4,
        };
        assert!(
            length
                .to_string()
                .contains("momentum has 4 values, expected 3")
        );
        assert!(
            EngineError::NoThreads
                .to_string()
                .contains("at least 1, got 0")
        );
        assert!(
            EngineError::NoShards
                .to_string()
                .contains("at least 1, got 0")
        );
        assert!(
            EngineError::EmptyBatch { step: 3 }
                .to_string()
                .contains("step 3 got a batch of 0 rows")
        );
        assert!(
            EngineError::Broken { reason: "x".into() }
                .to_string()
                .contains("broke down: x")
        );
    }

    #[test]
    fn panic_messages_of_both_kinds_are_found() {
        assert_eq!(panic_message(&"text"), "text");
        assert_eq!(panic_message(&"text".to_string()), "text");
        assert_eq!(panic_message(&3), "a panic without a message");
    }
}
