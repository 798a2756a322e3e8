//! Steps to a target: a search for every batch size, then fresh seeds of its winner.
//!
//! # Invariants
//! 1. What is tried, and how far, follows from the settings and from trials of earlier waves alone:
//!    never from what runs side by side, or how fast.
//! 2. A trial is given up only after 1.5 times the steps of one that got there with the same or a
//!    smaller batch: it could not win.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use crate::engine::{Pinning, Threads};

use super::error::StudyError;
use super::runner::{Job, Runner};
use super::slice::Slice;
use super::store::Store;
use super::trial::{Outcome, Search, Space, Target, Trial, fewest_steps};
use super::workload::{Limit, Workload};

/// Trials between which nobody is given up.
const WAVE: usize = 4;
/// How many times the steps of the best trial another one may take.
const PATIENCE: f64 = 1.5;
/// The same for fresh seeds of a winner.
const PATIENCE_REPEATED: f64 = 4.0;
/// Rungs of a search by halving.
const RUNGS: u32 = 3;

/// The settings of a study.
///
/// ```
/// use std::ops::ControlFlow;
/// use unisono::engine::{Pinning, Threads};
/// use unisono::study::batch_size::{Curve, NoisyQuadratic, Range};
/// use unisono::study::batch_size::{Search, Slice, Space, StepsToTarget};
/// use unisono::study::batch_size::{Store, StudyEvent, Target};
/// let lr = Range::new(0.01, 1.0)?;
/// let study = StepsToTarget {
///     batch_sizes: vec![4, 64], space: Space { lr, one_minus_momentum: None, schedules: vec![] },
///     search: Search::Sobol, candidates: 4, repeats: 1, target: Target::Loss(0.3),
///     max_steps: 2_000, max_epochs: 1.0, seed: 1, parallel: 1,
///     threads: (Threads::Fixed(1), Pinning::Off), slice: Slice::WHOLE,
/// };
/// let (workload, mut finished) = (NoisyQuadratic { dimensions: 20, copies: 4 }, 0);
/// let outcomes = study.run(&workload, &mut Store::in_memory(), |event| {
///     finished += usize::from(matches!(event, StudyEvent::Finished(_)));
///     ControlFlow::Continue(())
/// })?;
/// assert_eq!((finished, outcomes.len()), (10, 10)); // 4 candidates and 1 fresh run of each size
/// let steps = |at: usize| Curve::of(&outcomes, 1).points[at].steps.unwrap().value;
/// assert!(steps(1) < steps(0));
/// # Ok::<(), unisono::study::batch_size::StudyError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct StepsToTarget {
    /// Batch sizes.
    pub batch_sizes: Vec<usize>,
    /// What is searched.
    pub space: Space,
    /// How.
    pub search: Search,
    /// Points of a search, at least 1.
    pub candidates: usize,
    /// Fresh runs of each winner.
    pub repeats: usize,
    /// What is to be reached.
    pub target: Target,
    /// Steps that a trial may take at most.
    pub max_steps: u64,
    /// Epochs that a trial may take at most, where there are epochs.
    pub max_epochs: f64,
    /// The seed of everything.
    pub seed: u64,
    /// Trials side by side, each on one thread; if 1, one after another on `threads`. The outcomes
    /// are the same.
    pub parallel: usize,
    /// Threads of a trial, where they run one after another, and whether these are pinned.
    pub threads: (Threads, Pinning),
    /// Which part of the search is made; where it is not whole, fresh seeds are left for the merged
    /// study.
    pub slice: Slice,
}

/// An event of a study, as its observer sees it.
///
/// Example: [`StepsToTarget`].
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum StudyEvent<'a> {
    /// Trials of a batch size, or of its winner, begin: how many of all batch sizes' trials are
    /// behind, and how many there are.
    Wave {
        /// The batch size.
        batch_size: usize,
        /// Trials that are done, found or made.
        done: usize,
        /// All trials.
        all: usize,
    },
    /// A trial is over.
    Finished(&'a Outcome),
}

type Observer<'o> = &'o mut dyn FnMut(StudyEvent<'_>) -> ControlFlow<()>;

/// A study at work.
struct Work<'a> {
    study: &'a StepsToTarget,
    workload: &'a dyn Workload,
    runner: Runner<'a, Outcome>,
    /// Trials that are behind, found or made.
    done: usize,
}

