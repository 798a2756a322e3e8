//! Winograd's matrices: polynomials' values at six points, and coefficients from them.
//!
//! The points are 0, 3/4, -3/4, 3/2, -3/2 and infinity, whose powers are exact. With p the finite
//! points and N(p) the product of p's distances to the others,
//!
//! | matrix | row of point p | row of infinity |
//! |---|---|---|
//! | A | 1, p, p², ... (m values) | 0, ..., 0, 1 |
//! | G | the same of r values, over N(p) | the same |
//! | B' | coefficients of the product of (x - q) over the other q | over all q |
//!
//! # Why this way
//! `tests/it/winograd.rs` prints rounding errors of 1 to 5 times those of direct sums. The usual
//! points 0, ±1, ±2 and infinity gave twice as much in a sketch (the record of 2026-11-27), since
//! the powers of 2 weigh the points' values so differently.

use super::simd::Simd;

/// The points besides 0 and infinity are P, -P, Q, -Q.
const P: f32 = 0.75;
const Q: f32 = 1.5;

/// 1 / N(p); 1 for infinity.
const INVERSES: [f32; 6] = {
    let (a, b) = (P * P, Q * Q);
    let (zero, first, second) = (a * b, 2.0 * a * (a - b), 2.0 * b * (b - a));
    [
        1.0 / zero,
        1.0 / first,
        1.0 / first,
        1.0 / second,
        1.0 / second,
        1.0,
    ]
};

/// A matrix of T rows and F columns, applied to each column of a square, then to each row.
pub(super) trait Matrix<const F: usize, const T: usize> {
    fn apply<S: Simd>(simd: S, x: [S::Vector; F]) -> [S::Vector; T];
}

/// B': the coefficients of a product of polynomials from its values.
pub(super) struct BTransposed;

impl Matrix<6, 6> for BTransposed {
    #[inline(always)]
    fn apply<S: Simd>(simd: S, x: [S::Vector; 6]) -> [S::Vector; 6] {
        let (a, b) = (simd.splat(-P * P), simd.splat(-Q * Q));
        let (sum, product) = (simd.splat(-P * P - Q * Q), simd.splat(P * P * Q * Q));
        let even_a = simd.mul_add(x[2], b, x[4]);
        let odd_a = simd.mul_add(x[1], b, x[3]);
        let even_b = simd.mul_add(x[2], a, x[4]);
        let odd_b = simd.mul_add(x[1], a, x[3]);
        [
            simd.mul_add(x[0], product, simd.mul_add(x[2], sum, x[4])),
            simd.mul_add(odd_a, simd.splat(P), even_a),
            simd.mul_add(odd_a, simd.splat(-P), even_a),
            simd.mul_add(odd_b, simd.splat(Q), even_b),
            simd.mul_add(odd_b, simd.splat(-Q), even_b),
            simd.mul_add(x[1], product, simd.mul_add(x[3], sum, x[5])),
        ]
    }
}

/// A: a polynomial's values at the points.
pub(super) struct A;

impl<const K: usize> Matrix<K, 6> for A {
    #[inline(always)]
    fn apply<S: Simd>(simd: S, x: [S::Vector; K]) -> [S::Vector; 6] {
        let (even_a, odd_a) = parts(simd, &x, simd.splat(P * P));
        let (even_b, odd_b) = parts(simd, &x, simd.splat(Q * Q));
        [
            x[0],
            simd.mul_add(odd_a, simd.splat(P), even_a),
            simd.mul_add(odd_a, simd.splat(-P), even_a),
            simd.mul_add(odd_b, simd.splat(Q), even_b),
            simd.mul_add(odd_b, simd.splat(-Q), even_b),
            x[K - 1],
        ]
    }
}

/// The even and the odd terms of a polynomial as polynomials in `square`, the point's.
#[inline(always)]
fn parts<S: Simd, const K: usize>(
    simd: S,
    x: &[S::Vector; K],
    square: S::Vector,
) -> (S::Vector, S::Vector) {
    let mut parts = [x[K - 2], x[K - 1]];
    for k in (0..K - 2).rev() {
        parts[(K - k) % 2] = simd.mul_add(parts[(K - k) % 2], square, x[k]);
    }
    if K.is_multiple_of(2) {
        (parts[0], parts[1])
    } else {
        (parts[1], parts[0])
    }
}

/// A': the transpose of [`A`].
pub(super) struct ATransposed;

impl<const K: usize> Matrix<6, K> for ATransposed {
    #[inline(always)]
    fn apply<S: Simd>(simd: S, x: [S::Vector; 6]) -> [S::Vector; K] {
        let (zero, minus) = (simd.splat(0.0), simd.splat(-1.0));
        let sums_of_pairs = (simd.add(x[1], x[2]), simd.add(x[3], x[4]));
        let differences = (
            simd.mul_add(x[2], minus, x[1]),
            simd.mul_add(x[4], minus, x[3]),
        );
        let pairs = [sums_of_pairs, differences];
        let (mut a, mut b) = (1.0, 1.0);
        let mut sums = [zero; K];
        for k in 0..K {
            let start = match k {
                0 => x[0],
                k if k == K - 1 => x[5],
                _ => zero,
            };
            let (first, second) = pairs[k % 2];
            let start = simd.mul_add(second, simd.splat(b), start);
            sums[k] = simd.mul_add(first, simd.splat(a), start);
            a *= P;
            b *= Q;
        }
        sums
    }
}

/// G: a kernel's values at the points, over N(p).
pub(super) struct G;

impl<const K: usize> Matrix<K, 6> for G {
    #[inline(always)]
    fn apply<S: Simd>(simd: S, x: [S::Vector; K]) -> [S::Vector; 6] {
        scaled(simd, A::apply(simd, x))
    }
}

/// G': the transpose of [`G`].
pub(super) struct GTransposed;

impl<const K: usize> Matrix<6, K> for GTransposed {
    #[inline(always)]
    fn apply<S: Simd>(simd: S, x: [S::Vector; 6]) -> [S::Vector; K] {
        ATransposed::apply(simd, scaled(simd, x))
    }
}

#[inline(always)]
fn scaled<S: Simd>(simd: S, mut x: [S::Vector; 6]) -> [S::Vector; 6] {
    for i in 0..6 {
        x[i] = simd.mul_add(x[i], simd.splat(INVERSES[i]), simd.splat(0.0));
    }
    x
}
