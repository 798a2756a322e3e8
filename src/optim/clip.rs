//! Clipping by value: every element of the mean gradient to `-limit..=limit`.
//!
//! Clipping by the global norm is the master's: a factor in
//! [`StepScalars::grad_scale`](super::StepScalars), see [`clip_factor`].

use multiversion::multiversion;

use super::transform::{Transform, UpdateContext};

/// Clips every element.
///
/// ```
/// use unisono::optim::{ClipValue, StepScalars, Transform, UpdateContext};
/// let (mut update, scalars) = ([0.5, -3.0], StepScalars::plain(0.1, 1.0, 0));
/// let context = UpdateContext { scalars: &scalars, params: &[], parts: &[], trust_ratios: &[] };
/// ClipValue { limit: 1.0 }.apply(&context, &mut update, &mut []);
/// assert_eq!(update, [0.5, -1.0]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClipValue {
    /// The largest magnitude, positive.
    pub limit: f32,
}

impl Transform for ClipValue {
    fn apply(&self, _context: &UpdateContext<'_>, update: &mut [f32], _state: &mut [f32]) {
        clip(update, self.limit);
    }
}

/// What a gradient of norm `norm` is multiplied by so that its norm is at most `limit`:
/// `min(1, limit / (norm + 1e-6))`, as PyTorch's `clip_grad_norm_`.
///
/// ```
/// use unisono::optim::clip_factor;
/// assert_eq!(clip_factor(0.5, 1.0), 1.0);
/// assert!((clip_factor(4.0, 1.0) - 0.25).abs() < 1e-6);
/// ```
///
/// # References
/// Pascanu, Mikolov, Bengio: "On the difficulty of training recurrent neural networks", ICML 2013.
pub fn clip_factor(norm: f64, limit: f32) -> f32 {
    (f64::from(limit) / (norm + 1e-6)).min(1.0) as f32
}

#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
fn clip(update: &mut [f32], limit: f32) {
    update.iter_mut().for_each(|u| *u = u.clamp(-limit, limit));
}
