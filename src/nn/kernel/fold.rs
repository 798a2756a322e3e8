//! Weight gradients: `C = sum over shards of A' B`, the shards' products added in the order of the
//! tree.
//!
//! ```text
//! for each block of MC panels of A         A's block stays in L2
//!   for each panel of B
//!     for each panel of A in the block
//!       for each pair of shards            two leaves: one chain each over its rows, from zero, in registers
//!         add them; merge with the stack as often as the pair's number has trailing ones; push
//! ```
//!
//! The stack of partial tiles is a few KiB in L1, so that adding the shards in a fixed order costs
//! nearly nothing: no shard's gradient is ever written to memory.
//!
//! The square of a shard's norm, where it is wanted, is taken from the same tiles: three chains of
//! fused multiply-adds a shard and column, of the rows that are 0, 1 and 2 modulo 3, in ascending
//! order; then the chains, then the columns. The heights of all tiles are multiples of 3, so their
//! shape changes no bit. (One chain a column waits for itself: it cost 2 % of the step of `mlp`.)

use std::ops::Range;

use super::dispatch::{Height, dispatch_in};
use super::pack::Packed;
use super::simd::{Chain, Kernel, Simd};
use super::tile::{LeftPanel, Place, Tile, chain, vectors, zeros};
use crate::memory::Buffer;

/// Panels of A in a block: 8 x 12 x 512 rows are 192 KiB.
const MC: usize = 8;

/// Chains of squares a column.
const CHAINS: usize = 3;

/// Levels of the stack: up to 2^(LEVELS - 1) shards.
pub(super) const LEVELS: usize = 24;

/// `c = sum of a_s' b_s` over `shards`, each a range of the operands' steps: of their depth, or of
/// its pairs; `c` is row-major, m x n.
///
/// ```
/// use unisono::nn::kernel::{Isa, Ones, Packed, Side, Strided, fold_products};
/// let (mut a, mut b) = (Packed::new(Isa::detect()), Packed::new(Isa::detect()));
/// a.pack(Side::Left, Strided::across(&[1.0, 2.0, 3.0], 3, 1), Ones::None);
/// b.pack(Side::Right, Strided::across(&[1.0, 10.0, 100.0], 3, 1), Ones::None);
/// let mut c = [0.0];
/// fold_products(&mut c, &a, &b, &[0..2, 2..3]);
/// assert_eq!(c, [321.0]);
/// ```
///
/// # Panics
/// If the operands' shapes do not fit, were packed for different instruction sets, or a shard lies
/// outside them.
pub fn fold_products(c: &mut [f32], a: &Packed, b: &Packed, shards: &[Range<usize>]) {
    fold(c, a, b, shards, &mut []);
}

/// The same, and adds the square of the norm of each shard's product to `squares`; `columns` is
/// memory for its use.
///
/// # Panics
/// As [`fold_products`], or if there is not one square a shard.
pub fn fold_products_with_squares(
    c: &mut [f32],
    a: &Packed,
    b: &Packed,
    shards: &[Range<usize>],
    squares: &mut [f64],
    columns: &mut Buffer,
) {
    assert_eq!(
        squares.len(),
        shards.len(),
        "a fold with squares takes one a shard"
    );
    let padded = CHAINS * b.num_panels() * b.width;
    // The chains of all shards and columns, and then their sums.
    let columns = columns.zeroed(shards.len() * padded);
    fold(c, a, b, shards, columns);
    for (square, columns) in squares.iter_mut().zip(columns.chunks_exact(padded.max(1))) {
        for panel in columns.chunks_exact(CHAINS * b.width) {
            for column in 0..b.width {
                let chains = panel[column..].iter().step_by(b.width);
                *square += chains.map(|&v| f64::from(v)).sum::<f64>();
            }
        }
    }
}

