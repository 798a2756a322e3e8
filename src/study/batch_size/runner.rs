//! Runner of trials: makes the jobs of a plan but for those whose outcomes a store has, keeps each
//! outcome as soon as there is one, and can be stopped and gone on with.
//!
//! # Order
//! 1. Outcomes come back in the order of their jobs, whatever runs side by side.
//! 2. The observer hears of the outcomes that were found, in the order of their jobs, then of each
//!    that is made, once it is kept.
//! 3. After an error, and after the observer has stopped the study, jobs that nobody has begun are
//!    left; those at work end, and their outcomes are not kept.

use std::ops::ControlFlow;
use std::thread;

use crossbeam::channel::unbounded;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::StudyError;
use super::store::Store;

/// Something to be made once.
pub(super) trait Job {
    /// What comes of it.
    type Outcome: Clone + Serialize + DeserializeOwned + Send;

    /// Its outcome, if it is among those that are known.
    fn find(&self, known: &[Self::Outcome]) -> Option<Self::Outcome>;
}

/// An outcome, as the observer hears of it.
#[derive(Debug)]
pub(super) enum Finished<'o, O> {
    /// One of an earlier run.
    Found(&'o O),
    /// A new one.
    Made(&'o O),
}

impl<'o, O> Finished<'o, O> {
    /// The outcome.
    pub(super) fn outcome(&self) -> &'o O {
        match self {
            Finished::Found(outcome) | Finished::Made(outcome) => outcome,
        }
    }
}

/// A store at work, with the outcomes in it.
pub(super) struct Runner<'s, O> {
    store: &'s mut Store,
    known: Vec<O>,
}

impl<'s, O: Clone + Serialize + DeserializeOwned + Send> Runner<'s, O> {
    /// Goes on where `store` ends.
    ///
    /// # Errors
    /// [`StudyError::File`] for outcomes of another kind.
    pub(super) fn new(store: &'s mut Store) -> Result<Self, StudyError> {
        let known = store.all()?;
        Ok(Self { store, known })
    }

    /// Outcomes that are kept, of all plans.
    pub(super) fn num_known(&self) -> usize {
        self.known.len()
    }

