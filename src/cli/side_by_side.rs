//! Several trainings, one after another or side by side; a signal ends all of them.
//!
//! Outcomes are told in the order of the trainings, whoever ends first. After an error and after a
//! signal, trainings that nobody has begun are left, and those at work end after their step.

use std::thread;
use std::time::Duration;

use crossbeam::channel::{RecvTimeoutError, unbounded};

use crate::train::StopHandle;

use super::error::{ArgError, CommandError};
use super::signals::Stops;

/// Time between two looks for a signal.
const LOOK: Duration = Duration::from_millis(50);

/// What comes of a training; nothing where it was stopped.
pub(super) type Made<O> = Result<Option<O>, CommandError>;

/// One of several trainings.
pub(super) trait Training: Sync {
    /// What comes of it.
    type Outcome: Send;

    /// What comes of it; nothing where it was stopped, by the handle that `begun` is given.
    fn outcome(&self, begun: impl FnOnce(StopHandle)) -> Made<Self::Outcome>;
}

/// What a thread tells.
enum Told<O> {
    /// A training has begun, and can be ended by this.
    Begun(StopHandle),
    /// One is through; nothing of one that was stopped.
    Ended(usize, Result<Option<O>, CommandError>),
}

/// How many trainings go side by side in `unisono COMMAND`: as many as are asked for; by default as
/// many as there are usable cores, or where threads are named one after another.
pub(super) fn parallel_trials(
    asked: Option<usize>,
    has_threads: bool,
    command: &str,
) -> Result<usize, ArgError> {
    match asked {
        Some(count) if count > 1 && has_threads => Err(ArgError::Unused {
            what: "--threads".to_owned(),
            to: format!("`unisono {command}`"),
            why: "trials side by side have one thread each (--parallel-trials 1 makes them one after another)",
        }),
        Some(count) => Ok(count),
        None if has_threads => Ok(1),
        None => Ok(thread::available_parallelism().map_or(1, |count| count.get())),
    }
}

/// The outcomes of all of them.
pub(super) fn side_by_side<T: Training>(
    all: &[T],
    parallel: usize,
    tell: impl Fn(&T::Outcome),
) -> Result<Vec<T::Outcome>, CommandError> {
    let stops = Stops::listen().map_err(|source| CommandError::Signals { source })?;
    // A queue of places, which each thread takes its next training from.
    let (give, work) = unbounded();
    (0..all.len()).for_each(|place| give.send(place).expect("there is a receiver"));
    drop(give);
    let mut ending = Ending::default();
    let mut outcomes: Vec<Option<T::Outcome>> = all.iter().map(|_| None).collect();
    thread::scope(|scope| {
        let (say, said) = unbounded();
        for _ in 0..parallel {
            let (work, say) = (work.clone(), say.clone());
            scope.spawn(move || {
                for place in work {
                    let begun = |handle| drop(say.send(Told::Begun(handle)));
                    let ended = all[place].outcome(begun);
                    // Nobody reads after a panic.
                    let _unread = say.send(Told::Ended(place, ended));
                }
            });
        }
        drop(say);
        let mut told = 0;
        loop {
            match said.recv_timeout(LOOK) {
                Ok(Told::Begun(handle)) => ending.add(handle),
                Ok(Told::Ended(place, Ok(outcome))) => outcomes[place] = outcome,
                Ok(Told::Ended(_, Err(error))) => ending.fail(error),
                Err(RecvTimeoutError::Timeout) => ending.listen(&stops),
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if ending.is_near() {
                work.try_iter().for_each(drop);
            }
            while let Some(Some(outcome)) = outcomes.get(told) {
                tell(outcome);
                told += 1;
            }
        }
    });
    let done = outcomes.iter().flatten().count();
    ending.result(done)?;
    Ok(outcomes.into_iter().flatten().collect())
}

/// Whether all is to end, and why.
#[derive(Default)]
struct Ending {
    signal: Option<i32>,
    error: Option<CommandError>,
    /// Of the trainings that have begun.
    handles: Vec<StopHandle>,
}

impl Ending {
    fn is_near(&self) -> bool {
        self.signal.is_some() || self.error.is_some()
    }

    fn add(&mut self, handle: StopHandle) {
        if self.is_near() {
            handle.stop();
        }
        self.handles.push(handle);
    }

    /// The first error is that of all.
    fn fail(&mut self, error: CommandError) {
        self.error.get_or_insert(error);
        self.stop_all();
    }

    fn listen(&mut self, stops: &Stops) {
        if let (None, Some(signal)) = (self.signal, stops.pending()) {
            self.signal = Some(signal);
            self.stop_all();
        }
    }

    fn stop_all(&self) {
        self.handles.iter().for_each(StopHandle::stop);
    }

    fn result(self, trials: usize) -> Result<(), CommandError> {
        match (self.error, self.signal) {
            (Some(error), _) => Err(error),
            (None, Some(signal)) => Err(CommandError::StudyStopped { signal, trials }),
            (None, None) => Ok(()),
        }
    }
}
