//! Wall time to a target by threads and batch size: what threads are worth when the loss of
//! examples to large batches is counted.
//!
//! # How
//! The fresh runs of each batch size's winner are trained once more on each number of threads,
//! alone on the machine, in an order drawn from the seed. Weights are the same bits for any number
//! of threads, so steps and examples to the target are too: only seconds differ. That is checked.
//!
//! # Formulas
//! Over the base (the fewest threads, the smallest batch): throughput gain `(E/t) / (E_0/t_0)`,
//! examples lost `E/E_0`, and `true speed-up = t_0/t`, the gain divided by the loss.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use serde::Serialize;

use crate::engine::{Pinning, Threads};
use crate::seed::{Purpose, Stream};
use crate::stats::{Bootstrap, Estimate, RESAMPLES};

use super::analysis::median_run;
use super::error::StudyError;
use super::runner::{Finished, Job, Runner};
use super::store::Store;
use super::trial::{Outcome, Target};
use super::workload::{Limit, Workload};

/// A study of the time to a target on several numbers of threads.
///
/// ```
/// use std::ops::ControlFlow;
/// use unisono::{data::digits, engine::Pinning, nn::Sequential};
/// use unisono::study::batch_size::{Limit, Store, Target, TimePoint, TimeToTarget, Training, Trial, Workload};
/// let (train, test) = digits();
/// let workload = Training::new(Sequential::new(64).dense(32).relu().dense(10), &train, &test);
/// let trial = Trial { batch_size: 32, candidate: 0, repeat: 1, lr: 0.1, momentum: 0.9, schedule: None, seed: 1 };
/// let study = TimeToTarget { threads: vec![1, 2], target: Target::Error(0.1), pinning: Pinning::Off, seed: 7 };
/// let limit = Limit { steps: 500, threads: unisono::engine::Threads::Fixed(1), pinning: Pinning::Off };
/// let known = [workload.train(&trial, study.target, limit)?];
/// let timed = study.run(&workload, &known, &mut Store::in_memory(), |_| ControlFlow::Continue(()))?;
/// let points = TimePoint::of(&timed, 7);
/// assert_eq!((points.len(), points[1].threads, points[1].reached), (2, 2, (1, 1)));
/// assert_eq!(points[0].examples, points[1].examples);
/// # Ok::<(), unisono::study::batch_size::StudyError>(())
/// ```
#[derive(Clone, Debug)]
pub struct TimeToTarget {
    /// Numbers of threads.
    pub threads: Vec<usize>,
    /// What is to be reached: the study's.
    pub target: Target,
    /// Whether threads are pinned.
    pub pinning: Pinning,
    /// The seed of the order.
    pub seed: u64,
}

impl TimeToTarget {
    /// Trains each fresh run of `known`, a study's outcomes, on each number of threads, unless it
    /// is in `store`, where all are kept; `observe` is called with every outcome, and may end it.
    ///
    /// # Errors
    /// [`StudyError::Value`] for no threads, or none of `known` that is a fresh run;
    /// [`StudyError::Threads`] if steps depend on threads; [`StudyError::Stopped`]; those of the
    /// store.
    pub fn run(
        &self,
        workload: &dyn Workload,
        known: &[Outcome],
        store: &mut Store,
        mut observe: impl FnMut(&Outcome) -> ControlFlow<()>,
    ) -> Result<Vec<Outcome>, StudyError> {
        let counts: BTreeSet<usize> = self.threads.iter().copied().collect();
        if counts.is_empty() || counts.contains(&0) || counts.len() < self.threads.len() {
            return Err(StudyError::Value {
                what: "the numbers of threads",
                expected: "at least 1 each, each named once",
                got: format!("{:?}", self.threads),
            });
        }
        // Every fresh run on every number of threads.
        let fresh = known.iter().filter(|outcome| outcome.trial.repeat > 0);
        let jobs: Vec<TimedJob<'_>> = fresh
            .flat_map(|before| {
                let threads = counts.iter();
                threads.map(move |&threads| TimedJob { before, threads })
            })
            .collect();
        if jobs.is_empty() {
            return Err(StudyError::Value {
                what: "a study whose time is to be measured",
                expected: "whole, with a batch size that reached the target and at least 1 repeat",
                got: format!("{} trials, none of them a fresh run", known.len()),
            });
        }
        // In an order drawn from the seed: what drifts does not favour one of them.
        let order = Stream::new(self.seed, Purpose::Measure, 0, 0).permutation(jobs.len() as u32);
        let jobs: Vec<TimedJob<'_>> = order.into_iter().map(|at| jobs[at as usize]).collect();
        Runner::new(store)?.run_in_order(
            &jobs,
            |job| self.train(workload, job),
            |finished| match finished {
                Finished::Found(_) => ControlFlow::Continue(()),
                Finished::Made(outcome) => observe(outcome),
            },
        )
    }

    /// Trains once more, and checks that it takes the steps that it took before.
    fn train(&self, workload: &dyn Workload, job: &TimedJob<'_>) -> Result<Outcome, StudyError> {
        let &TimedJob { before, threads } = job;
        let limit = Limit {
            steps: before.steps.1,
            threads: Threads::Fixed(threads),
            pinning: self.pinning,
        };
        let outcome = workload.train(&before.trial, self.target, limit)?;
        if outcome.steps_to_target == before.steps_to_target {
            return Ok(outcome);
        }
        Err(StudyError::Threads {
            threads,
            batch_size: before.trial.batch_size,
            steps: [before.steps_to_target, outcome.steps_to_target],
        })
    }
}

