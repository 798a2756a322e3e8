//! Binary cross-entropy with a weight for the positives of each output.
//!
//! With logit y, target t in 0..=1 and weight w of positives:
//! `loss = (1 - t) y + (1 + (w - 1) t) (max(-y, 0) + ln(1 + exp(-abs(y))))`, which overflows for no
//! y, as PyTorch's `BCEWithLogitsLoss(pos_weight)`. Gradient:
//! `(1 + (w - 1) t) sigmoid(y) - w t`.

use multiversion::multiversion;

use crate::engine::Sums;
use crate::nn::kernel::elementwise::{sigmoid, softplus};
use crate::nn::kernel::fused::is_fused;

/// Loss and gradient of one logit.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
fn weighted(y: f32, t: f32, weight: f32) -> (f32, f32) {
    const IS_FUSED: bool = is_fused!();
    let both = 1.0 + (weight - 1.0) * t;
    let below = (-y).max(0.0) + softplus::<IS_FUSED>(-y.abs());
    let loss = (1.0 - t) * y + both * below;
    (loss, both * sigmoid::<IS_FUSED>(y) - weight * t)
}

/// The sum over all rows, whose outputs have a weight each, averaged over the outputs.
pub(super) fn sums(
    outputs: &[f32],
    targets: &[f32],
    weights: &[f32],
    grad: Option<&mut [f32]>,
) -> Sums {
    assert_eq!(
        targets.len(),
        outputs.len(),
        "there must be one value an output"
    );
    let mean = 1.0 / weights.len() as f32;
    let all = outputs.iter().zip(targets).zip(weights.iter().cycle());
    let terms = all.map(|((&y, &t), &weight)| weighted(y, t, weight));
    let mut loss = 0.0;
    match grad {
        Some(grad) => {
            for (g, (value, slope)) in grad.iter_mut().zip(terms) {
                loss += f64::from(value);
                *g = mean * slope;
            }
        }
        None => terms.for_each(|(value, _)| loss += f64::from(value)),
    }
    Sums {
        loss: loss * f64::from(mean),
        ..Sums::default()
    }
}

/// Rows all of whose logits are on the side of their targets: above 0 where the target is above a
/// half.
pub(super) fn correct_rows(outputs: &[f32], targets: &[f32], width: usize) -> f64 {
    let rows = outputs.chunks_exact(width).zip(targets.chunks_exact(width));
    let is_correct = |(row, targets): &(&[f32], &[f32])| {
        let mut pairs = row.iter().zip(*targets);
        pairs.all(|(y, t)| (*y > 0.0) == (*t > 0.5))
    };
    rows.filter(is_correct).count() as f64
}

/// What is wrong with the weights, for a model of so many outputs.
pub(super) fn problem(weights: &[f32], outputs: usize) -> Option<String> {
    if weights.len() != outputs {
        let got = weights.len();
        return Some(format!(
            "there must be {outputs} weights of positives, one an output, got {got}"
        ));
    }
    let odd = weights.iter().find(|w| !(w.is_finite() && **w >= 0.0))?;
    Some(format!(
        "weights of positives must be finite and at least 0, got {odd}"
    ))
}
