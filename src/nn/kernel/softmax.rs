//! Softmax over rows or down columns, and its derivative.
//!
//! # Why this way
//! Attention keeps its weights with a column a query: what many queries look at goes side by side,
//! and nothing is ever added up or compared within a vector, which took most of the time of short
//! rows. Of a causal 64 x 64 a column takes 29 ns where a row took 66, on the way back 14 where it
//! took 24; of all pairs of 64 x 64 33 and 54, back 14 and 9; of a causal 256 x 256 72 and 104,
//! back 36 and 37 (2026-11, Zen 4). Plain loops over slices: over arrays of 16 the compiler goes
//! across them, gathers, and is 3 times as slow.

use std::ops::Range;

use multiversion::multiversion;

use super::elementwise::{dot, exp, exponentials, max};
use super::fused::{is_fused, mul_add};

/// Softmax of each row of `length`.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
pub(crate) fn softmax_rows(values: &mut [f32], length: usize) {
    for row in values.chunks_exact_mut(length) {
        let max = max(row);
        let share = 1.0 / exponentials::<{ is_fused!() }>(row, max);
        row.iter_mut().for_each(|value| *value *= share);
    }
}

/// `d = p (d - rowsum(p d))`.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
pub(crate) fn softmax_rows_backward(d: &mut [f32], p: &[f32], length: usize) {
    for (d, p) in d.chunks_exact_mut(length).zip(p.chunks_exact(length)) {
        let along = dot(d, p);
        for (d, p) in d.iter_mut().zip(p) {
            *d = p * (*d - along);
        }
    }
}

/// Values in a vector.
const LANES: usize = 16;

/// Columns in a block: their maxima and sums are 8 KiB, which stay in L1, and rows are read in
/// order. In blocks of 256 a causal 1024 x 1024 took 1.26 times as long, back 1.38 (2026-11, Zen 4).
const BLOCK: usize = 1024;

/// A matrix with a row a key and a column a query, whose rows are filled up to whole vectors.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scores {
    /// Keys, and queries.
    pub(crate) length: usize,
    /// Whether a query sees only the keys up to its own number.
    pub(crate) is_causal: bool,
    /// What scores are multiplied by.
    pub(crate) scale: f32,
}

impl Scores {
    /// Values of a row.
    pub(crate) fn stride(&self) -> usize {
        self.length.next_multiple_of(LANES)
    }

    /// Of the columns `block`, the vectors with a query that sees `key`.
    #[inline(always)]
    fn queries_of(&self, key: usize, block: &Range<usize>) -> Range<usize> {
        let first = if self.is_causal {
            key / LANES * LANES
        } else {
            0
        };
        first.clamp(block.start, block.end)..block.end
    }

    /// Writes `value` where a query of the key's own vector does not see it.
    #[inline(always)]
    fn mask(&self, key: usize, row: &mut [f32], value: f32) {
        if self.is_causal {
            row[key / LANES * LANES..key].fill(value);
        }
    }
}

/// Softmax of each column of scores; zero where a query does not see a key, or sees none that is
/// above minus infinity.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
pub(crate) fn softmax_columns(values: &mut [f32], scores: Scores) {
    let width = scores.stride();
    for (key, row) in values.chunks_exact_mut(width).enumerate() {
        scores.mask(key, row, f32::NEG_INFINITY);
    }
    for first in (0..width).step_by(BLOCK) {
        let block = first..width.min(first + BLOCK);
        // Each column's maximum, of what its query sees.
        let (mut maxima, mut totals) = ([f32::NEG_INFINITY; BLOCK], [0.0; BLOCK]);
        for (key, row) in values.chunks_exact(width).enumerate() {
            let queries = scores.queries_of(key, &block);
            let maxima = &mut maxima[queries.start - block.start..];
            for (max, x) in maxima.iter_mut().zip(&row[queries]) {
                *max = if *x > *max { *x } else { *max };
            }
        }
        // Queries that see nothing: positions so far that are all padding.
        for max in &mut maxima[..block.len()] {
            *max = if *max == f32::NEG_INFINITY { 0.0 } else { *max };
        }
        // Exponentials, and each column's sum of them.
        for (key, row) in values.chunks_exact_mut(width).enumerate() {
            let queries = scores.queries_of(key, &block);
            let own = queries.start - block.start..;
            let columns = maxima[own.clone()].iter().zip(&mut totals[own]);
            for ((max, total), x) in columns.zip(&mut row[queries]) {
                *x = exp::<{ is_fused!() }>((*x - max) * scores.scale);
                *total += *x;
            }
        }
        // Divided by their sum; zero where no query sees the key.
        for total in &mut totals[..block.len()] {
            *total = if *total == 0.0 { 0.0 } else { 1.0 / *total };
        }
        for (key, row) in values.chunks_exact_mut(width).enumerate() {
            let queries = scores.queries_of(key, &block);
            row[block.start..queries.start].fill(0.0);
            let shares = &totals[queries.start - block.start..];
            for (share, x) in shares.iter().zip(&mut row[queries]) {
                *x *= share;
            }
        }
    }
}

