//! Sums over the columns of a matrix, and what batch norm does with them.
//!
//! Sums run over [`WIDE`] rows side by side, added pairwise at the end: one fixed order, whatever the vector width.

use multiversion::multiversion;

use super::elementwise::add;

/// Positions whose partial sums run side by side.
const WIDE: usize = 8;

/// Sums of the columns of `x`, several positions side by side.
pub(crate) fn column_sums(x: &[f32], sums: &mut [f32], wide: &mut Vec<f32>) {
    let len = WIDE * sums.len();
    wide.clear();
    wide.resize(len, 0.0);
    for chunk in x.chunks(len) {
        add(wide, chunk);
    }
    fold_wide(wide, sums);
}

/// The side by side sums, added pairwise.
fn fold_wide(wide: &mut [f32], sums: &mut [f32]) {
    let mut half = wide.len() / 2;
    while half >= sums.len() {
        let (left, right) = wide.split_at_mut(half);
        add(left, &right[..half]);
        half /= 2;
    }
    sums.copy_from_slice(&wide[..sums.len()]);
}

/// Sums of (x - mean)² of the columns of `x`.
pub(crate) fn column_squares(x: &[f32], (mean, sums): (&[f32], &mut [f32]), wide: &mut Vec<f32>) {
    let c = sums.len();
    wide.clear();
    wide.resize(WIDE * c, 0.0);
    for chunk in x.chunks(WIDE * c) {
        for (wide, x) in wide.chunks_exact_mut(c).zip(chunk.chunks_exact(c)) {
            add_squares(wide, x, mean);
        }
    }
    fold_wide(wide, sums);
}

/// Sums of dy (x - mean) inverse of the columns.
pub(crate) fn column_products(
    (x, dy): (&[f32], &[f32]),
    (mean, inverse): (&[f32], &[f32]),
    sums: &mut [f32],
    wide: &mut Vec<f32>,
) {
    let c = sums.len();
    wide.clear();
    wide.resize(WIDE * c, 0.0);
    for (x, dy) in x.chunks(WIDE * c).zip(dy.chunks(WIDE * c)) {
        let positions = x.chunks_exact(c).zip(dy.chunks_exact(c));
        for (wide, (x, dy)) in wide.chunks_exact_mut(c).zip(positions) {
            add_products(wide, (x, dy), mean);
        }
    }
    fold_wide(wide, sums);
    sums.iter_mut().zip(inverse).for_each(|(s, i)| *s *= i);
}

#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
fn add_squares(to: &mut [f32], x: &[f32], mean: &[f32]) {
    for ((to, x), m) in to.iter_mut().zip(x).zip(mean) {
        *to += (x - m) * (x - m);
    }
}

#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
fn add_products(to: &mut [f32], (x, dy): (&[f32], &[f32]), mean: &[f32]) {
    for (((to, x), dy), m) in to.iter_mut().zip(x).zip(dy).zip(mean) {
        *to += dy * (x - m);
    }
}

#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
pub(crate) fn scale_and_shift(
    y: &mut [f32],
    x: &[f32],
    (mean, inverse): (&[f32], &[f32]),
    (gain, bias): (&[f32], &[f32]),
) {
    let c = mean.len();
    let (inverse, gain, bias) = (&inverse[..c], &gain[..c], &bias[..c]);
    for (y, x) in y.chunks_exact_mut(c).zip(x.chunks_exact(c)) {
        for k in 0..c {
            y[k] = (x[k] - mean[k]) * inverse[k] * gain[k] + bias[k];
        }
    }
}

/// `dx = gain inverse (dy - mean(dy) - xhat mean(dy xhat))`.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
pub(crate) fn input_gradient(
    dx: &mut [f32],
    (x, dy): (&[f32], &[f32]),
    (mean, inverse, gain): (&[f32], &[f32], &[f32]),
    (sums, n): (&[f32], f32),
) {
    let c = mean.len();
    let (mean, inverse, gain) = (&mean[..c], &inverse[..c], &gain[..c]);
    let (dgain, dbias) = (&sums[..c], &sums[c..2 * c]);
    for ((dx, x), dy) in dx
        .chunks_exact_mut(c)
        .zip(x.chunks_exact(c))
        .zip(dy.chunks_exact(c))
    {
        for k in 0..c {
            let normal = (x[k] - mean[k]) * inverse[k];
            dx[k] = gain[k] * inverse[k] * (dy[k] - dbias[k] / n - normal * (dgain[k] / n));
        }
    }
}
