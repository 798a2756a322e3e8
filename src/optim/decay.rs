//! Regularisation: L2 and L1 as terms of the loss, decoupled weight decay, the proximal step of L1.
//!
//! | what | formula | place |
//! |---|---|---|
//! | L2, the loss term `lambda/2 norm2(w)` | `g += lambda w` | before moments and momentum |
//! | L1, the loss term `lambda sum abs(w)` | `g += lambda sign(w)`, the subgradient 0 at 0 | before moments and momentum |
//! | decoupled weight decay | `update += lambda w` | after them |
//! | proximal L1 | `w = sign(w) max(abs(w) - lr lambda, 0)` | after the descent |
//!
//! For plain gradient descent decoupled decay is L2. Each tensor takes part by its `decay_scale`, 0
//! for biases and norms by default.
//!
//! # References
//! Loshchilov, Hutter: "Decoupled weight decay regularization", ICLR 2019; Parikh, Boyd: "Proximal
//! algorithms", 2014, 6.5.2.

use std::ops::Range;

use multiversion::multiversion;

use super::transform::{Finish, Transform, UpdateContext, trained};

/// Adds `lambda` times the parameters to the update.
///
/// [`Optimizer::with_weight_decay`](super::Optimizer::with_weight_decay) is the usual way to one.
///
/// ```
/// use unisono::optim::{DecayWeights, ParamGroup, PartTable};
/// use unisono::optim::{StepScalars, Transform, UpdateContext};
/// let table = PartTable::new([(1, ParamGroup::default())]);
/// let scalars = StepScalars::plain(0.1, 1.0, 0);
/// let (params, parts) = (&[8.0], table.of_block(0, 1));
/// let context = UpdateContext { scalars: &scalars, params, parts, trust_ratios: &[] };
/// let mut update = [1.0];
/// DecayWeights { lambda: 0.25 }.apply(&context, &mut update, &mut []);
/// assert_eq!(update, [3.0]); // 1 + 0.25 * 8
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DecayWeights {
    /// How much, at least 0.
    pub lambda: f32,
}

impl Transform for DecayWeights {
    fn apply(&self, context: &UpdateContext<'_>, update: &mut [f32], _state: &mut [f32]) {
        for (range, lambda) in decaying(context, self.lambda) {
            add_scaled(&mut update[range.clone()], &context.params[range], lambda);
        }
    }
}

/// Adds `lambda` times the signs of the parameters to the update.
///
/// [`Optimizer::with_l1`](super::Optimizer::with_l1) is the usual way to one.
///
/// ```
/// use unisono::optim::{L1, ParamGroup, PartTable, StepScalars, Transform, UpdateContext};
/// let table = PartTable::new([(3, ParamGroup::default())]);
/// let scalars = StepScalars::plain(0.1, 1.0, 0);
/// let (params, parts) = (&[8.0, -0.01, 0.0], table.of_block(0, 3));
/// let context = UpdateContext { scalars: &scalars, params, parts, trust_ratios: &[] };
/// let mut update = [1.0; 3];
/// L1 { lambda: 0.25 }.apply(&context, &mut update, &mut []);
/// assert_eq!(update, [1.25, 0.75, 1.0]); // by 0.25, however large the parameter
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct L1 {
    /// How much, at least 0.
    pub lambda: f32,
}

impl Transform for L1 {
    fn apply(&self, context: &UpdateContext<'_>, update: &mut [f32], _state: &mut [f32]) {
        for (range, lambda) in decaying(context, self.lambda) {
            add_signs(&mut update[range.clone()], &context.params[range], lambda);
        }
    }
}

/// Moves parameters towards zero by `lr lambda`, and to zero where that is not far.
///
/// ```
/// use unisono::optim::{Finish, ParamGroup, PartTable, ProximalL1, StepScalars, UpdateContext};
/// let table = PartTable::new([(2, ParamGroup::default())]);
/// let scalars = StepScalars::plain(0.5, 1.0, 0);
/// let (params, parts) = (&[], table.of_block(0, 2));
/// let context = UpdateContext { scalars: &scalars, params, parts, trust_ratios: &[] };
/// let mut params = [1.0, -0.1];
/// ProximalL1 { lambda: 0.5 }.apply(&context, &mut params, &mut []);
/// assert_eq!(params, [0.75, 0.0]); // by 0.5 * 0.5, and no further than to 0
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ProximalL1 {
    /// How much, at least 0.
    pub lambda: f32,
}

impl Finish for ProximalL1 {
    fn apply(&self, context: &UpdateContext<'_>, params: &mut [f32], _state: &mut [f32]) {
        for part in trained(context.parts) {
            let scale = part.group.decay_scale * part.group.lr_scale;
            let by = context.scalars.lr * self.lambda * scale;
            if by != 0.0 {
                soften(&mut params[part.range.clone()], by);
            }
        }
    }
}

/// Where `lambda` applies, and each tensor's own share of it.
fn decaying<'a>(
    context: &UpdateContext<'a>,
    lambda: f32,
) -> impl Iterator<Item = (Range<usize>, f32)> + use<'a> {
    let own = trained(context.parts).map(move |part| {
        let lambda = lambda * part.group.decay_scale;
        (part.range.clone(), lambda)
    });
    own.filter(|(_, lambda)| *lambda != 0.0)
}

#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
fn add_scaled(update: &mut [f32], params: &[f32], by: f32) {
    update
        .iter_mut()
        .zip(params)
        .for_each(|(u, p)| *u += by * p);
}

#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
fn add_signs(update: &mut [f32], params: &[f32], by: f32) {
    for (u, &p) in update.iter_mut().zip(params) {
        *u += if p == 0.0 { 0.0 } else { by.copysign(p) };
    }
}

#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
fn soften(params: &mut [f32], by: f32) {
    params
        .iter_mut()
        .for_each(|p| *p = (p.abs() - by).max(0.0).copysign(*p));
}
