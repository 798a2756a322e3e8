//! `C = start + A B` on packed operands: the product of forward and backward-data.
//!
//! ```text
//! for each block of KC along k             B's panel block stays in L1
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

/// Depth of a block: 256 x 32 floats of B are 32 KiB, two thirds of an L1 of 48 KiB.
const KC: usize = 256;

/// Panels of A in a block: 32 x 12 x 256 floats are 384 KiB, a third of an L2 of 1.25 MiB.
const MC: usize = 32;

/// What each chain of a product starts from.
#[derive(Clone, Copy, Debug)]
pub enum Bias<'a> {
    /// Zero.
    Zero,
    /// The column's own value; one a column.
    Columns(&'a [f32]),
}

/// `c = bias + a b`, where `c` is row-major, m x n.
///
/// # Panics
/// If the operands' shapes do not fit, or were packed for different instruction sets.
pub fn product(c: &mut [f32], a: &Packed, b: &Packed, bias: Bias<'_>) {
    assert_eq!(
        a.depth, b.depth,
        "the operands of a product must have the same depth"
    );
    assert_eq!(
        a.isa, b.isa,
        "the operands of a product must be packed for the same instruction set"
    );
    assert_eq!(
        c.len(),
        a.lanes * b.lanes,
        "the result of a product must have the operands' shape"
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
    c: &mut [f32],
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
                let columns = j * NR..(j * NR + NR).min(n);
                let b_block = &b.panel(j)[depth.start * NR..depth.end * NR];
                for i in i0..(i0 + MC).min(a.num_panels()) {
                    let rows = i * MR..(i * MR + MR).min(m);
                    let a_block = &a.panel(i)[depth.start * MR..depth.end * MR];
                    let mut acc = [[0.0; NR]; MR];
                    match (p0, bias) {
                        (0, Bias::Zero) => {}
                        (0, Bias::Columns(bias)) => {
                            let mut row = [0.0; NR];
                            row[..columns.len()].copy_from_slice(&bias[columns.clone()]);
                            acc = [row; MR];
                        }
                        _ => load(&mut acc, c, (n, rows.clone(), columns.clone())),
                    }
                    chain(&mut acc, a_block, b_block);
                    store(&acc, c, (n, rows, columns.clone()));
                }
            }
        }
        p0 += KC;
        if p0 >= k {
            return;
        }
    }
}

/// `acc[i][j] = fma(a[p][i], b[p][j], acc[i][j])` for p = 0, 1, 2, ...
#[inline(always)]
pub(super) fn chain<const MR: usize, const NR: usize>(
    acc: &mut [[f32; NR]; MR],
    a: &[f32],
    b: &[f32],
) {
    let mut sums = *acc;
    for (a, b) in a.as_chunks::<MR>().0.iter().zip(b.as_chunks::<NR>().0) {
        for i in 0..MR {
            for j in 0..NR {
                sums[i][j] = a[i].mul_add(b[j], sums[i][j]);
            }
        }
    }
    *acc = sums;
}

type Place = (usize, std::ops::Range<usize>, std::ops::Range<usize>);

#[inline(always)]
fn load<const MR: usize, const NR: usize>(
    acc: &mut [[f32; NR]; MR],
    c: &[f32],
    (stride, rows, columns): Place,
) {
    for (acc, row) in acc.iter_mut().zip(rows) {
        let from = &c[row * stride + columns.start..row * stride + columns.end];
        match <&[f32; NR]>::try_from(from) {
            Ok(full) => *acc = *full,
            Err(_) => acc[..from.len()].copy_from_slice(from),
        }
    }
}

#[inline(always)]
pub(super) fn store<const MR: usize, const NR: usize>(
    acc: &[[f32; NR]; MR],
    c: &mut [f32],
    (stride, rows, columns): Place,
) {
    for (acc, row) in acc.iter().zip(rows) {
        let to = &mut c[row * stride + columns.start..row * stride + columns.end];
        match <&mut [f32; NR]>::try_from(&mut *to) {
            Ok(full) => *full = *acc,
            Err(_) => to.copy_from_slice(&acc[..to.len()]),
        }
    }
}
