//! Naive twins of the kernels: three loops, the same chains of fused multiply-adds.

use std::ops::Range;

use super::operands::Rows;

/// `c[i][j] = start[j] + a[i][0] b[0][j] + a[i][1] b[1][j] + ...`, one fused chain an element; the
/// result row-major without gaps.
///
/// ```
/// use unisono::nn::kernel::{Rows, naive};
/// let (a, b) = (Rows::dense(&[1.0, 2.0], 2), Rows::dense(&[3.0, 4.0, 5.0, 6.0], 2));
/// assert_eq!(naive::product(a, b, &[100.0, 0.0]), [113.0, 16.0]);
/// ```
pub fn product(a: Rows<'_>, b: Rows<'_>, start: &[f32]) -> Vec<f32> {
    let mut c = Vec::with_capacity(a.count * b.depth);
    for i in 0..a.count {
        for (j, &first) in start[..b.depth].iter().enumerate() {
            let chain = |sum: f32, p: usize| {
                a.data[i * a.stride + p].mul_add(b.data[p * b.stride + j], sum)
            };
            c.push((0..a.depth).fold(first, chain));
        }
    }
    c
}

/// `a' b`, with the rows of both cut into `shards`, at least one, whose products are added in the
/// order of the tree; the result row-major without gaps.
///
/// ```
/// use unisono::nn::kernel::{Rows, naive};
/// let (a, b) = (Rows::dense(&[1.0, 2.0, 3.0], 1), Rows::dense(&[1.0, 10.0, 100.0], 1));
/// assert_eq!(naive::fold_products(a, b, &[0..2, 2..3]), [321.0]);
/// ```
pub fn fold_products(a: Rows<'_>, b: Rows<'_>, shards: &[Range<usize>]) -> Vec<f32> {
    if let [rows] = shards {
        let mut c = Vec::with_capacity(a.depth * b.depth);
        for i in 0..a.depth {
            for j in 0..b.depth {
                let chain = |sum: f32, p: usize| {
                    a.data[p * a.stride + i].mul_add(b.data[p * b.stride + j], sum)
                };
                c.push(rows.clone().fold(0.0, chain));
            }
        }
        return c;
    }
    let (left, right) = shards.split_at(shards.len().next_power_of_two() / 2);
    let (left, right) = (fold_products(a, b, left), fold_products(a, b, right));
    left.iter().zip(&right).map(|(l, r)| l + r).collect()
}
