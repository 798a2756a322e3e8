//! Batch norm's loops: sums over the columns of a matrix, normalisation and its gradient.
//!
//! Sums run over [`WIDE`] rows side by side, added pairwise at the end: one fixed order, whatever
//! the vector width. Values of a column are repeated [`WIDE`] times too, so that loops run over
//! whole vectors whatever the number of columns.

use multiversion::multiversion;

use super::elementwise::add;
use crate::memory::Buffer;

/// Positions whose partial sums run side by side.
const WIDE: usize = 8;

/// Sums of the columns of `x`, several positions side by side.
pub(crate) fn column_sums(x: &[f32], sums: &mut [f32], wide: &mut Buffer) {
    let wide = wide.zeroed(WIDE * sums.len());
    add_rows(wide, x);
    fold_wide(wide, sums);
}

/// Sums of (x - mean)² of the columns of `x`.
pub(crate) fn column_squares(x: &[f32], mean: &[f32], sums: &mut [f32], wide: &mut Buffer) {
    let (wide, means) = start(wide, mean);
    add_squares(wide, x, means);
    fold_wide(wide, sums);
}

/// What a column's values are normalised with: `(x - mean) inverse`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moments<'a> {
    pub(crate) mean: &'a [f32],
    /// Reciprocals of the standard deviations.
    pub(crate) inverse: &'a [f32],
}

/// Sums of dy (x - mean) inverse of the columns.
pub(crate) fn column_products(
    x: &[f32],
    dy: &[f32],
    moments: Moments<'_>,
    sums: &mut [f32],
    wide: &mut Buffer,
) {
    let (wide, means) = start(wide, moments.mean);
    add_products(wide, x, dy, means);
    fold_wide(wide, sums);
    let columns = sums.iter_mut().zip(moments.inverse);
    columns.for_each(|(sum, inverse)| *sum *= inverse);
}

/// Zeros for [`WIDE`] rows of sums, and as many rows of means.
fn start<'w>(wide: &'w mut Buffer, mean: &[f32]) -> (&'w mut [f32], &'w [f32]) {
    let (wide, means) = wide
        .grow(2 * WIDE * mean.len())
        .split_at_mut(WIDE * mean.len());
    wide.fill(0.0);
    repeat(means, mean.iter().copied());
    (wide, means)
}

/// Writes [`WIDE`] times the same row.
fn repeat(wide: &mut [f32], row: impl ExactSizeIterator<Item = f32>) {
    let len = row.len();
    let (first, others) = wide.split_at_mut(len);
    first
        .iter_mut()
        .zip(row)
        .for_each(|(to, value)| *to = value);
    others
        .chunks_exact_mut(len.max(1))
        .for_each(|to| to.copy_from_slice(first));
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

// Whole matrices, not rows: choosing the instruction set anew for every 16 values took as long as
// adding them.

/// `wide += each row of x` in turn; `x` has rows as long as `wide`.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
pub(crate) fn add_rows(wide: &mut [f32], x: &[f32]) {
    for chunk in x.chunks(wide.len()) {
        wide.iter_mut().zip(chunk).for_each(|(to, x)| *to += x);
    }
}

#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
fn add_squares(wide: &mut [f32], x: &[f32], means: &[f32]) {
    for x in x.chunks(wide.len()) {
        for ((to, x), m) in wide.iter_mut().zip(x).zip(means) {
            *to += (x - m) * (x - m);
        }
    }
}

#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
fn add_products(wide: &mut [f32], x: &[f32], dy: &[f32], means: &[f32]) {
    for (x, dy) in x.chunks(wide.len()).zip(dy.chunks(wide.len())) {
        for (((to, x), dy), m) in wide.iter_mut().zip(x).zip(dy).zip(means) {
            *to += dy * (x - m);
        }
    }
}

/// What normalised values are multiplied by and what is added to them, column by column.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Affine<'a> {
    pub(crate) gain: &'a [f32],
    pub(crate) bias: &'a [f32],
}

/// `y = (x - mean) inverse gain + bias`.
pub(crate) fn scale_and_shift(
    y: &mut [f32],
    x: &[f32],
    moments: Moments<'_>,
    affine: Affine<'_>,
    wide: &mut Buffer,
) {
    let Moments { mean, inverse } = moments;
    let Affine { gain, bias } = affine;
    let len = WIDE * mean.len();
    let wide = wide.grow(4 * len);
    for (wide, row) in wide.chunks_exact_mut(len).zip([mean, inverse, gain, bias]) {
        repeat(wide, row.iter().copied());
    }
    scale_rows(y, x, wide);
}

#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
fn scale_rows(y: &mut [f32], x: &[f32], wide: &[f32]) {
    let len = wide.len() / 4;
    let (mean, inverse) = (&wide[..len], &wide[len..2 * len]);
    let (gain, bias) = (&wide[2 * len..3 * len], &wide[3 * len..]);
    for (y, x) in y.chunks_mut(len).zip(x.chunks(len)) {
        let (n, x) = (y.len(), &x[..y.len()]);
        let (mean, inverse, gain, bias) = (&mean[..n], &inverse[..n], &gain[..n], &bias[..n]);
        for k in 0..n {
            y[k] = (x[k] - mean[k]) * inverse[k] * gain[k] + bias[k];
        }
    }
}

/// What the gradient of a normalisation's input is made of, besides the rows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GradientTerms<'a> {
    pub(crate) moments: Moments<'a>,
    pub(crate) gain: &'a [f32],
    /// Sums of dy xhat of the columns, then those of dy.
    pub(crate) sums: &'a [f32],
    /// How many rows they are sums of.
    pub(crate) count: f32,
}

/// `dx = gain inverse (dy - mean(dy) - xhat mean(dy xhat))`.
pub(crate) fn input_gradient(
    dx: &mut [f32],
    x: &[f32],
    dy: &[f32],
    terms: GradientTerms<'_>,
    wide: &mut Buffer,
) {
    let GradientTerms {
        moments: Moments { mean, inverse },
        gain,
        sums,
        count: n,
    } = terms;
    let (dgain, dbias) = sums.split_at(mean.len());
    let len = WIDE * mean.len();
    let wide = wide.grow(5 * len);
    repeat(&mut wide[..len], mean.iter().copied());
    repeat(&mut wide[len..2 * len], inverse.iter().copied());
    let scale = gain.iter().zip(inverse).map(|(gain, i)| gain * i);
    repeat(&mut wide[2 * len..3 * len], scale);
    repeat(&mut wide[3 * len..4 * len], dbias.iter().map(|sum| sum / n));
    repeat(&mut wide[4 * len..], dgain.iter().map(|sum| sum / n));
    gradient_rows(dx, x, dy, wide);
}

#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
fn gradient_rows(dx: &mut [f32], x: &[f32], dy: &[f32], wide: &[f32]) {
    let len = wide.len() / 5;
    let (mean, inverse) = (&wide[..len], &wide[len..2 * len]);
    let (scale, dbias) = (&wide[2 * len..3 * len], &wide[3 * len..4 * len]);
    let dgain = &wide[4 * len..];
    for ((dx, x), dy) in dx.chunks_mut(len).zip(x.chunks(len)).zip(dy.chunks(len)) {
        let n = dx.len();
        let (x, dy, mean, inverse) = (&x[..n], &dy[..n], &mean[..n], &inverse[..n]);
        let (scale, dbias, dgain) = (&scale[..n], &dbias[..n], &dgain[..n]);
        for k in 0..n {
            let normal = (x[k] - mean[k]) * inverse[k];
            dx[k] = scale[k] * (dy[k] - dbias[k] - normal * dgain[k]);
        }
    }
}
