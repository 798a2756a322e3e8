//! Learning-rate range test: the rate rises steadily, and the loss tells which rates train.
//!
//! # References
//! Smith: "Cyclical learning rates for training neural networks", WACV 2017, section 3.3.

use std::sync::Arc;

use crate::data::Dataset;
use crate::engine::{Batch, Reduced, Replica};
use crate::optim::{Progress, StepPlan};

use super::config::Config;
use super::control::{Control, PlannedStep};
use super::error::TrainError;
use super::network_engine::Evaluations;
use super::source::TRAIN;
use super::train_loop::Workers;
use super::trainer::Trainer;

/// How the rate rises.
///
/// ```
/// use unisono::{Trainer, TrainError, data::digits, nn::{Loss, Sequential}, train::LrRange};
/// let range = LrRange { from: 1e-4, to: 1.0, steps: 5 };
/// let trainer = Trainer::new(Sequential::new(64).dense(10), Loss::SoftmaxCrossEntropy).threads(1);
/// let curve = trainer.lr_range_test(&digits().0, range)?;
/// assert_eq!((curve.points[0].lr, curve.points.last().unwrap().lr), (1e-4, 1.0));
/// // Corrected for its start, the average of one loss is that loss.
/// assert!((curve.points[0].smoothed - curve.points[0].loss).abs() < 1e-9);
/// # Ok::<(), TrainError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LrRange {
    /// The first rate, positive.
    pub from: f32,
    /// The last one, above it.
    pub to: f32,
    /// In how many steps, at least 2.
    pub steps: u32,
}

impl Default for LrRange {
    /// From 1e-5 to 10 in 100 steps.
    fn default() -> Self {
        Self {
            from: 1e-5,
            to: 10.0,
            steps: 100,
        }
    }
}

/// A step of the test.
///
/// Example: [`LrRange`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct LrPoint {
    /// The rate.
    pub lr: f32,
    /// The batch's mean loss before the step.
    pub loss: f64,
    /// The loss, averaged over the steps so far with 0.9 and corrected for its start.
    pub smoothed: f64,
}

/// The result of a range test.
///
/// Example: [`Trainer::lr_range_test`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct LrCurve {
    /// One point a step, until the smoothed loss was four times its least, or not finite.
    pub points: Vec<LrPoint>,
}

impl LrCurve {
    /// The rate where the smoothed loss fell most steeply over the logarithm of the rate; `None` if
    /// it never fell.
    pub fn suggestion(&self) -> Option<f32> {
        let slope = |pair: &[LrPoint]| pair[1].smoothed - pair[0].smoothed;
        let falling = self.points.windows(2).filter(|pair| slope(pair) < 0.0);
        let steepest = falling.min_by(|a, b| slope(a).total_cmp(&slope(b)));
        steepest.map(|pair| pair[1].lr)
    }
}

/// Most steps of a range test.
const MOST_STEPS: u32 = 1_000_000;

impl Trainer {
    /// Runs a range test from the network as it is, which is not changed, with the optimiser and
    /// batch size set; schedules and policies play no part.
    ///
    /// ```
    /// use unisono::{Trainer, data::digits, nn::{Loss, Sequential}, optim::Optimizer, train::LrRange};
    /// let (train, _) = digits();
    /// let trainer = Trainer::new(Sequential::new(64).dense(10), Loss::SoftmaxCrossEntropy)
    ///     .threads(1)
    ///     .optimizer(Optimizer::sgd(0.1));
    /// let curve = trainer.lr_range_test(&train, LrRange::default())?;
    /// assert!(curve.suggestion().is_some_and(|lr| lr > 1e-4 && lr < 10.0));
    /// # Ok::<(), unisono::train::TrainError>(())
    /// ```
    ///
    /// # Errors
    /// As [`Trainer::fit`]; [`TrainError::LrRange`] for a range that does not rise.
    pub fn lr_range_test(
        &self,
        train: &dyn Dataset,
        range: LrRange,
    ) -> Result<LrCurve, TrainError> {
        let LrRange { from, to, steps } = range;
        let rises = from > 0.0 && from < to && to.is_finite() && (2..=MOST_STEPS).contains(&steps);
        if !rises {
            return Err(TrainError::LrRange { from, to, steps });
        }
        self.config.check_room(&self.model, train.len())?;
        self.config.check()?;
        self.check_data("training", train)?;
        self.config.sampling.check(train.len())?;
        let mut engine = self.network_engine(
            &self.last_params()?,
            [train, train],
            &Evaluations::default(),
        )?;
        let control = Control::new(&self.config)?;
        let config = &self.config;
        let points = engine.run(move |workers| {
            let test = RangeTest {
                config,
                control: &control,
                rows: train.len(),
                range,
            };
            test.points(workers)
        })??;
        Ok(LrCurve { points })
    }
}

