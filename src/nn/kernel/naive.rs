//! Naive twins of the kernels: three loops, the same chains of fused multiply-adds.

use std::ops::Range;

use super::arithmetic::Precision;
use super::bf16::{flush, pair, step};
use super::fused::{IN_BASELINE, mul_add};
use super::operands::Rows;

/// `start + a[0] b[0] + a[1] b[1] + ...`: a chain of a precision.
///
/// ```
/// use unisono::nn::{Precision, kernel::naive};
/// // Of eight significant bits 1 + 1/256 has 1.
/// let terms = [(1.25, 2.0), (1.00390625, 256.0), (10.0, 0.5)];
/// assert_eq!(naive::chain(Precision::F32, 1.0, terms.into_iter()), 265.5);
/// assert_eq!(naive::chain(Precision::Bf16, 1.0, terms.into_iter()), 264.5);
/// ```
pub fn chain(precision: Precision, start: f32, mut terms: impl Iterator<Item = (f32, f32)>) -> f32 {
    match precision {
        Precision::F32 => terms.fold(start, |sum, (a, b)| mul_add::<IN_BASELINE>(a, b, sum)),
        Precision::Bf16 => {
            let mut sum = start;
            while let Some((a, b)) = terms.next() {
                let (last_a, last_b) = terms.next().unwrap_or_default();
                sum = step(sum, pair(a, last_a), pair(b, last_b));
            }
            sum
        }
    }
}

/// `c[i][j]` = the chain of `start[j]` and the products `a[i][p] b[p][j]`; the result row-major
/// without gaps.
///
/// ```
/// use unisono::nn::{Precision, kernel::{Rows, naive}};
/// let (a, b) = (Rows::dense(&[1.0, 2.0], 2), Rows::dense(&[3.0, 4.0, 5.0, 6.0], 2));
/// assert_eq!(naive::product(Precision::F32, a, b, &[100.0, 0.0]), [113.0, 16.0]);
/// ```
pub fn product(precision: Precision, a: Rows<'_>, b: Rows<'_>, start: &[f32]) -> Vec<f32> {
    let mut c = Vec::with_capacity(a.count * b.depth);
    for i in 0..a.count {
        for (j, &first) in start[..b.depth].iter().enumerate() {
            let term = |p: usize| (a.data[i * a.stride + p], b.data[p * b.stride + j]);
            c.push(chain(precision, first, (0..a.depth).map(term)));
        }
    }
    c
}

/// `a' b`, with the rows of both cut into `shards`, at least one, whose products are added in the
/// order of the tree; the result row-major without gaps.
///
/// ```
/// use unisono::nn::{Precision, kernel::{Rows, naive}};
/// let (a, b) = (Rows::dense(&[1.0, 2.0, 3.0], 1), Rows::dense(&[1.0, 10.0, 100.0], 1));
/// assert_eq!(naive::fold_products(Precision::F32, a, b, &[0..2, 2..3]), [321.0]);
/// ```
pub fn fold_products(
    precision: Precision,
    a: Rows<'_>,
    b: Rows<'_>,
    shards: &[Range<usize>],
) -> Vec<f32> {
    if let [rows] = shards {
        let mut c = Vec::with_capacity(a.depth * b.depth);
        for i in 0..a.depth {
            for j in 0..b.depth {
                let term = |p: usize| (a.data[p * a.stride + i], b.data[p * b.stride + j]);
                c.push(chain(precision, 0.0, rows.clone().map(term)));
            }
        }
        return c;
    }
    let (left, right) = shards.split_at(shards.len().next_power_of_two() / 2);
    let [left, right] = [left, right].map(|shards| fold_products(precision, a, b, shards));
    let sums = left.iter().zip(&right).map(|(l, r)| l + r);
    match precision {
        Precision::F32 => sums.collect(),
        Precision::Bf16 => sums.map(flush).collect(),
    }
}
