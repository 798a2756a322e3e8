//! The dispatcher: runs a kernel compiled for an instruction set, in tiles as its registers allow.
//!
//! | instruction set | vectors of | rows, of a low tile | columns | accumulators of registers |
//! |---|---|---|---|---|
//! | portable | 8 | 6, 4 | 16 | as the compiler finds them |
//! | NEON | 4 | 6, 4 | 16 | 24 of 32 |
//! | AVX2 | 8 | 6, 4 | 16 | 12 of 16 |
//! | AVX-512 | 16 | 12, 8 | 32 | 24 of 32 |
//! | AVX-512, few columns | 16 | 12, 8 | 16 | 12 of 32 |
//! | AVX-512, low | 16 | 8, 4 | 32 | 16 of 32 |
//!
//! Tiles of pairs of bfloat16 are of the same sizes. Where there is no instruction for pairs, the
//! kernels of `f32` take operands that are rounded, and run where denormals are zeros: the portable
//! ones make them zeros themselves, others have the CPU do it.
//!
//! Each size of tile is a function of its own: in one with the others products of depth 16 took 1.1
//! to 1.3 times as long (AVX-512, low tiles beside the others).
//!
//! Rows and columns are those of [`Isa::tile_rows`] and [`Isa::tile_columns`], by which operands
//! are packed.

use super::arithmetic::{Arithmetic, Precision};
use super::isa::Isa;
#[cfg(target_arch = "aarch64")]
use super::neon::{FlushDenormals, Neon, NeonFours};
use super::simd::{Baseline, Kernel, Portable};
#[cfg(target_arch = "x86_64")]
use super::x86::{Avx2, Avx512, Avx512Bf16, FlushDenormals};

/// The height of tiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Height {
    /// As many rows as the registers hold.
    High,
    /// Few: for left operands of which the L1 keeps no more.
    Low,
}

/// Runs `kernel` in tiles of `columns` columns, which are [`Isa::tile_columns`] of something.
///
/// # Panics
/// If this CPU cannot run `isa`.
#[cfg_attr(
    not(target_arch = "x86_64"),
    expect(unused_variables, reason = "tiles of others have one size")
)]
#[inline]
pub(super) fn dispatch<K: Kernel>(isa: Isa, columns: usize, kernel: K) -> K::Output {
    match isa {
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 | Isa::Avx512Bf16 if columns == 16 => {
            found(isa, Avx512::detect()).run::<K, 12, 8, 1>(kernel)
        }
        _ => dispatch_widest(isa, kernel),
    }
}

/// The same in the widest tiles.
#[inline]
pub(super) fn dispatch_widest<K: Kernel>(isa: Isa, kernel: K) -> K::Output {
    match isa {
        Isa::Portable => Portable::<false>.run::<K, 6, 4, 2>(kernel),
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => found(isa, Avx2::detect()).run::<K, 6, 4, 2>(kernel),
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 | Isa::Avx512Bf16 => found(isa, Avx512::detect()).run::<K, 12, 8, 2>(kernel),
        #[cfg(target_arch = "aarch64")]
        Isa::Neon => Neon::<false>.run::<K, 6, 4, 4>(kernel),
        _ => found(isa, None),
    }
}

/// The same for kernels that take vectors of any length, and look up where each lies: with four of
/// NEON's registers as one vector they do so a fourth as often.
#[inline]
pub(super) fn dispatch_wide_vectors<K: Kernel>(isa: Isa, kernel: K) -> K::Output {
    match isa {
        #[cfg(target_arch = "aarch64")]
        Isa::Neon => NeonFours.run::<K, 6, 4, 1>(kernel),
        _ => dispatch_widest(isa, kernel),
    }
}

/// Runs `kernel`, whose operands are of an arithmetic, in tiles of `columns` columns.
///
/// # Panics
/// If this CPU cannot run the instruction set.
#[inline]
pub(super) fn dispatch_in<K: Kernel>(
    arithmetic: Arithmetic,
    columns: usize,
    height: Height,
    kernel: K,
) -> K::Output {
    if arithmetic.precision == Precision::F32 {
        return dispatch_high_or_low(arithmetic.isa, columns, height, kernel);
    }
    #[cfg(target_arch = "x86_64")]
    let _mode = FlushDenormals::begin();
    match arithmetic.isa {
        #[cfg(target_arch = "x86_64")]
        isa @ Isa::Avx512Bf16 => {
            let simd = found(isa, Avx512Bf16::detect());
            match (columns, height) {
                (16, _) => simd.run::<K, 12, 8, 1>(kernel),
                (_, Height::High) => simd.run::<K, 12, 8, 2>(kernel),
                (_, Height::Low) => simd.run::<K, 8, 4, 2>(kernel),
            }
        }
        #[cfg(target_arch = "aarch64")]
        Isa::Neon => {
            let _mode = FlushDenormals::begin();
            Neon::<true>.run::<K, 6, 4, 4>(kernel)
        }
        Isa::Portable => Portable::<true>.run::<K, 6, 4, 2>(kernel),
        isa => dispatch_high_or_low(isa, columns, height, kernel),
    }
}

#[cfg_attr(
    not(target_arch = "x86_64"),
    expect(unused_variables, reason = "tiles of others have one size")
)]
#[inline]
fn dispatch_high_or_low<K: Kernel>(
    isa: Isa,
    columns: usize,
    height: Height,
    kernel: K,
) -> K::Output {
    match isa {
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 | Isa::Avx512Bf16 if height == Height::Low => {
            found(isa, Avx512::detect()).run::<K, 8, 4, 2>(kernel)
        }
        // The tiles of others are low enough.
        _ => dispatch(isa, columns, kernel),
    }
}

/// # Panics
/// If there is no token, since this CPU cannot run `isa`.
#[inline]
fn found<T>(isa: Isa, token: Option<T>) -> T {
    token.unwrap_or_else(|| panic!("this CPU cannot run {} kernels", isa.name()))
}

#[cfg(test)]
mod tests {
    use super::super::simd::Simd;
    use super::*;

    /// The rows and columns of its tiles.
    struct TileSize;

    impl Kernel for TileSize {
        type Output = (usize, usize);

        fn run<S: Simd, const M: usize, const L: usize, const N: usize>(
            self,
            _: S,
        ) -> (usize, usize) {
            assert!(L < M);
            (M, N * S::LANES)
        }
    }

    #[test]
    fn kernels_compute_in_tiles_as_operands_are_packed() {
        for isa in Isa::available() {
            for columns in [1, 10, 16, 17, 32, 100] {
                let columns = isa.tile_columns(columns);
                let size = dispatch(isa, columns, TileSize);
                assert_eq!(size, (isa.tile_rows(), columns), "{isa:?}");
            }
            let widest = (isa.tile_rows(), isa.tile_columns(usize::MAX));
            assert_eq!(dispatch_widest(isa, TileSize), widest, "{isa:?}");
            assert_eq!(dispatch_wide_vectors(isa, TileSize), widest, "{isa:?}");
        }
    }
}
