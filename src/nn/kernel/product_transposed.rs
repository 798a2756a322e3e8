//! Transposed products, `C = A' B`, of rows that are read where they lie: Winograd's weight
//! gradients, and attention over few positions.

use super::dispatch::dispatch;
use super::isa::Isa;
use super::operands::{Bias, Columns, Out};
use super::simd::{Kernel, Simd};
use super::tile::{Place, pair_chain};

/// `dw = x' dy`, or `dw += x' dy` if it is to `accumulate`; each element one chain over the rows.
///
/// # Panics
/// If the rows are not as many or the last is shorter than its stride, `x` has not a multiple of 4
/// columns and `dy` of 16, or the shapes do not fit.
pub(crate) fn product_transposed<'a>(
    isa: Isa,
    dw: Out<'_>,
    x: impl Into<Columns<'a>>,
    dy: impl Into<Columns<'a>>,
    accumulate: bool,
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
    let is_wide = dy.range.len().is_multiple_of(32);
    let bias = if accumulate {
        Bias::Accumulate
    } else {
        Bias::Zero
    };
    let kernel = TransposedProduct { dw, x, dy, bias };
    dispatch(isa, if is_wide { 32 } else { 16 }, kernel);
}

struct TransposedProduct<'a> {
    dw: Out<'a>,
    x: Columns<'a>,
    dy: Columns<'a>,
    bias: Bias<'a>,
}

impl Kernel for TransposedProduct<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd, const M: usize, const L: usize, const N: usize>(mut self, simd: S) {
        let columns = self.x.range.clone();
        for first in self.dy.range.clone().step_by(N * S::LANES) {
            let mut k = columns.start;
            while k < columns.end {
                // No tile of fewer than four rows is left over.
                let left = columns.end - k;
                if left == M || left >= M + 4 {
                    self.tile::<S, M, N>(simd, k, first);
                    k += M;
                } else {
                    self.tile::<S, 4, N>(simd, k, first);
                    k += 4;
                }
            }
        }
    }
}

impl TransposedProduct<'_> {
    /// The tile of M columns of `x` from number `k` on, and N vectors of columns of `dy` from
    /// number `first` on.
    #[inline(always)]
    fn tile<S: Simd, const M: usize, const N: usize>(&mut self, simd: S, k: usize, first: usize) {
        let (x, dy) = (self.x.rows, self.dy.rows);
        let (row, column) = (k - self.x.range.start, first - self.dy.range.start);
        let width = N * S::LANES;
        let place = Place::of(&mut self.dw, &(row..row + M), &(column..column + width));
        let start = place.start::<S, M, N>(simd, self.bias);
        let xs = x.range(&(0..x.count)).map(|row| &row[k..k + M]);
        let columns = first..first + width;
        let dys = dy.range(&(0..dy.count)).map(|row| &row[columns.clone()]);
        let tile = pair_chain(simd, start, xs.zip(dys));
        place.store(simd, &tile);
    }
}
