//! Timing: the phases of a step, and the time that each worker spends in them.

use std::time::{Duration, Instant};

/// A phase of a worker's step.
///
/// ```
/// use unisono::engine::Phase;
/// assert_eq!(Phase::ALL[..4].iter().map(|one| one.name()).collect::<Vec<_>>(), ["idle", "forward", "backward", "fold"]);
/// assert_eq!(Phase::ALL[Phase::Update as usize], Phase::Update);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phase {
    /// Between steps: waiting for the command, and for its own gradient buffers to come home;
    /// moving shards.
    Idle,
    /// Forward, where the replica tells it apart from backward.
    Forward,
    /// Backward with the loss; all of the gradient's computation for a replica that tells nothing
    /// apart.
    Backward,
    /// Adding the worker's own shards' gradients, as far as they visit memory for it: those that a
    /// replica adds in registers while it computes them belong to [`Phase::Backward`].
    Fold,
    /// Waiting for other workers' gradients, or in an all-gather inside a pass.
    Wait,
    /// All-reduce: additions and norms.
    Reduce,
    /// Waiting for the master's decision (on the master: for the reports).
    Decide,
    /// Applying the update.
    Update,
    /// Passing the new weights on.
    Broadcast,
}

impl Phase {
    /// Every phase, in the order of a step.
    pub const ALL: &'static [Phase] = &Self::EACH;

