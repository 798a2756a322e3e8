//! Matrix products, `C = bias + A B`: forward and backward-data.
//!
//! ```text
//! for each block of KC along k             B's panel block stays in L1 or L2
//!   for each block of MC panels of A       A's block stays in L2
//!     for each panel of B
//!       for each panel of A in the block
//!         tile: MR x NR accumulators in registers, one chain of fused multiply-adds each
//! ```
//!
//! # Invariants
//! 1. A chain that is interrupted at the end of a block goes on from the stored value: blocking
//!    changes no bit.

use std::ops::Range;

use super::dispatch::{Height, dispatch_in};
use super::operands::{Bias, Out, Rows};
use super::pack::Packed;
use super::part::{PanelTile, Part};
use super::rounding::OperandRows;
use super::simd::{Kernel, Simd};
use super::tile::{LeftPanel, LeftRows, Place, RightPanel, WIDEST, chain, row_chain};

/// Depth of a block. Longer ones than L1 holds (256 x 32 floats) measured 4 to 6 % faster (2026-11,
/// Sapphire Rapids): the panel of B streams from L2 easily, and the tile of C is loaded and stored
/// less often.
const KC: usize = 1024;

/// Panels of A in a block: 16 x 12 x 1024 floats are 768 KiB of an L2 of 1.25 MiB or more.
const MC: usize = 16;

/// Rows of A in a block, as in [`MC`] panels.
const ROWS: usize = 192;

/// Values of B that stay in no L2: 1 MiB. With them blocks have twice as many rows, and B is read
/// half as often, which measured 2 to 4 % faster; of a small B 1 to 3 % slower (2026-11, Zen 3).
const LARGE: usize = 1 << 18;

/// `c = bias + a b`, where `c` is row-major, m x n.
///
/// ```
/// use unisono::nn::kernel::{Bias, Isa, Ones, Out, Packed, Side, Strided, product};
/// let (mut a, mut b) = (Packed::new(Isa::detect()), Packed::new(Isa::detect()));
/// a.pack(Side::Left, Strided::along(&[1.0, 2.0, 3.0, 4.0], 2, 2), Ones::None);
/// b.pack(Side::Right, Strided::across(&[5.0, 6.0], 2, 1), Ones::None);
/// let mut c = [0.0; 2];
/// product(Out::dense(&mut c, 1), &a, &b, Bias::Columns(&[100.0]));
/// assert_eq!(c, [117.0, 139.0]);
/// ```
///
/// # Panics
/// If the operands' shapes do not fit, or were packed for different instruction sets.
pub fn product<'b>(c: Out<'_>, a: &Packed, b: impl Into<Part<'b>>, bias: Bias<'_>) {
    let b = b.into();
    assert_eq!(
        a.depth,
        b.depth.len(),
        "the operands of a product must have the same depth"
    );
    assert_eq!(
        a.arithmetic, b.packed.arithmetic,
        "the operands of a product must be packed for the same arithmetic"
    );
    if c.has_values(a.lanes, b.lanes) {
        let columns = b.packed.width;
        let kernel = PackedProduct { c, a, b: &b, bias };
        dispatch_in(a.arithmetic, columns, Height::High, kernel);
    }
}

/// `c = bias + a b` with the left operand read where it lies.
///
/// The same bits as [`product`]. Packing the left operand cost 10 to 15 % of the steps of recurrent
/// nets and transformers.
///
/// ```
/// use unisono::nn::kernel::{Bias, Isa, Ones, Out, Packed, Rows, Side, Strided, product_of_rows};
/// let mut b = Packed::new(Isa::detect());
/// b.pack(Side::Right, Strided::across(&[5.0, 6.0], 2, 1), Ones::None);
/// let mut c = [100.0; 2];
/// let a = Rows::dense(&[1.0, 2.0, 3.0, 4.0], 2);
/// product_of_rows(Out::dense(&mut c, 1), a, &b, Bias::Accumulate);
/// assert_eq!(c, [117.0, 139.0]);
/// ```
///
/// # Panics
/// If the operands' shapes or precisions do not fit.
pub fn product_of_rows<'a, 'b>(
    c: Out<'_>,
    a: impl Into<OperandRows<'a>>,
    b: impl Into<Part<'b>>,
    bias: Bias<'_>,
) {
    let (a, b) = (a.into(), b.into());
    let arithmetic = b.packed.arithmetic;
    assert_eq!(
        a.layout,
        arithmetic.layout(),
        "the operands of a product must be of the same arithmetic"
    );
    let a = a.steps;
    assert_eq!(
        a.depth,
        b.depth.len(),
        "the operands of a product must have the same depth"
    );
    if !c.has_values(a.count, b.lanes) {
        return;
    }
    let (columns, b) = (b.packed.width, &b);
    let height = if a.share_a_set() && columns == WIDEST {
        Height::Low
    } else {
        Height::High
    };
    if b.has_next() {
        let kernel = RowProduct::<true> { c, a, b, bias };
        dispatch_in(arithmetic, columns, height, kernel);
    } else {
        let kernel = RowProduct::<false> { c, a, b, bias };
        dispatch_in(arithmetic, columns, height, kernel);
    }
}

