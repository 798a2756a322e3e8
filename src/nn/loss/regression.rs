//! Losses of real values: squared, absolute, Huber; and binary cross-entropy on logits.
//!
//! | loss | of one output y with target t | gradient |
//! |---|---|---|
//! | `mse` | (y - t)² | 2 (y - t) |
//! | `l1` | abs(y - t) | sign(y - t), 0 at 0 |
//! | `huber` | e² / 2 up to abs(e) = d, else d (abs(e) - d / 2) | e, bounded by ±d |
//! | `binary_cross_entropy` | max(y, 0) - y t + ln(1 + exp(-abs(y))), t in 0..=1 | sigmoid(y) - t |
//!
//! Each is multiplied by a factor: one over the outputs of a row where the mean is over outputs
//! too.
//!
//! # References
//! Huber: "Robust estimation of a location parameter", 1964.

use multiversion::multiversion;

use crate::engine::{ErrorSums, Sums};
use crate::nn::kernel::elementwise::{sigmoid, softplus};
use crate::nn::kernel::fused::is_fused;

/// Loss and gradient of one output.
pub(super) type Term = fn(f32, f32, f32) -> (f32, f32);

/// A term, summed over the outputs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rule {
    pub(super) term: Term,
    /// Huber's bound.
    pub(super) parameter: f32,
    /// What each term is multiplied by.
    pub(super) factor: f32,
    /// Whether outputs and targets are of one kind, so that their distance is an error.
    pub(super) measures_errors: bool,
}

impl Rule {
    /// Of a term without a parameter.
    pub(super) fn new(term: Term, factor: f32) -> Self {
        Self {
            term,
            parameter: 0.0,
            factor,
            measures_errors: true,
        }
    }
}

/// The squared error.
pub(super) fn squared(y: f32, t: f32, _: f32) -> (f32, f32) {
    ((y - t) * (y - t), 2.0 * (y - t))
}

/// The absolute error.
pub(super) fn absolute(y: f32, t: f32, _: f32) -> (f32, f32) {
    let e = y - t;
    // Not `signum`, which is 1 at 0.
    let sign = if e == 0.0 { 0.0 } else { e.signum() };
    (e.abs(), sign)
}

/// Huber's, with its bound.
pub(super) fn huber(y: f32, t: f32, bound: f32) -> (f32, f32) {
    let e = y - t;
    if e.abs() <= bound {
        (0.5 * e * e, e)
    } else {
        (bound * (e.abs() - 0.5 * bound), bound.copysign(e))
    }
}

/// Cross-entropy of a logit with a probability.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
pub(super) fn binary(y: f32, t: f32, _: f32) -> (f32, f32) {
    const IS_FUSED: bool = is_fused!();
    let e = if y.is_nan() { y } else { y.max(0.0) };
    (
        e - y * t + softplus::<IS_FUSED>(-y.abs()),
        sigmoid::<IS_FUSED>(y) - t,
    )
}

/// The sum over all outputs; with `grad` its gradient, else the errors of the outputs.
pub(super) fn sums(outputs: &[f32], targets: &[f32], rule: Rule, grad: Option<&mut [f32]>) -> Sums {
    let Rule {
        term,
        parameter,
        factor,
        measures_errors,
    } = rule;
    assert_eq!(
        targets.len(),
        outputs.len(),
        "there must be one value an output"
    );
    let (mut loss, mut errors) = (0.0, ErrorSums::default());
    match grad {
        Some(grad) => {
            for ((g, &y), &t) in grad.iter_mut().zip(outputs).zip(targets) {
                let (value, slope) = term(y, t, parameter);
                loss += f64::from(value);
                *g = factor * slope;
            }
        }
        None => {
            for (&y, &t) in outputs.iter().zip(targets) {
                loss += f64::from(term(y, t, parameter).0);
            }
            if measures_errors {
                errors.outputs = outputs.len() as f64;
                for (&y, &t) in outputs.iter().zip(targets) {
                    let error = f64::from(y) - f64::from(t);
                    errors.squared += error * error;
                    errors.absolute += error.abs();
                }
            }
        }
    }
    Sums {
        loss: loss * f64::from(factor),
        errors,
        ..Sums::default()
    }
}