/// `d = p (d - columnsum(p d)) scale`; zero where a query does not see a key.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
pub(crate) fn softmax_columns_backward(d: &mut [f32], p: &[f32], scores: Scores) {
    let width = scores.stride();
    for (key, row) in d.chunks_exact_mut(width).enumerate() {
        // p is zero there.
        scores.mask(key, row, 0.0);
    }
    for first in (0..width).step_by(BLOCK) {
        let block = first..width.min(first + BLOCK);
        // Each column's sum of p d.
        let mut along = [0.0; BLOCK];
        let rows = d.chunks_exact(width).zip(p.chunks_exact(width));
        for (key, (d, p)) in rows.enumerate() {
            let queries = scores.queries_of(key, &block);
            let along = &mut along[queries.start - block.start..];
            for ((along, d), p) in along.iter_mut().zip(&d[queries.clone()]).zip(&p[queries]) {
                *along = mul_add::<{ is_fused!() }>(*d, *p, *along);
            }
        }
        // And the gradient.
        let rows = d.chunks_exact_mut(width).zip(p.chunks_exact(width));
        for (key, (d, p)) in rows.enumerate() {
            let queries = scores.queries_of(key, &block);
            d[block.start..queries.start].fill(0.0);
            let along = &along[queries.start - block.start..];
            for ((along, d), p) in along.iter().zip(&mut d[queries.clone()]).zip(&p[queries]) {
                // The sum with 0 makes 0 of -0, in the same operation.
                *d = mul_add::<{ is_fused!() }>(p * (*d - along), scores.scale, 0.0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LENGTHS: [usize; 8] = [1, 5, 16, 17, 40, 64, 255, 1041];

    fn values(len: usize, seed: usize) -> Vec<f32> {
        let value = |i: usize| ((i + seed) * 7919 % 1013) as f32 / 200.0 - 2.5;
        (0..len).map(value).collect()
    }

    /// The matrix, and what stands where nobody looks.
    fn matrix(scores: Scores, seed: usize) -> Vec<f32> {
        let stride = scores.stride();
        let mut matrix = values(scores.length * stride, seed);
        if scores.is_causal {
            for (key, row) in matrix.chunks_exact_mut(stride).enumerate() {
                row[..key].fill(f32::NAN);
            }
        }
        matrix
    }

    /// Column `query`, up to the last key that it sees.
    fn column(matrix: &[f32], scores: Scores, query: usize) -> Vec<f64> {
        let seen = if scores.is_causal {
            query + 1
        } else {
            scores.length
        };
        let rows = matrix.chunks_exact(scores.stride());
        rows.take(seen).map(|row| row[query].into()).collect()
    }

    fn assert_close(got: &[f64], expected: &[f64], what: &str) {
        assert_eq!(got.len(), expected.len());
        for (got, expected) in got.iter().zip(expected) {
            assert!(
                (got - expected).abs() < 2e-6,
                "{what}: {got}, not {expected}"
            );
        }
    }

    #[test]
    fn columns_are_those_of_the_definition_and_their_gradients() {
        for (length, is_causal) in LENGTHS.into_iter().flat_map(|l| [(l, true), (l, false)]) {
            let scale = 0.3;
            let scores = Scores {
                length,
                is_causal,
                scale,
            };
            let (mut p, mut d) = (matrix(scores, 1), matrix(scores, 2));
            let before = (p.clone(), d.clone());
            softmax_columns(&mut p, scores);
            softmax_columns_backward(&mut d, &p, scores);
            for query in 0..length {
                let what = format!("query {query} of {length}, causal: {is_causal}");
                let x = column(&before.0, scores, query);
                let powers: Vec<f64> = x.iter().map(|x| (x * f64::from(scale)).exp()).collect();
                let total: f64 = powers.iter().sum();
                let expected: Vec<f64> = powers.iter().map(|power| power / total).collect();
                assert_close(&column(&p, scores, query), &expected, &what);
                let dp = column(&before.1, scores, query);
                let along: f64 = dp.iter().zip(&expected).map(|(d, p)| d * p).sum();
                let gradient = |(d, p): (&f64, &f64)| p * (d - along) * f64::from(scale);
                let expected: Vec<f64> = dp.iter().zip(&expected).map(gradient).collect();
                assert_close(&column(&d, scores, query), &expected, &what);
                let rows = [&p, &d].map(|matrix| matrix.chunks_exact(scores.stride()));
                for row in rows.into_iter().flat_map(|rows| rows.skip(x.len())) {
                    assert_eq!(row[query].to_bits(), 0, "{what}");
                }
            }
        }
    }

    #[test]
    fn what_a_causal_query_does_not_see_changes_no_bit() {
        for length in [1, 5, 16, 17, 40, 64] {
            let all = |length| Scores {
                length,
                is_causal: false,
                scale: 0.3,
            };
            let scores = Scores {
                is_causal: true,
                ..all(length)
            };
            let (mut p, mut d) = (matrix(scores, 1), matrix(scores, 2));
            let before = (p.clone(), d.clone());
            softmax_columns(&mut p, scores);
            softmax_columns_backward(&mut d, &p, scores);
            for query in 0..length {
                // The keys that it sees alone, for as many queries.
                let alone = all(query + 1);
                let seen = |matrix: &[f32]| {
                    let values = column(matrix, scores, query).into_iter();
                    let rows = values.map(|x| vec![x as f32; alone.stride()]);
                    rows.collect::<Vec<_>>().concat()
                };
                let (mut alone_p, mut alone_d) = (seen(&before.0), seen(&before.1));
                softmax_columns(&mut alone_p, alone);
                softmax_columns_backward(&mut alone_d, &alone_p, alone);
                for (causal, all) in [(&p, &alone_p), (&d, &alone_d)] {
                    let (causal, all) = (column(causal, scores, query), column(all, alone, query));
                    assert_eq!(causal, all, "query {query} of {length}");
                }
            }
        }
    }

    #[test]
    fn who_sees_nothing_gets_nothing_and_what_is_broken_stays_so() {
        let scores = Scores {
            length: 3,
            is_causal: true,
            scale: 1.0,
        };
        let mut p = vec![1.0; 3 * scores.stride()];
        p[..scores.stride()].fill(f32::NEG_INFINITY);
        p[scores.stride() + 2] = f32::NAN;
        softmax_columns(&mut p, scores);
        assert_eq!(column(&p, scores, 0), [0.0]);
        assert_eq!(column(&p, scores, 1), [0.0, 1.0]);
        assert!(column(&p, scores, 2).iter().all(|p| p.is_nan()));
    }

    #[test]
    fn rows_are_columns_that_lie_side_by_side() {
        for length in LENGTHS {
            let scores = Scores {
                length,
                is_causal: false,
                scale: 1.0,
            };
            let (mut p, mut d) = (matrix(scores, 1), matrix(scores, 2));
            let mut rows = [&p, &d].map(|matrix| {
                let columns = (0..length).flat_map(|query| column(matrix, scores, query));
                columns.map(|value| value as f32).collect::<Vec<f32>>()
            });
            softmax_columns(&mut p, scores);
            softmax_columns_backward(&mut d, &p, scores);
            let [row_p, row_d] = &mut rows;
            softmax_rows(row_p, length);
            softmax_rows_backward(row_d, row_p, length);
            for (rows, columns) in [(row_p, p), (row_d, d)] {
                for (query, row) in rows.chunks_exact(length).enumerate() {
                    let row: Vec<f64> = row.iter().map(|value| f64::from(*value)).collect();
                    assert_close(&row, &column(&columns, scores, query), "row");
                }
            }
        }
    }
}
