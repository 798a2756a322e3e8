//! Weight gradients of few rows: the fold of `fold` with both operands read where they lie.
//!
//! # Why this way
//! Packing reads and writes every value once, which costs 4 to 8 % of a fold of 128 inputs and less
//! of more. Read where they lie, rows that are a few hundred values apart give AVX-512 1.02 to 1.13
//! times as fast folds (192 to 512 rows; 2026-11, Zen 4). Where it costs: of many rows a column's
//! lines leave the L1 and L2 before the next column needs them (2,048 rows 0.45 to 1.04), rows 4
//! KiB apart share one set of the L1 (0.94 to 0.96), and AVX2 (0.87 to 0.95, but 128 x 128).

use std::ops::Range;

use super::arithmetic::{Arithmetic, Precision};
use super::dispatch::dispatch_widest;
use super::fold::{LEVELS, LOW_ROWS, Leaf, Squares, tile};
use super::isa::Isa;
use super::operands::{RowPair, Rows};
use super::pack::Ones;
use super::simd::{Kernel, Simd};
use super::tile::{Place, Tile, pair_chain, zeros};

/// Rows of all shards, at most: those of 32 columns are 64 KiB.
const MANY_ROWS: usize = 512;

/// Columns of x in a block: of 512 rows 192 KiB, which stay in L2.
const BLOCK: usize = 96;

/// The widest tile of any instruction set; dy has a multiple of so many columns.
const COLUMNS: usize = 32;

/// Whether [`fold_rows`] takes these operands, and is faster than a fold of packed ones.
pub(crate) fn is_worth_it(arithmetic: Arithmetic, operands: RowPair<'_>) -> bool {
    let Arithmetic { isa, precision } = arithmetic;
    let RowPair { x, dy } = operands;
    let fits = dy.depth.is_multiple_of(COLUMNS) && [x, dy].iter().all(Rows::are_whole);
    let is_apart = x.share_a_set() || dy.share_a_set();
    let is_wide = matches!(isa, Isa::Avx512 | Isa::Avx512Bf16);
    is_wide && precision == Precision::F32 && fits && x.count <= MANY_ROWS && !is_apart
}

/// `c = sum of x_s' dy_s` over `shards`, ranges of the rows; with `ones` the column sums of `dy`
/// behind it. The bits of [`super::fold_products`].
///
/// # Panics
/// If the rows are not as many or the last is shorter than its stride, `dy` has not a multiple of
/// 32 columns, or `c` not the operands' shape.
pub(crate) fn fold_rows(
    isa: Isa,
    c: &mut [f32],
    operands: RowPair<'_>,
    ones: Ones,
    shards: &[Range<usize>],
) {
    let RowPair { x, dy } = operands;
    assert!(
        x.count == dy.count && dy.depth.is_multiple_of(COLUMNS),
        "a fold of rows takes as many of both, of a multiple of 32 values"
    );
    assert!(
        [x, dy].iter().all(Rows::are_whole),
        "a fold of rows takes rows that are as long as they lie apart"
    );
    assert_eq!(
        c.len(),
        (x.depth + usize::from(ones == Ones::Row)) * dy.depth,
        "the result of a fold must have the operands' shape"
    );
    assert!(
        shards.len() < 1 << (LEVELS - 1),
        "a fold takes fewer than 2^23 shards"
    );
    let kernel = RowFold {
        c,
        x,
        dy,
        ones,
        shards,
    };
    dispatch_widest(isa, kernel);
}

struct RowFold<'a> {
    c: &'a mut [f32],
    x: Rows<'a>,
    dy: Rows<'a>,
    ones: Ones,
    shards: &'a [Range<usize>],
}

impl Kernel for RowFold<'_> {
    type Output = ();

    /// In tiles of six rows, and of two and one for what is left: a row alone waits for itself, and
    /// a fold of 128 inputs took 1.03 times as long (2026-11, Zen 4).
    #[inline(always)]
    fn run<S: Simd, const M: usize, const L: usize, const N: usize>(mut self, simd: S) {
        let (x, dy) = (self.x, self.dy);
        let n = dy.depth;
        let mut stack = [zeros::<S, LOW_ROWS, N>(simd); LEVELS];
        let mut of_two = [zeros::<S, 2, N>(simd); LEVELS];
        let mut of_one = [zeros::<S, 1, N>(simd); LEVELS];
        // Blocks of columns of x, which stay in L2 for all columns of dy.
        for block in (0..x.depth).step_by(BLOCK) {
            let end = (block + BLOCK).min(x.depth);
            for first in (0..n).step_by(N * S::LANES) {
                let mut k = block;
                while k < end {
                    let columns = BothColumns { x, k, dy, first };
                    let at = k * n + first;
                    k += match end - k {
                        1 => self.write(simd, at, &mut of_one, columns),
                        left if left < LOW_ROWS => self.write(simd, at, &mut of_two, columns),
                        _ => self.write(simd, at, &mut stack, columns),
                    };
                }
            }
        }
        // The column sums.
        if self.ones == Ones::Row {
            for first in (0..n).step_by(N * S::LANES) {
                let at = x.depth * n + first;
                self.write(simd, at, &mut of_one, ColumnSums { dy, first });
            }
        }
    }
}

impl RowFold<'_> {
    /// Writes the tile that begins at value number `at`; how many rows it has.
    #[inline(always)]
    fn write<S: Simd, const M: usize, const N: usize>(
        &mut self,
        simd: S,
        at: usize,
        stack: &mut [Tile<S, M, N>; LEVELS],
        product: impl Leaf<S, M, N>,
    ) -> usize {
        let place = Place {
            data: &mut self.c[at..],
            stride: self.dy.depth,
            rows: M,
            columns: N * S::LANES,
        };
        place.prefetch::<S, M, N>(simd);
        let sum = tile(simd, stack, product, self.shards, Squares::default());
        place.store(simd, &sum);
        M
    }
}

/// M columns of x from number `k` on, and N vectors of columns of dy from number `first` on.
#[derive(Clone, Copy)]
struct BothColumns<'a> {
    x: Rows<'a>,
    k: usize,
    dy: Rows<'a>,
    first: usize,
}

impl<S: Simd, const M: usize, const N: usize> Leaf<S, M, N> for BothColumns<'_> {
    #[inline(always)]
    fn product(self, simd: S, rows: &Range<usize>) -> Tile<S, M, N> {
        let (k, columns) = (self.k, self.first..self.first + N * S::LANES);
        let xs = self.x.range(rows).map(|row| &row[k..k + M]);
        let dys = self.dy.range(rows).map(|row| &row[columns.clone()]);
        pair_chain(simd, zeros(simd), xs.zip(dys))
    }
}

/// Sums of N vectors of columns of dy from number `first` on.
#[derive(Clone, Copy)]
struct ColumnSums<'a> {
    dy: Rows<'a>,
    first: usize,
}

impl<S: Simd, const N: usize> Leaf<S, 1, N> for ColumnSums<'_> {
    #[inline(always)]
    fn product(self, simd: S, rows: &Range<usize>) -> Tile<S, 1, N> {
        let columns = self.first..self.first + N * S::LANES;
        let dys = self.dy.range(rows).map(|row| &row[columns.clone()]);
        pair_chain(simd, zeros(simd), dys.map(|dy| (&[1.0][..], dy)))
    }
}