    /// The same, in number.
    pub(crate) const EACH: [Phase; 9] = [
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

/// What a worker is doing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Doing {
    pub(crate) worker: usize,
    pub(crate) phase: Phase,
    pub(crate) step: u64,
}

impl Doing {
    pub(crate) fn new(worker: usize, phase: Phase, step: u64) -> Self {
        Self {
            worker,
            phase,
            step,
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
/// let in_backward: std::time::Duration = report.phase_times[1].of(Phase::Backward);
/// println!("{in_backward:?} in the backward pass of the second worker");
/// # Ok::<(), unisono::TrainError>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct PhaseTimes([Duration; Phase::EACH.len()]);

impl PhaseTimes {
    /// The time spent in `phase`.
    pub fn of(&self, phase: Phase) -> Duration {
        self.0[phase as usize]
    }
}

/// Steps shorter than this are timed by sampling: reading the clock at each of their phases would
/// be felt.
const TINY: Duration = Duration::from_micros(100);
/// One tiny step in this many is timed phase by phase, all others as a whole.
const EVERY: u32 = 8;

/// How often a worker reads the clock in a step of this length that has `phases` of them.
#[cfg(any(feature = "study", test))]
pub(crate) fn clock_readings(step: Duration, phases: f64) -> f64 {
    if step < TINY {
        (phases + f64::from(EVERY - 1)) / f64::from(EVERY)
    } else {
        phases
    }
}

/// Accumulates the phases of one worker.
///
/// The time of steps that are not timed phase by phase is shared out like that of the next one that
/// is, so that the phases add up to all of the time.
#[derive(Debug)]
pub(crate) struct Stopwatch {
    since: Instant,
    times: PhaseTimes,
    /// The phases of a step that is timed.
    step: PhaseTimes,
    /// The time of the steps before it that were not.
    untimed: Duration,
    /// Whether this step is timed, and how many after it are not.
    is_timed: bool,
    left: u32,
    last_step: Duration,
    /// Outside of steps: everything is booked at once.
    is_away: bool,
}

impl Stopwatch {
    pub(crate) fn new() -> Self {
        Self {
            since: Instant::now(),
            times: PhaseTimes::default(),
            step: PhaseTimes::default(),
            untimed: Duration::ZERO,
            is_timed: true,
            left: 0,
            last_step: Duration::MAX,
            is_away: true,
        }
    }

    /// What was spent so far.
    pub(crate) fn times(&self) -> PhaseTimes {
        self.times
    }

    /// Forgets the time since the last lap: a run begins.
    pub(crate) fn restart(&mut self) {
        self.since = Instant::now();
        self.is_away = true;
    }

    /// Adds the time since the last lap to `phase`.
    pub(crate) fn lap(&mut self, phase: Phase) {
        self.lap_with_wait(phase, Duration::ZERO);
    }

    /// As [`Stopwatch::lap`], but `waited` of the time was a wait for others.
    pub(crate) fn lap_with_wait(&mut self, phase: Phase, waited: Duration) {
        if self.is_timed || self.is_away {
            self.lap_at(Phase::Wait, self.since + waited);
            self.lap_at(phase, Instant::now());
        }
    }

    /// The compute time of this step so far, if it is timed phase by phase.
    pub(crate) fn busy(&self) -> Option<Duration> {
        let phases = [Phase::Forward, Phase::Backward, Phase::Fold];
        (self.is_timed && !self.is_away)
            .then(|| phases.map(|phase| self.step.of(phase)).iter().sum())
    }

    /// A step's work begins; what has passed since the last lap was idle.
    pub(crate) fn begin(&mut self) {
        self.begin_at(Instant::now());
    }

    /// The worker leaves its steps, for an evaluation or for good: the last one is over.
    pub(crate) fn leave(&mut self) {
        self.leave_at(Instant::now());
    }

    fn lap_at(&mut self, phase: Phase, now: Instant) {
        let times = if self.is_away {
            &mut self.times
        } else {
            &mut self.step
        };
        times.0[phase as usize] += now - self.since;
        self.since = now;
    }

    fn begin_at(&mut self, now: Instant) {
        if self.is_away {
            self.lap_at(Phase::Idle, now);
        } else {
            self.close(now);
        }
        self.is_away = false;
        self.is_timed = self.left == 0;
        self.left = match self.left {
            0 if self.last_step < TINY => EVERY - 1,
            left => left.saturating_sub(1),
        };
    }

    fn leave_at(&mut self, now: Instant) {
        if !self.is_away {
            self.close(now);
        }
        self.is_away = true;
    }

    /// Ends a step.
    fn close(&mut self, now: Instant) {
        if !self.is_timed {
            self.untimed += now - self.since;
            self.since = now;
            return;
        }
        self.lap_at(Phase::Idle, now);
        self.last_step = self.step.0.iter().sum();
        let share = self.untimed.as_secs_f64() / self.last_step.as_secs_f64().max(1e-12);
        for (sum, own) in self.times.0.iter_mut().zip(&mut self.step.0) {
            *sum += *own + own.mul_f64(share);
            *own = Duration::ZERO;
        }
        self.untimed = Duration::ZERO;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Steps of so many microseconds, six tenths of them forward, the rest backward; gives when the
    /// last one ended.
    fn run(watch: &mut Stopwatch, (began, steps): (Instant, u32), micros: u64) -> Instant {
        let mut now = began;
        for _ in 0..steps {
            watch.begin_at(now);
            let ahead = now + Duration::from_micros(micros * 6 / 10);
            now += Duration::from_micros(micros);
            if watch.is_timed {
                watch.lap_at(Phase::Forward, ahead);
                watch.lap_at(Phase::Backward, now);
            }
        }
        now
    }

    fn total(watch: &Stopwatch) -> Duration {
        watch.times.0.iter().sum()
    }

    #[test]
    fn phases_of_tiny_steps_add_up_and_keep_their_shares() {
        let mut watch = Stopwatch::new();
        let began = watch.since;
        // The first is timed as no length is known, the second and every eighth after it as they
        // are tiny.
        let now = run(&mut watch, (began, 2 + 8 * 10), 20);
        watch.begin_at(now);
        assert_eq!(total(&watch).as_micros(), (now - began).as_micros());
        let forward = watch.times().of(Phase::Forward).as_secs_f64();
        let share = forward / (now - began).as_secs_f64();
        assert!((share - 0.6).abs() < 1e-3, "{share}");
        // Up to seven steps wait for the next that is timed.
        let before = watch.times();
        let then = run(&mut watch, (now, 12), 20);
        watch.leave_at(then);
        let booked = total(&watch) - before.0.iter().sum();
        let waiting = (then - now).checked_sub(booked);
        let most = Duration::from_micros(7 * 20);
        assert!(
            waiting.is_some_and(|waiting| waiting <= most),
            "{waiting:?}"
        );
        for phase in Phase::EACH {
            assert!(watch.times().of(phase) >= before.of(phase));
        }
    }

    #[test]
    fn longer_steps_are_timed_each_and_the_last_of_a_run_counts() {
        let mut watch = Stopwatch::new();
        let mut now = watch.since;
        for steps in [1, 2, 5] {
            let (before, began) = (total(&watch), now);
            now = run(&mut watch, (began, steps), 1000);
            assert!(watch.is_timed);
            watch.leave_at(now);
            assert_eq!(total(&watch) - before, now - began, "{steps}");
        }
        let forward = watch.times().of(Phase::Forward);
        assert_eq!(forward, Duration::from_micros(8 * 600));
    }

    #[test]
    fn an_evaluation_between_steps_is_idle_and_no_part_of_them() {
        let mut watch = Stopwatch::new();
        let began = watch.since;
        let now = run(&mut watch, (began, 5), 20);
        watch.leave_at(now);
        let (idle, steps) = (watch.times().of(Phase::Idle), total(&watch));
        let later = now + Duration::from_millis(5);
        let then = run(&mut watch, (later, 8), 20);
        watch.leave_at(then);
        assert_eq!(watch.times().of(Phase::Idle) - idle, later - now);
        assert_eq!(steps.as_micros(), 40);
        // The three that were not timed before it count with those after it.
        assert!(total(&watch) >= Duration::from_micros(5_000 + 40 + 8 * 20));
    }

    #[test]
    fn a_tiny_step_is_timed_with_few_readings() {
        let (tiny, long) = (Duration::from_micros(10), Duration::from_millis(1));
        assert_eq!(
            (clock_readings(tiny, 9.0), clock_readings(long, 9.0)),
            (2.0, 9.0)
        );
    }
}
