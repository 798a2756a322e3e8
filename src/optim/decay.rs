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
