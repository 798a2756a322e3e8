//! NEON: its token, its vectors, and transposition by them.
//!
//! Every ARM64 has it, so there is nothing to detect, and no function is compiled for it apart: the
//! compiler's baseline is NEON.
//!
//! # Why unsafe
//! Vector loads and stores take pointers, and functions of the instruction set are unsafe to call
//! from those that do not name it. Arrays without them are vectorised in products and not in
//! Winograd's transforms, which had 528 multiply-adds of single values beside 396 of vectors.
//!
//! # bfloat16
//! Pairs are computed by the portable kernels, which have the same tiles. ARM's own mode for
//! denormals finds out before rounding what is one, x86's after it, so that sums close to the
//! smallest normal number differ; and `bfdot` rounds otherwise than two multiply-adds.

#![expect(
    unsafe_code,
    reason = "vector loads and stores, and calls of what every ARM64 has"
)]

use std::arch::aarch64::{
    float32x4_t, vaddq_f32, vdupq_n_f32, vfmaq_f32, vld1q_f32, vreinterpretq_f32_f64,
    vreinterpretq_f64_f32, vst1q_f32, vtrn1q_f32, vtrn1q_f64, vtrn2q_f32, vtrn2q_f64,
};
use std::arch::asm;

use super::simd::{Baseline, Simd};

/// The token: 32 registers of 4 values.
#[derive(Clone, Copy)]
pub(super) struct Neon;

impl Baseline for Neon {}

impl Simd for Neon {
    type Vector = float32x4_t;
    const LANES: usize = 4;
    // A step of a tile reads one line and takes the time of six or more multiply-adds after another,
    // as AVX2's does.
    const PREFETCH: bool = false;
    // Four steps spill accumulators.
    const UNROLL4: bool = false;

    #[inline(always)]
    fn splat(self, value: f32) -> float32x4_t {
        // SAFETY: every ARM64 has it.
        unsafe { vdupq_n_f32(value) }
    }

    #[inline(always)]
    fn load(self, from: &[f32]) -> float32x4_t {
        let from: &[f32; 4] = from.first_chunk().expect("a whole vector");
        // SAFETY: a vector's values are readable.
        unsafe { vld1q_f32(from.as_ptr()) }
    }

    #[inline(always)]
    fn store(self, vector: float32x4_t, to: &mut [f32]) {
        let to: &mut [f32; 4] = to.first_chunk_mut().expect("room for a whole vector");
        // SAFETY: a vector's values are writable.
        unsafe { vst1q_f32(to.as_mut_ptr(), vector) }
    }

    #[inline(always)]
    fn mul_add(self, a: float32x4_t, b: float32x4_t, c: float32x4_t) -> float32x4_t {
        // SAFETY: every ARM64 has it.
        unsafe { vfmaq_f32(c, a, b) }
    }

    #[inline(always)]
    fn add(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: every ARM64 has it.
        unsafe { vaddq_f32(a, b) }
    }

    #[inline(always)]
    fn prefetch(self, from: &[f32], ahead: usize) {
        let line = from.as_ptr().wrapping_add(ahead);
        // SAFETY: a hint that reads nothing.
        unsafe {
            asm!("prfm pldl1keep, [{}]", in(reg) line, options(nomem, nostack, preserves_flags));
        }
    }

    #[inline(always)]
    fn prefetch_far(self, from: &[f32], ahead: usize) {
        let line = from.as_ptr().wrapping_add(ahead);
        // SAFETY: a hint that reads nothing.
        unsafe {
            asm!("prfm pldl2keep, [{}]", in(reg) line, options(nomem, nostack, preserves_flags));
        }
    }
}

/// The transpose of four rows of four values.
#[inline(always)]
pub(super) fn transpose_four(rows: [&[f32; 4]; 4]) -> [[f32; 4]; 4] {
    #[target_feature(enable = "neon")]
    fn shuffled([a, b, c, d]: [float32x4_t; 4]) -> [float32x4_t; 4] {
        // Pairs of neighbours in a column, of the even columns and of the odd ones.
        let pairs = [
            (vtrn1q_f32(a, b), vtrn1q_f32(c, d)),
            (vtrn2q_f32(a, b), vtrn2q_f32(c, d)),
        ];
        let [even, odd] = pairs.map(|(upper, lower)| {
            let (upper, lower) = (vreinterpretq_f64_f32(upper), vreinterpretq_f64_f32(lower));
            let halves = (vtrn1q_f64(upper, lower), vtrn2q_f64(upper, lower));
            (
                vreinterpretq_f32_f64(halves.0),
                vreinterpretq_f32_f64(halves.1),
            )
        });
        [even.0, odd.0, even.1, odd.1]
    }
    let rows = rows.map(|row| Neon.load(row));
    // SAFETY: every ARM64 has it.
    let columns = unsafe { shuffled(rows) };
    columns.map(|column| {
        let mut values = [0.0; 4];
        Neon.store(column, &mut values);
        values
    })
}
