//! `C = start + A B` on packed operands: the product of forward and backward-data.
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

use super::isa::Isa;
use super::pack::Packed;
use super::part::Part;
use super::rows::Rows;
use super::simd::{Panel, Portable, Simd, Tile, ask_for, chain, load, row_chain, rows_of, store};

/// Depth of a block. Longer ones than L1 holds (256 x 32 floats) measured 4 to 6 % faster (2026-11,
/// Sapphire Rapids): the panel of B streams from L2 easily, and the tile of C is loaded and stored
/// less often.
const KC: usize = 1024;

/// Panels of A in a block: 16 x 12 x 1024 floats are 768 KiB of an L2 of 1.25 MiB or more.
const MC: usize = 16;

/// What each chain of a product starts from.
#[derive(Clone, Copy, Debug)]
pub enum Bias<'a> {
    /// Zero.
    Zero,
    /// The column's own value; one a column.
    Columns(&'a [f32]),
    /// What the result holds: the product is added to it.
    Stored,
}

impl<'a> Bias<'a> {
    /// The columns' values, or zero if there are none.
    pub fn columns(values: &'a [f32]) -> Self {
        if values.is_empty() {
            Bias::Zero
        } else {
            Bias::Columns(values)
        }
    }

    /// That of a part of the columns.
    pub(crate) fn part(self, columns: Range<usize>) -> Self {
        match self {
            Bias::Columns(values) => Bias::Columns(&values[columns]),
            bias => bias,
        }
    }

    /// What a tile of the columns starts from that will be stored at the front of `c`. If it is
    /// nothing that is there already, its lines are asked for.
    #[inline(always)]
    pub(super) fn start<V: Simd, const M: usize, const N: usize>(
        self,
        c: &[f32],
        stride: usize,
        shape: (usize, usize),
    ) -> Tile<V, M, N> {
        let start = match self {
            Bias::Stored => return load(c, stride, shape),
            Bias::Zero => [[V::splat(0.0); N]; M],
            Bias::Columns(values) => rows_of(values),
        };
        ask_for::<V, M, N>(c, stride);
        start
    }
}

/// A row-major result whose rows may lie apart in memory.
#[derive(Debug)]
pub struct Out<'a> {
    /// From the first element on.
    pub data: &'a mut [f32],
    /// Distance between neighbours in a column.
    pub stride: usize,
}

impl<'a> Out<'a> {
    /// Rows of `columns` elements, one after another.
    pub fn dense(data: &'a mut [f32], columns: usize) -> Self {
        Self {
            data,
            stride: columns,
        }
    }

    /// Whether a result of `rows` x `columns` has any values.
    ///
    /// # Panics
    /// If there is no room for them.
    fn has_values(&self, rows: usize, columns: usize) -> bool {
        if rows == 0 || columns == 0 {
            return false;
        }
        assert!(
            self.data.len() >= (rows - 1) * self.stride + columns && self.stride >= columns,
            "the result of a product must have room for the operands' shape"
        );
        true
    }
}

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
        a.isa, b.packed.isa,
        "the operands of a product must be packed for the same instruction set"
    );
    if !c.has_values(a.lanes, b.lanes) {
        return;
    }
    match a.isa {
        Isa::Portable => blocks::<Portable, 6, 2>(c, a, &b, bias),
        #[cfg(target_arch = "x86_64")]
        isa => super::x86::run_product(isa, c, (a, &b), bias),
        #[cfg(not(target_arch = "x86_64"))]
        _ => unreachable!("other architectures have the portable kernels only"),
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
/// product_of_rows(Out::dense(&mut c, 1), Rows::dense(&[1.0, 2.0, 3.0, 4.0], 2), &b, Bias::Stored);
/// assert_eq!(c, [117.0, 139.0]);
/// ```
///
/// # Panics
/// If the operands' shapes do not fit.
pub fn product_of_rows<'b>(c: Out<'_>, a: Rows<'_>, b: impl Into<Part<'b>>, bias: Bias<'_>) {
    let b = b.into();
    assert_eq!(
        a.depth,
        b.depth.len(),
        "the operands of a product must have the same depth"
    );
    if !c.has_values(a.count, b.lanes) {
        return;
    }
    match b.packed.isa {
        Isa::Portable => row_blocks::<Portable, 6, 4, 2, false>(c, a, &b, bias),
        #[cfg(target_arch = "x86_64")]
        isa => super::x86::run_product_of_rows(isa, c, (a, &b), bias),
        #[cfg(not(target_arch = "x86_64"))]
        _ => unreachable!("other architectures have the portable kernels only"),
    }
}

