//! `C = sum over shards of A' B`, the shards' products added in the order of the tree: weight gradients.
//!
//! ```text
//! for each block of MC panels of A         A's block stays in L2
//!   for each panel of B
//!     for each panel of A in the block
//!       for each shard                     a leaf: one chain over its rows, from zero, in registers
//!         push the tile; merge as often as the shard's number has trailing ones
//! ```
//!
//! The stack of partial tiles is a few KiB in L1, so that adding the shards in a fixed order costs nearly nothing:
//! no shard's gradient is ever written to memory.

use std::ops::Range;

use super::isa::Isa;
use super::pack::Packed;
use super::product::{chain, store, store_part};

/// Panels of A in a block: 8 x 12 x 512 rows are 192 KiB.
const MC: usize = 8;

/// Levels of the stack: up to 2^(LEVELS - 1) shards.
const LEVELS: usize = 24;

/// `c = sum of a_s' b_s` over `shards`, each a range of the operands' depth; `c` is row-major, m x n.
///
/// # Panics
/// If the operands' shapes do not fit, were packed for different instruction sets, or a shard lies outside them.
pub fn fold_products(c: &mut [f32], a: &Packed, b: &Packed, shards: &[Range<usize>]) {
    assert_eq!(
        a.depth, b.depth,
        "the operands of a fold must have the same depth"
    );
    assert_eq!(
        a.isa, b.isa,
        "the operands of a fold must be packed for the same instruction set"
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
    match a.isa {
        Isa::Portable => blocks::<6, 16>(c, a, b, shards),
        #[cfg(target_arch = "x86_64")]
        isa => super::x86::run_fold(isa, c, (a, b), shards),
        #[cfg(not(target_arch = "x86_64"))]
        _ => unreachable!("other architectures have the portable kernels only"),
    }
}

#[inline(always)]
pub(super) fn blocks<const MR: usize, const NR: usize>(
    c: &mut [f32],
    a: &Packed,
    b: &Packed,
    shards: &[Range<usize>],
) {
    let (m, n) = (a.lanes, b.lanes);
    let mut stack = [[[0.0_f32; NR]; MR]; LEVELS];
    for i0 in (0..a.num_panels()).step_by(MC) {
        for j in 0..b.num_panels() {
            let columns = j * NR..(j * NR + NR).min(n);
            for i in i0..(i0 + MC).min(a.num_panels()) {
                tile(&mut stack, (a.panel(i), b.panel(j)), shards);
                let rows = i * MR..(i * MR + MR).min(m);
                let place = &mut c[rows.start * n + columns.start..];
                if rows.len() == MR && columns.len() == NR {
                    store(&stack[0], place, n);
                } else {
                    store_part(&stack[0], place, n, (rows.len(), columns.len()));
                }
            }
        }
    }
}

/// One tile of the result, left at the bottom of the stack.
#[inline(always)]
fn tile<const MR: usize, const NR: usize>(
    stack: &mut [[[f32; NR]; MR]; LEVELS],
    (a, b): (&[f32], &[f32]),
    shards: &[Range<usize>],
) {
    let mut depth = 0;
    for (s, rows) in shards.iter().enumerate() {
        let (a, b) = (
            &a[rows.start * MR..rows.end * MR],
            &b[rows.start * NR..rows.end * NR],
        );
        let mut leaf = chain::<MR, NR>([[0.0; NR]; MR], a, b);
        // The leaf itself is merged from registers: it never visits the stack if it is a right child.
        for _ in 0..s.trailing_ones() {
            depth -= 1;
            merge(&mut leaf, &stack[depth]);
        }
        stack[depth] = leaf;
        depth += 1;
    }
    while depth > 1 {
        depth -= 1;
        let mut right = stack[depth];
        merge(&mut right, &stack[depth - 1]);
        stack[depth - 1] = right;
    }
}

/// `right = left + right`.
#[inline(always)]
fn merge<const MR: usize, const NR: usize>(right: &mut [[f32; NR]; MR], left: &[[f32; NR]; MR]) {
    for (right, left) in right.iter_mut().zip(left) {
        for (r, l) in right.iter_mut().zip(left) {
            *r += *l;
        }
    }
}
