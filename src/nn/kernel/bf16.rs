//! bfloat16: rounding to it, pairs of it, and a step of a chain in plain code.
//!
//! A pair takes the place of an `f32`: the first in the lower half of its bits, the second in the
//! upper one. So operands of pairs lie in memory like others, and are packed and loaded like them.

use multiversion::multiversion;

use super::fused::{IN_BASELINE, mul_add};

/// The smallest number that is not denormal, as bits.
const SMALLEST: u32 = f32::MIN_POSITIVE.to_bits();

/// The bits of `value` rounded to bfloat16, to nearest, ties to even; a denormal becomes zero of its
/// sign, and what is no number stays none.
#[inline(always)]
fn rounded(value: f32) -> u32 {
    let bits = value.to_bits();
    let magnitude = bits & !(1 << 31);
    let nearest = (bits.wrapping_add(0x7fff + (bits >> 16 & 1))) >> 16;
    let or_nan = if magnitude > f32::INFINITY.to_bits() {
        bits >> 16 | 0x40
    } else {
        nearest
    };
    if magnitude < SMALLEST {
        bits >> 16 & 0x8000
    } else {
        or_nan
    }
}

/// A value, rounded.
#[inline(always)]
pub(super) fn round(value: f32) -> f32 {
    f32::from_bits(rounded(value) << 16)
}

/// Two values, rounded.
#[inline(always)]
pub(super) fn pair(first: f32, second: f32) -> f32 {
    f32::from_bits(rounded(second) << 16 | rounded(first))
}

/// The two values of a pair.
#[inline(always)]
pub(super) fn widened(pair: f32) -> [f32; 2] {
    let bits = pair.to_bits();
    [bits << 16, bits & 0xffff_0000].map(f32::from_bits)
}

/// Zero for a denormal, of its sign.
#[inline(always)]
pub(super) fn flush(value: f32) -> f32 {
    let bits = value.to_bits();
    if bits & !(1 << 31) < SMALLEST {
        f32::from_bits(bits & 1 << 31)
    } else {
        value
    }
}

/// `a * b + sum`, rounded once, in a mode in which denormals are zeros: a result is one if it would
/// be denormal with as many significant bits as others have. What is so close to the smallest normal
/// number that only a denormal's fewer bits round up to it, is zero (x86, and IEEE 754's "tininess
/// after rounding").
#[inline(always)]
pub(super) fn flushed_mul_add(a: f32, b: f32, sum: f32) -> f32 {
    /// Where all is this much larger, nothing is denormal.
    const SCALE: f32 = (1u64 << 63) as f32;
    let sum = flush(sum);
    let result = mul_add::<IN_BASELINE>(a, b, sum);
    if result.abs() > f32::MIN_POSITIVE || result.is_nan() {
        return result;
    }
    let scaled = mul_add::<IN_BASELINE>(a * SCALE, b, sum * SCALE);
    if scaled.abs() < f32::MIN_POSITIVE * SCALE {
        0.0f32.copysign(scaled)
    } else {
        result
    }
}

/// A step of a chain: `sum` and the products of two pairs.
#[inline(always)]
pub(super) fn step(sum: f32, a: f32, b: f32) -> f32 {
    let ([a0, a1], [b0, b1]) = (widened(a), widened(b));
    flushed_mul_add(a0, b0, flushed_mul_add(a1, b1, sum))
}

/// `to` = pairs of neighbours in a row; a last one without a neighbour gets a zero.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+avx2+fma", "x86_64+avx2+fma"))]
pub(super) fn pair_neighbours(to: &mut [f32], row: &[f32]) {
    let (pairs, last) = row.as_chunks::<2>();
    for (to, &[first, second]) in to.iter_mut().zip(pairs) {
        *to = pair(first, second);
    }
    if let ([to, ..], &[last]) = (&mut to[pairs.len()..], last) {
        *to = pair(last, 0.0);
    }
}

/// `to` = a row, rounded, the second of each two neighbours before the first; before a last one
/// without a neighbour a zero.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+avx2+fma", "x86_64+avx2+fma"))]
pub(super) fn swap_neighbours(to: &mut [f32], row: &[f32]) {
    let (pairs, last) = row.as_chunks::<2>();
    let (to, rest) = to.as_chunks_mut::<2>();
    debug_assert!(rest.is_empty());
    for (to, &[first, second]) in to.iter_mut().zip(pairs) {
        *to = [round(second), round(first)];
    }
    if let ([to, ..], &[last]) = (&mut to[pairs.len()..], last) {
        *to = [0.0, round(last)];
    }
}

