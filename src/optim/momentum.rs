//! Momentum: heavy ball and moving average, and Nesterov's form of each.
//!
//! | form | velocity | update | Nesterov's update |
//! |---|---|---|---|
//! | heavy ball (PyTorch) | v = m v + g | v | g + m v |
//! | EMA | v = m v + (1 - m) g | v | (1 - m) g + m v |
//!
//! With the learning rate of the EMA form 1 / (1 - m) times that of the heavy ball, both take the
//! same steps.
//!
//! # References
//! Polyak 1964; Sutskever, Martens, Dahl, Hinton: "On the importance of initialization and momentum
//! in deep learning", ICML 2013.

use multiversion::multiversion;

use super::transform::{Transform, UpdateContext};

/// The convention of the velocity.
///
/// ```
/// use unisono::optim::{Momentum, MomentumForm, StepScalars, Transform, UpdateContext};
/// let updates = [MomentumForm::HeavyBall, MomentumForm::Ema].map(|form| {
///     let (mut update, scalars) = ([4.0], &StepScalars::plain(0.1, 1.0, 0));
///     let rule = Momentum { momentum: 0.75, form, nesterov: false };
///     let context = UpdateContext { scalars, params: &[], parts: &[], trust_ratios: &[] };
///     rule.apply(&context, &mut update, &mut [0.0]);
///     update[0]
/// });
/// assert_eq!(updates, [4.0, 1.0]); // the same steps, then, with 4 times the learning rate
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MomentumForm {
    /// v = m v + g.
    HeavyBall,
    /// v = m v + (1 - m) g.
    Ema,
}

/// Momentum as a transform with one state buffer, the velocity.
///
/// [`Optimizer::with_momentum`](super::Optimizer::with_momentum) is the usual way to one.
///
/// ```
/// use unisono::optim::{Momentum, MomentumForm, StepScalars, Transform, UpdateContext};
/// let rule = Momentum { momentum: 0.5, form: MomentumForm::HeavyBall, nesterov: false };
/// let (mut update, mut velocity) = ([1.0], [4.0]);
/// let scalars = StepScalars::plain(0.1, 1.0, 0);
/// let context = UpdateContext { scalars: &scalars, params: &[], parts: &[], trust_ratios: &[] };
/// rule.apply(&context, &mut update, &mut velocity);
/// assert_eq!((update, velocity), ([3.0], [3.0])); // 0.5 * 4 + 1
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Momentum {
    /// The coefficient m, in 0..1.
    pub momentum: f32,
    /// The convention.
    pub form: MomentumForm,
    /// Whether the update looks ahead.
    pub nesterov: bool,
}

impl Transform for Momentum {
    fn state_names(&self) -> &'static [&'static str] {
        match self.form {
            MomentumForm::HeavyBall => &["velocity"],
            MomentumForm::Ema => &["mean velocity"],
        }
    }

    fn apply(&self, _context: &UpdateContext<'_>, update: &mut [f32], state: &mut [f32]) {
        accumulate(*self, update, state);
    }
}

#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
fn accumulate(rule: Momentum, update: &mut [f32], velocity: &mut [f32]) {
    let m = rule.momentum;
    let gain = match rule.form {
        MomentumForm::HeavyBall => 1.0,
        MomentumForm::Ema => 1.0 - m,
    };
    for (u, v) in update.iter_mut().zip(velocity) {
        let g = gain * *u;
        *v = m * *v + g;
        *u = if rule.nesterov { g + m * *v } else { *v };
    }
}
