//! The fold of `fold` with both operands read where they lie: weight gradients of few rows.
//!
//! # Why this way
//! Packing reads and writes every value once, which costs 4 to 8 % of a fold of 128 inputs and less
//! of more. Read where they lie, rows that are a few hundred values apart give AVX-512 1.02 to 1.13
//! times as fast folds (192 to 512 rows; 2026-11, Zen 4). Where it costs: of many rows a column's
//! lines leave the L1 and L2 before the next column needs them (2,048 rows 0.45 to 1.04), rows 4
//! KiB apart share one set of the L1 (0.94 to 0.96), and AVX2 (0.87 to 0.95, but 128 x 128).

use std::ops::Range;

use super::fold::{LEVELS, Leaf, Squares, tile};
use super::isa::Isa;
use super::pack::Ones;
use super::rows::{Operands, Rows};
use super::simd::{Portable, Simd, Tile, ask_for, pair_chain, store};

/// Rows of all shards, at most: those of 32 columns are 64 KiB.
const MANY_ROWS: usize = 512;

/// Columns of x in a block: of 512 rows 192 KiB, which stay in L2.
const BLOCK: usize = 96;

/// The widest tile of any instruction set; dy has a multiple of so many columns.
const COLUMNS: usize = 32;

/// Whether [`fold_rows`] takes these operands, and is faster than a fold of packed ones.
pub(crate) fn is_worth_it(isa: Isa, (x, dy): Operands<'_>) -> bool {
    let fits = dy.depth.is_multiple_of(COLUMNS) && [x, dy].iter().all(Rows::are_whole);
    let is_apart = x.share_a_set() || dy.share_a_set();
    isa == Isa::Avx512 && fits && x.count <= MANY_ROWS && !is_apart
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
    (operands, ones): (Operands<'_>, Ones),
    shards: &[Range<usize>],
) {
    let (x, dy) = operands;
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
    match isa {
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => super::x86::run_fold_rows(c, (operands, ones), shards),
        // They pack.
        _ => blocks::<Portable, 6, 2>(c, (operands, ones), shards),
    }
}

/// In tiles of M rows, and of two and one for what is left: a row alone waits for itself, and a
/// fold of 128 inputs took 1.03 times as long (2026-11, Zen 4).
#[inline(always)]
pub(super) fn blocks<V: Simd, const M: usize, const N: usize>(
    c: &mut [f32],
    ((x, dy), ones): (Operands<'_>, Ones),
    shards: &[Range<usize>],
) {
    let n = dy.depth;
    let mut stack = [[[V::splat(0.0); N]; M]; LEVELS];
    let mut of_two = [[[V::splat(0.0); N]; 2]; LEVELS];
    let mut of_one = [[[V::splat(0.0); N]; 1]; LEVELS];
    for block in (0..x.depth).step_by(BLOCK) {
        let end = (block + BLOCK).min(x.depth);
        for first in (0..n).step_by(N * V::LANES) {
            let mut k = block;
            while k < end {
                let columns = BothColumns { x, k, dy, first };
                let place = (&mut c[k * n + first..], n);
                k += match end - k {
                    1 => write(place, &mut of_one, columns, shards),
                    left if left < M => write(place, &mut of_two, columns, shards),
                    _ => write(place, &mut stack, columns, shards),
                };
            }
        }
    }
    if ones == Ones::Row {
        for first in (0..n).step_by(N * V::LANES) {
            let place = (&mut c[x.depth * n + first..], n);
            write(place, &mut of_one, ColumnSums { dy, first }, shards);
        }
    }
}

/// Writes a tile at the front of `c`; how many rows it has.
#[inline(always)]
fn write<V: Simd, const M: usize, const N: usize>(
    (c, stride): (&mut [f32], usize),
    stack: &mut [Tile<V, M, N>; LEVELS],
    product: impl Leaf<V, M, N>,
    shards: &[Range<usize>],
) -> usize {
    ask_for::<V, M, N>(c, stride);
    let sum = tile(stack, product, shards, Squares::default());
    store(&sum, c, stride, (M, N * V::LANES));
    M
}

/// M columns of x from number `k` on, and N vectors of columns of dy from number `first` on.
#[derive(Clone, Copy)]
struct BothColumns<'a> {
    x: Rows<'a>,
    k: usize,
    dy: Rows<'a>,
    first: usize,
}

impl<V: Simd, const M: usize, const N: usize> Leaf<V, M, N> for BothColumns<'_> {
    #[inline(always)]
    fn product(self, rows: &Range<usize>) -> Tile<V, M, N> {
        let (k, columns) = (self.k, self.first..self.first + N * V::LANES);
        let xs = self.x.range(rows).map(|row| &row[k..k + M]);
        let dys = self.dy.range(rows).map(|row| &row[columns.clone()]);
        pair_chain([[V::splat(0.0); N]; M], xs.zip(dys))
    }
}

/// Sums of N vectors of columns of dy from number `first` on.
#[derive(Clone, Copy)]
struct ColumnSums<'a> {
    dy: Rows<'a>,
    first: usize,
}

impl<V: Simd, const N: usize> Leaf<V, 1, N> for ColumnSums<'_> {
    #[inline(always)]
    fn product(self, rows: &Range<usize>) -> Tile<V, 1, N> {
        let columns = self.first..self.first + N * V::LANES;
        let dys = self.dy.range(rows).map(|row| &row[columns.clone()]);
        pair_chain([[V::splat(0.0); N]; 1], dys.map(|dy| (&[1.0][..], dy)))
    }
}
