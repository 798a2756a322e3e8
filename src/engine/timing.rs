//! Where a worker's time goes: the phases of a step.

use std::time::{Duration, Instant};

/// A phase of a worker's step.
///
/// ```
/// use unisono::engine::Phase;
/// assert_eq!(Phase::ALL.map(Phase::name)[..4], ["idle", "forward", "backward", "fold"]);
/// assert_eq!(Phase::ALL[Phase::Update as usize], Phase::Update);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Between steps: waiting for the command, and for its own gradient buffers to come home.
    Idle,
    /// Forward, where the replica tells it apart from backward.
    Forward,
    /// Backward with the loss; all of the gradient's computation for a replica that tells nothing apart.
    Backward,
    /// Adding the worker's own shards' gradients, as far as they visit memory for it: those that a replica adds in
    /// registers while it computes them belong to [`Phase::Backward`].
    Fold,
    /// All-reduce: waiting for other workers' gradients.
    Wait,
    /// All-reduce: additions and norms.
    Reduce,
    /// Waiting for the master's decision (on the master: for the reports).
    Decide,
    /// Applying the update.
    Update,
    /// Passing the new weights on, and copying them into the replica.
    Broadcast,
}

impl Phase {
    /// Every phase, in the order of a step.
    pub const ALL: [Phase; 9] = [
        Phase::Idle,
        Phase::Forward,
        Phase::Backward,
        Phase::Fold,
        Phase::Wait,
        Phase::Reduce,
        Phase::Decide,
        Phase::Update,
        Phase::Broadcast,
    ];

    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Idle => "idle",
            Phase::Forward => "forward",
            Phase::Backward => "backward",
            Phase::Fold => "fold",
            Phase::Wait => "wait",
            Phase::Reduce => "reduce",
            Phase::Decide => "decide",
            Phase::Update => "update",
            Phase::Broadcast => "broadcast",
        }
    }
}

/// The time one worker spent in each phase since the engine was built.
///
/// ```
/// use unisono::{Trainer, data::digits, engine::Phase, nn::{Loss, Sequential}};
/// let (train, test) = digits();
/// let trainer = Trainer::new(Sequential::new(64).dense(10), Loss::SoftmaxCrossEntropy).epochs(1);
/// let report = trainer.threads(2).fit(&train, &test)?;
/// assert_eq!(report.phase_times.len(), 2);
/// assert!(report.phase_times[1].of(Phase::Backward).as_nanos() > 0);
/// # Ok::<(), unisono::TrainError>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct PhaseTimes([Duration; Phase::ALL.len()]);

impl PhaseTimes {
    /// The time spent in `phase`.
    pub fn of(&self, phase: Phase) -> Duration {
        self.0[phase as usize]
    }
}

/// Accumulates the phases of one worker.
#[derive(Debug)]
pub(crate) struct Stopwatch {
    since: Instant,
    pub(crate) times: PhaseTimes,
}

impl Stopwatch {
    pub(crate) fn new() -> Self {
        Self {
            since: Instant::now(),
            times: PhaseTimes::default(),
        }
    }

    /// Forgets the time since the last lap: a run begins.
    pub(crate) fn restart(&mut self) {
        self.since = Instant::now();
    }

    /// Adds the time since the last lap to `phase`.
    pub(crate) fn lap(&mut self, phase: Phase) {
        let now = Instant::now();
        self.times.0[phase as usize] += now - self.since;
        self.since = now;
    }
}
