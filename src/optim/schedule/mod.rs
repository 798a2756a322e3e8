//! Schedules: the learning rate over time, a shape with a linear warm-up before it.
//!
//! | file | what |
//! |---|---|
//! | `shape` | the formulas |
//! | `text` | how a schedule is written and read: `warmup 5 epochs, cosine to 0 over 90 epochs` |
//!
//! The rate is `base * warm-up(t) * shape(t)`, both counted from the start of training.
//!
//! # References
//! Goyal et al.: "Accurate, large minibatch SGD", 2017 (warm-up); Loshchilov, Hutter: "SGDR", ICLR
//! 2017 (cosine, restarts); Smith, Topin: "Super-convergence", 2018 (one-cycle); Vaswani et al.,
//! 2017 (inverse square root); Hu et al.: "MiniCPM", 2024 (warm-up-stable-decay).

mod shape;
mod text;
mod written;

use serde::{Deserialize, Serialize};

use super::error::{OptimError, check};

pub use shape::{CustomShape, Shape};

/// How far training has come, before the step at hand.
///
/// ```
/// use unisono::optim::{Progress, Unit};
/// // After 5 of 20 steps, of 32 rows each, of the third epoch.
/// let progress = Progress { step: 45, epoch: 2, examples: 45 * 32, in_epoch: 0.25 };
/// assert_eq!(Unit::Epochs.of(&progress), 2.25);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Progress {
    /// Updates so far.
    pub step: u64,
    /// Whole epochs so far.
    pub epoch: u32,
    /// Rows seen so far.
    pub examples: u64,
    /// The share of the epoch at hand that has been seen, in 0..1.
    pub in_epoch: f64,
}

/// What a schedule counts. Examples survive a change of the batch size.
///
/// ```
/// use unisono::optim::{Progress, Unit};
/// let progress = Progress { step: 20, epoch: 2, examples: 640, in_epoch: 0.5 };
/// let units = [Unit::Steps, Unit::Epochs, Unit::Examples];
/// assert_eq!(units.map(|unit| unit.of(&progress)), [20.0, 2.5, 640.0]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unit {
    /// Updates.
    #[default]
    Steps,
    /// Epochs, with fractions.
    Epochs,
    /// Rows.
    Examples,
}

impl Unit {
    /// Every unit, for tables of tests.
    pub const ALL: &'static [Unit] = &Self::EACH;

    /// The same, in number.
    pub(crate) const EACH: [Unit; 3] = [Unit::Steps, Unit::Epochs, Unit::Examples];

    /// The time in this unit.
    pub fn of(self, progress: &Progress) -> f64 {
        match self {
            Unit::Steps => progress.step as f64,
            Unit::Epochs => f64::from(progress.epoch) + progress.in_epoch,
            Unit::Examples => progress.examples as f64,
        }
    }

    /// Its name in text.
    pub fn name(self) -> &'static str {
        match self {
            Unit::Steps => "steps",
            Unit::Epochs => "epochs",
            Unit::Examples => "examples",
        }
    }
}

/// A linear rise at the start.
///
/// ```
/// use unisono::optim::{Progress, Schedule, Unit, Warmup};
/// let warmup = Warmup { over: 4, unit: Unit::Steps, from: 0.5 };
/// let schedule = Schedule { warmup: Some(warmup), ..Schedule::constant() };
/// let factor = |step| schedule.factor(&Progress { step, ..Progress::default() });
/// assert_eq!([0, 2, 4, 9].map(factor), [0.5, 0.75, 1.0, 1.0]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Warmup {
    /// How long it takes, in `unit`.
    pub over: u64,
    /// In what.
    pub unit: Unit,
    /// The share of the rate at the start, in 0..1.
    pub from: f32,
}

/// What the base learning rate is multiplied by, over time.
///
/// ```
/// use unisono::optim::{Progress, Schedule, Unit};
/// let schedule: Schedule = "warmup 5 epochs, step 0.5 every 10 epochs".parse()?;
/// assert_eq!(schedule, Schedule::step(0.5, 10, Unit::Epochs).warmed_up(5, Unit::Epochs));
/// let late = Progress { epoch: 25, ..Progress::default() };
/// assert_eq!(schedule.lr(0.4, &late), 0.1);
/// assert_eq!(schedule.to_string(), "warmup 5 epochs, step 0.5 every 10 epochs");
/// # Ok::<(), unisono::optim::OptimError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Schedule {
    /// The rise before it.
    pub warmup: Option<Warmup>,
    /// The shape.
    pub shape: Shape,
    /// What the shape's times are counted in.
    pub unit: Unit,
}

impl Schedule {
    /// A shape over time in `unit`.
    pub fn new(shape: Shape, unit: Unit) -> Self {
        Self {
            warmup: None,
            shape,
            unit,
        }
    }

    /// lr0, always.
    pub fn constant() -> Self {
        Self::default()
    }

    /// lr0 factor^floor(t / every).
    pub fn step(factor: f32, every: u64, unit: Unit) -> Self {
        Self::new(Shape::Step { factor, every }, unit)
    }

    /// Half a cosine from lr0 to lr0 `to`, over `over`.
    pub fn cosine(to: f32, over: u64, unit: Unit) -> Self {
        Self::new(Shape::Cosine { to, over }, unit)
    }