    /// The outcomes of `jobs`; those that are missing are made one after another, on this thread.
    ///
    /// # Errors
    /// Those of `make` and of the store; [`StudyError::Stopped`] if the observer stops it.
    pub(super) fn run_in_order<J: Job<Outcome = O>>(
        &mut self,
        jobs: &[J],
        mut make: impl FnMut(&J) -> Result<O, StudyError>,
        mut observe: impl FnMut(Finished<'_, O>) -> ControlFlow<()>,
    ) -> Result<Vec<O>, StudyError> {
        let mut outcomes = self.find_all(jobs, &mut observe)?;
        for (place, job) in jobs.iter().enumerate() {
            if outcomes[place].is_none() {
                outcomes[place] = Some(self.keep(make(job)?)?);
                tell_made(&outcomes, place, &mut observe)?;
            }
        }
        Ok(outcomes.into_iter().flatten().collect())
    }

    /// The outcomes of `jobs`; those that are missing are made on `parallel` threads, at least one.
    ///
    /// # Errors
    /// As [`Runner::run_in_order`]; [`StudyError::Value`] for more threads than the system has.
    pub(super) fn run_side_by_side<J: Job<Outcome = O> + Sync>(
        &mut self,
        jobs: &[J],
        parallel: usize,
        make: impl Fn(&J) -> Result<O, StudyError> + Sync,
        mut observe: impl FnMut(Finished<'_, O>) -> ControlFlow<()>,
    ) -> Result<Vec<O>, StudyError> {
        let mut outcomes = self.find_all(jobs, &mut observe)?;
        // A queue of places, which each thread takes its next job from.
        let (give, work) = unbounded();
        for (place, outcome) in outcomes.iter().enumerate() {
            if outcome.is_none() {
                give.send(place).expect("there is a receiver");
            }
        }
        drop(give);
        let leave_the_rest = || work.try_iter().for_each(drop);
        thread::scope(|scope| {
            let (done, results) = unbounded();
            for _ in 0..parallel.min(work.len()) {
                let (work, done, make) = (work.clone(), done.clone(), &make);
                let make_all = move || {
                    for place in work {
                        // Nobody reads after an error or a stop.
                        let _unread = done.send((place, make(&jobs[place])));
                    }
                };
                let started = thread::Builder::new().spawn_scoped(scope, make_all);
                if let Err(error) = started {
                    leave_the_rest();
                    return Err(too_many(&error));
                }
            }
            drop(done);
            // Outcomes as they come, each kept before anybody hears of it.
            for (place, made) in results {
                let mut take = |made| {
                    outcomes[place] = Some(self.keep(made)?);
                    tell_made(&outcomes, place, &mut observe)
                };
                let taken = made.and_then(&mut take);
                if taken.is_err() {
                    leave_the_rest();
                }
                taken?;
            }
            Ok(outcomes.into_iter().flatten().collect())
        })
    }

    /// By job, the outcomes that are known, of which the observer hears.
    fn find_all<J: Job<Outcome = O>>(
        &self,
        jobs: &[J],
        observe: &mut impl FnMut(Finished<'_, O>) -> ControlFlow<()>,
    ) -> Result<Vec<Option<O>>, StudyError> {
        let found = jobs.iter().map(|job| job.find(&self.known));
        let found: Vec<Option<O>> = found.collect();
        for outcome in found.iter().flatten() {
            if observe(Finished::Found(outcome)).is_break() {
                return Err(stopped(&found));
            }
        }
        Ok(found)
    }

    fn keep(&mut self, made: O) -> Result<O, StudyError> {
        self.store.add(&made)?;
        self.known.push(made.clone());
        Ok(made)
    }
}

/// Tells the observer of the outcome at `place`.
fn tell_made<O>(
    outcomes: &[Option<O>],
    place: usize,
    observe: &mut impl FnMut(Finished<'_, O>) -> ControlFlow<()>,
) -> Result<(), StudyError> {
    let made = outcomes[place].as_ref();
    match made.map(|made| observe(Finished::Made(made))) {
        Some(ControlFlow::Break(())) => Err(stopped(outcomes)),
        _ => Ok(()),
    }
}

fn stopped<O>(outcomes: &[Option<O>]) -> StudyError {
    StudyError::Stopped {
        trials: outcomes.iter().flatten().count(),
    }
}

fn too_many(error: &std::io::Error) -> StudyError {
    StudyError::Value {
        what: "the trials side by side",
        expected: "as many as there can be threads",
        got: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A number, whose outcome is its square.
    struct Square(u64);

    impl Job for Square {
        type Outcome = (u64, u64);

        fn find(&self, known: &[(u64, u64)]) -> Option<(u64, u64)> {
            known.iter().find(|known| known.0 == self.0).copied()
        }
    }

    fn square(job: &Square) -> Result<(u64, u64), StudyError> {
        Ok((job.0, job.0 * job.0))
    }

    fn jobs() -> Vec<Square> {
        (0..10).map(Square).collect()
    }

    fn squares() -> Vec<(u64, u64)> {
        (0..10).map(|number| (number, number * number)).collect()
    }

    #[test]
    fn outcomes_are_in_order_and_kept_and_made_once() {
        for parallel in [1, 3, 20] {
            let mut store = Store::in_memory();
            store.add(&(7, 49)).unwrap();
            let mut found = Vec::new();
            let mut runner = Runner::new(&mut store).unwrap();
            let outcomes = runner.run_side_by_side(&jobs(), parallel, square, |finished| {
                if let Finished::Found(outcome) = finished {
                    found.push(*outcome);
                }
                ControlFlow::Continue(())
            });
            assert_eq!((outcomes.unwrap(), found), (squares(), vec![(7, 49)]));
            assert_eq!(runner.num_known(), 10);
            let again = runner.run_in_order(
                &jobs(),
                |_| unreachable!("all are known"),
                |_| ControlFlow::Continue(()),
            );
            assert_eq!(again.unwrap(), squares());
        }
    }

    #[test]
    fn a_stop_and_an_error_leave_what_nobody_has_begun() {
        let mut store = Store::in_memory();
        let mut runner = Runner::new(&mut store).unwrap();
        let stopped = runner.run_in_order(&jobs(), square, |finished| match finished.outcome().0 {
            3 => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        });
        assert!(matches!(stopped, Err(StudyError::Stopped { trials: 4 })));
        let fails = |job: &Square| match job.0 {
            5 => Err(StudyError::Stopped { trials: 99 }),
            _ => square(job),
        };
        let go_on = |_: Finished<'_, (u64, u64)>| ControlFlow::Continue(());
        let failed = runner.run_side_by_side(&jobs(), 1, fails, go_on);
        assert!(matches!(failed, Err(StudyError::Stopped { trials: 99 })));
        // The four from before, and the fifth.
        assert!((5..=6).contains(&runner.num_known()));
    }
}
