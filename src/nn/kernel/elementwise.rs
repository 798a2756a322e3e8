//! Elementwise loops and transcendental functions, vectorised and the same bits everywhere.
//!
//! | function | error | method |
//! |---|---|---|
//! | [`exp`] | at most 2 ulp | Cephes `expf` |
//! | [`tanh`] | at most 4 ulp | Cephes `tanhf` near 0, through exp elsewhere |
//! | [`sigmoid`] | at most 4 ulp | through exp |
//! | [`normal`] | at most 1e-7 | a polynomial times exp |
//! | [`softplus`] | at most 4 ulp or 1e-7 | through exp and Cephes `logf` |
//!
//! # Why this way
//! Polynomials are fused multiply-adds everywhere, all else is never contracted, so that every
//! vector width gives the same bits; a tenth of libm's cost, and the same bits with any C library.
//! Loops are compiled for AVX-512, AVX2 and the baseline and chosen at run time by `multiversion`:
//! whoever calls these functions must be compiled so too, or every fused multiply-add is a call, and
//! says by [`is_fused`] what it is compiled for.
//!
//! # References
//! Polynomials: Moshier, Cephes Mathematical Library, `expf.c`, `tanhf.c`, `logf.c`.

use multiversion::multiversion;

use super::fused::{is_fused, mul_add};

/// A polynomial by Horner's rule, fused; the coefficients from the highest power down.
#[inline(always)]
fn polynomial<const IS_FUSED: bool, const N: usize>(x: f32, coefficients: [f32; N]) -> f32 {
    let mut value = coefficients[0];
    for coefficient in &coefficients[1..] {
        value = mul_add::<IS_FUSED>(value, x, *coefficient);
    }
    value
}

/// exp(x); infinite above 88.72, 0 below -86.99, NaN for NaN.
///
/// 2 mantissa 2^(n - 1), since 2^128 alone is not a float; for the lowest n, which is -126, the
/// second factor is 0, so that nothing is left to choose. With two powers and a choice sigmoid and
/// tanh took 1.15 times as long, GELU 1.07 (2026-11, Zen 4).
#[inline(always)]
pub(crate) fn exp<const IS_FUSED: bool>(x: f32) -> f32 {
    let bounded = x.clamp(-87.3, 88.73);
    // Adding 1.5 * 2^23 rounds to an integer, which then stands in the low bits: no call, no
    // conversion.
    let shifted = mul_add::<IS_FUSED>(bounded, std::f32::consts::LOG2_E, 12_582_912.0);
    let n = shifted - 12_582_912.0;
    let r = mul_add::<IS_FUSED>(
        n,
        2.121_944_4e-4,
        mul_add::<IS_FUSED>(n, -0.693_359_4, bounded),
    );
    let p = polynomial::<IS_FUSED, _>(
        r,
        [
            1.987_569_1e-4,
            1.398_2e-3,
            8.333_452e-3,
            4.166_579_6e-2,
            1.666_666_5e-1,
            0.5,
        ],
    );
    let mantissa_twice = mul_add::<IS_FUSED>(mul_add::<IS_FUSED>(p, r * r, r), 2.0, 2.0);
    // For NaN it is nonsense, but the mantissa is NaN.
    let power = f32::from_bits((shifted.to_bits() << 23).wrapping_add(126 << 23));
    mantissa_twice * power
}

/// tanh(x).
#[inline(always)]
pub(crate) fn tanh<const IS_FUSED: bool>(x: f32) -> f32 {
    let z = x * x;
    let p = polynomial::<IS_FUSED, _>(
        z,
        [
            -5.704_988_7e-3,
            2.063_909e-2,
            -5.373_971_5e-2,
            1.333_144_2e-1,
            -3.333_328e-1,
        ],
    );
    let near = mul_add::<IS_FUSED>(p * z, x, x);
    let far = (1.0 - 2.0 / (exp::<IS_FUSED>(2.0 * x.abs()) + 1.0)).copysign(x);
    if x.abs() < 0.625 { near } else { far }
}

/// 1 / (1 + exp(-x)).
#[inline(always)]
pub(crate) fn sigmoid<const IS_FUSED: bool>(x: f32) -> f32 {
    1.0 / (1.0 + exp::<IS_FUSED>(-x))
}

/// The normal distribution's density, and its distribution function: up to -abs(x) it is
/// `exp(-x²/2) r(abs(x))`.
///
/// r is a minimax fit of degree 11 of Mills' ratio over sqrt(2 pi) on 0..4 sqrt(2), weighted with
/// the density.
#[inline(always)]
pub(crate) fn normal<const IS_FUSED: bool>(x: f32) -> (f32, f32) {
    let bell = exp::<IS_FUSED>(-0.5 * x * x);
    let away = x.abs();
    let r = polynomial::<IS_FUSED, _>(
        if away > 5.656_854 { 5.656_854 } else { away },
        [
            -3.155_453e-7,
            7.708_825e-6,
            -8.477_14e-5,
            5.636_547_3e-4,
            -2.590_096_5e-3,
            9.003_859e-3,
            -2.547_183_2e-2,
            6.192_394_3e-2,
            -1.328_058e-1,
            2.499_725_8e-1,
            -3.989_406e-1,
            0.5,
        ],
    );
    let tail = bell * r;
    let below = if x < 0.0 { tail } else { 1.0 - tail };
    (0.398_942_3 * bell, below)
}