/// `to` = a row, rounded.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+avx2+fma", "x86_64+avx2+fma"))]
pub(super) fn round_row(to: &mut [f32], row: &[f32]) {
    to.iter_mut()
        .zip(row)
        .for_each(|(to, &value)| *to = round(value));
}

/// `to` = pairs of a value of one row and one of the next.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+avx2+fma", "x86_64+avx2+fma"))]
pub(super) fn pair_rows(to: &mut [f32], first: &[f32], second: &[f32]) {
    for ((to, &first), &second) in to.iter_mut().zip(first).zip(second) {
        *to = pair(first, second);
    }
}

/// The same where there is no next row.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+avx2+fma", "x86_64+avx2+fma"))]
pub(super) fn pair_row_with_zeros(to: &mut [f32], first: &[f32]) {
    for (to, &first) in to.iter_mut().zip(first) {
        *to = pair(first, 0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_is_to_nearest_ties_to_even_and_flushes() {
        let ulp = f32::powi(2.0, -7);
        for (value, expected) in [
            (1.0, 1.0),
            (1.0 + ulp / 2.0, 1.0),
            (1.0 + 1.5 * ulp, 1.0 + 2.0 * ulp),
            (1.0 + ulp * 0.501, 1.0 + ulp),
            (-1.0 - ulp * 0.499, -1.0),
            (f32::MAX, f32::INFINITY),
            (f32::NEG_INFINITY, f32::NEG_INFINITY),
            (f32::MIN_POSITIVE, f32::MIN_POSITIVE),
        ] {
            assert_eq!(round(value), expected, "{value}");
        }
        let denormal = f32::from_bits(0x807f_ffff);
        assert_eq!(round(denormal).to_bits(), (-0.0f32).to_bits());
        // Whatever is no number, stays none: also where only its lowest bit says so.
        for bits in [0x7f80_0001, 0xffff_ffff, 0x7fc0_0000] {
            assert!(round(f32::from_bits(bits)).is_nan());
        }
    }

    #[test]
    fn a_sum_just_below_the_smallest_normal_number_is_zero_unless_it_rounds_to_it() {
        let (least, ulp) = (f32::MIN_POSITIVE, f32::powi(2.0, -75));
        for (a, b, sum, expected) in [
            // Halfway to the next number below, if that had as many bits: to the even one.
            (-0.5 * ulp, ulp, least, least),
            (-0.75 * ulp, ulp, least, 0.0),
            // Halfway to the next denormal number.
            (-ulp, ulp, least, 0.0),
            (-1.5 * ulp, ulp, least, 0.0),
            (ulp, ulp, -least, -0.0),
            // A sum that is larger.
            (-2.5 * ulp, ulp, least + 2.0 * ulp * ulp, least),
            (-3.0 * ulp, ulp, least + 2.0 * ulp * ulp, 0.0),
            // Whatever else is not denormal stays.
            (
                f32::powi(2.0, 100),
                f32::powi(2.0, -126),
                0.0,
                f32::powi(2.0, -26),
            ),
            (f32::powi(2.0, 100), 0.0, least, least),
            (f32::powi(2.0, -63), f32::powi(2.0, -63), 0.0, least),
            (f32::powi(2.0, -63), f32::powi(2.0, -64), 0.0, 0.0),
        ] {
            let result = flushed_mul_add(a, b, sum);
            assert_eq!(
                result.to_bits(),
                expected.to_bits(),
                "{a:e} * {b:e} + {sum:e}"
            );
        }
    }

    #[test]
    fn every_value_of_bfloat16_is_its_own_rounding() {
        for upper in 0..=u16::MAX {
            let value = f32::from_bits(u32::from(upper) << 16);
            if !value.is_subnormal() && !value.is_nan() {
                assert_eq!(round(value).to_bits(), value.to_bits());
            }
        }
    }

    #[test]
    fn neighbours_of_a_row_of_odd_length_end_with_a_zero() {
        let row: Vec<f32> = (1..=37).map(|i| i as f32).collect();
        let mut to = vec![f32::NAN; 19];
        pair_neighbours(&mut to, &row);
        let values: Vec<f32> = to.iter().flat_map(|&pair| widened(pair)).collect();
        assert_eq!(values[..37], row);
        assert_eq!(values[37], 0.0);
        let mut to = vec![f32::NAN; 38];
        swap_neighbours(&mut to, &row);
        let swapped: Vec<f32> = values
            .chunks(2)
            .flat_map(|pair| [pair[1], pair[0]])
            .collect();
        assert_eq!(to, swapped);
    }
}