/// A fresh run on a number of threads.
#[derive(Clone, Copy)]
struct TimedJob<'o> {
    before: &'o Outcome,
    threads: usize,
}

impl Job for TimedJob<'_> {
    type Outcome = Outcome;

    fn find(&self, known: &[Outcome]) -> Option<Outcome> {
        let is_it = |one: &&Outcome| one.trial == self.before.trial && one.threads == self.threads;
        known.iter().find(is_it).cloned()
    }
}

/// A number of threads at a batch size.
///
/// Example: [`TimeToTarget`].
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct TimePoint {
    /// Rows of a batch.
    pub batch_size: usize,
    /// Worker threads.
    pub threads: usize,
    /// Runs that reached the target, and all.
    pub reached: (usize, usize),
    /// Rows trained on until then, the median; `None` where half of the runs did not get there, as
    /// for all below.
    pub examples: Option<f64>,
    /// Seconds until then, evaluations included, the median.
    pub seconds: Option<Estimate>,
    /// The longest run's seconds where there are no `seconds`.
    pub tried_seconds: Option<f64>,
    /// Rows a second, of the base's.
    pub throughput_gain: Option<Estimate>,
    /// Rows until the target, of the base's.
    pub examples_loss: Option<f64>,
    /// The base's seconds, of these.
    pub true_speed_up: Option<Estimate>,
}

impl TimePoint {
    /// Of all that [`TimeToTarget::run`] gave, batch by batch and by threads within. The base is
    /// the first that reached the target.
    pub fn of(timed: &[Outcome], seed: u64) -> Vec<Self> {
        let places: BTreeSet<Place> = timed.iter().map(Place::of).collect();
        let cells = places.into_iter().map(|place| Cell::of(timed, place));
        let cells: Vec<Cell> = cells.collect();
        let rounds = cells.iter().map(|cell| cell.seconds.len()).max();
        let Some(rounds) = rounds else {
            return Vec::new();
        };
        let bootstrap = Bootstrap::new(rounds, RESAMPLES, seed);
        let base = cells.iter().find(|cell| cell.examples().is_some());
        cells
            .iter()
            .map(|cell| match cell.seconds.len() {
                own if own < rounds => {
                    cell.point(base, &Bootstrap::new(own.max(1), RESAMPLES, seed))
                }
                _ => cell.point(base, &bootstrap),
            })
            .collect()
    }
}

/// Where a run belongs, batch by batch and by threads within.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    batch_size: usize,
    threads: usize,
}

impl Place {
    fn of(outcome: &Outcome) -> Self {
        Self {
            batch_size: outcome.trial.batch_size,
            threads: outcome.threads,
        }
    }
}

/// The runs of one batch size on one number of threads, by repeat; infinite where the target was
/// not reached.
struct Cell {
    place: Place,
    seconds: Vec<f64>,
    examples: Vec<f64>,
    longest: f64,
}

impl Cell {
    fn of(timed: &[Outcome], place: Place) -> Self {
        let own = timed.iter().filter(|one| Place::of(one) == place);
        let mut own: Vec<&Outcome> = own.collect();
        own.sort_by_key(|outcome| outcome.trial.repeat);
        let examples = |outcome: &&Outcome| {
            let steps = outcome.steps_to_target;
            steps.map_or(f64::INFINITY, |steps| {
                steps as f64 * place.batch_size as f64
            })
        };
        let seconds = |outcome: &&Outcome| match outcome.steps_to_target {
            Some(_) => outcome.seconds,
            None => f64::INFINITY,
        };
        Self {
            place,
            seconds: own.iter().map(seconds).collect(),
            examples: own.iter().map(examples).collect(),
            longest: own.iter().map(|one| one.seconds).fold(0.0, f64::max),
        }
    }

    fn examples(&self) -> Option<f64> {
        let all: Vec<u32> = (0..self.examples.len() as u32).collect();
        Some(median_run(&self.examples, &all)).filter(|median| median.is_finite())
    }

    fn point(&self, base: Option<&Cell>, bootstrap: &Bootstrap) -> TimePoint {
        let examples = self.examples();
        let reached = self.examples.iter().filter(|count| count.is_finite());
        let known = base.filter(|_| examples.is_some());
        let finite = |of: &dyn Fn(&[u32]) -> f64| {
            // Draws of which half did not get there have no value.
            let of = |rounds: &[u32]| {
                Some(of(rounds))
                    .filter(|v| v.is_finite())
                    .unwrap_or(f64::NAN)
            };
            bootstrap.estimate(of)
        };
        let seconds = |rounds: &[u32]| median_run(&self.seconds, rounds);
        let rate = |cell: &Cell, rounds: &[u32]| {
            median_run(&cell.examples, rounds) / median_run(&cell.seconds, rounds)
        };
        TimePoint {
            batch_size: self.place.batch_size,
            threads: self.place.threads,
            reached: (reached.count(), self.examples.len()),
            examples,
            seconds: examples.map(|_| finite(&seconds)),
            tried_seconds: examples.is_none().then_some(self.longest),
            throughput_gain: known.map(|base| finite(&|at| rate(self, at) / rate(base, at))),
            examples_loss: known.and_then(|base| Some(examples? / base.examples()?)),
            true_speed_up: known.map(|base| {
                finite(&|at| median_run(&base.seconds, at) / median_run(&self.seconds, at))
            }),
        }
    }
}
