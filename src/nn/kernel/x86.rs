//! AVX2 and AVX-512: their tokens, their vectors, and the functions that are compiled for them.
//!
//! # Why unsafe
//! A function compiled for an instruction set that the CPU may lack can only be called unsafely,
//! and vector loads and stores take pointers. Measured gain over the portable compilation: see
//! `benches/gemm.rs`; the kernels are the same safe code, generic over [`Simd`].
//!
//! # Denormals
//! `vdpbf16ps` takes and gives zeros for denormals, whatever the mode. Multiply-adds do so in a mode
//! of the thread, which is set around a kernel: flushing by hand would double the instructions of a
//! step. Between the two changes there is a call of a kernel alone, whose values are in memory.
//!
//! # Invariants
//! 1. A token is made only by its `detect`, which has seen the CPU have the features.

#![expect(
    unsafe_code,
    reason = "calls of functions with target features, whose presence a token proves"
)]

use std::arch::asm;
use std::arch::x86_64::{
    __m128, __m256, __m512, __m512bh, __m512i, _MM_HINT_T0, _MM_HINT_T1, _mm_movehl_ps,
    _mm_movelh_ps, _mm_prefetch, _mm_unpackhi_ps, _mm_unpacklo_ps, _mm256_add_ps, _mm256_fmadd_ps,
    _mm256_loadu_ps, _mm256_set1_ps, _mm256_storeu_ps, _mm512_add_ps, _mm512_castps_si512,
    _mm512_castsi512_ps, _mm512_cvtne2ps_pbh, _mm512_dpbf16_ps, _mm512_fmadd_ps, _mm512_loadu_ps,
    _mm512_permutexvar_epi16, _mm512_set1_ps, _mm512_storeu_ps,
};
use std::mem::transmute;

use super::simd::{Kernel, Simd};

#[inline(always)]
fn prefetch<const HINT: i32>(from: &[f32], ahead: usize) {
    let line = from.as_ptr().wrapping_add(ahead);
    // SAFETY: a hint that reads nothing; every x86-64 has it.
    unsafe { _mm_prefetch::<HINT>(line.cast()) }
}

/// The transpose of four rows of four values, which the compiler does not vectorise.
#[inline(always)]
pub(super) fn transpose_four(rows: [&[f32; 4]; 4]) -> [[f32; 4]; 4] {
    #[target_feature(enable = "sse")]
    fn shuffled([a, b, c, d]: [__m128; 4]) -> [__m128; 4] {
        let (low, high) = (_mm_unpacklo_ps(a, b), _mm_unpackhi_ps(a, b));
        let (low_after, high_after) = (_mm_unpacklo_ps(c, d), _mm_unpackhi_ps(c, d));
        [
            _mm_movelh_ps(low, low_after),
            _mm_movehl_ps(low_after, low),
            _mm_movelh_ps(high, high_after),
            _mm_movehl_ps(high_after, high),
        ]
    }
    let rows = rows.map(|row| bytemuck::cast(*row));
    // SAFETY: every x86-64 has SSE.
    let columns = unsafe { shuffled(rows) };
    columns.map(bytemuck::cast)
}

