//! The plain twins of the kernels: three loops, the same chains of fused multiply-adds.

use std::ops::Range;

/// `c[i][j] = start[j] + a[i][0] b[0][j] + a[i][1] b[1][j] + ...`, one fused chain an element; all
/// row-major. `a` is m x k, `b` is k x n, `c` is m x n.
///
/// ```
/// use unisono::nn::kernel::naive;
/// let (a, b) = ([1.0, 2.0], [3.0, 4.0, 5.0, 6.0]);
/// assert_eq!(naive::product((1, 2, 2), &a, &b, &[100.0, 0.0]), [113.0, 16.0]);
/// ```
pub fn product((m, n, k): (usize, usize, usize), a: &[f32], b: &[f32], start: &[f32]) -> Vec<f32> {
    let mut c = vec![0.0; m * n];
    for i in 0..m {
        for j in 0..n {
            let chain = |sum: f32, p: usize| a[i * k + p].mul_add(b[p * n + j], sum);
            c[i * n + j] = (0..k).fold(start[j], chain);
        }
    }
    c
}

/// `a' b`, with the rows `0..k` cut into `shards`, at least one, whose products are added in the
/// order of the tree. `a` is k x m, `b` is k x n, the result m x n, all row-major.
///
/// ```
/// use unisono::nn::kernel::naive;
/// let (a, b) = ([1.0, 2.0, 3.0], [1.0, 10.0, 100.0]);
/// assert_eq!(naive::fold_products((1, 1), &a, &b, &[0..2, 2..3]), [321.0]);
/// ```
pub fn fold_products(
    (m, n): (usize, usize),
    a: &[f32],
    b: &[f32],
    shards: &[Range<usize>],
) -> Vec<f32> {
    if let [rows] = shards {
        let mut c = vec![0.0; m * n];
        for i in 0..m {
            for j in 0..n {
                c[i * n + j] = rows
                    .clone()
                    .fold(0.0, |sum: f32, p| a[p * m + i].mul_add(b[p * n + j], sum));
            }
        }
        return c;
    }
    let (left, right) = shards.split_at(shards.len().next_power_of_two() / 2);
    let (left, right) = (
        fold_products((m, n), a, b, left),
        fold_products((m, n), a, b, right),
    );
    left.iter().zip(&right).map(|(l, r)| l + r).collect()
}
