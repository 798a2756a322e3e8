//! The critical batch size while a network learns: a training is branched into larger batches,
//! beside its noise scale.
//!
//! # How
//! A training with the smallest batch is stopped at some points. From each, copies of it go on for
//! the same number of rows, one with the same batch and others with larger ones, whose learning
//! rate is scaled for them. The critical batch size of the point is the largest before the first
//! whose loss is more than a tolerance above that of the smallest: known to the distance of the
//! batch sizes. Everything follows from the seeds.
//!
//! # References
//! Merrill, Arora, Groeneveld, Hajishirzi: "Critical batch size revisited", 2025 (branched
//! training); McCandlish et al., 2018 (the noise scale).

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};

use crate::data::Dataset;
use crate::optim::{Optimizer, ScalingRule};
use crate::train::{Event, TrainError, Trainer};

use super::error::StudyError;
use super::runner::{Job, Runner};
use super::store::Store;

/// A plan of branches: batch sizes, points, window, scaling rule and seeds.
///
/// Example: [`Branches`].
#[derive(Clone, Debug, PartialEq)]
pub struct BranchPlan {
    /// Rows of a batch, ascending; the training itself has the first.
    pub batch_sizes: Vec<usize>,
    /// Where it is branched, in epochs, ascending.
    pub at: Vec<f64>,
    /// How far a branch goes on, in epochs.
    pub window: f64,
    /// What a larger batch does to the learning rate.
    pub rule: ScalingRule,
    /// Trainings, at least 1.
    pub seeds: u64,
    /// The first of their seeds.
    pub seed: u64,
}

/// The end of a branch.
///
/// ```
/// use unisono::study::batch_size::{BranchOutcome, BranchPoint};
/// // Twice the rows of a batch lose nothing, eight times as many a tenth of the loss.
/// let outcomes = [(32, 0.50), (64, 0.50), (256, 0.55)].map(|(batch_size, loss)| {
///     BranchOutcome { seed: 1, at: 2.0, batch_size, loss, noise_scale: None }
/// });
/// let points = BranchPoint::of(&outcomes, 0.02, 1);
/// assert_eq!((points[0].at, points[0].critical_batch.value), (2.0, 64.0));
/// assert!((points[0].excess[2].1.value - 0.1).abs() < 1e-12 && !points[0].is_open);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BranchOutcome {
    /// The seed of its training.
    pub seed: u64,
    /// Where it begins, in epochs.
    pub at: f64,
    /// Rows of its batches.
    pub batch_size: usize,
    /// The test loss at its end; the largest number after a divergence.
    pub loss: f64,
    /// The noise scale where it begins, in rows; `None` before there is one.
    pub noise_scale: Option<f64>,
}

/// A training that is branched.
///
/// ```
/// use std::ops::ControlFlow;
/// use unisono::{Trainer, data::digits, nn::{Loss, Sequential}};
/// use unisono::optim::{Optimizer, ScalingRule};
/// use unisono::study::batch_size::{BranchPlan, BranchPoint, Branches, Store};
/// let (train, test) = digits();
/// let model = Sequential::new(64).dense(10);
/// let branches = Branches::new([&train, &test], Optimizer::sgd(0.05), move || {
///     Trainer::new(model.clone(), Loss::SoftmaxCrossEntropy)
/// });
/// let plan = BranchPlan {
///     batch_sizes: vec![8, 64, 512], at: vec![1.0], window: 1.0, rule: ScalingRule::Linear, seeds: 2, seed: 1,
/// };
/// let ends = branches.run(&plan, &mut Store::in_memory(), |_| ControlFlow::Continue(()))?;
/// let points = BranchPoint::of(&ends, 0.1, 1);
/// assert!(points[0].critical_batch.value >= 8.0 && points[0].noise_scale.is_some());
/// # Ok::<(), unisono::study::batch_size::StudyError>(())
/// ```
pub struct Branches<'d> {
    pub(super) data: [&'d dyn Dataset; 2],
    optimizer: Optimizer,
    make: Box<dyn Fn() -> Trainer + 'd>,
}

