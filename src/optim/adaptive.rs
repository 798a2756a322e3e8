//! Rescaling by past gradients, with one or two state buffers: Adagrad, RMSprop, Lion.
//!
//! | rule | state | update |
//! |---|---|---|
//! | Adagrad | `s += g²` | `g / (sqrt(s) + eps)` |
//! | RMSprop | `s = a s + (1 - a) g²` | `g / (sqrt(s) + eps)` |
//! | RMSprop, centred | also `m = a m + (1 - a) g` | `g / (sqrt(s - m²) + eps)` |
//! | Lion | `m = b2 m + (1 - b2) g`, after the update | `sign(b1 m + (1 - b1) g)` |
//!
//! # References
//! Duchi, Hazan, Singer: "Adaptive subgradient methods", JMLR 2011; Tieleman, Hinton: "Lecture 6.5:
//! RMSprop", 2012; Graves: "Generating sequences with recurrent neural networks", 2013 (centred);
//! Chen et al.: "Symbolic discovery of optimization algorithms", 2023 (Lion).

use multiversion::multiversion;

use super::transform::{Transform, UpdateContext};

/// Adagrad's rescaling.
///
/// [`Optimizer::adagrad`](super::Optimizer::adagrad) is the usual way to one.
///
/// ```
/// use unisono::optim::{Adagrad, StepScalars, Transform, UpdateContext};
/// let (rule, scalars) = (Adagrad { initial: 0.0, eps: 1e-10 }, StepScalars::plain(0.1, 1.0, 0));
/// let (mut update, mut sums) = ([3.0, -4.0], [0.0, 0.0]);
/// let context = UpdateContext { scalars: &scalars, params: &[], parts: &[], trust_ratios: &[] };
/// rule.apply(&context, &mut update, &mut sums);
/// assert_eq!((update, sums), ([1.0, -1.0], [9.0, 16.0]));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adagrad {
    /// What the sum of squares starts from, at least 0.
    pub initial: f32,
    /// Added to the root, positive.
    pub eps: f32,
}

impl Transform for Adagrad {
    fn state_names(&self) -> &'static [&'static str] {
        &["sum of squares"]
    }

    fn apply(&self, _context: &UpdateContext<'_>, update: &mut [f32], state: &mut [f32]) {
        adagrad(*self, update, state);
    }
}

/// RMSprop's rescaling.
///
/// [`Optimizer::rms_prop`](super::Optimizer::rms_prop) is the usual way to one.
///
/// ```
/// use unisono::optim::{RmsProp, StepScalars, Transform, UpdateContext};
/// let rule = RmsProp { decay: 0.75, eps: 1e-8, centred: false };
/// let (mut update, mut squares) = ([2.0], [0.0]);
/// let scalars = StepScalars::plain(0.1, 1.0, 0);
/// let context = UpdateContext { scalars: &scalars, params: &[], parts: &[], trust_ratios: &[] };
/// rule.apply(&context, &mut update, &mut squares);
/// assert_eq!((update, squares), ([2.0], [1.0])); // a quarter of 2², and 2 over its root
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RmsProp {
    /// Decay a of the squares, in 0..1.
    pub decay: f32,
    /// Added to the root, positive.
    pub eps: f32,
    /// Whether the mean is taken off.
    pub centred: bool,
}

impl Transform for RmsProp {
    fn state_names(&self) -> &'static [&'static str] {
        if self.centred {
            &["mean of squares", "mean"]
        } else {
            &["mean of squares"]
        }
    }

    fn apply(&self, _context: &UpdateContext<'_>, update: &mut [f32], state: &mut [f32]) {
        let (squares, means) = state.split_at_mut(update.len());
        if self.centred {
            centred(*self, update, squares, means);
        } else {
            rms_prop(*self, update, squares);
        }
    }
}

/// Lion's sign of an interpolation.
///
/// [`Optimizer::lion`](super::Optimizer::lion) is the usual way to one.
///
/// ```
/// use unisono::optim::{Lion, StepScalars, Transform, UpdateContext};
/// let (rule, scalars) = (Lion { beta1: 0.9, beta2: 0.5 }, StepScalars::plain(0.001, 1.0, 0));
/// let (mut update, mut momentum) = ([0.2, -30.0, 0.0], [0.0; 3]);
/// let context = UpdateContext { scalars: &scalars, params: &[], parts: &[], trust_ratios: &[] };
/// rule.apply(&context, &mut update, &mut momentum);
/// assert_eq!((update, momentum), ([1.0, -1.0, 0.0], [0.1, -15.0, 0.0]));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lion {
    /// Weight of the momentum in the update, in 0..1.
    pub beta1: f32,
    /// Decay of the momentum, in 0..1.
    pub beta2: f32,
}

impl Transform for Lion {
    fn state_names(&self) -> &'static [&'static str] {
        &["momentum of Lion"]
    }

    fn apply(&self, _context: &UpdateContext<'_>, update: &mut [f32], state: &mut [f32]) {
        lion(*self, update, state);
    }
}

#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
fn adagrad(rule: Adagrad, update: &mut [f32], sums: &mut [f32]) {
    for (u, s) in update.iter_mut().zip(sums) {
        *s += *u * *u;
        *u /= (*s + rule.initial).sqrt() + rule.eps;
    }
}

#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
fn rms_prop(rule: RmsProp, update: &mut [f32], squares: &mut [f32]) {
    for (u, s) in update.iter_mut().zip(squares) {
        *s = rule.decay * *s + (1.0 - rule.decay) * *u * *u;
        *u /= s.sqrt() + rule.eps;
    }
}

#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
fn centred(rule: RmsProp, update: &mut [f32], squares: &mut [f32], means: &mut [f32]) {
    for ((u, s), m) in update.iter_mut().zip(squares).zip(means) {
        *s = rule.decay * *s + (1.0 - rule.decay) * *u * *u;
        *m += (1.0 - rule.decay) * (*u - *m);
        // Rounding may leave the variance just below zero.
        *u /= (*s - *m * *m).max(0.0).sqrt() + rule.eps;
    }
}

#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
fn lion(rule: Lion, update: &mut [f32], momentum: &mut [f32]) {
    for (u, m) in update.iter_mut().zip(momentum) {
        let g = *u;
        let direction = rule.beta1 * *m + (1.0 - rule.beta1) * g;
        *m = rule.beta2 * *m + (1.0 - rule.beta2) * g;
        *u = if direction == 0.0 {
            0.0
        } else {
            1.0_f32.copysign(direction)
        };
    }
}