/// Softplus: ln(1 + exp(x)).
#[inline(always)]
pub(crate) fn softplus<const IS_FUSED: bool>(x: f32) -> f32 {
    x.max(0.0) + ln_1p::<IS_FUSED>(exp::<IS_FUSED>(-x.abs()))
}

/// ln(1 + x) for x in 0..=1, by Cephes' polynomial of `logf` around 1.
#[inline(always)]
fn ln_1p<const IS_FUSED: bool>(x: f32) -> f32 {
    // Above sqrt(2), half of the argument and one ln 2.
    let large = x > 0.414_213_57;
    let r = if large { 0.5 * x - 0.5 } else { x };
    let z = r * r;
    let p = polynomial::<IS_FUSED, _>(
        r,
        [
            7.037_683_6e-2,
            -1.151_461e-1,
            1.167_699_9e-1,
            -1.242_014_1e-1,
            1.424_932_3e-1,
            -1.666_805_8e-1,
            2.000_071_5e-1,
            -2.499_999_4e-1,
            3.333_333e-1,
        ],
    );
    let y = mul_add::<IS_FUSED>(p * r, z, mul_add::<IS_FUSED>(z, -0.5, r));
    if large { y + std::f32::consts::LN_2 } else { y }
}

/// `left += right`.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
pub(crate) fn add(left: &mut [f32], right: &[f32]) {
    left.iter_mut().zip(right).for_each(|(l, r)| *l += r);
}

/// The lanes, added pairwise.
#[inline(always)]
fn reduce(mut lanes: [f32; 16]) -> f32 {
    let mut width = 8;
    while width > 0 {
        for lane in 0..width {
            lanes[lane] += lanes[lane + width];
        }
        width /= 2;
    }
    lanes[0]
}

/// The sum of `values`, in 16 lanes.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
pub(crate) fn sum(values: &[f32]) -> f32 {
    let mut lanes = [0.0; 16];
    let (chunks, rest) = values.as_chunks::<16>();
    for chunk in chunks {
        (0..16).for_each(|i| lanes[i] += chunk[i]);
    }
    rest.iter().zip(&mut lanes).for_each(|(v, lane)| *lane += v);
    reduce(lanes)
}

/// The largest of `values` that is a number; minus infinity if there is none.
#[inline(always)]
pub(crate) fn max(values: &[f32]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; 16];
    let (chunks, rest) = values.as_chunks::<16>();
    for chunk in chunks {
        (0..16).for_each(|i| lanes[i] = lanes[i].max(chunk[i]));
    }
    let rest = padded(rest);
    (0..16).for_each(|i| lanes[i] = lanes[i].max(rest[i]));
    largest(lanes)
}

#[inline(always)]
fn largest(mut lanes: [f32; 16]) -> f32 {
    for width in [8, 4, 2, 1] {
        for lane in 0..width {
            lanes[lane] = lanes[lane].max(lanes[lane + width]);
        }
    }
    lanes[0]
}

/// At most 16 values, and minus infinities behind them.
#[inline(always)]
fn padded(values: &[f32]) -> [f32; 16] {
    let mut lanes = [f32::NEG_INFINITY; 16];
    for (lane, value) in lanes.iter_mut().zip(values) {
        *lane = *value;
    }
    lanes
}

/// Replaces each x of a row by exp(x - max), and sums them in 16 lanes.
#[inline(always)]
pub(crate) fn exponentials<const IS_FUSED: bool>(row: &mut [f32], max: f32) -> f32 {
    let mut lanes = [0.0; 16];
    let (chunks, rest) = row.as_chunks_mut::<16>();
    for chunk in chunks {
        add_exponentials::<IS_FUSED>(&mut lanes, chunk, max);
    }
    if !rest.is_empty() {
        let mut last = padded(rest);
        add_exponentials::<IS_FUSED>(&mut lanes, &mut last, max);
        rest.copy_from_slice(&last[..rest.len()]);
    }
    reduce(lanes)
}

/// The largest of a row, and the sum of exp(x - max); `into` gets the exponentials. In 16 lanes,
/// but short rows, as of ten classes, one after another: filling up their last vector would cost
/// more.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
pub(crate) fn max_and_exp_sum(row: &[f32], into: Option<&mut [f32]>) -> (f32, f32) {
    const IS_FUSED: bool = is_fused!();
    // Few values: one after another.
    if row.len() < 16 {
        let max = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let mut total = 0.0;
        if let Some(into) = into {
            for (to, x) in into.iter_mut().zip(row) {
                *to = exp::<IS_FUSED>(x - max);
            }
            for value in into {
                total += *value;
            }
        } else {
            for x in row {
                total += exp::<IS_FUSED>(x - max);
            }
        }
        return (max, total);
    }
    // In lanes, with the exponentials if they are wanted.
    let max = max(row);
    if let Some(into) = into {
        into.copy_from_slice(row);
        return (max, exponentials::<IS_FUSED>(into, max));
    }
    let mut lanes = [0.0; 16];
    for chunk in row.chunks(16) {
        add_exponentials::<IS_FUSED>(&mut lanes, &mut padded(chunk), max);
    }
    (max, reduce(lanes))
}