impl StepsToTarget {
    /// What decides the outcomes, by name: [`Store::open`] takes it.
    pub fn settings(&self, workload: &dyn Workload) -> BTreeMap<String, String> {
        let json = |value: serde_json::Value| value.to_string();
        BTreeMap::from([
            ("workload".to_owned(), workload.describe()),
            ("batch sizes".to_owned(), format!("{:?}", self.batch_sizes)),
            ("space".to_owned(), json(serde_json::json!(self.space))),
            ("search".to_owned(), json(serde_json::json!(self.search))),
            ("candidates".to_owned(), self.candidates.to_string()),
            ("target".to_owned(), json(serde_json::json!(self.target))),
            ("max steps".to_owned(), self.max_steps.to_string()),
            ("max epochs".to_owned(), self.max_epochs.to_string()),
            ("seed".to_owned(), self.seed.to_string()),
        ])
    }

    /// Makes every trial that `store` does not have; gives all of them.
    ///
    /// # Errors
    /// [`StudyError`]: settings that make no sense, before anything runs; [`StudyError::Stopped`] if
    /// the observer ends it.
    pub fn run(
        &self,
        workload: &dyn Workload,
        store: &mut Store,
        mut observe: impl FnMut(StudyEvent<'_>) -> ControlFlow<()>,
    ) -> Result<Vec<Outcome>, StudyError> {
        self.check()?;
        let mut work = Work {
            study: self,
            workload,
            runner: Runner::new(store)?,
            done: 0,
        };
        let mut sizes = self.batch_sizes.clone();
        sizes.sort_unstable();
        let mut fewest: Option<u64> = None;
        let mut outcomes = Vec::new();
        for batch_size in sizes {
            let found = work.search(batch_size, fewest, &mut observe)?;
            let winner = fewest_steps(&found).cloned();
            // A larger batch never needs more steps: what a smaller one took limits it.
            fewest = winner
                .as_ref()
                .and_then(|outcome| outcome.steps_to_target)
                .or(fewest);
            outcomes.extend(found);
            if let Some(winner) = winner.filter(|_| self.slice.is_whole()) {
                outcomes.extend(work.repeat(&winner, &mut observe)?);
            }
        }
        Ok(outcomes)
    }

    pub(super) fn check(&self) -> Result<(), StudyError> {
        let odd = |what, expected, got: String| {
            Err(StudyError::Value {
                what,
                expected,
                got,
            })
        };
        let mut sizes = self.batch_sizes.clone();
        sizes.sort_unstable();
        if sizes.first().is_none_or(|&least| least == 0) {
            return odd(
                "the batch sizes",
                "at least 1, one or more of them",
                format!("{sizes:?}"),
            );
        }
        if let Some(pair) = sizes.windows(2).find(|pair| pair[0] == pair[1]) {
            return odd(
                "the batch sizes",
                "each named once",
                format!("{} twice", pair[0]),
            );
        }
        if self.candidates == 0 || self.parallel == 0 || self.max_steps == 0 {
            let got = format!("{}, {}, {}", self.candidates, self.parallel, self.max_steps);
            return odd(
                "candidates, trials side by side and steps",
                "at least 1 each",
                got,
            );
        }
        self.slice.check()?;
        if self.max_epochs.is_nan() || self.max_epochs <= 0.0 {
            return odd("the epochs", "more than 0", self.max_epochs.to_string());
        }
        let (Target::Error(wanted) | Target::Loss(wanted)) = self.target;
        if wanted > 0.0 && wanted.is_finite() {
            Ok(())
        } else {
            odd("the target", "positive and finite", wanted.to_string())
        }
    }

    /// Trials of all batch sizes, winners' runs among them.
    pub fn num_trials(&self) -> usize {
        let searched = self.slice.take(0..self.candidates).count();
        let repeated = if self.slice.is_whole() {
            self.repeats
        } else {
            0
        };
        self.batch_sizes.len() * (searched + repeated)
    }

    /// So many steps, on the threads that a trial has.
    pub(super) fn threaded(&self, steps: u64) -> Limit {
        let (threads, pinning) = match self.parallel {
            1 => self.threads,
            _ => (Threads::Fixed(1), Pinning::Off),
        };
        Limit {
            steps,
            threads,
            pinning,
        }
    }

    /// Steps that a trial may take for its own sake.
    pub(super) fn limit(&self, workload: &dyn Workload, batch_size: usize) -> u64 {
        let in_epochs = workload.rows().map_or(u64::MAX, |rows| {
            (self.max_epochs * rows as f64 / batch_size as f64).ceil() as u64
        });
        self.max_steps.min(in_epochs).max(1)
    }
}

impl Work<'_> {
    /// The search for one batch size.
    fn search(
        &mut self,
        batch_size: usize,
        fewest: Option<u64>,
        observe: Observer<'_>,
    ) -> Result<Vec<Outcome>, StudyError> {
        let study = self.study;
        let whole = study.limit(self.workload, batch_size);
        let space = &study.space;
        let all = space.candidates(study.search, study.candidates, study.seed, batch_size);
        let mut own: Vec<Trial> = study.slice.take(all.into_iter()).collect();
        if study.search == Search::Halving {
            own = self.halve(own, whole, observe)?;
        }
        let mut outcomes: Vec<Outcome> = Vec::new();
        for wave in own.chunks(WAVE) {
            let steps = fewest_steps(&outcomes).and_then(|outcome| outcome.steps_to_target);
            let allowed = steps.into_iter().chain(fewest).min();
            let allowed = allowed.map_or(whole, |steps| (PATIENCE * steps as f64).ceil() as u64);
            outcomes.extend(self.wave(wave, allowed.min(whole), observe)?);
        }
        Ok(outcomes)
    }

