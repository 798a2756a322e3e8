//! Tiles of a result in registers: loads, chains of multiply-adds, stores.
//!
//! # Invariants
//! 1. Each element of a tile is one chain of fused multiply-adds in the order of the depth.
//!
//! # Precision
//! Operands and accumulators come together in one place, [`Simd::step`]. Operands in bfloat16 are
//! pairs along the depth, a pair in the place of an `f32`: the same panels and loads, half as many
//! steps, each of which is a dot product of pairs.

use std::ops::Range;

use super::operands::{Bias, LINE, Out};
use super::simd::{Chain, Simd};

/// A tile of a result in registers: M rows of N vectors.
pub(super) type Tile<S, const M: usize, const N: usize> = [[<S as Simd>::Vector; N]; M];

/// Values by which a panel is prefetched: 2 KiB. Panels deeper than L1 stream from L2, and the
/// hardware's own prefetching leaves products waiting: 5 to 25 % of them, by shape (2026-11,
/// Sapphire Rapids; 1 and 2 KiB are alike).
const AHEAD: usize = 512;

/// The widest row of a tile, of which all others are divisors.
pub(super) const WIDEST: usize = 32;

// Loops and not `array::from_fn`: its closure is compiled without the caller's target features when
// it is not inlined, and every load in it becomes a call (seen at 2 % of an LSTM's step).

/// The N vectors at the front of `from`.
#[inline(always)]
pub(super) fn vectors<S: Simd, const N: usize>(simd: S, from: &[f32]) -> [S::Vector; N] {
    let from = &from[..N * S::LANES];
    let mut vectors = [simd.splat(0.0); N];
    for v in 0..N {
        vectors[v] = simd.load(&from[v * S::LANES..]);
    }
    vectors
}

/// The same, of a panel that is read in order; prefetches what comes later.
#[inline(always)]
fn streamed<S: Simd, const N: usize>(simd: S, from: &[f32]) -> [S::Vector; N] {
    if S::PREFETCH {
        for line in 0..(N * S::LANES).div_ceil(LINE) {
            simd.prefetch(from, AHEAD + LINE * line);
        }
    }
    vectors(simd, from)
}

/// A tile of zeros.
#[inline(always)]
pub(super) fn zeros<S: Simd, const M: usize, const N: usize>(simd: S) -> Tile<S, M, N> {
    [[simd.splat(0.0); N]; M]
}

/// Where a tile lies in the result.
pub(super) struct Place<'a> {
    /// From the tile's first element on.
    pub(super) data: &'a mut [f32],
    /// Distance between neighbours in a column.
    pub(super) stride: usize,
    /// Rows of the tile that are in the matrix.
    pub(super) rows: usize,
    /// Columns of the tile that are in the matrix.
    pub(super) columns: usize,
}

impl<'a> Place<'a> {
    /// Some rows and columns of a result.
    #[inline(always)]
    pub(super) fn of(out: &'a mut Out<'_>, rows: &Range<usize>, columns: &Range<usize>) -> Self {
        Self {
            data: &mut out.data[rows.start * out.stride + columns.start..],
            stride: out.stride,
            rows: rows.len(),
            columns: columns.len(),
        }
    }

    /// Whether a tile of M rows of N vectors lies wholly in the matrix.
    #[inline(always)]
    fn is_whole<S: Simd, const M: usize, const N: usize>(&self) -> bool {
        (self.rows, self.columns) == (M, N * S::LANES)
    }

    /// The tile that a product starts from. Unless it is there already, the lines that it will be
    /// stored to are prefetched.
    #[inline(always)]
    pub(super) fn start<S: Simd, const M: usize, const N: usize>(
        &self,
        simd: S,
        bias: Bias<'_>,
    ) -> Tile<S, M, N> {
        let start = match bias {
            Bias::Accumulate => return self.load(simd),
            Bias::Zero => zeros(simd),
            Bias::Columns(values) => [padded_row(simd, values); M],
        };
        self.prefetch::<S, M, N>(simd);
        start
    }

    /// Prefetches the lines of a tile that will be stored: rows lie far apart, and when all of a
    /// tile's stores miss at its end the next one waits. Folds of shards of 8 rows 1.08 to 1.14,
    /// where another thread shares the core more (2026-11, Zen 3).
    #[inline(always)]
    pub(super) fn prefetch<S: Simd, const M: usize, const N: usize>(&self, simd: S) {
        let last = N * S::LANES - 1;
        for i in 0..M {
            for line in 0..=last.div_ceil(LINE) {
                simd.prefetch(self.data, i * self.stride + (LINE * line).min(last));
            }
        }
    }

