//! Cost estimate of a study, before it starts: a few steps are timed, the rest is counted.

use super::branches::{BranchPlan, Branches};
use super::comparison::Comparison;
use super::error::StudyError;
use super::pace::{Pace, timed};
use super::steps::StepsToTarget;
use super::workload::{LOOKS, Workload};

/// The cost of a study if none of its trainings ends early.
///
/// ```
/// use unisono::{data::digits, engine::{Pinning, Threads}, nn::Sequential};
/// use unisono::study::batch_size::{Range, Search, Slice, Space, StepsToTarget, Target, Training};
/// let (train, test) = digits();
/// let workload = Training::new(Sequential::new(64).dense(10), &train, &test);
/// let study = StepsToTarget {
///     batch_sizes: vec![16, 64], space: Space { lr: Range::new(0.01, 1.0)?, one_minus_momentum: None, schedules: vec![] },
///     search: Search::Sobol, candidates: 4, repeats: 1, target: Target::Error(0.1), max_steps: u64::MAX, max_epochs: 30.0, seed: 1,
///     parallel: 1, threads: (Threads::Fixed(1), Pinning::Off), slice: Slice::WHOLE,
/// };
/// let estimate = study.cost_estimate(&workload)?.unwrap();
/// assert_eq!(estimate.trainings, 10);
/// assert!(0.0 < estimate.epoch && 29.0 * estimate.epoch < estimate.seconds);
/// # Ok::<(), unisono::study::batch_size::StudyError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct CostEstimate {
    /// Trainings, or branches of them.
    pub trainings: usize,
    /// Seconds in which each of them trains for an epoch, evaluations aside.
    pub epoch: f64,
    /// Seconds of all of them.
    pub seconds: f64,
}

impl CostEstimate {
    /// Adds `count` trainings of so many seconds an epoch, and in all.
    fn add(&mut self, count: usize, epoch: f64, seconds: f64) {
        self.trainings += count;
        self.epoch += count as f64 * epoch;
        self.seconds += count as f64 * seconds;
    }

    fn side_by_side(self, parallel: usize) -> Self {
        let parallel = parallel.clamp(1, self.trainings.max(1)) as f64;
        Self {
            epoch: self.epoch / parallel,
            seconds: self.seconds / parallel,
            ..self
        }
    }
}

/// Paces of a small batch and a large one: in between a step takes a time of its own and one for
/// each row.
struct Line([(usize, Pace); 2]);

impl Line {
    /// Seconds of a step.
    fn step(&self, batch_size: usize) -> f64 {
        let [(small, one), (large, other)] = self.0;
        if large == small {
            return one.step;
        }
        let a_row = (other.step - one.step) / (large - small) as f64;
        (one.step + a_row * (batch_size - small) as f64).max(0.0)
    }

    /// Seconds of an evaluation.
    fn evaluation(&self) -> f64 {
        self.0[0].1.evaluation.min(self.0[1].1.evaluation)
    }
}

impl StepsToTarget {
    /// What it takes if every trial runs to its last step: they end at their target, or when they
    /// cannot win. `None` for a workload that cannot be timed.
    ///
    /// # Errors
    /// [`StudyError`]: settings that make no sense, or a workload that cannot be trained.
    pub fn cost_estimate(
        &self,
        workload: &dyn Workload,
    ) -> Result<Option<CostEstimate>, StudyError> {
        self.check()?;
        let sizes = || self.batch_sizes.iter().copied();
        let pace = |batch_size: usize| {
            let limit = self.threaded(self.limit(workload, batch_size));
            let trial = self.space.candidates(self.search, 1, self.seed, batch_size);
            Ok::<_, StudyError>(
                workload
                    .pace(&trial[0], limit)?
                    .map(|pace| (batch_size, pace)),
            )
        };
        // The smallest and the largest batch are timed.
        let ends = (sizes().min(), sizes().max());
        let (Some(small), Some(large)) = ends else {
            return Ok(None);
        };
        let (Some(one), Some(other)) = (pace(small)?, pace(large)?) else {
            return Ok(None);
        };
        let line = Line([one, other]);
        // Those in between are counted.
        let mut estimate = CostEstimate::default();
        for size in sizes() {
            let (steps, step) = (self.limit(workload, size), line.step(size));
            let epoch = workload
                .rows()
                .map_or(0.0, |rows| step * rows.div_ceil(size) as f64);
            let looks = LOOKS.count(steps) * line.evaluation();
            let seconds = steps as f64 * step + looks;
            estimate.add(self.num_trials() / self.batch_sizes.len(), epoch, seconds);
        }
        Ok(Some(estimate.side_by_side(self.parallel)))
    }
}