/// Rows of A in a block, as in [`MC`] panels.
const ROWS: usize = 192;

/// Values of B that stay in no L2: 1 MiB. With them blocks have twice as many rows, and B is read
/// half as often, which measured 2 to 4 % faster; of a small B 1 to 3 % slower (2026-11, Zen 3).
const LARGE: usize = 1 << 18;

/// In tiles of M rows, the last of which are S high where that computes fewer in vain; with `ASKS`
/// what comes after is asked for.
#[inline(always)]
pub(super) fn row_blocks<
    V: Simd,
    const M: usize,
    const S: usize,
    const N: usize,
    const ASKS: bool,
>(
    mut c: Out<'_>,
    a: Rows<'_>,
    b: &Part<'_>,
    bias: Bias<'_>,
) {
    let width = N * V::LANES;
    let is_large = b.lanes * a.depth >= LARGE;
    let rows = if is_large { 2 * ROWS } else { ROWS };
    let mut p0 = 0;
    loop {
        let depth = p0..(p0 + KC).min(a.depth);
        let bias = if p0 == 0 { bias } else { Bias::Stored };
        for block in (0..a.count).step_by(rows) {
            let end = (block + rows).min(a.count);
            for j in 0..b.num_panels() {
                let b_block = b.panel(j, &depth);
                let columns = j * width..(j * width + width).min(b.lanes);
                let place = (&depth, &columns, bias.part(columns.clone()));
                let (mut first, mut tile) = (block, 0);
                while first < end {
                    let mut b_block = Panel::new(b_block);
                    if ASKS {
                        // The first tiles of the first block do.
                        b_block = b_block.before(b.line_after((j, tile + block), depth.start));
                        tile += 1;
                    }
                    let left = end - first;
                    let fits = left <= S || (left > M && left <= 2 * S);
                    let height = if fits { S } else { M };
                    let rows = (a, first..first + left.min(height));
                    if fits {
                        row_tile::<V, S, N, ASKS>(&mut c, rows, b_block, place);
                    } else {
                        row_tile::<V, M, N, ASKS>(&mut c, rows, b_block, place);
                    }
                    first += height;
                }
            }
        }
        p0 += KC;
        if p0 >= a.depth {
            return;
        }
    }
}

/// The tile of the rows `rows`, at most M, and of `columns`, over a block of the depth.
#[inline(always)]
fn row_tile<V: Simd, const M: usize, const N: usize, const ASKS: bool>(
    Out { data: c, stride }: &mut Out<'_>,
    (a, rows): (Rows<'_>, Range<usize>),
    b: Panel<'_>,
    (depth, columns, bias): (&Range<usize>, &Range<usize>, Bias<'_>),
) {
    // Rows beyond the last repeat it; their results are not stored.
    let mut bases = [0; M];
    for (i, base) in bases.iter_mut().enumerate() {
        *base = (rows.start + i).min(rows.end - 1) * a.stride + depth.start;
    }
    let place = &mut c[rows.start * *stride + columns.start..];
    let shape = (rows.len(), columns.len());
    let tile = bias.start(place, *stride, shape);
    let tile = row_chain::<V, M, N, ASKS>(tile, (a.data, &bases), b, depth.len());
    store(&tile, place, *stride, shape);
}

#[inline(always)]
pub(super) fn blocks<V: Simd, const M: usize, const N: usize>(
    Out { data: c, stride }: Out<'_>,
    a: &Packed,
    b: &Part<'_>,
    bias: Bias<'_>,
) {
    let (m, n, k) = (a.lanes, b.lanes, a.depth);
    let width = N * V::LANES;
    let mut p0 = 0;
    loop {
        let depth = p0..(p0 + KC).min(k);
        let bias = if p0 == 0 { bias } else { Bias::Stored };
        for i0 in (0..a.num_panels()).step_by(MC) {
            for j in 0..b.num_panels() {
                let b_block = b.panel(j, &depth);
                let columns = j * width..(j * width + width).min(n);
                let bias = bias.part(columns.clone());
                for i in i0..(i0 + MC).min(a.num_panels()) {
                    let a_block = &a.panel(i).as_chunks::<M>().0[depth.clone()];
                    let rows = i * M..(i * M + M).min(m);
                    let place = &mut c[rows.start * stride + columns.start..];
                    let shape = (rows.len(), columns.len());
                    let tile: Tile<V, M, N> = bias.start(place, stride, shape);
                    store(&chain(tile, (a_block, 0), b_block), place, stride, shape);
                }
            }
        }
        p0 += KC;
        if p0 >= k {
            return;
        }
    }
}
