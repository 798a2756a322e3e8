//! Softmax over rows, and its derivative.
//!
//! # Why this way
//! Of a causal row the last vector is filled up where the row goes on: the values of a part of a vector go one by one, and a row of 64
//! took 1.3 times as long, backward 1.2 (2026-11, Zen 4). No bit depends on it: what is added are zeros.

use multiversion::multiversion;

use super::elementwise::{dot, exponentials, max};

/// Softmax of each row of `length`, times `scale`; if causal, over the elements up to the diagonal.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
pub(crate) fn softmax_rows(values: &mut [f32], length: usize, scale: f32, is_causal: bool) {
    for (at, row) in values.chunks_exact_mut(length).enumerate() {
        let seen = if is_causal { at + 1 } else { length };
        let end = end_of_vectors(seen, length);
        row[seen..end].fill(f32::NEG_INFINITY);
        let max = max(&row[..end]);
        // Nothing to look at: a row whose positions so far are all padding.
        if max == f32::NEG_INFINITY {
            row.fill(0.0);
            continue;
        }
        let total = exponentials(&mut row[..end], max, scale);
        row[..end].iter_mut().for_each(|value| *value /= total);
        row[seen..].fill(0.0);
    }
}

/// Where the vectors of 16 of the first `seen` values of a row end, if they lie within the row.
#[inline(always)]
fn end_of_vectors(seen: usize, length: usize) -> usize {
    let end = seen.next_multiple_of(16);
    if end <= length { end } else { seen }
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
        let seen = if is_causal { at + 1 } else { length };
        let end = end_of_vectors(seen, length);
        // p is zero there.
        d[seen..end].fill(0.0);
        let along = dot(&d[..end], &p[..end]);
        for (d, p) in d[..end].iter_mut().zip(p) {
            *d = p * (*d - along) * scale;
        }
        d[seen..].fill(0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_causal_row_does_not_see_changes_no_bit() {
        for length in [1, 5, 16, 17, 40, 64] {
            let value = |i: usize| (i * 7919 % 1013) as f32 / 200.0 - 2.5;
            let scores: Vec<f32> = (0..length * length).map(value).collect();
            let (mut p, mut d) = (scores.clone(), scores.clone());
            // Whatever stands there.
            for at in 0..length {
                p[at * length + at + 1..(at + 1) * length].fill(f32::NAN);
            }
            d.reverse();
            let before = d.clone();
            softmax_rows(&mut p, length, 0.3, true);
            softmax_backward(&mut d, &p, (length, 0.3), true);
            for at in 0..length {
                let (row, seen) = (at * length, at + 1);
                let mut alone = scores[row..row + seen].to_vec();
                softmax_rows(&mut alone, seen, 0.3, false);
                assert_eq!(p[row..row + seen], alone, "row {at} of {length}");
                let mut back = before[row..row + seen].to_vec();
                softmax_backward(&mut back, &alone, (seen, 0.3), false);
                assert_eq!(d[row..row + seen], back, "row {at} of {length}");
                for behind in [&p, &d].map(|values| &values[row + seen..row + length]) {
                    assert!(behind.iter().all(|value| value.to_bits() == 0));
                }
            }
        }
    }
}