impl Comparison<'_> {
    /// What it takes; where batches grow, what it would take if they stayed. What is measured of
    /// the trained networks comes on top.
    ///
    /// # Errors
    /// [`StudyError`]: as of [`Comparison::num_trainings`], or a recipe that cannot be trained.
    ///
    /// ```
    /// use unisono::{Trainer, data::digits, nn::{Loss, Sequential}, study::batch_size::{Recipe, Comparison}};
    /// let (train, test) = digits();
    /// let recipe = Recipe::new("dense", || Trainer::new(Sequential::new(64).dense(10), Loss::SoftmaxCrossEntropy).epochs(3));
    /// let estimate = Comparison::new(&train, &test, vec![recipe]).seeds(4).cost_estimate()?;
    /// assert_eq!(estimate.trainings, 4);
    /// assert!(3.0 * estimate.epoch <= estimate.seconds);
    /// # Ok::<(), unisono::study::batch_size::StudyError>(())
    /// ```
    pub fn cost_estimate(&self) -> Result<CostEstimate, StudyError> {
        let mut estimate = CostEstimate::default();
        let jobs = self.jobs()?;
        for recipe in &self.recipes {
            let of_recipe = || jobs.iter().filter(|job| job.recipe.name() == recipe.name());
            let Some(first) = of_recipe().next() else {
                continue;
            };
            let (pace, setup) = timed(self.trainer(recipe, first.seed), self.data)?;
            let steps = setup.rows.div_ceil(setup.batch_size.max(1)) as f64;
            let (epoch, epochs) = (steps * pace.step, f64::from(setup.epochs));
            let looks = match self.target {
                Some(_) => super::comparison::LOOKS.count((epochs * steps) as u64),
                None => 0.0,
            };
            let seconds = epochs * epoch + (epochs + looks) * pace.evaluation;
            estimate.add(of_recipe().count(), epoch, seconds);
        }
        Ok(estimate.side_by_side(self.parallel))
    }
}

impl Branches<'_> {
    /// What it takes.
    ///
    /// # Errors
    /// [`StudyError`]: a plan that makes no sense, or what cannot be trained.
    ///
    /// ```
    /// use unisono::{Trainer, data::digits, nn::{Loss, Sequential}, optim::{Optimizer, ScalingRule}};
    /// use unisono::study::batch_size::{BranchPlan, Branches};
    /// let (train, test) = digits();
    /// let model = Sequential::new(64).dense(10);
    /// let branches = Branches::new([&train, &test], Optimizer::sgd(0.05), move || {
    ///     Trainer::new(model.clone(), Loss::SoftmaxCrossEntropy)
    /// });
    /// let plan = BranchPlan {
    ///     batch_sizes: vec![8, 64], at: vec![1.0, 4.0], window: 1.0, rule: ScalingRule::Linear, seeds: 3, seed: 1,
    /// };
    /// assert_eq!(branches.cost_estimate(&plan)?.trainings, 12);
    /// # Ok::<(), unisono::study::batch_size::StudyError>(())
    /// ```
    pub fn cost_estimate(&self, plan: &BranchPlan) -> Result<CostEstimate, StudyError> {
        let rows = self.data[0].len();
        plan.check(rows)?;
        let (small, large) = (
            plan.batch_sizes[0],
            plan.batch_sizes[plan.batch_sizes.len() - 1],
        );
        let pace = |size: usize| {
            let trainer = self.trainer(plan, size, plan.seed)?;
            Ok::<_, StudyError>((size, Pace::of(trainer, self.data)?))
        };
        let line = Line([pace(small)?, pace(large)?]);
        let epoch = |size: usize| rows as f64 / size as f64 * line.step(size);
        let trunk = plan.at[plan.at.len() - 1] * epoch(small);
        let mut estimate = CostEstimate {
            seconds: plan.seeds as f64 * trunk,
            ..CostEstimate::default()
        };
        for &size in &plan.batch_sizes {
            let branch = plan.window * epoch(size) + line.evaluation();
            estimate.add(plan.at.len() * plan.seeds as usize, epoch(size), branch);
        }
        Ok(estimate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_in_between_lie_on_a_line() {
        let pace = |step: f64| Pace {
            step,
            evaluation: 1.0,
        };
        let line = Line([(10, pace(2.0)), (110, pace(7.0))]);
        assert_eq!([10, 60, 110].map(|size| line.step(size)), [2.0, 4.5, 7.0]);
        let one = Line([(10, pace(2.0)), (10, pace(3.0))]);
        assert_eq!(one.step(10), 2.0);
    }

    #[test]
    fn side_by_side_divides_the_time_but_not_beyond_the_trainings() {
        let mut estimate = CostEstimate::default();
        estimate.add(4, 1.0, 10.0);
        assert_eq!(estimate.side_by_side(2).seconds, 20.0);
        assert_eq!(
            estimate.side_by_side(8),
            CostEstimate {
                trainings: 4,
                epoch: 1.0,
                seconds: 10.0
            }
        );
    }
}
