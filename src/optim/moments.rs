//! Adam: rescaling by the first and second moments of the gradient.
//!
//! `m = b1 m + (1 - b1) g`, `v = b2 v + (1 - b2) g²`, update `mhat / (sqrt(vhat) + eps)` with
//! `mhat = m / (1 - b1^t)`, `vhat = v / (1 - b2^t)`, t the number of the step, from 1.
//!
//! # References
//! Kingma, Ba: "Adam: a method for stochastic optimization", ICLR 2015, algorithm 1.

use multiversion::multiversion;

use super::transform::{Transform, UpdateContext};

/// Adam's rescaling as a transform with two state buffers, the moments.
///
/// [`Optimizer::adam`](super::Optimizer::adam) is the usual way to one.
///
/// ```
/// use unisono::optim::{Adam, StepScalars, Transform, UpdateContext};
/// let rule = Adam { beta1: 0.5, beta2: 0.75, eps: 1e-8 };
/// let scalars = StepScalars::plain(0.1, 1.0, 0);
/// let (mut update, mut moments) = ([4.0, -0.01], [0.0; 4]);
/// let context = UpdateContext { scalars: &scalars, params: &[], parts: &[], trust_ratios: &[] };
/// rule.apply(&context, &mut update, &mut moments);
/// assert_eq!((moments[0], moments[2]), (2.0, 4.0)); // all first moments, then all second
/// assert!(update[0] == 1.0 && (update[1] + 1.0).abs() < 1e-5); // the first step is the sign
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adam {
    /// Decay of the first moment, in 0..1.
    pub beta1: f32,
    /// Decay of the second moment, in 0..1.
    pub beta2: f32,
    /// Added to the root of the second moment, positive.
    pub eps: f32,
}

impl Adam {
    /// With betas 0.9 and 0.999.
    pub(super) fn new(eps: f32) -> Self {
        Self {
            beta1: 0.9,
            beta2: 0.999,
            eps,
        }
    }
}

impl Transform for Adam {
    fn state_names(&self) -> &'static [&'static str] {
        &["first moment", "second moment"]
    }

    fn apply(&self, context: &UpdateContext<'_>, update: &mut [f32], state: &mut [f32]) {
        let t = context.scalars.step as f64 + 1.0;
        let correction = |beta: f32| (1.0 / (1.0 - libm::pow(f64::from(beta), t))) as f32;
        let (first, second) = state.split_at_mut(update.len());
        let (first_by, second_by) = (correction(self.beta1), correction(self.beta2));
        rescale(*self, update, first, second, first_by, second_by);
    }
}

/// `first_by` and `second_by` correct the moments for their start at 0.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
fn rescale(
    rule: Adam,
    update: &mut [f32],
    first: &mut [f32],
    second: &mut [f32],
    first_by: f32,
    second_by: f32,
) {
    for ((u, m), v) in update.iter_mut().zip(first).zip(second) {
        let g = *u;
        *m = rule.beta1 * *m + (1.0 - rule.beta1) * g;
        *v = rule.beta2 * *v + (1.0 - rule.beta2) * g * g;
        *u = *m * first_by / ((*v * second_by).sqrt() + rule.eps);
    }
}
