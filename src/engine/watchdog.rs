//! Watchdog: names a worker that stays in a phase of a step for longer than a limit.
//!
//! # Protocol
//! Each worker notes what it does in a place of its own: between steps, waiting for another, or in a
//! phase of the step with a number. A thread looks at all of these now and then. It tells once of a
//! note that has stayed the same for longer than the limit, unless the worker waits or is between
//! steps: who waits for a worker that stalls is not named, the one that stalls is.
//!
//! Nobody waits for the watchdog, and it for nobody: it ends within one look of the run's end.

use std::fmt::{self, Debug, Display, Formatter};
use std::sync::Arc;
use std::thread::{Builder, Scope, Thread};
use std::time::{Duration, Instant};

use crossbeam::utils::CachePadded;

use super::timing::{Doing, Phase};
use crate::sync::{AtomicBool, AtomicU64, Ordering};

/// Looks within a limit: a worker is named at the latest so much of the limit after it.
const LOOKS: u32 = 4;

/// The shortest time between two looks.
const SHORTEST: Duration = Duration::from_millis(1);

/// Who is told of a worker that stalls, and after how long; it changes no bit.
///
/// ```
/// use std::time::Duration;
/// use unisono::{Trainer, data::digits, engine::Watchdog, nn::{Loss, Sequential}};
/// let (train, test) = digits();
/// let watchdog = Watchdog::new(Duration::from_secs(60), |stalled| eprintln!("{stalled}"));
/// let trainer = Trainer::new(Sequential::new(64).dense(10), Loss::SoftmaxCrossEntropy).epochs(1);
/// assert_eq!(trainer.watchdog(watchdog).fit(&train, &test)?.steps, 45);
/// # Ok::<(), unisono::TrainError>(())
/// ```
#[derive(Clone)]
pub struct Watchdog {
    limit: Duration,
    tell: Arc<dyn Fn(&Stalled) + Send + Sync>,
}

impl Watchdog {
    /// Tells, on a thread of its own, of a worker that has been in a phase of a step for `limit`;
    /// once for each time that it stalls. The training goes on when the worker does.
    pub fn new(limit: Duration, tell: impl Fn(&Stalled) + Send + Sync + 'static) -> Self {
        Self {
            limit,
            tell: Arc::new(tell),
        }
    }
}

impl Debug for Watchdog {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watchdog")
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

/// A worker that has been in a phase of a step for longer than the limit of a [`Watchdog`].
///
/// Example: [`Watchdog`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stalled {
    /// The worker, of this process.
    pub worker: usize,
    /// Where it is: forward stands for the whole pass.
    pub phase: Phase,
    /// The step, from 0.
    pub step: u64,
    /// The limit.
    pub limit: Duration,
}

impl Display for Stalled {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self {
            worker,
            phase,
            step,
            limit,
        } = self;
        let (phase, limit) = (phase.name(), limit.as_secs_f64());
        write!(
            f,
            "worker {worker} has been in the {phase} phase of step {step} for {limit} s, and all others wait for it"
        )
    }
}

/// What a worker does, in one number: the step from bit 8 on, and the phase below.
#[derive(Debug)]
pub(crate) struct Note(
    /// Its worker writes, the watchdog reads; Relaxed, since nothing else is read by it.
    AtomicU64,
);

/// Below the step: waiting for another worker.
const WAITS: u64 = 0xff;

impl Note {
    fn new() -> Self {
        Self(AtomicU64::new(Phase::Idle as u64))
    }

    fn set(&self, phase: Phase, step: u64) {
        // Relaxed publishes nothing but itself.
        self.0.store(step << 8 | phase as u64, Ordering::Relaxed);
    }

    /// Says that the worker waits, until what is given is dropped.
    pub(super) fn wait(&self) -> Wait<'_> {
        // Relaxed: only its own worker writes it, and it publishes nothing.
        let before = self.0.load(Ordering::Relaxed);
        // Relaxed publishes nothing but itself.
        self.0.store(before | WAITS, Ordering::Relaxed);
        Wait { note: self, before }
    }

    /// The worker's phase and step, unless it waits or is between steps; and all of it, to be
    /// compared.
    fn read(&self) -> (Option<(Phase, u64)>, u64) {
        // Relaxed: it publishes nothing but itself.
        let all = self.0.load(Ordering::Relaxed);
        let phase = Phase::EACH.get((all & WAITS) as usize).copied();
        let phase = phase.filter(|phase| *phase != Phase::Idle);
        (phase.map(|phase| (phase, all >> 8)), all)
    }
}

/// A worker's wait for another.
#[derive(Debug)]
pub(super) struct Wait<'a> {
    note: &'a Note,
    before: u64,
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        // Relaxed publishes nothing but itself.
        self.note.0.store(self.before, Ordering::Relaxed);
    }
}

/// The notes of all workers of a run.
#[derive(Debug)]
pub(crate) struct Board {
    notes: Vec<CachePadded<Note>>,
    /// The run's caller writes it, the watchdog reads it; Relaxed, since nothing else is read by it.
    is_over: AtomicBool,
}

impl Board {
    pub(super) fn new(num_workers: usize) -> Self {
        let notes = (0..num_workers).map(|_| CachePadded::new(Note::new()));
        Self {
            notes: notes.collect(),
            is_over: AtomicBool::new(false),
        }
    }

    pub(crate) fn note(&self, worker: usize) -> &Note {
        &self.notes[worker]
    }

    /// A worker does this from now on.
    pub(crate) fn enter(&self, doing: Doing) {
        self.notes[doing.worker].set(doing.phase, doing.step);
    }

    /// Starts the watchdog, which ends when what is given is dropped; none where no thread is to be had.
    pub(super) fn start<'scope>(
        &'scope self,
        scope: &'scope Scope<'scope, '_>,
        watchdog: &'scope Watchdog,
    ) -> Option<Watching<'scope>> {
        let thread = Builder::new().name("unisono-watchdog".to_owned());
        let thread = thread.spawn_scoped(scope, move || self.watch(watchdog));
        Some(Watching {
            board: self,
            thread: thread.ok()?.thread().clone(),
        })
    }

    /// Lets the watchdog end.
    fn end(&self, watchdog: &Thread) {
        // Relaxed publishes nothing but itself: one that misses it looks again.
        self.is_over.store(true, Ordering::Relaxed);
        watchdog.unpark();
    }

    /// The watchdog's thread.
    fn watch(&self, watchdog: &Watchdog) {
        let nap = (watchdog.limit / LOOKS).max(SHORTEST);
        let mut seen = vec![(u64::MAX, Instant::now()); self.notes.len()];
        // Relaxed: it publishes nothing but itself.
        while !self.is_over.load(Ordering::Relaxed) {
            std::thread::park_timeout(nap);
            let now = Instant::now();
            for (worker, (note, (last, since))) in self.notes.iter().zip(&mut seen).enumerate() {
                let (doing, all) = note.read();
                if all != *last {
                    (*last, *since) = (all, now);
                } else if let Some((phase, step)) = doing
                    && now.saturating_duration_since(*since) >= watchdog.limit
                {
                    (watchdog.tell)(&Stalled {
                        worker,
                        phase,
                        step,
                        limit: watchdog.limit,
                    });
                    // Not again before it has moved: the time begins so far ahead.
                    *since = now + Duration::from_secs(u64::from(u32::MAX));
                }
            }
        }
    }
}

/// A watchdog that looks.
#[derive(Debug)]
pub(super) struct Watching<'a> {
    board: &'a Board,
    thread: Thread,
}

impl Drop for Watching<'_> {
    fn drop(&mut self) {
        self.board.end(&self.thread);
    }
}