/// With room for [`CHAINS`] values a shard and padded column in `squares`, or none.
fn fold(c: &mut [f32], a: &Packed, b: &Packed, shards: &[Range<usize>], squares: &mut [f32]) {
    assert_eq!(
        a.depth, b.depth,
        "the operands of a fold must have the same depth"
    );
    assert_eq!(
        a.arithmetic, b.arithmetic,
        "the operands of a fold must be packed for the same arithmetic"
    );
    assert_eq!(
        c.len(),
        a.lanes * b.lanes,
        "the result of a fold must have the operands' shape"
    );
    assert!(
        shards.len() < 1 << (LEVELS - 1),
        "a fold takes fewer than 2^23 shards"
    );
    let kernel = PackedFold {
        c,
        a,
        b,
        shards,
        squares,
    };
    dispatch_in(a.arithmetic, b.width, Height::High, kernel);
}

/// Rows of a tile of a fold, whose accumulators are few enough for two tiles in the registers; a
/// divisor of the rows of every panel of A.
pub(super) const LOW_ROWS: usize = 6;

struct PackedFold<'a> {
    c: &'a mut [f32],
    a: &'a Packed,
    b: &'a Packed,
    shards: &'a [Range<usize>],
    /// Room for [`CHAINS`] values a shard and padded column, or none.
    squares: &'a mut [f32],
}

impl Kernel for PackedFold<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd, const M: usize, const L: usize, const N: usize>(self, simd: S) {
        if N == 1 {
            self.blocks::<S, M, M, N>(simd);
        } else {
            self.blocks::<S, M, LOW_ROWS, N>(simd);
        }
    }
}

impl PackedFold<'_> {
    /// In tiles of M of the W rows of a panel of A.
    #[inline(always)]
    fn blocks<S: Simd, const W: usize, const M: usize, const N: usize>(self, simd: S) {
        let Self {
            c,
            a,
            b,
            shards,
            squares,
        } = self;
        let (m, n) = (a.lanes, b.lanes);
        let width = N * S::LANES;
        let padded = CHAINS * b.num_panels() * width;
        let mut stack = [zeros::<S, M, N>(simd); LEVELS];
        for i0 in (0..a.num_panels()).step_by(MC) {
            for j in 0..b.num_panels() {
                let columns = j * width..(j * width + width).min(n);
                let end = ((i0 + MC) * W).min(m);
                for first in (i0 * W..end).step_by(M) {
                    let place = Place {
                        data: &mut c[first * n + columns.start..],
                        stride: n,
                        rows: (end - first).min(M),
                        columns: columns.len(),
                    };
                    place.prefetch::<S, M, N>(simd);
                    let panels = Panels {
                        a: LeftPanel {
                            steps: a.panel(first / W).as_chunks::<W>().0,
                            part: first % W / M,
                        },
                        b: b.panel(j),
                    };
                    let squares = Squares {
                        values: squares,
                        shard: padded,
                        first: CHAINS * j * width,
                    };
                    let sum = tile(simd, &mut stack, panels, shards, squares);
                    place.store(simd, &sum);
                }
            }
        }
    }
}

/// Leaves of the tree of additions. Not a closure: it would be compiled without the caller's target
/// features.
pub(super) trait Leaf<S: Simd, const M: usize, const N: usize>: Copy {
    /// The product of the shard of these rows.
    fn product(self, simd: S, rows: &Range<usize>) -> Tile<S, M, N>;
}

/// A panel of A, which part of its rows, and a panel of B.
#[derive(Clone, Copy)]
struct Panels<'a, const W: usize> {
    a: LeftPanel<'a, W>,
    b: &'a [f32],
}

impl<S: Simd, const W: usize, const M: usize, const N: usize> Leaf<S, M, N> for Panels<'_, W> {
    #[inline(always)]
    fn product(self, simd: S, rows: &Range<usize>) -> Tile<S, M, N> {
        let width = N * S::LANES;
        let a = LeftPanel {
            steps: &self.a.steps[rows.clone()],
            ..self.a
        };
        let b = &self.b[rows.start * width..rows.end * width];
        chain(simd, zeros(simd), a, b)
    }
}

