//! Softmax over rows, and its derivative.

use multiversion::multiversion;

use super::elementwise::{dot, exponentials, max};

/// Softmax of each row of `length`, times `scale`; if causal, over the elements up to the diagonal.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
pub(crate) fn softmax_rows(values: &mut [f32], length: usize, scale: f32, is_causal: bool) {
    for (at, row) in values.chunks_exact_mut(length).enumerate() {
        let (seen, unseen) = row.split_at_mut(if is_causal { at + 1 } else { length });
        unseen.fill(0.0);
        let max = max(seen);
        // Nothing to look at: a row whose positions so far are all padding.
        if max == f32::NEG_INFINITY {
            seen.fill(0.0);
            continue;
        }
        let total = exponentials(seen, max, scale);
        seen.iter_mut().for_each(|value| *value /= total);
    }
}

/// `d = p (d - rowsum(p d)) scale`; if causal, over the elements up to the diagonal, and zero behind it.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
pub(crate) fn softmax_backward(
    d: &mut [f32],
    p: &[f32],
    (length, scale): (usize, f32),
    is_causal: bool,
) {
    let rows = d.chunks_exact_mut(length).zip(p.chunks_exact(length));
    for (at, (d, p)) in rows.enumerate() {
        let (seen, unseen) = d.split_at_mut(if is_causal { at + 1 } else { length });
        unseen.fill(0.0);
        let p = &p[..seen.len()];
        let along = dot(seen, p);
        for (d, p) in seen.iter_mut().zip(p) {
            *d = p * (*d - along) * scale;
        }
    }
}