    /// With a linear warm-up from 0 before it.
    pub fn warmed_up(self, over: u64, unit: Unit) -> Self {
        let from = 0.0;
        Self {
            warmup: Some(Warmup { over, unit, from }),
            ..self
        }
    }

    /// What the base rate is multiplied by at `progress`.
    pub fn factor(&self, progress: &Progress) -> f64 {
        self.warmup_factor(progress) * self.shape_factor(progress)
    }

    /// The warm-up's part of the factor.
    pub fn warmup_factor(&self, progress: &Progress) -> f64 {
        self.warmup.map_or(1.0, |warmup| {
            let t = (warmup.unit.of(progress) / warmup.over as f64).min(1.0);
            f64::from(warmup.from) + (1.0 - f64::from(warmup.from)) * t
        })
    }

    /// The shape's part of the factor.
    pub fn shape_factor(&self, progress: &Progress) -> f64 {
        self.shape.factor(self.unit.of(progress))
    }

    /// The learning rate at `progress`.
    pub fn lr(&self, base: f32, progress: &Progress) -> f32 {
        (f64::from(base) * self.factor(progress)) as f32
    }

    /// When the shape has ended, in its unit; afterwards the factor stays as it is.
    pub fn end(&self) -> Option<u64> {
        self.shape.end()
    }

    /// What a run that lasts until `last` should know: that the schedule ends before, and what
    /// follows.
    ///
    /// ```
    /// use unisono::optim::{Progress, Schedule, Unit};
    /// let schedule = Schedule::cosine(0.01, 10, Unit::Epochs);
    /// let last = Progress { epoch: 20, ..Progress::default() };
    /// let warning = schedule.warning(&last).unwrap();
    /// assert_eq!(warning, "the schedule ends after 10 of 20 epochs: the learning rate stays at 0.01 of its base");
    /// ```
    pub fn warning(&self, last: &Progress) -> Option<String> {
        let (end, run) = (self.end()?, self.unit.of(last));
        (run > end as f64).then(|| {
            format!(
                "the schedule ends after {end} of {run} {}: the learning rate stays at {} of its base",
                self.unit.name(),
                self.shape.factor(end as f64) as f32
            )
        })
    }

    /// Checks the ranges.
    ///
    /// # Errors
    /// [`OptimError::OutOfRange`] for a period of 0 or a factor outside its range,
    /// [`OptimError::Flat`] for a shape that changes nothing.
    pub fn check(&self) -> Result<(), OptimError> {
        if let Some(warmup) = self.warmup {
            let over = warmup.over as f32;
            check("the warm-up", "at least 1 long", over, warmup.over > 0)?;
            let rises = (0.0..1.0).contains(&warmup.from);
            let range = "at least 0 and below 1";
            check("the warm-up's start", range, warmup.from, rises)?;
        }
        self.shape.check()?;
        if self.shape.is_flat() && self.shape != Shape::Constant {
            let text = self.to_string();
            return Err(OptimError::Flat { text });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(step: u64) -> Progress {
        Progress {
            step,
            epoch: (step / 10) as u32,
            examples: step * 32,
            in_epoch: (step % 10) as f64 / 10.0,
        }
    }

    #[test]
    fn schedules_follow_their_formulas_in_every_unit() {
        for (unit, every) in [(Unit::Steps, 20), (Unit::Epochs, 2), (Unit::Examples, 640)] {
            let schedule = Schedule::step(0.5, every, unit);
            let rates = [0, 19, 20, 40].map(|t| schedule.lr(1.0, &at(t)));
            assert_eq!(rates, [1.0, 1.0, 0.5, 0.25], "{unit:?}");
            let warmed = schedule.warmed_up(every, unit);
            let rates = [0, 10, 20, 40].map(|t| warmed.lr(1.0, &at(t)));
            assert_eq!(rates, [0.0, 0.5, 0.5, 0.25], "{unit:?}");
        }
    }

    #[test]
    fn a_warm_up_may_count_something_else_than_the_shape() {
        let schedule = Schedule::cosine(0.0, 4, Unit::Epochs).warmed_up(10, Unit::Steps);
        let cosine = |t: f64| (1.0 + (std::f64::consts::PI * t / 4.0).cos()) / 2.0;
        assert!((schedule.factor(&at(5)) - 0.5 * cosine(0.5)).abs() < 1e-12);
        assert!((schedule.factor(&at(15)) - cosine(1.5)).abs() < 1e-12);
    }

    #[test]
    fn times_of_zero_and_factors_out_of_range_are_named() {
        let message = |schedule: Schedule| schedule.check().unwrap_err().to_string();
        assert_eq!(
            message(Schedule::step(0.5, 0, Unit::Steps)),
            "the schedule's period must be at least 1, got 0"
        );
        assert_eq!(
            message(Schedule::step(1.5, 3, Unit::Steps)),
            "the schedule's factor must be above 0 and at most 1, got 1.5"
        );
        assert_eq!(
            message(Schedule::constant().warmed_up(0, Unit::Steps)),
            "the warm-up must be at least 1 long, got 0"
        );
        assert_eq!(Schedule::constant().warning(&at(1000)), None);
    }
}