    /// The tile that is there.
    #[inline(always)]
    #[expect(
        clippy::needless_range_loop,
        reason = "a constant range of indices is unrolled, and the tile stays in registers"
    )]
    pub(super) fn load<S: Simd, const M: usize, const N: usize>(&self, simd: S) -> Tile<S, M, N> {
        if !self.is_whole::<S, M, N>() {
            return self.load_part(simd);
        }
        let mut tile = zeros(simd);
        for i in 0..M {
            tile[i] = vectors(simd, &self.data[i * self.stride..]);
        }
        tile
    }

    /// A tile at the edge of the matrix, filled up with zeros.
    #[inline(always)]
    fn load_part<S: Simd, const M: usize, const N: usize>(&self, simd: S) -> Tile<S, M, N> {
        let mut tile = zeros(simd);
        let mut row = [0.0; WIDEST];
        for (i, to) in tile.iter_mut().enumerate().take(self.rows) {
            row[..self.columns].copy_from_slice(&self.data[i * self.stride..][..self.columns]);
            *to = vectors(simd, &row);
        }
        tile
    }

    /// Stores the part of a tile that is in the matrix.
    #[inline(always)]
    #[expect(
        clippy::needless_range_loop,
        reason = "a constant range of indices is unrolled, and the tile stays in registers"
    )]
    pub(super) fn store<S: Simd, const M: usize, const N: usize>(
        self,
        simd: S,
        tile: &Tile<S, M, N>,
    ) {
        if !self.is_whole::<S, M, N>() {
            return self.store_part(simd, tile);
        }
        for i in 0..M {
            let row = &mut self.data[i * self.stride..][..N * S::LANES];
            for v in 0..N {
                simd.store(tile[i][v], &mut row[v * S::LANES..]);
            }
        }
    }

    /// The same of a tile at the edge of the matrix.
    #[inline(always)]
    fn store_part<S: Simd, const M: usize, const N: usize>(self, simd: S, tile: &Tile<S, M, N>) {
        let mut row = [0.0; WIDEST];
        for (i, from) in tile.iter().enumerate().take(self.rows) {
            for v in 0..N {
                simd.store(from[v], &mut row[v * S::LANES..]);
            }
            self.data[i * self.stride..][..self.columns].copy_from_slice(&row[..self.columns]);
        }
    }
}

/// Vectors of `values`, filled up with zeros.
#[inline(always)]
fn padded_row<S: Simd, const N: usize>(simd: S, values: &[f32]) -> [S::Vector; N] {
    let mut row = [0.0; WIDEST];
    let len = values.len().min(N * S::LANES);
    row[..len].copy_from_slice(&values[..len]);
    vectors(simd, &row)
}

/// Part number `part` of the W rows of a panel of the left operand: as many as a tile has.
#[derive(Clone, Copy)]
pub(super) struct LeftPanel<'a, const W: usize> {
    /// The W values of each step of the depth.
    pub(super) steps: &'a [[f32; W]],
    pub(super) part: usize,
}

/// `tile[i][j] = fma(a[p][i], b[p][j], tile[i][j])` for p = 0, 1, 2, ...
#[inline(always)]
pub(super) fn chain<S: Simd, const W: usize, const M: usize, const N: usize>(
    simd: S,
    tile: Tile<S, M, N>,
    a: LeftPanel<'_, W>,
    b: &[f32],
) -> Tile<S, M, N> {
    simd.run_chain(tile, PanelChain { a, b })
}

#[derive(Clone, Copy)]
struct PanelChain<'a, const W: usize> {
    a: LeftPanel<'a, W>,
    b: &'a [f32],
}

impl<V, const W: usize, const M: usize, const N: usize> Chain<V, M, N> for PanelChain<'_, W> {
    #[inline(always)]
    fn run<S: Simd<Vector = V>>(self, simd: S, mut tile: Tile<S, M, N>) -> Tile<S, M, N> {
        let Self { a, b } = self;
        let width = N * S::LANES;
        let (fours, others) = if S::UNROLL4 {
            a.steps.as_chunks::<4>()
        } else {
            (&[][..], a.steps)
        };
        let (front, rest) = b.split_at(4 * fours.len() * width);
        for (values, b) in fours.iter().zip(front.chunks_exact(4 * width)) {
            for q in 0..4 {
                let values = &values[q].as_chunks().0[a.part];
                simd.step(&mut tile, values, streamed(simd, &b[q * width..]));
            }
        }
        for (values, b) in others.iter().zip(rest.chunks_exact(width)) {
            let values = &values.as_chunks().0[a.part];
            simd.step(&mut tile, values, streamed(simd, b));
        }
        tile
    }
}