/// The product of packed operands.
struct PackedProduct<'a> {
    c: Out<'a>,
    a: &'a Packed,
    b: &'a Part<'a>,
    bias: Bias<'a>,
}

impl Kernel for PackedProduct<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd, const M: usize, const L: usize, const N: usize>(mut self, simd: S) {
        let (a, b) = (self.a, self.b);
        let width = N * S::LANES;
        // Of no depth the result is the bias.
        for p0 in (0..a.depth.max(1)).step_by(KC) {
            let depth = p0..(p0 + KC).min(a.depth);
            let bias = if p0 == 0 { self.bias } else { Bias::Accumulate };
            for i0 in (0..a.num_panels()).step_by(MC) {
                for j in 0..b.num_panels() {
                    let b_block = b.panel(j, &depth);
                    let columns = j * width..(j * width + width).min(b.lanes);
                    let bias = bias.part(columns.clone());
                    for i in i0..(i0 + MC).min(a.num_panels()) {
                        let steps = &a.panel(i).as_chunks::<M>().0[depth.clone()];
                        let rows = i * M..(i * M + M).min(a.lanes);
                        let place = Place::of(&mut self.c, &rows, &columns);
                        let start = place.start::<S, M, N>(simd, bias);
                        let tile = chain(simd, start, LeftPanel { steps, part: 0 }, b_block);
                        place.store(simd, &tile);
                    }
                }
            }
        }
    }
}

/// The product of rows that lie where they are, whose depth counts steps; with `PREFETCH` what is packed next is prefetched.
struct RowProduct<'a, const PREFETCH: bool> {
    c: Out<'a>,
    a: Rows<'a>,
    b: &'a Part<'a>,
    bias: Bias<'a>,
}

impl<const PREFETCH: bool> Kernel for RowProduct<'_, PREFETCH> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd, const M: usize, const L: usize, const N: usize>(mut self, simd: S) {
        let (a, b) = (self.a, self.b);
        let width = N * S::LANES;
        let is_large = b.lanes * a.depth >= LARGE;
        let height = if is_large { 2 * ROWS } else { ROWS };
        for p0 in (0..a.depth.max(1)).step_by(KC) {
            let depth = p0..(p0 + KC).min(a.depth);
            let bias = if p0 == 0 { self.bias } else { Bias::Accumulate };
            for first in (0..a.count).step_by(height) {
                let rows = first..(first + height).min(a.count);
                for j in 0..b.num_panels() {
                    let columns = j * width..(j * width + width).min(b.lanes);
                    let panel = ColumnPanel {
                        index: j,
                        depth: &depth,
                        columns: &columns,
                        bias: bias.part(columns.clone()),
                    };
                    self.tiles::<S, M, L, N>(simd, rows.clone(), &panel);
                }
            }
        }
    }
}

/// A panel of the right operand over a block of the depth, and the columns it makes.
struct ColumnPanel<'a> {
    index: usize,
    depth: &'a Range<usize>,
    columns: &'a Range<usize>,
    bias: Bias<'a>,
}

impl<const PREFETCH: bool> RowProduct<'_, PREFETCH> {
    /// Some rows of a panel's columns, in tiles of M rows, the last of which are L high where that
    /// computes fewer in vain.
    #[inline(always)]
    fn tiles<S: Simd, const M: usize, const L: usize, const N: usize>(
        &mut self,
        simd: S,
        rows: Range<usize>,
        panel: &ColumnPanel<'_>,
    ) {
        let b = self.b;
        let values = b.panel(panel.index, panel.depth);
        let (mut first, mut tile) = (rows.start, rows.start);
        while first < rows.end {
            let mut right = RightPanel::new(values);
            if PREFETCH {
                // The first tiles of the first block of rows do.
                let at = PanelTile {
                    panel: panel.index,
                    tile,
                };
                right = right.prefetching(b.next_lines(at, panel.depth.start));
                tile += 1;
            }
            let left = rows.end - first;
            let fits = left <= L || (left > M && left <= 2 * L);
            let height = if fits { L } else { M };
            let own = first..first + left.min(height);
            if fits {
                self.tile::<S, L, N>(simd, own, right, panel);
            } else {
                self.tile::<S, M, N>(simd, own, right, panel);
            }
            first += height;
        }
    }

    /// The tile of the rows `rows`, at most M, and of a panel's columns.
    #[inline(always)]
    fn tile<S: Simd, const M: usize, const N: usize>(
        &mut self,
        simd: S,
        rows: Range<usize>,
        b: RightPanel<'_>,
        panel: &ColumnPanel<'_>,
    ) {
        // Rows beyond the last repeat it; their results are not stored.
        let mut starts = [0; M];
        for (i, start) in starts.iter_mut().enumerate() {
            *start = (rows.start + i).min(rows.end - 1) * self.a.stride + panel.depth.start;
        }
        let a = LeftRows {
            data: self.a.data,
            starts: &starts,
        };
        let place = Place::of(&mut self.c, &rows, panel.columns);
        let start = place.start::<S, M, N>(simd, panel.bias);
        let tile = row_chain::<S, M, N, PREFETCH>(simd, start, a, b, panel.depth.len());
        place.store(simd, &tile);
    }
}
