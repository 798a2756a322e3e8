//! Softmax over rows, and its derivative.

use multiversion::multiversion;

use super::elementwise::{dot, exp, sum};

/// Softmax of each row of `length`, times `scale`; if causal, over the elements up to the diagonal.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
pub(crate) fn softmax_rows(values: &mut [f32], length: usize, scale: f32, is_causal: bool) {
    for (at, row) in values.chunks_exact_mut(length).enumerate() {
        let (seen, unseen) = row.split_at_mut(if is_causal { at + 1 } else { length });
        unseen.fill(0.0);
        let max = seen.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        // Nothing to look at: a row whose positions so far are all padding.
        if max == f32::NEG_INFINITY {
            seen.fill(0.0);
            continue;
        }
        for value in seen.iter_mut() {
            *value = exp((*value - max) * scale);
        }
        let total = sum(seen);
        seen.iter_mut().for_each(|value| *value /= total);
    }
}

/// `d = p (d - rowsum(p d)) scale`.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
pub(crate) fn softmax_backward(d: &mut [f32], p: &[f32], length: usize, scale: f32) {
    for (d, p) in d.chunks_exact_mut(length).zip(p.chunks_exact(length)) {
        let along = dot(d, p);
        for (d, p) in d.iter_mut().zip(p) {
            *d = p * (*d - along) * scale;
        }
    }
}