/// Lines of memory that are read later: one is prefetched at each step of the depth.
#[derive(Clone, Copy, Debug)]
pub(super) struct NextLines<'a> {
    /// From the first line on.
    pub(super) data: &'a [f32],
    /// Values from one to the next.
    pub(super) stride: usize,
}

/// A panel of the right operand, and what is read after it.
#[derive(Clone, Copy)]
pub(super) struct RightPanel<'a> {
    values: &'a [f32],
    next: NextLines<'a>,
}

impl<'a> RightPanel<'a> {
    /// With nothing after it: its own first line stands for that.
    #[inline(always)]
    pub(super) fn new(values: &'a [f32]) -> Self {
        let next = NextLines {
            data: values,
            stride: 0,
        };
        Self { values, next }
    }

    /// With `next` after it, if there is any.
    #[inline(always)]
    pub(super) fn prefetching(self, next: Option<NextLines<'a>>) -> Self {
        Self {
            next: next.unwrap_or(self.next),
            ..self
        }
    }
}

/// M rows of the left operand that lie where they are.
#[derive(Clone, Copy)]
pub(super) struct LeftRows<'a, const M: usize> {
    pub(super) data: &'a [f32],
    /// Where each begins.
    pub(super) starts: &'a [usize; M],
}

/// The same with `depth` values of each of M rows that lie where they are. With `PREFETCH` also
/// what comes after the panel is prefetched.
#[inline(always)]
pub(super) fn row_chain<S: Simd, const M: usize, const N: usize, const PREFETCH: bool>(
    simd: S,
    tile: Tile<S, M, N>,
    a: LeftRows<'_, M>,
    b: RightPanel<'_>,
    depth: usize,
) -> Tile<S, M, N> {
    simd.run_chain(tile, RowChain::<M, PREFETCH> { a, b, depth })
}

#[derive(Clone, Copy)]
struct RowChain<'a, const M: usize, const PREFETCH: bool> {
    a: LeftRows<'a, M>,
    b: RightPanel<'a>,
    depth: usize,
}

impl<V, const M: usize, const N: usize, const PREFETCH: bool> Chain<V, M, N>
    for RowChain<'_, M, PREFETCH>
{
    #[inline(always)]
    fn run<S: Simd<Vector = V>>(self, simd: S, mut tile: Tile<S, M, N>) -> Tile<S, M, N> {
        let Self { a, b, depth } = self;
        let width = N * S::LANES;
        // Each row as groups of four values and the rest, so that no loop checks bounds.
        let fours = if S::UNROLL4 { depth / 4 } else { 0 };
        let others = depth - 4 * fours;
        let mut fronts: [&[[f32; 4]]; M] = [&[]; M];
        let mut rests: [&[f32]; M] = [&[]; M];
        for i in 0..M {
            let (front, rest) = a.data[a.starts[i]..][..depth].split_at(4 * fours);
            (fronts[i], rests[i]) = (&front.as_chunks().0[..fours], &rest[..others]);
        }
        let (front, rest) = b.values.split_at(4 * fours * width);
        // Four steps an iteration, then one.
        for (p, values) in front.chunks_exact(4 * width).enumerate().take(fours) {
            for q in 0..4 {
                let mut a = [0.0; M];
                for i in 0..M {
                    a[i] = fronts[i][p][q];
                }
                if PREFETCH {
                    simd.prefetch_far(b.next.data, (4 * p + q) * b.next.stride);
                }
                simd.step(&mut tile, &a, streamed(simd, &values[q * width..]));
            }
        }
        for (p, values) in rest.chunks_exact(width).enumerate().take(others) {
            // First: nothing moves across NEON's instruction, and what is loaded before it would
            // be spilled.
            if PREFETCH {
                simd.prefetch_far(b.next.data, (4 * fours + p) * b.next.stride);
            }
            let mut a = [0.0; M];
            for i in 0..M {
                a[i] = rests[i][p];
            }
            simd.step(&mut tile, &a, streamed(simd, values));
        }
        tile
    }
}

/// `tile[i][j] = fma(a[i], b[j], tile[i][j])` for one pair of rows after another, which lie where
/// they are.
#[inline(always)]
pub(super) fn pair_chain<'a, S: Simd, const M: usize, const N: usize>(
    simd: S,
    mut tile: Tile<S, M, N>,
    pairs: impl Iterator<Item = (&'a [f32], &'a [f32])>,
) -> Tile<S, M, N> {
    for (a, b) in pairs {
        let a = a
            .first_chunk()
            .expect("as many values as the tile has rows");
        simd.step(&mut tile, a, vectors(simd, b));
    }
    tile
}
