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
//! Two multiply-adds a pair, in ARM's mode in which denormals are zeros (FPCR.FZ): `bfdot` rounds
//! otherwise. That mode finds out before rounding what is denormal, x86's after it, so that what
//! rounds up to the smallest normal number is zero here alone. Whatever it makes zero the CPU notes
//! in a flag, at no cost. So a tile whose chains have set it, which few do, is computed once more,
//! by the plain code of `bf16`; without the mode, which would cost three instructions beside each
//! multiply-add.
//!
//! # Invariants
//! 1. While the mode is set the flag is clear when chains begin, or they are computed once more.

#![expect(
    unsafe_code,
    reason = "vector loads and stores, and calls of what every ARM64 has"
)]

use std::arch::aarch64::{
    float32x4_t, vaddq_f32, vdupq_laneq_f32, vdupq_n_f32, vfmaq_f32, vld1q_f32,
    vreinterpretq_f32_f64, vreinterpretq_f64_f32, vst1q_f32, vtrn1q_f32, vtrn1q_f64, vtrn2q_f32,
    vtrn2q_f64,
};
use std::arch::asm;

use super::bf16::{flush, flushed_mul_add};
use super::simd::{Baseline, Chain, Simd};

/// The token: 32 registers of 4 values. With `FLUSHES` [`FlushDenormals`] is in force.
#[derive(Clone, Copy)]
pub(super) struct Neon<const FLUSHES: bool>;

impl<const FLUSHES: bool> Baseline for Neon<FLUSHES> {}

impl<const FLUSHES: bool> Simd for Neon<FLUSHES> {
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

    /// Four values of `a` that lie side by side come by one load.
    #[inline(always)]
    fn step<const M: usize, const N: usize>(
        self,
        tile: &mut [[float32x4_t; N]; M],
        a: &[f32; M],
        b: [float32x4_t; N],
    ) {
        let (fours, _) = a.as_chunks::<4>();
        for i in 0..M {
            let a = match fours.get(i / 4) {
                Some(four) => lane(self.load(four), i % 4),
                None => self.splat(a[i]),
            };
            for v in 0..N {
                tile[i][v] = self.mul_add(a, b[v], tile[i][v]);
            }
        }
    }