impl std::fmt::Debug for Branches<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Branches").field(&self.optimizer).finish()
    }
}

impl<'d> Branches<'d> {
    /// On a training and a test part, with an optimiser made for the smallest batch; batch size,
    /// optimiser, epochs and seed of what `make` makes are set apart.
    pub fn new(
        data: [&'d dyn Dataset; 2],
        optimizer: Optimizer,
        make: impl Fn() -> Trainer + 'd,
    ) -> Self {
        Self {
            data,
            optimizer,
            make: Box::new(make),
        }
    }

    /// Makes every branch that `store` does not have; gives all of them. `observe` is called with
    /// each, and may end it.
    ///
    /// # Errors
    /// [`StudyError`]: a plan that makes no sense, before anything runs; [`StudyError::Stopped`] if
    /// the observer ends it.
    pub fn run(
        &self,
        plan: &BranchPlan,
        store: &mut Store,
        mut observe: impl FnMut(&BranchOutcome) -> ControlFlow<()>,
    ) -> Result<Vec<BranchOutcome>, StudyError> {
        plan.check(self.data[0].len())?;
        let mut trunk = None;
        Runner::new(store)?.run_in_order(
            &plan.jobs(),
            |job| self.branch(plan, job, &mut trunk),
            |finished| observe(finished.outcome()),
        )
    }

    /// What decides the outcomes, by name: [`Store::open`] takes it.
    pub fn settings(&self, plan: &BranchPlan) -> BTreeMap<String, String> {
        BTreeMap::from([
            ("batch sizes".to_owned(), format!("{:?}", plan.batch_sizes)),
            ("branched at".to_owned(), format!("{:?}", plan.at)),
            ("window".to_owned(), plan.window.to_string()),
            ("scaling".to_owned(), plan.rule.name().to_owned()),
            ("seed".to_owned(), plan.seed.to_string()),
            ("optimizer".to_owned(), self.optimizer.to_string()),
        ])
    }

    /// Epochs in rows.
    fn rows(&self, epochs: f64) -> usize {
        (epochs * self.data[0].len() as f64).round() as usize
    }

    /// A trainer with batches of `batch_size` rows.
    pub(super) fn trainer(
        &self,
        plan: &BranchPlan,
        batch_size: usize,
        seed: u64,
    ) -> Result<Trainer, StudyError> {
        let k = batch_size as f64 / plan.batch_sizes[0] as f64;
        let last = plan.at[plan.at.len() - 1] + plan.window;
        Ok((self.make)()
            .optimizer(plan.rule.optimizer(&self.optimizer, k)?)
            .batch_size(batch_size)
            .epochs(last.ceil() as u32 + 1)
            .seed(seed))
    }

    /// Makes a branch from where `trunk` is, which goes on to the branch's point before, or begins
    /// anew for another seed.
    fn branch(
        &self,
        plan: &BranchPlan,
        job: &BranchJob,
        trunk: &mut Option<Trunk>,
    ) -> Result<BranchOutcome, StudyError> {
        // The training that is branched.
        let trunk = match trunk {
            Some(trunk) if trunk.seed == job.seed => trunk,
            _ => trunk.insert(Trunk {
                seed: job.seed,
                trainer: self
                    .trainer(plan, plan.batch_sizes[0], job.seed)?
                    .track_noise_scale(),
                at: None,
                rows: 0,
                noise_scale: None,
            }),
        };
        if trunk.at != Some(job.at) {
            // The step that is nearest to the point before may lie beyond this one.
            let wanted = self.rows(job.at).saturating_sub(trunk.rows);
            let made = self.go_on(&mut trunk.trainer, wanted, plan.batch_sizes[0])?;
            trunk.at = Some(job.at);
            trunk.rows += made.rows;
            trunk.noise_scale = made.noise_scale.or(trunk.noise_scale);
        }
        // A copy of it goes on with the branch's batch.
        let mut branch = self
            .trainer(plan, job.batch_size, job.seed)?
            .allow_changes();
        branch.resume(trunk.trainer.checkpoint()?)?;
        let loss = match self.go_on(&mut branch, self.rows(plan.window), job.batch_size) {
            Ok(_) => branch.evaluate(self.data[1])?.0.min(f64::MAX),
            Err(TrainError::NonFinite { .. }) => f64::MAX,
            Err(error) => return Err(error.into()),
        };
        Ok(BranchOutcome {
            seed: job.seed,
            at: job.at,
            batch_size: job.batch_size,
            loss,
            noise_scale: trunk.noise_scale,
        })
    }

    /// Trains on about so many rows more, to the nearest step.
    fn go_on(
        &self,
        trainer: &mut Trainer,
        wanted: usize,
        batch_size: usize,
    ) -> Result<Stretch, TrainError> {
        let mut made = Stretch::default();
        if wanted <= batch_size / 2 {
            return Ok(made);
        }
        trainer.fit_observed(self.data[0], self.data[1], |event| {
            if let Event::Step {
                batch_size: rows,
                noise_scale,
                ..
            } = event
            {
                made.rows += rows;
                made.noise_scale = *noise_scale;
                if made.rows + batch_size / 2 >= wanted {
                    return ControlFlow::Break(());
                }
            }
            ControlFlow::Continue(())
        })?;
        Ok(made)
    }
}

/// A training that is branched, at work.
struct Trunk {
    seed: u64,
    trainer: Trainer,
    /// The point that it has come to, in epochs; none before the first.
    at: Option<f64>,
    rows: usize,
    noise_scale: Option<f64>,
}

/// Some steps of a training.
#[derive(Default)]
struct Stretch {
    rows: usize,
    /// The noise scale after the last of them.
    noise_scale: Option<f64>,
}

/// A branch to be made.
struct BranchJob {
    seed: u64,
    at: f64,
    batch_size: usize,
}

impl Job for BranchJob {
    type Outcome = BranchOutcome;