/// An instruction set: its token, and the vectors made through it.
macro_rules! instruction_set {
    (
        $(#[$about:meta])*
        $name:ident($register:ty), $lanes:literal,
        detected: [$($feature:tt),*], enabled: $features:literal,
        prefetch: $prefetch:literal, unroll4: $unroll4:literal,
        steps_of_pairs: [$($step:ident)?],
        $splat:ident, $load:ident, $store:ident, $mul_add:ident, $add:ident
    ) => {
        $(#[$about])*
        #[derive(Clone, Copy)]
        pub(super) struct $name(());

        impl $name {
            /// The token, if this CPU has the instruction set.
            #[inline]
            pub(super) fn detect() -> Option<Self> {
                let is_found = $(is_x86_feature_detected!($feature))&&*;
                is_found.then_some(Self(()))
            }

            /// Runs a kernel compiled for the instruction set.
            #[inline]
            pub(super) fn run<K: Kernel, const M: usize, const L: usize, const N: usize>(
                self,
                kernel: K,
            ) -> K::Output {
                #[target_feature(enable = $features)]
                fn compiled<K: Kernel, const M: usize, const L: usize, const N: usize>(
                    simd: $name,
                    kernel: K,
                ) -> K::Output {
                    kernel.run::<$name, M, L, N>(simd)
                }
                // SAFETY: invariant 1.
                unsafe { compiled::<K, M, L, N>(self, kernel) }
            }
        }

        impl Simd for $name {
            type Vector = $register;
            const LANES: usize = $lanes;
            const PREFETCH: bool = $prefetch;
            const UNROLL4: bool = $unroll4;

            #[inline(always)]
            fn splat(self, value: f32) -> $register {
                // SAFETY: invariant 1.
                unsafe { $splat(value) }
            }

            #[inline(always)]
            fn load(self, from: &[f32]) -> $register {
                let from: &[f32; $lanes] = from.first_chunk().expect("a whole vector");
                // SAFETY: invariant 1; a vector's values are readable.
                unsafe { $load(from.as_ptr()) }
            }

            #[inline(always)]
            fn store(self, vector: $register, to: &mut [f32]) {
                let to: &mut [f32; $lanes] = to.first_chunk_mut().expect("room for a whole vector");
                // SAFETY: invariant 1; a vector's values are writable.
                unsafe { $store(to.as_mut_ptr(), vector) }
            }

            #[inline(always)]
            fn mul_add(self, a: $register, b: $register, c: $register) -> $register {
                // SAFETY: invariant 1.
                unsafe { $mul_add(a, b, c) }
            }

            #[inline(always)]
            fn add(self, a: $register, b: $register) -> $register {
                // SAFETY: invariant 1.
                unsafe { $add(a, b) }
            }

            $(
                #[inline(always)]
                fn step<const M: usize, const N: usize>(
                    self,
                    tile: &mut [[$register; N]; M],
                    a: &[f32; M],
                    b: [$register; N],
                ) {
                    $step(self, tile, a, b);
                }
            )?

            #[inline(always)]
            fn prefetch(self, from: &[f32], ahead: usize) {
                prefetch::<_MM_HINT_T0>(from, ahead);
            }

            #[inline(always)]
            fn prefetch_far(self, from: &[f32], ahead: usize) {
                prefetch::<_MM_HINT_T1>(from, ahead);
            }
        }
    };
}

/// A step of pairs by the instruction for it.
#[inline(always)]
fn dot_product_step<const M: usize, const N: usize>(
    simd: Avx512Bf16,
    tile: &mut [[__m512; N]; M],
    a: &[f32; M],
    b: [__m512; N],
) {
    #[target_feature(enable = "avx512f,avx512bf16")]
    #[inline]
    fn dot_product(sum: __m512, a: __m512bh, b: __m512bh) -> __m512 {
        _mm512_dpbf16_ps(sum, a, b)
    }
    /// The same bits.
    #[inline(always)]
    fn pairs(vector: __m512) -> __m512bh {
        // SAFETY: both are 512 bits, and any bits are values of either.
        unsafe { transmute(vector) }
    }
    for i in 0..M {
        let a = pairs(simd.splat(a[i]));
        for v in 0..N {
            // SAFETY: invariant 1.
            tile[i][v] = unsafe { dot_product(tile[i][v], a, pairs(b[v])) };
        }
    }
}

/// The same bits.
#[inline(always)]
fn vector(pairs: __m512bh) -> __m512 {
    // SAFETY: both are 512 bits, and any bits are values of either.
    unsafe { transmute(pairs) }
}

/// Rounding by the instruction for it, of whole vectors; what is left over is the caller's.
impl Avx512Bf16 {
    /// `to` = pairs of neighbours in a row; how many.
    #[inline]
    pub(super) fn pair_neighbours(self, to: &mut [f32], row: &[f32]) -> usize {
        #[target_feature(enable = "avx512f,avx512bf16")]
        fn rounded(simd: Avx512Bf16, to: &mut [f32], row: &[f32]) {
            for (to, row) in to.chunks_exact_mut(16).zip(row.chunks_exact(32)) {
                let pairs = _mm512_cvtne2ps_pbh(simd.load(&row[16..]), simd.load(row));
                simd.store(vector(pairs), to);
            }
        }
        // SAFETY: invariant 1.
        unsafe { rounded(self, to, row) };
        (to.len() / 16).min(row.len() / 32) * 16
    }

    /// `to` = pairs of a value of one row and one of the next, all of one length; how many.
    #[inline]
    pub(super) fn pair_rows(self, to: &mut [f32], first: &[f32], second: &[f32]) -> usize {
        #[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
        fn rounded(simd: Avx512Bf16, to: &mut [f32], first: &[f32], second: &[f32]) {
            // A value of the first row, then one of the second.
            let order: [u16; 32] = std::array::from_fn(|i| (i / 2 + 16 * (i % 2)) as u16);
            // SAFETY: both are 512 bits, and any bits are values of either.
            let order: __m512i = unsafe { transmute(order) };
            let rows = first.chunks_exact(16).zip(second.chunks_exact(16));
            for (to, (first, second)) in to.chunks_exact_mut(16).zip(rows) {
                let rows = vector(_mm512_cvtne2ps_pbh(simd.load(second), simd.load(first)));
                let pairs = _mm512_permutexvar_epi16(order, _mm512_castps_si512(rows));
                simd.store(_mm512_castsi512_ps(pairs), to);
            }
        }
        // SAFETY: invariant 1.
        unsafe { rounded(self, to, first, second) };
        to.len() / 16 * 16
    }
}

/// Denormals are zeros in this thread while it lives.
pub(super) struct FlushDenormals {
    before: u32,
}

impl FlushDenormals {
    /// Bits of MXCSR: denormal results become zeros, denormal operands are zeros (Intel, *Software
    /// Developer's Manual* 1, 10.2.3).
    const MODE: u32 = 1 << 15 | 1 << 6;

    #[inline]
    pub(super) fn begin() -> Self {
        let mut before = 0u32;
        // SAFETY: writes four bytes to `before`.
        unsafe { asm!("stmxcsr [{}]", in(reg) &raw mut before, options(nostack)) };
        set_mode(before | Self::MODE);
        Self { before }
    }
}

impl Drop for FlushDenormals {
    #[inline]
    fn drop(&mut self) {
        set_mode(self.before);
    }
}

/// Sets MXCSR.
#[inline]
fn set_mode(mode: u32) {
    // SAFETY: reads four bytes of `mode`, a value of MXCSR but for the bits of denormals.
    unsafe { asm!("ldmxcsr [{}]", in(reg) &raw const mode, options(nostack)) };
}

instruction_set! {
    /// AVX-512F: 32 registers of 16 values.
    Avx512(__m512), 16,
    detected: ["avx512f", "avx2", "fma"], enabled: "avx512f,avx2,fma",
    prefetch: true, unroll4: false,
    steps_of_pairs: [],
    _mm512_set1_ps, _mm512_loadu_ps, _mm512_storeu_ps, _mm512_fmadd_ps, _mm512_add_ps
}

instruction_set! {
    /// AVX-512 on pairs of bfloat16; used for these alone.
    Avx512Bf16(__m512), 16,
    detected: ["avx512bf16", "avx512bw", "avx512f", "avx2", "fma"],
    enabled: "avx512bf16,avx512bw,avx512f,avx2,fma",
    prefetch: true, unroll4: false,
    steps_of_pairs: [dot_product_step],
    _mm512_set1_ps, _mm512_loadu_ps, _mm512_storeu_ps, _mm512_fmadd_ps, _mm512_add_ps
}

instruction_set! {
    /// AVX2 with FMA: 16 registers of 8 values.
    Avx2(__m256), 8,
    detected: ["avx2", "fma"], enabled: "avx2,fma",
    prefetch: false, unroll4: true,
    steps_of_pairs: [],
    _mm256_set1_ps, _mm256_loadu_ps, _mm256_storeu_ps, _mm256_fmadd_ps, _mm256_add_ps
}
