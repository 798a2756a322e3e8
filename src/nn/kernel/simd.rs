//! Instruction sets as the kernels see them, and kernels as the dispatcher sees them.
//!
//! A value of a type that is [`Simd`] is a token: it exists only where the CPU has the instruction
//! set, and vectors are made through it. So whatever is written against [`Simd`] is safe code.
//!
//! # Another instruction set
//! A token with its vectors (as `neon` has one), a variant of `Isa`, a line of `dispatch`'s table.
//!
//! # Why this way
//! Plain loops over `[[f32; N]; M]` vectorise for some tile shapes and collapse to scalars for
//! others: a 12 x 16 tile ran at 1 GFLOP/s where 12 x 32 ran at 106 (rustc 1.95). Explicit vectors
//! leave nothing to luck.

use super::bf16::{flush, flushed_mul_add};
use super::fused::{IN_BASELINE, mul_add};

/// A computation that is compiled for each instruction set, with the sizes of its tiles.
///
/// All that `run` calls must be `#[inline(always)]`: what is not inlined is compiled without the
/// instruction set's features, and each of its vector operations becomes a call.
pub(super) trait Kernel {
    /// What it returns.
    type Output;

    /// Computes in tiles of M rows of N vectors, or of L rows (L for low) where M are too many.
    fn run<S: Simd, const M: usize, const L: usize, const N: usize>(self, simd: S) -> Self::Output;
}

/// The chains of a tile of M rows of N vectors, from the tile that they start from on.
pub(super) trait Chain<V, const M: usize, const N: usize>: Copy {
    /// Computes them, with whatever token for these vectors.
    fn run<S: Simd<Vector = V>>(self, simd: S, tile: [[V; N]; M]) -> [[V; N]; M];
}

/// The token of an instruction set, and its vectors; one lane never meets another.
pub(super) trait Simd: Copy {
    /// [`Simd::LANES`] values.
    type Vector: Copy;

    /// Values in a vector.
    const LANES: usize;

    /// Whether panels are prefetched. AVX2's half as many values a step leave the hardware the
    /// time: without prefetching it is 2 to 5 % faster where another thread shares the core, and
    /// the same alone (2026-11, Zen 3).
    const PREFETCH: bool;

    /// Whether chains take four steps of the depth in an iteration: fewer instructions, of which
    /// two threads of a core have no more than one has. 2 to 8 % faster there, the same alone (AVX2
    /// on Zen 3); AVX-512's tiles are slower for it (Sapphire Rapids).
    const UNROLL4: bool;

    /// The same value in every lane.
    fn splat(self, value: f32) -> Self::Vector;

    /// The first values of `from`, which has at least [`Simd::LANES`].
    fn load(self, from: &[f32]) -> Self::Vector;

    /// Writes the lanes to the front of `to`, which has room for them.
    fn store(self, vector: Self::Vector, to: &mut [f32]);

    /// `a * b + c`, rounded once.
    fn mul_add(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector;

    /// `a + b`.
    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;

    /// One step of every chain of a tile, from the M values `a` and the N vectors `b`.
    ///
    /// Where values are pairs of bfloat16, this is a dot product of pairs.
    #[inline(always)]
    fn step<const M: usize, const N: usize>(
        self,
        tile: &mut [[Self::Vector; N]; M],
        a: &[f32; M],
        b: [Self::Vector; N],
    ) {
        for i in 0..M {
            let a = self.splat(a[i]);
            for v in 0..N {
                tile[i][v] = self.mul_add(a, b[v], tile[i][v]);
            }
        }
    }

    /// Computes the chains of a tile; once more, plainly, where the CPU's own zeros for denormals
    /// may be other bits.
    #[inline(always)]
    fn run_chain<C: Chain<Self::Vector, M, N>, const M: usize, const N: usize>(
        self,
        tile: [[Self::Vector; N]; M],
        chain: C,
    ) -> [[Self::Vector; N]; M] {
        chain.run(self, tile)
    }

    /// Prefetches the cache line that is `ahead` values behind the front of `from` into L1; there
    /// need not be any.
    #[inline(always)]
    fn prefetch(self, _from: &[f32], _ahead: usize) {}

    /// The same, into L2: for what is read much later.
    #[inline(always)]
    fn prefetch_far(self, _from: &[f32], _ahead: usize) {}
}

/// An instruction set that is in the compiler's baseline: its kernels are compiled like all else.
pub(super) trait Baseline: Simd {
    /// Runs a kernel.
    #[inline(never)]
    fn run<K: Kernel, const M: usize, const L: usize, const N: usize>(
        self,
        kernel: K,
    ) -> K::Output {
        kernel.run::<Self, M, L, N>(self)
    }
}

/// Whatever the compiler's target offers, in vectors of eight; with `FLUSHES` denormals are zeros,
/// whatever the mode of the CPU.
#[derive(Clone, Copy)]
pub(super) struct Portable<const FLUSHES: bool>;

impl<const FLUSHES: bool> Baseline for Portable<FLUSHES> {}

impl<const FLUSHES: bool> Simd for Portable<FLUSHES> {
    type Vector = [f32; 8];
    const LANES: usize = 8;
    const PREFETCH: bool = false;
    const UNROLL4: bool = false;

    #[inline(always)]
    fn splat(self, value: f32) -> [f32; 8] {
        [value; 8]
    }

    #[inline(always)]
    fn load(self, from: &[f32]) -> [f32; 8] {
        *from.first_chunk().expect("a whole vector")
    }

    #[inline(always)]
    fn store(self, vector: [f32; 8], to: &mut [f32]) {
        to[..8].copy_from_slice(&vector);
    }

    #[inline(always)]
    fn mul_add(self, a: [f32; 8], b: [f32; 8], c: [f32; 8]) -> [f32; 8] {
        std::array::from_fn(|i| {
            if FLUSHES {
                flushed_mul_add(a[i], b[i], c[i])
            } else {
                mul_add::<IN_BASELINE>(a[i], b[i], c[i])
            }
        })
    }

    #[inline(always)]
    fn add(self, a: [f32; 8], b: [f32; 8]) -> [f32; 8] {
        let kept = |sum| if FLUSHES { flush(sum) } else { sum };
        std::array::from_fn(|i| kept(a[i] + b[i]))
    }
}