    #[inline(always)]
    fn run_chain<C: Chain<float32x4_t, M, N>, const M: usize, const N: usize>(
        self,
        mut start: [[float32x4_t; N]; M],
        chain: C,
    ) -> [[float32x4_t; N]; M] {
        if !FLUSHES {
            return chain.run(self, start);
        }
        pin(&mut start);
        let mut tile = chain.run(self, start);
        pin(&mut tile);
        if flags() & UNDERFLOW == 0 {
            tile
        } else {
            once_more(start, chain)
        }
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

/// Lane number `lane` in every lane.
#[inline(always)]
fn lane(vector: float32x4_t, lane: usize) -> float32x4_t {
    // SAFETY: every ARM64 has them.
    unsafe {
        match lane {
            0 => vdupq_laneq_f32::<0>(vector),
            1 => vdupq_laneq_f32::<1>(vector),
            2 => vdupq_laneq_f32::<2>(vector),
            _ => vdupq_laneq_f32::<3>(vector),
        }
    }
}

/// The token of vectors of four registers, 16 values: for kernels that look up where each lies.
#[derive(Clone, Copy)]
pub(super) struct NeonFours;

impl Baseline for NeonFours {}

impl Simd for NeonFours {
    type Vector = [float32x4_t; 4];
    const LANES: usize = 16;
    const PREFETCH: bool = false;
    const UNROLL4: bool = false;

    #[inline(always)]
    fn splat(self, value: f32) -> [float32x4_t; 4] {
        [Neon::<false>.splat(value); 4]
    }

    #[inline(always)]
    fn load(self, from: &[f32]) -> [float32x4_t; 4] {
        let from = &from[..Self::LANES];
        std::array::from_fn(|k| Neon::<false>.load(&from[4 * k..]))
    }

    #[inline(always)]
    fn store(self, vector: [float32x4_t; 4], to: &mut [f32]) {
        let to = &mut to[..Self::LANES];
        for k in 0..4 {
            Neon::<false>.store(vector[k], &mut to[4 * k..]);
        }
    }

    #[inline(always)]
    fn mul_add(
        self,
        a: [float32x4_t; 4],
        b: [float32x4_t; 4],
        c: [float32x4_t; 4],
    ) -> [float32x4_t; 4] {
        let simd = Neon::<false>;
        std::array::from_fn(|k| simd.mul_add(a[k], b[k], c[k]))
    }

    #[inline(always)]
    fn add(self, a: [float32x4_t; 4], b: [float32x4_t; 4]) -> [float32x4_t; 4] {
        std::array::from_fn(|k| Neon::<false>.add(a[k], b[k]))
    }
}

/// A mode of the thread in which denormals are zeros, until it is dropped.
pub(super) struct FlushDenormals {
    before: u64,
}

/// The bit of FPCR that sets the mode, and that of FPSR which notes that a result became zero.
const FLUSH_TO_ZERO: u64 = 1 << 24;
const UNDERFLOW: u64 = 1 << 3;

impl FlushDenormals {
    #[inline]
    pub(super) fn begin() -> Self {
        Self::with(|before| before | FLUSH_TO_ZERO)
    }

    /// Leaves the mode.
    #[inline]
    fn pause() -> Self {
        Self::with(|before| before & !FLUSH_TO_ZERO)
    }

    #[inline]
    fn with(mode: impl FnOnce(u64) -> u64) -> Self {
        let before: u64;
        // SAFETY: reads the mode.
        unsafe { asm!("mrs {}, fpcr", out(reg) before, options(nostack, preserves_flags)) };
        set_mode(mode(before));
        Self { before }
    }
}

impl Drop for FlushDenormals {
    #[inline]
    fn drop(&mut self) {
        set_mode(self.before);
    }
}

/// Sets FPCR, and clears the flags of FPSR, which nothing but this file reads.
#[inline]
fn set_mode(mode: u64) {
    // SAFETY: the mode of this thread but for that of denormals.
    unsafe {
        asm!("msr fpcr, {}", "msr fpsr, xzr", in(reg) mode, options(nostack, preserves_flags));
    }
}

/// FPSR. What is pinned before is computed before.
#[inline(always)]
fn flags() -> u64 {
    let flags: u64;
    // SAFETY: reads flags. It is not `pure`, so that it stays in the order of the others.
    unsafe { asm!("mrs {}, fpsr", out(reg) flags, options(nomem, nostack, preserves_flags)) };
    flags
}

/// Orders computations with reads of the flags: what a tile comes from is before this, and what
/// comes from it behind it.
#[inline(always)]
fn pin<const M: usize, const N: usize>(tile: &mut [[float32x4_t; N]; M]) {
    for i in 0..M {
        for v in 0..N {
            let vector = &mut tile[i][v];
            // SAFETY: no instruction, only a place in the order.
            unsafe {
                asm!(
                    "/* {0:v} */",
                    inout(vreg) * vector,
                    options(nomem, nostack, preserves_flags)
                );
            }
        }
    }
}

/// Computes chains without the mode, denormals made zeros as all other instruction sets do.
#[cold]
#[inline(never)]
fn once_more<C: Chain<float32x4_t, M, N>, const M: usize, const N: usize>(
    start: [[float32x4_t; N]; M],
    chain: C,
) -> [[float32x4_t; N]; M] {
    /// Between the two changes of the mode there is this call alone, whose values are in memory.
    #[inline(never)]
    fn plainly<C: Chain<float32x4_t, M, N>, const M: usize, const N: usize>(
        start: &[[float32x4_t; N]; M],
        chain: &C,
    ) -> [[float32x4_t; N]; M] {
        chain.run(Plain, *start)
    }
    let _mode = FlushDenormals::pause();
    plainly(&start, &chain)
}

/// The same vectors, with the plain code of bfloat16 where a sum may be denormal.
#[derive(Clone, Copy)]
struct Plain;

impl Simd for Plain {
    type Vector = float32x4_t;
    const LANES: usize = Neon::<false>::LANES;
    const PREFETCH: bool = Neon::<false>::PREFETCH;
    const UNROLL4: bool = Neon::<false>::UNROLL4;

    #[inline(always)]
    fn splat(self, value: f32) -> float32x4_t {
        Neon::<false>.splat(value)
    }

    #[inline(always)]
    fn load(self, from: &[f32]) -> float32x4_t {
        Neon::<false>.load(from)
    }

    #[inline(always)]
    fn store(self, vector: float32x4_t, to: &mut [f32]) {
        Neon::<false>.store(vector, to);
    }

    #[inline(always)]
    fn mul_add(self, a: float32x4_t, b: float32x4_t, c: float32x4_t) -> float32x4_t {
        let [a, b, c] = [a, b, c].map(values);
        self.load(&std::array::from_fn::<f32, 4, _>(|i| {
            flushed_mul_add(a[i], b[i], c[i])
        }))
    }

    #[inline(always)]
    fn add(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        let [a, b] = [a, b].map(values);
        self.load(&std::array::from_fn::<f32, 4, _>(|i| flush(a[i] + b[i])))
    }
}

/// A vector's values.
#[inline(always)]
fn values(vector: float32x4_t) -> [f32; 4] {
    let mut values = [0.0; 4];
    Neon::<false>.store(vector, &mut values);
    values
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
    let rows = rows.map(|row| Neon::<false>.load(row));
    // SAFETY: every ARM64 has it.
    let columns = unsafe { shuffled(rows) };
    columns.map(values)
}