#[inline(always)]
fn add_exponentials<const IS_FUSED: bool>(lanes: &mut [f32; 16], values: &mut [f32; 16], max: f32) {
    for (lane, value) in lanes.iter_mut().zip(values) {
        *value = exp::<IS_FUSED>(*value - max);
        *lane += *value;
    }
}

/// The sum of (v - mean)², in 16 lanes.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
pub(crate) fn centred_squares(values: &[f32], mean: f32) -> f32 {
    let mut lanes = [0.0; 16];
    let (chunks, rest) = values.as_chunks::<16>();
    for chunk in chunks {
        (0..16).for_each(|i| lanes[i] += (chunk[i] - mean) * (chunk[i] - mean));
    }
    let rest = rest.iter().zip(&mut lanes);
    rest.for_each(|(v, lane)| *lane += (v - mean) * (v - mean));
    reduce(lanes)
}

/// The sum of products, in 16 lanes.
#[inline(always)]
pub(crate) fn dot(left: &[f32], right: &[f32]) -> f32 {
    let mut lanes = [0.0; 16];
    let ((left, left_rest), (right, right_rest)) =
        (left.as_chunks::<16>(), right.as_chunks::<16>());
    for (l, r) in left.iter().zip(right) {
        (0..16).for_each(|i| lanes[i] += l[i] * r[i]);
    }
    let rest = left_rest.iter().zip(right_rest).zip(&mut lanes);
    rest.for_each(|((l, r), lane)| *lane += l * r);
    reduce(lanes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ulps(got: f32, exact: f64) -> f64 {
        let spacing = f64::from(f32::from_bits((exact as f32).abs().to_bits() + 1))
            - f64::from((exact as f32).abs());
        (f64::from(got) - exact).abs() / spacing
    }

    /// The distribution function by the Taylor series of erf, exact to 1e-12 up to 6.
    fn wide_normal(x: f64) -> f64 {
        let x = x * std::f64::consts::FRAC_1_SQRT_2;
        let (mut term, mut sum) = (x, x);
        for n in 1..160 {
            term *= -x * x / f64::from(n);
            sum += term / f64::from(2 * n + 1);
        }
        0.5 + sum / std::f64::consts::PI.sqrt()
    }

    #[test]
    fn errors_stay_within_the_stated_ulps() {
        for step in -8_600..8_800 {
            let x = step as f32 * 0.01 + 0.000_37;
            let wide = f64::from(x);
            assert!(ulps(exp::<false>(x), wide.exp()) <= 2.0, "exp {x}");
            assert!(ulps(tanh::<false>(x), wide.tanh()) <= 4.0, "tanh {x}");
            if x > -80.0 {
                assert!(
                    ulps(sigmoid::<false>(x), 1.0 / (1.0 + (-wide).exp())) <= 4.0,
                    "sigmoid {x}"
                );
            }
            let exact = if x > 60.0 { wide } else { wide.exp().ln_1p() };
            let error = (f64::from(softplus::<false>(x)) - exact).abs();
            assert!(
                ulps(softplus::<false>(x), exact) <= 4.0 || error < 1e-7,
                "softplus {x}"
            );
        }
        for step in -6_000..6_000 {
            let x = step as f32 * 0.001 + 0.000_037;
            let (density, below) = normal::<false>(x);
            let wide = f64::from(x);
            assert!(
                (f64::from(below) - wide_normal(wide)).abs() < 1e-7,
                "normal {x}"
            );
            let exact = (-0.5 * wide * wide).exp() / std::f64::consts::TAU.sqrt();
            assert!((f64::from(density) - exact).abs() < 1e-7, "density {x}");
        }
    }

    #[test]
    fn extremes_are_kept() {
        assert_eq!(
            (exp::<false>(-200.0), exp::<false>(200.0)),
            (0.0, f32::INFINITY)
        );
        assert_eq!((tanh::<false>(99.0), tanh::<false>(-99.0)), (1.0, -1.0));
        assert_eq!(
            (sigmoid::<false>(999.0), sigmoid::<false>(-999.0)),
            (1.0, 0.0)
        );
        assert_eq!(
            (normal::<false>(20.0), normal::<false>(-20.0)),
            ((0.0, 1.0), (0.0, 0.0))
        );
        assert!(normal::<false>(f32::NAN).1.is_nan() && max(&[f32::NAN; 17]) == f32::NEG_INFINITY);
        assert_eq!(
            (softplus::<false>(-200.0), softplus::<false>(200.0)),
            (0.0, 200.0)
        );
        for function in [
            exp::<false>,
            tanh::<false>,
            sigmoid::<false>,
            softplus::<false>,
        ] {
            assert!(function(f32::NAN).is_nan());
        }
    }
}
