//! Plateau: the learning rate is cut where a metric no longer falls.
//!
//! Like PyTorch's `ReduceLROnPlateau`: an evaluation is better if it is below
//! `best (1 - threshold)`, or `best (1 + threshold)` where that is below 0; after more than `patience` evaluations that are not, the factor is
//! multiplied by `factor`, and `cooldown` evaluations pass before bad ones are counted again.

use super::error::{OptimError, check};

/// The settings of a plateau rule.
///
/// ```
/// use unisono::optim::Plateau;
/// let mut state = Plateau { factor: 0.5, patience: 1, ..Plateau::default() }.start();
/// let scales: Vec<f32> = [1.0, 0.9, 0.9, 0.9].map(|loss| state.observe(loss)).to_vec();
/// assert_eq!(scales, [1.0, 1.0, 1.0, 0.5]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plateau {
    /// What the rate is multiplied by, in (0, 1).
    pub factor: f32,
    /// Evaluations without improvement that are borne.
    pub patience: u32,
    /// How much better is better, relative, at least 0.
    pub threshold: f64,
    /// Evaluations after a cut that do not count.
    pub cooldown: u32,
    /// The least share of the rate, in 0..=1.
    pub min_factor: f32,
}

impl Default for Plateau {
    /// PyTorch's: a tenth after 10 evaluations, threshold 1e-4.
    fn default() -> Self {
        Self {
            factor: 0.1,
            patience: 10,
            threshold: 1e-4,
            cooldown: 0,
            min_factor: 0.0,
        }
    }
}

impl Plateau {
    /// Before the first evaluation.
    pub fn start(self) -> PlateauState {
        PlateauState {
            rule: self,
            best: f64::INFINITY,
            bad: 0,
            cooling: 0,
            scale: 1.0,
        }
    }

    /// Checks the ranges.
    ///
    /// # Errors
    /// [`OptimError::OutOfRange`].
    pub fn check(&self) -> Result<(), OptimError> {
        let inside = self.factor > 0.0 && self.factor < 1.0;
        check(
            "the plateau's factor",
            "above 0 and below 1",
            self.factor,
            inside,
        )?;
        let threshold = self.threshold as f32;
        let is_valid = self.threshold >= 0.0 && self.threshold < 1.0;
        check(
            "the plateau's threshold",
            "at least 0 and below 1",
            threshold,
            is_valid,
        )?;
        let is_share = (0.0..=1.0).contains(&self.min_factor);
        check(
            "the plateau's least factor",
            "in 0..=1",
            self.min_factor,
            is_share,
        )
    }
}

/// State of a plateau rule.
///
/// ```
/// use unisono::optim::Plateau;
/// let rule = Plateau { factor: 0.5, patience: 0, ..Plateau::default() };
/// let (mut first, mut resumed) = (rule.start(), rule.start());
/// assert_eq!((first.observe(1.0), first.observe(2.0)), (1.0, 0.5));
/// resumed.restore(first.state());
/// assert_eq!((resumed.scale(), resumed.observe(1.0)), (0.5, 0.25));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlateauState {
    rule: Plateau,
    best: f64,
    bad: u32,
    cooling: u32,
    scale: f32,
}

impl PlateauState {
    /// Takes an evaluation's metric, smaller being better, and returns the factor of the rate from
    /// now on.
    pub fn observe(&mut self, metric: f64) -> f32 {
        // Of metrics below 0, such as a negated share, better is further from 0.
        let share = match self.best < 0.0 {
            true => 1.0 + self.rule.threshold,
            false => 1.0 - self.rule.threshold,
        };
        if metric < self.best * share {
            self.best = metric;
            self.bad = 0;
        } else {
            self.bad += 1;
        }
        if self.cooling > 0 {
            self.cooling -= 1;
            self.bad = 0;
        }
        if self.bad > self.rule.patience {
            self.scale = (self.scale * self.rule.factor).max(self.rule.min_factor);
            self.cooling = self.rule.cooldown;
            self.bad = 0;
        }
        self.scale
    }

    /// All that its next decision depends on, besides the rule.
    pub fn state(&self) -> [f64; 4] {
        let (bad, cooling) = (f64::from(self.bad), f64::from(self.cooling));
        [self.best, bad, cooling, f64::from(self.scale)]
    }

    /// Takes over what [`PlateauState::state`] gave.
    pub fn restore(&mut self, [best, bad, cooling, scale]: [f64; 4]) {
        (self.best, self.scale) = (best, scale as f32);
        (self.bad, self.cooling) = (bad as u32, cooling as u32);
    }

    /// The factor of the rate.
    pub fn scale(&self) -> f32 {
        self.scale
    }
}