    fn find(&self, known: &[BranchOutcome]) -> Option<BranchOutcome> {
        let is_it = |one: &&BranchOutcome| {
            (one.seed, one.at, one.batch_size) == (self.seed, self.at, self.batch_size)
        };
        known.iter().find(is_it).cloned()
    }
}

impl BranchPlan {
    /// Seed by seed, point by point, from the smallest batch to the largest.
    fn jobs(&self) -> Vec<BranchJob> {
        let mut jobs = Vec::new();
        for seed in self.seed..self.seed.saturating_add(self.seeds) {
            for &at in &self.at {
                let sizes = self.batch_sizes.iter();
                jobs.extend(sizes.map(|&batch_size| BranchJob {
                    seed,
                    at,
                    batch_size,
                }));
            }
        }
        jobs
    }

    pub(super) fn check(&self, rows: usize) -> Result<(), StudyError> {
        let odd = |what, expected, got: String| {
            Err(StudyError::Value {
                what,
                expected,
                got,
            })
        };
        let sizes = &self.batch_sizes;
        if sizes.len() < 2 || sizes[0] < 2 || sizes.windows(2).any(|pair| pair[0] >= pair[1]) {
            let expected = "two or more, ascending, of at least 2 rows";
            return odd(
                "the batch sizes of branches",
                expected,
                format!("{sizes:?}"),
            );
        }
        let ascend = self.at.windows(2).all(|pair| pair[0] < pair[1]);
        let is_first = self.at.first().is_some_and(|&first| first >= 0.0);
        if !ascend || !is_first || self.at.iter().any(|at| !at.is_finite()) {
            let expected = "numbers of epochs, ascending, from 0 on";
            return odd(
                "the points to branch at",
                expected,
                format!("{:?}", self.at),
            );
        }
        if self.seeds == 0 {
            return odd("the trainings to branch", "at least 1", "0".to_owned());
        }
        let largest = sizes[sizes.len() - 1];
        let fits = self.window.is_finite() && self.window * rows as f64 >= largest as f64;
        if !fits {
            let expected = "epochs, of as many rows as the largest batch has, or more";
            return odd("the window of branches", expected, self.window.to_string());
        }
        Ok(())
    }
}