    /// The trials that are left after all rungs but the last.
    fn halve(
        &mut self,
        mut trials: Vec<Trial>,
        whole: u64,
        observe: Observer<'_>,
    ) -> Result<Vec<Trial>, StudyError> {
        for rung in (1..RUNGS).rev() {
            let allowed = (whole >> rung).max(1);
            let mut outcomes = self.wave(&trials, allowed, observe)?;
            // Who got there goes first, then who came nearest.
            let place = |outcome: &Outcome| {
                (
                    outcome.steps_to_target.unwrap_or(u64::MAX),
                    outcome.best.unwrap_or(f64::INFINITY),
                )
            };
            outcomes.sort_by(|one, other| {
                let (one, other) = (place(one), place(other));
                one.0.cmp(&other.0).then(one.1.total_cmp(&other.1))
            });
            outcomes.truncate(trials.len().div_ceil(2));
            trials = outcomes.into_iter().map(|outcome| outcome.trial).collect();
        }
        Ok(trials)
    }

    /// Runs of a winner with fresh seeds.
    fn repeat(
        &mut self,
        winner: &Outcome,
        observe: Observer<'_>,
    ) -> Result<Vec<Outcome>, StudyError> {
        let steps = winner.steps_to_target.expect("a winner got there") as f64;
        let whole = self.study.limit(self.workload, winner.trial.batch_size);
        let allowed = ((PATIENCE_REPEATED * steps).ceil() as u64).min(whole.max(steps as u64));
        let fresh = |repeat: usize| Trial {
            repeat,
            seed: self.study.seed.wrapping_add(repeat as u64),
            ..winner.trial.clone()
        };
        let trials: Vec<Trial> = (1..=self.study.repeats).map(fresh).collect();
        self.wave(&trials, allowed, observe)
    }

    /// Trials side by side; those that are known are not made again.
    fn wave(
        &mut self,
        trials: &[Trial],
        allowed: u64,
        observe: Observer<'_>,
    ) -> Result<Vec<Outcome>, StudyError> {
        if let Some(first) = trials.first() {
            let wave = StudyEvent::Wave {
                batch_size: first.batch_size,
                done: self.done,
                all: self.study.num_trials(),
            };
            self.tell(wave, observe)?;
        }
        let jobs: Vec<TrialJob<'_>> = trials
            .iter()
            .map(|trial| TrialJob { trial, allowed })
            .collect();
        let limit = self.study.threaded(allowed);
        let (workload, target) = (self.workload, self.study.target);
        // A wave is told of as a whole, so that what is told does not depend on what runs side by
        // side.
        let outcomes = self.runner.run_side_by_side(
            &jobs,
            self.study.parallel,
            |job| workload.train(job.trial, target, limit),
            |_| ControlFlow::Continue(()),
        )?;
        for outcome in &outcomes {
            self.done += 1;
            self.tell(StudyEvent::Finished(outcome), observe)?;
        }
        Ok(outcomes)
    }

    /// Tells the observer, who may stop the study.
    fn tell(&self, event: StudyEvent<'_>, observe: Observer<'_>) -> Result<(), StudyError> {
        match observe(event) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(StudyError::Stopped {
                trials: self.runner.num_known(),
            }),
        }
    }
}

/// A trial that may take so many steps.
struct TrialJob<'t> {
    trial: &'t Trial,
    allowed: u64,
}

impl Job for TrialJob<'_> {
    type Outcome = Outcome;

    /// A finished trial, as this job would have seen it; one that was given up earlier than here is
    /// made again.
    fn find(&self, known: &[Outcome]) -> Option<Outcome> {
        let name = |trial: &Trial| (trial.batch_size, trial.candidate, trial.repeat, trial.seed);
        let is_it = |outcome: &&Outcome| {
            let went_far = outcome.steps.1 >= self.allowed || outcome.diverged;
            let is_told = went_far || outcome.steps_to_target.is_some();
            name(&outcome.trial) == name(self.trial) && is_told
        };
        let mut outcome = known.iter().find(is_it)?.clone();
        outcome.steps_to_target = outcome
            .steps_to_target
            .filter(|&steps| steps <= self.allowed);
        Some(outcome)
    }
}