/// Chains of squares of all shards, or none.
#[derive(Default)]
pub(super) struct Squares<'a> {
    values: &'a mut [f32],
    /// Values of a shard.
    shard: usize,
    /// The tile's first of them.
    first: usize,
}

/// One tile of the result, two shards at a time: the left one's product waits in registers for the
/// right one's where both fit, and half as many partial tiles go through memory (AVX-512, 16 shards
/// of 8 rows: 1.16 times as fast; 2026-11, Zen 4).
#[inline(always)]
pub(super) fn tile<S: Simd, const M: usize, const N: usize>(
    simd: S,
    stack: &mut [Tile<S, M, N>; LEVELS],
    product: impl Leaf<S, M, N>,
    shards: &[Range<usize>],
    mut squares: Squares<'_>,
) -> Tile<S, M, N> {
    let mut depth = 0;
    for (p, pair) in shards.chunks(2).enumerate() {
        let mut sum = product.product(simd, &pair[0]);
        squares.add(simd, 2 * p, &sum);
        if let [_, right] = pair {
            let mut right = product.product(simd, right);
            squares.add(simd, 2 * p + 1, &right);
            merge(simd, &mut right, &sum);
            sum = right;
        }
        // As a binary counter carries.
        for _ in 0..p.trailing_ones() {
            depth -= 1;
            merge(simd, &mut sum, &stack[depth]);
        }
        if 2 * p + pair.len() == shards.len() && depth == 0 {
            return sum;
        }
        stack[depth] = sum;
        depth += 1;
    }
    if depth == 0 {
        return zeros(simd);
    }
    // What is left, from the smallest subtree up.
    let mut right = stack[depth - 1];
    for left in stack[..depth - 1].iter().rev() {
        merge(simd, &mut right, left);
    }
    right
}

impl Squares<'_> {
    /// Goes on with the chains of shard number `shard`, if they are wanted.
    #[inline(always)]
    fn add<S: Simd, const M: usize, const N: usize>(
        &mut self,
        simd: S,
        shard: usize,
        tile: &Tile<S, M, N>,
    ) {
        if self.values.is_empty() {
            return;
        }
        let first = shard * self.shard + self.first;
        let to = &mut self.values[first..][..CHAINS * N * S::LANES];
        let width = N * S::LANES;
        let mut sums: Tile<S, CHAINS, N> = zeros(simd);
        for chain in 0..CHAINS {
            sums[chain] = vectors(simd, &to[chain * width..]);
        }
        let sums = simd.run_chain(sums, SquareChain { tile: *tile });
        for chain in 0..CHAINS {
            for v in 0..N {
                simd.store(sums[chain][v], &mut to[chain * width + v * S::LANES..]);
            }
        }
    }
}

/// The squares of a tile's values.
#[derive(Clone, Copy)]
struct SquareChain<V, const M: usize, const N: usize> {
    tile: [[V; N]; M],
}

impl<V: Copy, const M: usize, const N: usize> Chain<V, CHAINS, N> for SquareChain<V, M, N> {
    #[inline(always)]
    fn run<S: Simd<Vector = V>>(self, simd: S, mut sums: Tile<S, CHAINS, N>) -> Tile<S, CHAINS, N> {
        for i in 0..M {
            for v in 0..N {
                let value = self.tile[i][v];
                sums[i % CHAINS][v] = simd.mul_add(value, value, sums[i % CHAINS][v]);
            }
        }
        sums
    }
}

/// `right = left + right`.
#[inline(always)]
fn merge<S: Simd, const M: usize, const N: usize>(
    simd: S,
    right: &mut Tile<S, M, N>,
    left: &Tile<S, M, N>,
) {
    for (right, left) in right.iter_mut().zip(left) {
        for (r, l) in right.iter_mut().zip(left) {
            *r = simd.add(*l, *r);
        }
    }
}
