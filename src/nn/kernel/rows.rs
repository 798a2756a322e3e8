//! Rows that are read where they lie, and `C = A' B` of two sets of them: Winograd's weight
//! gradients.

use std::ops::Range;
use std::slice::ChunksExact;

use super::isa::Isa;
use super::pack::Strided;
use super::product::{Bias, Out};
use super::simd::{Portable, Simd, Tile, pair_chain, store};

/// Rows of an operand that is not packed: row-major, `stride` apart.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    /// From the first element on.
    pub data: &'a [f32],
    /// How many.
    pub count: usize,
    /// Values of a row: of a left operand what is summed over.
    pub depth: usize,
    /// Distance between neighbours in a column.
    pub stride: usize,
}

impl<'a> Rows<'a> {
    /// Rows of `depth` values, one after another.
    pub fn dense(data: &'a [f32], depth: usize) -> Self {
        Self {
            data,
            count: data.len() / depth,
            depth,
            stride: depth,
        }
    }

    /// The same as an operand whose depth they are.
    pub(crate) fn across(self) -> Strided<'a> {
        Strided {
            data: self.data,
            lanes: self.depth,
            depth: self.count,
            lane_stride: 1,
            depth_stride: self.stride,
        }
    }

    /// Whether the last one's memory is as long as they lie apart, so that all of them are slices
    /// of that length.
    pub(super) fn are_whole(&self) -> bool {
        self.data.len() >= self.count * self.stride && self.stride > 0
    }

    /// Some of them, if they are whole, each as long as they lie apart: their bounds are checked
    /// before a loop over them, which are 13 of 33 instructions a step.
    #[inline(always)]
    pub(super) fn range(self, rows: &Range<usize>) -> ChunksExact<'a, f32> {
        self.data[rows.start * self.stride..rows.end * self.stride].chunks_exact(self.stride)
    }

    /// Whether all of them begin in one set of an L1, which keeps 8 to 12 lines of them: at
    /// multiples of 4 KiB. A tile of 12 such rows evicts what it will read next; in tiles of 8
    /// products are 1.08 to 1.14 times as fast (2026-11, Zen 4).
    pub(super) fn share_a_set(&self) -> bool {
        self.stride.is_multiple_of(1024)
    }
}

/// Rows of `x` and of `dy`.
pub(crate) type Operands<'a> = (Rows<'a>, Rows<'a>);

/// Some columns of rows.
#[derive(Clone, Debug)]
pub(crate) struct Columns<'a> {
    pub(crate) rows: Rows<'a>,
    pub(crate) range: Range<usize>,
}

impl<'a> From<Rows<'a>> for Columns<'a> {
    fn from(rows: Rows<'a>) -> Self {
        let range = 0..rows.depth;
        Self { rows, range }
    }
}

/// `dw = x' dy`, or `dw += x' dy` if it `goes_on`; each element one chain over the rows.
///
/// # Panics
/// If the rows are not as many or the last is shorter than its stride, `x` has not a multiple of 4
/// columns and `dy` of 16, or the shapes do not fit.
pub(crate) fn products_of_rows<'a>(
    isa: Isa,
    dw: Out<'_>,
    (x, dy): (impl Into<Columns<'a>>, impl Into<Columns<'a>>),
    goes_on: bool,
) {
    let (x, dy) = (x.into(), dy.into());
    assert!(
        x.rows.count == dy.rows.count
            && x.range.len().is_multiple_of(4)
            && dy.range.len().is_multiple_of(16),
        "a product of rows takes as many of both, of multiples of 4 and 16 values"
    );
    assert!(
        [&x, &dy]
            .iter()
            .all(|columns| columns.rows.are_whole() && columns.range.end <= columns.rows.stride),
        "a product of rows takes rows that are as long as they lie apart"
    );
    match isa {
        Isa::Portable => row_products::<Portable, 6, 2>(dw, (x, dy), goes_on),
        #[cfg(target_arch = "x86_64")]
        isa => super::x86::run_row_products(isa, dw, (x, dy), goes_on),
        #[cfg(not(target_arch = "x86_64"))]
        _ => unreachable!("other architectures have the portable kernels only"),
    }
}

#[inline(always)]
pub(super) fn row_products<V: Simd, const M: usize, const N: usize>(
    Out { data: dw, stride }: Out<'_>,
    (x, dy): (Columns<'_>, Columns<'_>),
    goes_on: bool,
) {
    for first in dy.range.clone().step_by(N * V::LANES) {
        let mut k = x.range.start;
        while k < x.range.end {
            let dw = &mut dw[(k - x.range.start) * stride + first - dy.range.start..];
            // No tile of fewer than four rows is left over.
            let left = x.range.end - k;
            if left == M || left >= M + 4 {
                row_product_tile::<V, M, N>((dw, stride, goes_on), (x.rows, k), (dy.rows, first));
                k += M;
            } else {
                row_product_tile::<V, 4, N>((dw, stride, goes_on), (x.rows, k), (dy.rows, first));
                k += 4;
            }
        }
    }
}

#[inline(always)]
fn row_product_tile<V: Simd, const M: usize, const N: usize>(
    (dw, stride, goes_on): (&mut [f32], usize, bool),
    (x, k): (Rows<'_>, usize),
    (dy, first): (Rows<'_>, usize),
) {
    let bias = if goes_on { Bias::Stored } else { Bias::Zero };
    let shape = (M, N * V::LANES);
    let start: Tile<V, M, N> = bias.start(dw, stride, shape);
    let columns = first..first + N * V::LANES;
    let xs = x.range(&(0..x.count)).map(|row| &row[k..k + M]);
    let dys = dy.range(&(0..dy.count)).map(|row| &row[columns.clone()]);
    let tile = pair_chain(start, xs.zip(dys));
    store(&tile, dw, stride, shape);
}
