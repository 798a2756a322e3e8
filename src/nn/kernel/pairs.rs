//! Pairs of bfloat16 from values, by the instruction for it where there is one.

use super::bf16;
#[cfg(target_arch = "x86_64")]
use super::x86::Avx512Bf16;

/// `to` = pairs of neighbours in a row; a last one without a neighbour gets a zero.
pub(super) fn pair_neighbours(to: &mut [f32], row: &[f32]) {
    #[cfg(target_arch = "x86_64")]
    let done = Avx512Bf16::detect().map_or(0, |simd| simd.pair_neighbours(to, row));
    #[cfg(not(target_arch = "x86_64"))]
    let done = 0;
    if done < to.len() {
        bf16::pair_neighbours(&mut to[done..], &row[2 * done..]);
    }
}

/// `to` = pairs of a value of one row and one of the next; all are of one length.
pub(super) fn pair_rows(to: &mut [f32], first: &[f32], second: &[f32]) {
    #[cfg(target_arch = "x86_64")]
    let done = Avx512Bf16::detect().map_or(0, |simd| simd.pair_rows(to, first, second));
    #[cfg(not(target_arch = "x86_64"))]
    let done = 0;
    if done < to.len() {
        bf16::pair_rows(&mut to[done..], &first[done..], &second[done..]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_instruction_rounds_as_plain_code_does() {
        // Every exponent, and bits around those that decide; also what is denormal or no number.
        let low = [0, 1, 0x7fff, 0x8000, 0x8001, 0xffff];
        let upper = (0..=u16::MAX).step_by(5);
        let values: Vec<f32> = upper
            .flat_map(|upper| low.map(|low| f32::from_bits(u32::from(upper) << 16 | low)))
            .collect();
        let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        for len in [values.len(), 1, 31, 33, 64, 95] {
            let row = &values[values.len() - len..];
            let (mut to, mut plain) = (vec![0.0; len.div_ceil(2)], vec![0.0; len.div_ceil(2)]);
            pair_neighbours(&mut to, row);
            bf16::pair_neighbours(&mut plain, row);
            assert_eq!(bits(&to), bits(&plain), "{len}");
            let (first, second) = (&row[..len / 2], &row[len - len / 2..]);
            let (to, plain) = (&mut to[..len / 2], &mut plain[..len / 2]);
            pair_rows(to, first, second);
            bf16::pair_rows(plain, first, second);
            assert_eq!(bits(to), bits(plain), "{len}");
        }
    }
}
