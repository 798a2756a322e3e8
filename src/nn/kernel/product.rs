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
//! 1. A chain that is interrupted at the end of a block goes on from the stored value: blocking changes no bit.

use super::isa::Isa;
use super::pack::Packed;

/// Depth of a block. Longer ones than L1 holds (256 x 32 floats) measured 4 to 6 % faster (2026-11, Sapphire Rapids):
/// the panel of B streams from L2 easily, and the tile of C is loaded and stored less often.
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
}

/// `c = bias + a b`, where `c` is row-major, m x n.
///
/// # Panics
/// If the operands' shapes do not fit, or were packed for different instruction sets.
pub fn product(c: Out<'_>, a: &Packed, b: &Packed, bias: Bias<'_>) {
    assert_eq!(
        a.depth, b.depth,
        "the operands of a product must have the same depth"
    );
    assert_eq!(
        a.isa, b.isa,
        "the operands of a product must be packed for the same instruction set"
    );
    let needed = match (a.lanes, b.lanes) {
        (0, _) | (_, 0) => return,
        (rows, columns) => (rows - 1) * c.stride + columns,
    };
    assert!(
        c.data.len() >= needed && c.stride >= b.lanes,
        "the result of a product must have room for the operands' shape"
    );
    match a.isa {
        Isa::Portable => blocks::<6, 16>(c, a, b, bias),
        #[cfg(target_arch = "x86_64")]
        isa => super::x86::run_product(isa, c, (a, b), bias),
        #[cfg(not(target_arch = "x86_64"))]
        _ => unreachable!("other architectures have the portable kernels only"),
    }
}

#[inline(always)]
pub(super) fn blocks<const MR: usize, const NR: usize>(
    Out { data: c, stride }: Out<'_>,
    a: &Packed,
    b: &Packed,
    bias: Bias<'_>,
) {
    let (m, n, k) = (a.lanes, b.lanes, a.depth);
    let mut p0 = 0;
    loop {
        let depth = p0..(p0 + KC).min(k);
        for i0 in (0..a.num_panels()).step_by(MC) {
            for j in 0..b.num_panels() {
                let b_block = &b.panel(j)[depth.start * NR..depth.end * NR];
                let columns = j * NR..(j * NR + NR).min(n);
                let start = match (p0, bias) {
                    (0, Bias::Zero) => Start::Row([0.0; NR]),
                    (0, Bias::Columns(bias)) => Start::Row(filled(&bias[columns.clone()])),
                    _ => Start::Stored,
                };
                for i in i0..(i0 + MC).min(a.num_panels()) {
                    let a_block = &a.panel(i)[depth.start * MR..depth.end * MR];
                    let rows = i * MR..(i * MR + MR).min(m);
                    let place = &mut c[rows.start * stride + columns.start..];
                    if rows.len() == MR && columns.len() == NR {
                        let sums = match &start {
                            Start::Row(row) => [*row; MR],
                            Start::Stored => load(place, stride),
                        };
                        store(&chain::<MR, NR>(sums, a_block, b_block), place, stride);
                    } else {
                        let shape = (rows.len(), columns.len());
                        let sums = match &start {
                            Start::Row(row) => [*row; MR],
                            Start::Stored => load_part(place, stride, shape),
                        };
                        store_part(
                            &chain::<MR, NR>(sums, a_block, b_block),
                            place,
                            stride,
                            shape,
                        );
                    }
                }
            }
        }
        p0 += KC;
        if p0 >= k {
            return;
        }
    }
}

/// Where a tile's chains begin.
enum Start<const NR: usize> {
    /// Every row at these values.
    Row([f32; NR]),
    /// At what an earlier block left in the result.
    Stored,
}

/// `values`, filled up with zeros.
#[inline(always)]
fn filled<const NR: usize>(values: &[f32]) -> [f32; NR] {
    let mut row = [0.0; NR];
    row[..values.len()].copy_from_slice(values);
    row
}

/// `sums[i][j] = fma(a[p][i], b[p][j], sums[i][j])` for p = 0, 1, 2, ...
#[inline(always)]
pub(super) fn chain<const MR: usize, const NR: usize>(
    mut sums: [[f32; NR]; MR],
    a: &[f32],
    b: &[f32],
) -> [[f32; NR]; MR] {
    for (a, b) in a.as_chunks::<MR>().0.iter().zip(b.as_chunks::<NR>().0) {
        for i in 0..MR {
            for j in 0..NR {
                sums[i][j] = a[i].mul_add(b[j], sums[i][j]);
            }
        }
    }
    sums
}

/// A whole tile; `c` begins at its first element. Loops of constant length keep the tile in registers.
#[inline(always)]
fn load<const MR: usize, const NR: usize>(c: &[f32], stride: usize) -> [[f32; NR]; MR] {
    let mut sums = [[0.0; NR]; MR];
    for i in 0..MR {
        sums[i].copy_from_slice(&c[i * stride..i * stride + NR]);
    }
    sums
}

/// Stores a whole tile; `c` begins at its first element.
#[inline(always)]
pub(super) fn store<const MR: usize, const NR: usize>(
    sums: &[[f32; NR]; MR],
    c: &mut [f32],
    stride: usize,
) {
    for i in 0..MR {
        c[i * stride..i * stride + NR].copy_from_slice(&sums[i]);
    }
}

/// A tile at the edge, of which `rows` x `columns` elements are in the matrix.
#[inline(never)]
fn load_part<const MR: usize, const NR: usize>(
    c: &[f32],
    stride: usize,
    (rows, columns): (usize, usize),
) -> [[f32; NR]; MR] {
    let mut sums = [[0.0; NR]; MR];
    for (i, sums) in sums.iter_mut().enumerate().take(rows) {
        sums[..columns].copy_from_slice(&c[i * stride..i * stride + columns]);
    }
    sums
}

/// Stores the part of a tile that is in the matrix.
#[inline(never)]
pub(super) fn store_part<const MR: usize, const NR: usize>(
    sums: &[[f32; NR]; MR],
    c: &mut [f32],
    stride: usize,
    (rows, columns): (usize, usize),
) {
    for (i, sums) in sums.iter().enumerate().take(rows) {
        c[i * stride..i * stride + columns].copy_from_slice(&sums[..columns]);
    }
}