/// A running range test.
struct RangeTest<'a> {
    config: &'a Config,
    control: &'a Control,
    /// Of the training set.
    rows: usize,
    range: LrRange,
}

impl RangeTest<'_> {
    /// The steps, until the loss has risen too far.
    fn points<R: Replica>(&self, workers: &mut Workers<'_, R>) -> Result<Vec<LrPoint>, TrainError> {
        let LrRange { from, to, steps } = self.range;
        let rate = libm::pow(f64::from(to / from), 1.0 / f64::from(steps - 1));
        let batch_size = self.config.batch_size.min(self.rows);
        let mut points: Vec<LrPoint> = Vec::new();
        let (mut epoch, mut start) = (0, 0);
        let mut order = self.order(epoch)?;
        let (mut average, mut least) = (Average::default(), f64::INFINITY);
        for step in 0..u64::from(steps) {
            // Whole batches only: a new epoch where one is not left.
            if start + batch_size > self.rows {
                (epoch, start) = (epoch + 1, 0);
                order = self.order(epoch)?;
            }
            let batch = Batch {
                source: TRAIN,
                order: Arc::clone(&order),
                range: start..start + batch_size,
                epoch,
                step,
            };
            start += batch_size;
            let lr = (f64::from(from) * libm::pow(rate, step as f64)) as f32;
            let reduced = self.step(workers, &batch, lr)?;
            if reduced.sums.is_empty() {
                continue;
            }
            // The loss was taken before the update, so it judges the rates before this one.
            let loss = reduced.sums.mean_loss();
            let smoothed = average.add(loss);
            least = smoothed.min(least);
            if !reduced.is_finite() || smoothed > 4.0 * least {
                break;
            }
            points.push(LrPoint { lr, loss, smoothed });
        }
        match average.steps {
            0 => Err(TrainError::NothingCounts { part: "training" }),
            _ => Ok(points),
        }
    }

    /// One step at this rate.
    fn step<R: Replica>(
        &self,
        workers: &mut Workers<'_, R>,
        batch: &Batch,
        lr: f32,
    ) -> Result<Reduced, TrainError> {
        let progress = Progress {
            step: batch.step,
            ..Progress::default()
        };
        let rows = batch.range.len();
        let planned = PlannedStep {
            plan: StepPlan {
                batch_size: rows,
                lr,
            },
            rows,
        };
        Ok(workers.step(batch, |reduced| {
            self.control
                .decide(self.config, &progress, reduced, planned)
        })?)
    }

    fn order(&self, epoch: u32) -> Result<Arc<[u32]>, TrainError> {
        let (sampling, seed) = (&self.config.sampling, self.config.seed);
        Ok(sampling.order(self.rows as u32, seed, epoch)?)
    }
}

/// The loss, averaged over the steps so far with 0.9 and corrected for its start.
#[derive(Default)]
struct Average {
    sum: f64,
    steps: i32,
}

impl Average {
    fn add(&mut self, loss: f64) -> f64 {
        self.steps += 1;
        self.sum = 0.9 * self.sum + 0.1 * loss;
        self.sum / (1.0 - libm::pow(0.9, f64::from(self.steps)))
    }
}
